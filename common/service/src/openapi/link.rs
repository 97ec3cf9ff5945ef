use serde_json::{Value, json};

/// What another operation's parameter is, after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The other operation's id.
    pub operation: &'static str,
    /// Its parameter.
    pub parameter: &'static str,
    /// Where its value is, as a runtime expression of OpenAPI such as `$response.body#/id`.
    pub value: &'static str,
}

impl Link {
    /// The Link Object.
    pub(super) fn describe(&self) -> Value {
        json!({ "operationId": self.operation, "parameters": { self.parameter: self.value } })
    }
}
