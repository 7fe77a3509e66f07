//! How fast the orders projection is: the running projector, then a rebuild beside it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use devstack::Process;
use eventlog::{Connection, Registry, SchemaReader};
use projector::{
    operate::Operator,
    projection::orders::Orders,
    rebuild::{
        Context,
        run::{Watch, Wish, run},
        switch::Patience,
    },
};
use serde_json::json;

use crate::{
    ORDERS,
    support::{
        shard::Output,
        world::{Deployment, World},
    },
};

const POLL: Duration = Duration::from_millis(20);

/// Starts a projector, and waits until it has caught up with what lies in the log. Its clock runs from
/// the first batch that is seen, not from the start of the process.
pub(crate) async fn live(deployment: &Deployment, shards: &[Vec<Output>]) -> Process {
    let events: usize = shards.iter().map(Vec::len).sum();
    let (projector, _) = deployment.projector(1);
    let applied = async || {
        let mut sum = 0;
        for partition in 0..i32::try_from(shards.len()).expect("few") {
            sum += deployment.checkpoint("orders", ORDERS, partition).await.unwrap_or_default();
        }
        usize::try_from(sum).expect("a count")
    };
    let watch = async {
        let until = async |wanted: usize| loop {
            let count = applied().await;
            if count >= wanted {
                return (count, Instant::now());
            }
            tokio::time::sleep(POLL).await;
        };
        (until(1).await, until(events).await)
    };
    let (started, ((first, began), (_, ended))) = tokio::join!(projector.start(), watch);
    started.expect("a projector");
    tell("catch-up", events - first, (ended - began).as_secs_f64());
    projector
}

/// As `spillway rebuild orders` does it, with the same batches.
pub(crate) async fn rebuilt(world: &World, deployment: &Deployment) {
    let registry = Registry::new(&world.stack.registry_url()).expect("a client");
    let context = Context {
        pool: deployment.pool.clone(),
        connection: Connection::new(world.stack.bootstrap_servers()),
        schemas: Arc::new(SchemaReader::new(registry)),
        batch_records_max: 10_000,
        batch_bytes_max: 8 << 20,
        rate: None,
        patience: Patience::default(),
    };
    let by = Operator { name: "a benchmark".to_owned(), reason: None };
    let (wish, watch) = (Wish::New { accept_differences: false }, Watch::new(None));
    let began = Instant::now();
    let report = run::<Orders>(&context, wish, &by, &watch).await.expect("a rebuild");
    assert!(report.is_switched, "{report:?}");
    let events = usize::try_from(report.events).expect("a count");
    tell("rebuild", events, report.fill_seconds);
    tell("rebuild, indexes, comparison and switch", events, began.elapsed().as_secs_f64());
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub(crate) fn tell(what: &str, count: usize, seconds: f64) {
    let per_second = (count as f64 / seconds).round();
    println!(
        "{}",
        json!({"what": what, "count": count, "seconds": seconds, "per_second": per_second})
    );
}
