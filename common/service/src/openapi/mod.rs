//! The HTTP API of a service and the OpenAPI 3.1 document about it, made of one thing.
//!
//! A [`Resource`] is a path with a handler and an [`Operation`] for each of its methods, an [`Api`] all resources of a
//! service. [`Server::bind`](crate::server::Server::bind) takes nothing else, so that no route is without a description. The
//! document is served with them.

mod answer;
mod api;
mod content;
mod link;
mod operation;
mod parameter;
mod resource;
mod schemas;
mod security;
mod wording;

pub use answer::{Answer, AnswerHeader};
pub use api::Api;
pub use content::Content;
pub use link::Link;
pub use operation::Operation;
pub use parameter::Parameter;
pub use resource::Resource;
pub use security::{SecurityKind, SecurityScheme};

/// Where the document is, below the service's own paths.
pub const PATH: &str = "/openapi.json";

#[cfg(test)]
mod tests;
