//! A site that asks for its own pay: `cargo run -p farthing-gate --example site -- REDEEMER API_KEY ISSUER_NAME`.
//!
//! The first page is free, each article costs a cent.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, Responder, web};
use farthing_gate::{Gate, GateOptions, Paywall, Price};

async fn index() -> impl Responder {
    "Read /articles/1, for a cent\n"
}

async fn article(number: web::Path<u32>) -> impl Responder {
    format!("This is article {number}. Thank you.\n")
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [redeemer, api_key, issuer_name] = arguments.as_slice() else {
        return Err("usage: site REDEEMER API_KEY ISSUER_NAME".into());
    };
    // A site of your own reads it from a file: with another key after each start, readers would pay twice.
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let gate =
        Gate::start(GateOptions { redeemer, api_key, issuer_name, secret: &secret, receipts: None }).await?;
    let price = Price::new(10_000, "EUR")?;
    let at_the_end = Arc::clone(&gate);

    HttpServer::new(move || {
        let paywall = Paywall::new(gate.clone(), price.clone());
        App::new()
            .route("/", web::get().to(index))
            .service(web::scope("/articles").wrap(paywall).route("/{number}", web::get().to(article)))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    // Of account to a site that keeps receipts.
    at_the_end.close(Duration::from_secs(5)).await;
    Ok(())
}
