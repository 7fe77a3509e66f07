//! The real infrastructure with topics and schemas, and everything that writes to it.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, LazyLock, Weak},
};

use devstack::{Options, Parts, PortLease, Process, Ready, Spec, Stack, http};
use eventlog::{
    Connection, Outgoing, Producer, Registry, Report, Reports, SchemaIds, Topics,
    producer::Options as ProducerOptions,
};
use events::{Topic, header::Headers, profile::Profile};
use projector::{migrate, store::connect};
use sqlx::{PgPool, Row, postgres::PgRow};
use tokio::{runtime::Runtime, sync::Mutex};
use uuid::Uuid;

use super::{
    database::{PATIENCE, eventually},
    shard::Output,
};

/// The one runtime of a test program: a stack outlives the test that started it.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static SHARED: Mutex<Weak<World>> = Mutex::const_new(Weak::new());

/// A stack with topics and registered schemas. The last test that holds it takes it down.
pub struct World {
    pub stack: Stack,
    ids: SchemaIds,
    log: Mutex<(Producer, Reports)>,
}

impl World {
    /// The stack that the tests of one program share, each with partitions and a database of its
    /// own.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(world) = shared.upgrade() {
            return world;
        }
        let world = Self::of(Self::bare().await).await;
        let world = Arc::new(world);
        *shared = Arc::downgrade(&world);
        world
    }

    /// A stack without topics and schemas.
    pub async fn bare() -> Stack {
        let parts = Parts { kafka: true, postgres: true, registry: true, ..Parts::NONE };
        Stack::start(Options { parts, ..Options::default() }).await.expect("a stack")
    }

    /// Makes the topics and registers the schemas.
    pub async fn of(stack: Stack) -> Self {
        let connection = Connection::new(stack.bootstrap_servers());
        let topics = Topics::new(&connection, Profile::LOCAL).expect("a client");
        let plan = topics.plan().await.expect("a plan");
        topics.apply(&plan).await.expect("topics");
        let registry = Registry::new(&stack.registry_url()).expect("a client");
        let ids = registry.register().await.expect("schemas");
        let log = Producer::start(&connection, &ProducerOptions::outputs("test"));
        Self { stack, ids, log: Mutex::new(log.expect("a producer")) }
    }

    /// Writes outputs of an events shard to its partition, in order.
    pub async fn write(&self, topic: Topic, partition: i32, outputs: &[Output]) {
        for output in outputs {
            let id = self.schema_id(output);
            self.write_raw(topic, partition, output, &output.value(id)).await;
        }
        self.acknowledged().await;
    }

    /// The registered id of an event's schema.
    pub fn schema_id(&self, output: &Output) -> u32 {
        self.ids.of(output.event.full_name()).expect("a registered schema")
    }

    /// Writes an output with another value.
    pub async fn write_raw(&self, topic: Topic, partition: i32, output: &Output, value: &[u8]) {
        let key = Some(output.event.key().as_bytes());
        self.send(topic, partition, key, value, &output.headers).await;
    }

    /// Queues any record.
    pub async fn send(
        &self,
        topic: Topic,
        partition: i32,
        key: Option<&[u8]>,
        value: &[u8],
        headers: &Headers,
    ) {
        let topic = topic.name();
        let record = Outgoing { topic, partition, key, value, headers, tag: 0 };
        self.log.lock().await.0.send(&record).expect("queued");
    }

    /// Waits until everything that was queued lies in the log.
    pub async fn acknowledged(&self) {
        let log = self.log.lock().await;
        let (producer, reports) = &*log;
        while producer.outstanding() > 0 {
            let report = tokio::task::block_in_place(|| reports.take_within(PATIENCE));
            let report = report.expect("a producer").expect("a report in time");
            assert!(matches!(report, Report::Delivered { .. }), "{report:?}");
        }
    }

    /// A fresh database, and a name for the consumer groups of its projectors.
    pub async fn deployment(self: &Arc<Self>) -> Deployment {
        let name = format!("t{}", Uuid::new_v4().simple());
        let url = self.stack.create_database(&name).await.expect("a database");
        let pool = connect::pool(&url, 8).expect("a pool");
        migrate::apply(&pool).await.expect("migrations");
        Deployment { world: Arc::clone(self), name, url, pool }
    }
}

/// One database with the projectors that fill it.
pub struct Deployment {
    world: Arc<World>,
    name: String,
    url: String,
    pub pool: PgPool,
}

impl Deployment {
    /// A projector that is not started yet, and the base of its URLs.
    pub fn projector(&self, number: u8) -> (Process, String) {
        let port = PortLease::random().expect("a port").port();
        let base = format!("http://127.0.0.1:{port}");
        let log: PathBuf = self.world.stack.logs().join(format!("{}-{number}.log", self.name));
        let spec = Spec::new("projector", env!("CARGO_BIN_EXE_projector"), log)
            .args(["--listen", &format!("127.0.0.1:{port}"), "--group", &self.name])
            .args(["--gap-pause-s", "1"])
            .envs(self.world.stack.env())
            .envs([("DATABASE_URL", &self.url)])
            .ready(Ready::Http(format!("{base}/readyz")));
        (Process::new(spec), base)
    }

    /// Starts a projector and waits until it is ready.
    pub async fn start(&self, number: u8) -> (Process, String) {
        let (process, base) = self.projector(number);
        process.start().await.expect("a projector");
        (process, base)
    }

    /// Waits until a projection has applied a partition up to this link sequence.
    pub async fn applied(&self, projection: &str, topic: Topic, partition: i32, sequence: i64) {
        let what = format!("{projection} of {topic}/{partition} at {sequence}");
        eventually(&what, async || {
            let at = self.checkpoint(projection, topic, partition).await?;
            (at >= sequence).then_some(())
        })
        .await;
    }

    /// The link sequence of a checkpoint.
    pub async fn checkpoint(&self, projection: &str, topic: Topic, partition: i32) -> Option<i64> {
        sqlx::query_scalar(
            "SELECT link_sequence FROM live_checkpoints
             WHERE projection = $1 AND topic = $2 AND partition = $3",
        )
        .bind(projection)
        .bind(topic.name())
        .bind(partition)
        .fetch_optional(&self.pool)
        .await
        .expect("an answer")
    }

    /// The dead letters of a partition, in the order of the log: those of the read model that is named
    /// like the topic's aggregates. Others of the same topic have their own.
    pub async fn letters(&self, topic: Topic, partition: i32) -> Vec<PgRow> {
        sqlx::query(
            "SELECT * FROM dead_letters WHERE topic = $1 AND partition = $2
                 AND projection IN ('orders', 'products', 'outcomes')
             ORDER BY kafka_offset",
        )
        .bind(topic.name())
        .bind(partition)
        .fetch_all(&self.pool)
        .await
        .expect("letters")
    }

    /// Classes and keys of the dead letters of a partition.
    pub async fn letter_classes(&self, topic: Topic, partition: i32) -> Vec<(String, String)> {
        let letters = self.letters(topic, partition).await;
        let text = |key: Option<&[u8]>| String::from_utf8_lossy(key.unwrap_or(b"-")).into_owned();
        letters.iter().map(|row| (row.get("error_class"), text(row.get("key")))).collect()
    }

    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// The value of a metric with these labels; 0 when it was never touched.
pub async fn metric(base: &str, name: &str, labels: &[&str]) -> f64 {
    let (_, body) = http::get(&format!("{base}/metrics")).await.expect("an answer");
    let text = String::from_utf8(body.to_vec()).expect("text");
    text.lines()
        .filter(|line| line.starts_with(name))
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

/// Runs the projector to its end, with these arguments; its exit code and what it said.
pub async fn run_to_end(stack: &Stack, url: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_projector"))
        .args(["--listen", "127.0.0.1:0"])
        .args(args)
        .envs(stack.env())
        .env("DATABASE_URL", url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("an end").expect("a program");
    let text = String::from_utf8(output.stderr).expect("text");
    (output.status.code(), text)
}
