//! Sending an hour that is over to the collector.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use ureq::Agent;

use super::config::Endpoint;
use super::hours::{EndedHour, Hours};
use super::message;
use crate::clock::Clock;

/// How often the clock is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// Traces of one message: some 100 KB.
const BATCH: usize = 200;
/// Longest wait for the collector to take one message.
const PATIENCE: Duration = Duration::from_secs(10);
/// No message of an hour is begun later than this after its first.
const PATIENCE_FOR_ALL: Duration = Duration::from_mins(1);

/// The way to the collector.
pub(super) struct Sender {
    endpoint: Endpoint,
    service: &'static str,
    version: &'static str,
}

/// Why traces are lost.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the system gave no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    #[error("the collector takes too long")]
    TooSlow,
    #[error("the collector answered {0}; it must be one that takes OTLP over HTTP")]
    Refused(u16),
    #[error("the collector is not reached: {0}")]
    Unreachable(ureq::Error),
    #[error("no thread could be started: {0}")]
    Thread(#[from] std::io::Error),
    #[error("sending panicked, which is a defect")]
    Panicked,
}

impl Sender {
    pub(super) fn new(endpoint: Endpoint, service: &'static str, version: &'static str) -> Self {
        Self { endpoint, service, version }
    }

    /// Sends each hour when it is over, for ever. A collector that does not take them is logged when that begins.
    pub(super) async fn run(&self, hours: &Hours, clock: &dyn Clock) {
        let mut failing = false;
        loop {
            tokio::time::sleep(PERIOD).await;
            let Some(hour) = hours.take_ended(clock.now()) else { continue };
            match self.send(hour).await {
                Ok(sent) if failing && sent > 0 => {
                    tracing::info!("traces are sent again");
                    failing = false;
                }
                Err(cause) if !failing => {
                    tracing::warn!(%cause, "traces cannot be sent, and are dropped; see traces.otlp_endpoint");
                    failing = true;
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// Sends an hour; how many traces that were.
    async fn send(&self, hour: EndedHour) -> Result<usize, SendError> {
        let (service, version, url) = (self.service, self.version, self.endpoint.traces_url());
        let (sender, receiver) = oneshot::channel();
        // A thread of its own: this is work, and the end of the service does not wait for it.
        std::thread::Builder::new().name("traces".to_owned()).spawn(move || {
            let start = hour.start();
            let sent = hour.in_tens().map_err(SendError::from).and_then(|traces| {
                let encode = |traces| message::encode(service, version, start, traces);
                post(&url, traces.chunks(BATCH).map(encode), PATIENCE)?;
                Ok(traces.len())
            });
            let _ = sender.send(sent);
        })?;
        receiver.await.map_err(|_| SendError::Panicked)?
    }
}

/// Posts the messages one after the other, until one is not taken.
fn post(
    url: &str,
    messages: impl Iterator<Item = Result<Vec<u8>, getrandom::Error>>,
    patience: Duration,
) -> Result<(), SendError> {
    // The collector is where the configuration says, and nowhere that the environment or an answer says.
    let config = Agent::config_builder().proxy(None).max_redirects(0).http_status_as_error(false);
    let agent = config.timeout_global(Some(patience)).user_agent("farthing").build().new_agent();
    let begun = Instant::now();
    for message in messages {
        if begun.elapsed() > PATIENCE_FOR_ALL {
            return Err(SendError::TooSlow);
        }
        let request = agent.post(url).content_type("application/x-protobuf");
        let answer = request.send(message?.as_slice()).map_err(|error| match error {
            ureq::Error::Timeout(_) => SendError::TooSlow,
            error => SendError::Unreachable(error),
        })?;
        if !answer.status().is_success() {
            return Err(SendError::Refused(answer.status().as_u16()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::iter;
    use std::net::TcpListener;

    use super::*;

    /// What becomes of a message at a collector that says `answer`, or nothing; and how often it was connected to.
    fn posted(answer: Option<&'static str>, patience: Duration) -> (Result<(), SendError>, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = listener.try_clone().unwrap();
        let collector = std::thread::spawn(move || {
            let (mut stream, _) = accepted.accept().unwrap();
            if let Some(answer) = answer {
                let mut request = Vec::new();
                while !request.ends_with(b"message") {
                    let mut part = [0; 1_024];
                    let length = stream.read(&mut part).unwrap();
                    assert_ne!(length, 0, "{}", String::from_utf8_lossy(&request));
                    request.extend_from_slice(&part[..length]);
                }
                stream.write_all(answer.replace("ADDRESS", &address.to_string()).as_bytes()).unwrap();
            }
            stream
        });
        let result =
            post(&format!("http://{address}/v1/traces"), iter::once(Ok(b"message".to_vec())), patience);
        drop(collector.join().unwrap());
        listener.set_nonblocking(true).unwrap();
        (result, 1 + listener.incoming().take_while(Result::is_ok).count())
    }

    #[test]
    fn only_success_is_success_and_no_redirect_is_followed() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert!(posted(Some(answer), PATIENCE).0.is_ok());
        let moved =
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://ADDRESS/other\r\nContent-Length: 0\r\n\r\n";
        let (result, connections) = posted(Some(moved), PATIENCE);
        assert_eq!(result.unwrap_err().to_string(), SendError::Refused(307).to_string());
        assert_eq!(connections, 1);
    }

    #[test]
    fn a_silent_collector_is_given_up_and_one_that_is_not_there_is_named() {
        let (result, _) = posted(None, Duration::from_millis(50));
        assert!(matches!(result, Err(SendError::TooSlow)), "{result:?}");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = post(&format!("http://{free}/v1/traces"), iter::once(Ok(Vec::new())), PATIENCE)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("the collector is not reached: ") && !error.contains('\n'), "{error}");
    }
}
