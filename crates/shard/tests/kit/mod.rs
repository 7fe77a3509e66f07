//! A world of shards with their logs in memory, stepped in one fixed order.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;

use events::{
    Command, Event, Kind, ShardId, Topic,
    codec::Record as _,
    command::{ActivateRules, Parameters, ProposeRules},
    header::{self, View},
    line::OrderLine,
    outcome::Outcome,
    partitioner::shard_of,
    profile::Profile,
    reply::Reply,
};
use shard::{Halt, Notice, Output, Record, State, Step, Timestamp, step};
use uuid::Uuid;

/// A record that waits in a log.
#[derive(Debug, Clone)]
pub struct Stored {
    pub timestamp: Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

/// All shards of a small deployment, their logs, and everything they wrote.
pub struct World {
    pub parameters: Parameters,
    pub now: i64,
    pub logs: BTreeMap<ShardId, Vec<Stored>>,
    pub states: BTreeMap<ShardId, State>,
    pub outputs: Vec<Output>,
    pub notices: Vec<Notice>,
    correlation: u128,
}

pub const START_MS: i64 = 1_795_770_000_000;

impl World {
    /// Shards with their first rules, as `spillway topics apply` writes them.
    pub fn new() -> Self {
        Self::with(Profile::LOCAL.parameters())
    }

    pub fn with(parameters: Parameters) -> Self {
        let mut world = Self::empty(parameters);
        let shards: Vec<ShardId> = world.logs.keys().copied().collect();
        for shard in shards {
            let proposal = ProposeRules {
                revision: 1,
                rules: 1,
                stream_id: format!("stream-of-{}-{}", shard.kind, shard.partition),
                parameters,
            };
            world.append_control(shard, &proposal.into());
            world.append_control(shard, &ActivateRules { revision: 1 }.into());
        }
        world.run();
        world.outputs.clear();
        world.notices.clear();
        world
    }

    /// Shards whose logs are empty.
    pub fn empty(parameters: Parameters) -> Self {
        let mut logs = BTreeMap::new();
        for kind in Kind::ALL {
            for partition in 0..parameters.shards(kind) {
                logs.insert(ShardId::new(kind, partition), Vec::new());
            }
        }
        let states = logs.keys().map(|shard| (*shard, State::new(*shard))).collect();
        Self {
            parameters,
            now: START_MS,
            logs,
            states,
            outputs: Vec::new(),
            notices: Vec::new(),
            correlation: 0,
        }
    }

    pub fn append_control(&mut self, shard: ShardId, command: &Command) {
        self.append(shard, None, Some(command.to_single_object()), Vec::new());
    }

    pub fn append(
        &mut self,
        shard: ShardId,
        key: Option<&[u8]>,
        value: Option<Vec<u8>>,
        headers: Vec<(String, Vec<u8>)>,
    ) {
        let stored = Stored {
            timestamp: Timestamp::LogAppend(self.now),
            key: key.map(<[u8]>::to_vec),
            value,
            headers,
        };
        self.logs.get_mut(&shard).expect("a shard of this world").push(stored);
    }

    /// Appends a client command under an idempotency key, as an edge does; gives its correlation.
    pub fn post(&mut self, idempotency_key: &str, command: impl Into<Command>) -> String {
        self.post_with(idempotency_key, command, self.now, None)
    }

    pub fn post_with(
        &mut self,
        idempotency_key: &str,
        command: impl Into<Command>,
        issued_at: i64,
        if_match: Option<i64>,
    ) -> String {
        let command = command.into();
        let shard = self.home_of(&command);
        let headers = self.client_headers(idempotency_key, &command, issued_at, if_match);
        let key = command.key().map(str::as_bytes).map(<[u8]>::to_vec);
        self.append(shard, key.as_deref(), Some(command.to_single_object()), headers);
        format!("{:032x}", self.correlation)
    }

    pub fn client_headers(
        &mut self,
        idempotency_key: &str,
        command: &Command,
        issued_at: i64,
        if_match: Option<i64>,
    ) -> Vec<(String, Vec<u8>)> {
        self.correlation += 1;
        let key = command.key().unwrap_or_default();
        let kind = command.kind().expect("a client command");
        let id = events::id::command_id("anonymous", kind, key, idempotency_key);
        let mut headers = vec![
            (header::COMMAND.to_owned(), id.to_string().into_bytes()),
            (header::CALLER.to_owned(), b"anonymous".to_vec()),
            (header::ISSUED_AT.to_owned(), issued_at.to_string().into_bytes()),
            (header::REPLY_TO.to_owned(), format!("0:{:032x}", self.correlation).into_bytes()),
        ];
        if let Some(version) = if_match {
            headers.push((header::IF_MATCH.to_owned(), version.to_string().into_bytes()));
        }
        headers
    }

    pub fn home_of(&self, command: &Command) -> ShardId {
        let kind = command.kind().expect("a command of one kind");
        shard_of(kind, command.key().expect("a keyed command"), self.parameters.shards(kind))
    }

    /// Steps all shards until no log has an unread record. Panics on a halt.
    pub fn run(&mut self) {
        self.try_run().expect("no shard halts");
    }

    pub fn try_run(&mut self) -> Result<(), Halt> {
        loop {
            let next = self.logs.iter().find_map(|(shard, log)| {
                let at = usize::try_from(self.states[shard].next_offset()).expect("an offset");
                Some((*shard, at, log.get(at)?.clone()))
            });
            let Some((shard, at, stored)) = next else { return Ok(()) };
            let state = self.states.get_mut(&shard).expect("a state");
            let done = step_stored(state, at, &stored)?;
            self.notices.extend(done.notices);
            for output in done.outputs {
                self.deliver(&output);
                self.outputs.push(output);
            }
        }
    }

    /// Puts a follow-up into the log it goes to.
    pub fn deliver(&mut self, output: &Output) {
        let Topic::Commands(kind) = output.topic else { return };
        let headers =
            output.headers.iter().map(|(n, v)| ((*n).to_owned(), v.clone().into_bytes())).collect();
        self.append(
            ShardId::new(kind, output.partition),
            output.key.as_deref().map(str::as_bytes),
            Some(output.value.clone()),
            headers,
        );
    }

    pub fn replies(&self) -> Vec<Reply> {
        let of_topic = self.outputs.iter().filter(|o| o.topic == Topic::Replies);
        of_topic.map(|o| Reply::from_single_object(&o.value).expect("a reply")).collect()
    }

    /// The only reply to a correlation.
    pub fn reply(&self, correlation: &str) -> Reply {
        let mut replies: Vec<Reply> =
            self.replies().into_iter().filter(|r| r.correlation == correlation).collect();
        assert_eq!(replies.len(), 1, "one reply to {correlation}");
        replies.remove(0)
    }

    pub fn outcome(&self, correlation: &str) -> Outcome {
        self.reply(correlation).outcome.expect("a decided reply")
    }

    pub fn refusal_code(&self, correlation: &str) -> Option<String> {
        self.outcome(correlation).refusal.map(|refusal| refusal.code)
    }

    pub fn events(&self) -> Vec<Event> {
        let of_topic = self.outputs.iter().filter(|o| matches!(o.topic, Topic::Events(_)));
        of_topic
            .map(|o| Event::from_datum(o.event.expect("a name"), &o.value).expect("an event"))
            .collect()
    }

    pub fn event_names(&self) -> Vec<&'static str> {
        self.events().iter().map(Event::name).collect()
    }

    /// Registers a product with stock.
    pub fn stock(&mut self, sku: &str, price: i64, quantity: i64) {
        use events::{
            Money,
            command::{ReceiveStock, RegisterProduct},
        };
        let name = format!("Product {sku}");
        self.post(
            &format!("register-{sku}"),
            RegisterProduct { sku: sku.to_owned(), name, price: Money::new(price, "GBP") },
        );
        let reference = format!("delivery-{sku}");
        self.post(
            &reference,
            ReceiveStock { sku: sku.to_owned(), reference: reference.clone(), quantity },
        );
        self.run();
        self.outputs.clear();
    }
}

pub fn step_stored(state: &mut State, at: usize, stored: &Stored) -> Result<Step, Halt> {
    let headers: Vec<(&str, &[u8])> =
        stored.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    step(
        state,
        &Record {
            offset: i64::try_from(at).expect("an offset"),
            timestamp: stored.timestamp,
            key: stored.key.as_deref(),
            value: stored.value.as_deref(),
            headers: View(&headers),
        },
    )
}

pub fn header<'a>(output: &'a Output, name: &str) -> Option<&'a str> {
    output.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}

pub fn place(order_id: &str, lines: &[(&str, i64)]) -> events::command::PlaceOrder {
    let lines = lines
        .iter()
        .zip(1..)
        .map(|((sku, quantity), line)| OrderLine {
            line,
            sku: (*sku).to_owned(),
            quantity: *quantity,
            unit_price_max: None,
        })
        .collect();
    events::command::PlaceOrder {
        order_id: order_id.to_owned(),
        customer_id: None,
        currency: "GBP".to_owned(),
        lines,
    }
}

pub fn pay(order_id: &str, amount: i64) -> events::command::PayOrder {
    events::command::PayOrder {
        order_id: order_id.to_owned(),
        reference: "payment".to_owned(),
        amount: events::Money::new(amount, "GBP"),
    }
}

pub fn uuid_text(n: u128) -> Vec<u8> {
    Uuid::from_u128(n).to_string().into_bytes()
}
