//! A registry that stumbles, or fails: trouble is retried and is never the record's fault.

use eventlog::{DecodeError, Partition, Record, Registry, SchemaReader, Timestamp};
use events::{Event, codec::Confluent, order::OrderShipped};
use serde_json::json;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

#[tokio::test]
async fn a_registry_that_stumbles_is_asked_again() {
    let server = MockServer::start().await;
    // Each kind of stumble once: an error of its own, one without a body, one of a proxy.
    let stumbles = [
        ResponseTemplate::new(500)
            .set_body_json(json!({ "error_code": 50001, "message": "store" })),
        ResponseTemplate::new(503),
        ResponseTemplate::new(404).set_body_string("<html>no such route yet</html>"),
    ];
    for stumble in stumbles {
        Mock::given(method("GET"))
            .and(path("/schemas/ids/7"))
            .respond_with(stumble)
            .up_to_n_times(1)
            .expect(1)
            .mount(&server)
            .await;
    }
    let schema = Event::schema_of("spillway.events.OrderShipped").expect("an event");
    Mock::given(path("/schemas/ids/7"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "schema": schema })))
        .expect(1)
        .mount(&server)
        .await;
    let reader = SchemaReader::new(Registry::new(&server.uri()).expect("a client"));
    assert_eq!(reader.decode(&record()).await.expect("an event").key(), "o-1");
    // Known from now on.
    assert_eq!(reader.decode(&record()).await.expect("an event").key(), "o-1");
}

#[tokio::test]
async fn a_registry_that_fails_is_not_the_records_fault() {
    let server = MockServer::start().await;
    Mock::given(path("/schemas/ids/7"))
        .respond_with(ResponseTemplate::new(500))
        .mount(&server)
        .await;
    let reader = SchemaReader::new(Registry::new(&server.uri()).expect("a client"));
    let failed = reader.decode(&record()).await;
    assert!(matches!(failed, Err(DecodeError::Registry(_))), "{failed:?}");
}

#[tokio::test]
async fn a_registry_that_demands_a_password_is_not_the_records_fault() {
    let server = MockServer::start().await;
    Mock::given(path("/schemas/ids/7"))
        .respond_with(
            ResponseTemplate::new(401)
                .set_body_json(json!({ "error_code": 401, "message": "who?" })),
        )
        .expect(1)
        .mount(&server)
        .await;
    let reader = SchemaReader::new(Registry::new(&server.uri()).expect("a client"));
    let failed = reader.decode(&record()).await;
    assert!(matches!(failed, Err(DecodeError::Registry(_))), "{failed:?}");
}

fn record() -> Record {
    let event = Event::from(OrderShipped {
        order_id: "o-1".to_owned(),
        reference: "parcel 7".to_owned(),
        lines: Vec::new(),
    });
    Record::new(
        Partition::new("orders.events.v1", 0),
        0,
        Timestamp::None,
        Some(b"o-1"),
        Some(&Confluent::frame(7, &event.to_datum())),
        [],
    )
}
