//! TLS on the public listener, with certificates that are read again when they change.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::Deserialize;

use crate::config::ConfigPath;
use crate::secret_ref::{SecretError, SecretRef};

/// How often the certificate's file is looked at.
const PERIOD: Duration = Duration::from_secs(10);

/// The table `tls`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// A PEM file: the server's certificate, then those of the authorities above it.
    certificate: ConfigPath,
    /// Where its private key is, as PEM (PKCS#8, PKCS#1 or SEC 1).
    key: SecretRef,
}

/// The certificate and key that new connections get.
pub struct Certificates {
    path: PathBuf,
    key: SecretRef,
    base: PathBuf,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<Loaded>,
}

/// What was read, and the text of the certificate's file that it was read from.
#[derive(Debug)]
struct Loaded {
    text: Vec<u8>,
    certified: Arc<CertifiedKey>,
}

impl Certificates {
    /// Reads the certificate and its key; relative paths begin at `base`.
    ///
    /// # Errors
    /// One of them cannot be read, or they do not belong together.
    pub fn load(config: &TlsConfig, base: &Path) -> Result<Arc<Self>, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let path = config.certificate.resolve(base);
        let loaded = read(&path, &config.key, base, &provider, None)?;
        let current = ArcSwap::new(loaded.ok_or_else(|| TlsError::no_certificate(&path))?);
        Ok(Arc::new(Self { path, key: config.key.clone(), base: base.to_owned(), provider, current }))
    }

    /// Reads both again if the certificate's file has changed. Connections that are open keep what they have. Returns
    /// whether there was anything new.
    ///
    /// # Errors
    /// As [`Self::load`]; what was read before stays in force.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let known = self.current.load();
        let loaded = read(&self.path, &self.key, &self.base, &self.provider, Some(&known.text))?;
        let changed = loaded.is_some();
        if let Some(loaded) = loaded {
            self.current.store(loaded);
        }
        Ok(changed)
    }

    /// Reloads for ever. A certificate that cannot be used is logged when that begins or changes: whoever renews it
    /// may write the certificate before the key.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut last_fault = None;
        loop {
            tokio::time::sleep(PERIOD).await;
            let this = Arc::clone(&self);
            let reloaded = tokio::task::spawn_blocking(move || this.reload()).await;
            let fault = match reloaded {
                Ok(Ok(true)) => {
                    tracing::info!("the TLS certificate was replaced");
                    None
                }
                Ok(Ok(false)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(line) = fault.as_ref().filter(|line| last_fault.as_ref() != Some(*line)) {
                tracing::error!(cause = %line, "the TLS certificate was not reloaded; the one read before stays");
            }
            last_fault = fault;
        }
    }

    /// What a listener is configured with.
    ///
    /// # Errors
    /// The TLS library refuses its own defaults, which is a defect.
    pub(crate) fn server_config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(config)
    }
}

/// Reads certificate and key; `None` when the certificate's file is as `known`.
fn read(
    path: &Path,
    key: &SecretRef,
    base: &Path,
    provider: &CryptoProvider,
    known: Option<&[u8]>,
) -> Result<Option<Arc<Loaded>>, TlsError> {
    let text = fs::read(path).map_err(|cause| TlsError::File { path: path.to_owned(), cause })?;
    if known == Some(text.as_slice()) {
        return Ok(None);
    }
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| TlsError::no_certificate(path))?;
    if chain.is_empty() {
        return Err(TlsError::no_certificate(path));
    }
    if let SecretRef::File(file) = key
        && !base.join(file).exists()
    {
        return Err(TlsError::NoKey { place: key.clone() });
    }
    let pem = key.read_text(base)?;
    // The cause could quote the key.
    let private = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| TlsError::NotAKey { place: key.clone() })?;
    let certified = CertifiedKey::from_der(chain, private, provider)
        .map_err(|cause| TlsError::Unfit { path: path.to_owned(), cause })?;
    Ok(Some(Arc::new(Loaded { text, certified: Arc::new(certified) })))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.load().certified))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why a certificate cannot be used. Says nothing of the key itself.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file cannot be read.
    #[error("tls.certificate: {}: it cannot be read: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is not what it should be.
    #[error("tls.certificate: {}: it holds no PEM certificates; write the server's first", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The key's file is not there.
    #[error("tls.key: {place}: the file does not exist; put the certificate's private key there")]
    NoKey {
        /// Where it was looked for.
        place: SecretRef,
    },
    /// The key cannot be read.
    #[error("tls.key: {0}")]
    Key(#[from] SecretError),
    /// What is there is no key.
    #[error("tls.key: {place}: it holds no PEM private key (PKCS#8, PKCS#1 or SEC 1, not encrypted)")]
    NotAKey {
        /// Where it was looked for.
        place: SecretRef,
    },
    /// Key and certificate do not belong together, or are of a kind that TLS does not use.
    #[error("tls.certificate: {}: it cannot be used with tls.key: {cause}", path.display())]
    Unfit {
        /// The certificate's file.
        path: PathBuf,
        /// What the TLS library said.
        cause: rustls::Error,
    },
}

impl TlsError {
    fn no_certificate(path: &Path) -> Self {
        Self::NoCertificate { path: path.to_owned() }
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
