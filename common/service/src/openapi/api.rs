use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, Route, web};
use farthing_api::ProblemKind;
use serde_json::{Map, Value, json};

use super::PATH;
use super::answer::Answer;
use super::content::Content;
use super::operation::Operation;
use super::resource::Resource;
use super::schemas::Schemas;
use crate::rate_limit::{RateLimiter, limited};

/// The document changes with the program, or its configuration, when that starts.
const CACHE: &str = "public, max-age=300";

/// Does something to the routes of each worker thread.
type Configure = Box<dyn Fn(&mut web::ServiceConfig) + Send + Sync>;
/// Makes a route, once for each worker thread.
type MakeRoute = Box<dyn Fn() -> Option<Route> + Send + Sync>;

/// The whole HTTP API of a service: what it serves, and the document about it, which it serves as well.
pub struct Api {
    title: &'static str,
    description: &'static str,
    base: &'static str,
    data: Vec<Configure>,
    resources: Vec<Resource>,
    limited: Option<(Arc<RateLimiter>, Vec<Resource>)>,
    elsewhere: Option<MakeRoute>,
}

impl Api {
    /// An API without any resources yet. The description is CommonMark.
    pub fn new(title: &'static str, description: &'static str) -> Self {
        Self {
            title,
            description,
            base: "",
            data: Vec::new(),
            resources: Vec::new(),
            limited: None,
            elsewhere: None,
        }
    }

    /// All paths begin with `base`.
    #[must_use]
    pub fn below(self, base: &'static str) -> Self {
        Self { base, ..self }
    }

    /// Handlers find this as `web::Data<T>`.
    #[must_use]
    pub fn data<T: Send + Sync + ?Sized + 'static>(mut self, data: Arc<T>) -> Self {
        self.data.push(Box::new(move |routes| {
            routes.app_data(web::Data::from(Arc::clone(&data)));
        }));
        self
    }

    /// It serves this to whoever asks.
    #[must_use]
    pub fn with(mut self, resources: impl IntoIterator<Item = Resource>) -> Self {
        self.resources.extend(resources);
        self
    }

    /// It serves this to whoever does not ask too often, by `limiter`, which counts paths that are not there as well.
    #[must_use]
    pub fn limited(
        mut self,
        limiter: &Arc<RateLimiter>,
        resources: impl IntoIterator<Item = Resource>,
    ) -> Self {
        let resources = resources.into_iter();
        let resources = resources.map(|resource| resource.with_problem(ProblemKind::TooManyRequests));
        self.limited = Some((Arc::clone(limiter), resources.collect()));
        self
    }

    /// Whatever is asked of other paths belongs to somebody else, and is none of the document's business. `make` makes the
    /// route for each worker thread.
    #[must_use]
    pub fn elsewhere(self, make: impl Fn() -> Option<Route> + Send + Sync + 'static) -> Self {
        Self { elsewhere: Some(Box::new(make)), ..self }
    }

    /// What adds all of it, for each worker thread.
    pub(crate) fn configure(mut self) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
        let own = Resource::at(PATH).get(own_operation(), show);
        self = match self.limited.take() {
            Some((limiter, resources)) => {
                // What there is stays as it is said to be; the document's own path is the last of it.
                let own = own.with_problem(ProblemKind::TooManyRequests);
                let resources = resources.into_iter().chain([own]).collect();
                Self { limited: Some((limiter, resources)), ..self }
            }
            None => self.with([own]),
        };
        let document = web::Data::new(Document(Bytes::from(self.document().to_string())));
        let api = Arc::new(self);
        move |routes| {
            routes.app_data(document.clone());
            api.register(routes);
        }
    }

    fn register(&self, routes: &mut web::ServiceConfig) {
        for add in &self.data {
            add(routes);
        }
        if self.base.is_empty() {
            self.register_resources(routes);
        } else {
            routes.service(web::scope(self.base).configure(|routes| self.register_resources(routes)));
        }
        if let Some(route) = self.elsewhere.as_ref().and_then(|make| make()) {
            routes.default_service(route);
        }
    }

    fn register_resources(&self, routes: &mut web::ServiceConfig) {
        let add = |resources: &[Resource], routes: &mut web::ServiceConfig| {
            for resource in resources {
                routes.service(resource.register());
            }
        };
        add(&self.resources, routes);
        if let Some((limiter, resources)) = &self.limited {
            routes.service(limited(limiter, |routes| add(resources, routes)));
        }
    }

    /// The OpenAPI Object.
    fn document(&self) -> Value {
        let mut schemas = Schemas::new();
        let limited = self.limited.as_ref().map_or(&[][..], |(_, resources)| resources);
        let resources: Vec<_> = self.resources.iter().chain(limited).collect();
        let paths = resources.iter().map(|resource| {
            let (path, item) = resource.describe(&mut schemas);
            (format!("{}{path}", self.base), Value::from(item))
        });
        let paths: Map<_, _> = paths.collect();
        let schemes: BTreeMap<_, _> = resources.iter().flat_map(|resource| resource.schemes()).collect();
        let schemes = schemes.into_iter().map(|(name, scheme)| (name.to_owned(), scheme.describe()));
        let mut components = schemas.collected();
        components["securitySchemes"] = schemes.collect::<Map<_, _>>().into();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": self.title,
                "description": self.description,
                "version": env!("CARGO_PKG_VERSION"),
                "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            },
            "servers": [{ "url": "/" }],
            "paths": paths,
            "components": components,
        })
    }
}

/// The OpenAPI document, in JSON.
struct Document(Bytes);

fn own_operation() -> Operation {
    Operation::new("document", "Show this document").answers(
        StatusCode::OK,
        Answer::new("An OpenAPI 3.1 document about all paths of the service.", Content::object()).cached(),
    )
}

async fn show(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((CACHE_CONTROL, CACHE))
        .body(document.0.clone())
}
