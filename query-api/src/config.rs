//! The configuration: flag, else environment variable, else default. `--help` is the reference.

mod graphql;
mod tiers;

use std::time::Duration;

use clap::{Args, Parser};
use secrecy::{ExposeSecret, SecretString};
use service::config::{DatabaseArgs, Errors, ProcessArgs, Validate};
use sqlx::postgres::PgConnectOptions;

pub use graphql::GraphqlArgs;
pub use tiers::{CacheArgs, ReplicaArgs};

use crate::{
    http::{Cursors, Waits},
    live,
    read::Settings,
};

/// Answers queries about orders, products and commands from the read models in PostgreSQL.
///
/// DATABASE_URL names the primary, or one replica, but never an address that spreads connections
/// over several servers: a client's own writes are looked for on the server that is then read.
#[derive(Debug, Clone, Parser)]
#[command(name = "query-api", version)]
pub struct Config {
    #[command(flatten)]
    pub process: ProcessArgs<8083>,
    #[command(flatten)]
    pub database: DatabaseArgs,
    #[command(flatten)]
    pub pool: PoolArgs,
    #[command(flatten)]
    pub position: PositionArgs,
    #[command(flatten)]
    pub pages: PageArgs,
    #[command(flatten)]
    pub cache: CacheArgs,
    #[command(flatten)]
    pub replicas: ReplicaArgs,
    #[command(flatten)]
    pub live: LiveArgs,
    #[command(flatten)]
    pub graphql: GraphqlArgs,
}

/// Limits of live streams.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Live streams")]
pub struct LiveArgs {
    /// Streams that this process serves at once; one more is answered 503.
    #[arg(long, env = "STREAMS_MAX", value_name = "COUNT", default_value_t = 5_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub streams_max: u32,

    /// Changes that wait for one client before it is told that it is too slow, and cut.
    #[arg(long, env = "STREAM_QUEUE_MAX", value_name = "COUNT", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub stream_queue_max: u32,

    /// The longest silence of a stream in milliseconds; a comment ends it.
    #[arg(long, env = "STREAM_KEEP_ALIVE_MS", value_name = "MILLISECONDS", default_value_t = 15_000,
        value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub stream_keep_alive_ms: u64,
}

/// Limits of the connections to PostgreSQL.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "PostgreSQL")]
pub struct PoolArgs {
    /// Connections for requests, to each server. The process opens up to three more to the primary,
    /// and one to each replica, to follow the projections.
    #[arg(long, env = "DATABASE_CONNECTIONS_MAX", value_name = "COUNT", default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub database_connections_max: u32,

    /// Milliseconds that a request waits for a free connection before it is answered 503.
    #[arg(long, env = "DATABASE_ACQUIRE_MS", value_name = "MILLISECONDS", default_value_t = 1_000,
        value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub database_acquire_ms: u64,

    /// Milliseconds that PostgreSQL may work on one statement before it is answered 503.
    #[arg(long, env = "DATABASE_STATEMENT_MS", value_name = "MILLISECONDS",
        default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub database_statement_ms: u64,
}

/// How long queries wait for the positions they bring.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Positions")]
pub struct PositionArgs {
    /// Milliseconds that a query waits for its position before it is answered 425.
    #[arg(long, env = "POSITION_WAIT_MS", value_name = "MILLISECONDS", default_value_t = 2_000,
        value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub position_wait_ms: u64,

    /// The most that a client gets who asks for another wait (Prefer: wait=N), in milliseconds.
    #[arg(long, env = "POSITION_WAIT_MS_MAX", value_name = "MILLISECONDS",
        default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    pub position_wait_ms_max: u64,

    /// Milliseconds between looks at the checkpoints while a query waits. The projector's notices
    /// come earlier; a replica sends none.
    #[arg(long, env = "POSITION_POLL_MS", value_name = "MILLISECONDS", default_value_t = 50,
        value_parser = clap::value_parser!(u64).range(5..=10_000))]
    pub position_poll_ms: u64,
}

/// Pages of lists.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pages")]
pub struct PageArgs {
    /// Seals the cursors of lists, at least 16 characters; all instances need the same. Without it
    /// each process makes its own key, and refuses (400) the cursors of others and those from before
    /// its start. May come from a file named by CURSOR_KEY_FILE.
    #[arg(long, env = "CURSOR_KEY", value_name = "SECRET", hide_env_values = true)]
    pub cursor_key: Option<SecretString>,
}

/// Below this a key can be guessed.
const CURSOR_KEY_CHARS_MIN: usize = 16;

impl Validate for Config {
    fn validate(&self, errors: &mut Errors) {
        self.process.validate(errors);
        // sqlx's message may quote parts of the URL, so it is not repeated.
        if self.connect_options().is_err() {
            errors.add(
                "database-url",
                "is no URL that PostgreSQL clients take; check its port and parameters",
            );
        }
        self.cache.validate(errors);
        self.replicas.validate(errors);
        let key = self.pages.cursor_key.as_ref().map(|key| key.expose_secret().chars().count());
        if key.is_some_and(|chars| chars < CURSOR_KEY_CHARS_MIN) {
            errors.add("cursor-key", format!("needs at least {CURSOR_KEY_CHARS_MIN} characters"));
        }
        let PositionArgs { position_wait_ms, position_wait_ms_max, .. } = self.position;
        if position_wait_ms > position_wait_ms_max {
            errors.add(
                "position-wait-ms",
                format!("must not be above --position-wait-ms-max ({position_wait_ms_max})"),
            );
        }
    }
}

impl Config {
    /// How to connect; fails on parameters that sqlx does not know.
    pub fn connect_options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        self.database.database_url.expose_secret().parse()
    }
}

impl Config {
    /// What seals the cursors of lists.
    pub fn cursors(&self) -> Cursors {
        self.pages.cursor_key.as_ref().map_or_else(Cursors::of_this_process, Cursors::of)
    }
}

impl LiveArgs {
    /// The limits these settings ask for.
    pub fn settings(&self) -> live::Settings {
        live::Settings {
            streams_max: self.streams_max,
            queue_max: self.stream_queue_max,
            keep_alive: Duration::from_millis(self.stream_keep_alive_ms),
        }
    }
}

impl PoolArgs {
    /// The limits these settings ask for.
    pub fn settings(&self) -> Settings {
        Settings {
            connections_max: self.database_connections_max,
            acquire: Duration::from_millis(self.database_acquire_ms),
            statement: Duration::from_millis(self.database_statement_ms),
        }
    }
}

impl PositionArgs {
    /// How long queries wait.
    pub fn waits(&self) -> Waits {
        Waits {
            usual: Duration::from_millis(self.position_wait_ms),
            max: Duration::from_millis(self.position_wait_ms_max),
        }
    }

    /// Between two looks at the checkpoints.
    pub fn poll(&self) -> Duration {
        Duration::from_millis(self.position_poll_ms)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use service::config::{Failure, parse};

    use super::*;

    /// Set it to write the page anew after a change of the settings.
    const UPDATE: &str = "UPDATE_SETTINGS";

    #[test]
    fn the_kept_page_says_what_is_declared() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration/query-api.md");
        let page = service::config::reference::<Config>();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(path, page).unwrap();
            return;
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == page, "{path} differs: {UPDATE}=1 cargo test --workspace --lib kept_page");
    }

    fn errors(words: &[&str]) -> String {
        let words = ["query-api"].iter().chain(words).map(Into::into);
        match parse::<Config>(words) {
            Ok(_) => String::new(),
            Err(Failure::Invalid(errors)) => errors.to_string(),
            Err(Failure::Asked(_)) => panic!("help was not asked for"),
        }
    }

    #[test]
    fn the_defaults_are_valid_and_every_setting_has_a_variable() {
        assert_eq!(errors(&["--database-url", "postgres://x@localhost/x"]), "");
        let command = Config::command();
        let settings = command.get_arguments().filter(|arg| arg.get_long().is_some());
        let settings = settings.filter(|arg| !["help", "version"].contains(&arg.get_id().as_str()));
        for setting in settings {
            assert!(setting.get_env().is_some(), "{setting}");
        }
    }

    #[test]
    fn all_errors_are_named_at_once() {
        let text = errors(&[
            "--database-url=postgres://x:secret@localhost/x?sslmode=perhaps",
            "--position-wait-ms=20000",
            "--database-connections-max=0",
        ]);
        assert!(text.contains("--database-connections-max"), "{text}");
        assert!(text.contains("--database-url"), "{text}");
        assert!(text.contains("--position-wait-ms "), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
