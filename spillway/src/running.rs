//! The state files by which `spillway status` finds what `spillway dev` runs.
//!
//! A file is locked for as long as its owner lives: the kernel gives the lock back however the
//! owner ends. A file that can be locked is stale, and whoever finds it removes it.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, TryLockError},
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One system that runs on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Short name, unique among the running ones.
    pub(crate) id: String,
    /// Process id of `spillway dev`.
    pub(crate) pid: u32,
    pub(crate) started_at: DateTime<Utc>,
    /// The one base URL, without a slash at the end.
    pub(crate) url: String,
    /// What other programs need to reach the parts, as environment variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// The processes of the system, in the order of their start.
    pub(crate) processes: Vec<Service>,
    /// Folder with one log per process.
    pub(crate) logs: PathBuf,
    /// Folder with everything that is kept; absent when nothing is.
    pub(crate) data: Option<PathBuf>,
}

/// One process with an HTTP door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// Its base URL, without a slash at the end.
    pub(crate) url: String,
}

/// Keeps the state file for as long as it lives, and removes it at its end.
#[derive(Debug)]
pub(crate) struct Registration {
    path: PathBuf,
    _lock: File,
}

impl Drop for Registration {
    fn drop(&mut self) {
        // A file that stays is stale from here on, and the next look removes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// The folder of the state files: below `XDG_RUNTIME_DIR`, else below the cache folder.
///
/// # Errors
/// None of `XDG_RUNTIME_DIR`, `XDG_CACHE_HOME` and `HOME` is set.
pub(crate) fn folder() -> anyhow::Result<PathBuf> {
    folder_of(|name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute()))
}

fn folder_of(variable: impl Fn(&str) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    variable("XDG_RUNTIME_DIR")
        .or_else(|| variable("XDG_CACHE_HOME"))
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|base| base.join("spillway").join("dev"))
        .context("none of XDG_RUNTIME_DIR, XDG_CACHE_HOME and HOME is an absolute path: set one")
}

/// Writes the state file of a running system.
pub(crate) fn register(folder: &Path, running: &Running) -> anyhow::Result<Registration> {
    let write = || -> std::io::Result<Registration> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.json", running.id));
        // Locked before it has its name, so that nobody ever sees it without its lock.
        let unnamed = path.with_extension("new");
        let mut file = File::create(&unnamed)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec_pretty(running)?)?;
        fs::rename(&unnamed, &path)?;
        Ok(Registration { path, _lock: file })
    };
    write().with_context(|| format!("cannot write a state file in {}", folder.display()))
}

/// The running systems, oldest first. Stale files are removed, unreadable ones passed over.
pub(crate) fn list(folder: &Path) -> anyhow::Result<Vec<Running>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot list {}", folder.display()));
        }
    };
    let mut all: Vec<Running> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| read(&path))
        .collect();
    all.sort_by_key(|running| running.started_at);
    Ok(all)
}

/// The system of a state file; `None` when it has ended or the file is none of ours.
fn read(path: &Path) -> Option<Running> {
    let mut file = File::open(path).ok()?;
    if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        let _ = fs::remove_file(path);
        return None;
    }
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(id: &str) -> Running {
        Running {
            id: id.to_owned(),
            pid: 4711,
            started_at: DateTime::from_timestamp_millis(1_795_000_000_000).unwrap(),
            url: "http://127.0.0.1:8080".to_owned(),
            environment: BTreeMap::from([
                ("DATABASE_URL".to_owned(), "postgres://u:it's@h/d".to_owned()),
                ("SPILLWAY_URL".to_owned(), "http://127.0.0.1:8080".to_owned()),
            ]),
            processes: vec![Service {
                name: "command-api".to_owned(),
                url: "http://127.0.0.1:8081".to_owned(),
            }],
            logs: PathBuf::from("/tmp/logs"),
            data: None,
        }
    }

    #[test]
    fn a_system_is_listed_while_its_registration_lives() {
        let folder = tempfile::tempdir().unwrap();
        let later = Running {
            started_at: DateTime::from_timestamp_millis(1_796_000_000_000).unwrap(),
            ..sample("a")
        };
        let _first = register(folder.path(), &later).unwrap();
        let second = register(folder.path(), &sample("b")).unwrap();
        assert_eq!(list(folder.path()).unwrap(), [sample("b"), later.clone()]);
        drop(second);
        assert_eq!(list(folder.path()).unwrap(), [later]);
    }

    #[test]
    fn the_file_of_an_owner_that_died_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dead.json");
        fs::write(&path, serde_json::to_vec(&sample("dead")).unwrap()).unwrap();
        assert_eq!(list(folder.path()).unwrap(), []);
        assert!(!path.exists());
    }

    #[test]
    fn without_a_folder_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(list(&folder.path().join("none")).unwrap(), []);
    }

    #[test]
    fn the_runtime_folder_comes_before_the_cache() {
        let set = |names: &'static [&'static str]| {
            folder_of(move |name| names.contains(&name).then(|| Path::new("/").join(name)))
        };
        let path = |text| Some(PathBuf::from(text));
        assert_eq!(set(&["XDG_RUNTIME_DIR", "HOME"]).ok(), path("/XDG_RUNTIME_DIR/spillway/dev"));
        assert_eq!(set(&["HOME"]).ok(), path("/HOME/.cache/spillway/dev"));
        assert!(set(&[]).is_err());
    }
}
