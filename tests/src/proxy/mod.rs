//! A proxy in front of one broker that understands the frames of Kafka's protocol and can harm
//! `Produce` requests: refuse, delay, double, or cut the connection after the broker took one.
//!
//! ```text
//!  client --request--> plan: forward | refuse | delay | double | cut --> broker
//!         <-response-- in the order of the requests, the broker's address replaced <--
//! ```
//!
//! Answers that name the broker's port get the proxy's instead, so a client that bootstraps here
//! never finds the way around. Everything stays on the loopback.

mod connection;
mod frame;
mod produce;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use connection::Connection;

/// What happens to one `Produce` request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Nothing.
    Forward,
    /// The broker never sees it; the client is told that the leader has moved. The refusal waits
    /// for a request behind it, for a moment, so that there is one whenever the client may send one.
    Refuse,
    /// It is forwarded a little later, and so is all that follows on this connection.
    Delay,
    /// The broker gets it twice; the client hears the first answer.
    Double,
    /// The broker takes it and answers, and the client sees a closed connection instead.
    Cut,
}

/// Chooses what happens to the n-th `Produce` request through the proxy, from 0.
type Plan = dyn Fn(usize) -> Harm + Send + Sync;

/// A running proxy; dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// What all connections share.
struct Shared {
    broker: SocketAddr,
    proxy: SocketAddr,
    plan: Box<Plan>,
    requests: AtomicUsize,
    /// Kinds of harm that were done, in their order.
    done: Mutex<Vec<Harm>>,
}

impl Proxy {
    /// Listens on a port of its own.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(
        broker: SocketAddr,
        plan: impl Fn(usize) -> Harm + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            broker,
            proxy: address,
            plan: Box::new(plan),
            requests: AtomicUsize::new(0),
            done: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, serving })
    }

    /// Where clients bootstrap.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        self.address.to_string()
    }

    /// How many requests met this harm.
    #[must_use]
    pub fn count(&self, harm: Harm) -> usize {
        self.shared.done().iter().filter(|done| **done == harm).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn next_harm(&self) -> Harm {
        let harm = (self.plan)(self.requests.fetch_add(1, Ordering::Relaxed));
        self.done().push(harm);
        harm
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Vec<Harm>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("broker", &self.broker).finish_non_exhaustive()
    }
}

/// Serves every connection; they end with this task.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let Ok(broker) = TcpStream::connect(shared.broker).await else { return };
            // Either side's end, or a cut, ends the connection; the client opens another.
            let _ = Connection::new(client, broker, shared).run().await;
        });
    }
}
