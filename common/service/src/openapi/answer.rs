use actix_web::http::StatusCode;
use farthing_api::{Example, PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::content::Content;
use super::link::Link;
use super::schemas::{Schemas, problem};

/// An answer with one status: what it means, its body in each media type, its headers, and the problems among it.
#[derive(Default)]
pub struct Answer {
    description: Option<&'static str>,
    contents: Vec<Content>,
    headers: Vec<AnswerHeader>,
    links: Vec<Link>,
    problems: Vec<ProblemKind>,
}

/// A header of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerHeader {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub description: &'static str,
    /// Whether every such answer has it.
    pub required: bool,
}

const WWW_AUTHENTICATE: AnswerHeader = AnswerHeader {
    name: "WWW-Authenticate",
    description: "The scheme in which to show what is lacking.",
    required: true,
};
const RETRY_AFTER: AnswerHeader = AnswerHeader {
    name: "Retry-After",
    description: "Seconds after which the same request may succeed.",
    required: true,
};
const CACHE_CONTROL: AnswerHeader =
    AnswerHeader { name: "Cache-Control", description: "How long it may be kept.", required: true };

impl Answer {
    /// Without a body.
    pub fn empty(description: &'static str) -> Self {
        Self { description: Some(description), ..Self::default() }
    }

    /// With a body in one media type.
    pub fn new(description: &'static str, content: Content) -> Self {
        Self { contents: vec![content], ..Self::empty(description) }
    }

    /// With a document in JSON.
    pub fn json<T: JsonSchema + Serialize + Example>(description: &'static str) -> Self {
        Self::new(description, Content::json::<T>())
    }

    /// These problems, which have this status unless they are answered with another one.
    pub fn problems(kinds: &[ProblemKind]) -> Self {
        Self { problems: kinds.to_vec(), ..Self::default() }
    }

    /// The body may also be this.
    #[must_use]
    pub fn or(mut self, content: Content) -> Self {
        self.contents.push(content);
        self
    }

    /// It has a header.
    #[must_use]
    pub fn header(mut self, header: AnswerHeader) -> Self {
        self.headers.push(header);
        self
    }

    /// Something of it names what another operation is about.
    #[must_use]
    pub fn link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// It may be kept for a while.
    #[must_use]
    pub fn cached(self) -> Self {
        self.header(CACHE_CONTROL)
    }

    /// What `other` says as well.
    pub(super) fn extend(&mut self, other: Self) {
        self.description = self.description.or(other.description);
        self.contents.extend(other.contents);
        self.headers.extend(other.headers);
        self.links.extend(other.links);
        for kind in other.problems {
            if !self.problems.contains(&kind) {
                self.problems.push(kind);
            }
        }
    }

    /// The Response Object.
    pub(super) fn describe(&self, status: u16, schemas: &mut Schemas) -> Value {
        let mut contents: Map<_, _> = self
            .contents
            .iter()
            .map(|content| (content.media_type.to_owned(), content.describe(&mut schemas.answered)))
            .collect();
        if !self.problems.is_empty() {
            contents.insert(PROBLEM_MEDIA_TYPE.to_owned(), self.describe_problems(status, schemas));
        }
        let mut answer = json!({ "description": self.words(status) });
        if !contents.is_empty() {
            answer["content"] = contents.into();
        }
        let headers = self.describe_headers(status);
        if !headers.is_empty() {
            answer["headers"] = headers.into();
        }
        if !self.links.is_empty() {
            let links = self.links.iter().map(|link| (link.operation.to_owned(), link.describe()));
            answer["links"] = links.collect::<Map<_, _>>().into();
        }
        answer
    }

    /// What it means, and each problem in its own words.
    fn words(&self, status: u16) -> String {
        let reason = || {
            let status = StatusCode::from_u16(status).ok();
            status.and_then(|status| status.canonical_reason()).unwrap_or_default().to_owned()
        };
        let problems = self.problems.iter().map(|kind| format!("\n- `{}`: {}", kind.slug(), kind.title()));
        self.description.map_or_else(reason, str::to_owned) + &problems.collect::<String>()
    }

    /// The problem document, narrowed to the kinds that are answered.
    fn describe_problems(&self, status: u16, schemas: &mut Schemas) -> Value {
        let mut schema = schemas.problem().to_value();
        let uris: Vec<_> = self.problems.iter().map(|kind| kind.uri()).collect();
        schema["properties"] = json!({ "type": { "enum": uris }, "status": { "const": status } });
        let examples = self.problems.iter().map(|kind| {
            let example = if kind.status() == status {
                schemas.problem_example(*kind)
            } else {
                json!({ "value": Problem { status, ..problem(*kind) } })
            };
            (kind.slug().to_owned(), example)
        });
        json!({ "schema": schema, "examples": examples.collect::<Map<_, _>>() })
    }

    fn describe_headers(&self, status: u16) -> Map<String, Value> {
        let by_status = match status {
            401 => Some(WWW_AUTHENTICATE),
            429 | 503 => Some(RETRY_AFTER),
            _ => None,
        };
        // What was said of this very answer has precedence.
        let headers = by_status.iter().chain(&self.headers).map(|header| {
            let kind = if header.name == RETRY_AFTER.name { "integer" } else { "string" };
            let described = json!({
                "description": header.description,
                "required": header.required,
                "schema": { "type": kind },
            });
            (header.name.to_owned(), described)
        });
        headers.collect()
    }
}
