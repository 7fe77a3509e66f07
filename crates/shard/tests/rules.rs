//! Rules in the log: activation in mid-stream, rules that the binary does not have, and trials.

mod kit;

use events::{
    Command, Event, Kind, ShardId,
    codec::Record as _,
    command::{ActivateRules, DeactivateProduct, Parameters, ProposeRules, Tick},
    dead_letter::CommandDeadLetter,
    header::View,
    outcome::PARTLY_RESERVED,
};
use kit::{Stored, World, place};
use shard::{
    Record, RulesLog, State,
    trial::{Answer, Trial, try_step},
};

fn propose(world: &mut World, revision: i64, rules: i32, parameters: Parameters) {
    for shard in shards(world) {
        let stream_id = String::new();
        let proposal = ProposeRules { revision, rules, stream_id, parameters };
        world.append_control(shard, &proposal.into());
    }
    world.run();
}

fn activate(world: &mut World, revision: i64) {
    for shard in shards(world) {
        world.append_control(shard, &ActivateRules { revision }.into());
    }
    world.run();
}

fn shards(world: &World) -> Vec<ShardId> {
    world.logs.keys().copied().collect()
}

/// Two pieces of `a`, one of `b`: line 2 can never be served.
fn too_much(order_id: &str) -> Command {
    place(order_id, &[("a", 2), ("b", 9)]).into()
}

fn shop() -> World {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.stock("b", 100, 1);
    world
}

#[test]
fn partial_reservation_begins_with_its_activation_and_answers_with_the_lines_left_out() {
    let mut world = shop();
    let before = world.post("k-1", too_much("o-1"));
    world.run();
    assert_eq!(world.refusal_code(&before).as_deref(), Some("out-of-stock"));

    let parameters = world.parameters;
    propose(&mut world, 2, 2, parameters);
    let proposed = world.post("k-2", too_much("o-2"));
    world.run();
    assert_eq!(world.refusal_code(&proposed).as_deref(), Some("out-of-stock"), "not activated");

    activate(&mut world, 2);
    let after = world.post("k-3", too_much("o-3"));
    world.run();
    let outcome = world.outcome(&after);
    assert_eq!(outcome.refused(), None, "the order is reserved");
    assert_eq!(outcome.refusal.as_ref().map(|r| r.code.as_str()), Some(PARTLY_RESERVED));
    assert_eq!(outcome.left_out().iter().map(|line| line.line).collect::<Vec<_>>(), [2]);
    let order = outcome.order.expect("an order");
    assert_eq!((order.status.as_str(), order.total.map(|t| t.amount)), ("reserved", Some(500)));
}

#[test]
fn going_back_is_a_new_revision_of_the_old_rules() {
    let mut world = shop();
    let parameters = world.parameters;
    propose(&mut world, 2, 2, parameters);
    activate(&mut world, 2);
    propose(&mut world, 3, 1, parameters);
    activate(&mut world, 3);
    let placed = world.post("k", too_much("o-1"));
    world.run();
    assert_eq!(world.refusal_code(&placed).as_deref(), Some("out-of-stock"));
}

#[test]
fn another_payment_deadline_reaches_only_orders_that_are_reserved_afterwards() {
    let mut world = shop();
    let placed_at = world.now;
    let before = world.post("k-1", place("o-1", &[("a", 1)]));
    world.run();
    let parameters = Parameters { payment_deadline_ms: 1_000, ..world.parameters };
    propose(&mut world, 2, 1, parameters);
    activate(&mut world, 2);
    let after = world.post("k-2", place("o-2", &[("a", 1)]));
    world.run();
    let deadline = |world: &World, correlation: &str| {
        world.outcome(correlation).order.and_then(|order| order.payment_deadline)
    };
    let old_ms = world.parameters.payment_deadline_ms;
    assert_eq!(deadline(&world, &before), Some(placed_at + old_ms));
    assert_eq!(deadline(&world, &after), Some(placed_at + 1_000));

    world.outputs.clear();
    world.now += 1_000;
    for shard in shards(&world) {
        world.append_control(shard, &Tick {}.into());
    }
    world.run();
    let expired: Vec<String> = world
        .events()
        .iter()
        .filter(|event| matches!(event, Event::OrderExpired(_)))
        .map(|event| event.key().to_owned())
        .collect();
    assert_eq!(expired, ["o-2"], "the deadline of the first order is as it was");
}

fn rules_of(log: &[Stored]) -> RulesLog {
    let mut rules = RulesLog::default();
    each(log, |record| rules.read(record));
    rules
}

fn each(log: &[Stored], mut visit: impl FnMut(&Record<'_>)) {
    for (offset, stored) in (0..).zip(log) {
        let headers: Vec<(&str, &[u8])> =
            stored.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        visit(&Record {
            offset,
            timestamp: stored.timestamp,
            key: stored.key.as_deref(),
            value: stored.value.as_deref(),
            headers: View(&headers),
        });
    }
}

#[test]
fn the_rules_of_a_log_are_those_of_the_state_that_steps_it() {
    let mut world = shop();
    let parameters = world.parameters;
    propose(&mut world, 2, 2, parameters);
    for partition in 0..parameters.orders_partitions {
        let shard = ShardId::new(Kind::Orders, partition);
        world.append_control(shard, &ActivateRules { revision: 2 }.into());
    }
    world.run();
    // The product shards hear of the revision by the follow-ups of an order.
    world.post("k", too_much("o-1"));
    world.run();
    let mut active = Vec::new();
    for (shard, log) in &world.logs {
        let rules = rules_of(log);
        assert_eq!(rules.active(), world.states[shard].rules(), "{shard}");
        let proposed = rules.proposed().map(|revision| revision.revision).collect::<Vec<_>>();
        let revision = rules.active().map_or(0, |active| active.revision);
        assert_eq!(proposed, if revision == 2 { vec![] } else { vec![2] });
        active.push(revision);
    }
    assert!(active.contains(&1) && active.contains(&2), "{active:?}");
}

/// Tries every record of all logs under other rules; the states must be as if nothing was tried.
fn trials(world: &World, rules: i32, parameters: Parameters) -> Vec<Trial> {
    let candidate = shard::Revision { revision: 99, rules, parameters };
    let mut found = Vec::new();
    for (shard, log) in &world.logs {
        let mut state = State::new(*shard);
        each(log, |record| {
            let (_, trial) = try_step(&mut state, record, &candidate).expect("a step");
            found.extend(trial);
        });
        assert_eq!(state, world.states[shard]);
    }
    found
}

#[test]
fn a_trial_finds_the_decisions_that_other_rules_would_change_and_no_others() {
    let mut world = shop();
    world.post("k-1", place("fits", &[("a", 1), ("b", 1)]));
    world.run();
    world.post("k-2", too_much("short"));
    world.run();
    // `z` lives in another shard than `a`, so each of them answers by itself.
    world.stock("z", 100, 1);
    world.post("k-3", place("spread", &[("a", 1), ("z", 9)]));
    world.run();
    let parameters = world.parameters;
    assert_eq!(trials(&world, 1, parameters), [], "the same rules");

    let found = trials(&world, 2, parameters);
    let what: Vec<_> = found.iter().map(|t| (t.command, t.key.as_str())).collect();
    assert_eq!(what, [("RecordReservation", "spread"), ("ReserveStock", "short")]);
    let names = |decided: &shard::trial::Decided| {
        decided.events.iter().map(Event::name).collect::<Vec<_>>()
    };
    assert_eq!(names(&found[0].was), ["OrderRejected"]);
    assert_eq!(names(&found[0].would), ["OrderPartlyReserved"]);
    assert_eq!(names(&found[1].was), ["ReservationRefused"]);
    assert_eq!(names(&found[1].would), ["StockReserved", "ReservationRefused"]);
    assert!(found[0].command_id.is_some(), "it stems from a client's command");
}

#[test]
fn a_trial_of_parameters_tells_which_commands_would_be_too_old() {
    let mut world = shop();
    world.post_with("k", place("slow", &[("a", 1)]), world.now - 5_000, None);
    world.run();
    let parameters = Parameters { accept_ms: 1_000, ..world.parameters };
    let found = trials(&world, 1, parameters);
    let answers: Vec<_> =
        found.iter().map(|t| (t.command, &t.was.answer, &t.would.answer)).collect();
    assert_eq!(answers, [("PlaceOrder", &Answer::Deferred, &Answer::Stale)]);
    assert_eq!(found[0].would.events, []);
}

#[test]
fn a_trial_of_rules_that_the_binary_does_not_have_says_so() {
    let mut world = shop();
    world.post("k", place("o-1", &[("a", 1)]));
    world.run();
    let found = trials(&world, 9_999, world.parameters);
    assert!(!found.is_empty());
    assert!(found.iter().all(|t| matches!(&t.would.answer, Answer::Halt(_))));
}

fn off_sale() -> Command {
    DeactivateProduct { sku: "a".to_owned(), reason: "recalled".to_owned() }.into()
}

/// A build that does not have version 3 finds a schema that it does not know; both must write the
/// same bytes, and so say the same.
#[test]
fn before_its_rules_are_active_a_command_of_version_three_is_no_command() {
    let mut world = shop();
    let early = world.post("k-1", off_sale());
    world.run();
    assert_eq!(world.refusal_code(&early).as_deref(), Some("undecodable"));
    let letters: Vec<CommandDeadLetter> = world
        .outputs
        .iter()
        .filter(|output| output.topic == events::Topic::CommandDeadLetters)
        .map(|output| CommandDeadLetter::from_single_object(&output.value).expect("a letter"))
        .collect();
    let fingerprint = DeactivateProduct::codec().fingerprint();
    let unknown = events::codec::Error::UnknownSchema(fingerprint).to_string();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].error_class.as_str(), &letters[0].message),
        ("unknown-schema", &unknown)
    );
    let early = trials(&world, 3, world.parameters);
    let found: Vec<_> = early.iter().map(|t| (t.command, &t.was.answer, &t.would.answer)).collect();
    let undecodable = Answer::Refused("undecodable".to_owned());
    assert_eq!(found, [("DeactivateProduct", &undecodable, &Answer::Done)]);

    let parameters = world.parameters;
    propose(&mut world, 2, 3, parameters);
    activate(&mut world, 2);
    let taken = world.post("k-2", off_sale());
    let placed = world.post("k-3", place("o-1", &[("a", 1)]));
    world.run();
    assert_eq!(world.refusal_code(&taken), None);
    assert_eq!(world.refusal_code(&placed).as_deref(), Some("product-inactive"));
    // The key is used up.
    let replayed = world.post("k-1", off_sale());
    world.run();
    assert_eq!(world.refusal_code(&replayed).as_deref(), Some("undecodable"));
}

#[test]
fn a_state_keeps_what_version_three_knows_and_is_written_as_before_without_any_of_it() {
    let mut world = shop();
    let version_of = |world: &World| {
        let states = world.states.values().map(|state| {
            let bytes = shard::format::encode(state);
            assert_eq!(&shard::format::decode(&bytes).expect("a state"), state);
            u16::from_be_bytes([bytes[4], bytes[5]])
        });
        states.max()
    };
    assert_eq!(version_of(&world), Some(1));
    let parameters = world.parameters;
    propose(&mut world, 2, 3, parameters);
    activate(&mut world, 2);
    assert_eq!(version_of(&world), Some(1));
    world.post("k", off_sale());
    world.run();
    assert_eq!(version_of(&world), Some(2));
    let back = events::command::ReactivateProduct { sku: "a".to_owned(), reason: "r".to_owned() };
    world.post("k-2", Command::from(back));
    world.run();
    assert_eq!(version_of(&world), Some(1), "equal states, equal bytes");
}
