//! What a broker's disk holds of a partition, and what a power cut takes of it.
//!
//! acks=all means that every replica in sync has a record in memory. When all of them lose their power
//! at once, the pages that were not written yet are lost at the end of each file.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use eventlog::Partition;
use futures::future::try_join_all;

use crate::System;

/// A batch begins with its first offset and the number of bytes that follow its head.
const HEAD_BYTES: usize = 12;

impl System {
    /// Cuts the power of all brokers, takes the last batch of a partition from every copy, and starts
    /// the brokers again. Gives the offset at which the partition ends now; `None` when there was
    /// nothing to lose.
    ///
    /// # Errors
    /// A broker does not end or start.
    pub async fn lose_last_batch(&self, partition: &Partition) -> anyhow::Result<Option<i64>> {
        let folder = format!("{}-{}", partition.topic, partition.number);
        let copies = (0..self.brokers().len()).map(|n| self.stack().broker_data(n).join(&folder));
        let copies: Vec<PathBuf> = copies.collect();
        for broker in self.brokers() {
            broker.kill().await.context("a broker did not run when its power was cut")?;
        }
        let lasts = copies.iter().map(|copy| Ok(batches(&newest(copy)?)?.last().copied()));
        let lasts: Vec<Option<Batch>> = lasts.collect::<anyhow::Result<_>>()?;
        // A copy may be behind; what it lacks, the others lose too.
        let end = lasts.into_iter().map(|last| last.map(|batch| batch.offset)).min().flatten();
        if let Some(end) = end {
            copies.iter().try_for_each(|copy| cut(&newest(copy)?, end))?;
        }
        try_join_all(self.brokers().iter().map(devstack::Process::start)).await?;
        Ok(end)
    }
}

/// The file that a copy's next records go into.
fn newest(folder: &Path) -> anyhow::Result<PathBuf> {
    let files = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut segments: Vec<PathBuf> =
        files.map(|file| Ok(file?.path())).collect::<io::Result<_>>()?;
    segments.retain(|path| path.extension().is_some_and(|e| e == "log"));
    // Their names are their first offsets with leading zeros.
    segments.sort();
    segments.pop().with_context(|| format!("nothing in {}", folder.display()))
}

/// Where a batch begins in its file, and its first offset.
#[derive(Debug, Clone, Copy)]
struct Batch {
    start: usize,
    offset: i64,
}

/// The whole batches of a file; a writer that was killed may have left a part of one behind them.
fn batches(file: &Path) -> anyhow::Result<Vec<Batch>> {
    let bytes = fs::read(file)?;
    let (mut start, mut batches) = (0, Vec::new());
    while let Some(head) = bytes.get(start..start + HEAD_BYTES) {
        let offset = i64::from_be_bytes(head[..8].try_into()?);
        let length = usize::try_from(i32::from_be_bytes(head[8..].try_into()?))?;
        let end = start + HEAD_BYTES + length;
        if end > bytes.len() {
            break;
        }
        batches.push(Batch { start, offset });
        start = end;
    }
    Ok(batches)
}

/// Cuts everything off a file from the batch on that begins with this offset.
fn cut(file: &Path, end: i64) -> anyhow::Result<()> {
    let batches = batches(file)?;
    let first = batches.iter().find(|batch| batch.offset >= end);
    let first = first.with_context(|| format!("{end} is not in {}", file.display()))?;
    Ok(File::options().write(true).open(file)?.set_len(u64::try_from(first.start)?)?)
}
