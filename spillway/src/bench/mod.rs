//! `spillway bench`: how fast orders and queries are, each beside what one would use otherwise.
//!
//! ```text
//! system, baselines -> data -> warm-up -> rounds of (workload, load, subject) in turns -> ratios
//! ```
//! Figures of one machine say little about another, so what is measured takes turns with its
//! baselines in the same run, and ratios come first. A fixed rate counts from the moment at which a
//! request was due, not from when it could be sent.

mod answers;
mod args;
mod baseline;
mod course;
mod cpu;
mod environment;
mod load;
mod orders;
mod queries;
mod report;
mod throwaway;

use std::process::ExitCode;

use anyhow::bail;
use clap::Subcommand;

use self::{
    args::{Args, Workload},
    course::Course,
    environment::Environment,
    report::Report,
    throwaway::{Systems, Wanted},
};
use crate::dev::{Steps, stop};

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Orders of one hot product, of 2,000 products, and of one that is sold out.
    ///
    /// Beside them, in turns, the same requests to a bare axum echo, and to the usual transaction of
    /// PostgreSQL in its best form: one statement that takes stock and writes the order, flushed at
    /// its commit, on the PostgreSQL of the same system.
    ///
    /// Example: spillway bench orders --clients 1,64 --rates 300 --output json > orders.json
    Orders {
        /// Only these workloads; without it, all of them.
        #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = Workload::of(Subject::Orders))]
        only: Vec<Workload>,
        #[command(flatten)]
        args: Args,
    },
    /// Orders by id, from the memory of query-api and from PostgreSQL, and pages of their list.
    ///
    /// Beside each, in turns, a bare axum answer of the same bytes.
    ///
    /// Example: spillway bench queries --clients 1,16 --rates 1000
    Queries {
        /// Only these workloads; without it, all of them.
        #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = Workload::of(Subject::Queries))]
        only: Vec<Workload>,
        #[command(flatten)]
        args: Args,
    },
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Orders,
    Queries,
}

pub(crate) async fn run(verb: Verb) -> anyhow::Result<ExitCode> {
    let (subject, only, mut args) = match verb {
        Verb::Orders { only, args } => (Subject::Orders, only, args),
        Verb::Queries { only, args } => (Subject::Queries, only, args),
    };
    args.only = only;
    let stop = stop::on_signals()?;
    let steps = Steps::default();
    let wanted = Wanted { is_uncached_too: subject == Subject::Queries };
    // In the slot as soon as it runs, so that an end on the way stops it in order too.
    let mut systems = Systems::default();
    let measured = stop.run_until_cancelled(measure(subject, &args, wanted, &mut systems, &steps));
    let measured = measured.await;
    systems.stop(&steps).await?;
    match measured {
        Some(report) => report?.print(args.output.output)?,
        None => bail!("stopped before the end, so there is nothing to tell"),
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(
    subject: Subject,
    args: &Args,
    wanted: Wanted,
    systems: &mut Systems,
    steps: &Steps,
) -> anyhow::Result<Report> {
    systems.start(args, wanted, steps).await?;
    let mut environment = Environment::look();
    let cases = match subject {
        Subject::Orders => orders::cases(args, systems, &mut environment, steps).await?,
        Subject::Queries => queries::cases(args, systems, steps).await?,
    };
    let course = Course { args, cases: &cases.all, systems };
    let lines = course.run(steps).await?;
    cases.clean_up().await?;
    environment.look_again();
    Ok(Report::new(subject, environment, args.settings(), lines))
}
