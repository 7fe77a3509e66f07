//! Stopping: signals start it, a deadline and a second signal end it.
//!
//! ```text
//! running --SIGTERM, SIGINT or the process itself--> stopping --main returns--> exit by its result
//!                                                       \--deadline or second signal--> exit 3
//! ```
//!
//! The watch runs on its own thread with its own runtime, so it also ends a process whose
//! workers are all blocked.

use std::error::Error;
use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// How long blocking threads may outlive `main` before the process ends without them.
const RUNTIME_END: Duration = Duration::from_secs(1);

/// Runs `main` to its end on a new multi-thread runtime.
///
/// `stop` is cancelled by the first SIGTERM or SIGINT; anything in the process may cancel it too.
/// From then on `main` has `deadline` to return; otherwise, or at a second signal, the process
/// ends at once with [`Exit::Forced`] and a sentence on standard error. An error of `main` is
/// logged with its chain of sources and gives [`Exit::Failed`].
pub fn run<F, E>(deadline: Duration, stop: &CancellationToken, main: F) -> Exit
where
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let started = watch(deadline, stop.clone())
        .and_then(|()| tokio::runtime::Builder::new_multi_thread().enable_all().build());
    let runtime = match started {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "The process could not start its runtime.");
            return Exit::Failed;
        }
    };
    let ended = runtime.block_on(main);
    runtime.shutdown_timeout(RUNTIME_END);
    match ended {
        Ok(()) => {
            tracing::info!("Stopped.");
            Exit::Success
        }
        Err(error) => {
            tracing::error!(error = %chain(&*error.into()), "Gave up.");
            Exit::Failed
        }
    }
}

/// Starts the watch. When this returns, the signals no longer kill the process by default.
fn watch(deadline: Duration, stop: CancellationToken) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    std::thread::Builder::new().name("stop-watch".to_owned()).spawn(move || {
        let reason = runtime.block_on(until_forced(deadline, &stop, &mut signals));
        eprintln!("Exit without finishing: {reason}");
        std::process::exit(Exit::Forced.code().into());
    })?;
    Ok(())
}

/// Waits until the process must be ended by force, and says why.
async fn until_forced(
    deadline: Duration,
    stop: &CancellationToken,
    signals: &mut Signals,
) -> String {
    tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, deadline_s = deadline.as_secs(), "Stopping on a signal.");
            stop.cancel();
        }
        () = stop.cancelled() => {
            tracing::info!(deadline_s = deadline.as_secs(), "Stopping on the process's own wish.");
        }
    }
    tokio::select! {
        name = signals.next() => format!("a second signal ({name}) came while stopping."),
        () = tokio::time::sleep(deadline) => {
            format!("the stop took longer than its deadline of {} s.", deadline.as_secs())
        }
    }
}

/// The two signals that ask for a stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// An error and its sources in one line, outermost first.
fn chain(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
