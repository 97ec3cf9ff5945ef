use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
use actix_web::{App, HttpResponse};
use farthing_api::{NewOrder, OrderView, ProblemKind, TOTALS_PAYLOAD_TYPE, Totals};
use serde_json::{Value, json};

use super::*;
use crate::rate_limit::{RateLimiter, Rates};

const SECRET: SecurityScheme =
    SecurityScheme { name: "secret", description: "Is shown.", kind: SecurityKind::Authorization("bearer") };

fn resources() -> [Resource; 2] {
    let create = Operation::new("create", "Makes one")
        .secured_by(&[&SECRET])
        .takes::<NewOrder>()
        .answers(StatusCode::CREATED, Answer::json::<OrderView>("A new one."))
        .problems(&[ProblemKind::PackUnknown, ProblemKind::MethodUnknown]);
    let show = Operation::new("show", "Shows one")
        .parameter(Parameter::path("id", "Which."))
        .answers(StatusCode::OK, Answer::new("It.", Content::signed::<Totals>(TOTALS_PAYLOAD_TYPE)));
    [
        Resource::at("/orders").post(create, HttpResponse::Created),
        Resource::at("/orders/{id}").get(show, HttpResponse::Ok),
    ]
}

/// The document that an API serves at a path.
async fn served(api: Api, path: &str) -> Value {
    let app = init_service(App::new().configure(api.configure())).await;
    let body = call_and_read_body(&app, TestRequest::get().uri(path).to_request()).await;
    serde_json::from_slice(&body).unwrap()
}

#[actix_web::test]
async fn the_document_says_of_each_route_what_its_operation_says() {
    let document = served(Api::new("Test", "Of tests.").with(resources()), "/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/openapi.json", "/orders", "/orders/{id}"]);
    let create = &document["paths"]["/orders"]["post"];
    assert_eq!(create["security"], json!([{ "secret": [] }]));
    assert_eq!(document["components"]["securitySchemes"]["secret"]["scheme"], "bearer");
    let statuses: Vec<_> = create["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["201", "400", "404", "413", "415", "422", "431", "500"]);
    let refused = &create["responses"]["422"]["content"]["application/problem+json"];
    assert_eq!(refused["schema"]["$ref"], "#/components/schemas/Problem");
    let kinds = [ProblemKind::Malformed, ProblemKind::MethodUnknown].map(ProblemKind::uri);
    assert_eq!(refused["schema"]["properties"]["type"]["enum"], json!(kinds));
    assert_eq!(refused["examples"]["malformed"]["$ref"], "#/components/examples/malformed");
    assert_eq!(document["components"]["examples"]["malformed"]["value"]["status"], 422);
    let key = &document["components"]["schemas"]["OrderView"]["properties"]["token_key_id"];
    assert_eq!(key["type"], "string", "left out, and never null");
    let order = &document["components"]["schemas"]["NewOrder"];
    assert_eq!(order["additionalProperties"], false);
    assert_eq!(
        order["properties"]["claim"]["pattern"],
        "^[A-Za-z0-9_-]{40}[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]=?$"
    );
    let signed = &document["paths"]["/orders/{id}"]["get"]["responses"]["200"]["content"]["application/json"];
    let payload = &signed["schema"]["properties"]["payload"];
    assert_eq!(payload["contentMediaType"], TOTALS_PAYLOAD_TYPE);
    assert_eq!(payload["contentSchema"]["$ref"], "#/components/schemas/Totals");
}

#[actix_web::test]
async fn only_limited_resources_answer_429() {
    let rates = Rates { per_minute: 60, burst: 60, trusted_proxies: Vec::new() };
    let limiter = Arc::new(RateLimiter::new(rates).unwrap());
    let [open, closed] = resources();
    let document =
        served(Api::new("Test", "Of tests.").with([open]).limited(&limiter, [closed]), "/openapi.json").await;
    for (path, method, limited) in
        [("/orders", "post", false), ("/orders/{id}", "get", true), ("/openapi.json", "get", true)]
    {
        let refused = &document["paths"][path][method]["responses"]["429"];
        assert_eq!(refused["headers"]["Retry-After"]["required"] == json!(true), limited, "{path}");
    }
}

#[actix_web::test]
async fn a_handler_of_any_method_has_an_operation_for_each() {
    let any = Resource::at("/ask").any(Operation::new("ask", "Asks"), HttpResponse::Ok);
    let api = Api::new("Test", "Of tests.").below("/own").with([any]).with(resources());
    let app = init_service(App::new().configure(api.configure())).await;
    for (method, path, status) in [
        (Method::DELETE, "/own/ask", 200),
        (Method::GET, "/own/orders/7", 200),
        (Method::DELETE, "/own/orders/7", 405),
        (Method::GET, "/own/other", 404),
        (Method::GET, "/ask", 404),
    ] {
        let request = TestRequest::default().method(method).uri(path).to_request();
        assert_eq!(call_service(&app, request).await.status(), status, "{path}");
    }
    let body = call_and_read_body(&app, TestRequest::get().uri("/own/openapi.json").to_request()).await;
    let document: Value = serde_json::from_slice(&body).unwrap();
    let ask = document["paths"]["/own/ask"].as_object().unwrap();
    let ids: Vec<_> = ask.values().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 8);
    assert!(ids.contains(&"ask-get") && ids.contains(&"ask-trace"), "{ids:?}");
}
