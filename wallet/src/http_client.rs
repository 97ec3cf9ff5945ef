use std::io::{self, Read};
use std::time::Duration;

use ureq::config::Config;
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, AsSendBody, Body, Proxy, Timeout, http};
use url::Url;

use crate::http_message::{HttpRequest, HttpResponse, Method, Service, TransportFailure};
use crate::loopback_resolver::LoopbackResolver;
use crate::service_url::{is_loopback, is_onion};

/// One name for every version and system: less to tell buyers apart by.
const USER_AGENT: &str = "farthing";
/// Finding the host, and again connecting to it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A whole exchange that sends little.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(30);
/// The same with a payment. A gate takes the tokens first and then waits up to a minute for the site behind it: whoever
/// hangs up before has paid and has no pass.
const PAYMENT_TIMEOUT: Duration = Duration::from_mins(2);
/// For every so many bytes sent, an exchange has a second more: a batch of 65,535 tokens is 2 MiB each way, and work.
const BYTES_PER_SECOND: usize = 32 * 1024;
/// The most bytes of an answer: a batch of 65,535 tokens has 2 MiB, totals of many years a few.
const MAX_ANSWER_LENGTH: u64 = 8 * 1024 * 1024;

/// Sends requests over HTTP/1.1 and TLS. Issuer, redeemer and site have connections of their own, no redirect is
/// followed, and no cookie kept.
///
/// A proxy is taken from `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` (`socks5h://127.0.0.1:9050` for Tor), and
/// `NO_PROXY` is heeded; this machine is always reached directly.
#[derive(Debug)]
pub struct HttpClient {
    issuer: Connections,
    redeemer: Connections,
    origin: Connections,
    proxy: Option<Proxy>,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct OpenAnswer {
    /// Status and headers.
    pub(crate) head: HttpResponse,
    body: Body,
    timeout: Duration,
}

impl OpenAnswer {
    /// Reads a body of at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`TransportFailure`]: it broke off, or is longer.
    pub(crate) fn whole(mut self, limit: u64) -> Result<HttpResponse, TransportFailure> {
        let body = self.body.with_config().limit(limit).read_to_vec();
        let body = body.map_err(|error| TransportFailure(cause(&error, self.timeout)))?;
        Ok(HttpResponse { body, ..self.head })
    }

    /// The body as it comes, of any length.
    pub(crate) fn into_body(self) -> impl Read {
        self.body.into_with_config().limit(u64::MAX).reader()
    }
}

#[derive(Debug)]
struct Connections {
    direct: Agent,
    outward: Agent,
}

impl HttpClient {
    /// A client without connections.
    pub fn new() -> Self {
        let proxy = Proxy::try_from_env();
        let connections = || Connections::new(proxy.as_ref());
        Self { issuer: connections(), redeemer: connections(), origin: connections(), proxy }
    }

    /// Sends a request and waits for its answer, whatever its status.
    ///
    /// # Errors
    ///
    /// [`TransportFailure`]: no connection, no answer in time, or one that is too long.
    pub fn exchange(
        &self,
        service: Service,
        request: &HttpRequest,
    ) -> Result<HttpResponse, TransportFailure> {
        self.open(service, request, EXCHANGE_TIMEOUT)?.whole(MAX_ANSWER_LENGTH)
    }

    /// Sends a request to a site and waits for the head of its answer, whatever its status; longer if it `pays`.
    ///
    /// # Errors
    ///
    /// [`TransportFailure`]: no connection, or no answer in time.
    pub(crate) fn open_page(
        &self,
        request: &HttpRequest,
        pays: bool,
    ) -> Result<OpenAnswer, TransportFailure> {
        let least = if pays { PAYMENT_TIMEOUT } else { EXCHANGE_TIMEOUT };
        self.open(Service::Origin, request, least)
    }

    fn open(
        &self,
        service: Service,
        request: &HttpRequest,
        least: Duration,
    ) -> Result<OpenAnswer, TransportFailure> {
        let url = Url::parse(&request.url).map_err(|error| TransportFailure(error.to_string()))?;
        if is_onion(&url) && self.proxy.as_ref().is_none_or(Proxy::resolve_target) {
            return Err(TransportFailure(
                "an .onion name is reached through Tor only: set ALL_PROXY=socks5h://127.0.0.1:9050"
                    .to_owned(),
            ));
        }
        let connections = match service {
            Service::Issuer => &self.issuer,
            Service::Redeemer => &self.redeemer,
            Service::Origin => &self.origin,
        };
        let agent = if is_loopback(&url) { &connections.direct } else { &connections.outward };

        let mut builder = http::Request::builder().uri(&request.url).method(match request.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        });
        for (name, value) in &request.headers {
            builder = builder.header(*name, value.as_str());
        }
        let timeout = exchange_timeout(least, request.body.len());
        let failure = |error: ureq::Error| TransportFailure(cause(&error, timeout));
        let unsendable = |error: http::Error| failure(error.into());
        let answer = match request.method {
            Method::Get => run(agent, service, timeout, builder.body(()).map_err(unsendable)?),
            Method::Post => {
                run(agent, service, timeout, builder.body(request.body.as_slice()).map_err(unsendable)?)
            }
        };
        let (head, body) = answer.map_err(failure)?.into_parts();
        let headers = head
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let head =
            HttpResponse { status: head.status.as_u16(), headers: headers.collect(), body: Vec::new() };
        Ok(OpenAnswer { head, body, timeout })
    }
}

/// Runs a request. The whole answer of a service of ours must be here in time; of a page, which may be long, each part must.
fn run<B: AsSendBody>(
    agent: &Agent,
    service: Service,
    timeout: Duration,
    request: http::Request<B>,
) -> Result<http::Response<Body>, ureq::Error> {
    let configured = agent.configure_request(request);
    let configured = match service {
        Service::Issuer | Service::Redeemer => configured.timeout_global(Some(timeout)),
        Service::Origin => configured
            .timeout_send_request(Some(timeout))
            .timeout_send_body(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout)),
    };
    agent.run(configured.build())
}

impl Default for HttpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl Connections {
    fn new(proxy: Option<&Proxy>) -> Self {
        let direct = Agent::with_parts(config(None), DefaultConnector::default(), LoopbackResolver);
        Self { direct, outward: config(proxy.cloned()).new_agent() }
    }
}

/// How long an exchange may take that sends `length` bytes, and `least` if it sends none.
fn exchange_timeout(least: Duration, length: usize) -> Duration {
    least + Duration::from_secs((length / BYTES_PER_SECOND) as u64)
}

/// What went wrong on the way, in a few words.
fn cause(error: &ureq::Error, timeout: Duration) -> String {
    match error {
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "connection refused".to_owned()
        }
        ureq::Error::HostNotFound => "no host has this name".to_owned(),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            format!("no connection within {} seconds", CONNECT_TIMEOUT.as_secs())
        }
        ureq::Error::Timeout(_) => format!("no answer within {} seconds", timeout.as_secs()),
        error => error.to_string(),
    }
}

fn config(proxy: Option<Proxy>) -> Config {
    Agent::config_builder()
        .user_agent(USER_AGENT)
        .proxy(proxy)
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .build()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use super::*;

    /// Answers one request with `answer` and gives back what was asked, in lower case.
    fn serve_once(answer: String) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut asked = String::new();
            while !asked.ends_with("\r\n\r\n") {
                reader.read_line(&mut asked).unwrap();
            }
            let asked = asked.to_lowercase();
            let length = asked.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            reader.read_exact(&mut body).unwrap();
            // A client that has seen enough hangs up: that is what one of the tests is about.
            let _ = stream.write_all(answer.as_bytes());
            asked + &String::from_utf8(body).unwrap()
        });
        (url, served)
    }

    #[test]
    fn a_request_is_sent_as_it_is_with_nothing_that_tells_machines_apart() {
        let (url, served) =
            serve_once("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok".into());
        let request =
            HttpRequest::post(format!("{url}/v1/orders"), "application/json", b"{}".to_vec().into())
                .with_header("Authorization", "Bearer abc");
        let answer = HttpClient::new().exchange(Service::Issuer, &request).unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice(), answer.header("x-a")),
            (201, &b"ok"[..], Some("b"))
        );
        let asked = served.join().unwrap();
        assert!(asked.starts_with("post /v1/orders http/1.1\r\n"), "{asked}");
        assert!(asked.ends_with("\r\n\r\n{}"), "{asked}");
        let mut names: Vec<_> =
            asked.lines().skip(1).filter_map(|line| Some(line.split_once(": ")?.0)).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["accept", "authorization", "content-length", "content-type", "host", "user-agent"],
            "{asked}"
        );
        assert!(asked.contains("user-agent: farthing\r\n"), "{asked}");
    }

    #[test]
    fn a_redirect_is_an_answer_and_is_not_followed() {
        let redirect = "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        for method in [Method::Get, Method::Post] {
            let (url, served) = serve_once(redirect.into());
            let mut request = HttpRequest::get(url, "application/json");
            request.method = method;
            assert_eq!(HttpClient::new().exchange(Service::Redeemer, &request).unwrap().status, 307);
            served.join().unwrap();
        }
    }

    #[test]
    fn an_endless_answer_is_cut_off_and_a_missing_service_is_a_failure() {
        let length = MAX_ANSWER_LENGTH + 1;
        let body = "x".repeat(usize::try_from(length).unwrap());
        let (url, served) = serve_once(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"));
        let request = HttpRequest::get(url, "application/json");
        let client = HttpClient::new();
        assert!(client.exchange(Service::Issuer, &request).is_err());
        served.join().unwrap();
        let failure = client.exchange(Service::Issuer, &request).unwrap_err();
        assert_eq!(failure.0, "connection refused", "nobody listens any more");
    }

    #[test]
    fn a_page_may_be_longer_than_any_answer_of_a_service() {
        let length = MAX_ANSWER_LENGTH + 1;
        let body = "x".repeat(usize::try_from(length).unwrap());
        let (url, served) = serve_once(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"));
        let request = HttpRequest::get(url, "*/*");
        let answer = HttpClient::new().open_page(&request, false).unwrap();
        assert_eq!((answer.head.status, answer.head.body.len()), (200, 0));
        assert_eq!(io::copy(&mut answer.into_body(), &mut io::sink()).unwrap(), length);
        served.join().unwrap();
    }

    #[test]
    fn names_below_localhost_are_this_machine() {
        let (url, served) = serve_once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".into());
        let request = HttpRequest::get(url.replace("127.0.0.1", "issuer.localhost"), "application/json");
        assert_eq!(HttpClient::new().exchange(Service::Issuer, &request).unwrap().status, 200);
        assert!(served.join().unwrap().contains("host: issuer.localhost:"));
    }

    #[test]
    fn what_went_wrong_is_said_in_words_and_large_batches_have_more_time() {
        let timeout = exchange_timeout(EXCHANGE_TIMEOUT, 0);
        assert_eq!(timeout.as_secs(), 30);
        assert_eq!(exchange_timeout(EXCHANGE_TIMEOUT, 65_535 * 32).as_secs(), 93);
        assert_eq!(exchange_timeout(PAYMENT_TIMEOUT, 0).as_secs(), 120);
        let cause = |error| cause(&error, timeout);
        assert_eq!(cause(ureq::Error::Timeout(Timeout::Connect)), "no connection within 10 seconds");
        assert_eq!(cause(ureq::Error::Timeout(Timeout::Global)), "no answer within 30 seconds");
        assert_eq!(cause(ureq::Error::HostNotFound), "no host has this name");
    }

    #[test]
    fn an_onion_name_is_not_looked_up_without_tor() {
        let mut client = HttpClient::new();
        client.proxy = None;
        let request = HttpRequest::get("http://farthingabcdefgh.onion/".into(), "application/json");
        let failure = client.exchange(Service::Issuer, &request).unwrap_err();
        assert!(failure.0.contains("ALL_PROXY"), "{failure}");
    }
}
