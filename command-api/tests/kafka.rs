//! The edge on a real log: appends, replies, and a broker that goes away and comes back.

mod broker;
mod support;

use std::time::{Duration, Instant};

use axum::Router;
use command_api::edge::kafka::{self, Joined, Plan};
use command_api::edge::routes;
use command_api::edge::settings::Settings;
use events::profile::Profile;
use http::StatusCode;
use service::health::Health;
use support::{Answered, SETTINGS, order, post_to};
use tokio_util::sync::CancellationToken;

use broker::{Broker, Clerk, DEADLINE};

/// On a busy machine an answer takes its time.
const PATIENT: Settings = Settings {
    reply_timeout: DEADLINE,
    append_timeout: DEADLINE,
    admission_wait_max: DEADLINE,
    ..SETTINGS
};

struct Edge {
    joined: Joined,
    router: Router,
    health: Health,
    stop: CancellationToken,
}

impl Edge {
    /// An edge that is ready.
    async fn ready(broker: &Broker, settings: Settings) -> Self {
        let stop = CancellationToken::new();
        let health = Health::new(CancellationToken::new());
        let plan = Plan {
            connection: broker.connection(),
            client_id: "edge".to_owned(),
            profile: Profile::LOCAL,
            parameters: Profile::LOCAL.parameters(),
            settings,
            stopping: stop.clone(),
        };
        let joined = kafka::join(plan, &health, stop.clone()).expect("an edge");
        let router = routes::router(joined.edge.clone());
        let router = service::http::frame(router, &service::http::Limits::default());
        let edge = Self { joined, router, health, stop };
        edge.until_ready(true).await;
        edge
    }

    async fn until_ready(&self, ready: bool) {
        let start = Instant::now();
        while self.health.readiness().ready != ready {
            assert!(start.elapsed() < DEADLINE, "{:?}", self.health.readiness());
            tokio::task::yield_now().await;
        }
    }

    async fn post(&self, key: &str) -> Answered {
        post_to(&self.router, "/v1/orders", key, &order()).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.joined.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_several_edges_get_their_own_replies() {
    let broker = Broker::start().await;
    let clerk = Clerk::start(&broker);
    // Two partitions of replies: at least two of three edges share one.
    let edges = [
        Edge::ready(&broker, PATIENT).await,
        Edge::ready(&broker, PATIENT).await,
        Edge::ready(&broker, PATIENT).await,
    ];
    for round in 0..20 {
        for (index, edge) in edges.iter().enumerate() {
            let key = format!("{index}-{round}");
            let answered = edge.post(&key).await;
            assert_eq!(answered.status, StatusCode::CREATED, "{}", answered.body);
            let expected = events::id::order_id("anonymous", &key).to_string();
            assert_eq!(answered.body["order_id"], expected);
        }
    }
    for edge in edges {
        edge.end().await;
    }
    clerk.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_goes_away_makes_commands_unknown_and_is_used_again_when_it_is_back() {
    let broker = Broker::start().await;
    let settings = Settings { append_timeout: Duration::from_secs(2), ..SETTINGS };
    let edge = Edge::ready(&broker, settings).await;
    broker.kill().await;
    let answered = edge.post("gone").await;
    answered.expect_problem(503, "outcome-unknown");
    assert_eq!(answered.body["retry"], "safe");
    broker.restart().await;
    let clerk = Clerk::start(&broker);
    let start = Instant::now();
    loop {
        let answered = edge.post("gone").await;
        if answered.status == StatusCode::CREATED {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "{}", answered.body);
        assert!(matches!(answered.status.as_u16(), 202 | 429 | 503), "{}", answered.body);
    }
    edge.end().await;
    clerk.end();
}
