//! Infrastructure that is missing or goes away: waited for without end, and nothing is parked.

mod support;

use std::sync::Arc;

use devstack::{Process, Spec, http};
use events::{Kind, ShardId, Topic};
use projector::{migrate, store::connect};
use support::{
    database::{Database, eventually},
    history,
    shard::{Output, outputs},
    world::{Deployment, RUNTIME, World, run_to_end},
};

const ORDERS: Topic = Topic::Events(Kind::Orders);

fn last(outputs: &[Output]) -> i64 {
    outputs.last().map_or(0, |output| output.link_sequence)
}

async fn is_ready(base: &str) -> bool {
    http::get(&format!("{base}/readyz")).await.is_ok_and(|(status, _)| status.is_success())
}

async fn nothing_is_parked(deployment: &Deployment) {
    let letters: i64 = sqlx::query_scalar("SELECT count(*) FROM dead_letters")
        .fetch_one(&deployment.pool)
        .await
        .expect("a count");
    assert_eq!(letters, 0);
}

#[test]
fn the_projector_waits_for_what_is_away_and_says_what_is_wrong() {
    RUNTIME.block_on(async {
        let stack = World::bare().await;
        let url = stack.postgres_url();

        // Migrations alone; then topics that are not there.
        let (code, text) = run_to_end(&stack, &url, &["--migrate-only"]).await;
        assert_eq!(code, Some(0), "{text}");
        let (code, text) = run_to_end(&stack, &url, &[]).await;
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("run `spillway topics apply`"), "{text}");

        let world = Arc::new(World::of(stack).await);
        let deployment = world.deployment().await;
        let shard = ShardId::new(Kind::Orders, 0);
        let outputs = outputs(shard, &history::orders("out", 60));
        let third = outputs.len() / 3;

        // The registry is away when the first event is to be decoded.
        world.stack.registry().kill().await;
        world.write(ORDERS, 0, &outputs[..third]).await;
        let (process, base) = deployment.start(1).await;
        eventually("a failed attempt", async || {
            let log = std::fs::read_to_string(process.log()).ok()?;
            log.contains("A batch could not be applied").then_some(())
        })
        .await;
        world.stack.registry().start().await.expect("the registry");
        deployment.applied("orders", ORDERS, 0, last(&outputs[..third])).await;

        // PostgreSQL goes while events arrive.
        world.stack.postgres().kill().await;
        world.write(ORDERS, 0, &outputs[third..2 * third]).await;
        eventually("not ready", async || (!is_ready(&base).await).then_some(())).await;
        world.stack.postgres().start().await.expect("PostgreSQL");
        deployment.applied("orders", ORDERS, 0, last(&outputs[..2 * third])).await;
        eventually("ready again", async || is_ready(&base).await.then_some(())).await;

        // The broker goes, and comes back.
        let broker = &world.stack.brokers()[0];
        broker.kill().await;
        broker.start().await.expect("the broker");
        world.write(ORDERS, 0, &outputs[2 * third..]).await;
        deployment.applied("orders", ORDERS, 0, last(&outputs)).await;
        nothing_is_parked(&deployment).await;

        // A projector that was frozen finds out that another one took over.
        let (other, _) = deployment.start(2).await;
        process.pause().expect("paused");
        let more = support::shard::outputs(shard, &longer());
        world.write(ORDERS, 0, &more[outputs.len()..]).await;
        deployment.applied("orders", ORDERS, 0, last(&more)).await;
        process.resume().expect("resumed");
        other.stop().await;
        nothing_is_parked(&deployment).await;
        process.stop().await;
        deployment.close().await;
    });
}

/// The history above with more behind it.
fn longer() -> Vec<history::Step> {
    let more = history::orders("more", 20);
    history::orders("out", 60).into_iter().chain(more).collect()
}

#[test]
fn without_the_right_to_migrate_it_waits_until_somebody_has() {
    RUNTIME.block_on(async {
        let database = Database::start().await;
        let url = database.stack.create_database("bare").await.expect("a database");
        let pool = connect::pool(&url, 1).expect("a pool");
        let log = database.stack.logs().join("projector.log");
        let spec = Spec::new("projector", env!("CARGO_BIN_EXE_projector"), &log)
            .args(["--listen", "127.0.0.1:0", "--no-migrate"])
            .envs([("DATABASE_URL", &url)]);
        let process = Process::spawn(spec).await.expect("a projector");
        let said = async |text: &str| {
            let log = std::fs::read_to_string(&log).ok()?;
            log.lines().any(|line| line.contains(text)).then_some(())
        };
        eventually("a word about migrations", async || said("--migrate-only").await).await;
        assert!(!migrate::missing(&pool).await.expect("an answer").is_empty());
        migrate::apply(&pool).await.expect("migrations");
        // Brokers are the next thing that it needs, and there are none.
        eventually("the next step", async || said("Checking the topics").await).await;
        process.stop().await;
        pool.close().await;
        database.stop().await;
    });
}

#[test]
fn every_configuration_error_is_named() {
    RUNTIME.block_on(async {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_projector"))
            .args(["--gap-pause-s", "0", "--profile", "moon"])
            .env("DATABASE_URL", "mysql://x")
            .output()
            .await
            .expect("a program");
        let text = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{text}");
        for variable in ["DATABASE_URL", "GAP_PAUSE_S", "SPILLWAY_PROFILE"] {
            assert!(text.contains(variable), "{variable} in {text}");
        }
    });
}
