//! One trial: load and faults, then the peace in which everything is judged.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use events::{Kind, Topic, command::Parameters};
use futures::future::{join, try_join_all};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::time::sleep;

use super::{
    buyer::Buyer,
    client::Insistent,
    deck::{Deck, PROFILE},
    evidence::Evidence,
    fault::INSTANCES,
    history::{Heard, History},
    inject::inject,
    judge::{Violations, judge, judge_shown},
    storm::Storm,
    time,
    wish::Wish,
};
use crate::{Client, Snapshots, System, SystemOptions, proxy::Harm, until};

const BUYERS: usize = 12;
/// Few enough that all buyers meet at them.
const PRODUCTS: usize = 6;
const PRICE: i64 = 1_250;
/// Scarce from the beginning; deliveries bring more.
const FIRST_PIECES: i64 = 60;
/// Passes during the trial, for every order that is not paid.
pub(super) const PAYMENT_DEADLINE_MS: i64 = 6_000;
/// Above a trial of an hour and the hour by which log time may jump, so that no key is forgotten that
/// a buyer may still repeat.
const DEDUP_MS: i64 = 4 * 3_600_000;

/// Often enough that a trial restores from many and archives what they cover.
const SNAPSHOTS: Snapshots = Snapshots { records: 200, every_s: 10 };
const HARMS: [Harm; 4] = [Harm::Refuse, Harm::Delay, Harm::Double, Harm::Cut];

/// What a trial is made of: the same seed deals the same faults and the same wishes. What they meet
/// depends on the machine's timing too.
#[derive(Debug, Clone, Copy)]
pub struct Trial {
    pub seed: u64,
    /// How long new faults are begun, at the least: every kind comes once in any trial.
    pub faults_for: Duration,
}

/// What happened in a trial that found nothing wrong.
#[derive(Debug)]
pub struct Summary {
    pub seed: u64,
    /// How often each fault happened.
    pub faults: BTreeMap<String, usize>,
    /// Produce requests that were refused, delayed, doubled and cut.
    pub harmed: BTreeMap<String, usize>,
    /// Times an instance began to own a shard, after the first.
    pub takeovers: usize,
    /// How many of those began with a snapshot.
    pub from_snapshots: usize,
    /// Times a producer was given up.
    pub doubts: usize,
    /// Commands that were answered for good, every one checked.
    pub commands: usize,
    /// How many of them were refused.
    pub refused: usize,
    /// How many of them were bound to a version.
    pub conditional: usize,
    /// Copies sent by each way.
    pub ways: BTreeMap<String, usize>,
    /// Outcomes that were looked up before their commands were answered for good.
    pub looked_up: usize,
    /// Copies sent, and those that got no final answer.
    pub copies: usize,
    pub unanswered: usize,
    /// Records in the logs that readers skipped as repeats.
    pub repeats: usize,
    /// Records that they discarded behind a lost end, until it was repaired.
    pub discarded: usize,
}

impl Trial {
    /// Runs the trial on a system of its own.
    ///
    /// # Errors
    /// Something is wrong; the seed is in the text.
    pub async fn run(self) -> anyhow::Result<Summary> {
        self.try_run().await.with_context(|| format!("seed {}", self.seed))
    }

    async fn try_run(self) -> anyhow::Result<Summary> {
        let profile = PROFILE;
        let parameters = Parameters {
            payment_deadline_ms: PAYMENT_DEADLINE_MS,
            dedup_ms: DEDUP_MS,
            ..profile.parameters()
        };
        let (command_apis, projectors) = (INSTANCES, INSTANCES);
        let storm = Storm::default();
        let options = SystemOptions {
            command_apis,
            projectors,
            parameters,
            // Short waits, so that clients hear every kind of answer.
            command_api_env: Vec::new(),
            profile,
            snapshots: Some(SNAPSHOTS),
            harm: Some(storm.plan(self.seed)),
            clocks: true,
            ..SystemOptions::default()
        };
        let system = System::start(options).await?;
        let mut rng = StdRng::seed_from_u64(self.seed);
        let clients = (0..INSTANCES).map(|n| system.client_of(n));
        let clients: Arc<[Client]> = clients.collect::<anyhow::Result<_>>()?;
        let began = Instant::now();
        let insistent = |name: String| Insistent::new(name, Arc::clone(&clients), began);

        let skus: Vec<String> = (1..=PRODUCTS).map(|n| format!("SCARCE-{n}")).collect();
        let mut history = fill_shelves(insistent("keeper".to_owned()), &mut rng, &skus).await?;
        let buyers = (1..=BUYERS).map(|n| Buyer {
            client: insistent(format!("buyer-{n}")),
            rng: StdRng::seed_from_u64(rng.random()),
            skus: skus.clone(),
        });
        let buyers: Vec<Buyer> = buyers.collect();
        let deck = Deck::new(StdRng::seed_from_u64(rng.random()), self.faults_for);
        let (faults, bought) = self.under_load(&system, &storm, deck, buyers).await?;
        bought.into_iter().for_each(|one| history.append(one));
        time::put_all_ahead(&system)?;

        let passed_over = judged(&system, &history).await?;
        let summary = self.summary(&system, faults, &history, passed_over)?;
        system.stop().await?;
        Ok(summary)
    }

    /// Deals faults while the buyers buy, heals, and lets every buyer hear its last answer.
    async fn under_load(
        self,
        system: &System,
        storm: &Storm,
        mut deck: Deck,
        buyers: Vec<Buyer>,
    ) -> anyhow::Result<(BTreeMap<String, usize>, Vec<History>)> {
        let stop = AtomicBool::new(false);
        let faults = async {
            let mut counts = BTreeMap::new();
            let began = Instant::now();
            let until = began + self.faults_for;
            while Instant::now() < until || !deck.is_through() {
                let round = deck.round();
                eprintln!("{:.0?}: {round:?}", began.elapsed());
                let strikes = round.iter().map(|fault| inject(system, storm, *fault));
                let struck = try_join_all(strikes).await;
                if let Err(error) = struck {
                    stop.store(true, Ordering::Relaxed);
                    return Err(error.context(format!("in the round {round:?}")));
                }
                round.iter().for_each(|fault| *counts.entry(fault.name()).or_default() += 1);
                sleep(deck.calm()).await;
            }
            stop.store(true, Ordering::Relaxed);
            Ok(counts)
        };
        let load = try_join_all(buyers.into_iter().map(|buyer| buyer.run(&stop)));
        let (counts, bought) = join(faults, load).await;
        Ok((counts?, bought?))
    }

    fn summary(
        self,
        system: &System,
        faults: BTreeMap<String, usize>,
        history: &History,
        passed_over: PassedOver,
    ) -> anyhow::Result<Summary> {
        let attempts = || history.asks.iter().flat_map(|ask| &ask.attempts);
        let is_open = |heard: &Heard| !matches!(heard, Heard::Told(told) if told.is_final());
        let is_refused = |told: &super::history::Told| !told.is_done();
        let said = |words: &str| -> anyhow::Result<usize> {
            system.command_apis.iter().map(|program| program.says(words)).sum()
        };
        let shards = Kind::ALL.map(|kind| system.log.partitions(Topic::Commands(kind)).len());
        let done = |harm| system.proxy().map_or(0, |proxy| proxy.count(harm));
        Ok(Summary {
            seed: self.seed,
            faults,
            harmed: HARMS.into_iter().map(|harm| (format!("{harm:?}"), done(harm))).collect(),
            takeovers: said("A shard is live.")?.saturating_sub(shards.into_iter().sum()),
            from_snapshots: said("A shard is restored from a snapshot.")?,
            doubts: said("The producer is in doubt")?,
            commands: history.asks.len(),
            refused: history.asks.iter().filter(|ask| ask.finals().any(is_refused)).count(),
            conditional: history.asks.iter().filter(|ask| ask.if_match.is_some()).count(),
            ways: attempts().fold(BTreeMap::new(), |mut ways, attempt| {
                *ways.entry(format!("{:?}", attempt.way)).or_default() += 1;
                ways
            }),
            looked_up: history.looked_up.len(),
            copies: attempts().count(),
            unanswered: attempts().filter(|attempt| is_open(&attempt.heard)).count(),
            repeats: passed_over.repeats,
            discarded: passed_over.discarded,
        })
    }
}

pub(super) async fn fill_shelves(
    mut keeper: Insistent,
    rng: &mut StdRng,
    skus: &[String],
) -> anyhow::Result<History> {
    for sku in skus {
        let (sku, reference) = (sku.clone(), format!("first of {sku}"));
        let registered = keeper.ask(rng, Wish::Register { sku: sku.clone(), price: PRICE }).await?;
        ensure!(registered.is_done(), "{registered:?}");
        let received =
            keeper.ask(rng, Wish::Receive { sku, reference, pieces: FIRST_PIECES }).await?;
        ensure!(received.is_done(), "{received:?}");
    }
    Ok(keeper.into_history())
}

/// How many records in the logs readers skip and discard.
#[derive(Debug, Clone, Copy)]
pub(super) struct PassedOver {
    repeats: usize,
    discarded: usize,
}

/// Waits until nothing moves any more, then judges.
pub(super) async fn judged(system: &System, history: &History) -> anyhow::Result<PassedOver> {
    system.settle().await?;
    until("no order waits for stock or payment", async || {
        let open = "SELECT count(*) FROM orders WHERE status IN ('placed', 'reserved')";
        let open: i64 = sqlx::query_scalar(open).fetch_one(&system.rows).await?;
        ensure!(open == 0, "{open} orders wait");
        Ok(())
    })
    .await?;
    // Whatever the last deadlines caused is out now, too.
    system.settle().await?;
    let mut violations = Violations::default();
    let evidence = Evidence::gather(system, &mut violations).await?;
    let (orders, stock) = judge(history, &evidence, &mut violations);
    judge_shown(system, &evidence, (&orders, &stock), &mut violations).await?;
    if !violations.is_empty() {
        bail!("what clients were told is not what happened:\n{violations}");
    }
    let _ = system.tool.verify().await?.is_ok();
    Ok(PassedOver { repeats: evidence.repeats, discarded: evidence.discarded })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, commands, refused, copies, unanswered, repeats, discarded, .. } = self;
        let Self { takeovers, from_snapshots, doubts, faults, harmed, .. } = self;
        let Self { conditional, ways, looked_up, .. } = self;
        writeln!(f, "seed {seed}: no violation")?;
        writeln!(
            f,
            "  {commands} commands checked, {refused} of them refused, {conditional} bound"
        )?;
        writeln!(f, "  {copies} copies sent {ways:?}, of which {unanswered} got no final answer")?;
        writeln!(f, "  {looked_up} outcomes looked up in between")?;
        writeln!(f, "  {takeovers} takeovers, {from_snapshots} from snapshots; {doubts} doubts")?;
        writeln!(
            f,
            "  {repeats} records in the logs that readers skip, {discarded} that they discard"
        )?;
        writeln!(f, "  {} faults: {faults:?}", faults.values().sum::<usize>())?;
        write!(f, "  Produce requests harmed: {harmed:?}")
    }
}
