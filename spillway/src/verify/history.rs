//! A row of an order's history, as one event gives it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use chrono::{DateTime, Utc};
use events::{Event, header::View, position::Mark};
use serde::Serialize;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

/// What a record says of its event, beside the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    /// Of the aggregate, after the event.
    pub(super) version: Option<i64>,
    /// Log time.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) command_id: Option<Uuid>,
    pub(super) topic: &'a str,
    pub(super) partition: i32,
    pub(super) link_sequence: i64,
}

impl<'a> Told<'a> {
    pub(super) fn of(view: View<'_>, mark: Mark, topic: &'a str, partition: i32) -> Self {
        let at = view.text(events::header::CE_TIME);
        let at = at.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        Self {
            version: view.number(events::header::VERSION),
            at: at.map(|at| at.to_utc()),
            command_id: view.text(events::header::COMMAND).and_then(|id| id.parse().ok()),
            topic,
            partition,
            link_sequence: mark.link_sequence,
        }
    }
}

/// Everything that a row of `order_history` shows, but the Kafka offset, which is a hint: an event
/// may lie in the log twice.
#[derive(Debug, Serialize, FromRow)]
pub(super) struct HistoryRow {
    pub(super) order_id: String,
    pub(super) version: i64,
    #[sqlx(rename = "type")]
    #[serde(rename = "type")]
    event: String,
    body: Value,
    at: Option<DateTime<Utc>>,
    topic: String,
    partition: i32,
    link_sequence: i64,
    command_id: Option<Uuid>,
}

impl HistoryRow {
    pub(super) fn of(event: &Event, version: i64, told: &Told<'_>) -> Self {
        Self {
            order_id: event.key().to_owned(),
            version,
            event: event.name().to_owned(),
            // Null for what has no JSON, which no row shows.
            body: serde_json::to_value(event).unwrap_or_default(),
            at: told.at,
            topic: told.topic.to_owned(),
            partition: told.partition,
            link_sequence: told.link_sequence,
            command_id: told.command_id,
        }
    }

    /// Eight bytes for the row, so that a partition's history need not be held in memory. Objects have
    /// their members in the order of their names, here as in PostgreSQL's answer.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.text().hash(&mut hasher);
        hasher.finish()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
