//! A proxy in front of the brokers of a cluster that understands the frames of Kafka's protocol and
//! can harm `Produce` requests: refuse, delay, double, or cut the connection after the broker took
//! one.
//!
//! ```text
//!  client --request--> plan: forward | refuse | delay | double | cut --> broker
//!         <-response-- in the order of the requests, the broker's address replaced <--
//! ```
//!
//! Each broker has a port of the proxy. Answers that name a broker's port get the proxy's instead, so
//! a client that bootstraps here never finds the way around. Everything stays on the loopback.

mod connection;
mod frame;
mod produce;

use std::{
    collections::BTreeMap,
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
use frame::Route;

/// What happens to one `Produce` request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
#[derive(Clone)]
pub struct Plan(Arc<dyn Fn(usize) -> Harm + Send + Sync>);

impl Plan {
    /// A plan that asks this function.
    pub fn new(choose: impl Fn(usize) -> Harm + Send + Sync + 'static) -> Self {
        Self(Arc::new(choose))
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Plan").finish_non_exhaustive()
    }
}

/// A running proxy; dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    serving: Vec<JoinHandle<()>>,
}

/// What all connections share.
struct Shared {
    routes: Vec<Route>,
    plan: Plan,
    requests: AtomicUsize,
    /// How often each kind of harm was done.
    done: Mutex<BTreeMap<Harm, usize>>,
}

impl Proxy {
    /// Listens on a port of its own for each broker. All of the cluster must be named.
    ///
    /// # Errors
    /// There is none.
    pub async fn start(brokers: &[SocketAddr], plan: Plan) -> anyhow::Result<Self> {
        let mut routes: Vec<Route> = Vec::new();
        let mut listeners = Vec::new();
        for broker in brokers {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            routes.push((*broker, listener.local_addr()?));
            listeners.push(listener);
        }
        let requests = AtomicUsize::new(0);
        let shared = Arc::new(Shared { routes, plan, requests, done: Mutex::default() });
        let serve_one = |(listener, broker): (TcpListener, &SocketAddr)| {
            tokio::spawn(serve(listener, *broker, Arc::clone(&shared)))
        };
        let serving = listeners.into_iter().zip(brokers).map(serve_one).collect();
        Ok(Self { shared, serving })
    }

    /// Where clients bootstrap.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        let ports: Vec<String> =
            self.shared.routes.iter().map(|(_, proxy)| proxy.to_string()).collect();
        ports.join(",")
    }

    /// How many requests met this harm.
    #[must_use]
    pub fn count(&self, harm: Harm) -> usize {
        self.shared.done().get(&harm).copied().unwrap_or(0)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn next_harm(&self) -> Harm {
        let harm = (self.plan.0)(self.requests.fetch_add(1, Ordering::Relaxed));
        *self.done().entry(harm).or_default() += 1;
        harm
    }

    fn done(&self) -> std::sync::MutexGuard<'_, BTreeMap<Harm, usize>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("routes", &self.routes).finish_non_exhaustive()
    }
}

/// Serves every connection to one broker; they end with this task.
async fn serve(listener: TcpListener, broker: SocketAddr, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let Ok(broker) = TcpStream::connect(broker).await else { return };
            // Either side's end, or a cut, ends the connection; the client opens another.
            let _ = Connection::new(client, broker, shared).run().await;
        });
    }
}
