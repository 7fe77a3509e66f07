//! A command log in memory, and the router in front of it.

// Every test file compiles its own copy and uses a part of it.
#![allow(dead_code, unreachable_pub)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use command_api::edge::admission::Bounds;
use command_api::edge::log::{Append, CommandLog, NotTaken};
use command_api::edge::promises::Promises;
use command_api::edge::settings::Settings;
use command_api::edge::shards::Shards;
use command_api::edge::sold_out::SoldOut;
use command_api::edge::waiting::{Unknown, Waiting};
use command_api::edge::{Edge, routes};
use events::header::{ReturnAddress, View};
use events::outcome::{OrderSummary, Outcome, Refusal};
use events::reply::{Answer, Reply};
use events::{Command, Kind, Millis, Money, Position, ShardId};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use shard::edge::Window;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub const PARTITIONS: i32 = 4;
pub const REPLIES_PARTITION: i32 = 1;
pub const WINDOW: Window = Window { accept_ms: 600_000, skew_ms: 30_000 };

/// A record that the log took.
#[derive(Debug, Clone)]
pub struct Taken {
    pub shard: ShardId,
    pub key: String,
    pub command: Command,
    pub headers: Vec<(&'static str, String)>,
    pub ticket: u64,
}

impl Taken {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn return_address(&self) -> ReturnAddress {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
        View(&headers).return_address().expect("a return address")
    }

    /// A reply to this record.
    pub fn reply(&self, answer: Answer, outcome: Option<Outcome>) -> Box<Reply> {
        Box::new(Reply {
            correlation: format!("{:032x}", self.return_address().correlation),
            command_id: self.header("command").expect("a command id").to_owned(),
            answer,
            replayed: false,
            outcome,
            now: 1_234,
            decided_offset: 0,
            dedup_entries: 1,
            live_aggregates: 1,
        })
    }

    /// The outcome of this record: carried out, or refused.
    pub fn outcome(&self, refusal: Option<Refusal>) -> Outcome {
        let order = OrderSummary {
            status: "reserved".to_owned(),
            total: Some(Money::new(100, "EUR")),
            payment_deadline: Some(0),
            refund_due: None,
        };
        Outcome {
            command_id: self.header("command").expect("a command id").to_owned(),
            command: self.command.name().to_owned(),
            kind: self.shard.kind.to_string(),
            key: self.key.clone(),
            caller: "anonymous".to_owned(),
            decided_at: 1_234,
            version: 1,
            refusal,
            order: (self.shard.kind == Kind::Orders).then_some(order),
            position: vec![Position {
                kind: self.shard.kind.to_string(),
                partition: self.shard.partition,
                incarnation: 0,
                link_sequence: 1,
            }],
        }
    }

    pub fn done(&self) -> Vec<Act> {
        vec![Act::Reply(self.reply(Answer::Decided, Some(self.outcome(None))))]
    }
}

/// What the log does about a record.
#[derive(Debug)]
pub enum Act {
    Acknowledge,
    /// By a broker whose clock says this.
    AcknowledgeAt(Millis),
    Fail,
    Reply(Box<Reply>),
}

type Script = dyn Fn(&Taken) -> Result<Vec<Act>, NotTaken> + Send + Sync;

/// Keeps what it takes, and acts on each record by its script before `append` returns.
struct MemoryLog {
    waiting: Arc<Waiting>,
    taken: Arc<Mutex<Vec<Taken>>>,
    script: Box<Script>,
}

impl std::fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryLog")
    }
}

impl CommandLog for MemoryLog {
    fn append(&self, record: Append<'_>) -> Result<(), NotTaken> {
        let taken = Taken {
            shard: record.shard,
            key: record.key.to_owned(),
            command: Command::from_single_object(record.value).expect("a command"),
            headers: record.headers,
            ticket: record.ticket,
        };
        let acts = (self.script)(&taken)?;
        self.taken.lock().expect("no panic").push(taken);
        perform(&self.waiting, record.ticket, acts);
        Ok(())
    }
}

fn perform(waiting: &Waiting, ticket: u64, acts: Vec<Act>) {
    for act in acts {
        match act {
            Act::Acknowledge => {
                waiting.acknowledge(ticket, Ok(None));
            }
            Act::AcknowledgeAt(at) => {
                waiting.acknowledge(ticket, Ok(Some(at)));
            }
            Act::Fail => {
                waiting.acknowledge(ticket, Err(Unknown));
            }
            Act::Reply(reply) => {
                waiting.deliver(*reply);
            }
        }
    }
}

/// An edge in front of a scripted log.
pub struct Bench {
    pub router: Router,
    pub waiting: Arc<Waiting>,
    pub shards: Arc<Shards>,
    pub stopping: CancellationToken,
    taken: Arc<Mutex<Vec<Taken>>>,
}

pub const SETTINGS: Settings = Settings {
    reply_timeout: Duration::from_secs(5),
    wait_max: Duration::from_secs(30),
    append_timeout: Duration::from_secs(5),
    in_flight_max: 8,
    bulk_streams_max: 2,
    bulk_in_flight_max: 4,
    admission_wait_max: Duration::from_secs(2),
    sold_out_hint: Duration::from_secs(60),
    sold_out_hint_from: Duration::from_millis(250),
};

impl Bench {
    pub fn new(
        script: impl Fn(&Taken) -> Result<Vec<Act>, NotTaken> + Send + Sync + 'static,
    ) -> Self {
        Self::with_settings(SETTINGS, script)
    }

    pub fn with_settings(
        settings: Settings,
        script: impl Fn(&Taken) -> Result<Vec<Act>, NotTaken> + Send + Sync + 'static,
    ) -> Self {
        let bounds = Bounds { wait_max: settings.admission_wait_max, dedup_entries_max: 1_000_000 };
        let shards = Arc::new(Shards::new(|_| PARTITIONS, bounds));
        let waiting = Arc::new(Waiting::new(42, settings.in_flight_max, Arc::clone(&shards)));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let log = MemoryLog {
            waiting: Arc::clone(&waiting),
            taken: Arc::clone(&taken),
            script: Box::new(script),
        };
        let stopping = CancellationToken::new();
        let edge = Edge {
            settings,
            log: Box::new(log),
            waiting: Arc::clone(&waiting),
            shards: Arc::clone(&shards),
            sold_out: SoldOut::new(settings.sold_out_hint),
            window: WINDOW.into(),
            replies_partition: REPLIES_PARTITION,
            streams: Arc::new(Semaphore::new(settings.bulk_streams_max)),
            promises: Promises::new(settings.in_flight_max),
            stopping: stopping.clone(),
        };
        let limits = service::http::Limits::default();
        let router = service::http::frame(routes::router(Arc::new(edge)), &limits);
        Self { router, waiting, shards, stopping, taken }
    }

    /// A bench whose log carries every command out.
    pub fn willing() -> Self {
        Self::new(|taken| Ok(taken.done()))
    }

    /// What the log took so far.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().expect("no panic").clone()
    }

    /// The log's later word about a record it took.
    pub fn act(&self, ticket: u64, act: Act) {
        perform(&self.waiting, ticket, vec![act]);
    }

    pub async fn send(&self, request: Request<Body>) -> Answered {
        send_to(&self.router, request).await
    }

    /// Posts JSON with an idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Answered {
        post_to(&self.router, path, "\"key-1\"", body).await
    }

    /// As [`Bench::post`], with one more header.
    pub async fn post_with(&self, path: &str, name: &str, value: &str, body: &Value) -> Answered {
        let request = post(path, "\"key-1\"").header(name, value);
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }
}

/// Posts JSON with an idempotency key to any router.
pub async fn post_to(router: &Router, path: &str, key: &str, body: &Value) -> Answered {
    let request = post(path, key).body(Body::from(body.to_string())).expect("a request");
    send_to(router, request).await
}

async fn send_to(router: &Router, request: Request<Body>) -> Answered {
    let response = router.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a whole body");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answered { status: parts.status, headers: parts.headers, body }
}

fn post(path: &str, key: &str) -> http::request::Builder {
    Request::post(path).header("content-type", "application/json").header("idempotency-key", key)
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answered {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// Asserts that this is a problem of that status and kind.
    pub fn expect_problem(&self, status: u16, slug: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.body["type"], format!("/problems/{slug}"));
        assert!(self.body["retry"].is_string(), "{}", self.body);
        self
    }

    /// The pointers of all errors.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect()
    }
}

/// An order for one line.
pub fn order() -> Value {
    serde_json::json!({"currency": "EUR", "lines": [{"sku": "A-1", "quantity": 2}]})
}
