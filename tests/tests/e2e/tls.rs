//! A service that speaks TLS itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use farthing_tests::World;
use farthing_tests::programs::Program;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::world;

/// The key of the configuration, before its tables.
pub(crate) const CONFIGURED: &str =
    "tls = { certificate = \"certificate.pem\", key = \"file:certificate.key\" }\n";

/// Writes a self-signed certificate of the loopback and its key; the certificate.
pub(crate) fn certify(world: &World) -> Certificate<'static> {
    let issued = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = world.path("certificate.key");
    fs::write(&key, issued.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(world.path("certificate.pem"), issued.cert.pem()).unwrap();
    Certificate::from_pem(issued.cert.pem().as_bytes()).unwrap().to_owned()
}

/// A client of HTTP/1 over TLS.
pub(crate) fn agent(trusted: &Certificate<'static>) -> ureq::Agent {
    let roots = RootCerts::new_with_certs(std::slice::from_ref(trusted));
    let tls = TlsConfig::builder().root_certs(roots).build();
    let config = ureq::Agent::config_builder().tls_config(tls).timeout_global(Some(Duration::from_secs(20)));
    config.build().into()
}

pub(crate) fn status(url: &str, trusted: &Certificate<'static>) -> Result<u16, ureq::Error> {
    Ok(agent(trusted).get(url).call()?.status().as_u16())
}

#[test]
fn each_service_speaks_tls_where_it_has_a_certificate() {
    let world = world();
    let trusted = certify(&world);
    // Before the tables, which end a file.
    for program in [Program::Issuer, Program::Redeemer] {
        let file = world.configuration(program);
        fs::write(&file, CONFIGURED.to_owned() + &fs::read_to_string(&file).unwrap()).unwrap();
        let service = world.serve(program).unwrap();
        let url = format!("https://{}/readyz", service.address());
        assert_eq!(status(&url, &trusted).unwrap(), 200);
        assert!(status(&url.replacen("https", "http", 1), &trusted).is_err(), "plain HTTP was answered");
        // The container's health check: it need not know how the listener speaks.
        assert_eq!(world.admin(program, &["ready"]).unwrap(), ["ready"]);
        service.stop().unwrap();
        let stopped = world.try_admin(program, &["ready"]).unwrap();
        let error = String::from_utf8(stopped.stderr).unwrap();
        assert_eq!(stopped.status.code(), Some(1));
        assert!(error.contains(".sock: no service listens here; start it with `serve`"), "{error}");
    }
}

#[test]
fn a_certificate_that_is_not_there_keeps_a_service_from_starting() {
    let world = world();
    world.write_configuration(Program::Redeemer, CONFIGURED).unwrap();
    let refused = world.try_serve(Program::Redeemer, None).unwrap().unwrap_err();
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.log.contains("tls.certificate: "), "{}", refused.log);
    assert_eq!(refused.log.trim().lines().count(), 1, "{}", refused.log);
}
