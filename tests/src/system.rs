//! The whole system under test: its start, its settled state, and its end without a trace.

use anyhow::Context as _;
use devstack::{Options, Stack};
use eventlog::{Connection, Registry, Topics};
use events::{command::Parameters, profile::Profile};
use futures::future::{join_all, try_join_all};
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    Client, Gateway, Log, Program, Tool, binaries::Binaries, family::Family, logs_tail, projected,
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
    /// Settings of every command-api, as environment variables.
    pub command_api_env: Vec<(&'static str, String)>,
    /// How the topics are made; there are as many brokers as it wants copies.
    pub profile: Profile,
}

impl Default for SystemOptions {
    /// One instance of each, with the local profile's parameters.
    fn default() -> Self {
        let profile = Profile::LOCAL;
        let parameters = profile.parameters();
        Self {
            command_apis: 1,
            projectors: 1,
            query_apis: 1,
            parameters,
            command_api_env: Vec::new(),
            profile,
        }
    }
}

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
        let brokers = u8::try_from(options.profile.replication)?;
        let stack = Stack::start(Options { brokers, ..Options::default() }).await?;
        let connection = Connection::new(stack.bootstrap_servers());
        let registry = stack.registry_url();
        tokio::try_join!(
            make_topics(&connection, options.profile, options.parameters),
            register_schemas(&registry),
        )?;
        let programs = |name: &str, path, count: usize, env: &[(&str, String)]| {
            let program = |n| {
                Program::new(&stack, options.profile, &format!("{name}-{n}"), path, env.to_vec())
            };
            (1..=count).map(program).collect::<anyhow::Result<Vec<Program>>>()
        };
        let (command_apis, env) = (options.command_apis, &options.command_api_env);
        let system = Self {
            command_apis: programs("command-api", &binaries.command_api, command_apis, env)?,
            projectors: programs("projector", &binaries.projector, options.projectors, &[])?,
            query_apis: programs("query-api", &binaries.query_api, options.query_apis, &[])?,
            log: Log::open(connection, options.profile)?,
            rows: PgPoolOptions::new().max_connections(2).connect_lazy(&stack.postgres_url())?,
            tool: Tool::new(binaries.spillway, stack.env()),
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
