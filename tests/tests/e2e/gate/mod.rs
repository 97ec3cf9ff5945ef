//! The gate before a site, with issuer, redeemer and wallet.

mod any_language;
mod browser;
mod forward_auth;
mod handshake;
mod heard;
mod many;
mod misuse;
mod outages;
mod passes;
mod paywall;
mod privacy;
mod proxying;
mod receipts;
mod reload;
mod servers;
mod test_money;
mod wallet;

use std::fs;
use std::time::{Duration, Instant};

use farthing_protocol::{RedemptionHeader, Token};
use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{Publisher, ServiceProcess, Site, Wiretap, World};

use crate::world;

/// Longest wait for what must happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

/// What pages cost in the tests: one cent, five cents, forty cents, and all of an archive for two cents.
const PRICES: &str = r#"
free = ["/articles/welcome"]

[[price]]
path = "/archive/**"
price_micros = 20000
currency = "EUR"
pass_minutes = 1

[[price]]
path = "/long/*"
price_micros = 50000
currency = "EUR"

[[price]]
path = "/books/*"
price_micros = 400000
currency = "EUR"

[[price]]
path = "/teasers/*"
price_micros = 10000
currency = "EUR"
preview = true

[[price]]
path = "/articles/*/**"
price_micros = 10000
currency = "EUR"
"#;

/// A reader with tokens, a publisher with a site, and the gate before it.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) issuer: ServiceProcess,
    pub(crate) redeemer: ServiceProcess,
    pub(crate) gate: ServiceProcess,
    pub(crate) site: Site,
    pub(crate) publisher: Publisher,
}

impl Scene {
    /// A reader with a hundred tokens of a cent. The configuration ends in further keys of `upstream`, and `tables`.
    pub(crate) fn new(tables: &str) -> Self {
        Self::of(world(), tables)
    }

    /// The same in a world of one's own.
    pub(crate) fn of(world: World, tables: &str) -> Self {
        let (issuer, redeemer) =
            (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
        world.reader("reader").buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
        let (publisher, site) = (world.publisher("Daily").unwrap(), Site::start().unwrap());
        let rest = format!("{PRICES}\n[upstream]\nurl = \"{}\"\n{tables}", site.url());
        world.write_gate(&redeemer.url(), &publisher, &rest).unwrap();
        let gate = world.serve(Program::Gate).unwrap();
        Self { world, issuer, redeemer, gate, site, publisher }
    }

    /// Lets somebody listen to what the gate asks the redeemer from now on.
    pub(crate) fn tapped(self) -> (Self, Wiretap) {
        let tap = Wiretap::before(self.redeemer.address()).unwrap();
        let scene = self.with_redeemer_at(&tap.url());
        (scene, tap)
    }

    /// Starts the gate anew, which is to reach the redeemer at another address.
    pub(crate) fn with_redeemer_at(self, url: &str) -> Self {
        let Self { world, issuer, redeemer, gate, site, publisher } = self;
        gate.stop().unwrap();
        let file = world.configuration(Program::Gate);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replacen(&redeemer.url(), url, 1)).unwrap();
        let gate = world.serve(Program::Gate).unwrap();
        Self { world, issuer, redeemer, gate, site, publisher }
    }

    /// Buys the reader a hundred tokens more.
    pub(crate) fn buy(&self) {
        let voucher = self.world.voucher().unwrap();
        self.world.reader("reader").buy(&self.issuer, &self.redeemer, &voucher).unwrap();
    }

    /// Takes tokens out of the reader's wallet.
    pub(crate) fn tokens(&self, count: u32) -> Vec<Token> {
        let texts = self.world.reader("reader").export(count).unwrap();
        texts.iter().map(|text| Token::decode(&Token::bytes_of_base64url(text).unwrap()).unwrap()).collect()
    }

    /// Asks for a page.
    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        http::get(&format!("{}{path}", self.gate.url()), headers).unwrap()
    }

    /// Asks for a page and pays with these tokens.
    pub(crate) fn pay(&self, path: &str, tokens: &[Token]) -> Answer {
        self.get(path, &[("Authorization", &authorization(tokens))])
    }

    /// What the publisher was credited, in micros.
    pub(crate) fn credit(&self) -> u64 {
        self.publisher.credit_micros(&self.redeemer.url()).unwrap()
    }
}

/// The header that pays with these tokens.
pub(crate) fn authorization(tokens: &[Token]) -> String {
    RedemptionHeader::new(copies(tokens)).unwrap().encode()
}

fn copies(tokens: &[Token]) -> Vec<Token> {
    tokens.iter().map(|token| Token::decode(&token.encode()).unwrap()).collect()
}

/// The pass that an answer gives, as a browser sends it back.
#[track_caller]
pub(crate) fn pass(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    let mut passes = cookies.filter(|cookie| cookie.starts_with("__Secure-farthing-pass="));
    let cookie = passes.next().unwrap_or_else(|| panic!("{}: no pass: {answer:?}", answer.status));
    assert_eq!(passes.next(), None);
    cookie.split(';').next().unwrap().to_owned()
}

/// Whether an answer gives a pass.
pub(crate) fn has_pass(answer: &Answer) -> bool {
    answer
        .headers
        .get_all("set-cookie")
        .iter()
        .any(|value| value.as_bytes().starts_with(b"__Secure-farthing"))
}

/// That an answer asks for a payment, for this reason, and spent nothing.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, problem: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status, answer.problem().as_str()), (401, problem), "{body}");
    assert!(answer.header("www-authenticate").starts_with("PrivateToken challenge=\""), "{answer:?}");
    assert_eq!(answer.headers.get_all("www-authenticate").iter().count(), 1, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert!(!has_pass(answer), "{answer:?}");
}

/// What monitoring sees of a gate.
pub(crate) fn metrics(gate: &ServiceProcess) -> String {
    let log = fs::read_to_string(gate.log()).unwrap();
    let address = log.rsplit("metrics=").next().unwrap().split_whitespace().next().unwrap();
    String::from_utf8(http::get(&format!("http://{address}/metrics"), &[]).unwrap().body).unwrap()
}

/// Waits until the log of the gate has a text.
#[track_caller]
pub(crate) fn wait_for_log(service: &ServiceProcess, text: &str) {
    wait_until(text, || fs::read_to_string(service.log()).unwrap().contains(text));
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} does not come true");
        std::thread::sleep(Duration::from_millis(10));
    }
}
