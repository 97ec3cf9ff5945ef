//! Clients that know RFC 9577 and nothing of us pass our gate: the crate `privacypass`, and curl with one token.

use std::process::Command;

use farthing_protocol::Token;
use privacypass::auth::authenticate::{Challenge, parse_www_authenticate_header};
use privacypass::auth::authorize::build_authorization_header;
use privacypass::common::private::deserialize_public_key;
use privacypass::private_tokens::{Ristretto255, TokenRequest, TokenResponse};
use privacypass::{Deserialize, Serialize, amortized_tokens};
use ureq::Body;
use ureq::http::header::WWW_AUTHENTICATE;
use ureq::http::{HeaderName, HeaderValue, Response};

use crate::customer::{Customer, challenge};
use crate::newspaper::{Newspaper, exported_tokens, page};
use crate::service::printed;
use crate::services::{SINGLE, Services};

/// The challenges of a header, read by their parser.
///
/// That of 0.2.0-pre.4 reads no value in quotes, where RFC 9110 (section 11.2) wants base64url with its padding, and
/// nothing that RFC 9577 does not name, such as the price. So the quotes and the price are taken out for it.
fn challenges(sent: &HeaderValue) -> Vec<Challenge> {
    let ahead = "their parser has learnt to read our header: hand it over as it was sent";
    assert!(parse_www_authenticate_header(sent).is_err(), "{ahead}");
    let named =
        |parameter: &&str| !["price-micros=", "currency="].iter().any(|ours| parameter.starts_with(ours));
    let plain: Vec<_> = sent.to_str().unwrap().split(", ").filter(named).collect();
    let plain = plain.join(", ").replace('"', "");
    parse_www_authenticate_header(&plain.parse().unwrap()).unwrap()
}

/// The one challenge of a page that is to be paid for.
fn asked_for_payment(answer: &Response<Body>) -> Challenge {
    assert_eq!(answer.status(), 401);
    let headers: Vec<_> = answer.headers().get_all(WWW_AUTHENTICATE).iter().collect();
    let [header] = headers[..] else { panic!("{headers:?}") };
    let mut challenges = challenges(header);
    assert_eq!(challenges.len(), 1);
    challenges.remove(0)
}

/// Asks for a page with the header that they made.
fn get(newspaper: &Newspaper, path: &str, (name, value): &(HeaderName, HeaderValue)) -> (u16, String) {
    let mut answer = newspaper.get(path, Some((name.as_str(), value.to_str().unwrap())));
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

#[test]
fn a_foreign_client_buys_the_token_that_the_gate_asks_for_and_is_let_in() {
    let services = Services::start();
    let newspaper = Newspaper::open(&services);
    let asked = asked_for_payment(&newspaper.get("/articles/1", None));
    assert_eq!(asked.token_challenge(), &challenge());

    // What the token answers to and is of comes from the gate's header alone.
    let key = deserialize_public_key::<Ristretto255>(asked.token_key()).unwrap();
    let (request, state) = TokenRequest::<Ristretto255>::new(key, asked.token_challenge()).unwrap();
    let bought = Customer::with_paid_order(&services, SINGLE).request_tokens(
        "application/private-token-request",
        "application/private-token-response",
        &request.tls_serialize_detached().unwrap(),
    );
    let bought = TokenResponse::<Ristretto255>::try_from_bytes(&bought).unwrap();
    let token = bought.issue_token(&state).unwrap();

    let header = build_authorization_header(&token).unwrap();
    assert_eq!(get(&newspaper, "/articles/1", &header), (200, page("/articles/1")));
    assert_eq!(get(&newspaper, "/articles/2", &header).0, 401, "a token pays for one page");
}

#[test]
fn a_foreign_client_is_let_in_with_a_token_of_our_wallet() {
    let services = Services::start();
    let newspaper = Newspaper::open(&services);
    let exported = exported_tokens(&services, 1);
    let token = Token::bytes_of_base64url(&exported[0]).unwrap();
    let token = amortized_tokens::AmortizedToken::<Ristretto255>::tls_deserialize(&mut &token[..]).unwrap();
    let asked = asked_for_payment(&newspaper.get("/articles/1", None));
    assert_eq!(*token.challenge_digest(), asked.token_challenge().digest().unwrap());

    let header = build_authorization_header(&token).unwrap();
    assert_eq!(get(&newspaper, "/articles/1", &header), (200, page("/articles/1")));
    assert_eq!(get(&newspaper, "/articles/2", &header).0, 401, "a token pays for one page");
}

#[test]
fn curl_is_let_in_with_one_exported_token() {
    let services = Services::start();
    let newspaper = Newspaper::open(&services);
    let exported = exported_tokens(&services, 1);
    let authorization = format!("Authorization: PrivateToken token=\"{}\"", exported[0]);
    let curl = |path: &str, arguments: &[&str]| {
        let mut command = Command::new("curl");
        // Neither the configuration of whoever runs the tests nor a proxy of theirs.
        command.args(["--disable", "--noproxy", "*", "--silent", "--show-error", "--max-time", "30"]);
        command.args(["--write-out", "%{http_code}"]).args(arguments).arg(newspaper.url(path));
        let printed = printed(&mut command);
        let (body, status) = printed.split_at(printed.len() - 3);
        (status.to_owned(), body.to_owned())
    };
    let paying = ["--header", &authorization];
    assert_eq!(curl("/articles/1", &[]).0, "401");
    assert_eq!(curl("/articles/1", &paying), ("200".to_owned(), page("/articles/1")));
    let (status, body) = curl("/articles/2", &paying);
    assert_eq!(status, "401", "{body}");
    assert!(body.contains("urn:farthing:problem:token-spent"), "{body}");
}
