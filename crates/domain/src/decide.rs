//! The way in: one function that answers every client command and every follow-up.

use events::{Command, Event, Kind, Millis, command::Author, outcome::Refusal};

use crate::{Aggregates, Rules, bounds, order, product};

/// What a command leads to. Neither events nor a refusal: the wish was already fulfilled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// In the order in which they must be folded.
    pub events: Vec<Event>,
    /// May come with events: a late payment is refused and expires its order.
    pub refusal: Option<Refusal>,
}

impl Decision {
    /// The wish was already fulfilled, or asks for nothing.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn event(event: impl Into<Event>) -> Self {
        Self::events(vec![event.into()])
    }

    pub(crate) fn events(events: Vec<Event>) -> Self {
        Self { events, refusal: None }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self { events: Vec::new(), refusal: Some(refusal) }
    }
}

/// Answers a client command or a follow-up under these rules. `now` is the shard's log time.
///
/// A follow-up is never refused. Control records decide nothing here: `Tick` is carried out with
/// [`order::expire`], the others concern the shard and not its aggregates.
///
/// # Panics
/// When a follow-up contradicts what this system wrote before, such as giving back stock that
/// nobody holds. That is a broken invariant of ours, and the shard must stop.
pub fn decide(
    aggregates: &Aggregates,
    command: &Command,
    now: Millis,
    rules: &Rules<'_>,
) -> Decision {
    if command.author() == Author::Client
        && let Some(refusal) = bounds::refusal(&bounds::check(command))
    {
        return Decision::refused(refusal);
    }
    match command.kind() {
        Some(Kind::Orders) => order::decide(aggregates, command, now, rules),
        Some(Kind::Products) => product::decide(aggregates, command, rules),
        None => Decision::nothing(),
    }
}

/// Each aggregate answers for the commands that say that they are its own.
///
/// # Panics
/// Always: a command was added, and not to the place that asks.
pub(crate) fn foreign(command: &Command) -> ! {
    panic!("{} says that it belongs to this aggregate, which does not know it", command.name())
}
