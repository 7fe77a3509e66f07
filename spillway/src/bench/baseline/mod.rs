//! What one would use otherwise: bare axum, and the usual transaction of PostgreSQL, each on threads of
//! its own beside the load.

pub(super) mod bare;
pub(super) mod postgres;

use anyhow::Context as _;
use axum::Router;
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};

/// Name of the threads, by which their processor time is found; the kernel keeps 15 characters.
pub(super) const THREADS: &str = "bench-baseline";

/// A server on the loopback for as long as it lives.
#[derive(Debug)]
pub(super) struct Baseline {
    /// `host:port`.
    pub(super) address: String,
    runtime: Option<Runtime>,
}

impl Baseline {
    /// Serves a router, which is made on the server's own threads: so are its connections.
    ///
    /// # Errors
    /// The router cannot be made, or no port is free.
    pub(super) async fn start(
        router: impl Future<Output = anyhow::Result<Router>> + Send + 'static,
    ) -> anyhow::Result<Self> {
        // As many threads as the processes of the system have.
        let runtime = Builder::new_multi_thread().enable_all().thread_name(THREADS).build()?;
        let (listener, router) = runtime
            .spawn(async {
                let listener = TcpListener::bind("127.0.0.1:0").await?;
                anyhow::Ok((listener, router.await?))
            })
            .await
            .context("a baseline failed")??;
        let address = listener.local_addr()?.to_string();
        // It ends with its runtime.
        drop(runtime.spawn(async { axum::serve(listener, router).await }));
        Ok(Self { address, runtime: Some(runtime) })
    }
}

impl Drop for Baseline {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
