//! Running projectors on a real log: partitions that do not hold up each other, what operators do to
//! them, and instances that come and go in any order.
//!
//! The tests share one stack. Each writes to partitions of its own, and has its own database.

mod support;

use eventlog::Partition;
use events::{Kind, ShardId, Topic, position::Mark};
use projector::{
    operate::{
        Error, Operator, Target,
        change::{pause, resume, skip},
        history::last,
        list::{Stand, stands},
        reset::reset,
    },
    projection::{Projection, orders::Orders},
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use support::{
    database::eventually,
    history,
    shard::{Output, outputs, rows},
    world::{Deployment, RUNTIME, World},
};

const ORDERS: Topic = Topic::Events(Kind::Orders);

fn end(outputs: &[Output]) -> i64 {
    outputs.last().map_or(0, |output| output.link_sequence)
}

fn by() -> Operator {
    Operator { name: "a test".to_owned(), reason: None }
}

fn of(partition: i32) -> (Partition, Target) {
    let partition = Partition::of(ORDERS, partition);
    (partition.clone(), Target { projection: "orders", partition: Some(partition) })
}

async fn stand(deployment: &Deployment, partition: i32) -> Stand {
    let all = stands(&deployment.pool, Some("orders"), false).await.expect("stands");
    all.into_iter().find(|stand| stand.partition == partition).expect("a checkpoint")
}

/// Compares the stored rows of a partition with the pure fold of its events.
async fn compare(deployment: &Deployment, shard: ShardId, outputs: &[Output]) {
    let expected = rows::<Orders>(shard, outputs);
    let ids: Vec<&str> = expected.keys().map(String::as_str).collect();
    let mut connection = deployment.pool.acquire().await.expect("a connection");
    let stored = Orders::load(&mut connection, &ids).await.expect("rows");
    assert_eq!(stored.len(), expected.len());
    for (id, order) in &stored {
        assert_eq!((&order.order, &order.lines), (&expected[id].order, &expected[id].lines));
    }
    let happenings: i64 =
        sqlx::query_scalar("SELECT count(*) FROM order_history WHERE partition = $1")
            .bind(shard.partition)
            .fetch_one(&mut *connection)
            .await
            .expect("a count");
    assert_eq!(happenings, end(outputs));
}

#[test]
fn a_partition_that_cannot_go_on_holds_up_no_other() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let (process, _) = deployment.start(1).await;
        let stuck = outputs(ShardId::new(Kind::Orders, 0), &history::orders("stuck", 7));
        let free = outputs(ShardId::new(Kind::Orders, 1), &history::orders("free", 7));
        world.write(ORDERS, 0, &stuck[..4]).await;
        world.write(ORDERS, 1, &free[..4]).await;
        deployment.applied("orders", ORDERS, 0, 4).await;
        deployment.applied("orders", ORDERS, 1, 4).await;
        // Somebody holds the one partition's checkpoint, again and again.
        let mut holder = deployment.pool.begin().await.expect("a transaction");
        sqlx::query(
            "SELECT FROM checkpoints WHERE projection = 'orders' AND partition = 0 FOR UPDATE",
        )
        .execute(&mut *holder)
        .await
        .expect("locked");
        world.write(ORDERS, 0, &stuck[4..]).await;
        world.write(ORDERS, 1, &free[4..]).await;
        deployment.applied("orders", ORDERS, 1, end(&free)).await;
        assert_eq!(deployment.checkpoint("orders", ORDERS, 0).await, Some(4));
        // PostgreSQL ends an idle transaction by itself, so this may be too late.
        let _ = holder.rollback().await;
        deployment.applied("orders", ORDERS, 0, end(&stuck)).await;
        compare(&deployment, ShardId::new(Kind::Orders, 0), &stuck).await;
        process.stop().await;
        deployment.close().await;
    });
}

#[test]
fn operators_pause_resume_skip_and_reset_by_compare_and_set() {
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        let pool = &deployment.pool;
        let shard = ShardId::new(Kind::Orders, 2);
        let (partition, target) = of(2);
        let outputs = outputs(shard, &history::orders("ctl", 14));
        let nothing = pause(pool, &target, &by()).await;
        assert!(matches!(nothing, Err(Error::Refused(_))), "{nothing:?}");
        let (process, _) = deployment.start(1).await;
        world.write(ORDERS, 2, &outputs[..10]).await;
        deployment.applied("orders", ORDERS, 2, 10).await;

        // Paused: what comes is not applied, though another partition's is.
        let paused = pause(pool, &target, &by()).await.expect("paused");
        assert!(paused[0].is_changed && paused[0].mark.link_sequence == 10, "{paused:?}");
        assert!(!pause(pool, &target, &by()).await.expect("paused")[0].is_changed);
        world.write(ORDERS, 2, &outputs[10..20]).await;
        let other =
            support::shard::outputs(ShardId::new(Kind::Orders, 3), &history::orders("oth", 7));
        world.write(ORDERS, 3, &other).await;
        deployment.applied("orders", ORDERS, 3, end(&other)).await;
        let now = stand(&deployment, 2).await;
        assert_eq!((now.state.as_str(), now.link_sequence), ("paused", 10));
        // A restart forgets no pause.
        process.kill().await;
        let (process, _) = deployment.start(2).await;
        resume(pool, &target, &by()).await.expect("resumed");
        deployment.applied("orders", ORDERS, 2, 20).await;
        assert_eq!(stand(&deployment, 2).await.state, "running");

        // Records 21 and 22 are lost for good: a gap, shown as a failure, and nothing behind it applied.
        world.write(ORDERS, 2, &outputs[22..]).await;
        let failed = eventually("a failed state", async || {
            Some(stand(&deployment, 2).await).filter(|stand| stand.state == "failed")
        })
        .await;
        assert!(failed.trouble.as_deref().is_some_and(|text| text.contains("gap")), "{failed:?}");
        assert_eq!(failed.link_sequence, 20);
        let mark = |link_sequence| Mark { incarnation: 0, link_sequence };
        let wrong = skip(pool, ("orders", &partition), (mark(19), mark(22)), &by()).await;
        assert!(matches!(wrong, Err(Error::Refused(_))), "{wrong:?}");
        let back = skip(pool, ("orders", &partition), (mark(20), mark(20)), &by()).await;
        assert!(matches!(back, Err(Error::Refused(_))), "{back:?}");
        skip(pool, ("orders", &partition), (mark(20), mark(22)), &by()).await.expect("skipped");
        deployment.applied("orders", ORDERS, 2, end(&outputs)).await;
        eventually("running again", async || {
            (stand(&deployment, 2).await.state == "running").then_some(())
        })
        .await;
        // What was skipped is missed by its keys: their later events wait, and nothing lies.
        assert!(stand(&deployment, 2).await.parked_keys > 0);

        // The records come after all, and a reset applies everything again.
        world.write(ORDERS, 2, &outputs[20..]).await;
        let stale = reset::<Orders>(pool, &target, Some(mark(30)), &by()).await;
        assert!(matches!(stale, Err(Error::Refused(_))), "{stale:?}");
        reset::<Orders>(pool, &target, Some(mark(end(&outputs))), &by()).await.expect("reset");
        let healed = eventually("everything again", async || {
            Some(stand(&deployment, 2).await).filter(|stand| stand.link_sequence == end(&outputs))
        })
        .await;
        assert_eq!((healed.dead_letters, healed.parked_keys), (0, 0));
        compare(&deployment, shard, &outputs).await;
        compare(&deployment, ShardId::new(Kind::Orders, 3), &other).await;

        let verbs: Vec<String> = last(pool, Some("orders"), 100)
            .await
            .expect("operations")
            .into_iter()
            .map(|operation| operation.verb)
            .collect();
        assert_eq!(verbs, ["reset", "skip", "resume", "pause"]);
        process.stop().await;
        deployment.close().await;
    });
}

/// What happens to the instances while the log is written.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Kill(usize),
    Freeze(usize),
    Stop(usize),
    /// A new owner of the shard repeats so many of the last records.
    Repeat(usize),
}

const INSTANCES: usize = 2;

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        (0..INSTANCES).prop_map(Fate::Kill),
        (0..INSTANCES).prop_map(Fate::Freeze),
        (0..INSTANCES).prop_map(Fate::Stop),
        (1usize..40).prop_map(Fate::Repeat),
    ]
}

/// One more history of this kind for each seed; the seeds are fixed, so a failure comes again.
#[test]
fn instances_that_come_and_go_leave_the_fold_of_the_events() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let fates = prop::collection::vec(fate(), 6).new_tree(&mut runner).expect("fates").current();
    RUNTIME.block_on(async {
        let world = World::shared().await;
        let deployment = world.deployment().await;
        // Its own partitions are read by the others' projectors too, each into its own database.
        let shard = ShardId::new(Kind::Products, 1);
        let topic = Topic::Events(Kind::Products);
        let outputs = outputs(shard, &history::products("come", 60));
        let mut instances = Vec::new();
        for number in 0..INSTANCES {
            instances.push(deployment.start(u8::try_from(number).expect("few")).await.0);
        }
        let share = outputs.len() / (fates.len() + 1);
        let mut written = 0;
        for fate in &fates {
            world.write(topic, 1, &outputs[written..written + share]).await;
            written += share;
            match *fate {
                Fate::Kill(number) => {
                    instances[number].kill().await;
                    instances[number].start().await.expect("started");
                }
                Fate::Stop(number) => {
                    instances[number].stop().await;
                    instances[number].start().await.expect("started");
                }
                Fate::Freeze(number) => {
                    instances[number].pause().expect("frozen");
                    world.write(topic, 1, &outputs[written - share..written]).await;
                    instances[number].resume().expect("thawed");
                }
                Fate::Repeat(count) => {
                    let from = written.saturating_sub(count);
                    world.write(topic, 1, &outputs[from..written]).await;
                }
            }
        }
        world.write(topic, 1, &outputs[written..]).await;
        deployment.applied("products", topic, 1, end(&outputs)).await;
        let mut expected = rows::<projector::projection::products::Products>(shard, &outputs);
        // What happened last is no column: it is known only until the rows are stored.
        expected.values_mut().for_each(|product| product.last = None);
        let skus: Vec<&str> = expected.keys().map(String::as_str).collect();
        let mut connection = deployment.pool.acquire().await.expect("a connection");
        let stored = projector::projection::products::Products::load(&mut connection, &skus).await;
        assert_eq!(stored.expect("rows"), expected, "after {fates:?}");
        drop(connection);
        assert!(deployment.letters(topic, 1).await.is_empty());
        for instance in &instances {
            instance.stop().await;
        }
        deployment.close().await;
    });
}
