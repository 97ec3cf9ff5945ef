//! The publisher's site, whose articles cost a cent, behind our gate.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use ureq::http::Response;
use ureq::{Agent, Body};

use crate::service::{Service, printed, program};
use crate::services::{PACK, Services};

/// A running gate before a site.
pub(crate) struct Newspaper {
    gate: Service,
    agent: Agent,
}

impl Newspaper {
    /// A site, whose pages say which they are, and the publisher's gate before it.
    pub(crate) fn open(services: &Services) -> Self {
        let directory = services.directory();
        fs::write(directory.join("api-key"), &services.api_key).unwrap();
        let rest = format!(
            "secret = \"file:gate.secret\"\n\
             redeemer = {{ url = \"{}\", api_key = \"file:api-key\" }}\n\
             upstream = {{ url = \"{}\" }}\n\
             \n[[price]]\npath = \"/articles/*/**\"\nprice_micros = 10000\ncurrency = \"EUR\"\n",
            services.redeemer_url(""),
            serve_pages()
        );
        let mut gate = Service::configure("gate", directory, &rest);
        gate.admin(&["init"]);
        gate.serve(&services.agent, "/.well-known/farthing/readyz");
        Self { gate, agent: services.agent.clone() }
    }

    /// The address of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        self.gate.url(path)
    }

    /// Asks for a page with a header or none.
    pub(crate) fn get(&self, path: &str, header: Option<(&str, &str)>) -> Response<Body> {
        let request = self.agent.get(self.url(path));
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        request.call().unwrap()
    }
}

/// What the site says at a path.
pub(crate) fn page(path: &str) -> String {
    format!("This is {path}.\n")
}

/// Serves a page at every path on loopback, until the process ends; the beginning of their addresses.
fn serve_pages() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks is the gate's affair.
            thread::spawn(move || _ = answer(&stream));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let page = page(request.split(' ').nth(1).unwrap_or_default());
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len())
}

/// Tokens that our wallet bought and handed out as `farthing tokens export` prints them.
pub(crate) fn exported_tokens(services: &Services, count: usize) -> Vec<String> {
    let farthing = |arguments: &[&str]| {
        let mut command: Command = program("wallet");
        command.arg("--wallet").arg(services.directory().join("reader.wallet")).args(arguments);
        printed(command.env("FARTHING_PASSPHRASE", "correct horse"))
    };
    let (issuer, redeemer, code) =
        (services.issuer_url(""), services.redeemer_url(""), services.voucher(PACK));
    farthing(&["buy", "--issuer", &issuer, "--redeemer", &redeemer, "--pack", PACK.id, "--voucher", &code]);
    let printed = farthing(&["tokens", "export", "--count", &count.to_string()]);
    let tokens: Vec<_> = printed.lines().map(str::to_owned).collect();
    assert_eq!(tokens.len(), count);
    tokens
}
