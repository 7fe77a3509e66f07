//! What the log says: the outcomes and events that its readers accept.

use std::collections::BTreeMap;

use anyhow::Context as _;
use eventlog::{Partition, Record, Registry, SchemaReader};
use events::{
    Event, Kind, Topic,
    codec::Record as _,
    header::{self, View},
    outcome::Outcome,
    position::{Arrival, Mark},
};
use uuid::Uuid;

use super::judge::Violations;
use crate::System;

/// The accepted records of the topics of outcomes and events.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    pub(crate) outcomes: BTreeMap<Uuid, Outcome>,
    /// Partition by partition, each in its order.
    pub(crate) facts: Vec<Fact>,
    /// Records that readers skip because they came before.
    pub(crate) repeats: usize,
    /// Records that readers discard, because what lies before them came only later.
    pub(crate) discarded: usize,
}

/// An event with what its headers say.
#[derive(Debug)]
pub(crate) struct Fact {
    /// The client command that it stems from; absent after a tick.
    pub(crate) command: Option<Uuid>,
    /// Version of its aggregate; absent where it belongs to none.
    pub(crate) version: Option<i64>,
    pub(crate) event: Event,
}

impl Evidence {
    /// Reads it all. What no reader could make sense of is a violation.
    ///
    /// # Errors
    /// Brokers or registry do not answer.
    pub(crate) async fn gather(
        system: &System,
        violations: &mut Violations,
    ) -> anyhow::Result<Self> {
        let mut evidence = Self::default();
        for kind in Kind::ALL {
            for record in evidence.accepted(system, Topic::Outcomes(kind), violations).await? {
                evidence.take_outcome(&record, violations)?;
            }
        }
        let schemas = SchemaReader::new(Registry::new(&system.registry_url())?);
        for kind in Kind::ALL {
            for record in evidence.accepted(system, Topic::Events(kind), violations).await? {
                let event = schemas.decode(&record).await?;
                let headers = record.headers();
                let view = View(&headers);
                evidence.facts.push(Fact {
                    command: view.text(header::COMMAND).and_then(|id| id.parse().ok()),
                    version: view.number(header::VERSION),
                    event,
                });
            }
        }
        Ok(evidence)
    }

    /// The records of a topic that are exactly the next ones of their link.
    async fn accepted(
        &mut self,
        system: &System,
        topic: Topic,
        violations: &mut Violations,
    ) -> anyhow::Result<Vec<Record>> {
        let mut marks: BTreeMap<Partition, Mark> = BTreeMap::new();
        let mut furthest = marks.clone();
        let mut accepted = Vec::new();
        for record in system.log.read_topic(topic).await? {
            let place = || format!("{} at {}", record.partition, record.offset);
            let link = View(&record.headers()).link();
            let Some((_, mark)) = link.filter(|l| Some(l.0) == record.partition.shard()) else {
                violations.add("foreign", format!("{}: not of its shard: {link:?}", place()));
                continue;
            };
            let last = marks.entry(record.partition.clone()).or_default();
            match last.arrival(mark) {
                Arrival::Next => {
                    *last = mark;
                    accepted.push(record);
                }
                Arrival::Repeat => self.repeats += 1,
                Arrival::Gap => {
                    self.discarded += 1;
                    let furthest = furthest.entry(record.partition.clone()).or_default();
                    *furthest = mark.max(*furthest);
                }
            }
        }
        // A repair has sent again whatever was discarded, and what lies before it.
        for (partition, furthest) in furthest {
            let last = marks.get(&partition).copied().unwrap_or_default();
            if last < furthest {
                violations.add("gap", format!("{partition}: {furthest:?} after {last:?}"));
            }
        }
        Ok(accepted)
    }

    fn take_outcome(&mut self, record: &Record, violations: &mut Violations) -> anyhow::Result<()> {
        let outcome = Outcome::from_single_object(record.value().unwrap_or_default())
            .with_context(|| format!("{} at {}", record.partition, record.offset))?;
        let id: Uuid = outcome.command_id.parse()?;
        if let Some(earlier) = self.outcomes.insert(id, outcome.clone()) {
            violations.add("decided-twice", format!("{earlier:?}, then {outcome:?}"));
        }
        Ok(())
    }
}
