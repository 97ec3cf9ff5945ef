//! Requests whose headers are small on the wire and large for whoever reads them.

use std::fs;
use std::net::SocketAddr;

use farthing_tests::programs::Program;
use h2::client::SendRequest;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ureq::http::{HeaderName, Request};
use ureq::tls::Certificate;

use crate::gate::Scene;
use crate::http2::{Body, connect, run, soon, tls};
use crate::limits::serve;
use crate::tls::{CONFIGURED, agent, certify};
use crate::world;

type Headers = Vec<(String, String)>;

/// Headers of one name each, or of one name all.
fn headers(count: usize, value: &str, name: impl Fn(usize) -> String) -> Headers {
    (0..count).map(|number| (name(number), value.to_owned())).collect()
}

/// Status and problem of what is answered to a request with these headers.
async fn ask(requests: &SendRequest<Body>, url: &str, headers: &Headers) -> (u16, String) {
    let mut request = Request::builder().uri(url);
    for (name, value) in headers {
        request = request.header(name.parse::<HeaderName>().unwrap(), value);
    }
    let mut requests = soon(requests.clone().ready()).await.unwrap();
    let (answer, _) = requests.send_request(request.body(()).unwrap(), true).unwrap();
    let mut answer = soon(answer).await.unwrap();
    let mut body = Vec::new();
    while let Some(piece) = soon(answer.body_mut().data()).await {
        let piece = piece.unwrap();
        body.extend_from_slice(&piece);
        answer.body_mut().flow_control().release_capacity(piece.len()).unwrap();
    }
    let problem = serde_json::from_slice::<Value>(&body).unwrap_or_default();
    (answer.status().as_u16(), problem["type"].as_str().unwrap_or_default().to_owned())
}

/// What a client says that asks for `/` with 15 megabytes of headers: one of them, and eight thousand bytes in all.
fn megabytes(address: SocketAddr) -> Vec<u8> {
    let authority = address.to_string();
    // GET, https and `/` by their places in HPACK's table of the RFC; an authority that is no longer than 126 bytes.
    let mut block = vec![0x82, 0x87, 0x84, 0x41, u8::try_from(authority.len()).unwrap()];
    block.extend(authority.as_bytes());
    // A header `x` of 3,000 bytes that is to be remembered, and then its place again and again.
    block.extend([0x40, 1, b'x', 0x7f, 0xb9, 0x16]);
    block.extend([b'a'; 3_000]);
    block.extend([0xbe; 5_000]);
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    // The preface, settings without any, and the block as all of the first stream.
    let head = [length[1], length[2], length[3], 1, 0x05, 0, 0, 0, 1];
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", &head[..], &block].concat()
}

/// That a service refuses them over HTTP/1 as well, where actix-web does it before anything of ours could say why.
fn assert_refused_over_http1(url: &str, trusted: &Certificate<'static>) {
    let many = headers(97, "a", |number| format!("x-{number}"));
    let request =
        many.iter().fold(agent(trusted).get(url), |request, (name, value)| request.header(name, value));
    let mut answer = request.config().http_status_as_error(false).build().call().unwrap();
    let body = answer.body_mut().read_to_string().unwrap();
    assert_eq!((answer.status().as_u16(), body.as_str()), (431, ""));
}

/// That a service that speaks HTTP/2 here refuses them, and goes on answering others on the same connection.
fn assert_refused(address: SocketAddr, trusted: &Certificate<'static>, path: &str) {
    let url = format!("https://{address}{path}");
    assert_refused_over_http1(&url, trusted);
    let different = |number| format!("x-{number}");
    let same = |_| "x-again".to_owned();
    let page = "a".repeat(2_500);
    let refused = (431, "urn:farthing:problem:headers-too-long".to_owned());
    run(async {
        let mut stream = tls(address, trusted).await;
        stream.write_all(&megabytes(address)).await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains(&refused.1) {
            assert_ne!(soon(stream.read_buf(&mut answer)).await.unwrap(), 0, "closed without an answer");
        }
        let requests = connect(address, trusted, 65_535).await;
        for (what, bomb) in [
            ("many", headers(97, "a", different)),
            ("many of one name", headers(2_000, "a", same)),
            ("long ones", headers(53, &page, same)),
            ("a long one", headers(1, &"a".repeat(140_000), same)),
        ] {
            assert_eq!(ask(&requests, &url, &bomb).await, refused, "{what}");
        }
        for (what, fair) in [
            ("as many as there may be", headers(96, "a", different)),
            ("as long as they may be", headers(52, &page, same)),
            ("cookies, as browsers send them", headers(180, "a=b", |_| "cookie".to_owned())),
        ] {
            assert_eq!(ask(&requests, &url, &fair).await.0, 200, "{what}");
        }
    });
}

#[test]
fn header_bombs_are_refused_by_issuer_and_redeemer() {
    let world = world();
    let trusted = certify(&world);
    for program in [Program::Issuer, Program::Redeemer] {
        let service = serve(&world, program, CONFIGURED);
        assert_refused(service.address(), &trusted, "/openapi.json");
    }
}

#[test]
fn header_bombs_are_refused_by_the_gate_for_its_site() {
    let Scene { world, issuer, redeemer, gate, site, publisher } = Scene::new("");
    gate.stop().unwrap();
    let trusted = certify(&world);
    let file = world.configuration(Program::Gate);
    fs::write(&file, CONFIGURED.to_owned() + &fs::read_to_string(&file).unwrap()).unwrap();
    let gate = world.serve(Program::Gate).unwrap();
    assert_refused(gate.address(), &trusted, "/about");
    assert_eq!(site.seen().len(), 3, "what was refused never reached the site");
    drop((issuer, redeemer, publisher));
}
