//! Rules revisions: everything that can change a byte is switched by a record in the log.

use std::collections::BTreeMap;

use domain::rules::Version;
use events::command::{Parameters, ProposeRules};
use serde::{Deserialize, Serialize};

use crate::halt::Halt;

/// The code versions that this binary can decide by, rising.
pub const KNOWN_RULES: &[i32] = domain::rules::KNOWN;

/// A code version with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub revision: i64,
    /// Code version.
    pub rules: i32,
    pub parameters: Parameters,
}

impl Revision {
    /// The rules to decide by.
    ///
    /// # Errors
    /// This binary does not have the code version.
    pub(crate) fn in_force(&self) -> Result<domain::Rules<'_>, Halt> {
        match Version::of_number(self.rules) {
            Some(version) => Ok(domain::Rules { version, parameters: &self.parameters }),
            None => Err(Halt::UnknownRules { revision: self.revision, rules: self.rules }),
        }
    }
}

/// The active revision, and those that were proposed after it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    active: Option<Revision>,
    proposed: BTreeMap<i64, Revision>,
}

impl Rules {
    pub(crate) fn active(&self) -> Option<&Revision> {
        self.active.as_ref()
    }

    pub(crate) fn proposed(&self, revision: i64) -> Option<&Revision> {
        self.proposed.get(&revision)
    }

    pub(crate) fn all_proposed(&self) -> impl Iterator<Item = &Revision> {
        self.proposed.values()
    }

    pub(crate) fn revision(&self) -> i64 {
        self.active.map_or(0, |active| active.revision)
    }

    /// Why a proposal cannot be taken; `None` when it can.
    pub(crate) fn objection(&self, proposal: &ProposeRules) -> Option<&'static str> {
        let p = &proposal.parameters;
        let counts = [
            p.orders_partitions,
            p.products_partitions,
            p.replies_partitions,
            p.dead_letters_partitions,
        ];
        if proposal.revision <= self.revision() || self.proposed.contains_key(&proposal.revision) {
            return Some("the revision is not above the known ones");
        }
        if counts.iter().any(|count| !(1..=10_000).contains(count)) {
            return Some("a partition count is not between 1 and 10,000");
        }
        if p.expire_max < 1 || p.evict_max < 1 {
            return Some("a bound on the work of one step is below 1");
        }
        if [p.accept_ms, p.skew_ms, p.keep_ms, p.payment_deadline_ms, p.dedup_entries_max]
            .iter()
            .any(|value| !(0..=i64::MAX / 4).contains(value))
        {
            return Some("a parameter is negative or too large");
        }
        if p.dedup_ms < p.accept_ms.saturating_add(p.skew_ms.saturating_mul(2)) {
            return Some(
                "dedup_ms is below accept_ms + 2 skew_ms: a repeat could be decided twice",
            );
        }
        let known = self.active.iter().chain(self.proposed.values()).next();
        if known.is_some_and(|known| counts_of(&known.parameters) != counts) {
            return Some("partition counts never change in place");
        }
        None
    }

    pub(crate) fn propose(&mut self, proposal: &ProposeRules) {
        let ProposeRules { revision, rules, parameters, .. } = *proposal;
        self.proposed.insert(revision, Revision { revision, rules, parameters });
    }

    /// Switches to a proposed revision and forgets the older proposals.
    pub(crate) fn activate(&mut self, revision: Revision) {
        self.proposed.retain(|proposed, _| *proposed > revision.revision);
        self.active =
            Some(planted!(ParametersNotInTheLog => crate::planted::configured(revision); revision));
    }
}

fn counts_of(p: &Parameters) -> [i32; 4] {
    [p.orders_partitions, p.products_partitions, p.replies_partitions, p.dead_letters_partitions]
}

#[cfg(test)]
mod tests {
    use events::{Command, Kind, ShardId, command::Tick, header::View, profile::Profile};

    use super::*;
    use crate::{Record, State, Timestamp, step};

    /// A snapshot of a later release holds rules that only that release has.
    #[test]
    fn a_state_under_rules_that_this_binary_does_not_have_decides_nothing() {
        let mut state = State::new(ShardId::new(Kind::Orders, 0));
        let parameters = Profile::LOCAL.parameters();
        state.rules.activate(Revision { revision: 7, rules: 9_999, parameters });
        let value = Command::from(Tick {}).to_single_object();
        let record = Record {
            offset: 0,
            timestamp: Timestamp::LogAppend(1),
            key: None,
            value: Some(&value),
            headers: View(&[]),
        };
        let unknown = Halt::UnknownRules { revision: 7, rules: 9_999 };
        assert_eq!(step(&mut state, &record), Err(unknown));
    }
}
