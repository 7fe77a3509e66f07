//! Ctrl-C and SIGTERM: the first asks for a clean stop, the second ends at once.

use std::process::exit;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{exit::INFRASTRUCTURE, words};

/// Listens for the signals from here on. The token is cancelled by the first one.
///
/// # Errors
/// The operating system does not let the signals be heard.
pub(crate) fn on_signals() -> anyhow::Result<CancellationToken> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let interrupt = listen(SignalKind::interrupt())?;
    let terminate = listen(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    tokio::spawn(obey(interrupt, terminate, stop.clone()));
    Ok(stop)
}

async fn obey(mut interrupt: Signal, mut terminate: Signal, stop: CancellationToken) {
    next(&mut interrupt, &mut terminate).await;
    stop.cancel();
    words::say("stopping; once more to stop at once");
    next(&mut interrupt, &mut terminate).await;
    // Every process has a guard that ends it when this one is gone.
    words::say("stopped at once; what was kept is as after a crash");
    exit(INFRASTRUCTURE.into());
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
