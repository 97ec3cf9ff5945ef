//! Who listens in between two programs.

use std::io::{self, BufReader, Read, Write};
use std::mem;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::asked::Asked;

/// Passes on every request to a server and every answer back, until the process ends, and keeps the requests.
#[derive(Debug)]
pub struct Wiretap {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Asked>>>,
}

impl Wiretap {
    /// Before the server at `server`, at a free port.
    ///
    /// # Errors
    /// The system gave none.
    pub fn before(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let heard = Arc::<Mutex<Vec<Asked>>>::default();
        let keeping = Arc::clone(&heard);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let heard = Arc::clone(&keeping);
                // A connection that breaks is the programs' affair.
                thread::spawn(move || _ = pass_on(&client, server, &heard));
            }
        });
        Ok(Self { address, heard })
    }

    /// The beginning of its URLs.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked since the last time. Whoever has an answer finds its request here.
    pub fn heard(&self) -> Vec<Asked> {
        mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads, and keeps what it has read.
struct Keeping<'a> {
    from: &'a TcpStream,
    read: Vec<u8>,
}

impl Read for Keeping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.read.extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

fn pass_on(client: &TcpStream, server: SocketAddr, heard: &Mutex<Vec<Asked>>) -> io::Result<()> {
    let mut server = TcpStream::connect(server)?;
    let (mut answers, mut answered) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut answered);
        let _ = answered.shutdown(Shutdown::Both);
    });
    let mut reader = BufReader::new(Keeping { from: client, read: Vec::new() });
    while let Some(asked) = Asked::read(&mut reader)? {
        heard.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        server.write_all(&mem::take(&mut reader.get_mut().read))?;
    }
    server.shutdown(Shutdown::Write)
}
