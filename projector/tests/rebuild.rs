//! Generations on the real stack: filled beside a running projector, compared, switched, and back.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use eventlog::{Connection, Partition, Registry, SchemaReader};
use events::{Kind, ShardId, Topic};
use projector::{
    operate::{Operator, list::stands},
    projection::{Projection, orders::Orders},
    rebuild::{
        Context, Error,
        begin::{begin_back, discard},
        key::{Outcome, rebuild_key},
        run::{Report, Watch, Wish, run},
        switch::Patience,
    },
};
use sqlx::{AssertSqlSafe, PgPool};
use support::{
    database::eventually,
    history,
    shard::{Output, outputs, rows},
    world::{Deployment, RUNTIME, World},
};
use uuid::Uuid;

const ORDERS: Topic = Topic::Events(Kind::Orders);
const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };
const NEW: Wish = Wish::New { accept_differences: false };

fn end(outputs: &[Output]) -> i64 {
    outputs.last().map_or(0, |output| output.link_sequence)
}

fn by() -> Operator {
    Operator { name: "a test".to_owned(), reason: None }
}

fn context(world: &World, pool: &PgPool, rate: Option<f64>) -> Context {
    let registry = Registry::new(&world.stack.registry_url()).expect("a client");
    Context {
        pool: pool.clone(),
        connection: Connection::new(world.stack.bootstrap_servers()),
        schemas: Arc::new(SchemaReader::new(registry)),
        batch_records_max: 50,
        batch_bytes_max: 1 << 20,
        rate,
        patience: Patience::default(),
    }
}

async fn rebuild(context: &Context, wish: Wish) -> Result<Report, Error> {
    run::<Orders>(context, wish, &by(), &Watch::new(context.rate)).await
}

async fn generation(pool: &PgPool) -> i32 {
    sqlx::query_scalar(
        "SELECT generation FROM generations WHERE projection = 'orders' AND state = 'live'",
    )
    .fetch_one(pool)
    .await
    .expect("one is live")
}

/// Says of the generation that is being filled which build began it; what was said before.
async fn begun_with(pool: &PgPool, build: &str) -> String {
    let begun = "UPDATE generations new SET made_with = $1 FROM generations old
         WHERE new.state = 'building' AND old.projection = new.projection
             AND old.generation = new.generation RETURNING old.made_with";
    sqlx::query_scalar(begun).bind(build).fetch_one(pool).await.expect("one is filled")
}

async fn compare(deployment: &Deployment, outputs: &[Output]) {
    let expected = rows::<Orders>(SHARD, outputs);
    let ids: Vec<&str> = expected.keys().map(String::as_str).collect();
    let mut connection = deployment.pool.acquire().await.expect("a connection");
    let stored = Orders::load(&mut connection, &ids).await.expect("rows");
    assert_eq!(stored.len(), expected.len());
    for (id, order) in &stored {
        assert_eq!((&order.order, &order.lines), (&expected[id].order, &expected[id].lines));
    }
}

/// Reads as a client does that brings a position: what the mark says must be in the rows. Gives how
/// often it looked.
async fn read_own_writes(pool: PgPool, stop: Arc<AtomicBool>) -> u64 {
    let (mut looks, mut last) = (0, 0);
    while !stop.load(Relaxed) {
        let mark: Option<i64> = sqlx::query_scalar(
            "SELECT link_sequence FROM live_checkpoints
             WHERE projection = 'orders' AND partition = 0",
        )
        .fetch_optional(&pool)
        .await
        .expect("a mark");
        let happenings: i64 =
            sqlx::query_scalar("SELECT count(*) FROM order_history WHERE partition = 0")
                .fetch_one(&pool)
                .await
                .expect("rows");
        let mark = mark.unwrap_or(0);
        assert!(mark >= last, "the mark went back from {last} to {mark}");
        assert!(happenings >= mark, "{happenings} rows at mark {mark}");
        (looks, last) = (looks + 1, mark);
    }
    looks
}

#[test]
fn a_generation_is_filled_compared_switched_and_gone_back_from_while_clients_read() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let pool = &deployment.pool;
        let (process, _) = deployment.start(1).await;
        let outputs = outputs(SHARD, &history::orders("gen", 140));
        let third = outputs.len() / 3;
        world.write(ORDERS, 0, &outputs[..third]).await;
        deployment.applied("orders", ORDERS, 0, end(&outputs[..third])).await;
        let stop = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(read_own_writes(pool.clone(), Arc::clone(&stop)));

        // Cut off in the middle, and gone on with, while events come in.
        let slow = context(&world, pool, Some(100.0));
        let half = Watch::new(slow.rate);
        let operator = by();
        let begun = run::<Orders>(&slow, NEW, &operator, &half);
        let seen = eventually("some events", async || (half.pace.events() >= 50).then_some(()));
        tokio::select! {
            report = begun => panic!("it ended: {report:?}"),
            () = seen => {}
        }
        assert_eq!(generation(pool).await, 1);
        let all = stands(pool, Some("orders"), false).await.expect("stands");
        assert!(all.iter().any(|stand| stand.state == "rebuilding" && stand.link_sequence > 0));
        world.write(ORDERS, 0, &outputs[third..2 * third]).await;
        let fast = context(&world, pool, None);
        // Another build's code does not go on with it.
        let made_with = begun_with(pool, "0.0.1").await;
        let refused = rebuild(&fast, NEW).await.expect_err("another build").to_string();
        assert!(refused.contains("0.0.1") && refused.contains("discard"), "{refused}");
        assert_eq!(begun_with(pool, &made_with).await, "0.0.1");
        let report = rebuild(&fast, NEW).await.expect("rebuilt");
        assert!(report.is_resumed && report.is_switched, "{report:?}");
        assert!(report.tables.iter().all(|table| table.is_equal()), "{report:?}");
        assert_eq!(generation(pool).await, 2);

        // The running projector goes on with the new one.
        deployment.applied("orders", ORDERS, 0, end(&outputs[..2 * third])).await;
        world.write(ORDERS, 0, &outputs[2 * third..]).await;
        deployment.applied("orders", ORDERS, 0, end(&outputs)).await;
        compare(&deployment, &outputs).await;

        // Back, without a rebuild: the other one is only brought up. Should it be cut off, a rebuild does
        // not take it for its own.
        begin_back::<Orders>(pool, &by()).await.expect("begun");
        let refused = rebuild(&fast, NEW).await.expect_err("it goes back").to_string();
        assert!(refused.contains("--back") && refused.contains("discard"), "{refused}");
        let report = rebuild(&fast, Wish::Back).await.expect("back");
        assert!(report.is_switched, "{report:?}");
        assert!(report.events < u64::try_from(end(&outputs)).expect("positive"), "{report:?}");
        assert_eq!(generation(pool).await, 1);
        compare(&deployment, &outputs).await;
        stop.store(true, Relaxed);
        assert!(reader.await.expect("no break") > 10);
        process.stop().await;
        deployment.close().await;
    });
}

#[test]
fn rows_that_differ_are_shown_and_hold_the_switch_back_until_they_are_accepted() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let pool = &deployment.pool;
        let (process, _) = deployment.start(1).await;
        let shard = ShardId::new(Kind::Orders, 1);
        let steps = [history::orders("dif", 14), history::orders("later", 40)].concat();
        let all = outputs(shard, &steps);
        let outputs = &all[..outputs(shard, &history::orders("dif", 14)).len()];
        world.write(ORDERS, 1, outputs).await;
        deployment.applied("orders", ORDERS, 1, end(outputs)).await;
        let tamper = async || {
            sqlx::query("UPDATE orders SET total_amount = 1 WHERE order_id = 'dif-0'")
                .execute(pool)
                .await
                .expect("tampered");
        };
        let amount = async || -> Option<i64> {
            sqlx::query_scalar("SELECT total_amount FROM orders WHERE order_id = 'dif-0'")
                .fetch_one(pool)
                .await
                .expect("an order")
        };
        let right = amount().await;
        tamper().await;
        let context = context(&world, pool, None);
        let report = rebuild(&context, NEW).await.expect("compared");
        assert!(!report.is_switched);
        let table = report.tables.iter().find(|table| !table.is_equal()).expect("a difference");
        assert_eq!((table.table, table.differences.len()), ("orders", 1), "{report:?}");
        assert!(table.differences[0].live.as_ref().is_some_and(|row| row.contains("dif-0")));
        assert_eq!((generation(pool).await, amount().await), (1, Some(1)), "nothing has changed");
        assert_eq!(discard::<Orders>(pool, &by()).await.expect("discarded"), Some(2));
        assert_eq!(discard::<Orders>(pool, &by()).await.expect("nothing"), None);
        let accepted = rebuild(&context, Wish::New { accept_differences: true }).await;
        assert!(accepted.expect("rebuilt").is_switched);
        assert_eq!(amount().await, right);

        // One key alone, while its partition goes on.
        tamper().await;
        let partition = Partition::of(ORDERS, 1);
        let writing = async {
            for chunk in all[outputs.len()..].chunks(5) {
                world.write(ORDERS, 1, chunk).await;
            }
        };
        let by = by();
        let one = rebuild_key::<Orders>(&context, &partition, "dif-0", &by);
        let (one, ()) = tokio::join!(one, writing);
        assert_eq!(one.expect("rebuilt"), Outcome::Rebuilt { events: 4 });
        deployment.applied("orders", ORDERS, 1, end(&all)).await;
        let told = "SELECT count(*) FROM order_history WHERE partition = 1";
        let told: i64 = sqlx::query_scalar(told).fetch_one(pool).await.expect("a count");
        assert_eq!(told, end(&all), "each event once");
        assert_eq!(amount().await, right);
        // And the indexes are those of before, under their names.
        let indexes: Vec<String> = sqlx::query_scalar(
            "SELECT indexname::text FROM pg_indexes
             WHERE schemaname = 'public' AND tablename = 'orders' ORDER BY 1",
        )
        .fetch_all(pool)
        .await
        .expect("indexes");
        assert_eq!(
            indexes,
            ["orders_by_status", "orders_newest", "orders_of_customer", "orders_pkey"]
        );
        process.stop().await;
        deployment.close().await;
    });
}

#[test]
fn a_long_query_holds_up_the_switch_and_not_the_readers_and_is_named() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let pool = &deployment.pool;
        let (process, _) = deployment.start(1).await;
        let shard = ShardId::new(Kind::Orders, 2);
        let outputs = outputs(shard, &history::orders("hold", 5));
        world.write(ORDERS, 2, &outputs).await;
        deployment.applied("orders", ORDERS, 2, end(&outputs)).await;

        // As pg_dump and `spillway verify` do: all rows of one moment, and more time for them.
        let mut long = pool.begin().await.expect("a transaction");
        for statement in [
            "SET LOCAL idle_in_transaction_session_timeout = 0",
            "SET LOCAL application_name = 'dump'",
            "SELECT FROM orders",
        ] {
            sqlx::query(statement).execute(&mut *long).await.expect("done");
        }
        let stop = Arc::new(AtomicBool::new(false));
        let reader = tokio::spawn(wait_for_no_lock(pool.clone(), Arc::clone(&stop)));
        let mut context = context(&world, pool, None);
        context.patience = Patience { attempts: 5, pause: Duration::from_millis(200) };
        let refused = rebuild(&context, NEW).await.expect_err("the table is held").to_string();
        assert!(refused.contains("(dump, user "), "{refused}");
        assert!(refused.contains("SELECT FROM orders"), "{refused}");
        stop.store(true, Relaxed);
        assert!(reader.await.expect("never held up for long") > 0);
        assert_eq!(generation(pool).await, 1);

        // Somebody else reads the tables, and changes a column of them.
        let role = format!("reader_{}", Uuid::new_v4().simple());
        for statement in [
            format!("CREATE ROLE {role}"),
            format!("GRANT SELECT ON orders TO {role} WITH GRANT OPTION"),
            format!("GRANT SELECT, UPDATE (refusal) ON order_lines TO {role}"),
            "GRANT SELECT ON order_history TO PUBLIC".to_owned(),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(pool).await.expect("granted");
        }
        let may = async || -> Vec<bool> {
            let may = "SELECT unnest(ARRAY[
                has_table_privilege($1::name, 'orders', 'SELECT WITH GRANT OPTION'),
                has_table_privilege($1::name, 'orders', 'INSERT'),
                has_table_privilege($1::name, 'order_lines', 'SELECT'),
                has_column_privilege($1::name, 'order_lines', 'refusal', 'UPDATE'),
                has_column_privilege($1::name, 'order_lines', 'sku', 'UPDATE'),
                has_table_privilege($1::name, 'order_history', 'SELECT')])";
            sqlx::query_scalar(may).bind(&role).fetch_all(pool).await.expect("an answer")
        };
        let allowed = [true, false, true, true, false, true];
        assert_eq!(may().await, allowed);
        long.rollback().await.expect("ended");
        context.patience = Patience::default();
        assert!(rebuild(&context, NEW).await.expect("rebuilt").is_switched);
        assert_eq!(may().await, allowed, "the rebuilt tables are as open as those before");
        // What was taken back meanwhile is not given again.
        let revoke = format!("REVOKE ALL ON orders FROM {role}");
        sqlx::query(AssertSqlSafe(revoke)).execute(pool).await.expect("revoked");
        assert!(rebuild(&context, Wish::Back).await.expect("back").is_switched);
        assert_eq!(may().await, [false, false, true, true, false, true]);
        for statement in [format!("DROP OWNED BY {role}"), format!("DROP ROLE {role}")] {
            sqlx::query(AssertSqlSafe(statement)).execute(pool).await.expect("dropped");
        }
        process.stop().await;
        deployment.close().await;
    });
}

/// Reads and never waits for a lock as long as a query may take. Gives how often it read.
async fn wait_for_no_lock(pool: PgPool, stop: Arc<AtomicBool>) -> u64 {
    let mut connection = pool.acquire().await.expect("a connection").detach();
    sqlx::query("SET lock_timeout = '1s'").execute(&mut connection).await.expect("set");
    let mut reads = 0;
    while !stop.load(Relaxed) {
        sqlx::query("SELECT FROM orders").fetch_all(&mut connection).await.expect("rows in time");
        reads += 1;
    }
    reads
}
