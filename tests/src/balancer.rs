//! A load balancer in front of several command-apis, as a deployment has one.
//!
//! It asks every instance for `/readyz` at an interval and sends each request once, to the next
//! instance that was ready when it was asked last. Connections are kept alive. It retries nothing:
//! what an instance does not answer is the client's to send again. So whatever its clients see is
//! what the instances do.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use axum_reverse_proxy::ReverseProxy;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet, time};

use crate::Program;

/// Between two questions for readiness.
pub const PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// An instance that has not answered by then is not ready.
const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// Below the time after which an instance closes an idle connection.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// A running balancer; dropping it stops it.
#[derive(Debug)]
pub struct Balancer {
    url: String,
    instances: Arc<[Instance]>,
    answered: Arc<AtomicUsize>,
    /// Rounds of probes that have ended.
    probed: watch::Receiver<usize>,
    is_looking: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

struct Instance {
    url: String,
    is_ready: AtomicBool,
    /// Requests that it has answered itself.
    answered: AtomicUsize,
    /// Requests that it could not be given, or did not answer.
    failed: AtomicUsize,
    proxy: ReverseProxy<HttpConnector>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Balancer {
    /// Begins to ask these instances, running or not, and to take requests for them.
    ///
    /// # Errors
    /// No port can be listened on, or the HTTP client cannot be made.
    pub async fn start(programs: &[Program]) -> anyhow::Result<Self> {
        let instances: Arc<[Instance]> = programs.iter().map(Instance::of).collect();
        let answered = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut tasks = JoinSet::new();
        let (tell, probed) = watch::channel(0);
        let is_looking = Arc::new(AtomicBool::new(true));
        tasks.spawn(probe(probes()?, Arc::clone(&instances), Arc::clone(&is_looking), tell));
        let router = router(Arc::clone(&instances), Arc::clone(&answered));
        tasks.spawn(async move {
            // A listener that fails is seen by every client.
            let _ = axum::serve(listener, router).await;
        });
        let mut balancer = Self { url, instances, answered, probed, is_looking, _tasks: tasks };
        balancer.next_round().await;
        Ok(balancer)
    }

    /// The base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether this instance gets requests.
    #[must_use]
    pub fn is_ready(&self, instance: usize) -> bool {
        self.instances[instance].is_ready.load(Ordering::Relaxed)
    }

    /// Requests that were answered, by whatever instance or by the balancer itself.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Requests that one instance has answered.
    #[must_use]
    pub fn answered_by(&self, instance: usize) -> usize {
        self.instances[instance].answered.load(Ordering::Relaxed)
    }

    /// Requests that one instance left without an answer.
    #[must_use]
    pub fn failed_at(&self, instance: usize) -> usize {
        self.instances[instance].failed.load(Ordering::Relaxed)
    }

    /// Asks no instance any more: what dies from now on is taken for ready, as by a balancer that
    /// asks seldom, until [`Balancer::look_again`].
    pub async fn look_away(&mut self) {
        self.is_looking.store(false, Ordering::Relaxed);
        // The round that is under way may still see; the one after it does not.
        self.next_round().await;
        self.next_round().await;
    }

    /// Asks the instances again.
    pub fn look_again(&self) {
        self.is_looking.store(true, Ordering::Relaxed);
    }

    async fn next_round(&mut self) {
        // Rounds that ended before now do not count.
        self.probed.mark_unchanged();
        // The sender lives as long as the tasks, and they as long as this.
        let _ = self.probed.changed().await;
    }
}

impl Instance {
    fn of(program: &Program) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_MAX)
            .retry_canceled_requests(false)
            .build(HttpConnector::new());
        Self {
            url: program.url().to_owned(),
            is_ready: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            proxy: ReverseProxy::new_with_client("/", program.url(), client),
        }
    }
}

fn router(instances: Arc<[Instance]>, answered: Arc<AtomicUsize>) -> Router {
    let turn = Arc::new(AtomicUsize::new(0));
    Router::new().fallback(move |request: Request| {
        let first = turn.fetch_add(1, Ordering::Relaxed);
        let (instances, answered) = (Arc::clone(&instances), Arc::clone(&answered));
        async move {
            let response = pass_on(&instances, first, request).await;
            answered.fetch_add(1, Ordering::Relaxed);
            response
        }
    })
}

async fn pass_on(instances: &[Instance], first: usize, request: Request) -> Response<Body> {
    let in_turn = (0..instances.len()).map(|n| &instances[(first + n) % instances.len()]);
    let mut ready = in_turn.filter(|instance| instance.is_ready.load(Ordering::Relaxed));
    let Some(instance) = ready.next() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "no instance is ready").into_response();
    };
    // The proxy never fails: it answers 502 itself.
    let answer: Result<_, Infallible> = instance.proxy.proxy_request(request).await;
    let Ok(response) = answer;
    let count = match response.status() {
        StatusCode::BAD_GATEWAY => &instance.failed,
        _ => &instance.answered,
    };
    count.fetch_add(1, Ordering::Relaxed);
    response
}

fn probes() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(PROBE_WITHIN);
    Ok(client.build()?)
}

async fn probe(
    http: reqwest::Client,
    instances: Arc<[Instance]>,
    is_looking: Arc<AtomicBool>,
    tell: watch::Sender<usize>,
) {
    let mut interval = time::interval(PROBE_INTERVAL);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        let asked = instances.iter().map(|instance| async {
            let answer = http.get(format!("{}/readyz", instance.url)).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            instance.is_ready.store(is_ready, Ordering::Relaxed);
        });
        if is_looking.load(Ordering::Relaxed) {
            futures::future::join_all(asked).await;
        }
        tell.send_modify(|rounds| *rounds += 1);
    }
}
