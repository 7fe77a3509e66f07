//! Deployment profiles: how many partitions and copies, and the settings that every topic needs.

use crate::{Topic, command::Parameters};

/// The largest record that any topic takes; the bounds on commands keep every output below half.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What a deployment chooses once; partition counts never change in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    pub name: &'static str,
    pub orders_partitions: i32,
    pub products_partitions: i32,
    pub replies_partitions: i32,
    pub dead_letters_partitions: i32,
    pub replication: i32,
    pub min_in_sync_replicas: i32,
}

impl Profile {
    /// One broker on this machine.
    pub const LOCAL: Profile = Profile {
        name: "local",
        orders_partitions: 4,
        products_partitions: 4,
        replies_partitions: 2,
        dead_letters_partitions: 1,
        replication: 1,
        min_in_sync_replicas: 1,
    };

    /// Three brokers on one machine, one of which may fail at any time.
    pub const REPLICATED: Profile =
        Profile { name: "replicated", replication: 3, min_in_sync_replicas: 2, ..Self::LOCAL };

    /// At least three brokers.
    pub const PRODUCTION: Profile = Profile {
        name: "production",
        orders_partitions: 24,
        products_partitions: 24,
        replies_partitions: 24,
        dead_letters_partitions: 3,
        replication: 3,
        min_in_sync_replicas: 2,
    };

    pub const ALL: [Profile; 3] = [Self::LOCAL, Self::REPLICATED, Self::PRODUCTION];

    pub fn of_name(name: &str) -> Option<Profile> {
        Self::ALL.into_iter().find(|profile| profile.name == name)
    }

    pub fn partitions(&self, topic: Topic) -> i32 {
        self.parameters().partitions(topic)
    }

    /// The topic settings that processes check at start, as Kafka names and values.
    pub fn settings(&self, topic: Topic) -> Vec<(&'static str, String)> {
        let retention_ms = match topic {
            Topic::Commands(_) | Topic::Events(_) => -1,
            Topic::Outcomes(_) => 7 * DAY_MS,
            Topic::Replies => HOUR_MS,
            Topic::CommandDeadLetters => -1,
        };
        vec![
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", retention_ms.to_string()),
            ("retention.bytes", "-1".to_owned()),
            ("message.timestamp.type", "LogAppendTime".to_owned()),
            ("max.message.bytes", RECORD_BYTES_MAX.to_string()),
            ("min.insync.replicas", self.min_in_sync_replicas.to_string()),
            ("unclean.leader.election.enable", "false".to_owned()),
        ]
    }

    /// The parameters of the first rules revision.
    pub fn parameters(&self) -> Parameters {
        Parameters {
            accept_ms: 10 * 60_000,
            skew_ms: 30_000,
            dedup_ms: HOUR_MS,
            keep_ms: 7 * DAY_MS,
            payment_deadline_ms: 15 * 60_000,
            expire_max: 100,
            evict_max: 16,
            dedup_entries_max: 5_000_000,
            orders_partitions: self.orders_partitions,
            products_partitions: self.products_partitions,
            replies_partitions: self.replies_partitions,
            dead_letters_partitions: self.dead_letters_partitions,
        }
    }
}
