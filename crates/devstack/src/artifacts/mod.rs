//! The pinned artifacts: fetched by Maven, checked against the table of sums, unpacked once.
//!
//! `resources/pom.xml` pins the versions and `resources/sums.txt` the bytes. After a change of the
//! first, the second is made again with `cargo run -p devstack -- sums`, which trusts what it
//! fetches: compare the change with what the publishers say.

mod fetch;
mod prerequisites;
pub mod sums;
mod unpack;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use self::sums::Table;
use crate::{
    cache::{self, Cache},
    error::{Doing as _, Error},
    java::Java,
    progress::{Progress, Step},
};

const POM: &str = include_str!("../../resources/pom.xml");
const SUMS: &str = include_str!("../../resources/sums.txt");

/// The version of Apache Kafka that every stack runs; empty if the pins do not name it.
#[must_use]
pub fn kafka_version() -> &'static str {
    let version = POM.split_once("<kafka.version>").and_then(|(_, rest)| rest.split_once('<'));
    version.map_or("", |(version, _)| version)
}

/// The unpacked artifacts in the cache.
#[derive(Clone, Debug)]
pub(crate) struct Artifacts {
    dir: PathBuf,
    key: String,
}

impl Artifacts {
    /// Those of the cache; fetched, checked and unpacked when there are none.
    pub(crate) async fn ensure(
        cache: &Cache,
        java: &Java,
        progress: &Progress,
    ) -> Result<Self, Error> {
        if (env::consts::OS, env::consts::ARCH) != ("linux", "x86_64") {
            return Err(Error::Unsupported(
                "the local stack runs on Linux on x86_64 only: the pinned PostgreSQL and Redis are \
                 built for that"
                    .to_owned(),
            ));
        }
        let key = cache::key([POM.as_bytes(), SUMS.as_bytes()]);
        let make = |part: PathBuf| progress.step(Step::Artifacts, make(cache, java, part));
        let dir = cache.entry(&format!("artifacts-{key}"), make).await?;
        Ok(Self { dir, key })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A name for what was made with these artifacts.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The class path of Kafka, with the wildcard that Java expands.
    pub(crate) fn kafka_class_path(&self) -> PathBuf {
        self.dir.join("kafka/*")
    }

    /// The registry's program.
    pub(crate) fn registry_jar(&self) -> Result<PathBuf, Error> {
        let dir = self.dir.join("registry");
        let files = fs::read_dir(&dir).doing("read", &dir)?.flatten();
        files
            .map(|file| file.path())
            .find(|path| path.to_string_lossy().ends_with("-runner.jar"))
            .ok_or_else(|| Error::MissingFile("the registry's runner.jar".to_owned()))
    }

    /// A program of PostgreSQL.
    pub(crate) fn postgres(&self, program: &str) -> PathBuf {
        self.dir.join("postgres/bin").join(program)
    }

    /// The program of Redis.
    pub(crate) fn redis(&self) -> PathBuf {
        self.dir.join("redis/redis-server")
    }
}

/// Fetches everything that the pom names and returns its table of sums, for `resources/sums.txt`.
///
/// # Errors
/// [`Error::MissingTool`] without a JDK or Maven; [`Error::Failed`] when Maven fails.
pub async fn sums_of_a_fresh_fetch() -> Result<Table, Error> {
    Java::find().await?;
    prerequisites::check()?;
    let dir = tempfile::tempdir().doing("make a temporary folder in", env::temp_dir())?;
    fetch::fetch(dir.path(), &dir.path().join("repository")).await?;
    Table::of(dir.path(), &fetch::FOLDERS)
}

async fn make(cache: &Cache, java: &Java, dir: PathBuf) -> Result<(), Error> {
    prerequisites::check()?;
    // Kept until everything is there, so that a broken connection does not cost what came before.
    let repository = cache.root().join("maven");
    fetch::fetch(&dir, &repository).await?;
    let checked = {
        let dir = dir.clone();
        let table = Table::parse(SUMS)?;
        tokio::task::spawn_blocking(move || table.verify(&dir, &fetch::FOLDERS)).await
    };
    let checked = checked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    // Whether it served its purpose or gave a wrong file: it is not read again.
    let _ = fs::remove_dir_all(&repository);
    checked?;
    unpack::unpack(java, &dir).await
}
