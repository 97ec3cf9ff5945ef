//! The gate as a middleware of a site that is written with actix-web.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use actix_web::error::ErrorInternalServerError;
use actix_web::{App, Error, HttpMessage, HttpRequest, HttpResponse, HttpServer, web};
use farthing_gate::{Gate, GateOptions, HasPaid, Paywall, Price};
use farthing_tests::http;
use farthing_tests::redis_servers::{Fault, FaultProxy};

use super::{PATIENCE, Scene, assert_refused, authorization, has_pass, pass, receipts, wait_until};

async fn article(request: HttpRequest, number: web::Path<String>) -> Result<HttpResponse, Error> {
    let paid = request.extensions().get::<HasPaid>() == Some(&HasPaid(true));
    match number.as_str() {
        "broken" => Err(ErrorInternalServerError("broken")),
        number => Ok(HttpResponse::Ok().body(format!("article {number}, paid: {paid}"))),
    }
}

/// Starts a site; where it listens.
fn start(redeemer: String, api_key: String) -> SocketAddr {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let options = GateOptions {
                receipts: None,
                redeemer: &redeemer,
                api_key: &api_key,
                issuer_name: "issuer.localhost",
                secret: &[7; 32],
            };
            let gate = Gate::start(options).await.unwrap();
            let price = Price::new(10_000, "EUR").unwrap();
            let server = HttpServer::new(move || {
                let paywall = Paywall::new(gate.clone(), price.clone());
                let book = Paywall::new(gate.clone(), Price::new(400_000, "EUR").unwrap());
                let teaser = Paywall::new(gate.clone(), Price { preview: true, ..price.clone() });
                App::new()
                    .route("/", web::get().to(HttpResponse::Ok))
                    .service(web::scope("/articles").wrap(paywall).route("/{number}", web::get().to(article)))
                    .service(web::scope("/books").wrap(book).route("/{number}", web::get().to(article)))
                    .service(web::scope("/teasers").wrap(teaser).route("/{number}", web::get().to(article)))
            });
            let server = server.workers(1).bind("127.0.0.1:0").unwrap();
            sender.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

#[test]
fn a_scope_of_a_site_has_a_price() {
    let scene = Scene::new("");
    let address = start(scene.redeemer.url(), scene.publisher.api_key.clone());
    let get = |path: &str, headers: &[(&str, &str)]| {
        http::get(&format!("http://{address}{path}"), headers).unwrap()
    };
    assert_eq!(get("/", &[]).status, 200);
    assert_refused(&get("/articles/7", &[]), "payment-required");
    assert_eq!(
        get("/articles/7", &[("Accept", "text/html")]).header("content-type"),
        "text/html; charset=utf-8"
    );

    let paying = authorization(&scene.tokens(1));
    let paid = get("/articles/7", &[("Authorization", &paying)]);
    assert_eq!((paid.status, paid.body.as_slice()), (200, &b"article 7, paid: true"[..]), "{paid:?}");
    assert_eq!(paid.header("cache-control"), "private, no-store");
    let again = get("/articles/7", &[("Cookie", &pass(&paid))]);
    assert_eq!((again.status, has_pass(&again)), (200, false));
    assert_eq!(pass(&get("/articles/7", &[("Authorization", &paying)])), pass(&paid));
    assert_refused(&get("/articles/8", &[("Authorization", &paying)]), "token-spent");
    assert_refused(&get("/articles/8", &[("Cookie", &pass(&paid))]), "payment-required");

    // Of cents forty were needed, which no header carries, so only tokens of five cents are asked for.
    let book = get("/books/7", &[]);
    assert_refused(&book, "payment-required");
    assert_eq!(book.header("www-authenticate").matches("PrivateToken").count(), 1, "{book:?}");

    let preview = get("/teasers/7", &[]);
    assert_eq!((preview.status, preview.body.as_slice()), (200, &b"article 7, paid: false"[..]));
    assert!(preview.header("www-authenticate").contains("price-micros=\"10000\""));

    // What breaks is paid for all the same, and not twice.
    let broken = get("/articles/broken", &[("Authorization", &authorization(&scene.tokens(1)))]);
    assert_eq!(broken.status, 500);
    assert_eq!(get("/articles/broken", &[("Cookie", &pass(&broken))]).status, 500);

    assert_eq!(get("/articles/../articles/7", &[]).status, 400);
    for spelling in ["/%61rticles/7", "/articles/%37"] {
        let other = get(spelling, &[]);
        assert!(matches!(other.status, 308 | 404), "{spelling}: {other:?}");
    }
    assert_eq!(scene.credit(), 20_000);
}

#[test]
fn a_site_that_stops_keeps_the_receipts_that_are_on_their_way() {
    let scene = Scene::new("");
    let proxy = FaultProxy::start(0, scene.redeemer.address().port()).unwrap();
    let redeemer = format!("http://127.0.0.1:{}", proxy.port());
    let (api_key, directory) = (scene.publisher.api_key.clone(), scene.world.path("receipts-of-a-site"));
    let receipts = directory.clone();
    let (sender, receiver) = channel();
    let site = thread::spawn(move || {
        actix_web::rt::System::new().block_on(async {
            let options = GateOptions {
                receipts: Some(&receipts),
                redeemer: &redeemer,
                api_key: &api_key,
                issuer_name: "issuer.localhost",
                secret: &[7; 32],
            };
            let gate = Gate::start(options).await.unwrap();
            let (asking, price) = (Arc::clone(&gate), Price::new(10_000, "EUR").unwrap());
            let server = HttpServer::new(move || {
                let paywall = Paywall::new(asking.clone(), price.clone());
                App::new()
                    .service(web::scope("/articles").wrap(paywall).route("/{number}", web::get().to(article)))
            });
            let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
            let address = server.addrs()[0];
            let server = server.run();
            sender.send((address, server.handle())).unwrap();
            server.await.unwrap();
            gate.close(PATIENCE).await;
        });
    });
    let (address, server) = receiver.recv().unwrap();
    proxy.set(Fault::CutAfterRequest);
    let paying = authorization(&scene.tokens(1));
    let lost = http::get(&format!("http://{address}/articles/7"), &[("Authorization", &paying)]).unwrap();
    assert_eq!(lost.status, 503, "{lost:?}");
    wait_until("the payment to be taken", || scene.credit() == 10_000);
    proxy.set(Fault::None);
    drop(server.stop(true));
    site.join().unwrap();
    assert_eq!(receipts::files(&directory).len(), 1);
}
