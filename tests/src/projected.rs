//! How far the projections are, from their checkpoints.

use std::collections::BTreeMap;

use anyhow::ensure;
use eventlog::Partition;
use events::position::Mark;
use sqlx::PgPool;

/// Succeeds when every partition is projected up to its mark or further.
pub(crate) async fn has_reached(
    rows: &PgPool,
    ends: &BTreeMap<Partition, Mark>,
) -> anyhow::Result<()> {
    let checkpoints = checkpoints(rows).await?;
    for (partition, end) in ends {
        let mark = checkpoints.get(partition).copied().unwrap_or_default();
        // Further, where a deadline has passed meanwhile.
        ensure!(mark >= *end, "{partition} is projected up to {mark:?} of {end:?}");
    }
    Ok(())
}

async fn checkpoints(rows: &PgPool) -> anyhow::Result<BTreeMap<Partition, Mark>> {
    let rows: Vec<(String, i32, i64, i64)> =
        sqlx::query_as("SELECT topic, partition, incarnation, link_sequence FROM live_checkpoints")
            .fetch_all(rows)
            .await?;
    let mark = |(topic, partition, incarnation, link_sequence)| {
        (Partition::new(topic, partition), Mark { incarnation, link_sequence })
    };
    Ok(rows.into_iter().map(mark).collect())
}
