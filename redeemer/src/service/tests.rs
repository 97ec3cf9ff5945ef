//! The whole service over HTTP, with real keys, a real store and a clock that is set by hand.

mod audits;
mod dashboard;
mod exports;
mod fairness;
mod outage;
mod public;
mod redemptions;
mod requests;
mod statements;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use data_encoding::BASE64URL_NOPAD;
use farthing_api::{BALANCE_PAYLOAD_TYPE, Envelope, KeyListing, Problem, ProblemKind, Totals};
use farthing_protocol::{IssuerName, SECONDS_PER_DAY, Token};
use farthing_service::birth::{Birth, TrustedKeys};
use farthing_service::clock::Clock;
use farthing_service::reload::Configuration;
use farthing_service::server::Server;
use farthing_service::verification_key::VerificationKey;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use ureq::http::{Request, Response};

use super::*;
use crate::admin::Command;
use crate::test_tokens::{ISSUER, NOW, TestKey};

struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a test does at a step, once.
type AtStep = Option<(&'static str, Box<dyn FnOnce() + Send>)>;

/// A redeemer that serves on a free port of the loopback.
struct Running {
    directory: tempfile::TempDir,
    clock: Arc<SetClock>,
    steps: Arc<Mutex<Vec<String>>>,
    at_step: Arc<Mutex<AtStep>>,
    url: String,
    redeemer: Arc<Redeemer>,
    metrics: Arc<Metrics>,
    api_key: String,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

fn config(directory: &Path, more: &str) -> Config {
    let path = directory.join("redeemer.toml");
    let text = include_str!("../../../configs/redeemer.toml")
        .replace("127.0.0.1:8702", "127.0.0.1:0")
        .replace("metrics_listen", "# metrics_listen")
        .replace("store_ms = 2000", "store_ms = 20000");
    std::fs::write(&path, text + more).unwrap();
    Config::load(&path).unwrap()
}

impl Running {
    /// Starts one that knows `keys`.
    fn start(keys: &[&TestKey]) -> Self {
        Self::start_with(keys, "")
    }

    /// Starts one whose configuration says `more`.
    fn start_with(keys: &[&TestKey], more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = config(directory.path(), more);
        std::fs::create_dir_all(&config.keyring).unwrap();
        for key in keys {
            key.write(&config.keyring);
        }
        let birth = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(config.store.create(&birth)).unwrap();
        config.signing_key.create_if_missing(&config.base).unwrap();
        config.idempotency_secret.create_if_missing(&config.base).unwrap();
        let clock = Arc::new(SetClock(AtomicU64::new(NOW)));
        let steps = Arc::new(Mutex::new(Vec::new()));
        let at_step = Arc::new(Mutex::new(AtStep::None));
        let (seen, at) = (Arc::clone(&steps), Arc::clone(&at_step));
        let environment = Environment {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            steps: Arc::new(move |step| {
                seen.lock().unwrap().push(step.to_owned());
                if let Some((_, act)) = at.lock().unwrap().take_if(|(name, _)| *name == step) {
                    act();
                }
            }),
        };
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let stores = Stores::open(&config.store, &environment).await.unwrap();
                let (redeemer, options) = assemble(stores, config, environment.clone()).await.unwrap();
                let metrics = Arc::clone(&options.metrics);
                let server = Server::bind(options, routes::of(&redeemer)).unwrap();
                let name = Command::AddPublisher { name: "Daily".parse().unwrap(), payout_reference: None };
                let added = redeemer.obey(name).await.unwrap();
                let api_key = added[0]["api_key"].as_str().unwrap().to_owned();
                ready.send((server.address(), redeemer, metrics, api_key)).unwrap();
                server.run(async { drop(stopped.await) }).await.unwrap();
            });
        });
        let (address, redeemer, metrics, api_key) = started.recv().unwrap();
        let url = format!("http://{address}");
        let (stop, serving) = (Some(stop), Some(serving));
        Self { directory, clock, steps, at_step, url, redeemer, metrics, api_key, stop, serving }
    }

    fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.url));
        send(request.header("Authorization", format!("Bearer {}", self.api_key)).body(Vec::new()).unwrap())
    }

    /// A redemption that lacks nothing but a body.
    fn post(&self, path: &str, key: &str, media_type: &str) -> ureq::http::request::Builder {
        Request::post(format!("{}{path}", self.url))
            .header("Authorization", format!("Bearer {}", self.api_key))
            .header("Idempotency-Key", key)
            .header("Content-Type", media_type)
    }

    fn redeem(&self, key: &str, tokens: &[&Token], atomic: bool) -> Answer {
        let tokens: Vec<_> = tokens.iter().map(|token| BASE64URL_NOPAD.encode(&token.encode())).collect();
        let body = serde_json::to_vec(&json!({"tokens": tokens, "atomic": atomic})).unwrap();
        send(self.post("/v1/redemptions", key, "application/json").body(body).unwrap())
    }

    fn redeem_octets(&self, path: &str, key: &str, tokens: &[&Token]) -> Answer {
        let body = tokens.iter().flat_map(|token| token.encode()).collect();
        send(self.post(path, key, "application/octet-stream").body(body).unwrap())
    }

    fn euro_tokens(&self) -> Value {
        self.balance()["credit"][0]["tokens"].clone()
    }

    fn balance(&self) -> Value {
        self.payload("/v1/balance", BALANCE_PAYLOAD_TYPE)
    }

    /// What is in the envelope at `path`, which the redeemer has signed.
    #[track_caller]
    fn payload(&self, path: &str, payload_type: &'static str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status(), 200);
        let envelope: Envelope = serde_json::from_slice(&answer.body).unwrap();
        let published = self.get(farthing_api::SIGNING_KEYS_PATH).json();
        assert_eq!(published["keys"][0]["kid"], envelope.signatures[0].keyid.as_str());
        let key: VerificationKey = published["keys"][0]["x"].as_str().unwrap().parse().unwrap();
        key.open(payload_type, &envelope).unwrap()
    }

    fn reload(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(self.redeemer.keyring.reload()).unwrap();
    }
}

fn send(request: Request<Vec<u8>>) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut response = agent.run(request).unwrap();
    let body = response.body_mut().read_to_vec().unwrap();
    Answer { response: response.map(|_| ()), body }
}

struct Answer {
    response: Response<()>,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The kind and field of a problem, whose status is the answer's.
    #[track_caller]
    fn problem(&self) -> (ProblemKind, Option<String>) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status());
        (ProblemKind::from_uri(&problem.kind).unwrap(), problem.field)
    }

    #[track_caller]
    fn results(&self, status: u16, results: &[&str]) {
        assert_eq!(self.status(), status, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.json()["results"], json!(results));
    }
}
