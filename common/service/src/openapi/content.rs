use farthing_api::{Envelope, Example, signed_schema};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::body::FORM;

/// Makes a schema, which may name others.
type MakeSchema = Box<dyn Fn(&mut SchemaGenerator) -> Value + Send + Sync>;

/// A body in one media type, with a schema and an example of it.
pub struct Content {
    pub(super) media_type: &'static str,
    schema: Option<MakeSchema>,
    example: Option<Value>,
}

impl Content {
    /// A document in JSON.
    pub fn json<T: JsonSchema + Serialize + Example>() -> Self {
        Self::json_as("application/json", &T::example())
    }

    /// The same of another media type, with this example.
    pub fn json_as<T: JsonSchema + Serialize>(media_type: &'static str, example: &T) -> Self {
        Self {
            media_type,
            schema: Some(Box::new(|schemas| schemas.subschema_for::<T>().to_value())),
            example: serde_json::to_value(example).ok(),
        }
    }

    /// A signed document: an envelope, and in it a payload of `payload_type`.
    pub fn signed<T: JsonSchema + Serialize + Example>(payload_type: &'static str) -> Self {
        let payload = serde_json::to_vec(&T::example()).unwrap_or_default();
        Self {
            media_type: "application/json",
            schema: Some(Box::new(move |schemas| signed_schema::<T>(payload_type, schemas).to_value())),
            example: serde_json::to_value(Envelope::example_of(payload_type, payload)).ok(),
        }
    }

    /// Bytes that are no text; `media_type` says which.
    pub fn bytes(media_type: &'static str) -> Self {
        Self { media_type, schema: None, example: None }
    }

    /// Text, such as a page.
    pub fn text(media_type: &'static str) -> Self {
        Self { media_type, schema: Some(Box::new(|_| json!({ "type": "string" }))), example: None }
    }

    /// What an HTML form sends that has these fields.
    pub fn form(fields: &'static [&'static str]) -> Self {
        let fields = fields.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" })));
        Self::form_of(json!({ "type": "object", "properties": fields.collect::<Map<_, _>>() }))
    }

    /// What an HTML form sends, by its schema.
    pub fn form_of(schema: Value) -> Self {
        let schema = move |_: &mut SchemaGenerator| schema.clone();
        Self { media_type: FORM, schema: Some(Box::new(schema)), example: None }
    }

    /// A JSON document that describes itself.
    pub(super) fn object() -> Self {
        let schema = |_: &mut SchemaGenerator| json!({ "type": "object" });
        Self { media_type: "application/json", schema: Some(Box::new(schema)), example: None }
    }

    /// A document in JSON of which there is no type, but a schema.
    pub fn of_schema(schema: Value, example: Value) -> Self {
        let schema = move |_: &mut SchemaGenerator| schema.clone();
        Self { media_type: "application/json", schema: Some(Box::new(schema)), example: Some(example) }
    }

    /// The Media Type Object.
    pub(super) fn describe(&self, schemas: &mut SchemaGenerator) -> Value {
        let schema = self.schema.as_ref().map(|make| ("schema", make(schemas)));
        let example = self.example.clone().map(|example| ("example", example));
        let members = schema.into_iter().chain(example);
        members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
    }
}
