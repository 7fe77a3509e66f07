//! Builds the roles and runs them until the stop.
//!
//! Order of the stop: no more requests; requests in flight finish, with the processor still at
//! work for them; then the processor drains and leaves its group, and the edge's threads end.

use std::sync::Arc;

use anyhow::Context;
use eventlog::{Connection, Registry};
use service::process::Frame;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::edge::kafka::Joined;
use crate::edge::{self, routes};
use crate::foundation::{self, Foundation};
use crate::processor::{self, Processor};
use crate::rules_in_force::RulesInForce;

/// Runs the configured roles until the stop.
///
/// # Errors
/// When the log or the registry is not as it must be, or a role cannot start or go on.
pub async fn run(config: Config, frame: Frame) -> anyhow::Result<()> {
    eventlog::metrics::describe();
    let connection = Connection::new(&config.kafka.kafka_bootstrap_servers);
    let Some(foundation) = until_stopped(&frame, survey(&connection, &config)).await? else {
        return Ok(());
    };
    // What works for requests in flight stops after them.
    let drained = CancellationToken::new();
    let processor = match config.role.has_processor() {
        true => Some(start_processor(&config, &connection, &frame, drained.clone()).await?),
        false => None,
    };
    let edge = match config.role.has_edge() {
        true => Some(start_edge(&config, &connection, &foundation, &frame, drained.clone())?),
        false => None,
    };
    if let Some(joined) = &edge {
        follow_rules(&config, &connection, joined, drained.clone())?;
    }
    let routes = edge.as_ref().map(|joined| routes::router(Arc::clone(&joined.edge)));
    let serving = async {
        let served = frame.serve(routes.unwrap_or_default()).await;
        drained.cancel();
        served
    };
    let working = async {
        let ended = match processor {
            Some(processor) => processor.ended().await,
            None => Ok(()),
        };
        // A processor that ends by itself takes the process with it: its supervisor starts it anew.
        if ended.is_err() {
            frame.stop.cancel();
        }
        ended
    };
    let (served, ended) = tokio::join!(serving, working);
    if let Some(edge) = edge {
        edge.ended().await;
    }
    served?;
    ended.context("the processor ended")
}

async fn survey(connection: &Connection, config: &Config) -> anyhow::Result<Foundation> {
    let library = config.processor.library()?;
    foundation::survey(connection, config.topics.profile(), library.as_ref())
        .await
        .context("the command log cannot be used")
}

async fn start_processor(
    config: &Config,
    connection: &Connection,
    frame: &Frame,
    stop: CancellationToken,
) -> anyhow::Result<Processor> {
    let registry = Registry::new(config.registry.schema_registry_url.as_str())?;
    let schema_ids = registry.ids().await.context("the event schemas cannot be looked up")?;
    let settings = processor::Settings {
        connection: connection.clone(),
        group: config.processor.group.clone(),
        client_id: config.topics.kafka_client_id.clone(),
        schema_ids,
        drain: config.process.stop.deadline() / 4,
        snapshots: config.processor.snapshots()?,
    };
    Processor::start(settings, &frame.health, stop).context("the processor cannot start")
}

fn start_edge(
    config: &Config,
    connection: &Connection,
    foundation: &Foundation,
    frame: &Frame,
    stop: CancellationToken,
) -> anyhow::Result<Joined> {
    let plan = edge::kafka::Plan {
        connection: connection.clone(),
        client_id: config.topics.kafka_client_id.clone(),
        profile: foundation.profile,
        parameters: foundation.parameters,
        settings: config.edge.settings(),
        stopping: frame.stop.clone(),
    };
    edge::kafka::join(plan, &frame.health, stop).context("the edge cannot start")
}

/// Tells the edge which rules are in force, from now until the stop.
fn follow_rules(
    config: &Config,
    connection: &Connection,
    joined: &Joined,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let library = config.processor.library()?;
    let rules = RulesInForce::new(connection, &config.processor.group, library)?;
    let edge = Arc::clone(&joined.edge);
    tokio::spawn(async move { rules.follow(&edge, stop).await });
    Ok(())
}

/// Runs `work` to its end, or gives `None` when the stop comes first.
async fn until_stopped<T>(
    frame: &Frame,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<Option<T>> {
    frame.stop.run_until_cancelled(work).await.transpose()
}
