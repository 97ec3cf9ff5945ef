//! Bad requests to a redeemer, with tokens that nobody has spent.

use data_encoding::BASE64URL_NOPAD;
use farthing_protocol::IssuerDirectory;
use farthing_tests::Publisher;
use serde_json::{Value, json};

use super::MARKER;
use super::case::{Case, nothing_at, refused_methods};

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";
const KEY: &str = farthing_api::IDEMPOTENCY_KEY_HEADER;

pub fn cases(publisher: &Publisher, tokens: &[String]) -> Vec<Case> {
    let mut cases = strangers(tokens);
    cases.extend(idempotency_keys(publisher, tokens));
    cases.extend(bodies(publisher, tokens));
    cases.extend(bad_tokens(publisher, tokens));
    for path in [
        "/.well-known/jwks.json",
        "/v1/balance",
        "/v1/keys",
        "/v1/redemptions/a",
        "/v1/totals",
        "/healthz",
        "/readyz",
    ] {
        cases.extend(refused_methods(path, &["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]));
    }
    cases.extend(refused_methods("/v1/redemptions", &["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]));
    let of_the_issuer = [IssuerDirectory::PATH, "/v1/packs", "/v1/order", "/v1/orders", "/token-request"];
    cases.extend(nothing_at(&of_the_issuer));
    cases.extend(nothing_at(&[
        "/",
        "/v2",
        "/metrics",
        "/v1//keys",
        "/v1/redemptions/",
        "/v1/redemptions/a/b",
        "/%00",
    ]));
    cases
}

/// A redemption, with nothing that is wrong so far.
fn redemption(name: &str, publisher: &Publisher) -> Case {
    Case::new(name, "POST", "/v1/redemptions").header("Authorization", publisher.bearer())
}

fn of(tokens: &[String]) -> Value {
    json!({ "tokens": tokens })
}

/// API keys that are none, or nobody's.
fn strangers(tokens: &[String]) -> Vec<Case> {
    let nobody = format!("Bearer fpk_{}", "A".repeat(43));
    let marked = format!("Bearer fpk_{MARKER}");
    let mut cases = Vec::new();
    for (name, authorization) in [
        ("no API key", None),
        ("another scheme", Some("Basic QUFB")),
        ("a scheme alone", Some("Bearer")),
        ("what is no API key", Some(marked.as_str())),
        ("nobody's API key", Some(nobody.as_str())),
    ] {
        let redeem = Case::new(format!("redeeming with {name}"), "POST", "/v1/redemptions");
        for case in [
            redeem.header(KEY, "a").json(&of(&tokens[..1])),
            Case::new(format!("an earlier answer with {name}"), "GET", "/v1/redemptions/a"),
            Case::new(format!("the balance with {name}"), "GET", "/v1/balance"),
        ] {
            let case = match authorization {
                Some(value) => case.header("Authorization", value),
                None => case,
            };
            cases.push(case.problem(401, "api-key-unknown", "Authorization"));
        }
    }
    cases
}

fn idempotency_keys(publisher: &Publisher, tokens: &[String]) -> Vec<Case> {
    let send = |name: &str| redemption(name, publisher).json(&of(&tokens[..1]));
    let earlier = |name: &str, key: &str| {
        let path = format!("/v1/redemptions/{key}");
        Case::new(name, "GET", path).header("Authorization", publisher.bearer())
    };
    let long = "k".repeat(256);
    let missing = |case: Case| case.problem(400, "idempotency-key-missing", KEY);
    vec![
        missing(send("redeeming without an Idempotency-Key")),
        missing(send("redeeming with an empty Idempotency-Key").header(KEY, "")),
        missing(send("redeeming with a long Idempotency-Key").header(KEY, &long)),
        missing(send("redeeming with a tab in the Idempotency-Key").header(KEY, "a\tb")),
        missing(send("redeeming with two Idempotency-Keys").header(KEY, "a").header(KEY, "a")),
        missing(earlier("the answer of a long Idempotency-Key", &long)),
        missing(earlier("the answer of an Idempotency-Key with a line end", "a%0Ab")),
        earlier("the answer of an Idempotency-Key that was not used", MARKER).problem(
            404,
            "redemption-unknown",
            "",
        ),
    ]
}

fn bodies(publisher: &Publisher, tokens: &[String]) -> Vec<Case> {
    let send = |name: &str, media_type: &str, body: &[u8]| {
        redemption(&format!("a redemption {name}"), publisher).header(KEY, "a").body(media_type, body)
    };
    let send_json = |name: &str, body: &Value| send(name, JSON, body.to_string().as_bytes());
    let with_query = |query: &str, case_of: &str| {
        Case::new(format!("a redemption with {query}"), "POST", format!("/v1/redemptions?{query}"))
            .header("Authorization", publisher.bearer())
            .header(KEY, "a")
            .body(case_of, of(&tokens[..1]).to_string())
    };
    let deep = format!("{{\"tokens\":{}", "[".repeat(10_000));
    vec![
        send("that is text", "text/plain", b"{}").problem(415, "media-type", "Content-Type"),
        redemption("a redemption without anything", publisher).header(KEY, "a").problem(
            415,
            "media-type",
            "Content-Type",
        ),
        send("that is compressed", JSON, b"{}").header("Content-Encoding", "br").problem(
            415,
            "media-type",
            "Content-Encoding",
        ),
        send("that is cut short", JSON, b"{\"tokens\":").problem(422, "malformed", "body"),
        send("of nothing", JSON, b"").problem(422, "malformed", "body"),
        send("that is deep", JSON, deep.as_bytes()).problem(422, "malformed", "tokens[0]"),
        send("that is long", JSON, &vec![b' '; 400_000]).problem(413, "body-too-long", "body"),
        send_json("without members", &json!({})).problem(422, "malformed", "tokens"),
        send_json("of a text", &json!({"tokens": MARKER})).problem(422, "malformed", "tokens"),
        send_json("of a number", &json!({"tokens": [7]})).problem(422, "malformed", "tokens[0]"),
        send_json("with another member", &json!({"tokens": [], "colour": MARKER})).problem(
            422,
            "malformed",
            "colour",
        ),
        send_json("that is atomic by a text", &json!({"tokens": [], "atomic": MARKER})).problem(
            422,
            "malformed",
            "atomic",
        ),
        send_json("of no tokens", &json!({"tokens": []})).problem(422, "token-count", "tokens"),
        send_json("of 1,001 tokens", &json!({"tokens": vec!["AAAA"; 1_001]})).problem(
            422,
            "token-count",
            "tokens",
        ),
        send("of 161 bytes", OCTETS, &[0; 161]).problem(422, "malformed", "tokens"),
        send("of no bytes", OCTETS, b"").problem(422, "token-count", "tokens"),
        send("of 1,001 tokens of bytes", OCTETS, &vec![0; 162 * 1_001]).problem(422, "token-count", "tokens"),
        with_query("atomic=false", JSON).problem(400, "bad-request", "atomic"),
        with_query("atomic=zq7marker", OCTETS).problem(400, "bad-request", "query"),
        with_query("colour=zq7marker", JSON).problem(400, "bad-request", "query"),
    ]
}

/// Tokens that are not taken; with them a good one, which is not spent then.
fn bad_tokens(publisher: &Publisher, tokens: &[String]) -> Vec<Case> {
    let good = &tokens[0];
    let send = |name: &str, sent: &[String]| {
        redemption(&format!("a token {name}"), publisher).header(KEY, "a").json(&of(sent))
    };
    let forged = |at: usize| [good.clone(), forged(&tokens[1], at)];
    let octets = BASE64URL_NOPAD.decode(forged(98)[1].as_bytes()).unwrap();
    let alone = json!({ "tokens": [forged(161)[1]], "atomic": false });
    vec![
        send("of another type", &forged(1)).results(&["not-tried", "invalid"]),
        send("with another nonce", &forged(2)).results(&["not-tried", "invalid"]),
        send("for another challenge", &forged(34)).results(&["not-tried", "invalid"]),
        send("of an unknown key", &forged(66)).results(&["not-tried", "unknown-key"]),
        send("with another authenticator", &forged(98)).results(&["not-tried", "invalid"]),
        send("cut short", &[good.clone(), tokens[1][..100].to_owned()]).results(&["not-tried", "invalid"]),
        send("with a byte more", &[good.clone(), format!("{}AA", tokens[1])])
            .results(&["not-tried", "invalid"]),
        send("that is no base64url", &[good.clone(), MARKER.repeat(24)]).results(&["not-tried", "invalid"]),
        send("of no length", &[good.clone(), String::new()]).results(&["not-tried", "invalid"]),
        send("twice", &[good.clone(), good.clone()]).results(&["not-tried", "spent"]),
        redemption("a forged token as bytes", publisher)
            .header(KEY, "a")
            .body(OCTETS, octets)
            .results(&["invalid"]),
        redemption("a forged token for itself", publisher)
            .header(KEY, "a")
            .json(&alone)
            .results(&["invalid"]),
    ]
}

/// A token with one bit changed at a byte.
fn forged(token: &str, at: usize) -> String {
    let mut bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
    bytes[at] ^= 1;
    BASE64URL_NOPAD.encode(&bytes)
}
