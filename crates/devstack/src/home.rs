//! The folder of one stack, owned by one process at a time and kept or thrown away as a whole.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    cache::Cache,
    error::{Doing as _, Error},
};

/// The folder, locked until dropped. A temporary one is removed then, so everything that uses it
/// must be dropped before.
#[derive(Debug)]
pub(crate) struct Home {
    dir: PathBuf,
    keep: bool,
    _lock: File,
}

impl Home {
    /// The folder that the caller keeps.
    pub(crate) fn kept(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).doing("make", dir)?;
        let dir = fs::canonicalize(dir).doing("resolve", dir)?;
        let lock = lock(&dir)?.ok_or_else(|| Error::DataInUse(dir.clone()))?;
        Self { dir, keep: true, _lock: lock }.fresh()
    }

    /// A folder of its own in the cache. On the way it removes those whose owners were killed.
    pub(crate) async fn temporary(cache: &Cache) -> Result<Self, Error> {
        let stacks = cache.root().join("stacks");
        fs::create_dir_all(&stacks).doing("make", &stacks)?;
        // Between making a folder and locking it, nobody may take it for an abandoned one.
        let _making = cache.lock("stacks").await?;
        for other in fs::read_dir(&stacks).doing("read", &stacks)?.flatten() {
            remove_abandoned(&other.path());
        }
        let dir = tempfile::Builder::new()
            .prefix("stack-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&stacks)
            .doing("make a folder in", &stacks)?
            .keep();
        let lock = lock(&dir)?.ok_or_else(|| Error::DataInUse(dir.clone()))?;
        Self { dir, keep: false, _lock: lock }.fresh()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.keep
    }

    /// Where programs put what lives only as long as they do.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// Where the parts' configuration lies; written at each start.
    pub(crate) fn etc(&self) -> PathBuf {
        self.dir.join("etc")
    }

    fn fresh(self) -> Result<Self, Error> {
        let scratch = self.scratch();
        if scratch.exists() {
            fs::remove_dir_all(&scratch).doing("clear", &scratch)?;
        }
        for dir in [scratch, self.etc()] {
            fs::create_dir_all(&dir).doing("make", &dir)?;
        }
        Ok(self)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !self.keep {
            // Anything left is removed by the next temporary stack.
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// Removes the folder of a stack whose owner is gone. What cannot be removed now is tried again by
/// the next temporary stack.
fn remove_abandoned(dir: &Path) {
    // Only opened, never made: a new file would be in the way of an owner that is just removing.
    let _ = match File::open(dir.join("lock")) {
        Ok(lock) if lock.try_lock().is_ok() => fs::remove_dir_all(dir),
        Ok(_) => Ok(()),
        // Its owner was killed between making and locking it, so it is empty.
        Err(_) => fs::remove_dir(dir),
    };
}

/// The lock of a stack's folder; `None` while its owner lives.
fn lock(dir: &Path) -> Result<Option<File>, Error> {
    let path = dir.join("lock");
    let file = File::create(&path).doing("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(refusal)) => Err(refusal).doing("lock", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_whose_owner_is_gone_is_removed() {
        let stacks = tempfile::tempdir().unwrap();
        let [owned, abandoned, unfinished] =
            ["owned", "abandoned", "unfinished"].map(|name| stacks.path().join(name));
        for dir in [&owned, &abandoned, &unfinished] {
            fs::create_dir(dir).unwrap();
        }
        let _lock = lock(&owned).unwrap().unwrap();
        drop(lock(&abandoned).unwrap().unwrap());
        for dir in [&owned, &abandoned, &unfinished] {
            remove_abandoned(dir);
        }
        assert!(owned.exists() && !abandoned.exists() && !unfinished.exists());
    }
}
