//! JSON Schemas of byte strings, and of signed documents.

use std::borrow::Cow;

use schemars::generate::Contract;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::{Base64Url, Envelope};

/// A character of the alphabet.
const ANY: &str = "[A-Za-z0-9_-]";
/// The last character where it says four bits, and two more that are zero.
const LAST_OF_TWO: &str = "[AEIMQUYcgkosw048]";
/// The last character where it says two bits, and four more that are zero.
const LAST_OF_ONE: &str = "[AQgw]";

/// The characters after the last whole three bytes, if one or two bytes are left, with their padding.
fn rest(bytes: usize, padding: &str) -> String {
    match (bytes, padding.is_empty()) {
        (1, true) => format!("{ANY}{LAST_OF_ONE}"),
        (1, false) => format!("{ANY}{LAST_OF_ONE}(==)?"),
        (2, true) => format!("{ANY}{{2}}{LAST_OF_TWO}"),
        (2, false) => format!("{ANY}{{2}}{LAST_OF_TWO}=?"),
        _ => String::new(),
    }
}

/// How a byte string is written, or may be: with padding or without where it is read.
fn text(pattern: &str, description: &str) -> Schema {
    json_schema!({
        "type": "string",
        "contentEncoding": "base64url",
        "pattern": format!("^{pattern}$"),
        "description": description,
    })
}

fn padding(generator: &SchemaGenerator) -> &'static str {
    if *generator.contract() == Contract::Deserialize { "=" } else { "" }
}

impl<const LENGTH: usize> JsonSchema for Base64Url<[u8; LENGTH]> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Bytes{LENGTH}").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (whole, rest) = (LENGTH / 3 * 4, rest(LENGTH % 3, padding(generator)));
        text(&format!("{ANY}{{{whole}}}{rest}"), &format!("{LENGTH} bytes as base64url."))
    }
}

impl JsonSchema for Base64Url<Vec<u8>> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let padding = padding(generator);
        let pattern = format!("({ANY}{{4}})*({}|{})?", rest(1, padding), rest(2, padding));
        text(&pattern, "Bytes as base64url.")
    }
}

/// The schema of an envelope, and of the document of `payload_type` in it.
pub fn signed_schema<T: JsonSchema>(payload_type: &str, generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<Envelope>();
    let payload = json_schema!({
        "contentEncoding": "base64url",
        "contentMediaType": payload_type,
        "contentSchema": generator.subschema_for::<T>(),
    });
    let payload_type = json_schema!({ "const": payload_type });
    let properties = json_schema!({ "payload": payload, "payloadType": payload_type });
    schema.insert("properties".to_owned(), properties.to_value());
    schema
}
