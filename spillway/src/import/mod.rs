//! `spillway import FILE`: real orders of the Online Retail CSV, put in over HTTP.
//!
//! A file becomes a [`plan`] first, without any I/O: which products, which orders, which lines are
//! left out and why. Then the plan is carried out through bulk intake: products are registered
//! and stocked, orders placed, paid and shipped. Every id, reference and key is derived from the
//! file, so that the same import may be repeated at any time, also after it was cut off half-way:
//! it finishes what is unfinished, changes nothing else, and prints the same table.

mod args;
mod catalogue;
mod course;
mod plan;
mod price;
mod reason;
mod report;
mod sheet;
mod shop;
#[cfg(test)]
mod tests;
mod usable;

use std::{fs, path::Path, process::ExitCode, time::Instant};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

pub(crate) use self::args::Args;
use self::{
    course::{Done, Fate, Terms},
    plan::{Order, Plan},
    report::Report,
    sheet::Sheet,
    shop::Shop,
};
use crate::{exit, words};

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let (plan, reference) = read(&args.file)?;
    let Done { notes, fates } = if args.dry_run {
        course::suppose(&plan)
    } else {
        let patience = args.give_up_after();
        let terms =
            Terms { currency: args.currency, reference, concurrency: args.concurrency.into() };
        let shop = Shop::new(args.system.url, patience)?;
        shop.knock().await?;
        course::carry_out(&shop, &plan, &terms)
            .await
            .context("the import is not complete; run it again, and it goes on where it stopped")?
    };
    notes.iter().for_each(|note| words::say(note));
    say_rejected(&plan.orders, &fates);
    let report = Report::of(plan, &fates, begun.elapsed());
    report.print(args.output.output)?;
    say_end(&report, args.dry_run, begun);
    Ok(exit::found(report.rejected() > 0 || !notes.is_empty()))
}

/// The plan of a file, and the delivery note of its stock: the first 12 digits that `sha256sum`
/// shows for it.
fn read(file: &Path) -> anyhow::Result<(Plan, String)> {
    let name = file.display();
    let bytes =
        fs::read(file).map_err(|error| exit::usage(format!("cannot read {name}: {error}")))?;
    let plan = Sheet::open(&bytes)
        .and_then(Plan::of)
        .map_err(|error| exit::usage(format!("{name} is no Online Retail CSV: {error}")))?;
    let digest = format!("{:x}", Sha256::digest(&bytes));
    Ok((plan, format!("import-{}", &digest[..12])))
}

fn say_rejected(orders: &[Order], fates: &[Fate]) {
    for (order, fate) in orders.iter().zip(fates) {
        if let Fate::Rejected { reason } = fate {
            words::say(&format!("invoice {} was rejected: {reason}", order.invoice));
        }
    }
}

fn say_end(report: &Report, dry_run: bool, begun: Instant) {
    if dry_run {
        words::say("nothing was sent: the table shows what the import would do");
        return;
    }
    let mark = if report.rejected() == 0 { words::tick() } else { words::cross() };
    let (placed, took) = (report.placed(), words::duration(begun.elapsed()));
    words::say(&format!("{mark} {placed} invoices placed, paid and shipped, {took}"));
    words::next("spillway verify");
}
