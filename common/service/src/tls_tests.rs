use std::os::unix::fs::PermissionsExt;

use actix_web::HttpResponse;
use tempfile::TempDir;
use tokio::sync::oneshot;
use ureq::tls::{Certificate, RootCerts, TlsConfig as ClientTls};

use super::*;
use crate::clock::SystemClock;
use crate::metrics::Metrics;
use crate::openapi::{Api, Operation, Resource};
use crate::server::{ServeOptions, Server};

/// A new self-signed certificate, and its key, both as PEM.
fn issued() -> (String, String) {
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    (issued.cert.pem(), issued.signing_key.serialize_pem())
}

fn put(directory: &TempDir, (certificate, key): &(String, String)) {
    fs::write(directory.path().join("key.pem"), key).unwrap();
    fs::set_permissions(directory.path().join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(directory.path().join("certificate.pem"), certificate).unwrap();
}

fn config() -> TlsConfig {
    toml::from_str("certificate = \"certificate.pem\"\nkey = \"file:key.pem\"").unwrap()
}

/// What a client that trusts only `certificate` gets.
fn get(url: &str, certificate: &str) -> Result<String, ureq::Error> {
    let root = Certificate::from_pem(certificate.as_bytes())?;
    let tls = ClientTls::builder().root_certs(RootCerts::new_with_certs(&[root])).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(20)));
    let agent: ureq::Agent = config.build().into();
    agent.get(url).call()?.body_mut().read_to_string()
}

#[actix_web::test]
async fn a_certificate_is_served_and_its_successor_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (issued(), issued());
    put(&directory, &first);
    let certificates = Certificates::load(&config(), directory.path()).unwrap();
    let options = ServeOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: None,
        metrics: Arc::new(Metrics::new("issuer", "0.1.0", Arc::new(SystemClock))),
        timeouts: serde_json::from_str("{}").unwrap(),
        connections: 100,
        tls: Some(Arc::clone(&certificates)),
        traces: None,
        tasks: Vec::new(),
    };
    let root = Resource::at("/")
        .get(Operation::new("root", "Is tested"), || async { HttpResponse::Ok().body("over TLS") });
    let server = Server::bind(options, Api::new("Test", "Of tests.").with([root])).unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.run(async move { drop(stopped.await) }));

    let url = format!("https://{address}/");
    let client = tokio::task::spawn_blocking(move || {
        assert_eq!(get(&url, &first.0).unwrap(), "over TLS");
        assert!(get(&url, &second.0).is_err(), "a certificate that nobody trusts was taken");
        assert!(ureq::get(&url.replacen("https", "http", 1)).call().is_err(), "plain HTTP was answered");

        assert!(!certificates.reload().unwrap());
        put(&directory, &second);
        assert!(certificates.reload().unwrap());
        assert_eq!(get(&url, &second.0).unwrap(), "over TLS");
        assert!(get(&url, &first.0).is_err());

        // Half of a renewal: the certificate is there, its key is not yet.
        let third = issued();
        put(&directory, &(third.0.clone(), second.1.clone()));
        let refused = certificates.reload().unwrap_err().to_string();
        assert!(refused.contains("cannot be used with tls.key"), "{refused}");
        assert_eq!(get(&url, &second.0).unwrap(), "over TLS");
        put(&directory, &third);
        assert!(certificates.reload().unwrap());
        assert_eq!(get(&url, &third.0).unwrap(), "over TLS");
    });
    client.await.unwrap();
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}

#[test]
fn what_cannot_be_used_is_refused_in_one_line_that_quotes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = issued();
    let (_, other_key) = issued();
    let cases = [
        ("", key.as_str(), "it holds no PEM certificates"),
        ("no certificate", &key, "it holds no PEM certificates"),
        (&certificate, "no key: hunter2", "it holds no PEM private key"),
        (&certificate, "", "there is nothing in it"),
        (&certificate, &other_key, "cannot be used with tls.key"),
    ];
    for (certificate, key, expected) in cases {
        put(&directory, &(certificate.to_owned(), key.to_owned()));
        let error = Certificates::load(&config(), directory.path()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    fs::remove_file(directory.path().join("key.pem")).unwrap();
    let error = Certificates::load(&config(), directory.path()).unwrap_err().to_string();
    assert_eq!(
        error,
        "tls.key: file:key.pem: the file does not exist; put the certificate's private key there"
    );
    fs::remove_file(directory.path().join("certificate.pem")).unwrap();
    let error = Certificates::load(&config(), directory.path()).unwrap_err().to_string();
    assert!(error.contains("certificate.pem: it cannot be read"), "{error}");
}

#[test]
fn debug_shows_nothing_of_the_key() {
    let directory = tempfile::tempdir().unwrap();
    put(&directory, &issued());
    let certificates = Certificates::load(&config(), directory.path()).unwrap();
    let path = directory.path().join("certificate.pem");
    assert_eq!(format!("{certificates:?}"), format!("Certificates {{ path: {path:?}, .. }}"));
}
