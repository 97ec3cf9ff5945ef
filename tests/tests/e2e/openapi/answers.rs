//! What running services answer, compared with their documents; and what is in signed envelopes, which JSON Schema itself only
//! annotates.

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use farthing_protocol::Day;
use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, World};
use jsonschema::Registry;
use serde_json::{Value, json};

use super::{DOCUMENT, assert_valid, document, mistakes, operations, registry, walk};
use crate::{morning, world};

/// A document, and which of its operations were seen to answer something signed.
struct Service<'a> {
    document: &'a Value,
    registry: Registry<'a>,
    signed: BTreeSet<String>,
}

impl<'a> Service<'a> {
    fn new(document: &'a Value) -> Self {
        Self { document, registry: registry(document), signed: BTreeSet::new() }
    }

    /// That an answer is one that the document has.
    fn compare(&mut self, path: &str, method: &str, answer: &Answer) {
        let name = format!("{method} {path}");
        let escaped = |name: &str| name.replace('/', "~1");
        let pointer = format!("/paths/{}/{method}/responses/{}/content", escaped(path), answer.status);
        let contents = self.document.pointer(&pointer).and_then(Value::as_object);
        let bare = |media_type: &str| media_type.split(';').next().unwrap_or_default().to_owned();
        let media_type = bare(answer.header("content-type"));
        let described = contents.and_then(|contents| contents.keys().find(|key| bare(key) == media_type));
        let described = described.unwrap_or_else(|| panic!("{name}: {media_type} is not in the document"));
        if media_type.starts_with("text/") {
            let text = String::from_utf8(answer.body.clone()).unwrap();
            assert!(media_type != "text/csv" || text.lines().count() > 1, "{name}: {text}");
            return;
        }
        let pointer = format!("{pointer}/{}/schema", escaped(described));
        let body = answer.json();
        assert_valid(&self.registry, &format!("{DOCUMENT}#{pointer}"), &body);
        if body.is_array() {
            assert_full(&name, &body);
        }
        if self.compare_payloads(&name, &pointer, &body) > 0 {
            self.signed.insert(name);
        }
    }

    /// That what is encoded in a value is as the schema at `pointer` says; in how many places.
    fn compare_payloads(&self, name: &str, pointer: &str, value: &Value) -> usize {
        let schema = self.document.pointer(pointer).unwrap();
        let mut found = 0;
        if schema["contentSchema"].is_object() {
            let payload = BASE64URL_NOPAD.decode(value.as_str().unwrap().as_bytes()).unwrap();
            let payload = serde_json::from_slice(&payload).unwrap();
            assert_valid(&self.registry, &format!("{DOCUMENT}#{pointer}/contentSchema"), &payload);
            assert_full(name, &payload);
            found += 1;
        }
        for (pointer, value) in within(schema, pointer, value) {
            // Of several schemas, one that the value is not says nothing of it.
            if mistakes(&self.registry, &format!("{DOCUMENT}#{pointer}"), value).is_empty() {
                found += self.compare_payloads(name, &pointer, value);
            }
        }
        found
    }

    /// The operations that answer something signed when they succeed.
    fn promised(&self) -> BTreeSet<String> {
        let promises = |path: &str, method: &str| {
            let pointer = format!("/paths/{}/{method}/responses/200", path.replace('/', "~1"));
            self.has_payload(&pointer, &mut BTreeSet::new())
        };
        let operations = operations(self.document).into_iter();
        let signing = operations.filter(|(path, method, _)| promises(path, method));
        signing.map(|(path, method, _)| format!("{method} {path}")).collect()
    }

    /// Whether something below `pointer`, or what it refers to, is encoded.
    fn has_payload(&self, pointer: &str, seen: &mut BTreeSet<String>) -> bool {
        let Some(value) = self.document.pointer(pointer).filter(|_| seen.insert(pointer.to_owned())) else {
            return false;
        };
        let (mut found, mut targets) = (false, Vec::new());
        walk(value, pointer, &mut |_, value| {
            found |= value["contentSchema"].is_object();
            targets.extend(value["$ref"].as_str().map(|target| target.trim_start_matches('#').to_owned()));
        });
        found || targets.iter().any(|target| self.has_payload(target, seen))
    }

    /// Asks for everything that can be got, with the parameters that are given here.
    fn get_all(&mut self, url: &str, authorization: &str, parameters: &[(&str, &str)]) {
        let document = self.document;
        for (path, _, operation) in operations(document).into_iter().filter(|(_, method, _)| *method == "get")
        {
            // Pages for browsers, and what is behind their session.
            if path.starts_with("/dashboard") {
                continue;
            }
            let files = operation.pointer("/parameters/0/schema/enum").and_then(Value::as_array);
            let files: Vec<_> = files.into_iter().flatten().filter_map(Value::as_str).collect();
            let places = if path.contains("{file}") { files } else { vec![""] };
            for file in places {
                let all = [parameters, &[("{file}", file)]].concat();
                let asked = all.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
                assert!(!asked.contains('{'), "{path}: say here what to ask for");
                let answer =
                    http::get(&format!("{url}{asked}"), &[("Authorization", authorization)]).unwrap();
                assert_eq!(answer.status, 200, "{asked}: {answer:?}");
                self.compare(path, "get", &answer);
            }
        }
    }
}

/// The schemas inside a schema, each with the value that it is about.
fn within<'v>(schema: &Value, pointer: &str, value: &'v Value) -> Vec<(String, &'v Value)> {
    let mut all = Vec::new();
    if let Some(target) = schema["$ref"].as_str() {
        all.push((target.trim_start_matches('#').to_owned(), value));
    }
    for (name, _) in schema["properties"].as_object().into_iter().flatten() {
        all.extend(value.get(name).map(|member| (format!("{pointer}/properties/{name}"), member)));
    }
    if schema["items"].is_object() {
        all.extend(value.as_array().into_iter().flatten().map(|item| (format!("{pointer}/items"), item)));
    }
    for several in ["allOf", "anyOf", "oneOf"] {
        let count = schema[several].as_array().map_or(0, Vec::len);
        all.extend((0..count).map(|number| (format!("{pointer}/{several}/{number}"), value)));
    }
    all
}

/// That there is something in every list: an empty one fits every schema.
#[track_caller]
fn assert_full(name: &str, value: &Value) {
    walk(value, "", &mut |pointer, inner| {
        assert!(*inner != json!([]), "{name}: {pointer} is empty: {value}");
    });
}

#[test]
fn what_services_answer_and_sign_is_as_their_documents_say() {
    let world = world();
    world.stop_clock(morning()).unwrap();
    world.write_configuration(Program::Redeemer, World::PAYS_AT_ONCE).unwrap();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Daily").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let (issuers, redeemers) =
        (document(&issuer.url(), "/openapi.json"), document(&redeemer.url(), "/openapi.json"));

    let mut of_redeemer = Service::new(&redeemers);
    let url = redeemer.url();
    let bearer = publisher.bearer();
    let mut redeem = |key: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Idempotency-Key", key)];
        let body = json!({ "tokens": reader.export(2).unwrap() });
        let answer = http::post_json(&format!("{url}/v1/redemptions"), &headers, &body).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        of_redeemer.compare("/v1/redemptions", "post", &answer);
    };
    redeem("before");
    let statement = world.keep_books(&publisher, Day::from_unix(morning())).unwrap();
    redeem("after");
    of_redeemer.get_all(&url, &bearer, &[("{id}", &statement), ("{key}", "after")]);
    assert_eq!(of_redeemer.signed, of_redeemer.promised());
    assert!(of_redeemer.signed.len() > 3, "{:?}", of_redeemer.signed);

    let mut of_issuer = Service::new(&issuers);
    let order = Order::paid(&issuer.url(), PACK, &world.voucher().unwrap()).unwrap();
    of_issuer.get_all(&issuer.url(), &order.bearer(), &[]);
    assert_eq!(of_issuer.signed, of_issuer.promised());
    assert!(!of_issuer.signed.is_empty());
}
