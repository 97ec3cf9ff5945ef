use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Responder, Route, web};
use farthing_api::ProblemKind;
use serde_json::{Map, Value};

use super::operation::Operation;
use super::schemas::Schemas;
use super::security::SecurityScheme;

/// Methods that a document can describe. A handler of [`any`](Resource::any) answers others alike.
const METHODS: [Method; 8] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::OPTIONS,
    Method::HEAD,
    Method::PATCH,
    Method::TRACE,
];

/// Makes a route, once for each worker thread.
type MakeRoute = Arc<dyn Fn() -> Route + Send + Sync>;

/// A path, and what is done there. Methods that were not named are answered with 405.
pub struct Resource {
    path: &'static str,
    methods: Vec<Described>,
}

/// A handler with what is said of it; of all methods, if none is named.
struct Described {
    method: Option<Method>,
    operation: Operation,
    make: MakeRoute,
}

impl Resource {
    /// What is at `path`, whose variable parts are in braces.
    pub const fn at(path: &'static str) -> Self {
        Self { path, methods: Vec::new() }
    }

    /// `handler` answers GET.
    #[must_use]
    pub fn get<F, Args>(self, operation: Operation, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Some(Method::GET), operation, handler)
    }

    /// `handler` answers POST.
    #[must_use]
    pub fn post<F, Args>(self, operation: Operation, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Some(Method::POST), operation, handler)
    }

    /// `handler` answers every method.
    #[must_use]
    pub fn any<F, Args>(self, operation: Operation, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(None, operation, handler)
    }

    fn on<F, Args>(mut self, method: Option<Method>, operation: Operation, handler: F) -> Self
    where
        F: Handler<Args> + Send + Sync,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let routed = method.clone();
        let make = move || {
            let route = routed.clone().map_or_else(web::route, web::method);
            route.to(handler.clone())
        };
        self.methods.push(Described { method, operation, make: Arc::new(make) });
        self
    }

    /// The same, which also answers a problem that is not its own.
    #[must_use]
    pub(super) fn with_problem(mut self, kind: ProblemKind) -> Self {
        for described in &mut self.methods {
            described.operation.add_problem(kind);
        }
        self
    }

    /// Its routes.
    pub(super) fn register(&self) -> actix_web::Resource {
        let routes = self.methods.iter().map(|described| (described.make)());
        routes.fold(web::resource(self.path), actix_web::Resource::route)
    }

    /// Its path, and the Path Item Object.
    pub(super) fn describe(&self, schemas: &mut Schemas) -> (&'static str, Map<String, Value>) {
        let mut item = Map::new();
        for Described { method, operation, .. } in &self.methods {
            let id = operation.id();
            match method {
                Some(method) => _ = item.insert(lower(method), operation.describe(id, schemas)),
                None => item.extend(METHODS.iter().map(|method| {
                    let method = lower(method);
                    let described = operation.describe(&format!("{id}-{method}"), schemas);
                    (method, described)
                })),
            }
        }
        (self.path, item)
    }

    /// What its operations are shown, by name.
    pub(super) fn schemes(&self) -> BTreeMap<&'static str, &'static SecurityScheme> {
        let schemes = self.methods.iter().flat_map(|described| described.operation.schemes());
        schemes.map(|scheme| (scheme.name, scheme)).collect()
    }
}

fn lower(method: &Method) -> String {
    method.as_str().to_ascii_lowercase()
}
