//! Processes that never outlive their owner.
//!
//! Every program starts behind a *gate* and beside a *guard*, two lines of shell each:
//!
//! 1. The gate is started in a process group of its own and waits for one line on its input.
//! 2. The guard is started with the read end of a pipe that only the owner can write, and with the
//!    number of that group.
//! 3. The owner writes the line, and the gate becomes the program.
//!
//! If the owner dies before step 3, the gate's input ends and it never starts anything. If it dies
//! later, even by SIGKILL, the guard's pipe ends and the guard kills the group. Neither depends on
//! the thread that started the program or on a change of user in between, both of which void a
//! parent-death signal. The own group also keeps a Ctrl-C of the terminal away from the programs:
//! the owner stops them in order.

mod group;
mod log;
mod ready;
mod run;
mod spec;

use std::{
    path::Path,
    process::ExitStatus,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep, timeout};

use self::group::Group;
use crate::error::Error;

pub(crate) use self::run::to_end;
pub use self::spec::{Ready, Spec, StopSignal};

/// Between two starts of a process that found something of its predecessor still there.
const RETRY: Duration = Duration::from_millis(100);
/// After SIGKILL the kernel needs moments; a process that is still there is stuck in a system call.
const KILL_WITHIN: Duration = Duration::from_secs(10);

/// One program under supervision. It may be killed, paused, stopped and started again any number
/// of times, always from the same [`Spec`], thus on the same ports and data. Dropping it kills the
/// program and everything in its process group.
#[derive(Debug)]
pub struct Process {
    spec: Spec,
    current: Mutex<Option<Arc<Group>>>,
}

impl Process {
    /// A process that is not started yet.
    #[must_use]
    pub fn new(spec: Spec) -> Self {
        Self { spec, current: Mutex::new(None) }
    }

    /// Starts the program and waits until it is ready.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub async fn spawn(spec: Spec) -> Result<Self, Error> {
        let process = Self::new(spec);
        process.start().await?;
        Ok(process)
    }

    /// Starts the program and waits until it is ready, within [`Spec::start_within`].
    ///
    /// # Errors
    /// [`Error::Died`] and [`Error::NotReady`] with the last lines of the log; after both nothing
    /// runs. [`Error::AlreadyRunning`]; [`Error::Io`] when it cannot be started at all.
    pub async fn start(&self) -> Result<(), Error> {
        let deadline = Instant::now() + self.spec.start_within;
        loop {
            let group = self.launch()?;
            let outcome = ready::wait(&self.spec, &group, deadline).await;
            match outcome {
                Err(Error::Died { ref tail, .. })
                    if self.spec.is_passing(tail) && Instant::now() + RETRY < deadline =>
                {
                    sleep(RETRY).await;
                }
                Err(Error::NotReady { .. }) => {
                    self.kill().await;
                    return outcome;
                }
                _ => return outcome,
            }
        }
    }

    /// Asks the program to end, waits for [`Spec::grace`], then kills it. A paused one is resumed,
    /// for it could not hear the request. `None` when it did not run; else how it ended.
    pub async fn stop(&self) -> Option<ExitStatus> {
        let group = self.group()?;
        group.signal(self.spec.stop_signal.into());
        group.signal(Signal::SIGCONT);
        if let Ok(status) = timeout(self.spec.grace, group.ended()).await {
            return Some(status);
        }
        tracing::warn!(
            process = self.spec.name,
            grace_ms = self.spec.grace.as_millis(),
            "did not stop in time and is killed"
        );
        self.kill().await
    }

    /// Kills the program and its process group with SIGKILL and waits until it is gone. `None` when
    /// it did not run, or when the kernel has not let go of it after ten seconds.
    pub async fn kill(&self) -> Option<ExitStatus> {
        let group = self.group()?;
        group.kill();
        timeout(KILL_WITHIN, group.ended()).await.ok()
    }

    /// Stops the program in its tracks, as a long pause of its machine would.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub fn pause(&self) -> Result<(), Error> {
        self.signal(Signal::SIGSTOP)
    }

    /// Ends a pause; harmless without one.
    ///
    /// # Errors
    /// [`Error::NotRunning`].
    pub fn resume(&self) -> Result<(), Error> {
        self.signal(Signal::SIGCONT)
    }

    /// Waits until the program ends by itself or by any of the verbs here. `None` when it does not
    /// run.
    pub async fn ended(&self) -> Option<ExitStatus> {
        Some(self.group()?.ended().await)
    }

    /// Whether the program runs (or is paused).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.group().is_some()
    }

    /// The process id of the running program.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.group().map(|group| group.id())
    }

    /// What was asked for at the start.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The name, as errors and steps show it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The log, to which every start appends.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.spec.log
    }

    /// Sends SIGKILL without waiting, so that many processes can die at the same time.
    pub(crate) fn kill_soon(&self) {
        if let Some(group) = self.group() {
            group.kill();
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        match self.group() {
            Some(group) if group.signal(signal) => Ok(()),
            _ => Err(Error::NotRunning(self.spec.name.clone())),
        }
    }

    fn launch(&self) -> Result<Arc<Group>, Error> {
        let mut current = self.lock();
        if current.as_ref().is_some_and(|group| !group.has_ended()) {
            return Err(Error::AlreadyRunning(self.spec.name.clone()));
        }
        let group = Arc::new(Group::launch(&self.spec)?);
        *current = Some(Arc::clone(&group));
        Ok(group)
    }

    /// The process group of the program, while that runs.
    fn group(&self) -> Option<Arc<Group>> {
        self.lock().as_ref().filter(|group| !group.has_ended()).map(Arc::clone)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Group>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
