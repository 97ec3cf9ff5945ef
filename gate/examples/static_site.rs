//! A site that knows nothing of payments, a directory of files:
//! `cargo run -p farthing-gate --example static_site -- DIRECTORY ADDRESS`. `farthing-gate` stands before it and asks.

use std::error::Error;
use std::net::SocketAddr;

use actix_files::Files;
use actix_web::{App, HttpServer};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, address] = arguments.as_slice() else {
        return Err("usage: static_site DIRECTORY ADDRESS".into());
    };
    let address: SocketAddr = address.parse()?;
    let directory = directory.clone();
    HttpServer::new(move || App::new().service(Files::new("/", &directory).index_file("index.html")))
        .workers(1)
        .shutdown_timeout(5)
        .bind(address)?
        .run()
        .await?;
    Ok(())
}
