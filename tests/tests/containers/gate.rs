//! The profile `gate`: nothing of it runs unless it is asked for, and then readers pay for the sample site's articles, once,
//! whatever is restarted.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use farthing_tests::http::{self, Answer};
use farthing_tests::{Publisher, Reader, World};
use serde_json::{Value, json};

use crate::stack::{self, Stack, tell};

/// The profile's name, and the services that are in it.
pub const PROFILE: &str = "gate";
const SERVICES: [&str; 4] = ["gate", "gate-secret", "gate-api-key", "site"];
/// The articles in the order in which they are read, one a round, and what they cost in micros.
const ARTICLES: [(&str, u64); 3] = [
    ("/articles/a-coin-says-nothing.html", 10_000),
    ("/articles/signed-unseen.html", 10_000),
    ("/long-reads/what-a-price-tells.html", 50_000),
];

/// A reader of the sample site, who has a hundred tokens of a cent.
pub struct Visitor<'a> {
    stack: &'a Stack,
    reader: Reader<'a>,
    output: PathBuf,
}

impl<'a> Visitor<'a> {
    /// Looks that nothing of the profile runs, then starts it; and buys.
    pub fn of_a_new_gate(stack: &'a Stack, world: &'a World) -> Self {
        for service in SERVICES {
            let running = stack.compose(&["--profile", PROFILE, "ps", "--quiet", service]);
            assert_eq!(running, "", "{service} runs without its profile");
        }
        stack.up(&[PROFILE]);
        let reader = world.reader("visitor");
        let (issuer, redeemer) = (stack.issuer_url(), stack.redeemer_url());
        let voucher = stack.voucher();
        reader.run(&Reader::buying(&issuer, &redeemer, &voucher)).unwrap().done().unwrap();
        Self { stack, reader, output: world.path("page") }
    }

    /// Reads the article of round 1, 2 or 3, for which nobody has paid; and those of the rounds before, which are paid for.
    pub fn read(&self, round: usize) {
        let front = self.ask("/");
        assert_eq!(front.status, 200);
        assert_eq!(front.body, page("/index.html"), "the front page is free");
        let read = &ARTICLES[..round];
        let (article, price) = read[round - 1];
        let asked = self.ask(article);
        assert_eq!((asked.status, asked.problem().as_str()), (401, "payment-required"));
        let challenge = asked.header("www-authenticate");
        assert!(challenge.contains(&format!("price-micros=\"{price}\"")), "{challenge}");

        for (path, _) in &read[..round - 1] {
            assert_eq!(self.get(path)["payment"], Value::Null, "{path} is paid for twice");
        }
        let payment = self.get(article)["payment"].clone();
        assert_eq!((&payment["state"], &payment["micros"]), (&json!("spent"), &json!(price)), "{payment}");
        let sum: u64 = read.iter().map(|(_, price)| price).sum();
        assert_eq!(self.credit(), sum, "the credit after round {round}");
        tell(&format!("the visitor read {article} for {price} micros; the publisher has {sum}"));
    }

    /// Gets a page with the wallet, which may pay what the dearest costs; what the wallet says.
    fn get(&self, path: &str) -> Value {
        let _ = fs::remove_file(&self.output);
        let (url, output) = (self.url(path), self.output.display().to_string());
        let got = self.reader.run(&["get", &url, "--max", "0.05", "EUR", "--output", &output]);
        let got = got.unwrap().done().unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(fs::read(&self.output).unwrap(), page(path));
        got
    }

    fn ask(&self, path: &str) -> Answer {
        http::get(&self.url(path), &[]).unwrap()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.gate_url())
    }

    /// What the redeemer credited to whoever has the gate's API key.
    fn credit(&self) -> u64 {
        let api_key = self.stack.exec("gate", &["cat", "/var/lib/farthing-gate/api-key"]);
        let publisher = Publisher { id: String::new(), api_key: api_key.trim().to_owned() };
        publisher.credit_micros(&self.stack.redeemer_url()).unwrap()
    }
}

/// The file that the site has at a path.
fn page(path: &str) -> Vec<u8> {
    fs::read(stack::root().join(format!("configs/compose/site{path}"))).unwrap()
}

#[test]
fn the_gate_is_left_out_unless_it_is_asked_for() {
    let compose = stack::yaml("docker-compose.yml");
    let services = compose["services"].as_object().unwrap().iter();
    let in_profile = services.filter(|(_, service)| service["profiles"] == json!([PROFILE]));
    let in_profile: BTreeSet<_> = in_profile.map(|(name, _)| name.as_str()).collect();
    assert_eq!(in_profile, BTreeSet::from(SERVICES));
}

#[test]
fn every_article_of_the_sample_site_has_its_price_and_its_link() {
    let front = String::from_utf8(page("/index.html")).unwrap();
    let text = fs::read_to_string(stack::root().join("configs/compose/gate.toml")).unwrap();
    for (path, price) in ARTICLES {
        assert!(front.contains(&format!("<a href=\"{path}\">")), "{path}");
        let directory = path.split('/').nth(1).unwrap();
        let table = format!("path = \"/{directory}/*/**\"\nprice_micros = {price}\ncurrency = \"EUR\"");
        assert!(text.contains(&table), "{path}");
        assert!(String::from_utf8(page(path)).unwrap().contains("<h1>"), "{path}");
    }
    assert_eq!(text.matches("[[price]]").count(), 2, "few prices");
}
