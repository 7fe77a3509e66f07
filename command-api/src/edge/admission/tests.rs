//! Admission with time as an argument.

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
    assert_eq!(load.estimated_wait(&BOUNDS, ms(start, 10_000)), Duration::ZERO);
    assert_eq!(load.admit(&BOUNDS, ms(start, 10_000)), Verdict::Admit);
    assert_eq!(load.now(), 1_009);
}

#[test]
fn the_wait_is_the_backlog_at_the_recent_pace() {
    let start = Instant::now();
    let load = behind(start);
    assert_eq!(load.backlog(), 10_000);
    assert_eq!(load.estimated_wait(&BOUNDS, ms(start, 100)), Duration::from_secs(10));
}

#[test]
fn a_shard_behind_refuses_but_for_one_probe_in_each_interval() {
    let start = Instant::now();
    let mut load = behind(start);
    let busy = Verdict::Busy { wait: Duration::from_secs(10) };
    assert_eq!(load.refuses(&BOUNDS, ms(start, 100)), None, "a probe is due");
    assert_eq!(load.admit(&BOUNDS, ms(start, 100)), Verdict::Admit);
    assert_eq!(load.refuses(&BOUNDS, ms(start, 101)), Some(Duration::from_secs(10)));
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
    let before = load.estimated_wait(&BOUNDS, ms(start, 100));
    load.progressed(progress(100), ms(start, 6_100));
    assert!(load.estimated_wait(&BOUNDS, ms(start, 6_100)) <= before);
}

#[test]
fn a_shard_that_caught_up_is_judged_anew() {
    let start = Instant::now();
    let mut load = behind(start);
    load.progressed(progress(10_099), ms(start, 101));
    load.appended(20_000, ms(start, 102));
    assert_eq!(load.estimated_wait(&BOUNDS, ms(start, 102)), Duration::ZERO);
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

/// A shard that answers so many own commands a second, one after the other, `after` their append,
/// while there is always one more; seen for a second.
fn answering(start: Instant, per_second: u64, after: Duration) -> Load {
    let mut load = Load::default();
    load.entered(start);
    for n in 1..=per_second {
        load.entered(ms(start, n * 1_000 / per_second));
        load.answered(after, ms(start, n * 1_000 / per_second));
    }
    load
}

#[test]
fn own_commands_under_way_count_at_the_rate_of_answers_before_any_is_acknowledged() {
    let start = Instant::now();
    let now = ms(start, 1_000);
    let mut load = answering(start, 1_000, Duration::from_millis(500));
    let admitted = (0..10_000)
        .filter(|_| {
            let admitted = load.admit(&BOUNDS, now) == Verdict::Admit;
            admitted.then(|| load.entered(now)).is_some()
        })
        .count();
    // A quarter of the bound of two seconds, at 1,000 a second, and the probe.
    assert!((490..=520).contains(&admitted), "{admitted}");
}

#[test]
fn a_spike_after_quick_answers_is_let_in() {
    let start = Instant::now();
    let now = ms(start, 1_000);
    let mut load = answering(start, 100, Duration::from_millis(5));
    for _ in 0..10_000 {
        assert_eq!(load.admit(&BOUNDS, now), Verdict::Admit);
        load.entered(now);
    }
}

#[test]
fn a_command_that_nobody_waits_for_does_not_count() {
    let start = Instant::now();
    let mut load = Load::default();
    load.entered(start);
    load.abandoned();
    assert_eq!(load.estimated_wait(&BOUNDS, ms(start, 60_000)), Duration::ZERO);
    load.entered(ms(start, 60_000));
    load.answered(Duration::from_millis(1), ms(start, 60_001));
    load.abandoned();
    assert_eq!(load.estimated_wait(&BOUNDS, ms(start, 90_000)), Duration::ZERO);
}

/// The first answers of a process that has just started: one comes after 300 ms, and the other 15
/// of those that were sent at once 200 ms after it.
#[test]
fn the_first_answers_of_a_cold_system_are_not_taken_for_a_queue() {
    let start = Instant::now();
    let mut load = Load::default();
    for _ in 0..16 {
        assert_eq!(load.admit(&BOUNDS, start), Verdict::Admit);
        load.entered(start);
    }
    load.answered(Duration::from_millis(300), ms(start, 300));
    for answered in 1..16 {
        let now = ms(start, 500);
        assert_eq!(load.admit(&BOUNDS, now), Verdict::Admit, "after {answered}");
        load.entered(now);
        load.answered(Duration::from_millis(500), now);
    }
}

/// 75 a second are decided and 750 come: nobody is to wait longer than the bound, not even the
/// first who come before a pace is known.
#[test]
fn a_queue_that_grows_is_bounded_before_its_pace_is_known() {
    let start = Instant::now();
    let mut load = Load::default();
    let (mut came, mut left) = (0_u64, 0_u64);
    let mut entered_at = std::collections::VecDeque::new();
    for now_ms in 1..2_000 {
        let now = ms(start, now_ms);
        while left < now_ms * 75 / 1_000 {
            left += 1;
            if let Some(at) = entered_at.pop_front() {
                load.answered(now - at, now);
            }
        }
        while came < now_ms * 750 / 1_000 {
            came += 1;
            if load.admit(&BOUNDS, now) == Verdict::Admit {
                entered_at.push_back(now);
                load.entered(now);
            }
        }
        let wait =
            Duration::from_millis(u64::try_from(entered_at.len()).expect("few") * 1_000 / 75);
        assert!(wait <= BOUNDS.wait_max, "after {now_ms} ms: {wait:?}");
    }
}
