//! The topics, by name.

use std::fmt;

use crate::Kind;

/// A topic of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Commands(Kind),
    Events(Kind),
    Outcomes(Kind),
    Replies,
    CommandDeadLetters,
}

/// Commands, events and outcomes of each kind, and the two that all share.
const COUNT: usize = 3 * Kind::ALL.len() + 2;

impl Topic {
    pub const ALL: [Topic; COUNT] = all();

    /// The outcomes of all kinds.
    pub const OUTCOMES: &'static [Topic] = {
        let kinds = Kind::ALL.len();
        Self::ALL.split_at(3 * kinds).0.split_at(2 * kinds).1
    };

    pub fn name(self) -> &'static str {
        match self {
            Topic::Commands(kind) => kind.commands_topic(),
            Topic::Events(kind) => kind.events_topic(),
            Topic::Outcomes(kind) => kind.outcomes_topic(),
            Topic::Replies => "command.replies.v1",
            Topic::CommandDeadLetters => "command.dead-letters.v1",
        }
    }

    /// The topic of that name.
    pub fn of_name(name: &str) -> Option<Topic> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

const fn all() -> [Topic; COUNT] {
    let mut all = [Topic::CommandDeadLetters; COUNT];
    let kinds = Kind::ALL.len();
    let mut index = 0;
    while index < kinds {
        let kind = Kind::ALL[index];
        all[index] = Topic::Commands(kind);
        all[kinds + index] = Topic::Events(kind);
        all[2 * kinds + index] = Topic::Outcomes(kind);
        index += 1;
    }
    all[COUNT - 2] = Topic::Replies;
    all
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_stands_once_in_the_list_and_is_found_by_its_name() {
        assert!(Topic::ALL.is_sorted(), "{:?}", Topic::ALL);
        for topic in Topic::ALL {
            assert_eq!(Topic::of_name(topic.name()), Some(topic));
        }
        let outcomes = Kind::ALL.map(Topic::Outcomes);
        assert_eq!(Topic::OUTCOMES, outcomes);
        assert_eq!(Topic::Outcomes(Kind::Products).name(), "products.outcomes.v1");
    }
}
