//! Live streams: without a gap or a repeat on any instance, bounded, and ended at the stop.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use events::Kind;
use http::StatusCode;
use query_api::{
    live::{Cursor, Filter, Live, Message, Place, Readers, Refused, Session, Settings, Snapshot},
    position,
    read::{Database, Settings as Limits},
};
use serde_json::json;
use service::health::Health;
use sqlx::PgPool;
use support::{
    Choices, SOON, World,
    answer::Answer,
    eventually, rows, soon,
    sse::{Events, change},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a process of its own has for its streams.
struct Instance {
    live: Live,
    readers: Readers,
    keeping: JoinHandle<()>,
    stop: CancellationToken,
}

impl Instance {
    fn start(world: &World) -> Self {
        let limits = Limits {
            connections_max: 4,
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(5),
        };
        let database = Database::new((*world.pool.connect_options()).clone(), limits);
        let (tracker, keeper) = position::tracker(&database, Duration::from_millis(50));
        let stop = CancellationToken::new();
        let health = Health::new(stop.clone());
        let (condition, beat) = (health.condition("models"), health.heartbeat("marks", SOON));
        let keeping = tokio::spawn(keeper.run(Some((condition, beat)), stop.clone()));
        let keep_alive = Duration::from_millis(200);
        let settings = Settings { streams_max: 10, queue_max: 100, keep_alive };
        let (live, readers) = Live::start(database, &tracker, settings, stop.clone());
        Self { live, readers, keeping, stop }
    }

    async fn open(&self, filter: &Filter, resume: Option<&Cursor>) -> Session {
        soon(self.live.open(filter.clone(), resume.cloned())).await.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        soon(self.readers.ended()).await;
        soon(self.keeping).await.unwrap();
    }
}

/// The next change: partition, link sequence and number at that mark.
async fn next(session: &mut Session) -> (i32, i64, i32) {
    loop {
        match soon(session.next()).await.unwrap() {
            Message::Change(change) => {
                return (change.partition, change.place.link_sequence, change.place.nth);
            }
            Message::Still => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn moved(pool: &PgPool, partition: i32, link_sequence: i64, notify: bool) {
    let at = rows::position(Kind::Orders, partition, link_sequence);
    rows::checkpoint(pool, "orders", "orders.events.v1", &at, notify).await;
}

#[tokio::test]
async fn a_stream_goes_on_on_any_instance_without_a_gap_or_a_repeat() {
    let world = World::start().await;
    let pool = world.pool.clone();
    rows::order(&pool, "o-1", Some("c-1"), 0).await;
    for partition in 0..3 {
        moved(&pool, partition, 10, false).await;
    }
    let instances = [Instance::start(&world), Instance::start(&world)];
    let filter = Filter::Customer("c-1".to_owned());
    let mut session = instances[0].open(&filter, None).await;
    let Some(Message::Snapshot(Snapshot::Orders { items })) = session.next().await else {
        panic!("no snapshot");
    };
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].order_id, "o-1");

    // Two customers in three partitions; some commits are told of and some are not.
    let mut expected = Vec::new();
    let writing = tokio::spawn(async move {
        for at in 11..=50_i64 {
            for partition in 0..3 {
                let is_ours = (at + i64::from(partition)) % 3 != 0;
                let customer = if is_ours { "c-1" } else { "c-2" };
                let key = format!("o-{partition}");
                change(&pool, ("orders", partition, at, 0), &key, Some(customer), at).await;
                moved(&pool, partition, at, at % 2 == 0).await;
            }
        }
        // Healed keys, behind the mark that all have passed.
        for nth in 1..=2 {
            change(&pool, ("orders", 1, 50, nth), "o-9", Some("c-1"), 7).await;
        }
        pool
    });
    for partition in 0..3 {
        let ours = (11..=50_i64).filter(|at| (at + i64::from(partition)) % 3 != 0);
        expected.extend(ours.map(|at| (partition, at, 0)));
    }
    expected.extend([(1, 50, 1), (1, 50, 2)]);

    let mut seen = Vec::new();
    let mut turn = 0;
    while seen.len() < expected.len() {
        seen.push(next(&mut session).await);
        if seen.len() % 7 == 0 {
            // Away, and back on the other instance with nothing but the id.
            let id = session.cursor().to_id(Kind::Orders);
            turn += 1;
            let cursor = Cursor::of_id(&id, Kind::Orders).unwrap();
            session = instances[turn % 2].open(&filter, Some(&cursor)).await;
        }
    }
    let in_order = |of: i32, all: &[(i32, i64, i32)]| {
        all.iter().filter(|(partition, ..)| *partition == of).copied().collect::<Vec<_>>()
    };
    for partition in 0..3 {
        assert_eq!(in_order(partition, &seen), in_order(partition, &expected));
    }
    let pool = writing.await.unwrap();

    // A quiet stream's id moves along; one that is older than what is kept is refused.
    let old = session.cursor().clone();
    change(&pool, ("orders", 0, 51, 0), "o-8", Some("c-2"), 1).await;
    moved(&pool, 0, 51, true).await;
    while session.cursor() == &old {
        assert!(matches!(soon(session.next()).await, Some(Message::Still)));
    }
    sqlx::query("INSERT INTO change_floors VALUES ('orders', 0, 0, 51, 0)")
        .execute(&pool)
        .await
        .unwrap();
    let refused = instances[1].live.open(filter.clone(), Some(old)).await;
    assert!(matches!(refused, Err(Refused::Gone)), "{refused:?}");
    let newer = session.cursor().clone();
    instances[1].open(&filter, Some(&newer)).await;

    drop(session);
    for instance in instances {
        instance.end().await;
    }
    world.end().await;
}

/// Changes of orders in one partition, each of its customer and order, from the first place to the last.
async fn changes(pool: &PgPool, partition: i32, last: i64, key: &str, customer: &str) {
    let state = json!({
        "currency": "EUR", "status": "paid", "total_amount": 2500, "payment_deadline": null,
        "refund_due_amount": null, "placed_at": rows::at(0), "updated_at": rows::at(1),
    });
    sqlx::query(
        "INSERT INTO changes (projection, partition, incarnation, link_sequence, nth, key,
            customer_id, version, event, state, kafka_offset)
         SELECT 'orders', $1, 0, at, 0, replace($3, '%', at::text), replace($4, '%', at::text), 1,
             'OrderPaid', $5, at
         FROM generate_series(1, $2) at ON CONFLICT DO NOTHING",
    )
    .bind(partition)
    .bind(last)
    .bind(key)
    .bind(customer)
    .bind(state)
    .execute(pool)
    .await
    .unwrap();
}

/// How often an index was used, and how many entries were read from it.
async fn uses(pool: &PgPool, index: &str) -> (i64, i64) {
    sqlx::query_as(
        "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = $1",
    )
    .bind(index)
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_stream_that_comes_back_reads_nobody_elses_changes_and_none_twice() {
    let world = World::start().await;
    let pool = &world.pool;
    rows::order(pool, "o-1", Some("c-1"), 0).await;
    // More than a page of ours, with everybody's around it, and a partition without any of ours.
    change(pool, ("orders", 1, 20_000, 0), "o-1", Some("c-2"), 1).await;
    sqlx::query("UPDATE orders SET source_partition = 1").execute(pool).await.unwrap();
    changes(pool, 0, 501, "o-0", "c-1").await;
    changes(pool, 0, 20_000, "o-0-%", "c-0-%").await;
    changes(pool, 1, 20_000, "o-1-%", "c-1-%").await;
    for partition in 0..2 {
        moved(pool, partition, 20_000, false).await;
    }
    sqlx::query("ANALYZE changes").execute(pool).await.unwrap();
    let (_, read_before) = uses(pool, "changes_pkey").await;

    let instance = Instance::start(&world);
    let old = |partition| (partition, Place { incarnation: 0, link_sequence: 0, nth: 0 });
    let old = Cursor::new([old(0), old(1)]);
    let mut session = instance.open(&Filter::Customer("c-1".to_owned()), Some(&old)).await;
    for at in 1..=500 {
        assert_eq!(next(&mut session).await, (0, at, 0));
        assert_eq!(session.cursor().place(1).link_sequence, 0, "as far as this id goes");
    }
    assert_eq!(next(&mut session).await, (0, 501, 0));
    assert_eq!(
        session.cursor().place(1).link_sequence,
        20_000,
        "nothing there is looked for again"
    );
    drop(session);
    let mut session = instance.open(&Filter::Order("o-1".to_owned()), Some(&old)).await;
    assert_eq!(next(&mut session).await, (1, 20_000, 0));
    drop(session);
    instance.end().await;

    // Connections say what they did at their end.
    eventually("the indexes of streams are used", async || {
        let of_customer = uses(pool, "changes_of_customer").await;
        let of_key = uses(pool, "changes_of_key").await;
        of_customer.0 > 0 && of_customer.1 >= 501 && of_key.0 > 0
    })
    .await;
    let (_, read) = uses(pool, "changes_pkey").await;
    assert!(read - read_before < 10_000, "{read} entries of everybody were read");
    world.end().await;
}

async fn product(pool: &PgPool, link_sequence: i64, sku: &str) {
    change(pool, ("products", 0, link_sequence, 0), sku, None, link_sequence).await;
}

async fn products_moved(pool: &PgPool, link_sequence: i64) {
    let at = rows::position(Kind::Products, 0, link_sequence);
    rows::checkpoint(pool, "products", "products.events.v1", &at, true).await;
}

#[tokio::test]
async fn over_http_a_stream_is_begun_resumed_bounded_and_ended() {
    let world = World::with(Choices { streams_max: 2, ..Choices::default() }).await;
    let pool = &world.pool;
    rows::product(pool, "A", 10, 4).await;
    products_moved(pool, 5).await;
    let uri = "/v1/streams/products?sku=A,B";

    let mut events = Events::of(world.open(uri, &[]).await);
    let first = events.word().await;
    assert_eq!((first.name.as_str(), first.retry.as_str()), ("snapshot", "1000"));
    assert_eq!(first.data["items"][0]["available"], 6);
    assert_eq!(first.data["items"].as_array().unwrap().len(), 1);
    product(pool, 6, "A").await;
    product(pool, 7, "C").await;
    product(pool, 8, "B").await;
    products_moved(pool, 8).await;
    let second = events.word().await;
    assert_eq!(second.name, "product");
    assert_eq!(second.data["product"]["sku"], "A");
    assert_eq!(second.data["product"]["version"], 6);
    assert_eq!(
        second.data["record"],
        json!({"topic": "products.events.v1", "partition": 0, "offset": 106, "link_sequence": 6})
    );
    assert_eq!(events.word().await.data["product"]["sku"], "B");
    // Nothing happens: the stream says that it is there.
    let still = events.next().await.unwrap();
    assert_eq!((still.comment.as_str(), still.name.as_str()), ("still here", ""));
    assert!(!still.id.is_empty());

    // From an id, by header or parameter, without a snapshot.
    let by_parameter = format!("{uri}&last_event_id={}", second.id);
    let resumes = [(uri, vec![("last-event-id", &*second.id)]), (&*by_parameter, vec![])];
    for (uri, headers) in resumes {
        let mut resumed = Events::of(world.open(uri, &headers).await);
        assert_eq!(resumed.word().await.data["product"]["version"], 8);
    }

    // One that does not read while more happens than its queue holds is told so and cut.
    for sequence in 9..=30 {
        product(pool, sequence, "A").await;
    }
    products_moved(pool, 30).await;
    let (mut last, mut versions) = (still.id, Vec::new());
    let end = loop {
        let event = events.word().await;
        if event.name == "end" {
            break event;
        }
        (last, _) = (event.id, versions.push(event.data["product"]["version"].clone()));
    };
    assert_eq!(end.data["type"], "/problems/slow-client");
    assert_eq!(end.id, last);
    assert!(events.next().await.is_none());
    let mut events = Events::of(world.open(uri, &[("last-event-id", &last)]).await);
    while versions.len() < 22 {
        versions.push(events.word().await.data["product"]["version"].clone());
    }
    assert_eq!(versions, (9..=30).map(|version| json!(version)).collect::<Vec<_>>());

    // As many as are served; then one that waits is let in when another has gone.
    let other = world.open("/v1/streams/customers/c-1/orders", &[]).await;
    let refused = Answer::of(world.open(uri, &[]).await).await;
    refused.problem(503, "too-many-streams");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), r#""live-streams";r=0"#);
    drop(other);

    let answer = async |uri: &str, headers: &[(&str, &str)]| {
        Answer::of(world.open(uri, headers).await).await
    };
    answer("/v1/streams/orders/o-1", &[]).await.problem(404, "unknown-order");
    let faults = answer("/v1/streams/products?sku=,&x=1", &[("last-event-id", "%")]).await;
    assert_eq!(faults.pointers(), ["/query/sku", "/header/Last-Event-ID", "/query/x"]);
    sqlx::query("INSERT INTO change_floors VALUES ('products', 0, 0, 7, 0)")
        .execute(pool)
        .await
        .unwrap();
    answer(uri, &[("last-event-id", &second.id)]).await.problem(410, "resume-point-gone");

    world.stop();
    let end = events.word().await;
    assert_eq!((end.name.as_str(), &end.data["type"]), ("end", &json!("/problems/stopping")));
    assert!(end.retry.parse::<u64>().unwrap() >= 1_000);
    assert!(events.next().await.is_none());
    let refused = answer(uri, &[]).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    refused.problem(503, "stopping");
    world.end().await;
}
