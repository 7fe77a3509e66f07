//! A world for one test: a real PostgreSQL with the read models' tables, and the routes in front
//! of it with every layer that the process has.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub(crate) mod answer;
pub(crate) mod rows;
pub(crate) mod sse;

use std::{future::Future, time::Duration};

use axum::{Router, body::Body, response::Response};
use devstack::{Options, Parts, Stack};
use http::{Method, Request};
use query_api::{
    http::{Api, Waits, router},
    live::{self, Live},
    position,
    read::{Database, Settings},
};
use service::{
    health::Health,
    http::{Limits, frame},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use self::answer::Answer;

/// Everything that a test may wait for happens within this time on a busy machine, or never.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) stack: Stack,
    /// A writer's connections, as the projector has them.
    pub(crate) pool: PgPool,
    pub(crate) health: Health,
    router: Router,
    stop: CancellationToken,
    keeping: JoinHandle<()>,
}

/// What a test may choose; the rest is as in production.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choices {
    pub(crate) wait: Duration,
    pub(crate) poll: Duration,
    /// Whether the tables are there.
    pub(crate) migrated: bool,
    pub(crate) streams_max: u32,
}

impl Default for Choices {
    fn default() -> Self {
        let wait = Duration::from_millis(500);
        Self { wait, poll: Duration::from_millis(50), migrated: true, streams_max: 20 }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Choices::default()).await
    }

    pub(crate) async fn with(choices: Choices) -> Self {
        let parts = Parts { postgres: true, ..Parts::NONE };
        let stack = Stack::start(Options { parts, ..Options::default() }).await.unwrap();
        let options = stack.postgres_url().parse().unwrap();
        let pool =
            PgPoolOptions::new().max_connections(4).connect_lazy(&stack.postgres_url()).unwrap();
        if choices.migrated {
            sqlx::migrate!("../migrations").run(&pool).await.unwrap();
        }

        let settings = Settings {
            connections_max: 8,
            acquire: Duration::from_secs(5),
            statement: Duration::from_secs(10),
        };
        let database = Database::new(options, settings);
        let (tracker, keeper) = position::tracker(&database, choices.poll);
        let stop = CancellationToken::new();
        let health = Health::new(stop.clone());
        let keeping = tokio::spawn(keeper.run(
            health.condition("read models"),
            health.heartbeat("checkpoints", SOON),
            stop.clone(),
        ));
        let live = live::Settings {
            streams_max: choices.streams_max,
            queue_max: 4,
            keep_alive: Duration::from_millis(200),
        };
        let (live, _) = Live::start(database.clone(), &tracker, live, stop.clone());
        let waits = Waits { usual: choices.wait, max: SOON };
        let router = frame(router(Api { database, tracker, waits, live }), &Limits::default());
        Self { stack, pool, health, router, stop, keeping }
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
        let request = request.body(Body::empty()).unwrap();
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
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.keeping.await.unwrap();
        self.stack.stop().await;
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
