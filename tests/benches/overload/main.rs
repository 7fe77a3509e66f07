//! Overload: what becomes of accepted orders when ten times as many come as can be carried.
//!
//! ```sh
//! cargo build --workspace --bins --release
//! cargo bench --workspace --bench overload                    # about three minutes
//! OVERLOAD_FORM=long cargo bench --workspace --bench overload # about twelve minutes
//! ```
//!
//! The whole system, one of each process and one broker, all on this machine, and the load beside it. Orders are
//! baskets of [`LINES`] products in stock, as the invoices of the Online Retail set are; every
//! product shard takes part in each.
//!
//! 1. The rate of orders is raised by half for as long as that brings more definitive answers. *Best*
//!    is the highest rate of these that was seen, *sustained* the highest rate of orders of which 99
//!    of 100 were let in and 99 of 100 of those answered within the bound.
//! 2. Ten times the sustained rate. It must hold that definitive answers come at 80 % of the best
//!    rate or more, that 99 of 100 accepted orders are answered within the bound, and that who is
//!    turned away is told when to come again.
//! 3. Half the sustained rate: nobody is turned away any more.
//!
//! The load is open loop: orders come at their times whether or not earlier ones are answered, and an
//! order's latency counts from the time at which it was to come, so a system that stands still is
//! seen to. It ends with 1 when something does not hold.

mod load;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, ensure};
use load::{Course, Seen};
use spillway_tests::{Client, System, SystemOptions, until};

/// Lines of an order.
const LINES: usize = 20;
/// Products, over all shards.
const PRODUCTS: usize = 200;
/// What `--admission-wait-ms-max` is set to, and the wait that accepted orders must stay under.
const BOUND: Duration = Duration::from_secs(2);
/// Orders a second in the first step.
const FIRST_RATE: f64 = 100.0;
/// Each step is so much faster than the one before it.
const RAISE: f64 = 1.5;
/// A step that brings less than this more was the last one.
const GROWTH_MIN: f64 = 1.05;
/// More steps than any machine needs.
const STEPS_MAX: usize = 24;

/// How long each part takes.
struct Form {
    step: Duration,
    overload: Duration,
}

fn main() -> anyhow::Result<ExitCode> {
    let is_long = std::env::var("OVERLOAD_FORM").is_ok_and(|form| form == "long");
    let second = Duration::from_secs(1);
    let form = match is_long {
        true => Form { step: 20 * second, overload: 180 * second },
        false => Form { step: 5 * second, overload: 30 * second },
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(&form))
}

async fn run(form: &Form) -> anyhow::Result<ExitCode> {
    let env = vec![("ADMISSION_WAIT_MS_MAX", BOUND.as_millis().to_string())];
    let options = SystemOptions { command_api_env: env, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let url = system.command_apis[0].url().to_owned();
    let client = Client::new(&url, &url)?;
    for sku in (0..PRODUCTS).map(load::sku) {
        let _ = client.stock(&sku, 1_000, 1_000_000).await?.is(200);
    }
    let mut bench = Bench { client, url, orders: 0 };
    Seen::print_head();

    let (mut best, mut sustained) = (0.0_f64, 0.0_f64);
    let mut rate = FIRST_RATE;
    for _ in 0..STEPS_MAX {
        let seen = bench.at(rate, form.step).await?;
        if seen.turned_away * 100 <= seen.definitive && seen.p99() <= BOUND {
            sustained = rate;
        }
        if seen.definitive_per_s() < best * GROWTH_MIN {
            break;
        }
        best = best.max(seen.definitive_per_s());
        rate *= RAISE;
    }
    ensure!(sustained > 0.0, "{FIRST_RATE} orders a second are too many for this machine");
    let overload = bench.at(10.0 * sustained, form.overload).await?;
    let after = bench.at(sustained / 2.0, form.step).await?;
    system.stop().await?;

    let share = overload.definitive_per_s() / best;
    let (p99, bound) = (overload.p99(), BOUND);
    let findings = [
        (share >= 0.8, format!("definitive answers at {:.0} % of the best rate", share * 100.0)),
        (p99 < bound, format!("99 of 100 accepted orders answered within {p99:.0?}")),
        (overload.untold == 0, format!("{} turned away without Retry-After", overload.untold)),
        (overload.broken == 0, format!("{} connections broken", overload.broken)),
        (after.turned_away == 0, format!("{} turned away afterwards", after.turned_away)),
    ];
    println!("best {best:.0}/s, sustained {sustained:.0}/s, bound {bound:?}");
    for (holds, finding) in &findings {
        println!("{} {finding}", if *holds { "holds:        " } else { "does not hold:" });
    }
    let holds = findings.iter().all(|(holds, _)| *holds);
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Bench {
    client: Client,
    url: String,
    /// So many have come so far; every one has a key of its own.
    orders: u64,
}

impl Bench {
    /// So many orders a second for this long, on a system at rest.
    async fn at(&mut self, per_second: f64, time: Duration) -> anyhow::Result<Seen> {
        self.rests().await?;
        let course = Course { url: self.url.clone(), first: self.orders, per_second, time };
        self.orders += course.orders();
        let name = "load".to_owned();
        let thread = std::thread::Builder::new().name(name).spawn(move || course.run())?;
        let running = tokio::task::spawn_blocking(move || thread.join());
        let seen = running.await?.ok().context("the load panicked")??;
        seen.print();
        Ok(seen)
    }

    /// Waits until a single order is answered at once.
    async fn rests(&mut self) -> anyhow::Result<()> {
        until("the system is at rest", async || {
            self.orders += 1;
            let began = std::time::Instant::now();
            let order = format!("rest-{}", self.orders);
            let answer = self.client.place(&order, &[(&load::sku(0), 1)]).await?;
            ensure!(answer.status == 201 && began.elapsed() < BOUND / 10, "{}", answer.status);
            Ok(())
        })
        .await
    }
}
