//! The folder that all stacks of a user share: artifacts, templates, leases, temporary stacks.
//!
//! An entry is made under another name and renamed when it is whole, so what stands under its
//! name is always complete. A file lock lets one process make it while the others wait.

use std::{
    env,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use tokio::time::sleep;

use crate::{
    error::{Doing as _, Error},
    run_as::RunAs,
};

/// Between two looks at a lock that another process holds. Looking instead of blocking lets the
/// caller give up at any time.
const POLL: Duration = Duration::from_millis(50);

/// The shared folder.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens, and if need be makes, the folder: `$SPILLWAY_CACHE`, else `$XDG_CACHE_HOME/spillway`,
    /// else `~/.cache/spillway`. Where PostgreSQL must run as `nobody`, which cannot enter root's
    /// home, the last one is `/var/cache/spillway`.
    pub(crate) fn open() -> Result<Self, Error> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = if let Some(root) = set("SPILLWAY_CACHE") {
            root
        } else if let Some(root) = set("XDG_CACHE_HOME") {
            root.join("spillway")
        } else if RunAs::of_this_machine() == RunAs::Nobody {
            PathBuf::from("/var/cache/spillway")
        } else if let Some(home) = set("HOME") {
            home.join(".cache/spillway")
        } else {
            let text = "neither HOME nor SPILLWAY_CACHE is set: set one of them";
            return Err(Error::Unsupported(text.to_owned()));
        };
        fs::create_dir_all(&root).doing("make", &root)?;
        Ok(Self { root: fs::canonicalize(&root).doing("resolve", &root)? })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The entry `name`, which `build` makes in the empty folder it is given when there is none.
    pub(crate) async fn entry<B: Future<Output = Result<(), Error>>>(
        &self,
        name: &str,
        build: impl FnOnce(PathBuf) -> B,
    ) -> Result<PathBuf, Error> {
        let entry = self.root.join(name);
        if entry.exists() {
            return Ok(entry);
        }
        let _lock = self.lock(name).await?;
        if entry.exists() {
            return Ok(entry);
        }
        let prefix = format!("{name}.part-");
        self.sweep(&prefix);
        let part = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&self.root)
            .doing("make a folder in", &self.root)?;
        build(part.path().to_owned()).await?;
        fs::rename(part.path(), &entry).doing("make", &entry)?;
        Ok(entry)
    }

    /// Takes the lock `name` as soon as nobody else has it.
    pub(crate) async fn lock(&self, name: &str) -> Result<File, Error> {
        let path = self.root.join(format!("{name}.lock"));
        let file = File::create(&path).doing("open", &path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(fs::TryLockError::WouldBlock) => sleep(POLL).await,
                Err(fs::TryLockError::Error(refusal)) => return Err(refusal).doing("lock", path),
            }
        }
    }

    /// Removes what a killed maker has left. Only the holder of the lock makes such folders.
    fn sweep(&self, prefix: &str) {
        let left = fs::read_dir(&self.root).into_iter().flatten().flatten();
        for folder in left.filter(|file| file.file_name().to_string_lossy().starts_with(prefix)) {
            // What cannot be removed now is only untidy.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

/// A name for what was made from `parts`: twelve hexadecimal digits.
pub(crate) fn key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    format!("{:x}", hash.finalize())[..12].to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let root = tempfile::tempdir().unwrap();
        let cache = Cache { root: root.path().to_owned() };
        (root, cache)
    }

    #[tokio::test]
    async fn makers_at_the_same_time_make_an_entry_once() {
        let (_root, cache) = cache();
        let made = AtomicU32::new(0);
        let make = || {
            cache.entry("thing", async |part: PathBuf| {
                made.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                fs::write(part.join("file"), "whole").doing("write", part)
            })
        };
        let (first, second) = tokio::try_join!(make(), make()).unwrap();
        assert_eq!(first, second);
        assert_eq!(fs::read_to_string(first.join("file")).unwrap(), "whole");
        assert_eq!(made.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_failed_maker_leaves_nothing_and_the_next_one_clears_what_a_killed_one_left() {
        let (root, cache) = cache();
        let refused = async |_| Err(Error::MissingFile("file".to_owned()));
        assert!(cache.entry("thing", refused).await.is_err());
        fs::create_dir(root.path().join("thing.part-killed")).unwrap();
        cache.entry("thing", async |_| Ok(())).await.unwrap();
        let mut left: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["thing", "thing.lock"]);
    }
}
