//! The shards as the edge sees them: how many there are, and the load of each.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use events::{Kind, Millis, ShardId, partitioner};

use super::{
    admission::{Bounds, Load, Progress, Verdict},
    crowd::Crowd,
    metrics,
};

/// The load of every shard. Shared by the handlers and the two threads of the log; each lock is held
/// for a few assignments and never across an await.
#[derive(Debug)]
pub struct Shards {
    /// In the order of [`Kind::ALL`].
    of_kinds: [Vec<Shard>; Kind::ALL.len()],
    wait_max: Duration,
    /// Most commands that one shard remembers, by the rules in force.
    dedup_entries_max: AtomicI64,
    crowd: Mutex<Crowd>,
}

struct Shard {
    load: Mutex<Load>,
    backlog: ::metrics::Gauge,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.load.fmt(f)
    }
}

impl Shards {
    /// `partitions` gives the number of partitions of each command topic, at least 1.
    pub fn new(partitions: impl Fn(Kind) -> i32, bounds: Bounds) -> Self {
        let of_kind = |kind| {
            (0..partitions(kind).max(1))
                .map(|partition| Shard {
                    load: Mutex::default(),
                    backlog: metrics::backlog(ShardId::new(kind, partition)),
                })
                .collect()
        };
        let Bounds { wait_max, dedup_entries_max } = bounds;
        Self {
            of_kinds: Kind::ALL.map(of_kind),
            wait_max,
            dedup_entries_max: AtomicI64::new(dedup_entries_max),
            crowd: Mutex::default(),
        }
    }

    /// Other rules are in force: a shard remembers so many commands at most.
    pub fn remember_most(&self, dedup_entries_max: i64) {
        self.dedup_entries_max.store(dedup_entries_max, Ordering::Relaxed);
    }

    fn bounds(&self) -> Bounds {
        let dedup_entries_max = self.dedup_entries_max.load(Ordering::Relaxed);
        Bounds { wait_max: self.wait_max, dedup_entries_max }
    }

    /// The shard that owns a key.
    pub fn of_key(&self, kind: Kind, key: &str) -> ShardId {
        let count = i32::try_from(self.of_kind(kind).len()).unwrap_or(i32::MAX);
        partitioner::shard_of(kind, key, count)
    }

    /// Judges one more command for a shard.
    pub fn admit(&self, shard: ShardId, at: Instant) -> Verdict {
        let bounds = self.bounds();
        let verdict =
            self.shard(shard).map_or(Verdict::Admit, |shard| shard.load().admit(&bounds, at));
        if verdict != Verdict::Admit {
            self.crowd().refused(at);
        }
        verdict
    }

    /// How long a command would wait at best, when a crowd is being refused and every shard of this
    /// kind would refuse this one too, whatever it says.
    pub fn turned_away(&self, kind: Kind, at: Instant) -> Option<Duration> {
        if !self.crowd().is_there(at) {
            return None;
        }
        let bounds = self.bounds();
        let waits = self.of_kind(kind).iter().map(|shard| shard.load().refuses(&bounds, at));
        let wait = waits.collect::<Option<Vec<Duration>>>()?.into_iter().min()?;
        self.crowd().refused(at);
        Some(wait)
    }

    /// How long a command appended now would wait for its decision, as far as is known.
    pub fn estimated_wait(&self, shard: ShardId, at: Instant) -> Duration {
        self.shard(shard)
            .map_or(Duration::ZERO, |shard| shard.load().estimated_wait(&self.bounds(), at))
    }

    /// The stamp of a command: the larger of the own clock and the log time last seen.
    pub fn issued_at(&self, shard: ShardId, clock: Millis) -> Millis {
        self.shard(shard).map_or(clock, |shard| shard::edge::issued_at(clock, shard.load().now()))
    }

    /// The log time of a shard whose broker tells this time: not before the one last seen.
    pub fn log_time(&self, shard: ShardId, told: Millis) -> Millis {
        self.shard(shard).map_or(told, |shard| told.max(shard.load().now()))
    }

    /// An own command was handed to the log.
    pub fn entered(&self, shard: ShardId, at: Instant) {
        if let Some(shard) = self.shard(shard) {
            shard.load().entered(at);
        }
    }

    /// The reply to an own command came this long after its append.
    pub fn answered(&self, shard: ShardId, after: Duration, at: Instant) {
        if let Some(shard) = self.shard(shard) {
            shard.load().answered(after, at);
        }
    }

    /// Nobody waits for the reply to an own command any longer.
    pub fn abandoned(&self, shard: ShardId) {
        if let Some(shard) = self.shard(shard) {
            shard.load().abandoned();
        }
    }

    /// An own append was acknowledged.
    pub fn appended(&self, shard: ShardId, offset: i64, at: Instant) {
        if let Some(shard) = self.shard(shard) {
            let mut load = shard.load();
            load.appended(offset, at);
            shard.tell(&load);
        }
    }

    /// A reply was read.
    pub fn progressed(&self, shard: ShardId, progress: Progress, at: Instant) {
        if let Some(shard) = self.shard(shard) {
            let mut load = shard.load();
            load.progressed(progress, at);
            shard.tell(&load);
        }
    }

    fn crowd(&self) -> MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of_kind(&self, kind: Kind) -> &[Shard] {
        &self.of_kinds[kind as usize]
    }

    fn shard(&self, shard: ShardId) -> Option<&Shard> {
        self.of_kind(shard.kind).get(usize::try_from(shard.partition).ok()?)
    }
}

impl Shard {
    fn load(&self) -> MutexGuard<'_, Load> {
        // Figures of a thread that panicked are no worse than late ones.
        self.load.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, load: &Load) {
        // A gauge is a float; beyond 2^53 records its last digits do not matter.
        #[allow(clippy::cast_precision_loss)]
        self.backlog.set(load.backlog() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half a minute's work lies before each of so many shards of orders.
    fn behind(shards: &Shards, count: i32, start: Instant) {
        for partition in 0..count {
            let shard = ShardId::new(Kind::Orders, partition);
            let progress = Progress { decided_offset: 99, now: 1, dedup_entries: 0 };
            shards.appended(shard, 99, start);
            shards.appended(shard, 30_099, start);
            shards.progressed(shard, progress, start + Duration::from_millis(100));
        }
    }

    #[test]
    fn a_crowd_is_turned_away_unread_when_no_shard_has_room_and_no_probe_is_due() {
        let bounds = Bounds { wait_max: Duration::from_secs(2), dedup_entries_max: 1_000_000 };
        let (start, orders) = (Instant::now(), Kind::Orders);
        let at = start + Duration::from_millis(101);
        let shards = Shards::new(|_| 2, bounds);
        let refuse = |partition, count| {
            for _ in 0..count {
                shards.admit(ShardId::new(orders, partition), at);
            }
        };
        behind(&shards, 1, start);
        refuse(0, 1_000);
        assert_eq!(shards.turned_away(orders, at), None, "the other one has room");
        behind(&shards, 2, start);
        assert_eq!(shards.turned_away(orders, at), None, "its probe is due");
        refuse(1, 1);
        assert!(shards.turned_away(orders, at).is_some_and(|wait| wait > bounds.wait_max));
        assert_eq!(shards.turned_away(Kind::Products, at), None);
        let later = at + super::super::admission::PROBE_INTERVAL;
        assert_eq!(shards.turned_away(orders, later), None, "a probe is due again");
        assert_eq!(shards.turned_away(orders, at + Duration::from_secs(1)), None, "no crowd");
    }

    #[test]
    fn a_few_are_told_what_their_commands_say() {
        let bounds = Bounds { wait_max: Duration::from_secs(2), dedup_entries_max: 1_000_000 };
        let (start, orders) = (Instant::now(), Kind::Orders);
        let shards = Shards::new(|_| 1, bounds);
        behind(&shards, 1, start);
        let at = start + Duration::from_millis(101);
        assert_eq!(shards.admit(ShardId::new(orders, 0), at), Verdict::Admit, "the probe");
        assert_ne!(shards.admit(ShardId::new(orders, 0), at), Verdict::Admit);
        assert_eq!(shards.turned_away(orders, at), None);
    }

    #[test]
    fn a_shard_remembers_as_many_commands_as_the_rules_in_force_allow() {
        let bounds = Bounds { wait_max: Duration::from_secs(2), dedup_entries_max: 10 };
        let (shards, at) = (Shards::new(|_| 1, bounds), Instant::now());
        let shard = ShardId::new(Kind::Orders, 0);
        let progress = Progress { decided_offset: 0, now: 5_000, dedup_entries: 10 };
        shards.progressed(shard, progress, at);
        let mut verdicts = vec![];
        for most in [10, 11, 10] {
            shards.remember_most(most);
            // The first one is the probe that a full shard gets all the same.
            let _ = shards.admit(shard, at);
            verdicts.push(shards.admit(shard, at));
        }
        assert_eq!(verdicts, [Verdict::Full, Verdict::Admit, Verdict::Full]);
    }

    #[test]
    fn a_stamp_is_never_behind_the_log_time_last_seen() {
        let bounds = Bounds { wait_max: Duration::from_secs(2), dedup_entries_max: 10 };
        let shards = Shards::new(|_| 4, bounds);
        let shard = ShardId::new(Kind::Orders, 3);
        let progress = Progress { decided_offset: 0, now: 5_000, dedup_entries: 1 };
        assert_eq!(shards.issued_at(shard, 4_000), 4_000);
        shards.progressed(shard, progress, Instant::now());
        assert_eq!(shards.issued_at(shard, 4_000), 5_000);
        assert_eq!(shards.issued_at(shard, 6_000), 6_000);
        let other = ShardId::new(Kind::Orders, 9);
        shards.progressed(other, progress, Instant::now());
        assert_eq!(shards.issued_at(other, 4_000), 4_000, "a shard that does not exist");
    }
}
