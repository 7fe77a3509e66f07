//! Orders over HTTP on the real stack: answers a second, their times, processor time of each.
//!
//! ```text
//! cargo build --release --workspace --bins
//! cargo bench -p spillway-tests --bench orders -- [--clients 1,64] [--seconds N] [--rounds N]
//!     [--kafka light|heavy] [--env NAME=VALUE] [--json]
//!     [--against FOLDER] [--against-kafka light|heavy] [--against-env NAME=VALUE]
//! ```
//! One hot product: every order asks one product shard, and orders live in all order shards. The
//! baseline of the same run are requests that are refused before the log: the HTTP frame alone. With
//! `--against…`, the programs of another folder (a build of another commit), other broker settings or
//! other settings of command-api run on a second stack, and the two take turns, so that a loaded
//! machine loads both.

mod cpu;
mod load;

use std::{collections::BTreeMap, env, path::PathBuf, process::exit, time::Duration};

use anyhow::Context as _;
use devstack::Load;
use load::{Answers, Wish};
use spillway_tests::{System, SystemOptions};

const SKU: &str = "hot";
/// More pieces than any run can sell; a delivery brings at most a million.
const DELIVERIES: i64 = 8;
const WARM_UP: Duration = Duration::from_secs(5);

const USAGE: &str = "usage: cargo bench -p spillway-tests --bench orders -- [--clients 1,64] \
    [--seconds N] [--rounds N] [--kafka light|heavy] [--env NAME=VALUE] [--json] \
    [--against FOLDER] [--against-kafka light|heavy] [--against-env NAME=VALUE]";

struct Args {
    clients: Vec<usize>,
    lasts: Duration,
    rounds: u32,
    kafka: Load,
    against: Option<PathBuf>,
    against_kafka: Option<Load>,
    /// Settings of the command-apis, as environment variables.
    env: Vec<(&'static str, String)>,
    against_env: Vec<(&'static str, String)>,
    is_json: bool,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut args = Self {
            clients: vec![1, 64],
            lasts: Duration::from_secs(5),
            rounds: 3,
            kafka: Load::Light,
            against: None,
            against_kafka: None,
            env: Vec::new(),
            against_env: Vec::new(),
            is_json: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--clients" => {
                    let counts = words.next()?;
                    args.clients =
                        counts.split(',').map(|n| n.parse().ok()).collect::<Option<_>>()?;
                }
                "--seconds" => args.lasts = Duration::from_secs(words.next()?.parse().ok()?),
                "--rounds" => args.rounds = words.next()?.parse().ok()?,
                "--kafka" => args.kafka = tuned(&words.next()?)?,
                "--against" => args.against = Some(words.next()?.into()),
                "--against-kafka" => args.against_kafka = Some(tuned(&words.next()?)?),
                "--env" => args.env.push(setting(&words.next()?)?),
                "--against-env" => args.against_env.push(setting(&words.next()?)?),
                "--json" => args.is_json = true,
                // Cargo's own.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(args)
    }
}

fn tuned(word: &str) -> Option<Load> {
    match word {
        "light" => Some(Load::Light),
        "heavy" => Some(Load::Heavy),
        _ => None,
    }
}

fn setting(words: &str) -> Option<(&'static str, String)> {
    let (name, value) = words.split_once('=')?;
    // A handful of names for the whole run.
    let name: &'static str = name.to_owned().leak();
    Some((name, value.to_owned()))
}

/// A running system, and what was measured of it, by number of clients.
struct Subject {
    name: &'static str,
    system: System,
    orders: BTreeMap<usize, Answers>,
    refused: BTreeMap<usize, Answers>,
    /// Seconds of processor time within the stretches of orders.
    cpu: BTreeMap<usize, BTreeMap<String, f64>>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> anyhow::Result<()> {
    let Some(args) = Args::read(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        exit(2);
    };
    let mut subjects = vec![Subject::start("this", None, args.kafka, args.env).await?];
    let is_against = args.against.is_some() || args.against_kafka.is_some();
    if is_against || !args.against_env.is_empty() {
        let kafka = args.against_kafka.unwrap_or(args.kafka);
        let (programs, env) = (args.against, args.against_env);
        subjects.push(Subject::start("against", programs, kafka, env).await?);
    }
    for _ in 0..args.rounds {
        for clients in &args.clients {
            for subject in &mut subjects {
                subject.round(*clients, args.lasts).await?;
            }
        }
    }
    for clients in &args.clients {
        tell(&subjects, *clients, args.is_json)?;
    }
    for subject in subjects {
        subject.system.stop().await?;
    }
    Ok(())
}

impl Subject {
    async fn start(
        name: &'static str,
        programs: Option<PathBuf>,
        load: Load,
        command_api_env: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        let options = SystemOptions { load, programs, command_api_env, ..SystemOptions::default() };
        let system = System::start(options).await?;
        let client = system.client()?;
        let _ = client.register(SKU, 250).await?.is(201);
        for delivery in 0..DELIVERIES {
            let _ = client.receive(SKU, &format!("delivery {delivery}"), 1_000_000).await?.is(200);
        }
        let subject = Self {
            name,
            system,
            orders: BTreeMap::new(),
            refused: BTreeMap::new(),
            cpu: BTreeMap::new(),
        };
        load::run(subject.url()?, SKU, Wish::Order, 16, WARM_UP).await?;
        Ok(subject)
    }

    fn url(&self) -> anyhow::Result<&str> {
        Ok(self.system.command_apis.first().context("a command-api")?.url())
    }

    async fn round(&mut self, clients: usize, lasts: Duration) -> anyhow::Result<()> {
        let before = cpu::seconds(&self.system);
        let orders = load::run(self.url()?, SKU, Wish::Order, clients, lasts).await?;
        let after = cpu::seconds(&self.system);
        // What the orders leave to do for the projector is none of the baseline's.
        self.system.settle().await?;
        let refused = load::run(self.url()?, SKU, Wish::Nothing, clients, lasts / 4).await?;
        add(&mut self.orders, clients, &orders)?;
        add(&mut self.refused, clients, &refused)?;
        let cpu = self.cpu.entry(clients).or_default();
        for (name, seconds) in after {
            *cpu.entry(name.clone()).or_default() += seconds - before.get(&name).unwrap_or(&0.0);
        }
        Ok(())
    }
}

fn add(to: &mut BTreeMap<usize, Answers>, clients: usize, more: &Answers) -> anyhow::Result<()> {
    to.entry(clients).or_insert(Answers::none()?).add(more)
}

/// A table for people, or one JSON object a line; each beside its baseline.
fn tell(subjects: &[Subject], clients: usize, is_json: bool) -> anyhow::Result<()> {
    if !is_json {
        println!("\n{clients} clients");
    }
    // Counts of answers stay far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let of = |subject: &Subject| -> anyhow::Result<Vec<(String, f64, &'static str)>> {
        let orders = subject.orders.get(&clients).context("a round")?;
        let refused = subject.refused.get(&clients).context("a round")?;
        let mut figures = vec![
            ("orders".to_owned(), orders.rate(), "/s"),
            ("orders_of_http_frame".to_owned(), orders.rate() / refused.rate(), "x"),
            ("refused_as_too_many".to_owned(), orders.busy as f64, ""),
            ("p50".to_owned(), orders.ms(50.0), "ms"),
            ("p90".to_owned(), orders.ms(90.0), "ms"),
            ("p99".to_owned(), orders.ms(99.0), "ms"),
            ("p99.9".to_owned(), orders.ms(99.9), "ms"),
        ];
        let cpu = subject.cpu.get(&clients).context("a round")?;
        let answered = orders.times.len() as f64;
        figures.push(("cpu_an_order".to_owned(), cpu.values().sum::<f64>() * 1e3 / answered, "ms"));
        let each = cpu.iter().filter(|(_, seconds)| **seconds > 0.0);
        figures.extend(
            each.map(|(name, seconds)| (format!("cpu_{name}"), seconds * 1e3 / answered, "ms")),
        );
        Ok(figures)
    };
    let baseline = subjects.get(1).map(of).transpose()?.unwrap_or_default();
    for subject in subjects {
        for (name, value, unit) in of(subject)? {
            let against = baseline.iter().find(|(other, ..)| *other == name);
            let ratio = against.filter(|(_, other, _)| *other > 0.0).map(|(_, o, _)| value / o);
            if is_json {
                let ratio = ratio.map_or(String::new(), |ratio| format!(r#","ratio":{ratio:.3}"#));
                println!(
                    r#"{{"programs":"{}","clients":{clients},"name":"{name}","value":{value:.3},"unit":"{unit}"{ratio}}}"#,
                    subject.name
                );
            } else {
                let ratio = ratio.map_or(String::new(), |ratio| format!("  {ratio:.2} x against"));
                println!("  {:<8} {name:<24} {value:>12.2} {unit:<3}{ratio}", subject.name);
            }
        }
    }
    Ok(())
}
