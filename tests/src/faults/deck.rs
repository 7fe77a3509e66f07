//! Which faults happen in which order: a deck that a seed shuffles, dealt in rounds.

use std::{collections::VecDeque, fmt, time::Duration};

use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};

/// How long a fault lasts, in milliseconds.
const PAUSED_MS: std::ops::RangeInclusive<u64> = 1_000..=5_000;
const DOWN_MS: std::ops::RangeInclusive<u64> = 0..=3_000;
/// Instances of each process, and brokers.
pub(crate) const INSTANCES: usize = 2;
const BROKERS: usize = 3;

/// A process of the system that there are several of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    CommandApi,
    Projector,
}

/// One fault, with its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SIGKILL, started again after a while.
    Kill { role: Role, instance: usize, down: Duration },
    /// SIGSTOP, then SIGCONT: nothing knows that it slept.
    Pause { role: Role, instance: usize, asleep: Duration },
    /// SIGTERM, an orderly end, then a start.
    Restart { role: Role, instance: usize },
    /// SIGKILL of a broker, started again after a while.
    KillBroker { broker: usize, down: Duration },
    /// All instances killed, the offsets of their group set to the ends of the topics, all started.
    ResetOffsets { role: Role },
}

/// The kinds of faults that one deck holds; instances and durations are chosen when one is dealt.
#[derive(Debug, Clone, Copy)]
enum Card {
    Kill(Role),
    Pause(Role),
    Restart(Role),
    KillBroker,
    ResetOffsets(Role),
}

const CARDS: [Card; 10] = [
    Card::Kill(Role::CommandApi),
    Card::Pause(Role::CommandApi),
    Card::Restart(Role::CommandApi),
    Card::ResetOffsets(Role::CommandApi),
    Card::Kill(Role::Projector),
    Card::Pause(Role::Projector),
    Card::Restart(Role::Projector),
    Card::ResetOffsets(Role::Projector),
    Card::KillBroker,
    Card::KillBroker,
];

/// The faults of a trial. Before a kind comes again, all others have come.
#[derive(Debug)]
pub(crate) struct Deck {
    rng: StdRng,
    cards: VecDeque<Card>,
}

impl Deck {
    pub(crate) fn new(rng: StdRng) -> Self {
        Self { rng, cards: VecDeque::new() }
    }

    /// One to three faults that happen at the same time, no two of them to the same process, and
    /// never two brokers: two of three must have every record.
    pub(crate) fn round(&mut self) -> Vec<Fault> {
        let mut faults: Vec<Fault> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            let fault = self.deal();
            match faults.iter().any(|other| other.collides(&fault)) {
                true => self.cards.push_back(fault.card()),
                false => faults.push(fault),
            }
        }
        faults
    }

    fn deal(&mut self) -> Fault {
        let card = loop {
            match self.cards.pop_front() {
                Some(card) => break card,
                None => {
                    let mut cards = CARDS;
                    cards.shuffle(&mut self.rng);
                    self.cards.extend(cards);
                }
            }
        };
        let instance = self.rng.random_range(0..INSTANCES);
        let down = Duration::from_millis(self.rng.random_range(DOWN_MS));
        let asleep = Duration::from_millis(self.rng.random_range(PAUSED_MS));
        match card {
            Card::Kill(role) => Fault::Kill { role, instance, down },
            Card::Pause(role) => Fault::Pause { role, instance, asleep },
            Card::Restart(role) => Fault::Restart { role, instance },
            Card::KillBroker => {
                Fault::KillBroker { broker: self.rng.random_range(0..BROKERS), down }
            }
            Card::ResetOffsets(role) => Fault::ResetOffsets { role },
        }
    }
}

impl Fault {
    /// The word under which it is counted.
    pub(crate) fn name(&self) -> String {
        match self {
            Fault::Kill { role, .. } => format!("kill of {role}"),
            Fault::Pause { role, .. } => format!("pause of {role}"),
            Fault::Restart { role, .. } => format!("restart of {role}"),
            Fault::KillBroker { .. } => "kill of broker".to_owned(),
            Fault::ResetOffsets { role } => format!("offsets forwards of {role}"),
        }
    }

    fn collides(&self, other: &Fault) -> bool {
        match (self.target(), other.target()) {
            (Some((role, one)), Some((other, two))) => {
                role == other && one.zip(two).is_none_or(|(one, two)| one == two)
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// The process, or all of the role; `None` for a broker.
    fn target(&self) -> Option<(Role, Option<usize>)> {
        match *self {
            Fault::Kill { role, instance, .. }
            | Fault::Pause { role, instance, .. }
            | Fault::Restart { role, instance } => Some((role, Some(instance))),
            Fault::ResetOffsets { role } => Some((role, None)),
            Fault::KillBroker { .. } => None,
        }
    }

    fn card(&self) -> Card {
        match *self {
            Fault::Kill { role, .. } => Card::Kill(role),
            Fault::Pause { role, .. } => Card::Pause(role),
            Fault::Restart { role, .. } => Card::Restart(role),
            Fault::KillBroker { .. } => Card::KillBroker,
            Fault::ResetOffsets { role } => Card::ResetOffsets(role),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::CommandApi => "command-api",
            Role::Projector => "projector",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_seed_deals_the_same_rounds_again_and_every_kind_comes() {
        let deal = || {
            let mut deck = Deck::new(StdRng::seed_from_u64(3));
            (0..12).map(|_| deck.round()).collect::<Vec<_>>()
        };
        assert_eq!(deal(), deal());
        let names: BTreeSet<String> = deal().iter().flatten().map(Fault::name).collect();
        assert_eq!(names.len(), CARDS.len() - 1, "{names:?}");
    }

    #[test]
    fn no_round_strikes_a_process_twice_or_two_brokers() {
        let mut deck = Deck::new(StdRng::seed_from_u64(4));
        for _ in 0..500 {
            let round = deck.round();
            assert!(!round.is_empty());
            for (at, one) in round.iter().enumerate() {
                assert!(round[..at].iter().all(|other| !one.collides(other)), "{round:?}");
            }
        }
    }
}
