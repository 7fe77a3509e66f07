//! Copies of commands before they are deleted: JSON lines, one file for every shard and stretch.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    ops::ControlFlow,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use eventlog::{Connection, LogReader, Record, Timestamp};
use serde::Serialize;

use super::{bound::Bound, partition_of};

/// Longest silence within a reading.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A record of a command topic with everything that its step depended on; bytes are in base64.
#[derive(Debug, Serialize)]
struct Line<'a> {
    offset: i64,
    /// Milliseconds since 1970; absent when the record had none.
    timestamp: Option<i64>,
    /// True when the broker set it, which alone carries log time forward.
    log_append: bool,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(&'a str, String)>,
}

/// Copies the stretches; when this returns without an error, all of it is on the disk.
pub(super) fn copy(connection: &Connection, bounds: &[Bound], folder: &Path) -> anyhow::Result<()> {
    let mut reader = LogReader::open(connection, "spillway-archive")?;
    for bound in bounds {
        let path = folder.join(format!(
            "{}/{:020}-{:020}.jsonl",
            bound.shard(),
            bound.low(),
            bound.until()
        ));
        copy_one(&mut reader, bound, &path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn copy_one(reader: &mut LogReader, bound: &Bound, path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)?;
    // Only a whole copy gets its name.
    let unnamed = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&unnamed)?);
    let mut written = Ok(());
    let start = [(partition_of(bound.shard()), bound.low())];
    let ends = reader.read_to_end(&start, SILENCE_MAX, |record| {
        if record.offset >= bound.until() {
            return ControlFlow::Break(());
        }
        written = write(&mut file, &record);
        match written.is_ok() && record.offset + 1 < bound.until() {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    written?;
    anyhow::ensure!(ends[0] >= bound.until(), "the log ended at offset {}", ends[0]);
    file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    fs::rename(&unnamed, path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

fn write(file: &mut BufWriter<File>, record: &Record) -> anyhow::Result<()> {
    let (timestamp, log_append) = match record.timestamp {
        Timestamp::LogAppend(ms) => (Some(ms), true),
        Timestamp::Create(ms) => (Some(ms), false),
        Timestamp::None => (None, false),
    };
    let text = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let headers = record.headers();
    let line = Line {
        offset: record.offset,
        timestamp,
        log_append,
        key: record.key().map(text),
        value: record.value().map(text),
        headers: headers.iter().map(|(name, value)| (*name, text(value))).collect(),
    };
    serde_json::to_writer(&mut *file, &line)?;
    file.write_all(b"\n")?;
    Ok(())
}
