//! schemathesis looks for answers of running services that are not in their OpenAPI documents, and for requests that fit them
//! and cannot be read. `FARTHING_TEST_SCHEMATHESIS` names the program; `cargo xtask test --all` installs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use farthing_protocol::{Day, Token};
use farthing_tests::programs::Program;
use farthing_tests::{FileClock, Order, PACK, Publisher, ServiceProcess, World, http, key_of};

/// The program that is all programs.
const BINARY: &str = env!("CARGO_BIN_EXE_farthing-demo");
/// Where its configuration and hooks are.
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis");
/// What it chooses requests by, unless `FARTHING_TEST_SEED` says otherwise.
const SEED: &str = "20261122";
/// Requests that it makes up for each operation, beside those that it does not leave to chance.
const EXAMPLES: &str = "60";
/// What a gate asks for a page.
const PRICES: &str = r#"
[forward_auth]
secret = "file:data/gate.proxy-secret"
uri_header = "X-Original-URI"
host_header = "X-Forwarded-Host"

[[price]]
path = "/articles/*"
price_micros = 10000
currency = "EUR"
"#;

/// Issuer and redeemer, a publisher, and a directory for what is real among the requests.
struct Scene {
    world: World,
    issuer: ServiceProcess,
    redeemer: ServiceProcess,
    publisher: Publisher,
}

impl Scene {
    fn new() -> Self {
        let world = World::new(BINARY).unwrap();
        world.write_configuration(Program::Redeemer, World::PAYS_AT_ONCE).unwrap();
        let (issuer, redeemer) =
            (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
        let publisher = world.publisher("Daily").unwrap();
        fs::create_dir(world.path("real")).unwrap();
        Self { world, issuer, redeemer, publisher }
    }

    /// Has some requests carry these bodies.
    fn is_real(&self, kind: &str, bodies: &[Vec<u8>]) {
        let lines: String = bodies
            .iter()
            .map(|body| body.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n")
            .collect();
        fs::write(self.world.path("real").join(kind), lines).unwrap();
    }

    /// Buys tokens, which some requests carry.
    fn buy(&self) {
        let reader = self.world.reader("reader");
        reader.buy(&self.issuer, &self.redeemer, &self.world.voucher().unwrap()).unwrap();
        self.is_real("tokens", &self.tokens(95));
    }

    /// Takes tokens out of the reader's wallet.
    fn tokens(&self, count: u32) -> Vec<Vec<u8>> {
        let tokens = self.world.reader("reader").export(count).unwrap();
        tokens.iter().map(|token| Token::bytes_of_base64url(token).unwrap().to_vec()).collect()
    }

    /// Gives the publisher an income, a statement that is paid in part, and more income since; some requests name the
    /// statement and come from its browser.
    fn keep_books(&self) {
        let today = Day::from_unix(FileClock::real_seconds());
        self.redeem("before");
        let statement = self.world.keep_books(&self.publisher, today).unwrap();
        self.redeem("after");
        self.is_real("statements", &[statement.into_bytes()]);
        let url = self.redeemer.url();
        let form = format!("api_key={}", self.publisher.api_key).into_bytes();
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", url.as_str())];
        let signed_in = http::post(&format!("{url}/dashboard/sign-in"), &headers, form).unwrap();
        self.is_real("sessions", &[cookie(&signed_in)]);
    }

    fn redeem(&self, idempotency_key: &str) {
        let tokens = self.world.reader("reader").export(1).unwrap();
        let redeemed = self.publisher.redeem(&self.redeemer.url(), idempotency_key, &tokens).unwrap();
        assert_eq!(redeemed.status, 200, "{}", redeemed.body);
    }

    /// Compares the service at `origin` with its document, as somebody who shows `header`.
    fn compare(&self, program: &OsString, origin: &str, document: &str, header: &str) {
        let key = key_of(&self.issuer.url(), 10_000).unwrap().token_key_id().to_string();
        let seed = std::env::var("FARTHING_TEST_SEED").unwrap_or_else(|_| SEED.to_owned());
        let output = Command::new(program)
            .arg("--config-file")
            .arg(Path::new(OURS).join("schemathesis.toml"))
            .args(["run", "--no-color", "--continue-on-failure", "--max-examples", EXAMPLES])
            .args(["--seed", &seed, "--header", header])
            .arg(format!("{origin}{document}"))
            .current_dir(self.world.path("real"))
            .env("SCHEMATHESIS_HOOKS", Path::new(OURS).join("hooks.py"))
            .env("FARTHING_REAL", self.world.path("real"))
            .env("FARTHING_ORIGIN", origin)
            .env("FARTHING_TOKEN_KEY_ID", key)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains(" passed"),
            "FARTHING_TEST_SEED={seed}\n{said}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let cases = said.lines().find(|line| line.contains(" generated, ")).unwrap_or_default().trim();
        tell(&format!("{document}: {cases}, with FARTHING_TEST_SEED={seed}"));
    }
}

/// The cookie that an answer gives, as a browser sends it back.
fn cookie(answer: &http::Answer) -> Vec<u8> {
    let (cookie, _) =
        answer.header("set-cookie").split_once(';').unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    cookie.as_bytes().to_vec()
}

/// The program, if there is one; otherwise says loudly that a test is skipped.
fn schemathesis() -> Option<OsString> {
    let program = std::env::var_os("FARTHING_TEST_SCHEMATHESIS").filter(|name| !name.is_empty());
    if program.is_none() {
        tell("SKIPPED: a service was not compared with its OpenAPI document; `cargo xtask test --all` does");
    }
    program
}

fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn the_issuer_answers_what_its_document_says() {
    let Some(program) = schemathesis() else { return };
    let scene = Scene::new();
    let url = scene.issuer.url();
    let mut order = Order::paid(&url, PACK, &scene.world.voucher().unwrap()).unwrap();
    let request = order.request(&key_of(&url, 10_000).unwrap(), 100).unwrap();
    scene.is_real("token-requests", &[request]);
    scene.compare(&program, &url, "/openapi.json", &format!("Authorization: {}", order.bearer()));
    assert_eq!(order.state().unwrap(), "issued", "what is real was sent");
}

#[test]
fn the_redeemer_answers_what_its_document_says() {
    let Some(program) = schemathesis() else { return };
    let scene = Scene::new();
    scene.buy();
    scene.keep_books();
    let url = scene.redeemer.url();
    let before = scene.publisher.credit_micros(&url).unwrap();
    let header = format!("Authorization: {}", scene.publisher.bearer());
    scene.compare(&program, &url, "/openapi.json", &header);
    assert_ne!(scene.publisher.credit_micros(&url).unwrap(), before, "what is real was sent");
}

#[test]
fn the_gate_answers_what_its_document_says() {
    let Some(program) = schemathesis() else { return };
    let scene = Scene::new();
    scene.buy();
    let redeemer = scene.redeemer.url();
    scene.world.write_gate(&redeemer, &scene.publisher, PRICES).unwrap();
    let gate = scene.world.serve(Program::Gate).unwrap();
    // For the site that the questions are about.
    let page = [
        ("Host", "news.example"),
        ("Origin", "https://news.example"),
        ("Farthing-Path", "/articles/7"),
        ("Content-Type", "application/octet-stream"),
    ];
    let pay = format!("{}/.well-known/farthing/pay", gate.url());
    let paid = http::post(&pay, &page, scene.tokens(1).concat()).unwrap();
    scene.is_real("passes", &[cookie(&paid)]);
    let secret = fs::read_to_string(scene.world.path("data/gate.proxy-secret")).unwrap();
    let header = format!("Farthing-Proxy-Secret: {}", secret.trim());
    scene.compare(&program, &gate.url(), "/.well-known/farthing/openapi.json", &header);
    assert_ne!(scene.publisher.credit_micros(&redeemer).unwrap(), 10_000, "what is real was sent");
}
