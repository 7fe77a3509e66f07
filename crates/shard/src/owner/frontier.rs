//! Which steps have outputs that are not acknowledged yet.

use std::collections::VecDeque;

use super::Commit;

/// Steps in log order; a step leaves when it and all steps before it are acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Frontier {
    steps: VecDeque<Sent>,
    outstanding: usize,
    /// Where steps began, for the planted bug that commits the highest acknowledged one.
    #[cfg(feature = "planted-bugs")]
    ends: VecDeque<Commit>,
    #[cfg(feature = "planted-bugs")]
    highest: i64,
}

#[derive(Debug)]
struct Sent {
    /// Offset of the record.
    offset: i64,
    /// What may be committed while this step is the lowest: the shard before it. Below the record's
    /// offset, where a hole in the log lies between.
    before: Commit,
    unacknowledged: usize,
}

impl Frontier {
    pub(crate) fn sent(&mut self, offset: i64, before: Commit, outputs: usize) {
        self.outstanding += outputs;
        plant!(CommitHighestAcknowledged => self.ends.push_back(before.clone()));
        self.steps.push_back(Sent { offset, before, unacknowledged: outputs });
    }

    pub(crate) fn acknowledged(&mut self, offset: i64) {
        plant!(CommitHighestAcknowledged => self.highest = self.highest.max(offset));
        let Ok(index) = self.steps.binary_search_by_key(&offset, |step| step.offset) else {
            return;
        };
        let step = &mut self.steps[index];
        if step.unacknowledged > 0 {
            step.unacknowledged -= 1;
            self.outstanding -= 1;
        }
        while self.steps.front().is_some_and(|step| step.unacknowledged == 0) {
            self.steps.pop_front();
        }
    }

    pub(crate) fn lowest(&self) -> Option<&Commit> {
        self.steps.front().map(|step| &step.before)
    }

    /// The last step that began at or below the highest acknowledged one's end.
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn highest(&self) -> Option<&Commit> {
        let lowest = self.lowest()?;
        let beyond = self.ends.iter().find(|at| at.offset > self.highest);
        Some(beyond.unwrap_or(lowest))
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chain;

    fn before(offset: i64) -> Commit {
        Commit { offset, stream_id: "s".to_owned(), revision: 1, chain: Chain::default() }
    }

    fn lowest(frontier: &Frontier) -> Option<i64> {
        frontier.lowest().map(|commit| commit.offset)
    }

    #[test]
    fn the_frontier_is_the_lowest_offset_with_an_unacknowledged_output() {
        let mut frontier = Frontier::default();
        frontier.sent(3, before(3), 2);
        // Offset 4 holds no record.
        frontier.sent(5, before(4), 1);
        frontier.acknowledged(5);
        assert_eq!(lowest(&frontier), Some(3));
        frontier.acknowledged(3);
        assert_eq!(lowest(&frontier), Some(3));
        frontier.acknowledged(3);
        assert_eq!(lowest(&frontier), None);
        frontier.sent(7, before(4), 1);
        assert_eq!(lowest(&frontier), Some(4), "the hole is read again");
        frontier.acknowledged(7);
        frontier.acknowledged(3);
        assert_eq!(frontier.outstanding(), 0);
    }
}
