//! From the commit in the log to the row, at a rate that a clock keeps whatever the projector does.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use eventlog::{Connection, LogReader, Partition};
use events::header::{LINK_SEQUENCE, View};
use serde_json::json;
use sqlx::{PgPool, postgres::PgListener};
use tokio::time::{sleep_until, timeout};

use crate::{
    ORDERS, amount,
    support::{
        history::{self, Step},
        shard::Output,
        world::{Deployment, World},
    },
    written,
};

/// When a mark was first seen in a checkpoint, in milliseconds since the epoch, by partition.
type Seen = BTreeMap<i32, Vec<(i64, i64)>>;

/// Longest wait for the last row.
const PATIENCE: Duration = Duration::from_secs(120);

/// Each order brings its first events at its due time, in its shard.
#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) async fn at_a_rate(world: &World, deployment: &Deployment, stories: Vec<Vec<Step>>) {
    let (rate, seconds) = (amount("RATE", 1_000), amount("SECONDS", 10));
    let before: Vec<usize> = stories.iter().map(|steps| steps.iter().flatten().count()).collect();
    let streams: Vec<Vec<Output>> = written(&with_more(stories, rate * seconds))
        .iter()
        .zip(&before)
        .map(|(all, before)| all[*before..].to_vec())
        .collect();
    let ends: Vec<i64> = streams.iter().filter_map(|o| Some(o.last()?.link_sequence)).collect();
    let watching = tokio::spawn(watch(deployment.pool.clone(), ends));
    let began = tokio::time::Instant::now();
    let mut sources: Vec<_> = streams.iter().map(|stream| stream.chunks(EVENTS)).collect();
    let mut events = 0;
    for order in 0..rate * seconds {
        let due = Duration::from_secs_f64(order as f64 / rate as f64);
        sleep_until(began + due).await;
        let partition = order % sources.len();
        for output in sources[partition].next().into_iter().flatten() {
            let value = output.value(world.schema_id(output));
            world.write_raw(ORDERS, i32::try_from(partition).expect("few"), output, &value).await;
            events += 1;
        }
    }
    world.acknowledged().await;
    let wrote = began.elapsed().as_secs_f64();
    let seen = timeout(PATIENCE, watching).await.expect("all visible").expect("a watcher");
    let committed = committed(world, &before).await;
    let mut delays: Vec<i64> = committed
        .iter()
        .map(|(partition, sequence, at)| {
            let marks = &seen[partition];
            let first = marks.partition_point(|(mark, _)| mark < sequence);
            (marks[first].1 - at).max(0)
        })
        .collect();
    assert_eq!(delays.len(), events);
    delays.sort_unstable();
    let percentile = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    println!(
        "{}",
        json!({
            "what": "commit to visible",
            "orders_per_second": (rate * seconds) as f64 / wrote,
            "events": events,
            "p50_ms": percentile(50),
            "p99_ms": percentile(99),
            "max_ms": delays.last(),
        })
    );
}

/// Events of an order before its payment.
const EVENTS: usize = 2;

/// The same with so many orders more, which are placed and reserved.
fn with_more(mut stories: Vec<Vec<Step>>, orders: usize) -> Vec<Vec<Step>> {
    let shards = stories.len();
    for n in 0..orders {
        let first = history::orders(&format!("later-{n}"), 1).into_iter().take(EVENTS);
        stories[n % shards].extend(first);
    }
    stories
}

/// Looks at the checkpoints whenever a commit is announced, until all are at their ends.
async fn watch(pool: PgPool, ends: Vec<i64>) -> Seen {
    let mut listener = PgListener::connect_with(&pool).await.expect("a listener");
    listener.listen("checkpoints").await.expect("a channel");
    let mut seen = Seen::new();
    loop {
        let marks: Vec<(i32, i64)> = sqlx::query_as(
            "SELECT partition, link_sequence FROM live_checkpoints
             WHERE projection = 'orders' AND topic = $1",
        )
        .bind(ORDERS.name())
        .fetch_all(&pool)
        .await
        .expect("checkpoints");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let now = i64::try_from(now.as_millis()).expect("this age");
        for (partition, mark) in marks {
            seen.entry(partition).or_default().push((mark, now));
        }
        let at = |n: usize| seen.get(&i32::try_from(n).ok()?)?.last().map(|(mark, _)| *mark);
        if ends.iter().enumerate().all(|(n, end)| at(n) >= Some(*end)) {
            return seen;
        }
        listener.recv().await.expect("a notice");
    }
}

/// Partition, link sequence and commit time of what lies behind these counts of records.
async fn committed(world: &World, before: &[usize]) -> Vec<(i32, i64, i64)> {
    let connection = Connection::new(world.stack.bootstrap_servers());
    let from: Vec<(Partition, i64)> = (0..)
        .zip(before)
        .map(|(n, before)| (Partition::of(ORDERS, n), i64::try_from(*before).expect("few")))
        .collect();
    let reading = tokio::task::spawn_blocking(move || {
        let mut reader = LogReader::open(&connection, "bench").expect("a reader");
        let mut found = Vec::new();
        reader
            .read_to_end(&from, PATIENCE, |record| {
                let sequence = View(&record.headers()).number(LINK_SEQUENCE).expect("a link");
                let at = record.timestamp.log_append().expect("a time");
                found.push((record.partition.number, sequence, at));
                ControlFlow::Continue(())
            })
            .expect("records");
        found
    });
    reading.await.expect("a reader")
}
