//! PostgreSQL, with the databases of the system and of the schema registry.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::{
    addresses::Addresses,
    error::{Doing as _, Error},
    home::Home,
    process::{self, Ready, Spec, StopSignal},
    tools::Tools,
};

/// The system's own database.
pub(crate) const SYSTEM: &str = "spillway";
/// The schema registry's.
pub(crate) const REGISTRY: &str = "registry";

const INIT_WITHIN: Duration = Duration::from_secs(180);
const COPY_WITHIN: Duration = Duration::from_secs(180);
const START_WITHIN: Duration = Duration::from_secs(180);
const GRACE: Duration = Duration::from_secs(20);

/// The process.
pub(crate) fn spec(
    tools: &Tools,
    home: &Home,
    logs: &Path,
    addresses: &Addresses,
    durable: bool,
) -> Spec {
    let words = tools.run_as.words(&tools.artifacts.postgres("postgres"));
    let durable = if durable { "on" } else { "off" };
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={}", addresses.postgres.port()),
        "unix_socket_directories=".to_owned(),
        "max_connections=200".to_owned(),
        "shared_buffers=64MB".to_owned(),
        "wal_level=logical".to_owned(),
        format!("fsync={durable}"),
        // Always: a commit that PostgreSQL holds back in memory is lost when its process is killed.
        "synchronous_commit=on".to_owned(),
        format!("full_page_writes={durable}"),
    ];
    Spec::new("postgres", &words[0], logs.join("postgres.log"))
        .args(&words[1..])
        .arg("-D")
        .arg(data(home))
        .args(settings.iter().flat_map(|setting| ["-c", setting]))
        .ready(Ready::LogLine("database system is ready to accept connections".to_owned()))
        .start_within(START_WITHIN)
        .stop(StopSignal::Interrupt, GRACE)
        // What a killed predecessor's last children still hold for a moment.
        .passing(["is still in use", "\"postmaster.pid\" already exists"])
}

/// Makes the data folder the first time, as a copy of the template.
pub(crate) async fn prepare(tools: &Tools, home: &Home) -> Result<(), Error> {
    let data = data(home);
    if !data.exists() {
        let template = template(tools).await?;
        let part = home.scratch().join("postgres");
        let copy = Spec::new("copying the empty database", "cp", home.scratch().join("cp.log"))
            .arg("-a")
            .arg(&template)
            .arg(&part)
            .start_within(COPY_WITHIN);
        process::to_end(&copy).await?;
        fs::rename(&part, &data).doing("make", &data)?;
    }
    tools.run_as.give(&data)
}

/// Makes `database` when it is not there.
pub(crate) async fn ensure_database(addresses: &Addresses, database: &str) -> Result<(), Error> {
    let failed = |source| Error::Database { doing: format!("make database {database}"), source };
    let make = async {
        let mut server = PgConnection::connect(&addresses.database_url("postgres")).await?;
        let there: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
            .bind(database)
            .fetch_optional(&mut server)
            .await?;
        if there.is_none() {
            // A name cannot be bound. Quoted with its quotes doubled, any text is one.
            let quoted = database.replace('"', "\"\"");
            let statement = format!("create database \"{quoted}\"");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut server).await?;
        }
        server.close().await
    };
    make.await.map_err(failed)
}

/// An empty database cluster; copying it is quicker than making one per stack.
async fn template(tools: &Tools) -> Result<PathBuf, Error> {
    let name = format!("postgres-{}-{}", tools.artifacts.key(), tools.run_as.word());
    let log = tools.cache.root().join("initdb.log");
    tools
        .cache
        .entry(&name, async |part| {
            tools.run_as.give(&part)?;
            let words = tools.run_as.words(&tools.artifacts.postgres("initdb"));
            let initdb = Spec::new("initdb", &words[0], &log)
                .args(&words[1..])
                .arg("-D")
                .arg(&part)
                .args(["-U", "postgres", "-A", "trust", "--locale=C", "--encoding=UTF8"])
                .args(["--no-sync", "--no-instructions"])
                .start_within(INIT_WITHIN);
            process::to_end(&initdb).await
        })
        .await
}

fn data(home: &Home) -> PathBuf {
    home.dir().join("postgres")
}
