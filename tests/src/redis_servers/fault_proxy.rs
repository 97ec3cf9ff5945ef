//! A TCP proxy before a server that can be told to misbehave.

use std::net::{Ipv4Addr, TcpListener as StdListener};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Bytes that are passed on at once.
const CHUNK: usize = 16 * 1024;

/// How a proxy treats what passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// As a cable does.
    None,
    /// Each piece waits so long, in either direction.
    Delay(Duration),
    /// Nothing gets through, and nothing is lost.
    Stall,
    /// Connections are closed, and new ones closed at once.
    Cut,
    /// Each connection passes on one more request, and is closed before its answer.
    CutAfterRequest,
}

/// A proxy on a port of its own. It ends, with its connections, when the value is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    fault: watch::Sender<Fault>,
    accepting: JoinHandle<()>,
}

impl FaultProxy {
    /// A proxy at `port`, or at a free one if that is 0, before the server at `server`, both on this machine.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(port: u16, server: u16) -> anyhow::Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (fault, told) = watch::channel(Fault::None);
        let runtime = runtime()?;
        let _entered = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let accepting = runtime.spawn(accept(listener, server, told));
        Ok(Self { port, fault, accepting })
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Misbehaves so from now on.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// All proxies of a process share one thread.
fn runtime() -> anyhow::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().ok();
    RUNTIME.get_or_init(made).as_ref().context("the proxies have no runtime")
}

async fn accept(listener: TcpListener, server: u16, told: watch::Receiver<Fault>) {
    // The connections end with the set, and the set with this task.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if *told.borrow() != Fault::Cut {
            connections.spawn(connection(client, server, told.clone()));
        }
    }
}

async fn connection(client: TcpStream, server: u16, told: watch::Receiver<Fault>) {
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let delivered = AtomicBool::new(false);
    // Whichever side ends first ends both.
    tokio::select! {
        () = pass(from_client, to_server, told.clone(), Side::Requests, &delivered) => {}
        () = pass(from_server, to_client, told, Side::Answers, &delivered) => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Requests,
    Answers,
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut told: watch::Receiver<Fault>,
    side: Side,
    delivered: &AtomicBool,
) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            read = from.read(&mut chunk) => read,
            changed = told.changed() => {
                if changed.is_err() || *told.borrow_and_update() == Fault::Cut {
                    return;
                }
                continue;
            }
        };
        let Some(bytes) = read.ok().filter(|read| *read > 0).and_then(|read| chunk.get(..read)) else {
            return;
        };
        let fault = loop {
            let fault = *told.borrow_and_update();
            if fault != Fault::Stall {
                break fault;
            }
            if told.changed().await.is_err() {
                return;
            }
        };
        match fault {
            Fault::Cut => return,
            Fault::Delay(time) => tokio::time::sleep(time).await,
            Fault::CutAfterRequest if side == Side::Answers && delivered.load(Ordering::SeqCst) => return,
            Fault::CutAfterRequest if side == Side::Requests => delivered.store(true, Ordering::SeqCst),
            Fault::None | Fault::Stall | Fault::CutAfterRequest => {}
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::mpsc;

    use super::*;
    use crate::redis_servers::node::free_port;

    const PATIENCE: Duration = Duration::from_secs(20);
    const MOMENT: Duration = Duration::from_millis(100);

    /// A server that answers what it is told, and tells the test of it.
    fn echo() -> (u16, mpsc::Receiver<Vec<u8>>) {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, tell) = (client.unwrap(), tell.clone());
                std::thread::spawn(move || {
                    let mut bytes = [0; 64];
                    while let Ok(read @ 1..) = client.read(&mut bytes) {
                        let _ = tell.send(bytes[..read].to_vec());
                        let _ = client.write_all(&bytes[..read]);
                    }
                });
            }
        });
        (port, told)
    }

    fn connect(proxy: &FaultProxy) -> TcpStream {
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// What comes back, nothing when the connection was closed.
    fn ask(client: &mut TcpStream, text: &[u8]) -> Vec<u8> {
        let mut bytes = [0; 64];
        if client.write_all(text).is_err() {
            return Vec::new();
        }
        let read = client.read(&mut bytes).unwrap_or(0);
        bytes[..read].to_vec()
    }

    #[test]
    fn a_proxy_passes_on_holds_back_and_cuts() {
        let (server, told) = echo();
        let proxy = FaultProxy::start(free_port().unwrap(), server).unwrap();
        let mut client = connect(&proxy);
        assert_eq!(ask(&mut client, b"one"), b"one");
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), b"one");

        proxy.set(Fault::Stall);
        client.write_all(b"two").unwrap();
        assert!(told.recv_timeout(MOMENT).is_err(), "it is held back");
        proxy.set(Fault::Delay(MOMENT));
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), b"two", "it was not lost");
        assert_eq!(client.read(&mut [0; 64]).unwrap(), 3);

        proxy.set(Fault::CutAfterRequest);
        assert_eq!(ask(&mut client, b"three"), b"", "no answer");
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), b"three", "but it was delivered");

        proxy.set(Fault::None);
        let mut client = connect(&proxy);
        assert_eq!(ask(&mut client, b"four"), b"four");
        assert_eq!(told.recv_timeout(PATIENCE).unwrap(), b"four");
        proxy.set(Fault::Cut);
        assert_eq!(client.read(&mut [0; 64]).unwrap_or(0), 0, "the connection is closed");
        assert_eq!(ask(&mut connect(&proxy), b"five"), b"", "so are new ones");
        assert!(told.try_recv().is_err(), "nothing gets through");
    }
}
