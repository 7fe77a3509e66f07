//! Server-sent events, read one by one, and changes as the projector tells them.

use axum::{body::BodyDataStream, response::Response};
use futures::StreamExt;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{rows, soon};

/// The messages of one stream.
pub(crate) struct Events {
    body: BodyDataStream,
    text: String,
}

/// One message; a field that it has not is empty.
#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) retry: String,
    pub(crate) comment: String,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next message; none at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let mut event = Event::default();
                for line in message.lines() {
                    let (field, value) = line.split_once(':').unwrap();
                    let value = value.trim_start().to_owned();
                    match field {
                        "id" => event.id = value,
                        "event" => event.name = value,
                        "data" => event.data = serde_json::from_str(&value).unwrap(),
                        "retry" => event.retry = value,
                        "" => event.comment = value,
                        other => panic!("{other}"),
                    }
                }
                self.text = rest.to_owned();
                return Some(event);
            }
            let piece = soon(self.body.next()).await?.unwrap();
            self.text.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The next message that says something.
    pub(crate) async fn word(&mut self) -> Event {
        loop {
            let event = self.next().await.expect("one more message");
            if event.comment.is_empty() {
                return event;
            }
        }
    }
}

/// A change in its place, or healed at the mark where the checkpoint stands; tells no one.
pub(crate) async fn change(
    pool: &PgPool,
    (projection, partition, link_sequence, nth): (&str, i32, i64, i32),
    key: &str,
    customer_id: Option<&str>,
    version: i64,
) {
    let state = if projection == "orders" {
        json!({
            "currency": "EUR", "status": "paid", "total_amount": 2500, "payment_deadline": null,
            "refund_due_amount": null, "placed_at": rows::at(0), "updated_at": rows::at(version),
        })
    } else {
        json!({
            "name": "T-shirt", "price_amount": 1250, "currency": "EUR", "on_hand": 10,
            "reserved": 4, "registered_at": rows::at(0), "updated_at": rows::at(version),
        })
    };
    sqlx::query(
        "INSERT INTO changes (projection, partition, incarnation, link_sequence, nth, key,
            customer_id, version, event, state, kafka_offset)
         VALUES ($1, $2, 0, $3, $4, $5, $6, $7, 'Something', $8, $9)",
    )
    .bind(projection)
    .bind(partition)
    .bind(link_sequence)
    .bind(nth)
    .bind(key)
    .bind(customer_id)
    .bind(version)
    .bind(state)
    .bind(100 + link_sequence)
    .execute(pool)
    .await
    .unwrap();
}
