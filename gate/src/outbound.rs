//! Connections that the gate makes: to the redeemer and to the site behind it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::origin::Origin;

/// Why a body cannot be sent on.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body to be sent.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;
/// What makes connections.
pub(crate) type Connector = HttpsConnector<HttpConnector>;
/// A client that keeps connections.
pub(crate) type HttpClient = Client<Connector, Body>;

/// How long a connection is kept that nobody uses: shorter than servers usually keep theirs.
pub(crate) const IDLE: Duration = Duration::from_secs(4);
/// After how long a silence the other side is asked whether it is there still.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// A client for what is at `origin`. It follows no redirect and heeds no proxy of the environment: requests go where the
/// configuration says.
///
/// # Errors
/// Over https, the system's list of certificate authorities cannot be read.
pub(crate) fn client(origin: &Origin, connect: Duration) -> io::Result<HttpClient> {
    let client = Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .build(connector(origin, connect)?);
    Ok(client)
}

/// Makes connections to what is at `origin`, each within so long.
///
/// # Errors
/// Over https, the system's list of certificate authorities cannot be read.
pub(crate) fn connector(origin: &Origin, connect: Duration) -> io::Result<Connector> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(connect));
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEPALIVE));
    let builder = HttpsConnectorBuilder::new();
    let builder = if origin.is_https() {
        builder.with_provider_and_native_roots(ring::default_provider())?
    } else {
        builder.with_tls_config(trusting_nobody()?)
    };
    Ok(builder.https_or_http().enable_http1().wrap_connector(http))
}

/// For connections without TLS, which look at no certificate.
fn trusting_nobody() -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}
