//! The OpenAPI documents of the running services.

mod answers;

use std::collections::BTreeSet;

use data_encoding::BASE64URL_NOPAD;
use farthing_tests::http;
use jsonschema::{Draft, Registry};
use serde_json::{Map, Value, json};

use crate::gate::Scene;

/// What documents are called among the schemas.
const DOCUMENT: &str = "https://service.example/openapi.json";
const META_SCHEMA: &str = "https://spec.openapis.org/oas/3.1/schema-base/WORK-IN-PROGRESS";
const META_SCHEMAS: [&str; 4] = [
    include_str!("../../openapi-3.1/schema-base.yaml"),
    include_str!("../../openapi-3.1/schema.yaml"),
    include_str!("../../openapi-3.1/dialect.yaml"),
    include_str!("../../openapi-3.1/meta.yaml"),
];

fn document(url: &str, path: &str) -> Value {
    let answer = http::get(&format!("{url}{path}"), &[]).unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    answer.json()
}

/// The meta-schemas, and the document.
fn registry(document: &Value) -> Registry<'_> {
    let mut registry = Registry::new().draft(Draft::Draft202012).add(DOCUMENT, document).unwrap();
    for text in META_SCHEMAS {
        let schema: Value = serde_saphyr::from_str(text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        registry = registry.add(id, schema).unwrap();
    }
    registry.prepare().unwrap()
}

#[track_caller]
fn assert_valid(registry: &Registry<'_>, uri: &str, instance: &Value) {
    let mistakes = mistakes(registry, uri, instance);
    assert!(mistakes.is_empty(), "{uri}: {mistakes:#?}");
}

/// Where `instance` is not as the schema at `uri` wants it.
fn mistakes(registry: &Registry<'_>, uri: &str, instance: &Value) -> Vec<String> {
    let validator = jsonschema::options()
        .offline()
        .with_draft(Draft::Draft202012)
        .with_registry(registry)
        .should_validate_formats(true)
        // What integers are wide is said by a format of OpenAPI, and is no business of JSON Schema's.
        .should_ignore_unknown_formats(true)
        .build(&json!({ "$ref": uri.replace('{', "%7B").replace('}', "%7D") }))
        .unwrap();
    validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Every value in a document, with its JSON pointer.
fn walk(value: &Value, pointer: &str, seen: &mut impl FnMut(&str, &Value)) {
    seen(pointer, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), seen);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{pointer}/{index}"), seen);
            }
        }
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, item)| {
        let methods: &Map<_, _> = Value::as_object(item).unwrap();
        methods.iter().map(move |(method, operation)| (path, method, operation))
    };
    paths.iter().flat_map(of_path).collect()
}

/// That a document is OpenAPI, means what it says, and has only good examples; how many these are.
fn check(document: &Value) -> usize {
    let registry = registry(document);
    assert_valid(&registry, META_SCHEMA, document);
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: its id is taken");
        let in_path = |name: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.filter(|parameter| parameter["in"] == "path" && parameter["name"] == name).count()
        };
        for part in path.split('/').filter(|part| part.starts_with('{')) {
            assert_eq!(in_path(part.trim_matches(['{', '}'])), 1, "{method} {path}: {part}");
        }
        for scheme in
            operation["security"].as_array().unwrap().iter().flat_map(|one| one.as_object().unwrap())
        {
            assert!(document["components"]["securitySchemes"][scheme.0].is_object(), "{method} {path}");
        }
    }
    let mut examples = 0;
    walk(document, "", &mut |pointer, value| {
        if let Some(target) = value["$ref"].as_str() {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{pointer}: {target}");
        }
        if let Some(operation) = value["operationId"].as_str().filter(|_| pointer.contains("/links/")) {
            assert!(ids.contains(operation), "{pointer}: {operation}");
        }
        if let Some(text) = value.as_str().filter(|_| pointer.ends_with("/description")) {
            assert!(!text.is_empty() && !text.contains("[`"), "{pointer}: {text}");
        }
        if let Some(example) = value.get("example").filter(|_| value["in"].is_string()) {
            assert_valid(&registry, &format!("{DOCUMENT}#{pointer}/schema"), example);
            examples += 1;
        }
        examples += check_content(document, &registry, pointer, value);
    });
    examples
}

/// If `value` is the content of a body: that each example of it is one, and that JSON has one. How many there are.
fn check_content(document: &Value, registry: &Registry<'_>, pointer: &str, value: &Value) -> usize {
    let Some((_, media_type)) = pointer.rsplit_once("/content/") else { return 0 };
    let media_type = media_type.replace("~1", "/");
    if media_type.matches('/').count() != 1 {
        return 0;
    }
    let named = value["examples"].as_object().into_iter().flat_map(Map::values).map(|example| {
        let target = example["$ref"].as_str().map(|target| target.trim_start_matches('#'));
        &target.map_or(example, |target| document.pointer(target).unwrap())["value"]
    });
    let examples: Vec<_> = value.get("example").into_iter().chain(named).collect();
    for example in &examples {
        assert_valid(registry, &format!("{DOCUMENT}#{pointer}/schema"), example);
        if value["schema"]["properties"]["payload"]["contentSchema"].is_object() {
            let payload = BASE64URL_NOPAD.decode(example["payload"].as_str().unwrap().as_bytes()).unwrap();
            let payload = serde_json::from_slice(&payload).unwrap();
            let uri = format!("{DOCUMENT}#{pointer}/schema/properties/payload/contentSchema");
            assert_valid(registry, &uri, &payload);
        }
    }
    let describes_itself = value["schema"] == json!({ "type": "object" });
    let is_json = media_type.ends_with("json") || media_type.ends_with("directory");
    assert_eq!(examples.is_empty(), !is_json || describes_itself, "{pointer}: {examples:?}");
    examples.len()
}

fn paths(document: &Value) -> Vec<&str> {
    document["paths"].as_object().unwrap().keys().map(String::as_str).collect()
}

const FORWARD_AUTH: &str = "[forward_auth]\nsecret = \"file:data/gate.proxy-secret\"\nuri_header = \
                            \"X-Original-URI\"\nhost_header = \"X-Forwarded-Host\"\n";

#[test]
fn each_service_serves_an_openapi_document_with_good_examples() {
    let scene = Scene::new(FORWARD_AUTH);
    let own = "/.well-known/farthing";
    for (url, base, known) in [
        (scene.issuer.url(), "", vec!["/token-request", "/v1/orders/{id}/voucher"]),
        (scene.redeemer.url(), "", vec!["/v1/redemptions", "/v1/redemptions/{key}"]),
        (scene.gate.url(), own, vec!["/.well-known/farthing/ask", "/.well-known/farthing/pay"]),
    ] {
        let document = document(&url, &format!("{base}/openapi.json"));
        assert!(check(&document) > 20, "{url}");
        for path in ["/healthz", "/readyz", "/openapi.json"].map(|path| format!("{base}{path}")) {
            assert!(paths(&document).contains(&path.as_str()), "{path}");
        }
        for path in known {
            assert!(paths(&document).contains(&path), "{path}");
        }
        // A schema that says nothing would be content with these as well.
        for (pointer, mistake) in [
            ("/info/title", json!(7)),
            ("/components/schemas/Problem/type", json!("text")),
            (&format!("/paths/{}~1healthz/get/responses", base.replace('/', "~1")), json!([])),
        ] {
            let mut document = document.clone();
            *document.pointer_mut(pointer).unwrap() = mistake;
            assert!(!mistakes(&registry(&document), META_SCHEMA, &document).is_empty(), "{pointer}");
        }
    }
}

#[test]
fn a_receipt_is_what_the_document_says_of_the_member_in_which_it_comes() {
    let scene = Scene::new("");
    let token = BASE64URL_NOPAD.encode(&scene.tokens(1)[0].encode());
    let redeemed = scene.publisher.redeem(&scene.redeemer.url(), "one", &[token]).unwrap();
    let document = document(&scene.redeemer.url(), "/openapi.json");
    let registry = registry(&document);
    let answer = format!("{DOCUMENT}#/components/schemas/RedemptionAnswer");
    assert_valid(&registry, &answer, &redeemed.body);
    let receipt = redeemed.body["receipt"]["payload"].as_str().unwrap();
    let receipt: Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(receipt.as_bytes()).unwrap()).unwrap();
    let payload = format!("{answer}/properties/receipt/properties/payload/contentSchema");
    assert_valid(&registry, &payload, &receipt);
    // A schema that says nothing would be content with these as well.
    let mut other = redeemed.body.clone();
    other["receipt"]["payloadType"] = json!("application/vnd.farthing.statement+json");
    assert!(!mistakes(&registry, &answer, &other).is_empty());
    let mut other = receipt;
    other["day"] = json!(7);
    assert!(!mistakes(&registry, &payload, &other).is_empty());
}

#[test]
fn the_gates_document_is_about_its_own_paths_and_hides_nothing_of_the_sites() {
    let scene = Scene::new("");
    let document = document(&scene.gate.url(), "/.well-known/farthing/openapi.json");
    assert!(!paths(&document).iter().any(|path| path.ends_with("/ask")), "nobody may ask");
    assert!(scene.site.seen().is_empty());
    let sites = scene.get("/openapi.json", &[]);
    assert_eq!((sites.status, sites.json()["target"].as_str()), (200, Some("/openapi.json")));
}
