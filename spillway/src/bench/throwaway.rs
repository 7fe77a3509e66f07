//! The systems that are measured: one that runs already, or whole ones of this machine on random
//! ports, which are thrown away at the end. PostgreSQL waits for the disk in those, as it does in
//! production.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, bail};
use devstack::{Load, Options, Process, Stack};
use eventlog::{Connection, Partition};
use events::profile::Profile;
use projector::operate::list::stands;
use reqwest::Url;
use secrecy::SecretString;
use sqlx::postgres::PgPoolOptions;

use super::args::{Args, Build, Kafka};
use crate::{
    dev::{Binaries, Children, Port, Ports, Steps, child, prepare},
    exit,
    projections::lag,
};

/// What is needed beside the usual processes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// A second query-api that keeps nothing in memory and asks no Redis.
    pub(super) is_uncached_too: bool,
}

/// This build's system first; another build's behind it.
#[derive(Debug, Default)]
pub(super) struct Systems(Vec<System>);

#[derive(Debug)]
pub(super) struct System {
    pub(super) name: &'static str,
    /// Where orders are placed, as `host:port`.
    pub(super) commands: String,
    pub(super) queries: String,
    pub(super) uncached: Option<String>,
    pub(super) database_url: Option<SecretString>,
    /// Of one that was started here.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    children: Children,
    uncached: Option<(Process, Port)>,
    // The ports are kept for as long as the processes may be there; the stack goes last.
    _ports: Ports,
    stack: Stack,
}

/// How long the projector may need for what a stretch of load has left.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Systems {
    /// Starts what the arguments ask for.
    ///
    /// # Errors
    /// A part does not come up; what has come up is left to [`Systems::stop`].
    pub(super) async fn start(
        &mut self,
        args: &Args,
        wanted: Wanted,
        steps: &Steps,
    ) -> anyhow::Result<()> {
        if let Some(url) = &args.url {
            self.0.push(System::running(url, args.database_url.clone())?);
            return Ok(());
        }
        for build in args.builds() {
            self.start_one(build, wanted, steps).await?;
        }
        Ok(())
    }

    async fn start_one(
        &mut self,
        build: Build<'_>,
        wanted: Wanted,
        steps: &Steps,
    ) -> anyhow::Result<()> {
        let binaries = build.folder.map_or_else(Binaries::find, Binaries::within)?;
        let load = match build.kafka {
            Kafka::Light => Load::Light,
            Kafka::Heavy => Load::Heavy,
        };
        let progress = steps.of_stack();
        let stack = Stack::start(Options { durable: true, load, progress, ..Options::default() });
        let stack = stack.await?;
        let ports = Ports::random().await?;
        let uncached = match wanted.is_uncached_too {
            true => Some(uncached(&stack, &binaries.query_api)?),
            false => None,
        };
        let system = System {
            name: build.name,
            commands: ports.command_api.address().to_string(),
            queries: ports.query_api.address().to_string(),
            uncached: uncached.as_ref().map(|(_, port)| port.address().to_string()),
            database_url: Some(stack.postgres_url().into()),
            own: Some(Own {
                children: Children::new(&stack, &binaries, &ports, build.settings),
                uncached,
                _ports: ports,
                stack,
            }),
        };
        // In its place before anything of it runs, so that it is stopped in order.
        self.0.push(system);
        let own = self.0.last().and_then(|system| system.own.as_ref()).context("just started")?;
        let parameters = Profile::LOCAL.parameters();
        tokio::try_join!(
            prepare::topics(&own.stack, &parameters, steps),
            prepare::schemas(&own.stack, steps),
        )?;
        own.children.start(steps).await?;
        if let Some((process, _)) = &own.uncached {
            let start = async { Ok(process.start().await?) };
            steps.run("query-api without caches", start).await?;
        }
        Ok(())
    }

    pub(super) fn all(&self) -> &[System] {
        &self.0
    }

    /// Stops those that were started here, in order.
    ///
    /// # Errors
    /// None so far; a step could fail.
    pub(super) async fn stop(self, steps: &Steps) -> anyhow::Result<()> {
        for own in self.0.into_iter().filter_map(|system| system.own) {
            own.children.stop(steps).await;
            if let Some((process, _)) = &own.uncached {
                process.stop().await;
            }
            let stack = own.stack;
            let stopping = async {
                stack.stop().await;
                Ok(())
            };
            steps.run("stack stopped", stopping).await?;
        }
        Ok(())
    }
}

impl System {
    fn running(url: &Url, database_url: Option<SecretString>) -> anyhow::Result<Self> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            bail!(exit::usage("give a URL with a host"));
        };
        if url.path() != "/" {
            bail!(exit::usage("give a base URL without a path: the load writes paths of its own"));
        }
        let address = format!("{host}:{port}");
        let (commands, queries) = (address.clone(), address);
        Ok(Self { name: "spillway", commands, queries, uncached: None, database_url, own: None })
    }

    /// Name and id of every process of one that was started here.
    pub(super) fn processes(&self) -> Vec<(String, u32)> {
        let Some(own) = &self.own else { return Vec::new() };
        let uncached = own.uncached.as_ref().map(|(process, _)| process);
        let all = own.children.all().into_iter().chain(uncached).chain(own.stack.processes());
        all.filter_map(|process| Some((process.name().to_owned(), process.id()?))).collect()
    }

    /// The processes of the stack's PostgreSQL alone.
    pub(super) fn postgres(&self) -> Vec<(String, u32)> {
        let all = self.processes();
        all.into_iter().filter(|(name, _)| name == "postgres").collect()
    }

    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Waits until the projector has applied everything: what a stretch leaves to do belongs to its
    /// cost, and is none of the next one's. One that runs elsewhere is not waited for.
    ///
    /// # Errors
    /// It is not done in time, or PostgreSQL is away.
    pub(super) async fn settle(&self) -> anyhow::Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        let pool = PgPoolOptions::new().max_connections(1);
        let pool = pool.connect_lazy(&own.stack.postgres_url())?;
        let settled = async {
            loop {
                let rows = stands(&pool, None, false).await?;
                let places = rows.iter().map(|row| {
                    (Partition::new(row.topic.as_str(), row.partition), row.kafka_offset)
                });
                let connection = Connection::new(own.stack.bootstrap_servers());
                let ends = lag::records(connection, places.collect()).await;
                if !rows.is_empty() && ends.iter().all(|behind| *behind == Some(0)) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let settled = tokio::time::timeout(SETTLES_WITHIN, settled).await;
        pool.close().await;
        settled.context("the projector does not keep up")?
    }
}

/// A query-api that reads every row from PostgreSQL. What this process was told of a Redis is taken from
/// its environment too.
fn uncached(stack: &Stack, program: &Path) -> anyhow::Result<(Process, Port)> {
    let port = Port::random()?;
    let mut spec = child(stack, "query-api-uncached", Path::new("env"), &port);
    let before = ["-u".into(), "REDIS_URL".into(), program.into()];
    spec.args.splice(0..0, before);
    Ok((Process::new(spec.envs([("CACHE_BYTES_MAX", "0")])), port))
}
