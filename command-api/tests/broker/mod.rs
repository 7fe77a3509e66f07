//! A real broker with the system's topics, and a clerk who answers commands in place of a processor.

// Every test file compiles its own copy and uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use devstack::{Options, Parts, Stack};
use eventlog::{Connection, LogReader, Outgoing, Partition, Producer, Record, Topics};
use events::codec::Record as _;
use events::header::{self, View};
use events::outcome::{OrderSummary, Outcome};
use events::profile::Profile;
use events::reply::{Answer, Reply};
use events::{Kind, Origin, Topic};

/// Longer than anything here takes on a loaded machine.
pub const DEADLINE: Duration = Duration::from_secs(60);
const SLICE: Duration = Duration::from_millis(20);

/// A broker of the test's own, which it may break.
pub struct Broker(Stack);

impl Broker {
    /// With all topics and the first rules.
    pub async fn start() -> Self {
        let broker = Self::bare().await;
        let topics = Topics::new(&broker.connection(), Profile::LOCAL).expect("a client");
        let plan = topics.plan().await.expect("a plan");
        topics.apply(&plan).await.expect("the topics are made");
        broker
    }

    /// Without any topic.
    pub async fn bare() -> Self {
        let parts = Parts { kafka: true, ..Parts::NONE };
        let options = Options { parts, ..Options::default() };
        Self(Stack::start(options).await.expect("a broker"))
    }

    pub fn connection(&self) -> Connection {
        Connection::new(self.0.bootstrap_servers())
    }

    pub fn bootstrap_servers(&self) -> String {
        self.0.bootstrap_servers()
    }

    pub async fn kill(&self) {
        self.0.brokers()[0].kill().await;
    }

    pub async fn restart(&self) {
        self.0.brokers()[0].start().await.expect("the broker is back");
    }
}

/// Answers every command on an order as carried out, from the beginning of the log.
pub struct Clerk {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Clerk {
    pub fn start(broker: &Broker) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let connection = broker.connection();
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || work(&connection, &over));
        Self { is_over, thread }
    }

    pub fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the clerk did not panic");
    }
}

fn work(connection: &Connection, is_over: &AtomicBool) {
    let options = eventlog::producer::Options::outputs("clerk");
    let (producer, reports) = Producer::start(connection, &options).expect("a producer");
    let mut reader = LogReader::open(connection, "clerk").expect("a reader");
    let commands = Topic::Commands(Kind::Orders);
    for partition in Partition::all_of(commands, Profile::LOCAL.partitions(commands)) {
        reader.start(&partition, 0).expect("a start");
    }
    while !is_over.load(Ordering::Relaxed) {
        if let Some(record) = reader.poll(SLICE).expect("a reading") {
            answer(&producer, &record);
        }
        while reports.take().expect("a producer").is_some() {}
    }
}

fn answer(producer: &Producer, record: &Record) {
    let headers = record.headers();
    let view = View(&headers);
    let Some(address) = view.return_address() else {
        return;
    };
    let command_id = view.text(header::COMMAND).expect("a command id").to_owned();
    let key = String::from_utf8(record.key().expect("a key").to_vec()).expect("text");
    let order = OrderSummary {
        status: "reserved".to_owned(),
        total: None,
        payment_deadline: None,
        refund_due: None,
    };
    let now = record.timestamp.log_append().expect("log time");
    let outcome = Outcome {
        command_id: command_id.clone(),
        command: "PlaceOrder".to_owned(),
        kind: "orders".to_owned(),
        key,
        caller: "anonymous".to_owned(),
        decided_at: now,
        version: 1,
        refusal: None,
        order: Some(order),
        position: Vec::new(),
    };
    let reply = Reply {
        correlation: format!("{:032x}", address.correlation),
        command_id,
        answer: Answer::Decided,
        replayed: false,
        outcome: Some(outcome),
        now,
        decided_offset: record.offset,
        dedup_entries: 1,
        live_aggregates: 1,
    };
    let shard = record.partition.shard().expect("a command partition");
    let origin = Origin { shard, incarnation: 0, offset: record.offset, index: 0 };
    let outgoing = Outgoing {
        topic: Topic::Replies.name(),
        partition: address.partition,
        key: None,
        value: &reply.to_single_object(),
        headers: &[(header::ORIGIN, origin.to_string())],
        tag: 0,
    };
    producer.send(&outgoing).expect("the queue has room");
}
