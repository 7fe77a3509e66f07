//! Which records are shown, as arguments; what is left out does not matter.

use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use eventlog::Record;
use events::{Command, Event, Kind, ShardId, Topic, header};
use serde_json::Value;
use uuid::Uuid;

use super::line::Line;

/// What is left out does not matter.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FilterArgs {
    /// Only these, with commas between them.
    #[arg(long, value_name = "WHAT", value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// Of shards of this kind.
    #[arg(long, value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str))
        .try_map(|kind| kind.parse::<Kind>()))]
    kind: Option<Kind>,
    /// Of this shard, such as orders/3: its commands, and what they led to.
    #[arg(long)]
    shard: Option<ShardId>,
    /// Of this order or product, by its id or SKU; also what names it in its body, such as a
    /// reservation of a product's stock for an order.
    #[arg(long)]
    key: Option<String>,
    /// Of this client command, and what it led to.
    #[arg(long, value_name = "UUID")]
    command_id: Option<Uuid>,
    /// Events and commands of this name, such as OrderPlaced, and outcomes of such commands; several
    /// with commas between them.
    #[arg(long = "type", value_name = "NAME", value_delimiter = ',', hide_possible_values = true,
        value_parser = PossibleValuesParser::new([Event::NAMES, Command::NAMES].concat()))]
    types: Vec<String>,
}

/// A family of topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    Commands,
    Events,
    Outcomes,
    DeadLetters,
}

impl What {
    /// The family of a topic; replies are for edges only.
    pub(super) fn of(topic: Topic) -> Option<Self> {
        match topic {
            Topic::Commands(_) => Some(What::Commands),
            Topic::Events(_) => Some(What::Events),
            Topic::Outcomes(_) => Some(What::Outcomes),
            Topic::CommandDeadLetters => Some(What::DeadLetters),
            Topic::Replies => None,
        }
    }
}

impl FilterArgs {
    pub(super) fn filter(self) -> Filter {
        Filter {
            only: self.only,
            kind: self.kind,
            shard: self.shard,
            key: self.key,
            command_id: self.command_id,
            types: self.types,
        }
    }
}

/// Which records are shown.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) only: Vec<What>,
    pub(super) kind: Option<Kind>,
    pub(super) shard: Option<ShardId>,
    pub(super) key: Option<String>,
    pub(super) command_id: Option<Uuid>,
    pub(super) types: Vec<String>,
}

impl Filter {
    /// The topics that can hold such records.
    pub(super) fn topics(&self) -> Vec<Topic> {
        Topic::ALL.into_iter().filter(|topic| self.takes_topic(*topic)).collect()
    }

    fn takes_topic(&self, topic: Topic) -> bool {
        let Some(what) = What::of(topic) else { return false };
        let kind = match topic {
            Topic::Commands(kind) | Topic::Events(kind) | Topic::Outcomes(kind) => Some(kind),
            Topic::Replies | Topic::CommandDeadLetters => None,
        };
        let wanted = self.kind.or(self.shard.map(|shard| shard.kind));
        (self.only.is_empty() || self.only.contains(&what))
            && wanted.is_none_or(|wanted| kind == Some(wanted))
    }

    /// Whether a partition can hold such records.
    pub(super) fn takes_partition(&self, partition: &eventlog::Partition) -> bool {
        self.shard.is_none_or(|shard| partition.shard() == Some(shard))
    }

    /// Whether a record may be meant, by what can be told without reading it.
    pub(super) fn may_take(&self, record: &Record) -> bool {
        let Some(wanted) = self.command_id else { return true };
        let named = record.header(header::COMMAND).and_then(|id| std::str::from_utf8(id).ok());
        named.and_then(|id| id.parse().ok()) == Some(wanted)
    }

    /// Whether a record is meant.
    pub(super) fn takes(&self, line: &Line) -> bool {
        let of_type =
            |wanted: &String| line.name.as_deref().is_some_and(|name| name == wanted.as_str());
        (self.types.is_empty() || self.types.iter().any(of_type))
            && self.key.as_ref().is_none_or(|key| {
                line.key.as_deref() == Some(key)
                    || line.body.as_ref().is_some_and(|b| names(b, key))
            })
    }
}

/// Whether a body names an order or a product, at any depth.
fn names(body: &Value, key: &str) -> bool {
    match body {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            (matches!(name.as_str(), "order_id" | "sku") && value == key) || names(value, key)
        }),
        Value::Array(items) => items.iter().any(|item| names(item, key)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_shard_or_kind_leaves_only_its_topics() {
        let every = Filter::default().topics();
        assert_eq!(every.len(), 7);
        assert!(!every.contains(&Topic::Replies));
        let shard = Filter {
            only: vec![What::Events, What::DeadLetters],
            shard: Some(ShardId::new(Kind::Products, 2)),
            ..Filter::default()
        };
        assert_eq!(shard.topics(), [Topic::Events(Kind::Products)]);
        let taken = |number| eventlog::Partition::of(Topic::Events(Kind::Products), number);
        assert!(shard.takes_partition(&taken(2)) && !shard.takes_partition(&taken(1)));
    }

    #[test]
    fn a_body_names_an_order_or_product_at_any_depth() {
        let body = json!({"order_id": "o-1", "lines": [{"line": 1, "sku": "a"}], "reason": "b"});
        assert!(names(&body, "o-1") && names(&body, "a"));
        assert!(!names(&body, "b") && !names(&body, "1"));
    }
}
