//! How far the projections are, from their checkpoints.

use std::collections::BTreeMap;

use anyhow::ensure;
use eventlog::Partition;
use events::{Kind, Topic, position::Mark};
use sqlx::PgPool;

/// Succeeds when every partition is projected up to its mark or further, by every projection that
/// reads it.
pub(crate) async fn has_reached(
    rows: &PgPool,
    ends: &BTreeMap<Partition, Mark>,
) -> anyhow::Result<()> {
    let checkpoints = checkpoints(rows).await?;
    for (partition, end) in ends {
        let marks = checkpoints.get(partition).map(Vec::as_slice).unwrap_or_default();
        // Further, where a deadline has passed meanwhile.
        let reached = marks.iter().filter(|mark| *mark >= end).count();
        let all = readers(partition);
        ensure!(
            reached == all,
            "{partition} is projected up to {marks:?} of {end:?}, not {all} times"
        );
    }
    Ok(())
}

/// How many projections read a partition.
fn readers(partition: &Partition) -> usize {
    match partition.topic() {
        Some(Topic::Events(Kind::Orders)) => ["orders", "customers", "sales"].len(),
        _ => 1,
    }
}

async fn checkpoints(rows: &PgPool) -> anyhow::Result<BTreeMap<Partition, Vec<Mark>>> {
    let rows: Vec<(String, i32, i64, i64)> =
        sqlx::query_as("SELECT topic, partition, incarnation, link_sequence FROM live_checkpoints")
            .fetch_all(rows)
            .await?;
    let mut marks: BTreeMap<Partition, Vec<Mark>> = BTreeMap::new();
    for (topic, partition, incarnation, link_sequence) in rows {
        let mark = Mark { incarnation, link_sequence };
        marks.entry(Partition::new(topic, partition)).or_default().push(mark);
    }
    Ok(marks)
}
