//! Bad requests to an issuer.

use data_encoding::BASE64URL_NOPAD;
use farthing_protocol::{AmortizedBatchTokenRequest, IssuerDirectory, TokenRequest};
use farthing_tests::{Order, PACK, directory, key_of};
use serde_json::{Value, json};

use super::case::{Case, nothing_at, refused_methods};
use super::{CENT, MARKER};

const BATCH: &str = AmortizedBatchTokenRequest::MEDIA_TYPE;
const KEY_ID: &str = farthing_api::TOKEN_KEY_ID_HEADER;

/// What the requests are made of.
pub struct Scene<'a> {
    pub url: &'a str,
    /// A paid order.
    pub order: &'a Order,
    /// One that is not.
    pub unpaid: &'a Order,
    /// The token request that would be right for the paid order.
    pub request: &'a [u8],
    /// The code that paid it.
    pub spent_voucher: &'a str,
    /// A code that pays for the same pack.
    pub voucher: &'a str,
}

pub fn cases(scene: &Scene<'_>) -> Vec<Case> {
    let mut cases = token_requests(scene);
    cases.extend(strangers(scene));
    cases.extend(orders());
    cases.extend(vouchers(scene));
    let writes = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    for path in [
        IssuerDirectory::PATH,
        "/.well-known/jwks.json",
        "/v1/packs",
        "/v1/order",
        "/v1/totals",
        "/healthz",
        "/readyz",
    ] {
        cases.extend(refused_methods(path, &writes));
    }
    for path in ["/v1/orders", "/v1/orders/AAAA/voucher", "/token-request"] {
        cases.extend(refused_methods(path, &["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]));
    }
    let of_the_redeemer = ["/v1/redemptions", "/v1/redemptions/a", "/v1/balance", "/v1/keys"];
    cases.extend(nothing_at(&of_the_redeemer));
    let nowhere = ["/", "/v2", "/metrics", "/v1/orders/", "/v1/orders/a", "/v1//packs", "/v1/packs/", "/%00"];
    cases.extend(nothing_at(&nowhere));
    cases
}

fn token_requests(scene: &Scene<'_>) -> Vec<Case> {
    let good = scene.request;
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = good.to_vec();
        change(&mut body);
        body
    };
    let element = |index: usize| 5 + 32 * index;
    let fill = |index: usize, byte: u8| changed(&|body| body[element(index)..element(index + 1)].fill(byte));
    let no_square = changed(&|body| {
        body[element(7)..element(8)].fill(0);
        body[element(7)] = no_element();
    });
    let not_minimal = [&good[..3], &[0x80, 0, 0x0c, 0x80], &good[5..]].concat();
    let unknown = unknown_key(scene.url);
    let key = key_of(scene.url, CENT).unwrap();
    // A request is not bound to the order that its elements were made with.
    let one_short = Order::make(scene.url, PACK).unwrap().request(&key, 99).unwrap();
    let send = |name: &str, body: Vec<u8>| {
        Case::new(format!("a token request {name}"), "POST", "/token-request")
            .header("Authorization", scene.order.bearer())
            .body(BATCH, body)
    };
    let single = |name: &str, body: Vec<u8>| {
        Case::new(format!("a single token request {name}"), "POST", "/token-request")
            .header("Authorization", scene.order.bearer())
            .body(TokenRequest::MEDIA_TYPE, body)
    };
    let one = [&good[..3], &good[element(0)..element(1)]].concat();
    vec![
        send("without a body", vec![]).problem(422, "malformed", "token_type"),
        send("of two bytes", good[..2].to_vec()).problem(422, "malformed", "truncated_token_key_id"),
        send("cut short", good[..good.len() - 1].to_vec()).problem(422, "malformed", "blinded_msgs"),
        send("with a byte more", changed(&|body| body.push(0))).problem(
            422,
            "malformed",
            "amortized_batch_token_request",
        ),
        send("whose length is not minimal", not_minimal).problem(422, "malformed", "blinded_msgs"),
        send("of another type", changed(&|body| body[1] = 1)).problem(422, "token-type", "token_type"),
        send("for no key", changed(&|body| body[2] = unknown)).problem(
            422,
            "key-unknown",
            "truncated_token_key_id",
        ),
        send("with the identity", fill(3, 0)).problem(422, "invalid-element", "blinded_msgs[3]"),
        send("with no canonical element", fill(99, 0xff)).problem(422, "invalid-element", "blinded_msgs[99]"),
        // Canonical and even, but no square: only the evaluation finds out.
        send("with no element of the group", no_square).problem(422, "invalid-element", "blinded_msgs[7]"),
        send("of one element too few", one_short).problem(422, "element-count", "blinded_msgs"),
        send("for a key that its header does not name", good.to_vec())
            .header(KEY_ID, "A".repeat(43))
            .problem(422, "key-mismatch", KEY_ID),
        send("with a key id that is none", good.to_vec()).header(KEY_ID, MARKER).problem(
            422,
            "malformed",
            KEY_ID,
        ),
        send("of 400,000 bytes", vec![0; 400_000]).problem(413, "body-too-long", "body"),
        send("that is compressed", good.to_vec()).header("Content-Encoding", "gzip").problem(
            415,
            "media-type",
            "Content-Encoding",
        ),
        Case::new("a token request as JSON", "POST", "/token-request")
            .header("Authorization", scene.order.bearer())
            .json(&json!({}))
            .problem(415, "media-type", "Content-Type"),
        single("for a pack of 100", one.clone()).problem(422, "element-count", "blinded_msg"),
        single("with a byte more", [&one[..], &[0]].concat()).problem(422, "malformed", "token_request"),
        Case::new("a token request that was not paid", "POST", "/token-request")
            .header("Authorization", scene.unpaid.bearer())
            .body(BATCH, good)
            .problem(402, "order-unpaid", ""),
    ]
}

/// A truncated id that no key of the directory has.
fn unknown_key(url: &str) -> u8 {
    let keys = directory(url).unwrap().token_keys;
    let taken: Vec<u8> = keys.iter().map(|key| key.token_key_id().truncated().as_u8()).collect();
    (0..=u8::MAX).find(|id| !taken.contains(id)).unwrap()
}

/// A small even number that encodes no element.
fn no_element() -> u8 {
    let key = farthing_voprf::SecretKey::derive(&[1; 32], b"test").unwrap();
    (2..=254)
        .step_by(2)
        .find(|byte| {
            let mut element = [0; 32];
            element[0] = *byte;
            key.evaluate_blinded(&[element], &[0; 32]).is_err()
        })
        .unwrap()
}

/// Claims that are none, or nobody's.
fn strangers(scene: &Scene<'_>) -> Vec<Case> {
    let stranger = format!("Bearer {}", BASE64URL_NOPAD.encode(&[7; 32]));
    let marked = format!("Bearer {MARKER}");
    let mut cases = Vec::new();
    for (name, authorization, field) in [
        ("no claim", None, "Authorization"),
        ("another scheme", Some("Basic QUFB"), "Authorization"),
        ("a scheme alone", Some("Bearer"), "Authorization"),
        ("a claim of three bytes", Some("Bearer AAAA"), "Authorization"),
        ("a claim that is none", Some(marked.as_str()), "Authorization"),
        ("a stranger's claim", Some(stranger.as_str()), ""),
    ] {
        let request = Case::new(format!("a token request with {name}"), "POST", "/token-request");
        for case in [
            request.body(BATCH, scene.request),
            Case::new(format!("looking with {name}"), "GET", "/v1/order"),
        ] {
            let case = match authorization {
                Some(value) => case.header("Authorization", value),
                None => case,
            };
            cases.push(case.problem(401, "claim-unknown", field));
        }
    }
    let twice = Case::new("an order with two claims", "GET", "/v1/order");
    let twice =
        twice.header("Authorization", scene.order.bearer()).header("Authorization", scene.order.bearer());
    cases.push(twice.problem(401, "claim-unknown", "Authorization"));
    cases
}

fn orders() -> Vec<Case> {
    let with = |member: &str, value: Value| {
        let mut body = json!({"pack": PACK, "method": "voucher", "claim": "A".repeat(43)});
        body[member] = value;
        let name = format!("an order whose {member} is wrong");
        Case::new(name, "POST", "/v1/orders").json(&body)
    };
    let send = |name: &str, media_type: &str, body: &[u8]| {
        Case::new(format!("an order {name}"), "POST", "/v1/orders").body(media_type, body)
    };
    let json_type = "application/json";
    let deep = format!("{{\"pack\":{}", "[".repeat(10_000));
    vec![
        with("pack", json!(MARKER)).problem(404, "pack-unknown", "pack"),
        with("pack", json!(["reader-100"])).problem(422, "malformed", "pack"),
        with("method", json!(MARKER)).problem(422, "method-unknown", "method"),
        with("claim", json!("AAAA")).problem(422, "malformed", "claim"),
        with("claim", json!(format!("{MARKER}!"))).problem(422, "malformed", "claim"),
        with("claim", json!(7)).problem(422, "malformed", "claim"),
        with("claim", json!(null)).problem(422, "malformed", "claim"),
        with("colour", json!(MARKER)).problem(422, "malformed", "colour"),
        send("without members", json_type, b"{}").problem(422, "malformed", "pack"),
        send("that is a list", json_type, b"[]").problem(422, "malformed", "body"),
        send("of nothing", json_type, b"").problem(422, "malformed", "body"),
        send("that is cut short", json_type, b"{").problem(422, "malformed", "body"),
        send("that is not UTF-8", json_type, b"{\"pack\":\"\xff\"}").problem(422, "malformed", "body"),
        send("that is deep", json_type, deep.as_bytes()).problem(422, "malformed", "pack"),
        send("that is long", json_type, &vec![b' '; 20_000]).problem(413, "body-too-long", "body"),
        send("that is text", "text/plain", b"{}").problem(415, "media-type", "Content-Type"),
        Case::new("an order without anything", "POST", "/v1/orders").problem(
            415,
            "media-type",
            "Content-Type",
        ),
    ]
}

fn vouchers(scene: &Scene<'_>) -> Vec<Case> {
    let pay = |name: &str, id: &str, code: &str| {
        let path = format!("/v1/orders/{id}/voucher");
        Case::new(format!("paying with {name}"), "POST", path).json(&json!({ "code": code }))
    };
    let id = scene.unpaid.id.as_str();
    let path = format!("/v1/orders/{id}/voucher");
    let nobody = "A".repeat(id.len());
    vec![
        pay("what is no code", id, MARKER).problem(404, "voucher-unknown", "code"),
        pay("an empty code", id, "").problem(404, "voucher-unknown", "code"),
        pay("nobody's code", id, "00000-00000-00000-00000-00000-0").problem(404, "voucher-unknown", "code"),
        pay("a code that paid another order", id, scene.spent_voucher).problem(409, "voucher-used", "code"),
        pay("a second code", &scene.order.id, scene.voucher).problem(409, "order-not-payable", ""),
        pay("a code for an id that is none", "AAAA", scene.voucher).problem(404, "order-unknown", "id"),
        pay("a code for nobody's order", &nobody, scene.voucher).problem(404, "order-unknown", "id"),
        pay("a code for an encoded slash", "%2F", scene.voucher).problem(404, "order-unknown", "id"),
        Case::new("paying with a number", "POST", &path).json(&json!({"code": 7})).problem(
            422,
            "malformed",
            "code",
        ),
        Case::new("paying with nothing", "POST", &path).json(&json!({})).problem(422, "malformed", "code"),
        Case::new("paying with more", "POST", &path).json(&json!({"code": MARKER, "tip": MARKER})).problem(
            422,
            "malformed",
            "tip",
        ),
        Case::new("paying with text", "POST", &path).body("text/plain", scene.voucher).problem(
            415,
            "media-type",
            "Content-Type",
        ),
    ]
}
