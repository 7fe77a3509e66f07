//! Why an order is as it is.

use async_graphql::SimpleObject;
use uuid::Uuid;

use super::{
    history::Record,
    scalar::{Long, Time},
};
use crate::read::{stamp, why};

/// What stands behind an order.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "OrderWhy")]
pub(super) struct Why {
    /// Rising by version; the last one made the order what it is.
    events: Vec<Cause>,
    /// The commands that the events stem from and whose outcomes are still kept, by time.
    commands: Vec<CommandBehind>,
    /// The projection in the partition that the order's events come from.
    projection: Option<Projection>,
    /// Set when later events of the order wait behind a dead letter, so that the order is old.
    parked: Option<Parked>,
}

/// One event and what led to it.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Cause {
    /// Version of the order after the event.
    version: Long,
    /// Name of the event.
    #[graphql(name = "type")]
    name: String,
    /// Log time: when the broker took the command that decided it.
    at: Time,
    /// When the projector applied it, by the clock of PostgreSQL; a rebuild applies it anew.
    applied_at: Option<Time>,
    /// Milliseconds between the two; null where a rebuild or a reset applied the event anew.
    delay_ms: Option<Long>,
    /// Where the event lies.
    record: Record,
    /// The step that wrote it: shard, incarnation, offset of the command, index within the step.
    origin: Option<String>,
    /// Where the command lies that the step carried out: a client's, another shard's, or a tick.
    decided_by: Option<CommandPlace>,
    /// The client command that it stems from; null where time or another shard led to it.
    command_id: Option<Uuid>,
}

/// Where a command lies in the command log.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct CommandPlace {
    topic: String,
    partition: i32,
    offset: Long,
}

/// A client command behind an order.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct CommandBehind {
    command_id: Uuid,
    /// Name of the command.
    command: String,
    /// Who sent it.
    caller: String,
    /// `done` or `refused`.
    status: String,
    /// Log time of the decision.
    decided_at: Time,
}

/// How far a projection is in a partition.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Projection {
    /// The build of the read model that is live.
    generation: i32,
    topic: String,
    partition: i32,
    incarnation: Long,
    /// The last event of the partition that is applied.
    link_sequence: Long,
    /// `running`, or `paused` by an operator.
    state: String,
    /// Log time of the last event that was applied.
    event_time: Option<Time>,
    /// When the checkpoint moved last.
    updated_at: Time,
    /// Why nothing is applied although it should be.
    trouble: Option<String>,
}

/// The dead letter behind which later events of a key wait.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Parked {
    topic: String,
    partition: i32,
    incarnation: Long,
    /// Place of the dead letter in the link from the key's shard to its event partition.
    link_sequence: Long,
    /// When it was put aside.
    since: Time,
}

impl From<why::Why> for Why {
    fn from(why: why::Why) -> Self {
        Self {
            events: why.events.into_iter().map(Cause::from).collect(),
            commands: why.commands.into_iter().map(CommandBehind::from).collect(),
            projection: why.projection.map(Projection::from),
            parked: why.parked.map(Parked::from),
        }
    }
}

impl From<why::Cause> for Cause {
    fn from(cause: why::Cause) -> Self {
        Self {
            version: Long(cause.version),
            name: cause.event,
            at: Time(cause.at),
            applied_at: cause.applied_at.map(Time),
            delay_ms: cause.delay_ms.map(Long),
            record: cause.record.into(),
            origin: cause.origin,
            decided_by: cause.decided_by.map(|why::CommandPlace { topic, partition, offset }| {
                CommandPlace { topic, partition, offset: Long(offset) }
            }),
            command_id: cause.command_id,
        }
    }
}

impl From<why::CommandBehind> for CommandBehind {
    fn from(behind: why::CommandBehind) -> Self {
        let why::CommandBehind { command_id, command, caller, status, decided_at } = behind;
        Self { command_id, command, caller, status, decided_at: Time(decided_at) }
    }
}

impl From<why::ProjectionState> for Projection {
    fn from(state: why::ProjectionState) -> Self {
        Self {
            generation: state.generation,
            topic: state.topic,
            partition: state.partition,
            incarnation: Long(state.incarnation),
            link_sequence: Long(state.link_sequence),
            state: state.state,
            event_time: state.event_time.map(Time),
            updated_at: Time(state.updated_at),
            trouble: state.trouble,
        }
    }
}

impl From<stamp::Parked> for Parked {
    fn from(parked: stamp::Parked) -> Self {
        Self {
            topic: parked.topic,
            partition: parked.partition,
            incarnation: Long(parked.incarnation),
            link_sequence: Long(parked.link_sequence),
            since: Time(parked.since),
        }
    }
}
