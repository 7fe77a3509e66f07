//! Tells a listener which step of a start runs and how long each took.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

/// A step of a start. All but the first two run side by side as far as they can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Fetching, checking and unpacking; only when the cache does not hold the artifacts yet.
    Artifacts,
    /// Recording which classes the Java parts load, so that later starts are quick; once.
    ClassArchive,
    /// The brokers.
    Kafka,
    /// PostgreSQL, with its databases.
    Postgres,
    /// The schema registry, with its global compatibility.
    Registry,
    /// Redis.
    Redis,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Artifacts => "artifacts",
            Self::ClassArchive => "class archive",
            Self::Kafka => "Kafka",
            Self::Postgres => "PostgreSQL",
            Self::Registry => "schema registry",
            Self::Redis => "Redis",
        })
    }
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has begun.
    Started,
    /// It is done. A step that fails has no such event; the start returns the error.
    Finished {
        /// Wall time since its start.
        took: Duration,
    },
}

/// One line of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The step.
    pub step: Step,
    /// Where it is.
    pub state: State,
}

/// The listener of a start; by default nobody listens. It is called on the task that starts the
/// stack and must not block.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(Event) + Send + Sync>>);

impl Progress {
    /// Calls `listener` for every event.
    pub fn new(listener: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Runs `work` between the two events of `step`.
    pub(crate) async fn step<T, E>(
        &self,
        step: Step,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let begun = Instant::now();
        self.tell(Event { step, state: State::Started });
        let done = work.await?;
        self.tell(Event { step, state: State::Finished { took: begun.elapsed() } });
        Ok(done)
    }

    fn tell(&self, event: Event) {
        if let Some(listener) = &self.0 {
            listener(event);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Progress(listener)" } else { "Progress(nobody)" })
    }
}
