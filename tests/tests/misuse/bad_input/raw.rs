//! What is no HTTP, or not one request: refused by its status, or by closing the connection.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use farthing_tests::http;

/// Longest wait for the refusal.
const PATIENCE: Duration = Duration::from_secs(40);

const HEAD: &str = "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";

/// Sends each to the service whose URLs begin with `base`, which answers others afterwards. How many those are.
pub fn check(base: &str) -> usize {
    let long = format!("GET /v1/packs HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "a".repeat(300_000));
    let many: String = (0..2_000).map(|number| format!("X-{number}: a\r\n")).collect();
    let cases: [(&str, Vec<u8>); 11] = [
        ("no HTTP", b"hello\r\n\r\n".to_vec()),
        ("bytes", (0..=255).collect()),
        ("a TLS hello", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00".to_vec()),
        ("a version to come", b"GET /v1/packs HTTP/9.9\r\nHost: a\r\n\r\n".to_vec()),
        ("a header without a colon", b"GET /v1/packs HTTP/1.1\r\nHost\r\n\r\n".to_vec()),
        ("a NUL in a header", b"GET /v1/packs HTTP/1.1\r\nHost: a\0\r\n\r\n".to_vec()),
        ("a long header", long.into_bytes()),
        ("many headers", format!("GET /v1/packs HTTP/1.1\r\nHost: a\r\n{many}\r\n").into_bytes()),
        ("two lengths", format!("{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes()),
        ("a length that is none", format!("{HEAD}Content-Length: -1\r\n\r\n{{}}").into_bytes()),
        (
            "a chunk that is none",
            format!("{HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n").into_bytes(),
        ),
    ];
    let address = base.trim_start_matches("http://");
    for (name, bytes) in &cases {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The service may have refused before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{name}: neither answered nor closed");
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer}");
        let ready = http::get(&format!("{base}/readyz"), &[]).unwrap();
        assert_eq!(ready.status, 200, "after {name}");
    }
    cases.len()
}
