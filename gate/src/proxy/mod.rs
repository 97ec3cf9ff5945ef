//! The reverse proxy: what is let in goes to the site, and its answer comes back, both as they come.

mod access;
mod answer_body;
mod connections;
mod headers;
mod request_body;
mod seen;
mod upstream;
mod websocket;

pub(crate) use access::{ACCESS_HEADER, Access};
pub(crate) use seen::Seen;
pub(crate) use upstream::Upstream;
pub use upstream::UpstreamConfig;
