//! What an operator does to change the rules, while everything serves.

use anyhow::Context as _;
use serde_json::Value;

use crate::{System, until};

/// Proposes rules with a payment deadline, and activates them in every shard.
///
/// # Errors
/// The verbs do not come to their end in time.
pub(super) async fn switch(system: &System, rules: i32, deadline_ms: u64) -> anyhow::Result<()> {
    let (rules, deadline) = (rules.to_string(), format!("payment_deadline_ms={deadline_ms}"));
    // Brokers that are away make the verbs end, perhaps between two shards; an operator runs them
    // again.
    until("the rules are switched", async || {
        let verb = ["rules", "propose", "--rules", &rules, "--parameter", &deadline, "--yes"];
        system.tool.done(&verb).await?;
        let revision = newest(&system.tool.done(&["rules", "list"]).await?)?.to_string();
        system.tool.done(&["rules", "activate", &revision, "--yes"]).await.map(drop)
    })
    .await
}

/// The highest revision that any shard knows.
fn newest(shards: &Value) -> anyhow::Result<i64> {
    let shards = shards.as_array().context("rules list gives no list")?;
    let revisions = shards.iter().flat_map(|shard| {
        let proposed = shard["proposed"].as_array().into_iter().flatten();
        proposed.chain([&shard["active"]]).filter_map(|told| told["revision"].as_i64())
    });
    revisions.max().context("no shard has rules")
}
