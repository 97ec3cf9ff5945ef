use actix_web::http::StatusCode;
use actix_web::web;
use farthing_api::PackListing;
use farthing_service::openapi::{Answer, Operation, Resource};

use crate::pack::Pack;
use crate::service::Issuer;

pub(super) fn resource() -> Resource {
    let operation = Operation::new("packs", "List what is for sale")
        .answers(StatusCode::OK, Answer::json::<PackListing>("Every pack, in the operator's order."));
    Resource::at("/v1/packs").get(operation, list)
}

async fn list(issuer: web::Data<Issuer>) -> web::Json<PackListing> {
    web::Json(PackListing { packs: issuer.config.current().packs.iter().map(Pack::view).collect() })
}
