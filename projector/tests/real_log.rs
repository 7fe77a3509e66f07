//! Two and more projectors on a real log: takeover, poison, gaps.
//!
//! The tests share one stack. Each writes to partitions of its own, and has its own database.

mod support;

use events::{
    Kind, ShardId, Topic, codec::Record as _, header, log_time::rfc3339, outcome::Outcome,
};
use projector::projection::{Projection, orders::Orders, products::Products};
use sqlx::Row;
use support::{
    database::eventually,
    history,
    shard::{Output, outputs, rows},
    world::{Deployment, RUNTIME, World, metric},
};

const ORDERS: Topic = Topic::Events(Kind::Orders);
const PRODUCTS: Topic = Topic::Events(Kind::Products);
const OUTCOMES: Topic = Topic::Outcomes(Kind::Orders);

fn last(outputs: &[Output]) -> i64 {
    outputs.last().map_or(0, |output| output.link_sequence)
}

/// Compares the stored rows of a shard with the fold of its events.
async fn compare(deployment: &Deployment, orders: &[Output], products: &[Output]) {
    let mut connection = deployment.pool.acquire().await.expect("a connection");
    let expected = rows::<Orders>(ShardId::new(Kind::Orders, 0), orders);
    let ids: Vec<&str> = expected.keys().map(String::as_str).collect();
    let stored = Orders::load(&mut connection, &ids).await.expect("rows");
    assert_eq!(stored.len(), expected.len());
    for (id, order) in &stored {
        assert_eq!((&order.order, &order.lines), (&expected[id].order, &expected[id].lines));
    }
    let happenings: i64 =
        sqlx::query_scalar("SELECT count(*) FROM order_history WHERE order_id = ANY($1)")
            .bind(&ids)
            .fetch_one(&mut *connection)
            .await
            .expect("a count");
    assert_eq!(happenings, last(orders));
    let mut expected = rows::<Products>(ShardId::new(Kind::Products, 0), products);
    // What happened last is no column: it is known only until the rows are stored.
    expected.values_mut().for_each(|product| product.last = None);
    let skus: Vec<&str> = expected.keys().map(String::as_str).collect();
    assert_eq!(Products::load(&mut connection, &skus).await.expect("rows"), expected);
}

async fn write_outcome(world: &World, link_sequence: i64) {
    let outcome = Outcome {
        command_id: uuid::Uuid::from_u128(link_sequence.unsigned_abs().into()).to_string(),
        command: "PlaceOrder".to_owned(),
        kind: "orders".to_owned(),
        key: "o".to_owned(),
        caller: "anonymous".to_owned(),
        decided_at: 1_800_000_000_000,
        version: 1,
        refusal: None,
        order: None,
        position: vec![],
    };
    let headers = vec![
        (header::ORIGIN, format!("orders/0:0:{link_sequence}:0")),
        (header::LINK_SEQUENCE, link_sequence.to_string()),
        (header::PART, "1/1".to_owned()),
        (header::CHAIN, format!("{link_sequence:032x}")),
    ];
    let value = outcome.to_single_object();
    world.send(OUTCOMES, 0, Some(b"o"), &value, &headers).await;
    world.acknowledged().await;
}

#[test]
fn a_killed_projector_is_replaced_and_the_rows_stay_the_fold_of_the_events() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let tail = history::orders("tail", 7);
        let steps: Vec<_> = history::orders("take", 200).into_iter().chain(tail).collect();
        let all_orders = outputs(ShardId::new(Kind::Orders, 0), &steps);
        let orders = all_orders[..all_orders.len() - 20].to_vec();
        let products = outputs(ShardId::new(Kind::Products, 0), &history::products("take", 40));
        let (orders_half, products_half) = (orders.len() / 2, products.len() / 2);
        world.write(ORDERS, 0, &orders[..orders_half]).await;
        let (first, _) = deployment.start(1).await;
        let (second, _) = deployment.start(2).await;
        world.write(PRODUCTS, 0, &products[..products_half]).await;
        write_outcome(&world, 1).await;
        first.kill().await;
        // A new owner of the shard repeats what its predecessor wrote last.
        world.write(ORDERS, 0, &orders[orders_half - 30..]).await;
        world.write(PRODUCTS, 0, &products[..]).await;
        write_outcome(&world, 1).await;
        write_outcome(&world, 2).await;
        deployment.applied("orders", ORDERS, 0, last(&orders)).await;
        deployment.applied("products", PRODUCTS, 0, last(&products)).await;
        deployment.applied("outcomes", OUTCOMES, 0, 2).await;
        compare(&deployment, &orders, &products).await;
        let outcomes: i64 =
            sqlx::query_scalar("SELECT count(*) FROM outcomes WHERE status = 'done'")
                .fetch_one(&deployment.pool)
                .await
                .expect("a count");
        assert_eq!(outcomes, 2);
        // A stopped one leaves its group, and the next one begins at the checkpoint.
        let ended = second.stop().await;
        assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
        let (third, _) = deployment.start(3).await;
        world.write(ORDERS, 0, &all_orders[orders.len()..]).await;
        deployment.applied("orders", ORDERS, 0, last(&all_orders)).await;
        compare(&deployment, &all_orders, &products).await;
        third.stop().await;
        deployment.close().await;
    });
}

#[test]
fn poison_is_parked_with_its_key_and_stops_nothing_else() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let (first, base) = deployment.start(1).await;
        let outputs = outputs(ShardId::new(Kind::Orders, 1), &history::orders("poison", 7));
        // Somebody else's record; then the first event of two orders is unreadable.
        let nobody = vec![("colour", "blue".to_owned())];
        world.send(ORDERS, 1, Some(b"whose"), b"not ours", &nobody).await;
        world.write_raw(ORDERS, 1, &outputs[0], b"garbage").await;
        world.write_raw(ORDERS, 1, &outputs[1], &outputs[1].value(999_999)).await;
        world.write(ORDERS, 1, &outputs[2..]).await;
        // A new owner of the shard repeats everything, still unreadable.
        world.write_raw(ORDERS, 1, &outputs[0], b"garbage").await;
        world.write(ORDERS, 1, &outputs[1..]).await;
        deployment.applied("orders", ORDERS, 1, last(&outputs)).await;

        let mut expected = vec![("foreign-record", "whose"), ("undecodable", "poison-0")];
        expected.push(("unknown-schema", "poison-1"));
        for output in &outputs[2..] {
            expected.extend(
                ["poison-0", "poison-1"]
                    .into_iter()
                    .filter(|key| *key == output.event.key())
                    .map(|key| ("parked", key)),
            );
        }
        let expected: Vec<(String, String)> =
            expected.into_iter().map(|(class, key)| (class.to_owned(), key.to_owned())).collect();
        assert_eq!(deployment.letter_classes(ORDERS, 1).await, expected);
        let letters = deployment.letters(ORDERS, 1).await;
        assert_eq!(letters[0].get::<&[u8], _>("value"), b"not ours");
        assert_eq!(letters[0].get::<Vec<String>, _>("header_names"), ["colour"]);
        assert_eq!(letters[1].get::<&[u8], _>("value"), b"garbage");
        assert_eq!(letters[1].get::<Option<i64>, _>("link_sequence"), Some(1));
        let parked: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT key FROM parked_keys WHERE partition = 1 AND projection = 'orders' ORDER BY key")
                .fetch_all(&deployment.pool)
                .await
                .expect("keys");
        assert_eq!(parked, [b"poison-0", b"poison-1"]);
        let others: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders WHERE order_id LIKE 'poison-%'")
                .fetch_one(&deployment.pool)
                .await
                .expect("a count");
        assert_eq!(others, 5);
        let labels = ["projection=\"orders\"", "class=\"undecodable\""];
        let count = metric(&base, "projector_dead_letters_total", &labels).await;
        assert!((count - 1.0).abs() < 0.5, "{count}");

        // Another projector finds the keys parked, and parks no event twice.
        first.stop().await;
        let (second, _) = deployment.start(2).await;
        let late = Output {
            link_sequence: last(&outputs) + 1,
            ..outputs.iter().rfind(|o| o.event.key() == "poison-0").expect("one").clone()
        };
        let late = relinked(&late);
        world.write(ORDERS, 1, std::slice::from_ref(&late)).await;
        deployment.applied("orders", ORDERS, 1, late.link_sequence).await;
        let letters = deployment.letter_classes(ORDERS, 1).await;
        assert_eq!(letters.len(), expected.len() + 1);
        assert_eq!(letters.last(), Some(&("parked".to_owned(), "poison-0".to_owned())));
        second.stop().await;
        deployment.close().await;
    });
}

/// The output as a step of its own, with the headers that its link sequence asks for.
fn relinked(output: &Output) -> Output {
    let mut output = output.clone();
    let sequence = output.link_sequence;
    for (name, value) in &mut output.headers {
        match *name {
            header::ORIGIN => *value = format!("orders/1:0:{}:0", 1000 + sequence),
            header::LINK_SEQUENCE => *value = sequence.to_string(),
            header::PART => *value = "1/1".to_owned(),
            header::CE_TIME => *value = rfc3339(output.at_ms),
            _ => {}
        }
    }
    output
}

#[test]
fn a_gap_is_raised_discarded_and_healed_by_repair() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let (process, base) = deployment.start(1).await;
        let outputs = outputs(ShardId::new(Kind::Orders, 2), &history::orders("gap", 14));
        let labels = ["projection=\"orders\"", "partition=\"2\""];
        world.write(ORDERS, 2, &outputs[..5]).await;
        // The sixth is lost.
        world.write(ORDERS, 2, &outputs[6..20]).await;
        eventually("the alarm", async || {
            let open = metric(&base, "projector_gap_open", &labels).await;
            (open > 0.5).then_some(())
        })
        .await;
        deployment.applied("orders", ORDERS, 2, 5).await;
        assert_eq!(deployment.checkpoint("orders", ORDERS, 2).await, Some(5));
        // The repair restores below the gap and emits again.
        world.write(ORDERS, 2, &outputs[3..]).await;
        deployment.applied("orders", ORDERS, 2, last(&outputs)).await;
        assert!(metric(&base, "projector_gap_open", &labels).await < 0.5);
        let gaps = metric(&base, "projector_gaps_total", &labels).await;
        assert!((gaps - 1.0).abs() < 0.5, "{gaps}");
        let versions: i64 = sqlx::query_scalar(
            "SELECT sum(version)::bigint FROM orders WHERE order_id LIKE 'gap-%'",
        )
        .fetch_one(&deployment.pool)
        .await
        .expect("a sum");
        assert_eq!(versions, last(&outputs));
        assert!(deployment.letters(ORDERS, 2).await.is_empty());
        process.stop().await;
        deployment.close().await;
    });
}

#[test]
fn a_hint_that_leads_past_unread_records_is_found_out() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let outputs = outputs(ShardId::new(Kind::Orders, 3), &history::orders("hint", 7));
        world.write(ORDERS, 3, &outputs).await;
        sqlx::query(
            "INSERT INTO checkpoints (projection, generation, topic, partition, incarnation,
                 link_sequence, chain, kafka_offset)
             VALUES ('orders', 1, $1, 3, 0, 0, '', 5)",
        )
        .bind(ORDERS.name())
        .execute(&deployment.pool)
        .await
        .expect("a checkpoint");
        let (process, _) = deployment.start(1).await;
        deployment.applied("orders", ORDERS, 3, last(&outputs)).await;
        let orders: i64 =
            sqlx::query_scalar("SELECT count(*) FROM orders WHERE order_id LIKE 'hint-%'")
                .fetch_one(&deployment.pool)
                .await
                .expect("a count");
        assert_eq!(orders, 7);
        process.stop().await;
        deployment.close().await;
    });
}
