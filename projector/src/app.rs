//! Builds the process: waits for its infrastructure, starts the runners, and answers for them.

use std::{fmt::Display, future::Future, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use axum::Router;
use backon::{ExponentialBuilder, Retryable};
use eventlog::{Connection, Registry, SchemaReader, Topics, topics::TopicsError};
use metrics::gauge;
use secrecy::ExposeSecret;
use service::{health::Condition, process::Frame};
use sqlx::{PgPool, migrate::MigrateError};

use crate::{
    config::Config,
    letters_gauge,
    measure::{self, CONNECTIONS, CONNECTIONS_MAX},
    migrate,
    projection::registered,
    runner::{self, Running},
    store::connect,
    sweep,
};

/// Connections besides those for batches: for the health check, and one to spare.
const CONNECTIONS_SPARE: u32 = 2;
/// How often PostgreSQL is asked whether it is there, and how long it may take to answer.
const DATABASE_CHECK_PERIOD: Duration = Duration::from_secs(2);
/// How long a one-shot migration waits for PostgreSQL.
const MIGRATE_ONLY_TIME_MAX: Duration = Duration::from_secs(60);

/// Runs the projector until its stop.
///
/// # Errors
/// When something is wrong that waiting cannot heal: a topic with other partitions than the profile
/// says, an edited migration, a Kafka client that cannot be made.
pub async fn run(config: Config, frame: Frame) -> anyhow::Result<()> {
    measure::describe();
    eventlog::metrics::describe();
    let url = config.database.database_url.expose_secret();
    let connections = config.projector.connections_max + CONNECTIONS_SPARE;
    let pool = connect::pool(url, connections)
        .context("the database URL is not usable (--database-url)")?;
    if config.projector.migrate_only {
        return migrate_only(&pool).await;
    }
    let conditions = Conditions {
        database: frame.health.condition("database"),
        migrations: frame.health.condition("migrations"),
        topics: frame.health.condition("topics"),
    };
    let work = async {
        let ended = work(&config, &frame, &pool, conditions).await;
        // A projector that cannot work is of no use as a server of its own health.
        frame.stop.cancel();
        ended
    };
    let serve = async {
        let ended = frame.serve(Router::new()).await;
        frame.stop.cancel();
        ended
    };
    let (worked, served) = tokio::join!(work, serve);
    served?;
    worked
}

struct Conditions {
    database: Condition,
    migrations: Condition,
    topics: Condition,
}

async fn work(
    config: &Config,
    frame: &Frame,
    pool: &PgPool,
    conditions: Conditions,
) -> anyhow::Result<()> {
    tokio::spawn(watch_database(pool.clone(), conditions.database, frame.clone()));
    let connection = Connection::new(&config.kafka.kafka_bootstrap_servers);
    let prepare = async {
        if config.projector.no_migrate {
            wait_for_migrations(pool).await?;
        } else {
            apply_migrations(pool).await?;
        }
        conditions.migrations.set_ready();
        check_topics(&Topics::new(&connection, config.projector.profile)?).await?;
        conditions.topics.set_ready();
        anyhow::Ok(())
    };
    let Some(prepared) = frame.stop.run_until_cancelled(prepare).await else {
        return Ok(());
    };
    prepared?;
    let registry = Registry::new(config.registry.schema_registry_url.as_str())?;
    let context = runner::Context {
        pool: pool.clone(),
        connection,
        schemas: Arc::new(SchemaReader::new(registry)),
        health: frame.health.clone(),
        stop: frame.stop.clone(),
        settings: config.projector.runner_settings(),
    };
    tokio::spawn(letters_gauge::keep(pool.clone(), frame.stop.clone()));
    tokio::spawn(sweep::keep(pool.clone(), config.projector.ages(), frame.stop.clone()));
    let runners = registered()
        .iter()
        .map(|registration| registration.operations.start(context.clone()))
        .collect::<Result<Vec<Running>, _>>()?;
    let ended = futures::future::join_all(runners.into_iter().map(|running| {
        let stop = &frame.stop;
        async move {
            let ended = running.ended.await;
            // The others stop too: a projector with a missing projection must not look healthy.
            stop.cancel();
            ended
                .map_err(|_| anyhow!("the runner of {} panicked", running.projection))?
                .with_context(|| format!("the runner of {} gave up", running.projection))
        }
    }));
    let ended = ended.await;
    pool.close().await;
    ended.into_iter().collect()
}

async fn migrate_only(pool: &PgPool) -> anyhow::Result<()> {
    let ask = || async { sqlx::query("SELECT 1").execute(pool).await };
    let answer = patiently("Asking PostgreSQL", ask, |_| true);
    tokio::time::timeout(MIGRATE_ONLY_TIME_MAX, answer)
        .await
        .context("PostgreSQL did not answer in time")??;
    // Not bounded: an index of a large table takes as long as it takes.
    apply_migrations(pool).await?;
    tracing::info!("All migrations are applied.");
    Ok(())
}

async fn apply_migrations(pool: &PgPool) -> Result<(), MigrateError> {
    patiently("Applying migrations", || migrate::apply(pool), migrate::is_transient).await
}

async fn wait_for_migrations(pool: &PgPool) -> anyhow::Result<()> {
    let all_applied = || async {
        match migrate::missing(pool).await?.as_slice() {
            [] => Ok(()),
            missing => Err(anyhow!(
                "migrations {missing:?} are not applied; run `projector --migrate-only`"
            )),
        }
    };
    patiently("Waiting for migrations", all_applied, |_| true).await
}

async fn check_topics(topics: &Topics) -> Result<(), TopicsError> {
    // A difference is for a person to settle; brokers that do not answer may come.
    let is_transient = |error: &TopicsError| !matches!(error, TopicsError::Different(_));
    patiently("Checking the topics", || topics.check(), is_transient).await
}

/// Tries until it succeeds or the error is no transient one; says each time why it did not.
async fn patiently<T, E, F>(
    what: &'static str,
    attempt: impl FnMut() -> F,
    is_transient: impl FnMut(&E) -> bool,
) -> Result<T, E>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let delays = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(3))
        .with_jitter()
        .without_max_times();
    attempt
        .retry(delays)
        .when(is_transient)
        .notify(|error, delay| {
            tracing::warn!(%error, delay_ms = delay.as_millis(), "{what} failed; trying again.");
        })
        .await
}

/// Keeps the readiness condition of PostgreSQL true to the facts.
async fn watch_database(pool: PgPool, condition: Condition, frame: Frame) {
    gauge!(CONNECTIONS_MAX).set(f64::from(pool.options().get_max_connections()));
    let mut every = tokio::time::interval(DATABASE_CHECK_PERIOD);
    while frame.stop.run_until_cancelled(every.tick()).await.is_some() {
        let answer = sqlx::query("SELECT 1").execute(&pool);
        match tokio::time::timeout(DATABASE_CHECK_PERIOD, answer).await {
            Ok(Ok(_)) => condition.set_ready(),
            Ok(Err(error)) => condition.set_unready(error.to_string()),
            Err(_) => condition.set_unready("PostgreSQL does not answer in time"),
        }
        let (open, idle) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
        for (state, count) in [("idle", idle), ("used", open.saturating_sub(idle))] {
            gauge!(CONNECTIONS, "state" => state).set(f64::from(count));
        }
    }
}
