//! Rules, ticks, incarnations, and records that are no commands.

mod kit;

use events::{
    Command, Kind, ShardId, Topic,
    codec::Record as _,
    command::{ActivateRules, ProposeRules, RaiseIncarnation, Tick},
    dead_letter::CommandDeadLetter,
    header,
    reply::Answer,
};
use kit::{World, pay, place, uuid_text};
use shard::{Halt, Notice};

fn all_tick(world: &mut World) {
    let shards: Vec<ShardId> = world.logs.keys().copied().collect();
    for shard in shards {
        world.append_control(shard, &Tick {}.into());
    }
    world.run();
}

#[test]
fn a_tick_expires_what_is_due_and_a_late_payment_is_refused() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    world.now += world.parameters.payment_deadline_ms - 1;
    all_tick(&mut world);
    assert!(!world.event_names().contains(&"OrderExpired"), "not due yet");
    world.now += 1;
    all_tick(&mut world);
    assert!(world.event_names().contains(&"OrderExpired"));
    let late = world.post("p", pay("o-1", 500));
    world.run();
    assert_eq!(world.refusal_code(&late).as_deref(), Some("expired"));
    let product = world.states.values().flat_map(|s| s.products()).next().expect("a product");
    assert_eq!(product.reserved(), 0);
}

#[test]
fn a_payment_after_the_deadline_expires_the_order_in_the_same_step() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    world.now += world.parameters.payment_deadline_ms;
    let late = world.post("p", pay("o-1", 500));
    world.run();
    assert_eq!(world.refusal_code(&late).as_deref(), Some("expired"));
    assert!(world.event_names().contains(&"OrderExpired"));
}

#[test]
fn a_tick_expires_a_bounded_number_the_earliest_first() {
    let mut parameters = events::profile::Profile::LOCAL.parameters();
    parameters.expire_max = 2;
    parameters.orders_partitions = 1;
    let mut world = World::with(parameters);
    world.stock("a", 250, 100);
    for n in 0..5 {
        world.post(&format!("k{n}"), place(&format!("o-{n}"), &[("a", 1)]));
        world.run();
        world.now += 10;
    }
    world.now += world.parameters.payment_deadline_ms;
    world.outputs.clear();
    let mut expired = Vec::new();
    for _ in 0..3 {
        world.append_control(ShardId::new(Kind::Orders, 0), &Tick {}.into());
        world.run();
        let events = world.events();
        expired.push(events.iter().filter(|e| e.name() == "OrderExpired").count());
    }
    assert_eq!(expired, [2, 4, 5]);
    let order: Vec<String> = world
        .events()
        .iter()
        .filter(|e| e.name() == "OrderExpired")
        .map(|e| e.key().to_owned())
        .collect();
    assert_eq!(order, ["o-0", "o-1", "o-2", "o-3", "o-4"]);
}

#[test]
fn before_the_first_rules_clients_are_told_and_nothing_is_remembered() {
    let mut world = World::empty(events::profile::Profile::LOCAL.parameters());
    let early = world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    assert_eq!(world.reply(&early).answer, Answer::NotInitialised);
    assert!(world.states.values().all(|state| state.dedup_entries() == 0));
}

#[test]
fn rules_that_this_binary_does_not_know_stop_the_shard_before_the_record() {
    let mut world = World::new();
    let shard = ShardId::new(Kind::Orders, 0);
    let proposal = ProposeRules {
        revision: 2,
        rules: 9_999,
        stream_id: String::new(),
        parameters: world.parameters,
    };
    world.append_control(shard, &proposal.into());
    world.run();
    world.append_control(shard, &ActivateRules { revision: 2 }.into());
    let at = world.states[&shard].next_offset();
    assert_eq!(world.try_run(), Err(Halt::UnknownRules { revision: 2, rules: 9_999 }));
    assert_eq!(world.states[&shard].next_offset(), at);
}

#[test]
fn the_first_follow_up_of_a_higher_revision_activates_it() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    let shards: Vec<ShardId> = world.logs.keys().copied().collect();
    let mut parameters = world.parameters;
    parameters.payment_deadline_ms = 1_000;
    for shard in &shards {
        let stream_id = String::new();
        let proposal = ProposeRules { revision: 2, rules: 1, stream_id, parameters };
        world.append_control(*shard, &proposal.into());
    }
    world.run();
    for shard in shards.iter().filter(|shard| shard.kind == Kind::Orders) {
        world.append_control(*shard, &ActivateRules { revision: 2 }.into());
    }
    world.run();
    world.notices.clear();
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    assert_eq!(world.notices.iter().filter(|n| **n == Notice::RulesActivated(2)).count(), 1);
}

#[test]
fn a_proposal_that_changes_partition_counts_leaves_a_dead_letter() {
    let mut world = World::new();
    let shard = ShardId::new(Kind::Orders, 0);
    let mut parameters = world.parameters;
    parameters.orders_partitions += 1;
    let proposal = ProposeRules { revision: 2, rules: 1, stream_id: String::new(), parameters };
    world.append_control(shard, &proposal.into());
    world.run();
    assert_eq!(world.notices, [Notice::DeadLetter("proposal-refused")]);
}

#[test]
fn a_raised_incarnation_counts_links_from_one_again_and_readers_follow() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    let shards: Vec<ShardId> = world.logs.keys().copied().collect();
    for shard in shards {
        world.append_control(shard, &RaiseIncarnation { incarnation: 1 }.into());
    }
    world.run();
    let placed = world.post("k2", place("o-2", &[("a", 2)]));
    world.run();
    assert_eq!(world.refusal_code(&placed), None);
    assert!(world.outcome(&placed).position.iter().all(|p| p.incarnation == 1));
}

fn letters(world: &World) -> Vec<String> {
    let of_topic = world.outputs.iter().filter(|o| o.topic == Topic::CommandDeadLetters);
    of_topic
        .map(|o| CommandDeadLetter::from_single_object(&o.value).expect("a letter").error_class)
        .collect()
}

#[test]
fn records_that_are_no_commands_leave_dead_letters_and_move_nothing() {
    let mut world = World::new();
    let shard = ShardId::new(Kind::Orders, 0);
    let command: Command = place("o-1", &[("a", 2)]).into();
    world.append(shard, Some(b"x"), Some(b"garbage".to_vec()), Vec::new());
    world.append(shard, None, None, Vec::new());
    let mut unknown = command.to_single_object();
    unknown[2] ^= 0xff;
    world.append(shard, Some(b"o-1"), Some(unknown), Vec::new());
    let mut truncated = command.to_single_object();
    truncated.pop();
    world.append(shard, Some(b"o-1"), Some(truncated), Vec::new());
    world.append(shard, Some(b"o-1"), Some(command.to_single_object()), Vec::new());
    world.run();
    assert_eq!(
        letters(&world),
        ["undecodable", "not-a-command", "unknown-schema", "undecodable", "not-a-command"]
    );
    assert!(world.events().is_empty() && world.replies().is_empty());
}

#[test]
fn a_client_record_that_is_misaddressed_or_unreadable_is_refused_and_leaves_a_dead_letter() {
    let mut world = World::new();
    let command: Command = place("o-1", &[("a", 2)]).into();
    let home = world.home_of(&command);
    let elsewhere = ShardId::new(Kind::Orders, (home.partition + 1) % 4);
    let value = || Some(command.to_single_object());
    let mut headers = |n: u128| {
        let mut headers = world.client_headers("k", &command, world.now, None);
        headers[0] = (header::COMMAND.to_owned(), uuid_text(n));
        headers
    };
    let (first, second, third, fourth) = (headers(1), headers(2), headers(3), headers(4));
    world.append(home, None, value(), first);
    world.append(home, Some(b"o-2"), value(), second);
    world.append(home, Some(b"o-1"), Some(b"garbage".to_vec()), third);
    world.append(elsewhere, Some(b"o-1"), value(), fourth);
    world.run();
    let mut classes = letters(&world);
    classes.sort_unstable();
    assert_eq!(classes, ["null-key", "undecodable", "wrong-key", "wrong-partition"]);
    let replies = world.replies();
    assert_eq!(replies.len(), 4);
    let code =
        |r: &events::reply::Reply| r.outcome.as_ref()?.refusal.as_ref().map(|r| r.code.clone());
    assert!(replies.iter().all(|reply| code(reply).as_deref() == Some("undecodable")));
}

#[test]
fn a_key_longer_than_any_id_is_refused_and_gives_no_output_that_a_topic_would_refuse() {
    let mut world = World::new();
    let long = "o".repeat(700 * 1024);
    let command: Command = place(&long, &[("a", 2)]).into();
    let home = world.home_of(&command);
    let mut headers = |n: u128| {
        let mut headers = world.client_headers("k", &command, world.now, None);
        headers[0] = (header::COMMAND.to_owned(), uuid_text(n));
        headers
    };
    let (whole, garbage) = (headers(1), headers(2));
    world.append(home, Some(long.as_bytes()), Some(command.to_single_object()), whole);
    world.append(home, Some(long.as_bytes()), Some(b"garbage".to_vec()), garbage);
    world.run();
    assert_eq!(letters(&world), ["wrong-key", "undecodable"]);
    assert_eq!(world.replies().len(), 2);
    let largest =
        world.outputs.iter().map(|o| o.value.len() + o.key.as_deref().map_or(0, str::len));
    assert!(largest.max() < Some(domain::bounds::OUTPUT_BYTES_MAX));
}
