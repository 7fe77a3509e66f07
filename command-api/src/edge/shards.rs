//! The shards as the edge sees them: how many there are, and the load of each.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use events::{Kind, Millis, ShardId, partitioner};

use super::{
    admission::{Bounds, Load, Progress, Verdict},
    metrics,
};

/// The load of every shard. Shared by the handlers and the two threads of the log; each lock is held
/// for a few assignments and never across an await.
#[derive(Debug)]
pub struct Shards {
    orders: Vec<Shard>,
    products: Vec<Shard>,
    bounds: Bounds,
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
        Self { orders: of_kind(Kind::Orders), products: of_kind(Kind::Products), bounds }
    }

    /// The shard that owns a key.
    pub fn of_key(&self, kind: Kind, key: &str) -> ShardId {
        let count = i32::try_from(self.of_kind(kind).len()).unwrap_or(i32::MAX);
        partitioner::shard_of(kind, key, count)
    }

    /// Judges one more command for a shard.
    pub fn admit(&self, shard: ShardId, at: Instant) -> Verdict {
        self.shard(shard).map_or(Verdict::Admit, |shard| shard.load().admit(&self.bounds, at))
    }

    /// How long a command appended now would wait for its decision, as far as is known.
    pub fn estimated_wait(&self, shard: ShardId, at: Instant) -> Duration {
        self.shard(shard)
            .map_or(Duration::ZERO, |shard| shard.load().estimated_wait(&self.bounds, at))
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

    fn of_kind(&self, kind: Kind) -> &[Shard] {
        match kind {
            Kind::Orders => &self.orders,
            Kind::Products => &self.products,
        }
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
