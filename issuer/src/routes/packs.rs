use actix_web::web;
use farthing_api::PackListing;

use crate::pack::Pack;
use crate::service::Issuer;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/v1/packs").get(list));
}

async fn list(issuer: web::Data<Issuer>) -> web::Json<PackListing> {
    web::Json(PackListing { packs: issuer.config.current().packs.iter().map(Pack::view).collect() })
}
