//! The OpenAPI document in the repository is the one that is served, and tells the truth.

mod support;

use axum::body::Body;
use command_api::edge::routes::openapi;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use support::{Bench, order};

const KEPT: &str = include_str!("../openapi.json");

/// Set it to write the document anew after a change of the routes.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_kept_document_is_the_generated_one() {
    let generated = openapi::text();
    if std::env::var_os(UPDATE).is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        std::fs::write(path, &generated).expect("the document is writable");
        return;
    }
    assert!(
        KEPT == generated,
        "openapi.json differs from the routes: {UPDATE}=1 cargo test -p command-api --test openapi"
    );
}

#[tokio::test]
async fn the_document_is_served() {
    let bench = Bench::willing();
    let request = Request::get("/openapi.json").body(Body::empty()).expect("a request");
    let answered = bench.send(request).await;
    assert_eq!(answered.status, StatusCode::OK);
    assert_eq!(answered.header("content-type"), Some("application/json"));
    assert_eq!(answered.body["openapi"], "3.1.0");
}

#[tokio::test]
async fn every_documented_route_exists_and_every_answer_fits_its_schema() {
    let document: Value = serde_json::from_str(KEPT).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    assert_eq!(paths.len(), 13);
    let streams = ["/v1/commands", "/v1/products:import"];
    for path in streams {
        let bulk = Bench::willing().post(path, &json!({})).await;
        bulk.expect_problem(415, "unsupported-media-type");
    }
    for path in paths.keys().filter(|path| !streams.contains(&path.as_str())) {
        let bench = Bench::willing();
        let real = path.replace("{sku}", "A-1").replace("{order_id}", "o-1");
        bench.post(&real, &json!({})).await.expect_problem(400, "invalid");
    }
    let bench = Bench::willing();
    let answered = bench.post("/v1/orders", &order()).await;
    let known = &document["components"]["schemas"]["OrderAnswer"]["properties"];
    for member in answered.body.as_object().expect("an object").keys() {
        assert!(known.get(member).is_some(), "{member} is not documented");
    }
    let mut bad = order();
    bad["currency"] = json!("x");
    let answered = bench.post("/v1/orders", &bad).await;
    let known = &document["components"]["schemas"]["Problem"]["properties"];
    for member in answered.body.as_object().expect("an object").keys() {
        assert!(known.get(member).is_some(), "{member} is not documented");
    }
}

/// A value that fits a schema, from its examples, and the pointers of all objects in it.
fn example(document: &Value, schema: &Value, at: &str, objects: &mut Vec<String>) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        let named = document.pointer(reference.trim_start_matches('#')).expect("a schema");
        return example(document, named, at, objects);
    }
    if let Some(properties) = schema["properties"].as_object() {
        objects.push(at.to_owned());
        let members = properties.iter().map(|(name, schema)| {
            (name.clone(), example(document, schema, &format!("{at}/{name}"), objects))
        });
        return members.collect();
    }
    if schema["type"] == "array" {
        return json!([example(document, &schema["items"], &format!("{at}/0"), objects)]);
    }
    schema["example"].clone()
}

#[tokio::test]
async fn a_list_in_the_place_of_an_object_is_refused_by_every_route() {
    let document: Value = serde_json::from_str(KEPT).expect("JSON");
    let mut nested = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let schema = &item["post"]["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            continue;
        }
        let mut objects = Vec::new();
        let body = example(&document, schema, "", &mut objects);
        let path = path.replace("{sku}", "A-1").replace("{order_id}", "o-1");
        let answered = Bench::willing().post(&path, &body).await;
        assert!(answered.status.is_success(), "{path} {body}: {}", answered.body);
        nested += objects.len() - 1;
        for at in objects {
            let mut body = body.clone();
            let place = body.pointer_mut(&at).expect("the object");
            let members = place.as_object().expect("an object").values().cloned().collect();
            *place = Value::Array(members);
            let bench = Bench::willing();
            let answered = bench.post(&path, &body).await;
            assert_eq!(answered.expect_problem(400, "invalid").pointers(), [at], "{path} {body}");
            assert!(bench.taken().is_empty());
        }
    }
    assert!(nested >= 3, "the prices of two bodies and the lines of an order are among them");
}

/// Every `$ref` below a value.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document: Value = serde_json::from_str(KEPT).expect("JSON");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}
