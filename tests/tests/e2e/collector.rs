//! A collector of traces: a small server of OTLP over HTTP that keeps what it is sent.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use farthing_tests::World;
use farthing_tests::programs::Program;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

pub const HOUR: u64 = 3_600;
/// Longest wait for traces whose hour is over.
const PATIENCE: Duration = Duration::from_secs(30);

/// A collector on this machine. It stops when it is dropped.
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Each request: its head, and its body.
    requests: Mutex<Vec<(String, Vec<u8>)>>,
    is_down: AtomicBool,
    stop: AtomicBool,
}

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let collector = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if collector.stop.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                // Kept before it is answered, so that whoever was answered finds it here.
                let request = read(&mut stream);
                collector.requests.lock().unwrap().push(request);
                let is_down = collector.is_down.load(Ordering::SeqCst);
                let status = if is_down { "503 Service Unavailable" } else { "200 OK" };
                let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Adds the table `traces`, with this collector, to a service's configuration; up to a hundred of each kind are sent.
    pub fn configure(&self, world: &World, program: Program) {
        let mut file = OpenOptions::new().append(true).open(world.configuration(program)).unwrap();
        let table =
            format!("[traces]\notlp_endpoint = \"http://{}\"\ntraces_of_a_kind = 100\n", self.address);
        file.write_all(table.as_bytes()).unwrap();
    }

    /// Whether it refuses what it is sent.
    pub fn set_down(&self, is_down: bool) {
        self.shared.is_down.store(is_down, Ordering::SeqCst);
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        self.shared.requests.lock().unwrap().len()
    }

    /// Waits for a request more than `count`.
    #[track_caller]
    pub fn wait_for_more_than(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.count() <= count {
            assert!(Instant::now() < deadline, "no traces came");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has, of each name and class of status, so many requests as `expected` says, and no others; an hour
    /// may come in several messages.
    #[track_caller]
    pub fn wait_for(&self, expected: &[(&str, usize)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = requests(&spans(&self.messages(0)));
            if found == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{found:?} instead of {expected:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Every byte that came.
    pub fn bytes(&self) -> Vec<u8> {
        let requests = self.shared.requests.lock().unwrap();
        requests.iter().flat_map(|(head, body)| [head.as_bytes(), body]).flatten().copied().collect()
    }

    /// The heads of all requests.
    pub fn heads(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    }

    /// What came in the requests after the first `seen`.
    pub fn messages(&self, seen: usize) -> Vec<ExportTraceServiceRequest> {
        let requests = self.shared.requests.lock().unwrap();
        let bodies = requests.iter().skip(seen).map(|(_, body)| body.as_slice());
        bodies.map(|body| ExportTraceServiceRequest::decode(body).unwrap()).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Only a connection wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the collector panicked");
        }
    }
}

/// Reads a request whose length its head tells.
fn read(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).unwrap();
    let mut body = vec![0; length.trim().parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

/// Every span of some messages.
pub fn spans(messages: &[ExportTraceServiceRequest]) -> Vec<&Span> {
    let scopes = messages.iter().flat_map(|message| &message.resource_spans).flat_map(|one| &one.scope_spans);
    scopes.flat_map(|scope| &scope.spans).collect()
}

/// How many requests of each name and class of status there are among `spans`.
pub fn requests(spans: &[&Span]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for span in spans.iter().filter(|span| span.parent_span_id.is_empty()) {
        let attribute = span.attributes.iter().find(|pair| pair.key == "http.response.status_class").unwrap();
        let class = text(attribute.value.as_ref());
        *counts.entry(format!("{} {class}", span.name)).or_default() += 1;
    }
    counts
}

/// The text that an attribute must have.
pub fn text(value: Option<&opentelemetry_proto::tonic::common::v1::AnyValue>) -> &str {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    match value.unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

/// The clock of a world that tests moves from hour to hour.
pub struct Hours<'a> {
    world: &'a World,
    ahead: u64,
}

impl<'a> Hours<'a> {
    /// Ten minutes into an hour: none must end by itself while a test looks on.
    pub fn start(world: &'a World) -> Self {
        let hours = Self { world, ahead: 600 + HOUR - now() % HOUR };
        hours.set();
        hours
    }

    /// An hour later; when, in unix seconds, the hour began that this is in.
    pub fn next(&mut self) -> u64 {
        self.ahead += HOUR;
        self.set();
        let now = now() + self.ahead;
        now - now % HOUR
    }

    fn set(&self) {
        self.world.move_clock(i64::try_from(self.ahead).unwrap()).unwrap();
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
