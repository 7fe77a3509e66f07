//! What a caller may choose about a stack.

use std::path::PathBuf;

use crate::{error::Error, progress::Progress};

/// Choices for one stack. The default suits a test: random ports, one broker, every part, nothing
/// kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder that keeps what all parts store, made when it is missing. `None`: a folder of the
    /// cache that is thrown away when the stack stops.
    pub data_dir: Option<PathBuf>,
    /// Folder for one log per process. `None`: `logs` within the data folder.
    pub log_dir: Option<PathBuf>,
    /// Where the parts listen.
    pub ports: Ports,
    /// Brokers of the Kafka cluster, each a voter too: 1 to 5. From three on, topics have by
    /// default three replicas of which two must be in sync, else one and one.
    pub brokers: u8,
    /// Whether PostgreSQL waits for the disk on every commit. Without it a crash of the machine
    /// may cost the database; a kill of its processes costs no commit either way.
    pub durable: bool,
    /// What the Java parts are tuned for.
    pub load: Load,
    /// What to start.
    pub parts: Parts,
    /// Whether the brokers' clocks can be set, with `Stack::set_clock`. Needs libfaketime.
    pub clocks: bool,
    /// Who hears how the start goes.
    pub progress: Progress,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: None,
            log_dir: None,
            ports: Ports::Random,
            brokers: 1,
            durable: false,
            load: Load::Light,
            parts: Parts::ALL,
            clocks: false,
            progress: Progress::default(),
        }
    }
}

impl Options {
    /// Refuses what no stack can be.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if (1..=5).contains(&self.brokers) {
            Ok(())
        } else {
            Err(Error::Unsupported(format!("a stack has 1 to 5 brokers, not {}", self.brokers)))
        }
    }
}

/// Where the parts of a stack listen; always on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// PostgreSQL 25432, Redis 26379, registry 28081, Kafka 29092 (further brokers 29094,
    /// 29096, …; the controllers one above their broker).
    Fixed,
    /// Free ports that no other stack of this user has and that the machine does not give to
    /// outgoing connections. They stay the same for as long as the stack lives.
    Random,
}

/// What the Java parts are tuned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// A quick start and little memory: the simple compiler, the serial collector, 256 MiB of
    /// heap for a broker.
    Light,
    /// Throughput: both compilers, G1, 1 GiB of heap for a broker.
    Heavy,
}

/// Which parts to start. The registry brings PostgreSQL with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The Kafka cluster.
    pub kafka: bool,
    /// PostgreSQL.
    pub postgres: bool,
    /// The schema registry.
    pub registry: bool,
    /// Redis.
    pub redis: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { kafka: true, postgres: true, registry: true, redis: true };
    /// Nothing; for struct updates: `Parts { kafka: true, ..Parts::NONE }`.
    pub const NONE: Self = Self { kafka: false, postgres: false, registry: false, redis: false };

    /// Whether PostgreSQL runs: asked for, or needed by the registry.
    pub(crate) fn needs_postgres(self) -> bool {
        self.postgres || self.registry
    }
}
