//! Which faults happen in which order: a deck that a seed shuffles, dealt in rounds.

use std::{collections::VecDeque, ops::RangeInclusive, time::Duration};

use rand::{Rng as _, rngs::StdRng, seq::SliceRandom as _};

use events::{Kind, Topic, profile::Profile};

use super::fault::{Fault, INSTANCES, Role};

/// What a trial's topics are made by.
pub(crate) const PROFILE: Profile = Profile::REPLICATED;

/// How long a killed process stays away, and how long Produce requests are harmed.
const DOWN_MS: RangeInclusive<u64> = 0..=3_000;
const HARMED_MS: RangeInclusive<u64> = 3_000..=10_000;
/// How long log time stands still: below what commands may be ahead of it.
const SWITCHED_MS: RangeInclusive<u64> = 1_000..=8_000;
/// The versions of the rules, and the payment deadlines, that are switched between.
const RULES: RangeInclusive<i32> = 1..=3;
const DEADLINE_MS: RangeInclusive<u64> = 4_000..=8_000;
/// How long nothing new happens between two rounds.
const CALM_MS: RangeInclusive<u64> = 0..=2_000;
/// How long a process is stopped. One pause of three may be of any length up to a minute, the others
/// are short, so that a trial is not all waiting.
const ASLEEP_MS_MIN: u64 = 1_000;
const ASLEEP_MS_SHORT: u64 = 5_000;
const ASLEEP_MS_MAX: u64 = 60_000;
/// No pause takes more than this part of a trial's time.
const ASLEEP_PART: u32 = 4;
const BROKERS: usize = 3;

/// The kinds of faults that one deck holds; instances and durations are chosen when one is dealt.
#[derive(Debug, Clone, Copy)]
enum Card {
    Kill(Role),
    Pause(Role),
    Roll(Role),
    ResetOffsets(Role),
    KillBroker,
    PauseBroker,
    MoveLeaders,
    HarmProduce,
    SwitchTimestamps,
    AdvanceClock,
    LoseTail,
    SwitchRules,
    Archive,
}

const CARDS: [Card; 17] = [
    Card::Kill(Role::CommandApi),
    Card::Pause(Role::CommandApi),
    Card::Roll(Role::CommandApi),
    Card::ResetOffsets(Role::CommandApi),
    Card::Kill(Role::Projector),
    Card::Pause(Role::Projector),
    Card::Roll(Role::Projector),
    Card::ResetOffsets(Role::Projector),
    Card::KillBroker,
    Card::PauseBroker,
    Card::MoveLeaders,
    Card::HarmProduce,
    Card::SwitchTimestamps,
    Card::AdvanceClock,
    Card::LoseTail,
    Card::SwitchRules,
    Card::Archive,
];

/// The faults of a trial. Before a kind comes again, all others have come.
#[derive(Debug)]
pub(crate) struct Deck {
    rng: StdRng,
    faults: VecDeque<Fault>,
    asleep_ms_max: u64,
    dealt: usize,
}

impl Deck {
    pub(crate) fn new(rng: StdRng, faults_for: Duration) -> Self {
        let part = u64::try_from((faults_for / ASLEEP_PART).as_millis()).unwrap_or(u64::MAX);
        let asleep_ms_max = part.clamp(ASLEEP_MS_SHORT, ASLEEP_MS_MAX);
        Self { rng, faults: VecDeque::new(), asleep_ms_max, dealt: 0 }
    }

    /// Whether every kind has come.
    pub(crate) fn is_through(&self) -> bool {
        self.dealt >= CARDS.len()
    }

    /// One to three faults that happen at the same time, no two of them to the same process, and
    /// never two to brokers: two of three must have every record.
    pub(crate) fn round(&mut self) -> Vec<Fault> {
        let mut round: Vec<Fault> = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            self.shuffle_when_empty();
            // One that collides waits for a later round.
            let is_free = |fault: &Fault| round.iter().all(|other| !other.collides(fault));
            let next = self.faults.iter().position(is_free);
            round.extend(next.and_then(|index| self.faults.remove(index)));
        }
        self.dealt += round.len();
        round
    }

    /// How long to wait for the next round.
    pub(crate) fn calm(&mut self) -> Duration {
        self.lasting(CALM_MS)
    }

    fn shuffle_when_empty(&mut self) {
        if self.faults.is_empty() {
            let mut cards = CARDS;
            cards.shuffle(&mut self.rng);
            self.faults = cards.into_iter().map(|card| self.fault(card)).collect();
        }
    }

    fn fault(&mut self, card: Card) -> Fault {
        let instance = self.rng.random_range(0..INSTANCES);
        let broker = self.rng.random_range(0..BROKERS);
        match card {
            Card::Kill(role) => Fault::Kill { role, instance, down: self.lasting(DOWN_MS) },
            Card::Pause(role) => Fault::Pause { role, instance, asleep: self.asleep() },
            Card::Roll(role) => Fault::Roll { role },
            Card::ResetOffsets(role) => Fault::ResetOffsets { role },
            Card::KillBroker => Fault::KillBroker { broker, down: self.lasting(DOWN_MS) },
            Card::PauseBroker => Fault::PauseBroker { broker, asleep: self.asleep() },
            Card::MoveLeaders => Fault::MoveLeaders { seed: self.rng.random() },
            Card::HarmProduce => Fault::HarmProduce { lasting: self.lasting(HARMED_MS) },
            Card::SwitchTimestamps => {
                let kind = Kind::ALL[self.rng.random_range(0..Kind::ALL.len())];
                Fault::SwitchTimestamps { kind, lasting: self.lasting(SWITCHED_MS) }
            }
            Card::AdvanceClock => Fault::AdvanceClock { broker },
            Card::LoseTail => {
                let kind = Kind::ALL[self.rng.random_range(0..Kind::ALL.len())];
                let partitions = 0..PROFILE.partitions(Topic::Events(kind));
                Fault::LoseTail { kind, partition: self.rng.random_range(partitions) }
            }
            Card::SwitchRules => Fault::SwitchRules {
                rules: self.rng.random_range(RULES),
                deadline: self.lasting(DEADLINE_MS),
            },
            Card::Archive => Fault::Archive,
        }
    }

    fn asleep(&mut self) -> Duration {
        let is_any = self.rng.random_ratio(1, 3);
        let max = if is_any { self.asleep_ms_max } else { ASLEEP_MS_SHORT };
        self.lasting(ASLEEP_MS_MIN..=max)
    }

    fn lasting(&mut self, ms: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(ms))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;

    use super::*;

    fn deck(seed: u64) -> Deck {
        Deck::new(StdRng::seed_from_u64(seed), Duration::from_secs(3_600))
    }

    #[test]
    fn a_seed_deals_the_same_rounds_again_and_every_kind_comes() {
        let deal = || {
            let mut deck = deck(3);
            let mut rounds = Vec::new();
            while !deck.is_through() {
                rounds.push(deck.round());
            }
            rounds
        };
        assert_eq!(deal(), deal());
        let names: BTreeSet<String> = deal().iter().flatten().map(Fault::name).collect();
        assert_eq!(names.len(), CARDS.len(), "{names:?}");
    }

    #[test]
    fn no_round_strikes_a_process_twice_or_two_brokers() {
        let mut deck = deck(4);
        for _ in 0..500 {
            let round = deck.round();
            assert!(!round.is_empty());
            for (at, one) in round.iter().enumerate() {
                assert!(round[..at].iter().all(|other| !one.collides(other)), "{round:?}");
            }
        }
    }

    #[test]
    fn pauses_are_of_every_length_up_to_a_minute_and_short_in_a_short_trial() {
        let longest = |mut deck: Deck| {
            let faults = (0..500).flat_map(|_| deck.round());
            let asleep = faults.filter_map(|fault| match fault {
                Fault::Pause { asleep, .. } | Fault::PauseBroker { asleep, .. } => Some(asleep),
                _ => None,
            });
            asleep.max().unwrap()
        };
        assert!(longest(deck(5)) > Duration::from_secs(50));
        let short = Deck::new(StdRng::seed_from_u64(5), Duration::from_secs(40));
        assert!(longest(short) <= Duration::from_secs(10));
    }
}
