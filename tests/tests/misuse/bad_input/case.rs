use std::time::Duration;

use farthing_tests::http::Answer;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request;

use super::MARKER;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, and what must be answered.
pub struct Case {
    name: String,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    expected: Expected,
}

enum Expected {
    Problem {
        status: u16,
        kind: &'static str,
        field: &'static str,
    },
    /// A redemption of which nothing was taken: 409 with one result a token.
    Results(&'static [&'static str]),
}

impl Case {
    /// A request without headers and body, which gets 404.
    pub fn new(name: impl Into<String>, method: &'static str, path: impl Into<String>) -> Self {
        let expected = Expected::Problem { status: 404, kind: "not-found", field: "" };
        Self { name: name.into(), method, path: path.into(), headers: Vec::new(), body: None, expected }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A body as it is given.
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", media_type)
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Must get this problem, which names this field, or none.
    pub fn problem(mut self, status: u16, kind: &'static str, field: &'static str) -> Self {
        self.expected = Expected::Problem { status, kind, field };
        self
    }

    /// Must get these results.
    pub fn results(mut self, results: &'static [&'static str]) -> Self {
        self.expected = Expected::Results(results);
        self
    }

    /// Sends it to the service whose URLs begin with `base`; what is wrong with the answer.
    fn fault(&self, base: &str) -> Option<String> {
        let answer = self.send(base);
        let (problem, shown) = (answer.json(), String::from_utf8_lossy(&answer.body));
        let seen = (answer.status, answer.problem(), answer.field());
        let expected = match self.expected {
            Expected::Problem { status, kind, field } => {
                let stated = problem["status"] == status && problem["detail"] != "";
                stated && seen == (status, kind.to_owned(), field.to_owned())
            }
            Expected::Results(results) => answer.status == 409 && problem["results"] == json!(results),
        };
        let headers = answer.header("cache-control") == "no-store"
            && answer.header("x-content-type-options") == "nosniff"
            && (answer.status == 401) == (answer.header("www-authenticate") == "Bearer");
        let fault = match (expected, headers, shown.contains(MARKER)) {
            (true, true, false) => return None,
            (false, ..) => "another answer",
            (_, false, _) => "other headers",
            (.., true) => "a value is repeated",
        };
        Some(format!("{}: {fault}: {} {:?} {shown}", self.name, answer.status, answer.headers))
    }

    fn send(&self, base: &str) -> Answer {
        let mut request = Request::builder().method(self.method).uri(format!("{base}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let agent: Agent = config.build().into();
        let answer = match &self.body {
            Some(body) => agent.run(request.body(body.clone()).unwrap()),
            None => agent.run(request.body(()).unwrap()),
        };
        let mut answer = answer.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let body = answer.body_mut().read_to_vec().unwrap();
        Answer { status: answer.status().as_u16(), headers: answer.headers().clone(), body }
    }
}

/// Sends each to the service whose URLs begin with `base`; every one must get its answer.
pub fn check(cases: &[Case], base: &str) {
    let faults: Vec<_> = cases.iter().filter_map(|case| case.fault(base)).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

/// Methods that a resource must refuse.
pub fn refused_methods(path: &str, methods: &[&'static str]) -> impl Iterator<Item = Case> {
    methods.iter().map(move |method| {
        Case::new(format!("{method} {path}"), method, path).problem(405, "method-not-allowed", "")
    })
}

/// Paths at which there is nothing.
pub fn nothing_at(paths: &[&str]) -> impl Iterator<Item = Case> {
    paths.iter().map(|path| Case::new(format!("GET {path}"), "GET", *path))
}
