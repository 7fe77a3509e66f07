//! `spillway archive`: copies old commands to a folder and deletes them from the log.
//!
//! Commands are the truth, so they go only below the safe bound (PROTOCOL 27): what is committed,
//! what every kept snapshot has passed, and what a verification has recomputed and found right. They
//! are copied first; a deletion cannot be undone.

mod bound;
mod copy;
mod proof;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use eventlog::{Connection, GroupView, LogReader, Partition};
use events::{ShardId, Topic};
use service::config::KafkaArgs;
use shard::{
    owner::Commit,
    processor::Offsets,
    snapshot::{Log, Want},
};
use snapshots::Library;
use tokio::{runtime::Handle, task::spawn_blocking};

use self::{
    bound::{Bound, Limits},
    proof::{Proof, Verified},
};
use crate::{
    confirm::{Leave, WriteArgs},
    exit,
    output::{self, OutputArgs},
    place::PlaceArgs,
    words,
};

/// Copies old commands to a folder and deletes them from the log, below the safe bound only.
///
/// Safe is what is committed, what the oldest kept snapshot has passed, and what a report of `spillway
/// verify` covers.
///
/// Example: spillway verify -o json > report.json && spillway archive --report report.json --to old
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    snapshots: PlaceArgs,
    /// What `spillway verify -o json` has printed. Nothing beyond it is deleted.
    #[arg(long, value_name = "FILE")]
    report: PathBuf,
    /// Folder for the copies: one file of JSON lines for every shard and stretch.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Stops before an offset of a shard, as SHARD=OFFSET; shards that are not named go up to their
    /// safe bound. May be given several times.
    #[arg(long, value_name = "SHARD=OFFSET", value_parser = until_of)]
    until: Vec<(ShardId, i64)>,
    /// Consumer group of the processors.
    #[arg(long, env = "COMMAND_GROUP", default_value = "command-api")]
    group: String,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let proof = proof::read(&args.report)?;
    check_named(&args.until, &proof)?;
    let Some(library) = args.snapshots.open()? else {
        return Err(exit::usage("a log without its start needs snapshots: pass --snapshots"));
    };
    let connection = Connection::new(&args.kafka.kafka_bootstrap_servers);
    let bounds = {
        let (connection, until, group) = (connection.clone(), args.until, args.group);
        spawn_blocking(move || bounds(&connection, &group, &library, &proof, &until)).await??
    };
    output::print(args.output.output, &bounds)?;
    if let Some(refusal) = bounds.iter().find_map(Bound::refusal) {
        words::say(&format!("{} nothing was done: {refusal}", words::cross()));
        return Ok(exit::found(true));
    }
    let going: Vec<Bound> = bounds.into_iter().filter(|bound| bound.records() > 0).collect();
    if going.is_empty() {
        words::say("nothing may go yet: take snapshots, verify, and come back");
        return Ok(ExitCode::SUCCESS);
    }
    let records: i64 = going.iter().map(Bound::records).sum();
    if args.write.leave(&format!("Copy and delete {records} commands for ever?"))? == Leave::Refrain
    {
        words::say("nothing was done");
        return Ok(ExitCode::SUCCESS);
    }
    let deletions: Vec<(Partition, i64)> =
        going.iter().map(|bound| (partition_of(bound.shard()), bound.until())).collect();
    let (folder, from) = (args.to, connection.clone());
    spawn_blocking(move || copy::copy(&from, &going, &folder)).await??;
    eventlog::delete_before(&connection, &deletions).await?;
    words::say(&format!("{} {records} commands were copied and deleted", words::tick()));
    words::next("spillway verify");
    Ok(ExitCode::SUCCESS)
}

fn bounds(
    connection: &Connection,
    group: &str,
    library: &Library,
    proof: &Proof,
    until: &[(ShardId, i64)],
) -> anyhow::Result<Vec<Bound>> {
    let reader = LogReader::open(connection, "spillway-archive")?;
    let view = GroupView::open(connection, "spillway-archive", group)?;
    let mut bounds = Vec::new();
    for verified in &proof.verified {
        let shard = verified.shard()?;
        let wanted = until.iter().find(|(wanted, _)| *wanted == shard).map(|(_, until)| *until);
        let partition = partition_of(shard);
        let watermarks = reader.watermarks(&partition)?;
        let committed = view.committed(std::slice::from_ref(&partition))?.pop().flatten();
        let commit = committed
            .and_then(|c| Commit::read(c.offset, &c.metadata).ok())
            .with_context(|| format!("group {group} has committed nothing for {shard}"))?;
        check_log(verified, &commit)?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        let log = Log { shard, offsets, stream_id: Some(commit.stream_id) };
        let oldest = Handle::current().block_on(library.find(&log, Want::Oldest))?;
        bounds.push(Bound::of(Limits {
            shard,
            low: watermarks.low,
            committed: commit.offset,
            snapshot: oldest.map(|found| found.name.next_offset),
            verified: verified.until,
            wanted,
        }));
    }
    Ok(bounds)
}

/// Every shard that is named must be one of the report, once: what is not understood must not leave a
/// shard to its whole safe bound.
fn check_named(until: &[(ShardId, i64)], proof: &Proof) -> anyhow::Result<()> {
    let mut verified = proof.verified.iter().map(Verified::shard).collect::<Result<Vec<_>, _>>()?;
    for (shard, _) in until {
        let Some(at) = verified.iter().position(|known| known == shard) else {
            let named = until.iter().filter(|(named, _)| named == shard).count();
            return Err(exit::usage(match named {
                1 => format!("the report holds no shard {shard}, which --until names"),
                _ => format!("--until names shard {shard} {named} times"),
            }));
        };
        verified.swap_remove(at);
    }
    Ok(())
}

fn check_log(verified: &Verified, commit: &Commit) -> anyhow::Result<()> {
    if verified.stream_id == commit.stream_id {
        return Ok(());
    }
    let shard = &verified.shard;
    Err(exit::usage(format!("the report is of another log: the stream of {shard} differs")))
}

fn partition_of(shard: ShardId) -> Partition {
    Partition::of(Topic::Commands(shard.kind), shard.partition)
}

fn until_of(text: &str) -> Result<(ShardId, i64), String> {
    let read = || {
        let (shard, offset) = text.split_once('=')?;
        let offset: i64 = offset.parse().ok().filter(|offset| *offset >= 0)?;
        Some((shard.parse().ok()?, offset))
    };
    read().ok_or_else(|| "expected something like orders/3=1000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_that_the_report_does_not_hold_or_that_are_named_twice_are_refused() {
        let verified = ["orders/3", "products/0"].map(|shard| Verified {
            shard: shard.to_owned(),
            stream_id: "s".to_owned(),
            until: 7,
        });
        let proof = Proof { ok: true, verified: verified.into() };
        let check = |texts: &[&str]| {
            let until: Vec<_> = texts.iter().map(|text| until_of(text).unwrap()).collect();
            check_named(&until, &proof).map_err(|error| error.to_string())
        };
        assert_eq!(check(&["orders/3=5", "products/0=1"]), Ok(()));
        let unknown = check(&["orders/30=1000"]).unwrap_err();
        assert_eq!(unknown, "the report holds no shard orders/30, which --until names");
        let twice = check(&["orders/3=5", "orders/3=6"]).unwrap_err();
        assert_eq!(twice, "--until names shard orders/3 2 times");
    }
}
