//! Steps every shard again, from the start of its log to what was committed; from the oldest usable
//! snapshot where an operator has deleted the start.

use std::ops::ControlFlow;

use anyhow::Context as _;
use eventlog::{Connection, GroupView, LogReader, Partition, Record};
use events::{ShardId, Topic, command::Parameters};
use shard::{State, owner::Commit, processor::Offsets, snapshot::Log, step};
use snapshots::Library;

use super::{
    decided::Decided,
    expected::Expected,
    report::{Report, Verified},
};
use crate::{
    command_log::{self, SILENCE_MAX, as_shard_record},
    log_start,
};

/// How far a shard can be verified: everything before is out.
#[derive(Debug)]
struct Stretch {
    shard: ShardId,
    partition: Partition,
    commit: Option<Commit>,
    offsets: Offsets,
}

/// Recomputes all shards; gives what the logs must hold.
pub(super) fn recompute(
    connection: &Connection,
    group: &str,
    parameters: &Parameters,
    library: Option<&Library>,
    report: &mut Report,
) -> anyhow::Result<Expected> {
    let mut reader = LogReader::open(connection, "spillway-verify")?;
    let mut expected = Expected::default();
    for stretch in stretches(connection, group, parameters, &mut reader)? {
        recompute_one(&mut reader, &stretch, library, &mut expected, report)?;
    }
    Ok(expected)
}

fn stretches(
    connection: &Connection,
    group: &str,
    parameters: &Parameters,
    reader: &mut LogReader,
) -> anyhow::Result<Vec<Stretch>> {
    let partitions = command_log::partitions(parameters);
    let view = GroupView::open(connection, "spillway-verify", group)?;
    let committed = view.committed(&partitions).context("committed offsets cannot be read")?;
    let mut stretches = Vec::with_capacity(partitions.len());
    for (partition, committed) in partitions.into_iter().zip(committed) {
        let watermarks = reader.watermarks(&partition)?;
        let offsets = Offsets { low: watermarks.low, high: watermarks.high };
        let commit = committed
            .map(|committed| Commit::read(committed.offset, &committed.metadata))
            .transpose()
            .with_context(|| format!("{partition}: the commit of group {group}"))?;
        let shard = partition.shard().context("a command partition is a shard")?;
        stretches.push(Stretch { shard, partition, commit, offsets });
    }
    anyhow::ensure!(
        stretches.iter().any(|stretch| stretch.commit.is_some()),
        "group {group} has committed nothing: is command-api running, and is --group right?"
    );
    Ok(stretches)
}

fn recompute_one(
    reader: &mut LogReader,
    stretch: &Stretch,
    library: Option<&Library>,
    expected: &mut Expected,
    report: &mut Report,
) -> anyhow::Result<()> {
    let Stretch { shard, partition, commit, offsets } = stretch;
    let high = &offsets.high;
    let until = commit.as_ref().map_or(0, |commit| commit.offset);
    report.counts.shards += 1;
    report.counts.undecided += u64::try_from(high - until).unwrap_or(0);
    if until > *high {
        let detail = format!("offset {until} was committed, but the log ends at {high}");
        report.violation("log-shortened", partition.to_string(), detail);
    }
    if until == 0 && *high > 0 {
        let detail = format!("nothing of its {high} records was committed, so nothing is compared");
        report.violation("uncommitted", partition.to_string(), detail);
    }
    let mut state = beginning(stretch, library)?;
    let from = state.next_offset();
    anyhow::ensure!(from <= until, "{partition}: the snapshot {from} is beyond the commit {until}");
    expected.begin(&state);
    let mut decided = Decided::default();
    if until > from {
        reader.read_to_end(&[(partition.clone(), from)], SILENCE_MAX, |record| {
            if record.offset >= until {
                return ControlFlow::Break(());
            }
            step_record(&mut state, &record, expected, &mut decided, report)
        })?;
    }
    expected.recomputed(*shard, state.next_offset(), state.incarnation());
    report.verified.push(Verified {
        shard: shard.to_string(),
        stream_id: state.stream_id().unwrap_or_default().to_owned(),
        from,
        until: state.next_offset(),
    });
    if let Some(commit) = commit
        && state.next_offset() == until
        && state.chain() != commit.chain
    {
        let detail =
            format!("recomputed {}, but the owner committed {}", state.chain(), commit.chain);
        report.violation("chain-differs", format!("{partition} at {until}"), detail);
    }
    Ok(())
}

/// The state before the first record that is left.
fn beginning(stretch: &Stretch, library: Option<&Library>) -> anyhow::Result<State> {
    let Stretch { shard, commit, offsets, .. } = stretch;
    if offsets.low == 0 {
        return Ok(State::new(*shard));
    }
    let stream_id = commit.as_ref().map(|commit| commit.stream_id.clone());
    log_start::oldest(&Log { shard: *shard, offsets: *offsets, stream_id }, library)
}

fn step_record(
    state: &mut State,
    record: &Record,
    expected: &mut Expected,
    decided: &mut Decided,
    report: &mut Report,
) -> ControlFlow<()> {
    let stepped = as_shard_record(record, |record| step(state, record));
    let place = || format!("{} at {}", record.partition, record.offset);
    let done = match stepped {
        Ok(done) => done,
        Err(halt) => {
            report.violation("halt", place(), halt.to_string());
            return ControlFlow::Break(());
        }
    };
    report.counts.records += 1;
    for output in &done.outputs {
        expected.add(state.shard(), state.incarnation(), output);
        if !matches!(output.topic, Topic::Outcomes(_)) {
            continue;
        }
        let command = output.headers.iter().find(|(name, _)| *name == events::header::COMMAND);
        if let Some((_, command)) = command {
            report.counts.decided += 1;
            let dedup_ms = state.rules().map_or(0, |rules| rules.parameters.dedup_ms);
            let earlier = decided.note(command, record.offset, state.now(), dedup_ms);
            if let Some(earlier) = earlier {
                let detail = format!("command {command} was decided at {earlier} too");
                report.violation("decided-twice", place(), detail);
            }
        }
    }
    ControlFlow::Continue(())
}
