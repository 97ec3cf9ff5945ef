//! Clients of HTTP/2 over TLS that take their time, and what others notice of them.

use std::fs;

use farthing_tests::programs::Program;
use farthing_tests::{ServiceProcess, World};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use ureq::http::{Request, Response};
use ureq::tls::Certificate;

use crate::http2::{self, Body, run, soon};
use crate::limits::serve;
use crate::tls::{CONFIGURED, certify, status};
use crate::world;

/// Connections of each kind of slow client.
const EACH: usize = 20;
/// Streams of a connection that has many.
const STREAMS: usize = 50;
/// What HTTP/2 begins with, and a frame of settings without any.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// An issuer that speaks TLS, and its certificate.
struct Scene {
    issuer: ServiceProcess,
    trusted: Certificate<'static>,
    _world: World,
}

impl Scene {
    fn new(timeouts: &str) -> Self {
        let world = world();
        let trusted = certify(&world);
        let issuer = serve(&world, Program::Issuer, &format!("{CONFIGURED}{timeouts}"));
        Self { issuer, trusted, _world: world }
    }

    async fn tls(&self) -> TlsStream<TcpStream> {
        http2::tls(self.issuer.address(), &self.trusted).await
    }

    /// A connection whose client takes `window` bytes of each answer.
    async fn connect(&self, window: u32) -> SendRequest<Body> {
        http2::connect(self.issuer.address(), &self.trusted, window).await
    }

    fn request(&self, method: &str, path: &str) -> Request<()> {
        let uri = format!("https://{}{path}", self.issuer.address());
        Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .body(())
            .unwrap()
    }

    /// Begins an order and does not go on; what goes on is the stream.
    async fn begin_order(&self, requests: &SendRequest<Body>) -> (ResponseFuture, SendStream<Body>) {
        let mut requests = soon(requests.clone().ready()).await.unwrap();
        let (answer, mut body) = requests.send_request(self.request("POST", "/v1/orders"), false).unwrap();
        body.send_data(b"{", false).unwrap();
        (answer, body)
    }

    /// Begins many orders on one connection.
    async fn begin_orders(&self, requests: &SendRequest<Body>) -> Vec<(ResponseFuture, SendStream<Body>)> {
        let mut begun = Vec::new();
        for _ in 0..STREAMS {
            begun.push(self.begin_order(requests).await);
        }
        begun
    }

    /// Asks for the packs on a stream of a connection.
    async fn packs(&self, requests: &SendRequest<Body>) -> Response<RecvStream> {
        let mut requests = soon(requests.clone().ready()).await.unwrap();
        let (answer, _) = requests.send_request(self.request("GET", "/v1/packs"), true).unwrap();
        soon(answer).await.unwrap()
    }
}

#[test]
fn slow_streams_do_not_stop_others() {
    // Longer than others have patience: nobody may be answered only because a slow client was given up.
    let timeouts =
        "[timeouts]\nrequest_head_seconds = 300\nrequest_body_seconds = 300\nkeep_alive_seconds = 300\n";
    let scene = Scene::new(timeouts);
    run(async {
        let (mut silent, mut idle, mut slow, mut unread) = (vec![], vec![], vec![], vec![]);
        for _ in 0..EACH {
            // Without a TLS hello; without HTTP/2 after it; without a request after that.
            silent.push((TcpStream::connect(scene.issuer.address()).await.unwrap(), scene.tls().await));
            idle.push(scene.connect(65_535).await);
            let requests = scene.connect(65_535).await;
            slow.push((scene.begin_orders(&requests).await, requests));
            // The heads of answers come without being let, the bodies do not.
            let requests = scene.connect(0).await;
            let mut answers = Vec::new();
            for _ in 0..STREAMS {
                let answer = scene.packs(&requests).await;
                assert_eq!(answer.status(), 200);
                answers.push(answer);
            }
            unread.push((answers, requests));
        }

        let fresh = scene.connect(65_535).await;
        for requests in slow.iter().map(|(_, requests)| requests).chain(&idle).chain([&fresh]) {
            let mut answer = scene.packs(requests).await;
            assert_eq!(answer.status(), 200, "{:?}", answer.headers());
            assert!(soon(answer.body_mut().data()).await.unwrap().unwrap().starts_with(b"{"));
        }
        let (url, trusted) = (format!("https://{}/readyz", scene.issuer.address()), scene.trusted.clone());
        let of_http_1 = tokio::task::spawn_blocking(move || status(&url, &trusted).unwrap());
        assert_eq!(of_http_1.await.unwrap(), 200);
        // A slow body that does end is a request as any other.
        let (_, (mut begun, _)) = (silent, slow.remove(0));
        let (answer, mut body) = begun.remove(0);
        body.send_data(b"}", true).unwrap();
        assert_eq!(soon(answer).await.unwrap().status(), 422);
    });
}

#[test]
fn slow_streams_are_given_up() {
    let timeouts = "[timeouts]\nrequest_head_seconds = 2\nrequest_body_seconds = 2\nkeep_alive_seconds = 2\n";
    let scene = Scene::new(timeouts);
    run(async {
        let requests = scene.connect(65_535).await;
        for (answer, _body) in scene.begin_orders(&requests).await {
            let answer = soon(answer).await.unwrap();
            assert_eq!(answer.status(), 400);
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
        assert_eq!(scene.packs(&requests).await.status(), 200, "the connection is as good as before");

        // Who does not begin, or does not answer a ping, is not waited for.
        let mut without_tls = TcpStream::connect(scene.issuer.address()).await.unwrap();
        let mut without_preface = scene.tls().await;
        let mut without_pong = scene.tls().await;
        without_pong.write_all(PREFACE).await.unwrap();
        let mut read = Vec::new();
        // An end without a closing message, or a reset, is an end too.
        let _ = soon(without_tls.read_to_end(&mut read)).await;
        let _ = soon(without_preface.read_to_end(&mut read)).await;
        let _ = soon(without_pong.read_to_end(&mut read)).await;
    });
    // Nothing of it is the operator's business.
    let log = fs::read_to_string(scene.issuer.log()).unwrap();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}
