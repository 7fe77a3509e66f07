//! Admission: whether one more command may be appended to a shard.
//!
//! A command that was appended is always decided, so a refusal has to come before the append. The
//! edge judges by what it sees anyway, in two queues:
//!
//! - *the log*: the offsets of its own appends and what replies tell. It counts the records of all
//!   edges and the follow-ups of other shards, but only those of this one shard;
//! - *its own commands*: those it handed over, and the replies to them. An order waits for the shards
//!   of its products too, and twice for its own, and none of that is seen in one log; the number
//!   under way at the rate of answers is the whole of it (Little's law). It is known at once: a
//!   burst is counted before the log has acknowledged the first of it.
//!
//! **The bound.** An estimate is a mean, half of the commands wait longer, and the pace of a machine
//! that has too much to do is not the one just seen: at ten times the sustainable rate the slowest of
//! a hundred waited almost four times the estimate. So commands are refused from a quarter of the
//! bound on (`docs/benchmarks.md`).
//!
//! Every figure here may be out of date, and so a refusing shard is asked again every
//! [`PROBE_INTERVAL`]: one command is let through, and its reply brings the figures up to date.
//! Without that, an edge that refuses everything would learn nothing and refuse for ever.
//!
//! The estimate speaks of the present only. A queue that was empty has no pace to be judged by, and
//! a stall (a takeover, a paused machine) is no pace at all: while it lasts, its length is the
//! estimate, and afterwards it is forgotten. Otherwise one command that waited six seconds for a
//! new owner would make every later one look as slow. And as long as answers come quickly, their
//! rate is that of the senders and no limit: a spike after a quiet time is let in. Nor are the first
//! few answers a pace: after a start they come late, however many go the same way at a time.

mod queue;

use std::time::{Duration, Instant};

use events::Millis;

use queue::Queue;

/// How often a refusing shard gets one command all the same.
pub const PROBE_INTERVAL: Duration = Duration::from_millis(200);

/// Answers are quick below this part of the bound: then nothing is queued anywhere.
const QUICK_DIVISOR: u32 = 32;

/// Commands are refused when the estimate is above this part of the bound.
const REFUSED_DIVISOR: u32 = 4;

/// Where refusing begins.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bound of the wait for a decision.
    pub wait_max: Duration,
    /// Most commands that one shard remembers.
    pub dedup_entries_max: i64,
}

/// What a reply tells about the shard that wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Everything up to this offset is decided.
    pub decided_offset: i64,
    /// The shard's log time.
    pub now: Millis,
    /// Commands that the shard remembers.
    pub dedup_entries: i64,
}

/// May this command be appended?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Admit,
    /// The decision might come later than the bound, by this estimate.
    Busy {
        wait: Duration,
    },
    /// The shard remembers as many commands as its rules allow.
    Full,
}

/// What is known of one shard's load.
#[derive(Debug, Default)]
pub struct Load {
    /// Records of the shard's log, by offset.
    log: Queue,
    /// Commands of this edge that wait for their reply.
    own: Queue,
    /// How long the last answers took, from the append; the newest counts for a quarter.
    answered_after: Duration,
    now: Millis,
    dedup_entries: i64,
    last_probe: Option<Instant>,
}

impl Load {
    /// An own command was handed to the log.
    pub fn entered(&mut self, at: Instant) {
        self.own.reach(self.own.entered() + 1, at);
    }

    /// The reply to an own command came this long after its append.
    pub fn answered(&mut self, after: Duration, at: Instant) {
        self.answered_after = self.answered_after * 3 / 4 + after / 4;
        self.own.pass(self.own.passed() + 1, at);
    }

    /// Nobody waits for the reply to an own command any longer.
    pub fn abandoned(&mut self) {
        self.own.withdraw();
    }

    /// An own append was acknowledged at this offset.
    pub fn appended(&mut self, offset: i64, at: Instant) {
        self.log.reach(offset + 1, at);
    }

    /// A reply of this shard was read, an own one or another edge's.
    pub fn progressed(&mut self, progress: Progress, at: Instant) {
        self.now = self.now.max(progress.now);
        self.dedup_entries = progress.dedup_entries;
        self.log.pass(progress.decided_offset + 1, at);
    }

    /// Log time as last seen; 0 before the first reply.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Records that are appended and, as far as is known, not decided.
    pub fn backlog(&self) -> i64 {
        self.log.waiting()
    }

    /// How long a command appended now would wait for its decision: what is queued at the recent
    /// pace, and not less than the time for which nothing has moved.
    pub fn estimated_wait(&self, bounds: &Bounds, at: Instant) -> Duration {
        self.queued(bounds).max(self.log.silence(at)).max(self.own.silence(at))
    }

    /// The part of the estimate that comes from commands before this one.
    fn queued(&self, bounds: &Bounds) -> Duration {
        if self.answered_after < bounds.wait_max / QUICK_DIVISOR {
            return self.log.by_pace();
        }
        self.log.by_pace().max(self.own.by_pace())
    }

    /// Judges one more command.
    pub fn admit(&mut self, bounds: &Bounds, at: Instant) -> Verdict {
        let verdict = self.judge(bounds, at);
        if verdict != Verdict::Admit && self.is_probe_due(at) {
            self.last_probe = Some(at);
            return Verdict::Admit;
        }
        verdict
    }

    /// For how long a command would have to wait that [`admit`](Self::admit) would refuse as too
    /// many; `None` for one that it would not.
    pub fn refuses(&self, bounds: &Bounds, at: Instant) -> Option<Duration> {
        match self.judge(bounds, at) {
            Verdict::Busy { wait } if !self.is_probe_due(at) => Some(wait),
            _ => None,
        }
    }

    fn judge(&self, bounds: &Bounds, at: Instant) -> Verdict {
        let wait = self.estimated_wait(bounds, at);
        if self.dedup_entries >= bounds.dedup_entries_max {
            Verdict::Full
        } else if self.queued(bounds) > bounds.wait_max / REFUSED_DIVISOR || wait > bounds.wait_max
        {
            Verdict::Busy { wait }
        } else {
            Verdict::Admit
        }
    }

    fn is_probe_due(&self, at: Instant) -> bool {
        let is_due = |probe| at.saturating_duration_since(probe) >= PROBE_INTERVAL;
        self.last_probe.is_none_or(is_due)
    }
}

#[cfg(test)]
mod tests;
