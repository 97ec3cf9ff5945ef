use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// A part of a request beside its body.
pub struct Parameter {
    pub(super) place: Place,
    name: String,
    description: &'static str,
    required: bool,
    schema: Value,
    example: Option<&'static str>,
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
        Self::text(Place::Path, name.to_owned(), description)
            .schema(json!({ "type": "string", "minLength": 1 }))
    }

    /// A member of the query, which may be left out.
    pub fn query(name: &'static str, description: &'static str) -> Self {
        Self::text(Place::Query, name.to_owned(), description).optional()
    }

    /// A header that must be sent.
    pub fn header(name: impl Into<String>, description: &'static str) -> Self {
        Self::text(Place::Header, name.into(), description)
    }

    fn text(place: Place, name: String, description: &'static str) -> Self {
        Self { place, name, description, required: true, schema: json!({ "type": "string" }), example: None }
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

    /// It is read as a `T` in JSON is.
    #[must_use]
    pub fn of<T: JsonSchema>(self) -> Self {
        let mut schemas = SchemaSettings::draft2020_12().for_deserialize().into_generator();
        self.schema(schemas.subschema_for::<T>().to_value())
    }

    /// One that fits its schema.
    #[must_use]
    pub fn example(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// The Parameter Object.
    pub(super) fn describe(&self) -> Value {
        let mut described = json!({
            "name": self.name,
            "in": self.place.as_str(),
            "description": self.description,
            "required": self.required,
            "schema": self.schema,
        });
        if let Some(example) = self.example {
            described["example"] = example.into();
        }
        described
    }
}
