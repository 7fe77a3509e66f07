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

impl Topic {
    pub const ALL: [Topic; 8] = [
        Topic::Commands(Kind::Orders),
        Topic::Commands(Kind::Products),
        Topic::Events(Kind::Orders),
        Topic::Events(Kind::Products),
        Topic::Outcomes(Kind::Orders),
        Topic::Outcomes(Kind::Products),
        Topic::Replies,
        Topic::CommandDeadLetters,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Topic::Commands(Kind::Orders) => "orders.commands.v1",
            Topic::Commands(Kind::Products) => "products.commands.v1",
            Topic::Events(Kind::Orders) => "orders.events.v1",
            Topic::Events(Kind::Products) => "products.events.v1",
            Topic::Outcomes(Kind::Orders) => "orders.outcomes.v1",
            Topic::Outcomes(Kind::Products) => "products.outcomes.v1",
            Topic::Replies => "command.replies.v1",
            Topic::CommandDeadLetters => "command.dead-letters.v1",
        }
    }

    /// The topic of that name.
    pub fn of_name(name: &str) -> Option<Topic> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
