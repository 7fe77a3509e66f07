//! Dead letters by the thousand: parked once, applied again after a fix, in order, or dropped.

mod support;

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use eventlog::{Partition, Registry, SchemaReader};
use events::{Event, Kind, ShardId, Topic};
use projector::{
    fact::{Fact, Unfit},
    fold::Read,
    intake::Intake,
    letters::{
        Filter, drop,
        find::{self, waiting},
        redrive::{Key, Outcome, keys, redrive},
        show::show,
    },
    link::{Checkpoint, Link},
    operate::{Operator, history},
    projection::{
        Projection, Table,
        orders::{OrderRows, Orders},
    },
    store::{Owner, apply, checkpoint},
};
use sqlx::{PgConnection, PgPool};
use support::{
    history as story,
    shard::{Output, outputs, rows},
    world::{RUNTIME, World},
};

/// The projection of orders with a fault that was fixed since: no order can be placed.
#[derive(Debug)]
struct Faulty;

impl Projection for Faulty {
    const NAME: &'static str = Orders::NAME;
    const TOPICS: &'static [Topic] = Orders::TOPICS;
    const TABLES: &'static [Table] = Orders::TABLES;

    type Body = Event;
    type Rows = OrderRows;

    fn key(event: &Event) -> Option<&str> {
        Orders::key(event)
    }

    fn fold(rows: &mut Option<OrderRows>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match fact.body {
            Event::OrderPlaced(_) => Err(Unfit::Stranger),
            _ => Orders::fold(rows, fact),
        }
    }

    async fn load(
        connection: &mut PgConnection,
        keys: &[&str],
    ) -> sqlx::Result<BTreeMap<String, OrderRows>> {
        Orders::load(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
        Orders::store(connection, rows).await
    }

    async fn remove(connection: &mut PgConnection, keys: &[&str]) -> sqlx::Result<()> {
        Orders::remove(connection, keys).await
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        Orders::clear(connection, partition).await
    }
}

/// Some letters are mended only while this is set.
static IS_MENDED: AtomicBool = AtomicBool::new(false);

/// As the fixed projection, but an order that is paid cannot be shipped until that is mended too.
#[derive(Debug)]
struct HalfFixed;

impl Projection for HalfFixed {
    const NAME: &'static str = Orders::NAME;
    const TOPICS: &'static [Topic] = Orders::TOPICS;
    const TABLES: &'static [Table] = Orders::TABLES;

    type Body = Event;
    type Rows = OrderRows;

    fn key(event: &Event) -> Option<&str> {
        Orders::key(event)
    }

    fn fold(rows: &mut Option<OrderRows>, fact: &Fact<Event>) -> Result<(), Unfit> {
        match fact.body {
            Event::OrderShipped(_) if !IS_MENDED.load(Relaxed) => Err(Unfit::Stranger),
            _ => Orders::fold(rows, fact),
        }
    }

    async fn load(
        connection: &mut PgConnection,
        keys: &[&str],
    ) -> sqlx::Result<BTreeMap<String, OrderRows>> {
        Orders::load(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &[&OrderRows]) -> sqlx::Result<()> {
        Orders::store(connection, rows).await
    }

    async fn remove(connection: &mut PgConnection, keys: &[&str]) -> sqlx::Result<()> {
        Orders::remove(connection, keys).await
    }

    async fn clear(connection: &mut PgConnection, partition: &Partition) -> sqlx::Result<()> {
        Orders::clear(connection, partition).await
    }
}

const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

fn partition() -> Partition {
    Partition::of(Topic::Events(Kind::Orders), 0)
}

fn by() -> Operator {
    Operator { name: "a test".to_owned(), reason: Some("it is fixed".to_owned()) }
}

/// A database, and what a reader of partition 0 finds.
struct Shop {
    world: Arc<World>,
    pool: PgPool,
    schemas: SchemaReader,
    outputs: Vec<Output>,
}

impl Shop {
    async fn new(prefix: &str, orders: usize) -> Self {
        let world = World::shared().await;
        let pool = world.deployment().await.pool;
        let registry = Registry::new(&world.stack.registry_url()).expect("a client");
        let outputs = outputs(SHARD, &story::orders(prefix, orders));
        Self { world, pool, schemas: SchemaReader::new(registry), outputs }
    }

    fn count(&self) -> i64 {
        i64::try_from(self.outputs.len()).expect("small")
    }

    /// Applies the outputs of a range, which lie at these offsets and the ones behind.
    async fn apply_at<P: Projection<Body = Event>>(&self, range: Range<usize>, offset: i64) {
        let owner = Owner::live(P::NAME, 1);
        let loaded = checkpoint::load(&self.pool, owner, &[partition()]).await;
        let from: Checkpoint = loaded.expect("a checkpoint")[&partition()];
        let mut intake = Intake::new(partition(), from, Link::new(from));
        let placed = || (offset..).zip(&self.outputs[range.clone()]);
        for (offset, output) in placed() {
            let value = output.value(self.world.schema_id(output));
            intake.admit(output.record_with(&partition(), offset, Some(&value)));
        }
        let slice = intake.take().expect("a slice");
        let facts = placed().map(|(offset, output)| Ok(output.fact(&partition(), offset)));
        let batch = [Read { contents: facts.collect(), slice }];
        apply::<P>(&self.pool, owner, &batch).await.expect("applied");
    }

    /// Applies everything from the checkpoint on.
    async fn apply<P: Projection<Body = Event>>(&self) {
        let owner = Owner::live(P::NAME, 1);
        loop {
            let loaded = checkpoint::load(&self.pool, owner, &[partition()]).await;
            let from: Checkpoint = loaded.expect("a checkpoint")[&partition()];
            if from.mark.link_sequence == self.count() {
                return;
            }
            let mut intake = Intake::new(partition(), from, Link::new(from));
            let next = usize::try_from(from.next_offset).expect("positive");
            for (offset, output) in self.outputs.iter().enumerate().skip(next).take(5_000) {
                let value = output.value(self.world.schema_id(output));
                let offset = i64::try_from(offset).expect("small");
                intake.admit(output.record_with(&partition(), offset, Some(&value)));
            }
            let slice = intake.take().expect("a slice");
            let facts = slice.accepted.iter().map(|arrived| {
                let offset = usize::try_from(arrived.record.offset).expect("positive");
                Ok(self.outputs[offset].fact(&partition(), arrived.record.offset))
            });
            let batch = [Read { contents: facts.collect(), slice }];
            apply::<P>(&self.pool, owner, &batch).await.expect("applied");
        }
    }

    async fn letters(&self) -> i64 {
        find::count(&self.pool, &Filter::default()).await.expect("a count")
    }

    /// Re-drives up to so many keys, page by page, as the tool does.
    async fn redrive<P: Projection>(&self, count: usize, is_dry: bool) -> Vec<(Key, Outcome)> {
        let (mut outcomes, mut last) = (Vec::new(), None);
        loop {
            let page =
                keys::<P>(&self.pool, &Filter::default(), last.as_ref()).await.expect("keys");
            let Some(end) = page.last().cloned() else { return outcomes };
            for key in page {
                if outcomes.len() == count {
                    return outcomes;
                }
                let outcome = redrive::<P>(&self.pool, &self.schemas, &key, is_dry, &by()).await;
                outcomes.push((key, outcome.expect("an outcome")));
            }
            last = Some(end);
        }
    }

    async fn orders(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM orders")
            .fetch_one(&self.pool)
            .await
            .expect("a count")
    }

    /// Compares all rows with the pure fold of all events.
    async fn compare(&self) {
        let expected = rows::<Orders>(SHARD, &self.outputs);
        let ids: Vec<&str> = expected.keys().map(String::as_str).collect();
        let mut connection = self.pool.acquire().await.expect("a connection");
        let stored = Orders::load(&mut connection, &ids).await.expect("rows");
        assert_eq!(stored.len(), expected.len());
        for (id, order) in &stored {
            assert_eq!((&order.order, &order.lines), (&expected[id].order, &expected[id].lines));
        }
        let history: i64 = sqlx::query_scalar("SELECT count(*) FROM order_history")
            .fetch_one(&mut *connection)
            .await
            .expect("a count");
        assert_eq!(history, self.count());
    }
}

fn healed(outcomes: &[(Key, Outcome)]) -> u64 {
    let letters = outcomes.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Healed { letters } => Some(letters),
        _ => None,
    });
    letters.sum()
}

#[test]
fn ten_thousand_dead_letters_are_parked_once_and_healed_by_a_fixed_projection() {
    RUNTIME.block_on(async {
        let shop = Shop::new("many", 3_400).await;
        assert!(shop.count() >= 10_000, "{}", shop.count());
        shop.apply::<Faulty>().await;
        assert_eq!((shop.letters().await, shop.orders().await), (shop.count(), 0));
        // Read again from the start, as after a wrong hint and a lost mark: parked once all the same.
        sqlx::query("UPDATE checkpoints SET link_sequence = 0, chain = '', kafka_offset = 0")
            .execute(&shop.pool)
            .await
            .expect("moved");
        shop.apply::<Faulty>().await;
        assert_eq!(shop.letters().await, shop.count());
        let waiting_before = waiting(&shop.pool).await.expect("an answer");
        assert_eq!(waiting_before.keys["orders"], 3_400);
        assert_eq!(waiting_before.letters[&("orders".to_owned(), "unfit".to_owned())], 3_400);

        // As long as nothing is fixed, nothing heals, and nothing is lost.
        let stuck = shop.redrive::<Faulty>(10, false).await;
        assert!(stuck.iter().all(|(_, outcome)| matches!(outcome, Outcome::Stuck { .. })));
        assert_eq!((shop.letters().await, shop.orders().await), (shop.count(), 0));

        // A dry run says what would be, and leaves everything.
        let dry = shop.redrive::<Orders>(50, true).await;
        assert!(
            dry.iter().all(|(_, outcome)| matches!(outcome, Outcome::Healed { .. })),
            "{dry:?}"
        );
        assert_eq!((shop.letters().await, shop.orders().await), (shop.count(), 0));

        // A run that ends early is gone on with by the next.
        let first = healed(&shop.redrive::<Orders>(1_000, false).await);
        assert_eq!(shop.letters().await, shop.count() - i64::try_from(first).expect("small"));
        assert_eq!(shop.orders().await, 1_000);
        let rest = shop.redrive::<Orders>(usize::MAX, false).await;
        assert_eq!(rest.len(), 2_400);
        assert_eq!(first + healed(&rest), shop.count().unsigned_abs());
        assert_eq!(shop.letters().await, 0);
        shop.compare().await;
        // Streams are told of each healed order, behind the mark that they have passed.
        let told: (i64, i64, i32) =
            sqlx::query_as("SELECT count(DISTINCT key), min(link_sequence), max(nth) FROM changes")
                .fetch_one(&shop.pool)
                .await
                .expect("changes");
        assert_eq!(told, (3_400, shop.count(), 3_400));
        assert_eq!(waiting(&shop.pool).await.expect("an answer").keys.len(), 0);

        // An empty queue re-drives nothing.
        assert!(shop.redrive::<Orders>(usize::MAX, false).await.is_empty());
        let done = history::last(&shop.pool, Some("orders"), 10_000).await.expect("operations");
        assert_eq!(done.len(), 3_400);
        assert_eq!((&*done[0].verb, &*done[0].operator), ("redrive", "a test"));
        assert_eq!(done[0].detail["reason"], "it is fixed");
        shop.pool.close().await;
    });
}

#[test]
fn a_key_heals_as_a_whole_or_not_at_all_and_later_events_wait_meanwhile() {
    RUNTIME.block_on(async {
        let mut shop = Shop::new("whole", 1).await;
        let all = std::mem::take(&mut shop.outputs);
        shop.outputs = all[..3].to_vec();
        shop.apply::<Faulty>().await;
        // Placed, reserved and paid heal; then one more comes while it is parked again.
        shop.outputs = all;
        shop.apply::<Faulty>().await;
        assert_eq!((shop.letters().await, shop.orders().await), (4, 0));
        let outcome = shop.redrive::<HalfFixed>(1, false).await;
        let Outcome::Stuck { offset, class, .. } = &outcome[0].1 else { panic!("{outcome:?}") };
        assert_eq!((*offset, class.as_str()), (3, "unfit"));
        assert_eq!((shop.letters().await, shop.orders().await), (4, 0), "all or nothing");

        // What is known of the letter that is in the way.
        let shown = show::<Orders>(&shop.pool, &shop.schemas, &partition(), 3).await;
        let shown = shown.expect("an answer").expect("a letter");
        assert_eq!((shown.error_class.as_str(), shown.attempts), ("unfit", 2));
        assert_eq!(shown.body.as_ref().expect("decoded")["order_id"], "whole-0");
        assert!(shown.parks_its_key && shown.headers.iter().any(|(name, _)| name == "origin"));
        assert!(
            show::<Orders>(&shop.pool, &shop.schemas, &partition(), 9)
                .await
                .expect("an answer")
                .is_none()
        );

        IS_MENDED.store(true, Relaxed);
        let outcome = shop.redrive::<HalfFixed>(1, false).await;
        assert_eq!(outcome[0].1, Outcome::Healed { letters: 4 });
        shop.compare().await;
        shop.pool.close().await;
    });
}

#[test]
fn letters_keep_their_order_and_none_vanishes_when_their_topic_is_made_anew() {
    RUNTIME.block_on(async {
        let shop = Shop::new("anew", 1).await;
        assert_eq!(shop.count(), 4);
        shop.apply_at::<Faulty>(0..2, 7).await;
        // The topic was made anew: its offsets begin again, and meet those of before.
        shop.apply_at::<Faulty>(2..3, 2).await;
        shop.apply_at::<Faulty>(3..4, 7).await;
        assert_eq!(shop.letters().await, 4, "none is taken for another");
        // Paging passes over none.
        let first = find::page(&shop.pool, &Filter::default(), None, 2).await.expect("a page");
        let after = first[1].after();
        let rest = find::page(&shop.pool, &Filter::default(), Some(&after), 9).await;
        assert_eq!(rest.expect("a page").len(), 2);
        let outcome = shop.redrive::<Orders>(1, false).await;
        assert_eq!(outcome[0].1, Outcome::Healed { letters: 4 });
        shop.compare().await;
        shop.pool.close().await;
    });
}

#[test]
fn letters_are_found_by_what_they_are_and_dropped_for_good() {
    RUNTIME.block_on(async {
        let shop = Shop::new("drop", 14).await;
        shop.apply::<Faulty>().await;
        let all = shop.letters().await;
        let unfit = Filter { class: Some("unfit".to_owned()), ..Filter::default() };
        assert_eq!(find::count(&shop.pool, &unfit).await.expect("a count"), 14);
        let key = Filter { key: Some(b"drop-0".to_vec()), ..Filter::default() };
        let listed = find::page(&shop.pool, &key, None, 3).await.expect("a page");
        let classes: Vec<&str> = listed.iter().map(|letter| letter.error_class.as_str()).collect();
        assert_eq!(classes, ["unfit", "parked", "parked"]);
        let after = listed[2].after();
        let rest = find::page(&shop.pool, &key, Some(&after), 3).await.expect("a page");
        assert_eq!(rest.len(), 1);

        // The head alone: the key waits behind the next one.
        let head = Filter { partition: Some(partition()), offset: Some(0), ..Filter::default() };
        assert_eq!(drop::drop(&shop.pool, "orders", &head, &by()).await.expect("dropped"), 1);
        let behind: i64 = sqlx::query_scalar(
            "SELECT kafka_offset FROM live_parked_keys WHERE key = 'drop-0'::bytea",
        )
        .fetch_one(&shop.pool)
        .await
        .expect("still parked");
        assert_eq!(behind, rest[0].kafka_offset.min(listed[1].kafka_offset));
        // The key: nothing of it waits any more.
        assert_eq!(drop::drop(&shop.pool, "orders", &key, &by()).await.expect("dropped"), 3);
        let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM live_parked_keys")
            .fetch_one(&shop.pool)
            .await
            .expect("a count");
        assert_eq!((parked, shop.letters().await), (13, all - 4));
        let other = Filter { projection: Some("products".to_owned()), ..Filter::default() };
        assert_eq!(find::count(&shop.pool, &other).await.expect("a count"), 0);
        shop.pool.close().await;
    });
}
