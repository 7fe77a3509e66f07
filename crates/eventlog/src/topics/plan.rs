//! What `apply` would do, for people to read first.

use std::fmt;

use events::Topic;

use super::{Difference, Lost, first_records::Missing};
use crate::Partition;

/// What is to be done to the topics. Its text has a line per action and difference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Topics to make.
    pub create: Vec<Topic>,
    /// Command partitions that lack their first records.
    pub(super) first_records: Vec<(Partition, Missing)>,
    /// Shards whose logs are gone, to be begun anew only on purpose.
    pub lost: Option<Lost>,
    /// What is wrong and cannot be changed here.
    pub differences: Vec<Difference>,
}

impl Plan {
    /// True when there is nothing to do and nothing wrong.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.first_records.is_empty() && self.differences.is_empty()
    }

    /// Command partitions that lack their first records.
    pub fn partitions_without_rules(&self) -> impl Iterator<Item = &Partition> {
        self.first_records.iter().map(|(partition, _)| partition)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for topic in &self.create {
            writeln!(f, "create {topic}")?;
        }
        for (partition, missing) in &self.first_records {
            writeln!(f, "write {missing} to {partition}")?;
        }
        if let Some(lost) = &self.lost {
            writeln!(f, "lost: {lost}")?;
        }
        for difference in &self.differences {
            writeln!(f, "wrong: {difference}")?;
        }
        Ok(())
    }
}
