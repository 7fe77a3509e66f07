//! What a broker's disk holds of a partition, and what a power cut takes of it.
//!
//! acks=all means that every replica in sync has a record in memory. When all of them lose their power
//! at once, the pages that were not written yet are lost at the end of each file.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use eventlog::Partition;
use futures::future::try_join_all;

use crate::System;

/// A batch begins with its first offset and the number of bytes that follow its head.
const HEAD_BYTES: usize = 12;

impl System {
    /// Cuts the power of all brokers, takes the last batch of a partition from every copy, and starts
    /// the brokers again. Gives the offset at which the partition ends now.
    ///
    /// # Errors
    /// A broker does not end or start, or the copies do not end alike.
    pub async fn lose_last_batch(&self, partition: &Partition) -> anyhow::Result<i64> {
        for broker in self.brokers() {
            broker.kill().await.context("a broker did not run when its power was cut")?;
        }
        let mut ends = Vec::new();
        for index in 0..self.brokers().len() {
            let folder = format!("{}-{}", partition.topic, partition.number);
            ends.push(cut_last_batch(&self.stack().broker_data(index).join(folder))?);
        }
        ensure!(ends.iter().all(|end| *end == ends[0]), "{partition}: the copies differ: {ends:?}");
        try_join_all(self.brokers().iter().map(devstack::Process::start)).await?;
        Ok(ends[0])
    }
}

/// Cuts the last batch off the newest file; gives its first offset.
fn cut_last_batch(folder: &Path) -> anyhow::Result<i64> {
    let files = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut segments: Vec<PathBuf> =
        files.map(|file| Ok(file?.path())).collect::<io::Result<_>>()?;
    segments.retain(|path| path.extension().is_some_and(|e| e == "log"));
    // Their names are their first offsets with leading zeros.
    segments.sort();
    let newest = segments.last().with_context(|| format!("nothing in {}", folder.display()))?;
    let bytes = fs::read(newest)?;
    let (mut at, mut last) = (0, None);
    while let Some(head) = bytes.get(at..at + HEAD_BYTES) {
        let offset = i64::from_be_bytes(head[..8].try_into()?);
        let length = usize::try_from(i32::from_be_bytes(head[8..].try_into()?))?;
        last = Some((at, offset));
        at += HEAD_BYTES + length;
    }
    let (start, offset) = last.with_context(|| format!("no batch in {}", newest.display()))?;
    ensure!(at == bytes.len(), "{} does not end with a whole batch", newest.display());
    File::options().write(true).open(newest)?.set_len(u64::try_from(start)?)?;
    Ok(offset)
}
