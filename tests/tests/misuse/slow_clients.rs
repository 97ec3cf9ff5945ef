//! Clients that never finish what they begin.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longest wait for a service to close what it should: half as long again as its longest timeout unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(90);

/// What each kind of them sends before it falls silent.
const BEGUN: [&str; 4] = [
    "",
    "GET /v1/packs HTT",
    "POST /v1/orders HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
];

/// Connections of such clients.
pub struct SlowClients(Vec<TcpStream>);

impl SlowClients {
    /// Connects `each` of every kind to the service whose URLs begin with `base`.
    pub fn connect(base: &str, each: usize) -> Self {
        let address = base.trim_start_matches("http://");
        let connect = |begun: &str| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        };
        Self(BEGUN.iter().flat_map(|begun| (0..each).map(|_| connect(begun))).collect())
    }

    /// Goes on, a byte at a time. Some may have been closed.
    pub fn trickle(&mut self) {
        let silent = self.0.len() / BEGUN.len();
        for stream in &mut self.0[silent..] {
            let _ = stream.write_all(b" ");
        }
    }

    /// Waits until the service has closed every connection.
    pub fn assert_closed(self) {
        let deadline = Instant::now() + PATIENCE;
        for mut stream in self.0 {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            stream.set_read_timeout(Some(left)).unwrap();
            let mut answer = Vec::new();
            // A reset is an end too: the service need not read what it did not wait for.
            if let Err(error) = stream.read_to_end(&mut answer) {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "still open after {PATIENCE:?}");
            }
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    }
}
