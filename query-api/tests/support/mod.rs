//! A world for one test: a real PostgreSQL with the read models' tables, and the routes in front
//! of it with every layer that the process has.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod answer;
pub(crate) mod graphql;
pub(crate) mod rows;
pub(crate) mod socket;
pub(crate) mod sse;
pub(crate) mod tiers;

use std::{future::Future, time::Duration};

use axum::{Router, body::Body, response::Response};
use devstack::{Options, Parts, Stack};
use http::{Method, Request};
use query_api::{
    http::{Api, Cursors, Graphql, GraphqlLimits, Waits},
    live::{self, Live},
    position,
    read::{Database, Settings},
};
use service::{
    health::Health,
    http::{Limits, frame},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::{answer::Answer, tiers::Tiers};

/// Everything that a test may wait for happens within this time on a busy machine, or never.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) struct World {
    /// Absent where another world has started it.
    pub(crate) stack: Option<Stack>,
    /// A writer's connections, as the projector has them.
    pub(crate) pool: PgPool,
    pub(crate) health: Health,
    router: Router,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// What a test may choose; the rest is as in production.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    pub(crate) wait: Duration,
    pub(crate) poll: Duration,
    /// Whether the tables are there.
    pub(crate) migrated: bool,
    pub(crate) streams_max: u32,
    pub(crate) tiers: Tiers,
    pub(crate) graphql: GraphqlLimits,
}

impl Default for Choices {
    fn default() -> Self {
        let wait = Duration::from_millis(500);
        let (poll, tiers) = (Duration::from_millis(50), Tiers::default());
        let graphql = GraphqlLimits::default();
        Self { wait, poll, migrated: true, streams_max: 20, tiers, graphql }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Choices::default()).await
    }

    pub(crate) async fn with(choices: Choices) -> Self {
        let redis = choices.tiers.redis_url.is_some();
        let parts = Parts { postgres: true, redis, ..Parts::NONE };
        let stack = Stack::start(Options { parts, ..Options::default() }).await.unwrap();
        Self::over(stack, choices).await
    }

    /// A world over a stack that runs already. A Redis that is wanted is the stack's own.
    pub(crate) async fn over(stack: Stack, choices: Choices) -> Self {
        let pool =
            PgPoolOptions::new().max_connections(4).connect_lazy(&stack.postgres_url()).unwrap();
        if choices.migrated {
            sqlx::migrate!("../migrations").run(&pool).await.unwrap();
        }
        let mut world = Self::another(&stack.postgres_url(), &stack.redis_url(), choices);
        (world.stack, world.pool) = (Some(stack), pool);
        world
    }

    /// One more process over the same servers.
    pub(crate) fn another(postgres_url: &str, redis_url: &str, choices: Choices) -> Self {
        let limits = Settings {
            connections_max: 8,
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(10),
        };
        let pool = PgPoolOptions::new().connect_lazy(postgres_url).unwrap();
        let database = Database::new(postgres_url.parse().unwrap(), limits);
        let (tracker, keeper) = position::tracker(&database, choices.poll);
        let stop = CancellationToken::new();
        let health = Health::new(stop.clone());
        let mut tasks = JoinSet::new();
        let condition = health.condition("read models");
        let heartbeat = health.heartbeat("checkpoints", SOON);
        tasks.spawn(keeper.run(Some((condition, heartbeat)), stop.clone()));
        let mut tiers = choices.tiers;
        tiers.redis_url = tiers.redis_url.map(|_| redis_url.to_owned());
        let primary = (database.clone(), tracker.clone());
        let (servers, cache) =
            tiers::build(&tiers, primary, limits, choices.poll, &mut tasks, &stop);
        let live = live::Settings {
            streams_max: choices.streams_max,
            queue_max: 4,
            keep_alive: Duration::from_millis(200),
        };
        let (live, _) = Live::start(database.clone(), &tracker, live, stop.clone());
        let waits = Waits { usual: choices.wait, max: SOON };
        let cursors = Cursors::of(&"a key of all processes".into());
        let graphql = Graphql::new(choices.graphql);
        let api = Api { database, tracker, servers, cache, waits, cursors, live, graphql };
        let router = frame(query_api::http::router(api), &Limits::default());
        Self { stack: None, pool, health, router, stop, tasks }
    }

    /// The routes, to be served on a port.
    pub(crate) fn router(&self) -> &Router {
        &self.router
    }

    pub(crate) fn stack(&self) -> &Stack {
        self.stack.as_ref().unwrap()
    }

    /// Whatever is asked for by GET, without headers.
    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.ask(Method::GET, uri, &[]).await
    }

    pub(crate) async fn get_with(&self, uri: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, uri, headers).await
    }

    pub(crate) async fn ask(&self, method: Method, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// Opens a stream, whose body is still to come.
    pub(crate) async fn open(&self, uri: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        soon(self.router.clone().oneshot(request)).await.unwrap()
    }

    /// Cancelled when the process is told to stop.
    pub(crate) fn stopped(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells the process to stop; requests are answered on.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until the process says that it is, or is not, ready.
    pub(crate) async fn until_ready(&self, ready: bool) {
        let said = async || self.health.readiness().ready == ready;
        eventually(&format!("readiness becomes {ready}"), said).await;
    }

    /// Stops what was started; nothing must have panicked.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        if let Some(stack) = self.stack {
            stack.stop().await;
        }
    }
}

/// Waits until something holds, at most [`SOON`].
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !holds().await {
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Ends a test that waits for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("an answer in time")
}
