//! What the tests on a real broker share: one stack for all tests that run at a time, topics with
//! random names, and waiting for a level with a deadline.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use devstack::{Options, Parts, Stack};
use eventlog::{Connection, Outgoing, Partition, Producer, Report, Reports};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
};

/// Longer than anything here takes on a loaded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
pub(crate) const SHORT: Duration = Duration::from_millis(50);

/// The stack of all tests that run at a time; the last one to end stops it.
static SHARED: Mutex<Weak<Stack>> = Mutex::new(Weak::new());

pub(crate) fn shared_broker() -> Arc<Stack> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(stack) = shared.upgrade() {
        return stack;
    }
    let stack = Arc::new(own_broker());
    *shared = Arc::downgrade(&stack);
    stack
}

/// A broker that a test may break.
pub(crate) fn own_broker() -> Stack {
    let options = Options { parts: Parts { kafka: true, ..Parts::NONE }, ..Options::default() };
    wait(Stack::start(options)).expect("the broker starts")
}

pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

pub(crate) fn connection(stack: &Stack) -> Connection {
    Connection::new(stack.bootstrap_servers())
}

pub(crate) fn random_name(prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::new_v4().simple())
}

/// Makes a topic under a random name, with log time unless the settings say otherwise.
pub(crate) fn random_topic(connection: &Connection, partitions: i32) -> String {
    let name = random_name("topic");
    let settings = [("message.timestamp.type", "LogAppendTime")];
    make_topic(connection, &name, partitions, &settings);
    name
}

pub(crate) fn make_topic(
    connection: &Connection,
    name: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) {
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (name, value) in settings {
        topic = topic.set(name, value);
    }
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE));
    let results = wait(admin(connection).create_topics([&topic], &options)).expect("an answer");
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

pub(crate) fn admin(connection: &Connection) -> AdminClient<DefaultClientContext> {
    ClientConfig::new()
        .set("bootstrap.servers", connection.bootstrap_servers())
        .create()
        .expect("an admin client")
}

pub(crate) fn outgoing<'a>(partition: &'a Partition, value: &'a [u8], tag: usize) -> Outgoing<'a> {
    Outgoing {
        topic: &partition.topic,
        partition: partition.number,
        key: Some(b"key"),
        value,
        headers: &[],
        tag,
    }
}

/// Writes `0`, `1`, … as values and waits until all are acknowledged.
pub(crate) fn fill(connection: &Connection, partition: &Partition, records: usize) {
    let options = eventlog::producer::Options::commands("fill", DEADLINE);
    let (producer, reports) = Producer::start(connection, &options).expect("a producer");
    for tag in 0..records {
        producer.send(&outgoing(partition, tag.to_string().as_bytes(), tag)).expect("sent");
    }
    for report in take(&reports, records) {
        assert!(!report.is_doubt(), "{report:?}");
    }
}

pub(crate) fn take(reports: &Reports, count: usize) -> Vec<Report> {
    (0..count)
        .map(|taken| match reports.take_within(DEADLINE) {
            Ok(Some(report)) => report,
            other => panic!("{other:?} instead of report {taken} of {count}"),
        })
        .collect()
}

pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "not reached in time: {what}");
    }
}
