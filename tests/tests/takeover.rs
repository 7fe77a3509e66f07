//! Instances leave and join behind a load balancer that retries nothing, while clients order.

use std::{collections::BTreeMap, env};

use anyhow::{Context as _, ensure};
use rand::{Rng as _, seq::IteratorRandom as _};
use spillway_tests::{
    faults::{Met, Turnover},
    until,
};

/// Longer than the balancer takes to ask several times, on a busy machine too.
const UNREADY_S: &str = "6";
/// A handover waits for heartbeats and restores; on a machine that is busy with other things this
/// may take longer than commands may wait by default, and would be answered 429.
const WAIT_MS_MAX: &str = "60000";
/// So may an append; a process that stops waits for it.
const APPEND_MS_MAX: &str = "30000";
const SETTINGS: &[(&str, &str)] = &[
    ("HTTP_UNREADY_S", UNREADY_S),
    ("ADMISSION_WAIT_MS_MAX", WAIT_MS_MAX),
    ("APPEND_TIMEOUT_MS", APPEND_MS_MAX),
];
const SEED: u64 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_in_order_fails_no_request_and_hands_its_shards_over_at_once() -> anyhow::Result<()>
{
    let met = Turnover::start(SEED, 2, SETTINGS).await?.under_load(one_by_one).await?;
    no_request_failed(&met);
    Ok(())
}

/// A rolling restart: each instance in turn ends and comes back.
async fn one_by_one(shop: &mut Turnover) -> anyhow::Result<()> {
    for leaving in [0, 1] {
        shop.goes_on().await?;
        let instance = &shop.system.command_apis[leaving];
        let unready_first = async {
            until("the stopping instance is not ready", async || {
                let answer = reqwest::get(format!("{}/readyz", instance.url())).await?;
                ensure!(answer.status() == 503, "{}", answer.status());
                Ok(())
            })
            .await?;
            // Whoever has not noticed yet is served all the same.
            shop.order_from(leaving, &format!("late-for-{leaving}")).await
        };
        tokio::try_join!(instance.term(), unready_first)?;
        // The session of a member that did not say goodbye would still be there.
        assert_eq!(shop.system.log.members().await?, 1);
        let other = shop.balancer.answered_by(1 - leaving);
        shop.goes_on().await?;
        assert!(shop.balancer.answered_by(1 - leaving) > other);
        instance.start().await?;
        until("the balancer has noticed", async || {
            ensure!(shop.balancer.is_ready(leaving), "it has not");
            Ok(())
        })
        .await?;
    }
    shop.goes_on().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_writes_go_on_and_every_client_gets_the_one_true_answer() -> anyhow::Result<()>
{
    let met = Turnover::start(SEED, 2, SETTINGS).await?.under_load(kill_both_in_turn).await?;
    let failed = met.iter().filter(|met| has_failed(met)).count();
    let told = count(&met);
    // Each victim had at least one that was not answered.
    assert!(failed > 1, "nobody met the dead instances: {told:?}");
    Ok(())
}

async fn kill_both_in_turn(shop: &mut Turnover) -> anyhow::Result<()> {
    for victim in [0, 1] {
        shop.goes_on().await?;
        // The balancer learns of a death later than its clients do.
        shop.balancer.look_away().await;
        let failed = shop.balancer.failed_at(victim);
        shop.system.command_apis[victim].kill().await?;
        until("a client has met the dead instance", async || {
            ensure!(shop.balancer.failed_at(victim) > failed, "none has");
            Ok(())
        })
        .await?;
        shop.balancer.look_again();
        until("the session of the dead is over", async || {
            let members = shop.system.log.members().await?;
            ensure!(members == 1, "{members} members");
            Ok(())
        })
        .await?;
        shop.goes_on().await?;
        shop.system.command_apis[victim].start().await?;
    }
    shop.goes_on().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_join_and_leave_under_load_lose_nothing() -> anyhow::Result<()> {
    let seed = match env::var("SPILLWAY_SEED") {
        Ok(text) => text.parse().context("SPILLWAY_SEED is no number")?,
        Err(_) => SEED,
    };
    eprintln!("seed {seed}");
    let met = Turnover::start(seed, 3, SETTINGS).await?.under_load(come_and_go).await?;
    no_request_failed(&met);
    Ok(())
}

/// Three leave and three join, in an order that the seed chooses; at least one is always there.
async fn come_and_go(shop: &mut Turnover) -> anyhow::Result<()> {
    let (mut leaves, mut joins) = (3, 3);
    while leaves + joins > 0 {
        shop.goes_on().await?;
        let all = &shop.system.command_apis;
        let (here, gone): (Vec<_>, Vec<_>) = all.iter().partition(|program| program.is_running());
        let may_leave = leaves > 0 && here.len() > 1;
        let may_join = joins > 0 && !gone.is_empty();
        ensure!(may_leave || may_join, "{leaves} leaves and {joins} joins are left");
        if may_leave && (!may_join || shop.rng.random_bool(0.5)) {
            leaves -= 1;
            here.into_iter().choose(&mut shop.rng).context("nobody is here")?.term().await?;
        } else {
            joins -= 1;
            gone.into_iter().choose(&mut shop.rng).context("nobody is gone")?.start().await?;
        }
    }
    shop.goes_on().await
}

fn no_request_failed(met: &[Met]) {
    let told = count(met);
    eprintln!("{} requests: {told:?}", met.len());
    let failed: Vec<&str> = met.iter().filter(|met| has_failed(met)).map(|m| &*m.story).collect();
    assert!(failed.is_empty(), "{told:?}: {failed:#?}");
}

/// Everything but a decision, the promise of one, and the hint that the shelf is empty: commands wait
/// for the new owner, and above a certain wait orders for what is sold out do not join them.
fn has_failed(met: &Met) -> bool {
    if met.code == "probably-sold-out" {
        return false;
    }
    met.status.is_none_or(|status| status == 429 || status >= 500)
}

/// How many requests got which status; 0 stands for none.
fn count(met: &[Met]) -> BTreeMap<u16, usize> {
    met.iter().fold(BTreeMap::new(), |mut counts, met| {
        *counts.entry(met.status.unwrap_or(0)).or_default() += 1;
        counts
    })
}
