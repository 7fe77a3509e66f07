//! Reading a record: who wrote it, and is it a command of ours (PROTOCOL 24).

use events::{
    Command, Millis, ShardId, codec,
    command::Author,
    header::{self, ReturnAddress},
    partitioner,
    position::Mark,
};
use uuid::Uuid;

use crate::{chain::fingerprint_of, halt::Halt, record::Record, state::State};

/// The longest caller name; ids of the contract share this bound.
const CALLER_BYTES_MAX: usize = 128;
/// The longest key that is taken in. An outcome carries the key twice, so a key without a bound
/// would give an output that no topic takes, and stop the shard for good.
const KEY_BYTES_MAX: usize = domain::bounds::IDENTIFIER_CHARS_MAX;

/// A record, sorted by who may have written it.
#[derive(Debug)]
pub(crate) enum Intake<'a> {
    Client(Client<'a>),
    FollowUp(FollowUp<'a>),
    Control(Command),
    /// No command of ours: it leaves a dead letter and moves nothing.
    Foreign(Fault),
}

/// One copy of a client command.
#[derive(Debug)]
pub(crate) struct Client<'a> {
    pub(crate) command_id: u128,
    pub(crate) caller: &'a str,
    pub(crate) issued_at: Millis,
    pub(crate) reply_to: Option<ReturnAddress>,
    pub(crate) if_match: Option<i64>,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) fingerprint: u64,
    /// The record's key; empty where it is absent, not text, or longer than any id.
    pub(crate) key: &'a str,
    pub(crate) body: Result<Command, Fault>,
}

/// A command of another shard.
#[derive(Debug)]
pub(crate) struct FollowUp<'a> {
    pub(crate) source: ShardId,
    pub(crate) mark: Mark,
    pub(crate) revision: i64,
    /// The client command that it stems from.
    pub(crate) command_id: Option<u128>,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) command: Command,
}

/// Why a record cannot be taken as a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

/// Reads a record as the code of a rules version reads it.
pub(crate) fn read<'a>(state: &State, record: &Record<'a>, rules: i32) -> Result<Intake<'a>, Halt> {
    let command = match record.value {
        Some(value) => decode(value, rules).map_err(|error| unreadable(&error)),
        None => Err(Fault::new("not-a-command", "the record has no value")),
    };
    if let Some((source, mark)) = record.headers.link() {
        return read_follow_up(record, source, mark, command);
    }
    Ok(match command {
        Ok(command) if command.author() == Author::Control => Intake::Control(command),
        Ok(command) if command.author() == Author::Shard => Intake::Foreign(Fault::new(
            "not-a-command",
            format!("a {} without the headers of a follow-up", command.name()),
        )),
        body => read_client(state, record, body),
    })
}

/// A command that only later rules know is no command: a build that does not have them finds a schema
/// that it does not know, and whoever shares the log with it must decide the same.
fn decode(value: &[u8], rules: i32) -> Result<Command, codec::Error> {
    let command = Command::from_single_object(value)?;
    if command.first_rules() <= rules.max(1) {
        return Ok(command);
    }
    Err(codec::Error::UnknownSchema(codec::fingerprint_of(value)?))
}

fn read_follow_up<'a>(
    record: &Record<'a>,
    source_shard: ShardId,
    mark: Mark,
    command: Result<Command, Fault>,
) -> Result<Intake<'a>, Halt> {
    let command = command
        .map_err(|fault| Halt::FollowUpUnreadable { source_shard, message: fault.message })?;
    if command.author() != Author::Shard {
        let message = format!("a {} with the headers of a follow-up", command.name());
        return Ok(Intake::Foreign(Fault::new("not-a-command", message)));
    }
    let Some(revision) = record.headers.number(header::RULES) else {
        let message = "the rules header is missing or no number".to_owned();
        return Err(Halt::FollowUpUnreadable { source_shard, message });
    };
    Ok(Intake::FollowUp(FollowUp {
        source: source_shard,
        mark,
        revision,
        command_id: command_id(record),
        traceparent: record.headers.text(header::TRACEPARENT),
        command,
    }))
}

fn read_client<'a>(state: &State, record: &Record<'a>, body: Result<Command, Fault>) -> Intake<'a> {
    let (Some(command_id), Some(issued_at)) =
        (command_id(record), record.headers.number(header::ISSUED_AT))
    else {
        return Intake::Foreign(body.err().unwrap_or_else(|| {
            Fault::new("not-a-command", "the command or issued-at header is missing or malformed")
        }));
    };
    let caller = record.headers.text(header::CALLER).unwrap_or("anonymous");
    if caller.len() > CALLER_BYTES_MAX {
        return Intake::Foreign(Fault::new("not-a-command", "the caller header is too long"));
    }
    let if_match = record.headers.number(header::IF_MATCH);
    let body = if record.headers.is_present(header::IF_MATCH) && if_match.is_none() {
        Err(Fault::new("undecodable", "the if-match header is no number"))
    } else {
        body.and_then(|command| check_address(state, record, command))
    };
    Intake::Client(Client {
        command_id,
        caller,
        issued_at,
        reply_to: record.headers.return_address(),
        if_match,
        traceparent: record.headers.text(header::TRACEPARENT),
        fingerprint: fingerprint_of(record.value.unwrap_or_default()),
        key: text_key(record).unwrap_or_default(),
        body,
    })
}

fn text_key<'a>(record: &Record<'a>) -> Option<&'a str> {
    let key = record.key.filter(|key| key.len() <= KEY_BYTES_MAX)?;
    std::str::from_utf8(key).ok()
}

/// The command stands in the right topic, under its own key, in the key's partition.
fn check_address(state: &State, record: &Record<'_>, command: Command) -> Result<Command, Fault> {
    let Some(key) = record.key else {
        return Err(Fault::new("null-key", "the record has no key"));
    };
    if key.len() > KEY_BYTES_MAX {
        return Err(Fault::new("wrong-key", "the record's key is longer than any id"));
    }
    if command.key().map(str::as_bytes) != Some(key) {
        return Err(Fault::new("wrong-key", "the record's key is not the id in its body"));
    }
    if command.kind() != Some(state.shard.kind) {
        let message = format!("a {} does not belong to {}", command.name(), state.shard.kind);
        return Err(Fault::new("wrong-topic", message));
    }
    let Some(rules) = state.rules() else { return Ok(command) };
    let partitions = rules.parameters.shards(state.shard.kind);
    let partition = partitioner::partition_of(key, partitions);
    if partition != state.shard.partition {
        let message = format!("the key belongs to partition {partition}");
        return Err(Fault::new("wrong-partition", message));
    }
    Ok(command)
}

fn command_id(record: &Record<'_>) -> Option<u128> {
    record.headers.text(header::COMMAND)?.parse::<Uuid>().ok().map(|id| id.as_u128())
}

fn unreadable(error: &codec::Error) -> Fault {
    let class = match error {
        codec::Error::UnknownSchema(_) => "unknown-schema",
        _ => "undecodable",
    };
    Fault::new(class, error.to_string())
}
