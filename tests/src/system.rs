//! The whole system under test: its start, its settled state, and its end without a trace.

use std::net::SocketAddr;

use anyhow::Context as _;
use devstack::{Options, Stack};
use eventlog::{Connection, Registry, Topics};
use events::{command::Parameters, profile::Profile};
use futures::future::{join_all, try_join_all};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    Client, Gateway, Log, Program, Tool,
    binaries::Binaries,
    family::Family,
    logs_tail, projected,
    proxy::{Plan, Proxy},
    until,
};

/// How many instances there are of each process and of the broker, and the parameters of the first
/// rules.
#[derive(Debug, Clone)]
pub struct SystemOptions {
    pub command_apis: usize,
    pub projectors: usize,
    pub query_apis: usize,
    pub parameters: Parameters,
    /// Settings of every process, as environment variables.
    pub env: Vec<(&'static str, String)>,
    /// The same of every command-api.
    pub command_api_env: Vec<(&'static str, String)>,
    /// The same of every query-api.
    pub query_api_env: Vec<(&'static str, String)>,
    /// How the topics are made; there are as many brokers as it wants copies.
    pub profile: Profile,
    /// How often snapshots of the shards are taken, if they are.
    pub snapshots: Option<Snapshots>,
    /// Puts a proxy between the processes and the brokers, which does this to Produce requests. The
    /// tool and the test itself go around it.
    pub harm: Option<Plan>,
    /// Whether the brokers' clocks can be set.
    pub clocks: bool,
}

/// When a shard's next snapshot is due.
#[derive(Debug, Clone, Copy)]
pub struct Snapshots {
    pub records: u32,
    pub every_s: u32,
}

impl Default for SystemOptions {
    /// One instance of each, with the local profile's parameters and with patience.
    fn default() -> Self {
        let profile = Profile::LOCAL;
        let parameters = profile.parameters();
        Self {
            command_apis: 1,
            projectors: 1,
            query_apis: 1,
            parameters,
            env: Vec::new(),
            command_api_env: PATIENT.map(|(name, value)| (name, value.to_owned())).into(),
            query_api_env: PATIENT_READING.map(|(name, value)| (name, value.to_owned())).into(),
            profile,
            snapshots: None,
            harm: None,
            clocks: false,
        }
    }
}

/// On a machine that is busy with other things an answer takes its time. It must still be the answer,
/// and none that says that it is not known yet or that the queue is too long.
const PATIENT: [(&str, &str); 3] = [
    ("REPLY_TIMEOUT_MS", "30000"),
    ("APPEND_TIMEOUT_MS", "50000"),
    ("ADMISSION_WAIT_MS_MAX", "50000"),
];
const PATIENT_READING: [(&str, &str); 2] =
    [("DATABASE_ACQUIRE_MS", "30000"), ("DATABASE_STATEMENT_MS", "30000")];

/// A running system on a stack of its own, on random ports, thrown away at its end.
///
/// Dropped without [`System::stop`], as by a failing test, it kills everything and prints the last
/// lines of every process.
#[derive(Debug)]
pub struct System {
    pub command_apis: Vec<Program>,
    pub projectors: Vec<Program>,
    pub query_apis: Vec<Program>,
    pub log: Log,
    /// The database of the read models.
    pub rows: PgPool,
    pub tool: Tool,
    proxy: Option<Proxy>,
    is_stopped: bool,
    // Dropped last: the processes need it.
    stack: Stack,
}

impl System {
    /// Starts the stack, makes topics and schemas, and starts every process.
    ///
    /// # Errors
    /// A part did not come up; the last lines of its log are in the text.
    pub async fn start(options: SystemOptions) -> anyhow::Result<Self> {
        let binaries = Binaries::find()?;
        let (brokers, clocks) = (u8::try_from(options.profile.replication)?, options.clocks);
        let on = Options { brokers, clocks, ..Options::default() };
        let stack = Stack::start(on).await?;
        let connection = Connection::new(stack.bootstrap_servers());
        let registry = stack.registry_url();
        tokio::try_join!(
            make_topics(&connection, options.profile, options.parameters),
            register_schemas(&registry),
        )?;
        let proxy = match options.harm {
            Some(plan) => Some(Proxy::start(&broker_addresses(&stack)?, plan).await?),
            None => None,
        };
        let mut env = stack.env();
        env.push(("SPILLWAY_PROFILE", options.profile.name.to_owned()));
        if let Some(Snapshots { records, every_s }) = options.snapshots {
            env.push(("SNAPSHOTS", stack.dir().join("snapshots").display().to_string()));
            env.push(("SNAPSHOT_RECORDS", records.to_string()));
            env.push(("SNAPSHOT_EVERY_S", every_s.to_string()));
        }
        let tool = Tool::new(binaries.spillway, env.clone());
        if let Some(proxy) = &proxy {
            env.push(("KAFKA_BOOTSTRAP_SERVERS", proxy.bootstrap_servers()));
        }
        env.extend(options.env.iter().cloned());
        let programs = |name: &str, path, count: usize, more: &[(&'static str, String)]| {
            let env = [&env[..], more].concat();
            let program = |n| Program::new(&stack, &env, &format!("{name}-{n}"), path);
            (1..=count).map(program).collect::<anyhow::Result<Vec<Program>>>()
        };
        let (command_apis, more) = (options.command_apis, &options.command_api_env);
        let reading = &options.query_api_env;
        let system = Self {
            command_apis: programs("command-api", &binaries.command_api, command_apis, more)?,
            projectors: programs("projector", &binaries.projector, options.projectors, &[])?,
            query_apis: programs("query-api", &binaries.query_api, options.query_apis, reading)?,
            log: Log::open(connection, options.profile)?,
            rows: PgPoolOptions::new().max_connections(2).connect_lazy(&stack.postgres_url())?,
            tool,
            proxy,
            is_stopped: false,
            stack,
        };
        system.start_all().await?;
        Ok(system)
    }

    async fn start_all(&self) -> anyhow::Result<()> {
        let write_side = try_join_all(self.command_apis.iter().map(Program::start));
        let read_side = async {
            // The projector makes the tables that query-api reads.
            try_join_all(self.projectors.iter().map(Program::start)).await?;
            try_join_all(self.query_apis.iter().map(Program::start)).await
        };
        tokio::try_join!(write_side, read_side)?;
        Ok(())
    }

    /// A client of the first command-api and the first query-api.
    ///
    /// # Errors
    /// As [`System::client_of`].
    pub fn client(&self) -> anyhow::Result<Client> {
        self.client_of(0)
    }

    /// A client of one command-api, by its index, and the first query-api.
    ///
    /// # Errors
    /// There is no such instance, or the HTTP client cannot be made.
    pub fn client_of(&self, command_api: usize) -> anyhow::Result<Client> {
        let write = self.command_apis.get(command_api).context("no such command-api")?;
        let read = self.query_apis.first().context("no query-api")?;
        Client::new(write.url(), read.url())
    }

    /// A client whose commands go to this base URL, and whose queries to the first query-api.
    ///
    /// # Errors
    /// As [`System::client_of`].
    pub fn client_by(&self, write_url: &str) -> anyhow::Result<Client> {
        let read = self.query_apis.first().context("no query-api")?;
        Client::new(write_url, read.url())
    }

    /// One base URL in front of the first command-api and the first query-api.
    ///
    /// # Errors
    /// There is none of one of them, or no port is free.
    pub async fn gateway(&self) -> anyhow::Result<Gateway> {
        let write = self.command_apis.first().context("no command-api")?;
        let read = self.query_apis.first().context("no query-api")?;
        Gateway::start(write, read).await
    }

    /// Waits until everything that was accepted is decided and projected.
    ///
    /// # Errors
    /// It is not so in time; the text says what is behind.
    pub async fn settle(&self) -> anyhow::Result<()> {
        until("every command is decided", async || self.log.is_decided().await).await?;
        // Nothing is written any more, so these ends stand.
        let ends = self.log.ends().await?;
        let look = async || projected::has_reached(&self.rows, &ends).await;
        until("every event and outcome is projected", look).await
    }

    /// Stops every process in order, then the stack.
    ///
    /// # Errors
    /// A process did not end in order, or anything is left behind.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let ids = self.programs().filter_map(Program::id);
        let of_stack = self.stack.processes().filter_map(devstack::Process::id);
        let family = Family::of(ids.chain(of_stack));
        self.rows.close().await;
        let running = self.programs().filter(|program| program.is_running());
        let ended = join_all(running.map(Program::term)).await;
        ended.into_iter().collect::<anyhow::Result<()>>()?;
        self.is_stopped = true;
        drop(self);
        family.is_gone().await
    }

    /// The brokers, to be killed and started again.
    #[must_use]
    pub fn brokers(&self) -> &[devstack::Process] {
        self.stack.brokers()
    }

    /// What the processes run on.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// What lies between the processes and the brokers, if anything does.
    #[must_use]
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    pub(crate) fn registry_url(&self) -> String {
        self.stack.registry_url()
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        self.command_apis.iter().chain(&self.projectors).chain(&self.query_apis)
    }
}

impl Drop for System {
    fn drop(&mut self) {
        if !self.is_stopped {
            self.programs().for_each(|program| logs_tail::print(program.name(), program.log()));
        }
    }
}

fn broker_addresses(stack: &Stack) -> anyhow::Result<Vec<SocketAddr>> {
    let servers = stack.bootstrap_servers();
    servers.split(',').map(|server| Ok(server.parse()?)).collect()
}

async fn make_topics(
    connection: &Connection,
    profile: Profile,
    parameters: Parameters,
) -> anyhow::Result<()> {
    let topics = Topics::new(connection, profile)?;
    let plan = topics.plan().await?;
    topics.apply_with(&plan, parameters).await.context("the topics could not be made")
}

async fn register_schemas(url: &str) -> anyhow::Result<()> {
    let registered = Registry::new(url)?.register().await;
    registered.map(drop).context("the schemas could not be registered")
}
