//! A client that shows every answer, whatever its status.

use std::time::Duration;

use serde_json::Value;
use ureq::http::request::Builder;
use ureq::http::{HeaderMap, Request, Response};
use ureq::{Agent, Body};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The kind of the problem that the body is, without its prefix; empty if it is none.
    pub fn problem(&self) -> String {
        let is_problem = self.header("content-type") == farthing_api::PROBLEM_MEDIA_TYPE;
        let body = self.json();
        let uri = body["type"].as_str().filter(|_| is_problem).unwrap_or_default();
        uri.strip_prefix("urn:farthing:problem:").unwrap_or_default().to_owned()
    }

    /// The field that the problem names, empty if none.
    pub fn field(&self) -> String {
        self.json()["field"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client that keeps its connections.
#[derive(Debug)]
pub struct Client(Agent);

impl Client {
    /// A client without connections yet.
    pub fn new() -> Self {
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        Self(config.max_redirects(0).max_redirects_will_error(false).build().into())
    }

    /// `POST` of a body as it is given.
    ///
    /// # Errors
    /// There was no answer.
    pub fn post(&self, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> anyhow::Result<Answer> {
        read(self.0.run(with_headers(Request::post(url), headers).body(body)?)?)
    }

    /// `GET`.
    ///
    /// # Errors
    /// There was no answer.
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        read(self.0.run(with_headers(Request::get(url), headers).body(())?)?)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// There was no answer.
    pub fn delete(&self, url: &str) -> anyhow::Result<Answer> {
        read(self.0.run(Request::delete(url).body(())?)?)
    }
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

/// `POST` of a body as it is given, on a connection of its own.
///
/// # Errors
/// There was no answer.
pub fn post(url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> anyhow::Result<Answer> {
    Client::new().post(url, headers, body)
}

/// `GET` on a connection of its own.
///
/// # Errors
/// There was no answer.
pub fn get(url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
    Client::new().get(url, headers)
}

fn with_headers(request: Builder, headers: &[(&str, &str)]) -> Builder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn read(mut answer: Response<Body>) -> anyhow::Result<Answer> {
    let body = answer.body_mut().read_to_vec()?;
    Ok(Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body })
}

/// `POST` of JSON.
///
/// # Errors
/// There was no answer.
pub fn post_json(url: &str, headers: &[(&str, &str)], body: &Value) -> anyhow::Result<Answer> {
    let mut headers = headers.to_vec();
    headers.push(("Content-Type", "application/json"));
    post(url, &headers, serde_json::to_vec(body)?)
}
