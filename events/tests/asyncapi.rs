//! The AsyncAPI document in the repository is the generated one, and is whole.

use events::{
    Event, Kind,
    asyncapi::{document, text},
};
use serde_json::Value;

/// Set it to write the document anew after a change of the schemas or topics.
const UPDATE: &str = "UPDATE_ASYNCAPI";
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/asyncapi.json");

#[test]
fn the_kept_document_is_the_generated_one() {
    let generated = text();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(KEPT, &generated).expect("writable");
    }
    assert!(
        std::fs::read_to_string(KEPT).unwrap_or_default() == generated,
        "docs/asyncapi.json differs from the schemas: {UPDATE}=1 cargo test -p events --test asyncapi"
    );
}

#[test]
fn every_reference_leads_somewhere_and_every_event_is_sent_once() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').expect("a reference within");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for name in Event::NAMES {
        let to = format!("#/components/messages/{name}");
        assert_eq!(found.iter().filter(|reference| **reference == to).count(), 1, "{name}");
    }
}

/// The examples of `docs/events.md` are keyed as the document says.
#[test]
fn the_field_that_a_message_names_is_the_key_that_its_record_has() {
    let document = document();
    for name in Event::NAMES {
        let message = &document["components"]["messages"][name];
        let key = message["bindings"]["kafka"]["key"]["description"].as_str().expect("a key");
        assert!(message["payload"]["schema"]["fields"].is_array(), "{name}");
        let expected = match Event::kind_of(name) {
            Some(Kind::Products) if *name != "ReservationRefused" => "The field sku.",
            _ => "The field order_id.",
        };
        assert_eq!(key, expected, "{name}");
    }
}

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
