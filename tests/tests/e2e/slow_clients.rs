//! Clients that take their time, and what others notice of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, ServiceProcess, http, key_of};

use crate::limits::serve;
use crate::world;

/// Longest wait for the service to close what it should.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections of clients that never finish what they begin.
struct SlowClients(Vec<TcpStream>);

impl SlowClients {
    fn connect(issuer: &ServiceProcess, each: usize) -> Self {
        let body = "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{";
        let begun = ["", "GET /v1/packs HTT", "POST /v1/orders HTTP/1.1\r\nHost: a\r\nX-Slow: ", body];
        let connect = |begun: &str| {
            let mut stream = TcpStream::connect(issuer.address()).unwrap();
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        };
        Self(begun.iter().flat_map(|begun| (0..each).map(|_| connect(begun))).collect())
    }

    /// Goes on, a byte at a time. Some may have been closed.
    fn trickle(&mut self) {
        for stream in &mut self.0[1..] {
            let _ = stream.write_all(b" ");
        }
    }

    /// Waits until the service has closed every connection.
    fn assert_closed(self) {
        let deadline = Instant::now() + PATIENCE;
        for mut stream in self.0 {
            let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
            stream.set_read_timeout(Some(left)).unwrap();
            let mut answer = Vec::new();
            // A reset is an end too: the service need not read what it did not wait for.
            if let Err(error) = stream.read_to_end(&mut answer) {
                assert_eq!(
                    error.kind(),
                    std::io::ErrorKind::ConnectionReset,
                    "still open after {PATIENCE:?}"
                );
            }
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    }
}

#[test]
fn slow_clients_do_not_stop_others() {
    let world = world();
    let tables = "[timeouts]\nrequest_head_seconds = 4\nrequest_body_seconds = 4\nkeep_alive_seconds = 4\n";
    let issuer = serve(&world, Program::Issuer, tables);
    let key = key_of(&issuer.url(), 10_000).unwrap();
    let voucher = world.voucher().unwrap();
    let mut slow = SlowClients::connect(&issuer, 60);
    for _ in 0..10 {
        let asked = Instant::now();
        assert_eq!(http::get(&format!("{}/v1/packs", issuer.url()), &[]).unwrap().status, 200);
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        slow.trickle();
    }
    let mut order = Order::paid(&issuer.url(), PACK, &voucher).unwrap();
    let request = order.request(&key, 100).unwrap();
    assert_eq!(order.send(&request).unwrap().status, 200);
    slow.assert_closed();
}

#[test]
fn connections_beyond_the_cap_wait_until_others_time_out() {
    let world = world();
    let tables =
        "[limits]\nconnections = 4\n\n[timeouts]\nrequest_head_seconds = 3\nrequest_body_seconds = 3\n";
    let issuer = serve(&world, Program::Issuer, tables);
    let begun = Instant::now();
    let slow = SlowClients::connect(&issuer, 2);
    assert_eq!(http::get(&format!("{}/v1/packs", issuer.url()), &[]).unwrap().status, 200);
    assert!(begun.elapsed() > Duration::from_secs(2), "nobody waited: {:?}", begun.elapsed());
    slow.assert_closed();
    assert_eq!(http::get(&format!("{}/readyz", issuer.url()), &[]).unwrap().status, 200);
}
