//! Why an order's row is as it is: its events with their places in the log, the commands that led to
//! them, how far the projection is, and how long each took to become visible.

use chrono::{DateTime, Utc};
use events::{Origin, Topic};
use serde::Serialize;
use sqlx::{Connection as _, PgConnection, Row, postgres::PgRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Database, Error,
    checkpoint::Projection,
    database::MOMENT,
    history::RecordPlace,
    lease::Lease,
    stamp::{self, Parked, Stamp},
    time,
};

/// What stands behind an order's row.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Why {
    #[schema(example = "o-1")]
    pub order_id: String,
    /// Rising by version; the last one made the row what it is.
    pub events: Vec<Cause>,
    /// The commands that the events stem from and whose outcomes are still kept, by time.
    pub commands: Vec<CommandBehind>,
    /// The projection in the partition that the order's events come from; null before any came.
    pub projection: Option<ProjectionState>,
    /// Set when later events of the order wait behind a dead letter, so that the row is old.
    pub parked: Option<Parked>,
}

/// One event of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Cause {
    /// Version of the order after the event.
    #[schema(example = 1)]
    pub version: i64,
    #[serde(rename = "type")]
    #[schema(example = "OrderPlaced")]
    pub event: String,
    /// Log time: when the broker took the command that decided it.
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub at: DateTime<Utc>,
    /// When the projector applied it, by the clock of PostgreSQL; a rebuild applies it anew. Null for
    /// rows from before this was kept.
    #[serde(serialize_with = "time::optional::serialize")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub applied_at: Option<DateTime<Utc>>,
    /// Milliseconds between the two; the clocks of brokers and PostgreSQL both count. Null also where a
    /// rebuild or a reset applied the event anew: nobody waited that long.
    pub delay_ms: Option<i64>,
    /// Where the event lies.
    pub record: RecordPlace,
    /// The step that wrote it: shard, incarnation, offset of the command, index within the step. Null
    /// for rows from before this was kept.
    #[schema(example = "orders/3:0:1234:0")]
    pub origin: Option<String>,
    /// Where the command lies that the step carried out: a client's, another shard's, or a tick.
    pub decided_by: Option<CommandPlace>,
    /// The client command that it stems from; null where time or another shard led to it.
    #[schema(value_type = Option<String>, format = "uuid")]
    pub command_id: Option<Uuid>,
}

/// Where a command lies in the command log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommandPlace {
    #[schema(example = "orders.commands.v1")]
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// A client command behind the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct CommandBehind {
    #[schema(value_type = String, format = "uuid")]
    pub command_id: Uuid,
    #[schema(example = "PlaceOrder")]
    pub command: String,
    /// Who sent it.
    #[schema(example = "anonymous")]
    pub caller: String,
    /// `done` or `refused`.
    #[schema(example = "done")]
    pub status: String,
    /// Log time of the decision.
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub decided_at: DateTime<Utc>,
}

/// How far the projection is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct ProjectionState {
    /// The build of the read model that is live.
    pub generation: i32,
    #[schema(example = "orders.events.v1")]
    pub topic: String,
    pub partition: i32,
    pub incarnation: i64,
    /// The last event of the partition that is applied.
    pub link_sequence: i64,
    /// `running`, or `paused` by an operator.
    #[schema(example = "running")]
    pub state: String,
    /// Log time of the last event that was applied.
    #[serde(serialize_with = "time::optional::serialize")]
    #[schema(value_type = Option<String>, format = "date-time")]
    pub event_time: Option<DateTime<Utc>>,
    /// When the checkpoint moved last.
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: DateTime<Utc>,
    /// Why nothing is applied although it should be.
    pub trouble: Option<String>,
}

/// An event was applied anew when it was before the switch to the build that is live, or when it is
/// older than a reset of its partition, or a rebuild of its key, and its row is not.
const EVENTS: &str = "
    SELECT version, type, at, applied_at, topic, partition, kafka_offset, link_sequence, origin,
           command_id,
           coalesce(
               applied_at <= (SELECT switched_at FROM generations
                              WHERE projection = 'orders' AND state = 'live')
               OR EXISTS (SELECT FROM operations o
                          WHERE o.projection = 'orders' AND h.at < o.at AND o.at <= h.applied_at
                            AND (o.verb = 'reset'
                                 AND (o.topic, o.partition) = (h.topic, h.partition)
                                 OR o.verb = 'rebuild' AND o.detail ->> 'key' = h.order_id)),
               false) AS is_anew
    FROM order_history h WHERE order_id = $1 ORDER BY version";

const COMMANDS: &str = "
    SELECT command_id, command, caller, status, decided_at
    FROM outcomes WHERE command_id = ANY($1) ORDER BY decided_at, command_id";

const PROJECTION: &str = "
    SELECT generation, topic, partition, incarnation, link_sequence, state, event_time, updated_at,
           trouble
    FROM live_checkpoints WHERE projection = 'orders' AND topic = $1 AND partition = $2";

const STAMP: &str = concat!("SELECT ", stamp::columns!("orders"));

impl Database {
    /// What stands behind the order's row; nothing when no event of it was ever read.
    pub async fn why_order(&self, order_id: &str) -> Result<Option<Why>, Error> {
        self.read(|mut lease| async move {
            let read = in_one_snapshot(&mut lease, order_id).await;
            lease.end(read)
        })
        .await
    }
}

async fn in_one_snapshot(lease: &mut Lease, order_id: &str) -> Result<Option<Why>, sqlx::Error> {
    let mut snapshot = lease.begin_with(MOMENT).await?;
    let why = behind(&mut snapshot, order_id).await?;
    snapshot.commit().await?;
    Ok(why)
}

async fn behind(snapshot: &mut PgConnection, order_id: &str) -> Result<Option<Why>, sqlx::Error> {
    let events: Vec<Cause> = sqlx::query(EVENTS)
        .bind(order_id)
        .try_map(|row: PgRow| cause(&row))
        .fetch_all(&mut *snapshot)
        .await?;
    let stamp = sqlx::query(STAMP)
        .bind(order_id)
        .try_map(|row: PgRow| Stamp::of(&row, Projection::Orders))
        .fetch_one(&mut *snapshot)
        .await?;
    let (parked, last) = (stamp.parked, events.last().map(|cause| &cause.record));
    let partition = last
        .map(|record| (record.topic.clone(), record.partition))
        .or_else(|| parked.as_ref().map(|parked| (parked.topic.clone(), parked.partition)));
    let Some((topic, partition)) = partition else { return Ok(None) };
    let projection = sqlx::query_as(PROJECTION)
        .bind(topic)
        .bind(partition)
        .fetch_optional(&mut *snapshot)
        .await?;
    let ids: Vec<Uuid> = events.iter().filter_map(|cause| cause.command_id).collect();
    let commands = sqlx::query_as(COMMANDS).bind(ids).fetch_all(&mut *snapshot).await?;
    let order_id = order_id.to_owned();
    Ok(Some(Why { order_id, events, commands, projection, parked }))
}

fn cause(row: &PgRow) -> Result<Cause, sqlx::Error> {
    let at: DateTime<Utc> = row.try_get("at")?;
    let applied_at: Option<DateTime<Utc>> = row.try_get("applied_at")?;
    let origin: Option<String> = row.try_get("origin")?;
    let is_anew: bool = row.try_get("is_anew")?;
    Ok(Cause {
        version: row.try_get("version")?,
        event: row.try_get("type")?,
        at,
        applied_at,
        delay_ms: applied_at
            .filter(|_| !is_anew)
            .map(|applied_at| (applied_at - at).num_milliseconds()),
        record: RecordPlace::of(row)?,
        decided_by: origin.as_deref().and_then(decided_by),
        origin,
        command_id: row.try_get("command_id")?,
    })
}

fn decided_by(origin: &str) -> Option<CommandPlace> {
    let origin: Origin = origin.parse().ok()?;
    Some(CommandPlace {
        topic: Topic::Commands(origin.shard.kind).name().to_owned(),
        partition: origin.shard.partition,
        offset: origin.offset,
    })
}
