//! What the site and the redeemer hear of a visit, on the wire, and what they do not.

use std::process::Command;

use farthing_protocol::{RedemptionHeader, Token};
use farthing_tests::{Asked, PACK, Wiretap};

use super::test_money::selling;
use super::{Scene, authorization};

const GUIDE: &str = include_str!("../../../../docs/gate.md");

/// What the redeemer was asked about tokens, beside which keys it accepts.
fn about_tokens(tap: &Wiretap) -> Vec<Asked> {
    tap.heard().into_iter().filter(|asked| asked.target != "/v1/keys").collect()
}

#[test]
fn the_redeemer_is_not_asked_about_tokens_that_cannot_pay() {
    let world = selling(&[(PACK, "EUR"), ("tests", "XTS")]).prepared().unwrap();
    let test_money = "\n[[price]]\npath = \"/tests/*\"\nprice_micros = 10000\ncurrency = \"XTS\"\n";
    let (scene, tap) = Scene::of(world, test_money).tapped();
    let tokens = scene.tokens(2);
    let token = |number: usize| Token::decode(&tokens[number].encode()).unwrap();
    // Made for another challenge: its digest begins after type and nonce.
    let mut foreign = tokens[0].encode();
    foreign[2 + 32] ^= 1;
    let foreign = Token::decode(&foreign).unwrap();
    about_tokens(&tap);
    for (what, path, shown) in [
        ("too much", "/articles/1", vec![token(0), token(1)]),
        ("too little", "/archive/1", vec![token(0)]),
        ("another currency", "/tests/1", vec![token(0)]),
        ("the same twice", "/archive/1", vec![token(0), token(0)]),
        ("another challenge", "/articles/1", vec![foreign]),
    ] {
        let paying = RedemptionHeader::new(shown).unwrap().encode();
        let refused = scene.get(path, &[("Authorization", &paying)]);
        assert_eq!(refused.status, 401, "{what}: {refused:?}");
        assert_eq!(about_tokens(&tap), [], "{what}");
    }
    // All of this spent nothing, and what can pay is asked about once.
    assert_eq!(scene.get("/archive/1", &[("Authorization", &authorization(&tokens))]).status, 200);
    let asked = about_tokens(&tap);
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), asked[0].body.len()), ("POST", 2 * Token::LENGTH));
    assert_eq!(scene.credit(), 20_000);
}

/// A request as the guide shows it: its first line, its headers, and what stands for a body.
struct Shown {
    first: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Shown {
    /// The request that is shown in this place of the guide's section about a visit. Right of two blanks stands what it means. The redeemer's
    /// name there is another.
    fn in_guide(place: usize, redeemer: &str) -> Self {
        let (_, section) = GUIDE.split_once("## One visit, as each sees it").unwrap();
        let block = section.split("```text\n").nth(1 + place).unwrap().split("```").next().unwrap();
        let block = block.replace("redeemer.example", redeemer);
        let mut lines = block.lines().map(|line| line.split("  ").next().unwrap());
        let (first, mut headers, mut body) = (lines.next().unwrap().to_owned(), Vec::new(), None);
        for line in lines {
            match line.split_once(": ") {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                None => body = Some(line.to_owned()),
            }
        }
        Self { first, headers, body }
    }

    /// That just this was sent, up to what differs from visit to visit.
    #[track_caller]
    fn assert_is(&self, first: &str, sent: &[(String, String)]) {
        assert_eq!(first, self.first);
        let names = |headers: &[(String, String)]| {
            let mut names: Vec<_> = headers.iter().map(|(name, _)| name.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(sent), names(&self.headers), "{sent:?}");
        for (name, shown) in &self.headers {
            let (_, value) = sent.iter().find(|(sent, _)| sent == name).unwrap();
            let is_shown = match (name.as_str(), shown.strip_suffix("...")) {
                (_, Some(beginning)) => value.starts_with(beginning) && value.len() > beginning.len(),
                ("user-agent", None) => value.split('/').next() == shown.split('/').next(),
                ("idempotency-key", None) => value.len() == shown.len() && value != shown,
                _ => value == shown,
            };
            assert!(is_shown, "{name}: {value}, and the guide shows {shown}");
        }
    }
}

#[test]
fn the_guide_shows_all_that_the_site_and_the_redeemer_are_sent() {
    // As behind a proxy that has the certificate.
    let (scene, tap) = Scene::new("[limits]\ntrusted_proxies = [\"127.0.0.1\"]\n").tapped();
    let tokens = scene.tokens(1);
    about_tokens(&tap);
    let curl = Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--header",
            "Host: news.example",
            "--header",
            "X-Forwarded-Proto: https",
        ])
        .args(["--header", "X-Forwarded-For: 203.0.113.7", "--header"])
        .arg(format!("Authorization: {}", authorization(&tokens)))
        .arg(format!("{}/articles/7", scene.gate.url()))
        .output()
        .unwrap();
    assert!(curl.status.success(), "{curl:?}");

    let seen = scene.site.seen();
    assert_eq!(seen.len(), 1);
    let text = |member: &str| seen[0][member].as_str().unwrap();
    let headers: Vec<(String, String)> = serde_json::from_value(seen[0]["headers"].clone()).unwrap();
    let line = format!("{} {} HTTP/1.1", text("method"), text("target"));
    Shown::in_guide(0, "").assert_is(&line, &headers);
    assert_eq!(text("body"), "");

    let asked = about_tokens(&tap);
    assert_eq!(asked.len(), 1);
    let asked = &asked[0];
    let shown = Shown::in_guide(1, tap.url().trim_start_matches("http://"));
    shown.assert_is(&format!("{} {} HTTP/1.1", asked.method, asked.target), &asked.headers);
    assert_eq!(shown.body.unwrap(), format!("({} bytes)", asked.body.len()));
    assert_eq!(asked.body, tokens[0].encode());
}
