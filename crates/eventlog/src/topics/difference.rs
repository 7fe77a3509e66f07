//! How a topic differs from what the profile wants; each difference is a sentence for people.

use std::fmt;

use events::{Topic, profile::Profile};

use super::Description;
use crate::Partition;

/// One way in which the topics are not as they must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Missing {
        topic: Topic,
    },
    Partitions {
        topic: Topic,
        wanted: i32,
        found: i32,
    },
    Replication {
        topic: Topic,
        wanted: i32,
        found: i32,
    },
    Setting {
        topic: Topic,
        name: &'static str,
        wanted: String,
        /// Absent when the broker does not know the setting.
        found: Option<String>,
    },
    /// No rules are in force in the shard; `lacks` names the records.
    NoRules {
        partition: Partition,
        lacks: String,
    },
    /// What its shard commits could not be told from what another log gave.
    NoStreamId {
        partition: Partition,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing { topic } => {
                write!(f, "{topic} does not exist; run `spillway topics apply`")
            }
            Difference::Partitions { topic, wanted, found } => write!(
                f,
                "{topic} has {found} partitions instead of {wanted}; a key would change its shard, so \
                 partition counts never change in place: choose the profile that the topics were \
                 made with, or begin with a cluster that has none of them"
            ),
            Difference::Replication { topic, wanted, found } => write!(
                f,
                "{topic} has a partition with {found} copies instead of {wanted}; reassign it with \
                 kafka-reassign-partitions"
            ),
            Difference::Setting { topic, name, wanted, found } => write!(
                f,
                "{topic} has {name}={} instead of {wanted}; run `kafka-configs --alter --topic \
                 {topic} --add-config {name}={wanted}`",
                found.as_deref().unwrap_or("(unknown to the broker)")
            ),
            Difference::NoRules { partition, lacks } => write!(
                f,
                "{partition} holds no {lacks}, so its shard has no rules; run `spillway topics apply`"
            ),
            Difference::NoStreamId { partition } => write!(
                f,
                "the first ProposeRules of {partition} has no stream id, so its shard could never \
                 commit; delete the topic, and let `spillway topics apply` make it"
            ),
        }
    }
}

/// Everything in which a topic differs.
pub(super) fn between(profile: &Profile, topic: Topic, found: &Description) -> Vec<Difference> {
    let mut differences = Vec::new();
    let wanted = profile.partitions(topic);
    if found.partitions != wanted {
        differences.push(Difference::Partitions { topic, wanted, found: found.partitions });
    }
    // More copies than wanted do no harm.
    if found.replicas_min < profile.replication {
        differences.push(Difference::Replication {
            topic,
            wanted: profile.replication,
            found: found.replicas_min,
        });
    }
    for (name, wanted) in profile.settings(topic) {
        let found = found.settings.get(name);
        if found != Some(&wanted) {
            differences.push(Difference::Setting { topic, name, wanted, found: found.cloned() });
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Kind;

    const TOPIC: Topic = Topic::Commands(Kind::Orders);

    fn as_wanted() -> Description {
        let profile = Profile::LOCAL;
        Description {
            partitions: profile.partitions(TOPIC),
            replicas_min: profile.replication,
            settings: profile
                .settings(TOPIC)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        }
    }

    #[test]
    fn a_topic_as_wanted_has_no_difference() {
        assert_eq!(between(&Profile::LOCAL, TOPIC, &as_wanted()), []);
    }

    #[test]
    fn every_difference_is_reported_with_what_to_do() {
        let mut found = as_wanted();
        found.partitions = 3;
        found.replicas_min = 0;
        found.settings.insert("message.timestamp.type".to_owned(), "CreateTime".to_owned());
        found.settings.remove("retention.ms");
        let sentences: Vec<String> =
            between(&Profile::LOCAL, TOPIC, &found).iter().map(ToString::to_string).collect();
        assert_eq!(sentences.len(), 4, "{sentences:#?}");
        assert!(sentences[0].starts_with("orders.commands.v1 has 3 partitions instead of 4;"));
        assert!(sentences[1].contains("0 copies instead of 1"));
        assert!(sentences[2].contains("retention.ms=(unknown to the broker) instead of -1"));
        assert!(
            sentences[3].contains("message.timestamp.type=CreateTime instead of LogAppendTime")
        );
    }
}
