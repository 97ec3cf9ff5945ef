use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use farthing_api::{Example, ProblemKind};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::content::Content;
use super::parameter::{Parameter, Place};
use super::schemas::Schemas;
use super::security::SecurityScheme;

/// What can go wrong with any body.
const OF_BODIES: [ProblemKind; 3] =
    [ProblemKind::BadRequest, ProblemKind::BodyTooLong, ProblemKind::MediaType];

/// What is said of a path's method: what it does, what it takes, and everything that it answers.
pub struct Operation {
    id: &'static str,
    summary: &'static str,
    description: Option<&'static str>,
    security: Vec<Vec<&'static SecurityScheme>>,
    parameters: Vec<Parameter>,
    bodies: Vec<Content>,
    answers: BTreeMap<u16, Answer>,
}

impl Operation {
    /// An operation of this name, which no other of its service has. Like every other it refuses headers that
    /// are too long, and may fail for a defect.
    pub fn new(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            description: None,
            security: Vec::new(),
            parameters: Vec::new(),
            bodies: Vec::new(),
            answers: BTreeMap::new(),
        }
        .problems(&[ProblemKind::HeadersTooLong, ProblemKind::Internal])
    }

    /// Says more than the summary.
    #[must_use]
    pub fn described(self, description: &'static str) -> Self {
        Self { description: Some(description), ..self }
    }

    /// It is for who shows all of these. If said several times, any of them will do.
    #[must_use]
    pub fn secured_by(mut self, schemes: &[&'static SecurityScheme]) -> Self {
        self.security.push(schemes.to_vec());
        self
    }

    /// It takes a parameter, with the answers to one that cannot be read.
    #[must_use]
    pub fn parameter(mut self, parameter: Parameter) -> Self {
        let place = parameter.place;
        self.parameters.push(parameter);
        match place {
            Place::Path => self.problems(&[ProblemKind::NotFound]),
            Place::Query => self.problems(&[ProblemKind::BadRequest]),
            Place::Header => self,
        }
    }

    /// It takes a document in JSON, with the answers of [`JsonBody`](crate::body::JsonBody).
    #[must_use]
    pub fn takes<T: JsonSchema + Serialize + Example>(self) -> Self {
        self.takes_content(Content::json::<T>()).problems(&[ProblemKind::Malformed])
    }

    /// It takes a body, or several kinds of it if said several times, with the answers of
    /// [`media_type`](crate::body::media_type) and [`read_body`](crate::body::read_body).
    #[must_use]
    pub fn takes_content(mut self, content: Content) -> Self {
        self.bodies.push(content);
        self.problems(&OF_BODIES)
    }

    /// It answers this with that status.
    #[must_use]
    pub fn answers(mut self, status: StatusCode, answer: Answer) -> Self {
        self.answers.entry(status.as_u16()).or_default().extend(answer);
        self
    }

    /// It answers these problems, each with its status.
    #[must_use]
    pub fn problems(mut self, kinds: &[ProblemKind]) -> Self {
        for kind in kinds {
            self.add_problem(*kind);
        }
        self
    }

    pub(super) fn add_problem(&mut self, kind: ProblemKind) {
        self.answers.entry(kind.status()).or_default().extend(Answer::problems(&[kind]));
    }

    /// What it is shown.
    pub(super) fn schemes(&self) -> impl Iterator<Item = &'static SecurityScheme> {
        self.security.iter().flatten().copied()
    }

    /// The Operation Object, under the id that it has for one of several methods.
    pub(super) fn describe(&self, id: &str, schemas: &mut Schemas) -> Value {
        let answers = self.answers.iter();
        let answers: Map<_, _> =
            answers.map(|(status, answer)| (status.to_string(), answer.describe(*status, schemas))).collect();
        let security = self.security.iter().map(|schemes| {
            schemes.iter().map(|scheme| (scheme.name.to_owned(), json!([]))).collect::<Map<_, _>>()
        });
        let mut described = json!({
            "operationId": id,
            "summary": self.summary,
            "security": security.collect::<Vec<_>>(),
            "responses": answers,
        });
        if let Some(description) = self.description {
            described["description"] = description.into();
        }
        if !self.parameters.is_empty() {
            described["parameters"] = self.parameters.iter().map(Parameter::describe).collect();
        }
        if !self.bodies.is_empty() {
            let bodies = self.bodies.iter();
            let bodies: Map<_, _> =
                bodies.map(|body| (body.media_type.to_owned(), body.describe(&mut schemas.taken))).collect();
            described["requestBody"] = json!({ "required": true, "content": bodies });
        }
        described
    }

    /// What it is called.
    pub(super) const fn id(&self) -> &'static str {
        self.id
    }
}
