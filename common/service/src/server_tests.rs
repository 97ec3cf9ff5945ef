use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::header::CacheControl;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use async_trait::async_trait;
use farthing_api::{NewOrder, Problem, ProblemKind};
use futures_util::stream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::body::{JsonBody, media_type, read_body};
use crate::clock::SystemClock;
use crate::health::{self, Readiness};
use crate::openapi::{Operation, Resource};
use crate::problem::ProblemResponse;

struct Ready(AtomicBool);

#[async_trait]
impl Readiness for Ready {
    async fn ready(&self) -> Result<(), String> {
        if self.0.load(Ordering::SeqCst) { Ok(()) } else { Err("the store does not answer".to_owned()) }
    }
}

/// What the handlers of the tests share.
struct Shared {
    ready: Arc<Ready>,
    /// Told when a slow request has begun.
    begun: Notify,
    /// Lets the slow request end.
    release: Notify,
}

async fn order(order: JsonBody<NewOrder>) -> HttpResponse {
    HttpResponse::Created().json(order.0)
}

async fn elements(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, ProblemResponse> {
    media_type(&request, &["application/octet-stream"])?;
    let bytes = read_body(&request, payload, 10).await?;
    Ok(HttpResponse::Ok().insert_header(CacheControl(vec![])).body(bytes.len().to_string()))
}

async fn named(number: web::Path<u32>, query: web::Query<Vec<(String, u32)>>) -> HttpResponse {
    HttpResponse::Ok().body(format!("{number} {}", query.len()))
}

async fn slow(shared: web::Data<Shared>) -> HttpResponse {
    shared.begun.notify_one();
    shared.release.notified().await;
    HttpResponse::Ok().body("done")
}

/// An answer without an end, which tells when it is dropped.
async fn endless(shared: web::Data<Shared>) -> HttpResponse {
    struct Told(web::Data<Shared>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.release.notify_one();
        }
    }
    let (told, piece) = (Told(shared), Bytes::from(vec![0; 65_536]));
    HttpResponse::Ok().streaming(stream::repeat_with(move || {
        let _still_there = &told;
        Ok::<_, Infallible>(piece.clone())
    }))
}

async fn refused() -> HttpResponse {
    HttpResponse::Conflict().json(["spent"])
}

struct Running {
    address: SocketAddr,
    metrics_address: SocketAddr,
    shared: Arc<Shared>,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), ServeError>>,
}

fn start(tasks: Vec<Task>, timeouts: &str) -> Running {
    let shared = Arc::new(Shared {
        ready: Arc::new(Ready(AtomicBool::new(true))),
        begun: Notify::new(),
        release: Notify::new(),
    });
    let options = ServeOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: Some(([127, 0, 0, 1], 0).into()),
        metrics: Arc::new(Metrics::new("issuer", "0.1.0", Arc::new(SystemClock))),
        timeouts: serde_json::from_str(timeouts).unwrap(),
        connections: 1_000,
        tls: None,
        traces: None,
        tasks,
    };
    let said = |id| Operation::new(id, "Is tested");
    let api = Api::new("Test", "Of tests.")
        .data(Arc::clone(&shared))
        .with(health::resources(Arc::clone(&shared.ready) as Arc<dyn Readiness>))
        .with([
            Resource::at("/orders").post(said("order"), order),
            Resource::at("/elements").post(said("elements"), elements),
            Resource::at("/numbers/{number}").get(said("named"), named),
            Resource::at("/refused").get(said("refused"), refused),
            Resource::at("/slow").get(said("slow"), slow),
            Resource::at("/endless").get(said("endless"), endless),
        ]);
    let server = Server::bind(options, api).unwrap();
    let (stop, stopped) = oneshot::channel();
    let (address, metrics_address) = (server.address(), server.metrics_address().unwrap());
    let ended = tokio::spawn(server.run(async move { drop(stopped.await) }));
    Running { address, metrics_address, shared, stop, ended }
}

/// Sends `request` as it is and reads one answer.
async fn exchange(address: SocketAddr, request: impl Into<Vec<u8>>) -> Answer {
    let request = request.into();
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(&request).unwrap();
        let mut text = String::new();
        let mut buffer = [0; 4096];
        loop {
            let length = stream.read(&mut buffer).unwrap();
            assert_ne!(length, 0, "closed after {text:?}");
            text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            if let Some(answer) = Answer::whole(&text) {
                return answer;
            }
        }
    })
    .await
    .unwrap()
}

async fn get(address: SocketAddr, path: &str) -> Answer {
    exchange(address, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await
}

async fn post(address: SocketAddr, path: &str, media_type: &str, body: &str) -> Answer {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {media_type}\r\n");
    exchange(address, format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    /// The answer in `text`, if the whole of it is there.
    fn whole(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let head = head.to_ascii_lowercase();
        let length: usize = head.split_once("\r\ncontent-length: ")?.1.lines().next()?.parse().unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (body.len() == length).then(|| Self { status, head, body: body.to_owned() })
    }

    fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header)
    }

    /// Checks that this is a problem document of `kind`, and returns its field and detail.
    fn problem(&self, kind: ProblemKind) -> (Option<String>, String) {
        let problem: Problem = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}", self.body));
        assert_eq!((problem.kind.as_str(), self.status), (kind.uri(), kind.status()));
        assert!(self.has("content-type: application/problem+json"), "{}", self.head);
        assert!(self.has("cache-control: no-store"), "{}", self.head);
        (problem.field, problem.detail)
    }
}

fn field(name: &str, detail: &str) -> (Option<String>, String) {
    (Some(name.to_owned()), detail.to_owned())
}

#[tokio::test]
async fn bad_requests_get_problem_documents() {
    let server = start(Vec::new(), "{}");
    let address = server.address;

    get(address, "/nothing").await.problem(ProblemKind::NotFound);
    let wrong_method = get(address, "/orders").await;
    assert_eq!(wrong_method.problem(ProblemKind::MethodNotAllowed).1, "this path takes POST");
    assert!(wrong_method.has("allow: post"), "{}", wrong_method.head);

    let wrong_type = post(address, "/orders", "text/plain", "{}").await.problem(ProblemKind::MediaType);
    assert_eq!(wrong_type, field("Content-Type", "send application/json"));
    let malformed = post(address, "/orders", "application/json", r#"{"pack":1}"#).await;
    assert_eq!(malformed.problem(ProblemKind::Malformed), field("pack", "it must be a string"));
    let long = post(address, "/orders", "application/json", &" ".repeat(16_385)).await;
    assert_eq!(long.problem(ProblemKind::BodyTooLong), field("body", "send at most 16384 bytes"));

    let octets = "application/octet-stream";
    let ten = post(address, "/elements", octets, "0123456789").await;
    assert_eq!((ten.status, ten.body.as_str()), (200, "10"));
    post(address, "/elements", octets, "0123456789a").await.problem(ProblemKind::BodyTooLong);
    post(address, "/elements", "", "").await.problem(ProblemKind::MediaType);

    assert_eq!(get(address, "/numbers/7").await.body, "7 0");
    get(address, "/numbers/x").await.problem(ProblemKind::NotFound);
    let (named, detail) = get(address, "/numbers/7?a=s3cret").await.problem(ProblemKind::BadRequest);
    assert_eq!(named.as_deref(), Some("query"));
    assert!(!detail.contains("s3cret"), "{detail}");

    let composed = get(address, "/refused").await;
    assert_eq!((composed.status, composed.body.as_str()), (409, "[\"spent\"]"));
}

#[tokio::test]
async fn a_body_is_refused_as_soon_as_it_is_too_long() {
    let server = start(Vec::new(), "{}");
    let head = "POST /elements HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n";
    // The announced gigabyte is not waited for, nor is the end of chunks that never end.
    let announced = format!("{head}Connection: close\r\nContent-Length: 1000000000\r\n\r\n");
    exchange(server.address, announced).await.problem(ProblemKind::BodyTooLong);
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n");
    exchange(server.address, chunked).await.problem(ProblemKind::BodyTooLong);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_longer_than_configured() {
    let server = start(Vec::new(), r#"{"request_body_seconds":1}"#);
    let head = "POST /elements HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\n";
    let stalled = format!("{head}Connection: close\r\nContent-Length: 5\r\n\r\n012");
    let (_, detail) = exchange(server.address, stalled).await.problem(ProblemKind::BadRequest);
    assert_eq!(detail, "the body did not arrive in time; repeat the request");
}

#[tokio::test]
async fn each_answer_has_the_common_headers_and_none_that_names_the_software() {
    let server = start(Vec::new(), "{}");
    let healthy = get(server.address, "/healthz").await;
    assert_eq!((healthy.status, healthy.body.as_str()), (200, "ok\n"));
    assert!(healthy.has("x-content-type-options: nosniff") && healthy.has("cache-control: no-store"));
    assert!(!healthy.head.contains("\r\nserver:"), "{}", healthy.head);
    let cacheable = post(server.address, "/elements", "application/octet-stream", "").await;
    assert!(!cacheable.has("cache-control: no-store"), "{}", cacheable.head);
}

#[tokio::test]
async fn readiness_is_the_services_own_word() {
    let server = start(Vec::new(), "{}");
    assert_eq!(get(server.address, "/readyz").await.status, 200);
    server.shared.ready.0.store(false, Ordering::SeqCst);
    let answer = get(server.address, "/readyz").await;
    assert_eq!(answer.problem(ProblemKind::Unavailable).1, "the store does not answer");
    assert!(answer.has("retry-after: 1"), "{}", answer.head);
}

#[tokio::test]
async fn the_metrics_listener_serves_metrics_alone() {
    let server = start(Vec::new(), "{}");
    let metrics = get(server.metrics_address, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("farthing_build_info{"), "{}", metrics.body);
    for path in ["/", "/healthz", "/orders", "/metrics/"] {
        get(server.metrics_address, path).await.problem(ProblemKind::NotFound);
    }
    post(server.metrics_address, "/metrics", "text/plain", "").await.problem(ProblemKind::MethodNotAllowed);
    get(server.address, "/metrics").await.problem(ProblemKind::NotFound);
}

#[tokio::test]
async fn an_ordinary_client_can_use_it() {
    let server = start(Vec::new(), "{}");
    let url = format!("http://{}/orders", server.address);
    let status = tokio::task::spawn_blocking(move || {
        let order = serde_json::json!({"pack": "a", "method": "voucher", "claim": "A".repeat(43)});
        ureq::post(&url).send_json(order).unwrap().status()
    });
    assert_eq!(status.await.unwrap(), 201);
}

#[tokio::test]
async fn stopping_finishes_what_is_in_flight_and_ends_the_tasks() {
    let dropped = Arc::new(());
    let held = Arc::clone(&dropped);
    let task: Task = Box::pin(async move {
        std::future::pending::<()>().await;
        drop(held);
    });
    let Running { address, metrics_address, shared, stop, ended } = start(vec![task], "{}");

    // An idle connection keeps nobody waiting.
    let mut idle = TcpStream::connect(address).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let in_flight = tokio::spawn(async move { get(address, "/slow").await });
    shared.begun.notified().await;
    stop.send(()).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    shared.release.notify_one();
    assert_eq!(in_flight.await.unwrap().body, "done");
    tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap().unwrap();
    assert_eq!(Arc::strong_count(&dropped), 1);
    assert!(TcpStream::connect(metrics_address).is_err());
}

#[tokio::test]
async fn a_task_that_panics_stops_the_service() {
    let running = start(vec![Box::pin(async { panic!("a defect") }), Box::pin(async {})], "{}");
    let ended = tokio::time::timeout(Duration::from_secs(20), running.ended).await.unwrap().unwrap();
    assert!(matches!(ended, Err(ServeError::Panicked)), "{ended:?}");
}

#[tokio::test]
async fn an_address_in_use_is_one_line() {
    let server = start(Vec::new(), "{}");
    let options = ServeOptions {
        listen: server.address,
        metrics_listen: None,
        metrics: Arc::new(Metrics::new("issuer", "0.1.0", Arc::new(SystemClock))),
        timeouts: Timeouts::default(),
        connections: 1_000,
        tls: None,
        traces: None,
        tasks: Vec::new(),
    };
    let error = Server::bind(options, Api::new("Test", "Of tests.")).err().unwrap().to_string();
    assert_eq!(
        error,
        format!(
            "listen: {} cannot be bound: Address already in use (os error 98); stop what listens there, or configure \
             another",
            server.address
        )
    );
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_given_up() {
    let server = start(Vec::new(), r#"{"unread_seconds":1}"#);
    let mut client = TcpStream::connect(server.address).unwrap();
    client.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // It stays connected, and reads nothing.
    tokio::time::timeout(Duration::from_secs(30), server.shared.release.notified()).await.unwrap();
    drop(client);
}
