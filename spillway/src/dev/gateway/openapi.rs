//! One OpenAPI document for the one base URL, merged from those of the processes behind it.

use serde_json::{Map, Value};

/// Merges `other` into `document`: paths, methods, tags and components are united; where both say
/// something, `document` wins. Both describe one API, so what both have is the same.
pub(crate) fn merge(mut document: Value, other: Value, title: &str) -> Value {
    unite(&mut document, other);
    if let Some(root) = document.as_object_mut() {
        // The addresses of the single processes would lead around the one door.
        root.remove("servers");
        if let Some(info) = root.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("title".to_owned(), Value::from(title));
        }
    }
    document
}

fn unite(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => unite_objects(into, from),
        (Value::Array(into), Value::Array(from)) => {
            for value in from {
                if !into.contains(&value) {
                    into.push(value);
                }
            }
        }
        _ => {}
    }
}

fn unite_objects(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match into.get_mut(&name) {
            // Inside a definition, an addition would change what it means.
            Some(known) if is_container(&name, known) => unite(known, value),
            Some(_) => {}
            None => {
                into.insert(name, value);
            }
        }
    }
}

/// Path items (by their slash) and the objects that hold definitions are united; a definition is
/// not.
fn is_container(name: &str, value: &Value) -> bool {
    const CONTAINERS: [&str; 10] = [
        "paths",
        "components",
        "schemas",
        "responses",
        "parameters",
        "headers",
        "examples",
        "requestBodies",
        "securitySchemes",
        "tags",
    ];
    (value.is_object() && name.starts_with('/')) || CONTAINERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn methods_of_one_path_meet_and_definitions_stay_whole() {
        let commands = json!({
            "openapi": "3.1.0",
            "info": {"title": "command-api"},
            "servers": [{"url": "http://127.0.0.1:8081"}],
            "paths": {"/v1/orders": {"post": {"responses": {"201": {}}}}},
            "components": {"schemas": {"Money": {"type": "object", "title": "ours"}}},
            "tags": [{"name": "orders"}],
        });
        let queries = json!({
            "openapi": "3.1.0",
            "info": {"title": "query-api"},
            "paths": {"/v1/orders": {"get": {}}, "/v1/products": {"get": {}}},
            "components": {"schemas": {"Money": {"type": "string"}, "Order": {}}},
            "tags": [{"name": "orders"}, {"name": "products"}],
        });
        assert_eq!(
            merge(commands, queries, "Spillway"),
            json!({
                "openapi": "3.1.0",
                "info": {"title": "Spillway"},
                "paths": {
                    "/v1/orders": {"post": {"responses": {"201": {}}}, "get": {}},
                    "/v1/products": {"get": {}},
                },
                "components": {
                    "schemas": {"Money": {"type": "object", "title": "ours"}, "Order": {}},
                },
                "tags": [{"name": "orders"}, {"name": "products"}],
            })
        );
    }
}
