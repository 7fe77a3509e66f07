//! What query-api tells of an order's row, and how it looks.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::output;

/// The part of the answer that is shown.
#[derive(Debug, Deserialize)]
pub(super) struct Why {
    order_id: String,
    #[serde(default)]
    events: Vec<Cause>,
    #[serde(default)]
    commands: Vec<CommandBehind>,
    projection: Option<Projection>,
    pub(super) parked: Option<Parked>,
}

#[derive(Debug, Deserialize)]
struct Cause {
    version: i64,
    #[serde(rename = "type")]
    event: String,
    at: DateTime<Utc>,
    applied_at: Option<DateTime<Utc>>,
    delay_ms: Option<i64>,
    record: Place,
    decided_by: Option<Place>,
    command_id: Option<String>,
}

/// A place in the log.
#[derive(Debug, Deserialize)]
struct Place {
    topic: String,
    partition: i32,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct CommandBehind {
    command_id: String,
    command: String,
    caller: String,
    status: String,
    decided_at: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
struct Projection {
    generation: i32,
    topic: String,
    partition: i32,
    incarnation: i64,
    link_sequence: i64,
    state: String,
    event_time: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
    trouble: Option<String>,
}

/// The dead letter behind which later events of the order wait.
#[derive(Debug, Deserialize)]
pub(super) struct Parked {
    topic: String,
    partition: i32,
    incarnation: i64,
    link_sequence: i64,
    since: DateTime<Utc>,
}

impl Why {
    /// Commands, events and projection below each other.
    pub(super) fn screen(&self) -> String {
        let mut text = format!("order {}\n", self.order_id);
        if !self.commands.is_empty() {
            let head = ["command", "command id", "caller", "status", "decided at"];
            text += &titled("commands", &head, self.commands.iter().map(CommandBehind::cells));
        }
        if let Some(first) = self.events.first() {
            let head = [
                "version",
                "event",
                "at",
                "after",
                "where",
                "decided by",
                "command id",
                "visible after",
            ];
            text += &titled("events", &head, self.events.iter().map(|event| event.cells(first.at)));
        }
        if let Some(projection) = &self.projection {
            text += &format!("\nprojection\n{projection}");
        }
        text
    }
}

fn titled(title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    format!("\n{title}\n{}", output::table(head, rows))
}

impl Cause {
    fn cells(&self, first: DateTime<Utc>) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            self.version.to_string(),
            self.event.clone(),
            instant(self.at),
            milliseconds((self.at - first).num_milliseconds()),
            self.record.to_string(),
            or_dash(self.decided_by.as_ref().map(Place::to_string)),
            or_dash(self.command_id.clone()),
            or_dash(self.visible_after()),
        ]
    }

    /// The time until it was visible; after a rebuild that is not known, and when it was applied anew
    /// is.
    fn visible_after(&self) -> Option<String> {
        match self.delay_ms {
            Some(delay) => Some(milliseconds(delay)),
            None => self.applied_at.map(|at| format!("rebuilt {}", instant(at))),
        }
    }
}

impl CommandBehind {
    fn cells(&self) -> Vec<String> {
        vec![
            self.command.clone(),
            self.command_id.clone(),
            self.caller.clone(),
            self.status.clone(),
            instant(self.decided_at),
        ]
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} @ {}", self.topic, self.partition, self.offset)
    }
}

impl fmt::Display for Projection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, topic, partition, incarnation, link_sequence, state, .. } = self;
        writeln!(f, "orders, build {generation}, {state}")?;
        write!(f, "{topic}/{partition} applied up to {incarnation}:{link_sequence}")?;
        if let Some(at) = self.event_time {
            write!(f, ", an event of {}", instant(at))?;
        }
        writeln!(f, "; moved last {}", instant(self.updated_at))?;
        match &self.trouble {
            Some(trouble) => writeln!(f, "trouble: {trouble}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "since {} later events wait behind a dead letter: {}/{} at {}:{}",
            instant(self.since),
            self.topic,
            self.partition,
            self.incarnation,
            self.link_sequence
        )
    }
}

impl Parked {
    /// The command that shows what waits.
    pub(super) fn next(&self, order_id: &str) -> String {
        format!("spillway dead-letters list --projection orders --key {order_id}")
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

fn milliseconds(count: i64) -> String {
    format!("{count} ms")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn why() -> Why {
        let place = |topic: &str, offset| json!({"topic": topic, "partition": 3, "offset": offset});
        let event = |version, name, at, delay, decided, applied| {
            json!({
                "version": version, "type": name, "at": at, "delay_ms": delay,
                "record": place("orders.events.v1", version + 10), "decided_by": decided,
                "command_id": "an-id", "applied_at": applied, "origin": null,
            })
        };
        let by = place("orders.commands.v1", 7);
        let answer = json!({
            "order_id": "o-1",
            "events": [
                event(1, "OrderPlaced", "2026-11-27T09:00:00.000Z", json!(12), by, json!(null)),
                event(2, "OrderReserved", "2026-11-27T09:00:00.004Z", json!(null), json!(null),
                    json!(null)),
                event(3, "OrderPaid", "2026-11-27T09:00:00.005Z", json!(null), json!(null),
                    json!("2026-11-28T10:00:00.000Z")),
            ],
            "commands": [{
                "command_id": "an-id", "command": "PlaceOrder", "caller": "anonymous",
                "status": "done", "decided_at": "2026-11-27T09:00:00.004Z",
            }],
            "projection": {
                "generation": 1, "topic": "orders.events.v1", "partition": 3, "incarnation": 0,
                "link_sequence": 12, "state": "running", "event_time": null,
                "updated_at": "2026-11-27T09:00:00.012Z", "trouble": "a disk is full",
            },
            "parked": {
                "topic": "orders.events.v1", "partition": 3, "incarnation": 0,
                "link_sequence": 13, "since": "2026-11-27T09:00:01.000Z",
            },
        });
        serde_json::from_value(answer).unwrap()
    }

    #[test]
    fn a_screen_tells_commands_events_delays_and_projection() {
        let screen = why().screen();
        let line = |part: &str| {
            let found = screen.lines().find(|line| line.contains(part));
            found.unwrap_or_else(|| panic!("no {part} in {screen}")).to_owned()
        };
        let placed = line("OrderPlaced");
        assert!(placed.contains("orders.events.v1/3 @ 11"), "{placed}");
        assert!(placed.contains("orders.commands.v1/3 @ 7"), "{placed}");
        assert!(placed.ends_with("12 ms"), "{placed}");
        let reserved = line("OrderReserved");
        assert!(reserved.contains("4 ms") && reserved.ends_with('-'), "{reserved}");
        assert!(line("OrderPaid").ends_with("rebuilt 2026-11-28 10:00:00.000"), "{screen}");
        assert!(line("PlaceOrder").contains("anonymous"));
        assert!(line("applied up to").contains("0:12"));
        assert!(line("trouble").ends_with("a disk is full"));
    }

    #[test]
    fn what_is_parked_is_told_with_where_to_look() {
        let parked = why().parked.unwrap();
        assert!(parked.to_string().ends_with("orders.events.v1/3 at 0:13"), "{parked}");
        assert!(parked.next("o-1").ends_with("--projection orders --key o-1"));
    }
}
