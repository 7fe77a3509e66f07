//! What clients may rely on: one decision per command, deferred answers, windows, refusals.

mod kit;

use events::{
    Topic,
    command::{CancelOrder, ShipOrder},
    reply::Answer,
};
use kit::{World, header, pay, place};

#[test]
fn an_order_is_answered_when_its_stock_is_held_and_every_touched_shard_is_in_the_position() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.stock("b", 100, 10);
    let placed = world.post("k", place("o-1", &[("a", 2), ("b", 3)]));
    world.run();
    let outcome = world.outcome(&placed);
    assert_eq!(outcome.refusal, None);
    let order = outcome.order.expect("an order");
    assert_eq!(order.status, "reserved");
    assert_eq!(order.total.map(|total| total.amount), Some(800));
    let products = outcome.position.iter().filter(|p| p.kind == "products").count();
    let shards: std::collections::BTreeSet<i32> =
        ["a", "b"].iter().map(|sku| events::partitioner::partition_of(sku.as_bytes(), 4)).collect();
    assert_eq!(products, shards.len());
    assert!(outcome.position.iter().any(|p| p.kind == "orders" && p.link_sequence > 0));
}

#[test]
fn a_repeat_gets_the_stored_outcome_and_another_body_is_refused() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    let first = world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    let events = world.events().len();
    let again = world.post("k", place("o-1", &[("a", 2)]));
    let other = world.post("k", place("o-1", &[("a", 3)]));
    world.run();
    assert_eq!(world.events().len(), events);
    assert_eq!(world.outcome(&again), world.outcome(&first));
    assert!(world.reply(&again).replayed && !world.reply(&first).replayed);
    assert_eq!(world.reply(&other).answer, Answer::KeyReused);
    let outcomes = world.outputs.iter().filter(|o| matches!(o.topic, Topic::Outcomes(_)));
    assert_eq!(outcomes.count(), 1, "one outcome record per decided command");
}

#[test]
fn copies_that_arrive_while_the_outcome_is_pending_are_answered_with_it() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    let copies: Vec<String> = (0..6).map(|_| world.post("k", place("o-1", &[("a", 2)]))).collect();
    world.run();
    let answered: Vec<&String> = copies
        .iter()
        .filter(|copy| world.replies().iter().any(|reply| &reply.correlation == *copy))
        .collect();
    assert_eq!(answered, copies[2..].iter().collect::<Vec<_>>(), "the newest four are kept");
    assert_eq!(world.event_names().iter().filter(|n| **n == "OrderPlaced").count(), 1);
}

#[test]
fn a_command_outside_its_window_is_stale_before_memory_is_consulted() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    let issued = world.now;
    let first = world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    world.now += world.parameters.accept_ms + 1;
    let late = world.post_with("k", place("o-1", &[("a", 2)]), issued, None);
    let early = world.post_with(
        "e",
        place("o-2", &[("a", 2)]),
        world.now + world.parameters.skew_ms + 1,
        None,
    );
    let restamped = world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    assert_eq!(world.reply(&late).answer, Answer::Stale);
    assert_eq!(world.reply(&early).answer, Answer::Stale);
    assert_eq!(world.outcome(&restamped), world.outcome(&first));
}

#[test]
fn an_outcome_is_forgotten_only_after_the_window_past_its_last_copy() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    let almost = world.parameters.dedup_ms - 1;
    for _ in 0..3 {
        world.now += almost;
        let copy = world.post("k", place("o-1", &[("a", 2)]));
        world.run();
        assert!(world.reply(&copy).replayed, "each copy makes the entry live on");
    }
    world.now += world.parameters.dedup_ms + 1;
    let forgotten = world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    assert_eq!(world.refusal_code(&forgotten).as_deref(), Some("order-exists"));
}

#[test]
fn a_stale_version_changes_nothing() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    let before = world.events().len();
    let stale = world.post_with("p", pay("o-1", 500), world.now, Some(1));
    world.run();
    assert_eq!(world.refusal_code(&stale).as_deref(), Some("stale-version"));
    assert_eq!(world.events().len(), before);
    let current = world.post_with("p2", pay("o-1", 500), world.now, Some(2));
    world.run();
    assert_eq!(world.refusal_code(&current), None);
}

#[test]
fn a_cancelled_placement_answers_the_waiting_client_and_gives_late_stock_back() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    let placed = world.post("k", place("o-1", &[("a", 2)]));
    let cancel = CancelOrder { order_id: "o-1".to_owned(), reason: "changed my mind".to_owned() };
    let cancelled = world.post("c", cancel);
    world.run();
    assert_eq!(world.refusal_code(&placed).as_deref(), Some("cancelled"));
    assert_eq!(world.refusal_code(&cancelled), None);
    let names = world.event_names();
    assert!(names.contains(&"LateReservationReleased") && names.contains(&"StockReleased"));
    let product = world.states.values().flat_map(|s| s.products()).next().expect("a product");
    assert_eq!((product.on_hand(), product.reserved()), (10, 0));
    let about = |o: &&shard::Output| matches!(o.topic, Topic::Outcomes(_));
    let commands: std::collections::BTreeSet<_> =
        world.outputs.iter().filter(about).map(|o| header(o, "command")).collect();
    assert_eq!(commands.len(), 2, "each outcome names its own command");
}

#[test]
fn a_final_order_leaves_the_state_and_its_id_stays_used_up() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    world.post("k", place("o-1", &[("a", 2)]));
    world.run();
    world.post("p", pay("o-1", 500));
    world.post("s", ShipOrder { order_id: "o-1".to_owned(), reference: "parcel".to_owned() });
    world.run();
    world.now += world.parameters.keep_ms;
    let late = world.post("late", pay("o-1", 500));
    let again = world.post("again", place("o-1", &[("a", 1)]));
    world.run();
    assert_eq!(world.refusal_code(&late).as_deref(), Some("closed"));
    assert_eq!(world.refusal_code(&again).as_deref(), Some("closed"));
    assert_eq!(world.states.values().map(|s| s.orders().count()).sum::<usize>(), 0);
    assert_eq!(world.states.values().map(shard::State::tombstones).sum::<usize>(), 1);
}

#[test]
fn outputs_continue_the_trace_of_their_command_with_span_ids_of_their_own() {
    let mut world = World::new();
    world.stock("a", 250, 10);
    let command = place("o-1", &[("a", 2)]).into();
    let mut headers = world.client_headers("k", &command, world.now, None);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    headers
        .push(("traceparent".to_owned(), format!("00-{trace}-00f067aa0ba902b7-01").into_bytes()));
    let home = world.home_of(&command);
    world.append(home, Some(b"o-1"), Some(command.to_single_object()), headers);
    world.run();
    let parents: Vec<&str> =
        world.outputs.iter().filter_map(|o| header(o, "traceparent")).collect();
    assert_eq!(parents.len(), world.outputs.len());
    assert!(parents.iter().all(|p| p.starts_with(&format!("00-{trace}-")) && p.ends_with("-01")));
    let spans: std::collections::BTreeSet<&str> = parents.iter().map(|p| &p[36..52]).collect();
    assert_eq!(spans.len(), parents.len());
}
