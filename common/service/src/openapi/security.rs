use serde_json::{Value, json};

/// What who asks shows.
#[derive(Debug, Clone, Copy)]
pub struct SecurityScheme {
    /// What operations call it.
    pub name: &'static str,
    /// What it is, and where to get it.
    pub description: &'static str,
    /// How it is shown.
    pub kind: SecurityKind,
}

/// How something is shown.
#[derive(Debug, Clone, Copy)]
pub enum SecurityKind {
    /// In the header `Authorization`, with this scheme of the IANA registry.
    Authorization(&'static str),
    /// In this header.
    Header(&'static str),
    /// In this cookie.
    Cookie(&'static str),
}

impl SecurityScheme {
    /// The Security Scheme Object.
    pub(super) fn describe(&self) -> Value {
        let description = self.description;
        match self.kind {
            SecurityKind::Authorization(scheme) => {
                json!({ "type": "http", "scheme": scheme, "description": description })
            }
            SecurityKind::Header(name) => {
                json!({ "type": "apiKey", "in": "header", "name": name, "description": description })
            }
            SecurityKind::Cookie(name) => {
                json!({ "type": "apiKey", "in": "cookie", "name": name, "description": description })
            }
        }
    }
}
