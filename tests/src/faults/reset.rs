//! Moves the committed offsets of a group forwards to the ends of its topics, as an operator's slip
//! with `kafka-consumer-groups --reset-offsets --to-latest` does.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use eventlog::{
    Committed, Connection, GroupView, Member, Membership, Pace, Partition, Polled, ReadError,
};
use events::{Kind, Topic};

use crate::{Log, until};

const CLIENT_ID: &str = "spillway-tests-reset";
const POLL: Duration = Duration::from_millis(100);
/// Above a broker's longest pause, the session timeout of the killed members, and one try.
const WITHIN: Duration = Duration::from_secs(240);
/// Above the session timeout and a rebalance. A client that gets no further is replaced, as a process
/// replaces its own: the brokers may have forgotten it in their sleep.
const TRY_WITHIN: Duration = Duration::from_secs(45);

/// Commits the ends of all partitions, without metadata. The group must have no living member.
///
/// # Errors
/// The brokers do not take it in time.
pub(crate) async fn forwards(log: &Log, group: &str, topics: &[Topic]) -> anyhow::Result<()> {
    let partitions: Vec<Partition> =
        topics.iter().flat_map(|topic| log.partitions(*topic)).collect();
    let names: Vec<&'static str> = topics.iter().map(|topic| topic.name()).collect();
    let (connection, group) = (log.connection().clone(), group.to_owned());
    tokio::task::spawn_blocking(move || commit_ends(&connection, &group, &names, &partitions))
        .await?
}

fn commit_ends(
    connection: &Connection,
    group: &str,
    topics: &[&str],
    partitions: &[Partition],
) -> anyhow::Result<()> {
    let deadline = Instant::now() + WITHIN;
    loop {
        match try_commit_ends(connection, group, topics, partitions) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(error) => eprintln!("group {group} is joined anew: {error:#}"),
        }
    }
}

fn try_commit_ends(
    connection: &Connection,
    group: &str,
    topics: &[&str],
    partitions: &[Partition],
) -> anyhow::Result<()> {
    let deadline = Instant::now() + TRY_WITHIN;
    let membership = Membership { group, client_id: CLIENT_ID, topics, pace: Pace::AtOnce };
    let mut member = Member::join(connection, &membership)?;
    let mut ours: Vec<Partition> = Vec::new();
    while ours.len() < partitions.len() {
        ensure!(Instant::now() < deadline, "group {group} did not give {partitions:?} away");
        match member.poll(POLL) {
            Polled::Assigned(assigned) => ours.extend(assigned),
            Polled::Revoked { partitions, .. } => ours.retain(|p| !partitions.contains(p)),
            Polled::Record(record) => bail!("{} was read without a start", record.partition),
            // A broker that is down is asked again by the library.
            Polled::Failed(_) | Polled::Idle => {}
        }
    }
    let view = GroupView::open(connection, CLIENT_ID, group)?;
    // What is written from now on lies behind them.
    let mut ends = None;
    loop {
        ensure!(Instant::now() < deadline, "group {group} did not take the offsets");
        if ends.is_none() {
            ends = look_up(&member, partitions).ok();
        }
        let is_done = ends.as_ref().is_some_and(|ends| try_commit(&member, &view, ends));
        if is_done {
            break;
        }
        // Sends the commit on its way.
        member.poll(POLL);
    }
    ensure!(member.leave(TRY_WITHIN), "group {group} could not be left");
    Ok(())
}

fn look_up(
    member: &Member,
    partitions: &[Partition],
) -> Result<Vec<(Partition, Committed)>, ReadError> {
    let end = |partition: &Partition| {
        let offset = member.watermarks(partition)?.high;
        Ok((partition.clone(), Committed { offset, metadata: String::new() }))
    };
    partitions.iter().map(end).collect()
}

/// Commits the ends; true when the group has them already. Brokers that are away are asked again.
fn try_commit(member: &Member, view: &GroupView, ends: &[(Partition, Committed)]) -> bool {
    let partitions: Vec<Partition> = ends.iter().map(|(partition, _)| partition.clone()).collect();
    let Ok(committed) = view.committed(&partitions) else { return false };
    let is_done = ends.iter().zip(&committed).all(|((_, end), now)| now.as_ref() == Some(end));
    // A refusal is seen as offsets that are not taken.
    if !is_done {
        let _ = member.commit(ends);
    }
    is_done
}

/// Waits until every shard's owner has committed for itself.
///
/// # Errors
/// One does not in time.
pub(crate) async fn is_undone(log: &Log) -> anyhow::Result<()> {
    let partitions: Vec<Partition> =
        Kind::ALL.into_iter().flat_map(|kind| log.partitions(Topic::Commands(kind))).collect();
    until("every shard has a commit of its owner", async || {
        let (connection, partitions) = (log.connection().clone(), partitions.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let view = GroupView::open(&connection, CLIENT_ID, "command-api")?;
            let committed = view.committed(&partitions)?;
            for (partition, committed) in partitions.iter().zip(committed) {
                let committed = committed.context("nothing is committed")?;
                ensure!(!committed.metadata.is_empty(), "{partition} has a foreign commit");
            }
            Ok(())
        });
        looked.await?
    })
    .await
}
