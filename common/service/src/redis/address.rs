use std::sync::Arc;

use ::redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use zeroize::Zeroizing;

use super::OpenError;

/// How a server is reached. Clones share the password.
#[derive(Clone)]
pub struct Address {
    url: String,
    password: Option<Arc<Zeroizing<String>>>,
    node: Option<(String, u16)>,
}

impl Address {
    /// `redis://[user@]host[:port][/database]`, or `rediss://` for TLS, without a password; and the password, if the
    /// server wants one.
    pub fn new(url: impl Into<String>, password: Option<Arc<Zeroizing<String>>>) -> Self {
        Self { url: url.into(), password, node: None }
    }

    /// Another server that is reached in the same way.
    pub(super) fn at(&self, host: &str, port: u16) -> Self {
        Self { node: Some((host.to_owned(), port)), ..self.clone() }
    }

    /// The server in words, for messages.
    pub fn describe(&self) -> String {
        match &self.node {
            Some((host, port)) => format!("{host}:{port}"),
            None => self.url.clone(),
        }
    }

    /// The address as the client wants it.
    pub(super) fn info(&self) -> Result<ConnectionInfo, OpenError> {
        let info = self.url.as_str().into_connection_info().map_err(|_| {
            OpenError::Url("write redis://[user@]host[:port][/database], or rediss:// for TLS")
        })?;
        if info.redis_settings().password().is_some() {
            return Err(OpenError::Url(
                "it holds a password; put that into a file and write store.password = \"file:PATH\"",
            ));
        }
        let mut settings = info.redis_settings().clone();
        if let Some(password) = &self.password {
            settings = settings.set_password(password.as_str());
        }
        let info = info.set_redis_settings(settings);
        let Some((node, number)) = self.node.clone() else { return Ok(info) };
        let addr = match info.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host: node, port: number, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(node, number),
        };
        Ok(info.set_addr(addr))
    }
}
