//! Which rules a shard without a log begins with: those that the other shards go by, because follow-ups
//! name a revision that every shard must know. So begins a shard whose log is gone, and so do the
//! shards of a kind that a running deployment did not have.

use eventlog::{
    Connection,
    topics::{First, Plan},
};
use events::{ShardId, command::Parameters, profile::Profile};

use crate::{log_start::StartArgs, rules::log, words};

/// The rules of the shards that have their logs; the first ones, with the given parameters, where none
/// has.
pub(super) async fn rules(
    connection: &Connection,
    start: &StartArgs,
    profile: &Profile,
    plan: &Plan,
    parameters: Parameters,
) -> anyhow::Result<First> {
    let without: Vec<ShardId> =
        plan.partitions_without_rules().filter_map(|partition| partition.shard()).collect();
    if without.is_empty() {
        return Ok(First::rules(parameters));
    }
    let left = log::read_others(connection, start, profile, &without).await?;
    if left.is_empty() {
        return Ok(First::rules(parameters));
    }
    let active = log::newest(&left)?;
    words::say(&format!(
        "these shards begin with revision {} of the rules, as the other shards go by it; no parameter \
         that is given here counts",
        active.revision
    ));
    let mut known = vec![active];
    for proposed in left.iter().flat_map(|shard| shard.rules.proposed()) {
        if proposed.revision > active.revision && !known.contains(proposed) {
            known.push(*proposed);
        }
    }
    known.sort_by_key(|known| known.revision);
    let proposals = known.into_iter().map(|r| (r.revision, r.rules, r.parameters)).collect();
    Ok(First { proposals, active: active.revision, incarnation: None })
}
