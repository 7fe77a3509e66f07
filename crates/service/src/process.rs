//! A whole process: telemetry, metrics, health and shutdown around one application function.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::build::Build;
use crate::config::ProcessArgs;
use crate::exit::Exit;
use crate::health::Health;
use crate::http::{Limits, Routes, frame, serve};
use crate::metrics::Metrics;
use crate::shutdown;
use crate::telemetry;

/// What a process gives its application. [`run`] makes it; a test that runs the application
/// inside itself makes its own, with [`Metrics::detached`] and port 0.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Which build runs.
    pub build: Build,
    /// Cancelled when the process is to stop; everything long-lived listens to it.
    pub stop: CancellationToken,
    /// Where the application registers its readiness conditions and heartbeats.
    pub health: Health,
    /// What `/metrics` shows.
    pub metrics: Metrics,
    /// Where [`serve`](Self::serve) listens.
    pub listen: SocketAddr,
    /// Limits of the HTTP server.
    pub limits: Limits,
}

/// Why the HTTP server did not start.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (--listen)")]
pub struct ServeError {
    /// The configured address.
    pub address: SocketAddr,
    /// What the operating system says.
    #[source]
    pub source: io::Error,
}

impl Frame {
    /// Binds the configured address and serves `routes` there, as [`serve_on`](Self::serve_on).
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn serve(&self, routes: impl Into<Routes>) -> Result<(), ServeError> {
        let address = self.listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| ServeError { address, source })?;
        self.serve_on(listener, routes).await;
        Ok(())
    }

    /// Serves `routes` and the admin routes, with the standard layers, until the stop; then lets
    /// requests in flight finish within the configured drain.
    ///
    /// Register readiness conditions first: without any, the process is ready at once.
    pub async fn serve_on(&self, listener: TcpListener, routes: impl Into<Routes>) {
        let address = listener.local_addr().unwrap_or(self.listen);
        tracing::info!(%address, "Listening for HTTP.");
        let admin = admin::router(self.build, self.health.clone(), self.metrics.clone());
        let router = frame(routes.into().merge(admin), &self.limits);
        serve(listener, router, &self.limits, self.stop.clone()).await;
    }
}

/// Runs `app` until it returns, or until a stop and its deadline; the value is the exit code.
///
/// `app` should return soon after [`Frame::stop`] is cancelled. Its error is logged, not shown.
pub fn run<const PORT: u16, A, F, E>(build: Build, args: &ProcessArgs<PORT>, app: A) -> ExitCode
where
    A: FnOnce(Frame) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let (_telemetry, metrics) = match start(&build, args) {
        Ok(started) => started,
        Err(error) => {
            eprintln!("{} could not start: {error}", build.name);
            return Exit::Failed.into();
        }
    };
    let stop = CancellationToken::new();
    let frame = Frame {
        build,
        stop: stop.clone(),
        health: Health::new(stop.clone()),
        metrics,
        listen: args.listen.listen,
        limits: args.http.limits(),
    };
    tracing::info!(name = build.name, version = build.version, "Starting.");
    let main = async {
        tokio::spawn(frame.metrics.clone().keep(frame.stop.clone()));
        app(frame).await
    };
    shutdown::run(args.stop.deadline(), &stop, main).into()
}

fn start<const PORT: u16>(
    build: &Build,
    args: &ProcessArgs<PORT>,
) -> Result<(telemetry::Guard, Metrics), Box<dyn Error + Send + Sync>> {
    let telemetry = telemetry::init(build, &args.log, &args.trace)?;
    Ok((telemetry, Metrics::install(build)?))
}
