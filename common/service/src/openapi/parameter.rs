use serde_json::{Value, json};

/// A part of a request beside its body.
pub struct Parameter {
    pub(super) place: Place,
    name: String,
    description: &'static str,
    required: bool,
    schema: Value,
}

/// Where it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

impl Place {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

impl Parameter {
    /// A part of the path.
    pub fn path(name: &'static str, description: &'static str) -> Self {
        let schema = json!({ "type": "string", "minLength": 1 });
        Self { place: Place::Path, name: name.to_owned(), description, required: true, schema }
    }

    /// A member of the query, which may be left out.
    pub fn query(name: &'static str, description: &'static str) -> Self {
        let schema = json!({ "type": "string" });
        Self { place: Place::Query, name: name.to_owned(), description, required: false, schema }
    }

    /// A header that must be sent.
    pub fn header(name: impl Into<String>, description: &'static str) -> Self {
        let schema = json!({ "type": "string" });
        Self { place: Place::Header, name: name.into(), description, required: true, schema }
    }

    /// It may be left out.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    /// What it is, as JSON Schema; text unless said otherwise.
    #[must_use]
    pub fn schema(self, schema: Value) -> Self {
        Self { schema, ..self }
    }

    /// The Parameter Object.
    pub(super) fn describe(&self) -> Value {
        json!({
            "name": self.name,
            "in": self.place.as_str(),
            "description": self.description,
            "required": self.required,
            "schema": self.schema,
        })
    }
}
