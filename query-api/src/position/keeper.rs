//! The one task that reads checkpoints, for all who wait.

use std::{sync::Arc, time::Duration};

use service::health::{Condition, Heartbeat};
use sqlx::{PgPool, postgres::PgListener};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Known, demand::Demand};
use crate::read::{
    Database, Error,
    checkpoint::{self, Marks, ParkedKeys},
};

/// The channel on which the projector tells that checkpoints have moved.
const CHANNEL: &str = "checkpoints";

/// How often to read while nobody waits: often enough that `/readyz` tells of a lost PostgreSQL
/// before the next probe of a usual load balancer.
const IDLE: Duration = Duration::from_secs(1);

/// Keeps the known checkpoints fresh while somebody waits, and readiness true at any time.
#[derive(Debug)]
pub struct Keeper {
    /// Connections of their own: a pool that slow queries have exhausted must not make those who
    /// wait miss what they wait for.
    pub(super) pool: PgPool,
    pub(super) notices: PgPool,
    /// The requests' pool, whose use is reported.
    pub(super) database: Database,
    /// The longest between two readings while somebody waits.
    pub(super) poll: Duration,
    pub(super) known: watch::Sender<Known>,
    pub(super) demand: Demand,
    /// A notice came in; several count as one.
    pub(super) moved: Arc<Notify>,
}

impl Keeper {
    /// Runs until told to stop. The condition says whether the read models can be read; each look
    /// at them beats. A replica has neither.
    pub async fn run(self, health: Option<(Condition, Heartbeat)>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            // A replica takes no LISTEN; it is looked at more often while somebody waits.
            () = self.listen(), if health.is_some() => {}
            () = self.refresh(health.as_ref()) => {}
        }
    }

    async fn refresh(&self, health: Option<&(Condition, Heartbeat)>) {
        let mut trouble = None;
        loop {
            self.database.retire();
            if let Some((_, heartbeat)) = health {
                heartbeat.beat();
                self.database.report();
            }
            let condition = health.map(|(condition, _)| condition);
            let now = self.read(condition).await.err().map(|error| cause(&error));
            if now != trouble
                && let Some(cause) = &now
            {
                tracing::warn!(cause, "Checkpoints cannot be read; trying on.");
            }
            trouble = now;
            if self.demand.is_any() {
                tokio::select! {
                    () = self.demand.begun() => {}
                    () = self.moved.notified() => {}
                    () = sleep(self.poll) => {}
                }
            } else {
                tokio::select! {
                    () = self.demand.begun() => {}
                    () = sleep(IDLE) => {}
                }
            }
        }
    }

    async fn read(&self, condition: Option<&Condition>) -> Result<(), Error> {
        let (marks, parked) = match self.look().await {
            Ok(found) => found,
            Err(error) => {
                if let Some(condition) = condition {
                    condition.set_unready(error.to_string());
                }
                self.known.send_if_modified(|known| std::mem::take(&mut known.reachable));
                return Err(error);
            }
        };
        if let Some(condition) = condition {
            condition.set_ready();
        }
        self.known.send_if_modified(|known| {
            let modified = !known.reachable || *known.marks != marks || known.parked != parked;
            if modified {
                *known = Known { marks: Arc::new(marks), parked, reachable: true };
            }
            modified
        });
        Ok(())
    }

    /// The parked keys come second: one that was parked behind these marks is among them.
    async fn look(&self) -> Result<(Marks, ParkedKeys), Error> {
        let time = self.database.deadline();
        let marks = checkpoint::read_marks(&self.pool, time).await?;
        Ok((marks, checkpoint::count_parked(&self.pool, time).await?))
    }

    /// Passes notices on. A separate loop, because `PgListener` forgets its subscription when a
    /// receive is abandoned in the middle of a reconnect.
    async fn listen(&self) {
        loop {
            if let Err(error) = self.receive().await {
                tracing::debug!(%error, "no notices from PostgreSQL; checkpoints are polled");
            }
            sleep(IDLE).await;
        }
    }

    async fn receive(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.notices).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // Nothing is read from a notice: also a lost connection, which may have cost some,
            // means that it is time to look.
            listener.try_recv().await?;
            self.moved.notify_one();
        }
    }
}

/// What to look for when the checkpoints cannot be read: the innermost source says most.
fn cause(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
