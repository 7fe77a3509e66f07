//! Settings of what stands in front of the primary: the memory, Redis, replicas.

use std::time::Duration;

use clap::Args;
use redis::{IntoConnectionInfo, RedisError};
use secrecy::{ExposeSecret, SecretString};
use service::config::Errors;
use sqlx::postgres::PgConnectOptions;

use crate::cache::{Settings, Shared, SharedSettings};

/// Rows that are kept to be answered again.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Cache")]
pub struct CacheArgs {
    /// Bytes of orders and products that this process keeps in memory; 0 keeps none.
    #[arg(long, env = "CACHE_BYTES_MAX", value_name = "BYTES", default_value_t = 64 << 20,
        value_parser = clap::value_parser!(u64).range(0..=1 << 40))]
    pub cache_bytes_max: u64,

    /// The longest that a row is kept, in milliseconds. The projector's notices drop it earlier, and
    /// a position that it has not passed is never answered with it.
    #[arg(long, env = "CACHE_AGE_MS", value_name = "MILLISECONDS", default_value_t = 1_000,
        value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub cache_age_ms: u64,

    /// Redis that instances share, as redis://user:password@host:port/number; the database number
    /// must be this deployment's own. Without it, or while it does not answer, rows come from
    /// PostgreSQL. May come from a file named by REDIS_URL_FILE.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,

    /// Milliseconds that Redis may take to answer.
    #[arg(long, env = "REDIS_TIMEOUT_MS", value_name = "MILLISECONDS", default_value_t = 25,
        value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub redis_timeout_ms: u64,
}

/// Servers that take reads off the primary.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Replicas")]
pub struct ReplicaArgs {
    /// URLs of read replicas, several separated by commas, each of one server. One is read when it
    /// has passed the positions of a request. May come from a file named by REPLICA_URL_FILE.
    #[arg(
        long = "replica-url",
        env = "REPLICA_URL",
        value_name = "URL,…",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub replica_url: Vec<SecretString>,

    /// Milliseconds that a replica may be behind the primary to be read by a request without a
    /// position; at most twice that is ever seen.
    #[arg(long, env = "REPLICA_LAG_MS_MAX", value_name = "MILLISECONDS", default_value_t = 5_000,
        value_parser = clap::value_parser!(u64).range(100..=600_000))]
    pub replica_lag_ms_max: u64,
}

impl CacheArgs {
    /// The bounds of the memory.
    pub fn settings(&self) -> Settings {
        Settings { bytes_max: self.cache_bytes_max, age: self.age() }
    }

    /// The shared tier, if there is one.
    ///
    /// # Errors
    /// When its URL cannot be used.
    pub fn shared(&self) -> Result<Option<Shared>, RedisError> {
        let timeout = Duration::from_millis(self.redis_timeout_ms);
        let settings = SharedSettings { timeout, age: self.age() };
        let url = self.redis_url.as_ref();
        url.map(|url| Shared::new(url.expose_secret(), settings)).transpose()
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.cache_age_ms)
    }

    pub(super) fn validate(&self, errors: &mut Errors) {
        let url = self.redis_url.as_ref().map(|url| url.expose_secret().into_connection_info());
        // The message may quote parts of the URL, so it is not repeated.
        if url.is_some_and(|read| read.is_err()) {
            errors.add("redis-url", "give a URL such as redis://user:password@host:6379/0");
        }
    }
}

impl ReplicaArgs {
    /// How to connect to each.
    ///
    /// # Errors
    /// On parameters that sqlx does not know.
    pub fn connect_options(&self) -> Result<Vec<PgConnectOptions>, sqlx::Error> {
        self.replica_url.iter().map(|url| url.expose_secret().parse()).collect()
    }

    /// How far behind a replica may be.
    pub fn lag_max(&self) -> Duration {
        Duration::from_millis(self.replica_lag_ms_max)
    }

    pub(super) fn validate(&self, errors: &mut Errors) {
        if self.connect_options().is_err() {
            errors.add("replica-url", "give URLs such as postgres://user:password@host:5432/name");
        }
    }
}
