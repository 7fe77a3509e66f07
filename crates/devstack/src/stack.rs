//! One running stack: its parts, their addresses, and the order in which they start and stop.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use futures::future::{join_all, try_join_all};

use crate::{
    addresses::Addresses,
    classes::Classes,
    error::Error,
    home::Home,
    options::{Options, Parts, Ports},
    parts::{clock::Clock, kafka, postgres, redis, registry},
    process::{self, Process},
    progress::{Progress, Step},
    tools::Tools,
};

/// How often a start on random ports that lost one to a stranger is tried.
const START_TRIES: usize = 3;

/// A running stack. Dropping it kills everything it started, and a temporary folder goes with it;
/// [`Stack::stop`] lets a kept one end in order.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order: the folder may go only when nothing uses it any more.
    brokers: Vec<Process>,
    clocks: Vec<Clock>,
    registry: Process,
    redis: Process,
    postgres: Process,
    addresses: Addresses,
    parts: Parts,
    logs: PathBuf,
    tools: Tools,
    home: Home,
}

impl Stack {
    /// Starts the parts asked for and waits until all of them serve. The first start on a machine
    /// fetches the artifacts and records class archives, which takes a minute or more.
    ///
    /// # Errors
    /// Any [`Error`] but those of single processes' verbs; nothing runs afterwards.
    pub async fn start(options: Options) -> Result<Self, Error> {
        options.check()?;
        let tools = Tools::find(&options.progress).await?;
        let classes = Classes::ensure(&tools, &options.progress).await;
        let mut tries = START_TRIES;
        loop {
            tries -= 1;
            match Self::bring_up(&options, &tools, &classes).await {
                Err(clash)
                    if clash.is_port_clash() && options.ports == Ports::Random && tries > 0 =>
                {
                    tracing::warn!(%clash, "a port was lost; starting again on others");
                }
                other => return other,
            }
        }
    }

    /// Starts the parts once, with what the machine offers.
    pub(crate) async fn bring_up(
        options: &Options,
        tools: &Tools,
        classes: &Classes,
    ) -> Result<Self, Error> {
        let home = match &options.data_dir {
            Some(dir) => Home::kept(dir)?,
            None => Home::temporary(&tools.cache).await?,
        };
        let logs = options.log_dir.clone().unwrap_or_else(|| home.dir().join("logs"));
        let addresses = Addresses::lease(options.ports, options.brokers).await?;
        let ids = 1..=addresses.brokers.len();
        let clocks: Vec<Clock> = match options.clocks {
            true => ids.clone().map(|id| Clock::new(&home.etc(), id)).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        let broker = |id| -> Result<Process, Error> {
            let clock = clocks.get(id - 1);
            let spec = kafka::spec(options, tools, classes, &home, &logs, clock, id)?;
            Ok(Process::new(spec))
        };
        let brokers = ids.map(broker).collect::<Result<_, _>>()?;
        let registry = registry::spec(tools, classes, &home, &logs, &addresses)?;
        let postgres = postgres::spec(tools, &home, &logs, &addresses, options.durable);
        let stack = Self {
            brokers,
            clocks,
            registry: Process::new(registry),
            redis: Process::new(redis::spec(tools, &home, &logs, &addresses)),
            postgres: Process::new(postgres),
            addresses,
            parts: options.parts,
            logs,
            tools: tools.clone(),
            home,
        };
        tokio::try_join!(
            stack.start_kafka(tools, &options.progress),
            stack.start_sql(tools, &options.progress),
            stack.start_redis(&options.progress),
        )?;
        Ok(stack)
    }

    /// Stops everything. A kept stack ends in order, each process within its grace; where the data
    /// is thrown away the processes are killed, for there is nothing to bring in order.
    pub async fn stop(self) {
        if self.home.is_kept() {
            // The registry before the database it writes to; the rest side by side.
            let others = self.brokers.iter().chain([&self.registry, &self.redis]);
            join_all(others.map(Process::stop)).await;
            self.postgres.stop().await;
        } else {
            self.processes().for_each(Process::kill_soon);
            join_all(self.processes().map(Process::kill)).await;
        }
    }

    /// The brokers' addresses, as Kafka clients take them.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.addresses.bootstrap_servers()
    }

    /// The base address of the registry's Confluent-compatible interface, without a slash at the
    /// end.
    #[must_use]
    pub fn registry_url(&self) -> String {
        self.addresses.registry_url()
    }

    /// The address of the system's database.
    #[must_use]
    pub fn postgres_url(&self) -> String {
        self.addresses.database_url(postgres::SYSTEM)
    }

    /// The address of Redis.
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.addresses.redis_url()
    }

    /// Makes a further database when it is not there, and returns its address.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn create_database(&self, name: &str) -> Result<String, Error> {
        postgres::ensure_database(&self.addresses, name).await?;
        Ok(self.addresses.database_url(name))
    }

    /// The addresses of the parts that were started, by the variables in which the system's
    /// programs look for them.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let all = [
            (self.parts.kafka, "KAFKA_BOOTSTRAP_SERVERS", self.bootstrap_servers()),
            (self.parts.registry, "SCHEMA_REGISTRY_URL", self.registry_url()),
            (self.parts.needs_postgres(), "DATABASE_URL", self.postgres_url()),
            (self.parts.redis, "REDIS_URL", self.redis_url()),
        ];
        all.into_iter().filter_map(|(there, name, url)| there.then_some((name, url))).collect()
    }

    /// The brokers, the first of which has the id 1.
    #[must_use]
    pub fn brokers(&self) -> &[Process] {
        &self.brokers
    }

    /// The folder in which a broker keeps its logs, by the broker's index in [`Stack::brokers`].
    #[must_use]
    pub fn broker_data(&self, index: usize) -> PathBuf {
        kafka::data(&self.home, index + 1)
    }

    /// Sets the clock of a broker, by its index, so far ahead of the machine's. It takes about a second.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the stack was not started with clocks that can be set.
    pub fn set_clock(&self, index: usize, ahead: Duration) -> Result<(), Error> {
        match self.clocks.get(index) {
            Some(clock) => clock.set_ahead(ahead),
            None => Err(Error::Unsupported("the brokers' clocks cannot be set".to_owned())),
        }
    }

    /// Runs a tool of Kafka to its end, by its class, such as
    /// `org.apache.kafka.tools.LeaderElectionCommand`. What it says goes to `kafka-tools.log`.
    ///
    /// # Errors
    /// [`Error::Failed`] with its last lines when it does not succeed.
    pub async fn kafka_tool(&self, class: &str, args: &[&str]) -> Result<(), Error> {
        process::to_end(&kafka::tool(&self.tools, &self.home, &self.logs, class, args)).await
    }

    /// The schema registry; not running when it was not asked for.
    #[must_use]
    pub fn registry(&self) -> &Process {
        &self.registry
    }

    /// PostgreSQL; not running when it was not asked for.
    #[must_use]
    pub fn postgres(&self) -> &Process {
        &self.postgres
    }

    /// Redis; not running when it was not asked for.
    #[must_use]
    pub fn redis(&self) -> &Process {
        &self.redis
    }

    /// Every process of the stack, running or not.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        self.brokers.iter().chain([&self.registry, &self.redis, &self.postgres])
    }

    /// The folder that is kept or thrown away with the stack; a caller may add what belongs to the
    /// same data, under names of its own.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.home.dir()
    }

    /// The folder of the logs, one per process.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    async fn start_kafka(&self, tools: &Tools, progress: &Progress) -> Result<(), Error> {
        if !self.parts.kafka {
            return Ok(());
        }
        let start = async {
            kafka::prepare(tools, &self.home, &self.addresses).await?;
            // A quorum needs most of them, so none can wait for another.
            try_join_all(self.brokers.iter().map(Process::start)).await
        };
        progress.step(Step::Kafka, start).await.map(|_| ())
    }

    async fn start_sql(&self, tools: &Tools, progress: &Progress) -> Result<(), Error> {
        if !self.parts.needs_postgres() {
            return Ok(());
        }
        let start = async {
            postgres::prepare(tools, &self.home).await?;
            self.postgres.start().await?;
            postgres::ensure_database(&self.addresses, postgres::SYSTEM).await?;
            postgres::ensure_database(&self.addresses, postgres::REGISTRY).await
        };
        progress.step(Step::Postgres, start).await?;
        if !self.parts.registry {
            return Ok(());
        }
        let start = async {
            self.registry.start().await?;
            registry::set_compatibility(&self.addresses).await
        };
        progress.step(Step::Registry, start).await
    }

    async fn start_redis(&self, progress: &Progress) -> Result<(), Error> {
        if !self.parts.redis {
            return Ok(());
        }
        progress.step(Step::Redis, self.redis.start()).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // Each process waits for its own end when it is dropped; sent beforehand, the signals let
        // them end at the same time.
        self.processes().for_each(Process::kill_soon);
    }
}
