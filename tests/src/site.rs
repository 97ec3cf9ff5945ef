//! A publisher's site, as simple as can be: it says what it was asked.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::asked::Asked;

/// Serves every path on loopback, until the process ends.
///
/// It answers JSON: `method`, `target`, `headers` (names in lower case, with all values) and `body`. `/stream` answers
/// two pieces, the second when [`Site::go_on`] allows it, `/endless` goes on until its reader is gone, and `/broken` breaks off.
/// With `?head=302` at its end a path answers HEAD with that status.
/// A request to upgrade is granted, and every byte then echoed; at `/deaf` nothing is ever said or noticed.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Value>>>,
    go_on: Sender<()>,
    given_up: Arc<AtomicUsize>,
}

/// What the connections share.
#[derive(Clone)]
struct Shared {
    seen: Arc<Mutex<Vec<Value>>>,
    may_go_on: Arc<Mutex<Receiver<()>>>,
    given_up: Arc<AtomicUsize>,
}

impl Site {
    /// A site at a free port.
    ///
    /// # Errors
    /// The system gave none.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (go_on, may_go_on) = channel();
        let seen = Arc::<Mutex<Vec<Value>>>::default();
        let given_up = Arc::<AtomicUsize>::default();
        let shared = Shared {
            seen: Arc::clone(&seen),
            may_go_on: Arc::new(Mutex::new(may_go_on)),
            given_up: Arc::clone(&given_up),
        };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                // A connection that breaks is the client's affair.
                thread::spawn(move || _ = serve(&stream, &shared));
            }
        });
        Ok(Self { address, seen, go_on, given_up })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The beginning of its URLs.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked since the last time.
    pub fn seen(&self) -> Vec<Value> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many answers at `/endless` have lost their reader.
    pub fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }

    /// Lets an answer at `/stream` go on.
    pub fn go_on(&self) {
        let _ = self.go_on.send(());
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    while let Some(asked) = Asked::read(&mut reader)? {
        let said = json!({
            "method": asked.method,
            "target": asked.target,
            "headers": asked.headers,
            "body": String::from_utf8_lossy(&asked.body),
        });
        shared.seen.lock().unwrap_or_else(PoisonError::into_inner).push(said.clone());
        if asked.headers.iter().any(|(name, _)| name == "upgrade") {
            writer.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")?;
            if asked.target != "/deaf" {
                return echo(&mut reader, &mut writer);
            }
            io::copy(&mut reader, &mut io::sink())?;
            // Keeps its half, as if nothing had happened.
            let may_go_on = shared.may_go_on.lock().unwrap_or_else(PoisonError::into_inner).recv();
            return may_go_on.map_err(io::Error::other);
        }
        if asked.target == "/stream" {
            writer.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")?;
            // Without anybody to allow it the answer ends here.
            let may_go_on = shared.may_go_on.lock().unwrap_or_else(PoisonError::into_inner).recv();
            may_go_on.map_err(io::Error::other)?;
            writer.write_all(b"6\r\nsecond\r\n0\r\n\r\n")?;
            continue;
        }
        if asked.target == "/endless" {
            writer.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            let piece = vec![b'x'; 65_536];
            while writer.write_all(&piece).is_ok() {}
            shared.given_up.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        if asked.target == "/broken" {
            return writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        }
        if let ("HEAD", Some((_, status))) = (asked.method.as_str(), asked.target.split_once("?head=")) {
            let head = format!("HTTP/1.1 {status} \r\nLocation: /about\r\nContent-Length: 0\r\n\r\n");
            writer.write_all(head.as_bytes())?;
            continue;
        }
        let body = said.to_string();
        let status = if asked.target == "/missing" { "404 Not Found" } else { "200 OK" };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nCache-Control: public, max-age=60\r\nSet-Cookie: \
             session=1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        writer.write_all(head.as_bytes())?;
        if asked.method != "HEAD" {
            writer.write_all(body.as_bytes())?;
        }
    }
    Ok(())
}

fn echo(reader: &mut impl Read, writer: &mut impl Write) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        let length = reader.read(&mut bytes)?;
        if length == 0 {
            return Ok(());
        }
        writer.write_all(bytes.get(..length).unwrap_or_default())?;
    }
}
