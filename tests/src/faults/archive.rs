//! What an operator does to keep the command log short, while everything serves.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::ensure;
use tokio::time::sleep;

use crate::System;

/// Snapshots of a shard that stay, as many as the system keeps itself at the least.
const KEPT: usize = 3;
/// Above every fault that keeps the tool from its work in between.
const WITHIN: Duration = Duration::from_secs(240);
const AGAIN: Duration = Duration::from_millis(200);

/// Removes all but the newest snapshots, verifies, and archives the commands that these allow.
///
/// # Errors
/// The verification finds something wrong, or the verbs do not come to their end in time.
pub(crate) async fn archive(system: &System) -> anyhow::Result<()> {
    let dir = system.stack().dir();
    let (report, old) = (dir.join("report.json"), dir.join("old"));
    let (report_path, old_path) = (report.display().to_string(), old.display().to_string());
    let deadline = Instant::now() + WITHIN;
    loop {
        // Brokers that are away make the verbs end; an operator runs them again.
        let tried = async {
            thin_out(&dir.join("snapshots"))?;
            let (code, told) = system.tool.run(&["verify", "--output", "json"]).await?;
            if code == 0 {
                fs::write(&report, told.to_string())?;
                let verb = ["archive", "--report", &report_path, "--to", &old_path, "--yes"];
                return anyhow::Ok((0, system.tool.done(&verb).await?));
            }
            Ok((code, told))
        };
        match tried.await {
            Ok((code, told)) => {
                ensure!(code == 0, "verified in between: {told:#}");
                return Ok(());
            }
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// Keeps the newest snapshots of each shard, as a shorter retention would.
fn thin_out(snapshots: &Path) -> io::Result<()> {
    for kind in ["orders", "products"] {
        for shard in files(&snapshots.join(kind))? {
            let mut kept = files(&shard)?;
            kept.retain(|path| path.extension().is_some_and(|e| e == "snapshot"));
            // Names are offsets with leading zeros.
            kept.sort();
            for path in &kept[..kept.len().saturating_sub(KEPT)] {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

/// What lies in a folder; nothing where there is none yet.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
