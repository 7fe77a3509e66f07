//! Control records: time, rules and incarnation travel in the log like every other command.

use serde::{Deserialize, Serialize};

use super::control_record;
use crate::{Kind, Millis, Topic};

/// Carries time into a shard whose earliest deadline is due; the time is the record's timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {}

/// What a rules revision fixes besides its code version. Times are milliseconds of log time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// Oldest age of a client command that is still decided.
    pub accept_ms: Millis,
    /// How far issued-at may lie ahead of log time.
    pub skew_ms: Millis,
    /// How long an outcome is remembered after its last copy.
    pub dedup_ms: Millis,
    /// How long a final order stays in the state.
    pub keep_ms: Millis,
    /// How long a reserved order waits for its payment.
    pub payment_deadline_ms: Millis,
    /// Most deadlines that one Tick expires.
    pub expire_max: i32,
    /// Most entries that one step evicts from each queue.
    pub evict_max: i32,
    /// Most remembered commands of one shard; enforced by the edge's admission.
    pub dedup_entries_max: i64,
    pub orders_partitions: i32,
    pub products_partitions: i32,
    pub replies_partitions: i32,
    pub dead_letters_partitions: i32,
}

impl Parameters {
    /// How many shards of a kind there are. Kinds other than orders have as many as products: a
    /// further one needs no parameter of its own, which would be another schema of the rules.
    pub fn shards(&self, kind: Kind) -> i32 {
        if kind == Kind::Orders { self.orders_partitions } else { self.products_partitions }
    }

    /// How many partitions a topic has.
    pub fn partitions(&self, topic: Topic) -> i32 {
        match topic {
            Topic::Commands(kind) | Topic::Events(kind) | Topic::Outcomes(kind) => {
                self.shards(kind)
            }
            Topic::Replies => self.replies_partitions,
            Topic::CommandDeadLetters => self.dead_letters_partitions,
        }
    }
}

/// Make a rules revision known to this shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposeRules {
    /// Rises with every change.
    pub revision: i64,
    /// Version of the code that decides.
    pub rules: i32,
    /// Random id of the partition; the first record's counts.
    pub stream_id: String,
    pub parameters: Parameters,
}

/// Switch to a proposed revision at this offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivateRules {
    pub revision: i64,
}

/// The log was begun anew; link counters restart at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaiseIncarnation {
    /// Higher than the one before.
    pub incarnation: i64,
}

control_record!(Tick, "commands/Tick.v1.avsc");
control_record!(ProposeRules, "commands/ProposeRules.v1.avsc");
control_record!(ActivateRules, "commands/ActivateRules.v1.avsc");
control_record!(RaiseIncarnation, "commands/RaiseIncarnation.v1.avsc");
