//! Class archives: what the Java parts load at their start, recorded once, halves later starts.
//!
//! An archive belongs to one build of Java and one class path, and is only a hint: the virtual
//! machine ignores one that does not fit.

use std::{
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use crate::{
    cache,
    error::Error,
    options::{Options, Parts},
    progress::{Progress, Step},
    stack::Stack,
    tools::Tools,
};

/// What a start does about class archives.
#[derive(Clone, Debug)]
pub(crate) enum Classes {
    /// Uses those in this folder.
    Use(PathBuf),
    /// Writes them to this folder at the orderly stop.
    Record(PathBuf),
    /// Does without.
    Without,
}

impl Classes {
    /// Those of the cache; recorded by a stack of its own when there are none. A stack that cannot
    /// be recorded costs seconds at each start, not correctness, so that is only logged.
    pub(crate) async fn ensure(tools: &Tools, progress: &Progress) -> Self {
        let name = format!(
            "classes-{}",
            cache::key([
                tools.java.version.as_bytes(),
                tools.artifacts.dir().as_os_str().as_bytes()
            ])
        );
        let made = tools.cache.entry(&name, |part| {
            progress.step(Step::ClassArchive, async move { record(tools, &part).await })
        });
        match made.await {
            Ok(dir) => Self::Use(dir),
            Err(error) => {
                tracing::warn!(%error, "no class archive: the Java parts start slowly");
                Self::Without
            }
        }
    }

    /// The flag for the part `name`.
    pub(crate) fn flag(&self, name: &str) -> Option<String> {
        let file = |dir: &Path| dir.join(name).with_extension("jsa").display().to_string();
        match self {
            Self::Use(dir) => Some(format!("-XX:SharedArchiveFile={}", file(dir))),
            Self::Record(dir) => Some(format!("-XX:ArchiveClassesAtExit={}", file(dir))),
            Self::Without => None,
        }
    }
}

async fn record(tools: &Tools, dir: &Path) -> Result<(), Error> {
    let data = dir.join("stack");
    let options = Options {
        data_dir: Some(data.clone()),
        parts: Parts { kafka: true, registry: true, ..Parts::NONE },
        ..Options::default()
    };
    // The kept stack is stopped in order, at which the virtual machines write their archives.
    Stack::bring_up(&options, tools, &Classes::Record(dir.to_owned())).await?.stop().await;
    for part in ["kafka", "registry"] {
        let file = format!("{part}.jsa");
        if !dir.join(&file).exists() {
            return Err(Error::MissingFile(file));
        }
    }
    // Nothing runs in it any more, and what is left of it does no harm.
    let _ = std::fs::remove_dir_all(data);
    Ok(())
}
