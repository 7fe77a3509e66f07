//! Registering, asking and decoding against a real registry.

use devstack::{Options, Parts, Stack};
use eventlog::{
    DecodeError, Partition, Poison, Record, Registry, SchemaReader, Timestamp,
    registry::{RegistryError, subject_of},
};
use events::{Event, codec::Confluent, order::OrderShipped};
use serde_json::{Value, json};

#[tokio::test]
async fn schemas_are_registered_once_found_by_id_and_guarded() {
    let options = Options { parts: Parts { registry: true, ..Parts::NONE }, ..Options::default() };
    let stack = Stack::start(options).await.expect("the registry starts");
    let url = stack.registry_url();
    let registry = Registry::new(&url).expect("a client");

    let Err(RegistryError::Unregistered(subjects)) = registry.ids().await else {
        panic!("nothing is registered yet");
    };
    assert_eq!(subjects.len(), Event::FULL_NAMES.len());
    registry.check().await.expect("an empty registry suits everything");
    let ids = registry.register().await.expect("registered");
    assert_eq!(registry.register().await.expect("registered again"), ids);
    assert_eq!(registry.ids().await.expect("found"), ids);
    assert_eq!(ids.iter().count(), Event::FULL_NAMES.len());

    let reader = SchemaReader::new(registry.clone());
    let id = ids.of("spillway.events.OrderShipped").expect("an id");
    assert!(reader.known(id).is_none());
    let event = shipped("o-1");
    let decoded = reader.decode(&record("o-1", id, &event.to_datum())).await;
    assert_eq!(decoded.expect("an event"), event);
    assert!(reader.known(id).expect("kept").is_ours);

    let unknown = reader.decode(&record("o-1", 999_999, &event.to_datum())).await;
    assert!(
        matches!(unknown, Err(DecodeError::Poison(Poison::UnknownSchema(999_999)))),
        "{unknown:?}"
    );

    // A later writer adds a field with a default: this reader resolves its bytes.
    let mut later = schema("spillway.events.OrderShipped");
    let field = json!({ "name": "carrier", "type": ["null", "string"], "default": null });
    later["fields"].as_array_mut().expect("fields").insert(0, field);
    let later_id = post(&url, "spillway.events.OrderShipped", &later).await.expect("compatible");
    let mut datum = vec![0]; // The first branch of the union: null.
    datum.extend_from_slice(&event.to_datum());
    let resolved = reader.decode(&record("o-1", later_id, &datum)).await;
    assert_eq!(resolved.expect("an event"), event);
    assert!(!reader.known(later_id).expect("kept").is_ours);

    // The registry itself refuses what could not be read, because every subject has the rule.
    let mut breaking = schema("spillway.events.OrderPaid");
    let field = json!({ "name": "carrier", "type": "string" });
    breaking["fields"].as_array_mut().expect("fields").push(field);
    assert_eq!(post(&url, "spillway.events.OrderPaid", &breaking).await, Err(409));
    stack.stop().await;
}

#[tokio::test]
async fn a_version_that_does_not_suit_is_named_before_anything_is_registered() {
    let options = Options { parts: Parts { registry: true, ..Parts::NONE }, ..Options::default() };
    let stack = Stack::start(options).await.expect("the registry starts");
    let url = stack.registry_url();
    let registry = Registry::new(&url).expect("a client");
    let foreign = json!({
        "type": "record",
        "name": "OrderPaid",
        "namespace": "spillway.events",
        "fields": [{ "name": "somebody_elses", "type": "string" }],
    });
    post(&url, "spillway.events.OrderPaid", &foreign).await.expect("the first of its subject");
    let Err(RegistryError::Incompatible(error)) = registry.register().await else {
        panic!("registered beside what it cannot read");
    };
    let subject = subject_of("spillway.events.OrderPaid").expect("a subject");
    assert_eq!(error.0.len(), 1);
    assert_eq!(error.0[0].0, subject);
    assert!(!error.0[0].1.is_empty(), "no reason is given");
    let Err(RegistryError::Unregistered(subjects)) = registry.ids().await else {
        panic!("something was registered");
    };
    assert_eq!(subjects.len(), Event::FULL_NAMES.len());
    stack.stop().await;
}

fn shipped(order_id: &str) -> Event {
    OrderShipped {
        order_id: order_id.to_owned(),
        reference: "parcel 7".to_owned(),
        lines: Vec::new(),
    }
    .into()
}

fn record(key: &str, schema_id: u32, datum: &[u8]) -> Record {
    Record::new(
        Partition::new("orders.events.v1", 0),
        0,
        Timestamp::None,
        Some(key.as_bytes()),
        Some(&Confluent::frame(schema_id, datum)),
        [],
    )
}

fn schema(full_name: &str) -> Value {
    let text = Event::schema_of(full_name).expect("an event");
    serde_json::from_str(text).expect("JSON")
}

/// Registers a schema as somebody else would; gives its id, or the status of the refusal.
async fn post(url: &str, full_name: &str, schema: &Value) -> Result<u32, u16> {
    let subject = subject_of(full_name).expect("a subject");
    let response = reqwest::Client::new()
        .post(format!("{url}/subjects/{subject}/versions"))
        .header("content-type", "application/vnd.schemaregistry.v1+json")
        .body(json!({ "schema": schema.to_string(), "schemaType": "AVRO" }).to_string())
        .send()
        .await
        .expect("an answer");
    let status = response.status();
    if !status.is_success() {
        return Err(status.as_u16());
    }
    let body: Value = response.json().await.expect("JSON");
    Ok(u32::try_from(body["id"].as_u64().expect("an id")).expect("small"))
}
