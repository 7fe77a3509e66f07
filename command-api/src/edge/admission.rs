//! Admission: whether one more command may be appended to a shard.
//!
//! A command that was appended is always decided, so a refusal has to come before the append. The
//! edge judges by what it sees anyway: the offsets of its own appends and what replies tell. Every
//! figure here may be out of date, and so a refusing shard is asked again every
//! [`PROBE_INTERVAL`]: one command is let through, and its reply brings the figures up to date.
//! Without that, an edge that refuses everything would learn nothing and refuse for ever.
//!
//! The estimate speaks of the present only. A shard that caught up has no pace to be judged by, and
//! a stall (a takeover, a paused machine) is no pace at all: while it lasts, its length is the
//! estimate, and afterwards it is forgotten. Otherwise one command that waited six seconds for a
//! new owner would make every later one look as slow.

use std::time::{Duration, Instant};

use events::Millis;

/// How often a refusing shard gets one command all the same.
pub const PROBE_INTERVAL: Duration = Duration::from_millis(200);

/// Shortest busy time from which a pace is taken; shorter ones tell more about the sender.
const SAMPLE_MIN: Duration = Duration::from_millis(50);

/// A longer silence between two replies is a stall, and part of no pace.
const STALL_MIN: Duration = Duration::from_millis(500);

/// Where refusing begins.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Longest estimated wait for a decision.
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
    /// The decision would come later than the bound, by this estimate.
    Busy {
        wait: Duration,
    },
    /// The shard remembers as many commands as its rules allow.
    Full,
}

/// What is known of one shard's load.
#[derive(Debug, Default)]
pub struct Load {
    /// Records known to be in the log: one more than the highest known offset.
    appended: i64,
    /// Records known to be decided, counted in the same way.
    decided: i64,
    now: Millis,
    dedup_entries: i64,
    busy: Option<Busy>,
    last_probe: Option<Instant>,
}

/// A time without a break in which something waited for its decision.
#[derive(Debug, Clone, Copy)]
struct Busy {
    pace: Pace,
    sample_start: Instant,
    decided_at_start: i64,
    last_progress: Instant,
}

/// How fast a shard decides: time and decisions of the last samples. An older sample weighs less,
/// by a quarter for each one after it, so about four samples count.
#[derive(Debug, Default, Clone, Copy)]
struct Pace {
    time: Duration,
    /// In 1/1024 decisions, so that fading leaves a fraction.
    decisions_1024: u64,
}

impl Pace {
    /// Adds the time of one sample, and the decisions within it.
    fn add(&mut self, time: Duration, decisions: u64) {
        self.time = self.time * 3 / 4 + time;
        self.decisions_1024 = self.decisions_1024 / 4 * 3 + decisions.saturating_mul(1024);
    }

    /// How long so many decisions take; zero as long as nothing is known.
    fn time_of(&self, decisions: i64) -> Duration {
        let time_us = self.time.as_micros();
        let decisions = u128::try_from(decisions).unwrap_or_default();
        let wait_us = time_us * 1024 * decisions / u128::from(self.decisions_1024.max(1));
        match self.decisions_1024 {
            0 => Duration::ZERO,
            _ => Duration::from_micros(u64::try_from(wait_us).unwrap_or(u64::MAX)),
        }
    }
}

impl Load {
    /// An own append was acknowledged at this offset.
    pub fn appended(&mut self, offset: i64, at: Instant) {
        self.appended = self.appended.max(offset + 1);
        self.begin_or_end_busy(at);
    }

    /// A reply of this shard was read, an own one or another edge's.
    pub fn progressed(&mut self, progress: Progress, at: Instant) {
        self.now = self.now.max(progress.now);
        self.dedup_entries = progress.dedup_entries;
        if progress.decided_offset < self.decided {
            return;
        }
        self.decided = progress.decided_offset + 1;
        self.appended = self.appended.max(self.decided);
        self.take_sample(at);
        self.begin_or_end_busy(at);
    }

    /// Log time as last seen; 0 before the first reply.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Records that are appended and, as far as is known, not decided.
    pub fn backlog(&self) -> i64 {
        self.appended - self.decided
    }

    /// How long a command appended now would wait for its decision: the backlog at the recent pace,
    /// and not less than the time for which nothing has moved.
    pub fn estimated_wait(&self, at: Instant) -> Duration {
        let Some(busy) = self.busy else {
            return Duration::ZERO;
        };
        let by_pace = busy.pace.time_of(self.backlog());
        by_pace.max(at.saturating_duration_since(busy.last_progress))
    }

    /// Judges one more command.
    pub fn admit(&mut self, bounds: &Bounds, at: Instant) -> Verdict {
        let wait = self.estimated_wait(at);
        let verdict = if self.dedup_entries >= bounds.dedup_entries_max {
            Verdict::Full
        } else if wait > bounds.wait_max {
            Verdict::Busy { wait }
        } else {
            return Verdict::Admit;
        };
        let is_due = |probe| at.saturating_duration_since(probe) >= PROBE_INTERVAL;
        if self.last_probe.is_none_or(is_due) {
            self.last_probe = Some(at);
            return Verdict::Admit;
        }
        verdict
    }

    /// Takes the pace only from times in which the shard always had work: the pace of an idle shard
    /// is that of its senders.
    fn take_sample(&mut self, at: Instant) {
        let Some(busy) = &mut self.busy else {
            return;
        };
        let silence = at.saturating_duration_since(busy.last_progress);
        busy.last_progress = at;
        if silence >= STALL_MIN {
            (busy.sample_start, busy.decided_at_start) = (at, self.decided);
            return;
        }
        let elapsed = at.saturating_duration_since(busy.sample_start);
        if elapsed < SAMPLE_MIN {
            return;
        }
        let decisions = u64::try_from(self.decided - busy.decided_at_start).unwrap_or_default();
        busy.pace.add(elapsed, decisions);
        (busy.sample_start, busy.decided_at_start) = (at, self.decided);
    }

    fn begin_or_end_busy(&mut self, at: Instant) {
        if self.backlog() == 0 {
            self.busy = None;
        } else if self.busy.is_none() {
            self.busy = Some(Busy {
                pace: Pace::default(),
                sample_start: at,
                decided_at_start: self.decided,
                last_progress: at,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { wait_max: Duration::from_secs(2), dedup_entries_max: 1_000 };

    fn progress(decided_offset: i64) -> Progress {
        Progress { decided_offset, now: 1_000 + decided_offset, dedup_entries: 0 }
    }

    fn ms(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    /// A shard that decided 100 records in 100 ms and then has 10,000 more to go.
    fn behind(start: Instant) -> Load {
        let mut load = Load::default();
        load.appended(99, start);
        load.appended(10_099, ms(start, 1));
        load.progressed(progress(99), ms(start, 100));
        load
    }

    #[test]
    fn an_idle_shard_admits_whatever_its_rate_was() {
        let start = Instant::now();
        let mut load = Load::default();
        assert_eq!(load.admit(&BOUNDS, start), Verdict::Admit);
        for second in 0..10 {
            let at = ms(start, u64::try_from(second).expect("small") * 1_000);
            load.appended(second, at);
            load.progressed(progress(second), ms(at, 900));
        }
        assert_eq!(load.estimated_wait(ms(start, 10_000)), Duration::ZERO);
        assert_eq!(load.admit(&BOUNDS, ms(start, 10_000)), Verdict::Admit);
        assert_eq!(load.now(), 1_009);
    }

    #[test]
    fn the_wait_is_the_backlog_at_the_recent_pace() {
        let start = Instant::now();
        let load = behind(start);
        assert_eq!(load.backlog(), 10_000);
        assert_eq!(load.estimated_wait(ms(start, 100)), Duration::from_secs(10));
    }

    #[test]
    fn a_shard_behind_refuses_but_for_one_probe_in_each_interval() {
        let start = Instant::now();
        let mut load = behind(start);
        let busy = Verdict::Busy { wait: Duration::from_secs(10) };
        assert_eq!(load.admit(&BOUNDS, ms(start, 100)), Verdict::Admit);
        assert_eq!(load.admit(&BOUNDS, ms(start, 101)), busy);
        assert_eq!(load.admit(&BOUNDS, ms(start, 299)), busy);
        assert_eq!(load.admit(&BOUNDS, ms(start, 300)), Verdict::Admit);
        assert_eq!(load.admit(&BOUNDS, ms(start, 301)), busy);
    }

    #[test]
    fn a_shard_that_stands_still_refuses_after_the_bound_and_one_reply_opens_it() {
        let start = Instant::now();
        let mut load = Load::default();
        load.appended(0, start);
        assert_eq!(load.admit(&BOUNDS, ms(start, 2_000)), Verdict::Admit);
        assert_eq!(load.admit(&BOUNDS, ms(start, 2_001)), Verdict::Admit, "the probe");
        let wait = Duration::from_millis(2_002);
        assert_eq!(load.admit(&BOUNDS, ms(start, 2_002)), Verdict::Busy { wait });
        load.progressed(progress(0), ms(start, 2_003));
        assert_eq!(load.admit(&BOUNDS, ms(start, 2_004)), Verdict::Admit);
    }

    #[test]
    fn a_shard_that_remembers_too_much_is_full_until_a_reply_says_otherwise() {
        let start = Instant::now();
        let mut load = Load::default();
        let full = Progress { dedup_entries: 1_000, ..progress(5) };
        load.progressed(full, start);
        assert_eq!(load.admit(&BOUNDS, start), Verdict::Admit, "the probe");
        assert_eq!(load.admit(&BOUNDS, ms(start, 1)), Verdict::Full);
        load.progressed(progress(6), ms(start, 2));
        assert_eq!(load.admit(&BOUNDS, ms(start, 3)), Verdict::Admit);
    }

    /// 32 commands wait six seconds for a new owner, then go on as ever: each is decided 8 ms after
    /// its append, and 32 are always in flight.
    #[test]
    fn after_a_stall_a_light_load_is_admitted_as_before() {
        let start = Instant::now();
        let mut load = Load::default();
        for offset in 0..32 {
            load.appended(offset, start);
        }
        for step in 0..1_000 {
            let at = ms(start, 6_000 + u64::try_from(step).expect("small") / 4);
            load.progressed(progress(step), at);
            assert_eq!(load.admit(&BOUNDS, at), Verdict::Admit, "step {step}");
            load.appended(step + 32, at);
        }
    }

    #[test]
    fn a_stall_in_the_midst_of_work_does_not_slow_the_pace_down() {
        let start = Instant::now();
        let mut load = behind(start);
        let before = load.estimated_wait(ms(start, 100));
        load.progressed(progress(100), ms(start, 6_100));
        assert!(load.estimated_wait(ms(start, 6_100)) <= before);
    }

    #[test]
    fn a_shard_that_caught_up_is_judged_anew() {
        let start = Instant::now();
        let mut load = behind(start);
        load.progressed(progress(10_099), ms(start, 101));
        load.appended(20_000, ms(start, 102));
        assert_eq!(load.estimated_wait(ms(start, 102)), Duration::ZERO);
    }

    #[test]
    fn replies_out_of_order_never_move_an_offset_back() {
        let start = Instant::now();
        let mut load = Load::default();
        load.progressed(progress(7), start);
        load.progressed(progress(3), start);
        load.appended(2, start);
        assert_eq!(load.backlog(), 0);
    }
}
