//! The connections of one thread to the site, kept from one request to the next.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use actix_web::rt;
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use thiserror::Error;
use tower_service::Service;

use crate::origin::Origin;
use crate::outbound::{self, Body, Connector, IDLE};

/// Where requests to the site go.
pub(super) struct Connections {
    connector: Connector,
    site: Uri,
    kept: Rc<Kept>,
}

/// Connections that nobody uses, the oldest first.
struct Kept {
    senders: RefCell<Vec<(Instant, SendRequest<Body>)>>,
    /// How long each stays.
    idle: Duration,
    /// Whether they are looked after.
    watched: Cell<bool>,
}

/// The connection that an answer comes over. It closes when this is dropped before the answer has ended.
pub(super) struct InUse {
    sender: SendRequest<Body>,
    kept: Rc<Kept>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// There is no connection.
    #[error("it cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection broke off, or what came over it was no answer.
    #[error(transparent)]
    BrokeOff(#[from] hyper::Error),
}

impl Connections {
    /// Those to a site; none is made yet.
    ///
    /// # Errors
    /// Over https, the system's list of certificate authorities cannot be read.
    pub(super) fn new(site: &Origin, connect: Duration) -> io::Result<Self> {
        let kept = Kept { senders: RefCell::default(), idle: IDLE, watched: Cell::new(false) };
        let connector = outbound::connector(site, connect)?;
        Ok(Self { connector, site: site.url(PathAndQuery::from_static("/")), kept: Rc::new(kept) })
    }

    /// Sends a request, whose URL is a path alone and whose header `Host` is there.
    ///
    /// # Errors
    /// [`NoAnswer`]. A kept connection that the site had closed is none, as long as nothing of the request was sent.
    pub(super) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<(Response<Incoming>, InUse), NoAnswer> {
        while let Some(mut sender) = self.kept.take() {
            match sender.try_send_request(request).await {
                Ok(answer) => return Ok((answer, self.in_use(sender))),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(error.into_error().into()),
                },
            }
        }
        let mut sender = self.connect().await?;
        let answer = sender.send_request(request).await?;
        Ok((answer, self.in_use(sender)))
    }

    async fn connect(&self) -> Result<SendRequest<Body>, NoAnswer> {
        let mut connector = self.connector.clone();
        poll_fn(|context| connector.poll_ready(context)).await.map_err(NoAnswer::Unreachable)?;
        let stream = connector.call(self.site.clone()).await.map_err(NoAnswer::Unreachable)?;
        let (mut sender, connection) = http1::handshake(stream).await?;
        // How it ends is told to whoever waits for an answer.
        rt::spawn(connection.with_upgrades());
        sender.ready().await?;
        Ok(sender)
    }

    fn in_use(&self, sender: SendRequest<Body>) -> InUse {
        InUse { sender, kept: Rc::clone(&self.kept) }
    }
}

impl InUse {
    /// The answer was read to its end: others may use the connection.
    pub(super) fn end(self) {
        let Self { mut sender, kept } = self;
        if sender.is_ready() {
            return kept.put(sender);
        }
        // It has yet to notice. One that the site closes is dropped.
        rt::spawn(async move {
            if sender.ready().await.is_ok() {
                kept.put(sender);
            }
        });
    }
}

impl Kept {
    /// The one that was used last: those that are too many grow old.
    fn take(&self) -> Option<SendRequest<Body>> {
        let mut senders = self.senders.borrow_mut();
        self.forget(&mut senders);
        std::iter::from_fn(|| senders.pop()).map(|(_, sender)| sender).find(SendRequest::is_ready)
    }

    fn put(self: &Rc<Self>, sender: SendRequest<Body>) {
        self.senders.borrow_mut().push((Instant::now(), sender));
        if !self.watched.replace(true) {
            rt::spawn(watch(Rc::downgrade(self)));
        }
    }

    fn forget(&self, senders: &mut Vec<(Instant, SendRequest<Body>)>) {
        let old = senders.partition_point(|(since, _)| since.elapsed() >= self.idle);
        senders.drain(..old);
    }
}

/// Closes connections that nobody uses, until none is left.
async fn watch(kept: Weak<Kept>) {
    loop {
        let Some(idle) = kept.upgrade().map(|kept| kept.idle) else { return };
        rt::time::sleep(idle).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut senders = kept.senders.borrow_mut();
        kept.forget(&mut senders);
        if senders.is_empty() {
            kept.watched.set(false);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Empty};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn site(idle: Duration) -> (TcpListener, Connections) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let mut connections = Connections::new(&origin, PATIENCE).unwrap();
        connections.kept = Rc::new(Kept { senders: RefCell::default(), idle, watched: Cell::new(false) });
        (listener, connections)
    }

    fn request() -> Request<Body> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        Request::get("/").header("Host", "news.example").body(body).unwrap()
    }

    /// Reads a request's head.
    async fn hear(stream: &mut TcpStream) {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "a request comes");
            head.extend(byte);
        }
    }

    /// Answers a request of this connection.
    async fn answer(stream: &mut TcpStream, answer: &str) {
        hear(stream).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    /// Sends a request and reads its answer.
    async fn ask(connections: &Connections) -> String {
        let (answer, in_use) = connections.send(request()).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        in_use.end();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[actix_web::test]
    async fn a_connection_is_used_again_and_a_closed_one_is_not() {
        let (listener, connections) = site(PATIENCE).await;
        let (mut first, asked) = {
            let (accepted, asked) = tokio::join!(
                async {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    answer(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none").await;
                    stream
                },
                ask(&connections)
            );
            (accepted, asked)
        };
        assert_eq!(asked, "one");
        let empty = answer(&mut first, "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(tokio::join!(empty, ask(&connections)).1, "");
        // Kept although nothing was read of the answer but its head, as soon as the connection has noticed.
        let kept = async {
            while connections.kept.senders.borrow().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, kept).await.unwrap();
        answer_and_close(&mut first, &connections).await;
        let again = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo").await;
        };
        assert_eq!(tokio::join!(again, ask(&connections)).1, "two");
    }

    /// The site answers once more, and closes the connection without having said so.
    async fn answer_and_close(stream: &mut TcpStream, connections: &Connections) {
        let once_more = async {
            answer(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast").await;
            stream.shutdown().await.unwrap();
        };
        assert_eq!(tokio::join!(once_more, ask(connections)).1, "last");
    }

    #[actix_web::test]
    async fn a_connection_whose_answer_was_left_is_closed() {
        let (listener, connections) = site(PATIENCE).await;
        let endless = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream, "HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
        };
        let left = async { drop(connections.send(request()).await.unwrap()) };
        tokio::time::timeout(PATIENCE, async { tokio::join!(endless, left) }).await.unwrap();
        assert!(connections.kept.senders.borrow().is_empty());
    }

    #[actix_web::test]
    async fn a_connection_that_nobody_uses_is_closed() {
        let (listener, connections) = site(Duration::from_millis(20)).await;
        let served = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none").await;
            stream.read(&mut [0]).await.unwrap()
        };
        let (end, asked) = tokio::join!(tokio::time::timeout(PATIENCE, served), ask(&connections));
        assert_eq!((end.unwrap(), asked.as_str()), (0, "one"));
    }

    #[actix_web::test]
    async fn a_site_that_is_away_is_told_so() {
        let (listener, connections) = site(PATIENCE).await;
        drop(listener);
        assert!(matches!(connections.send(request()).await, Err(NoAnswer::Unreachable(_))));
    }
}
