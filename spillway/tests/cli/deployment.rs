//! `spillway topics` and `spillway schemas` against a real broker and a real registry.

use std::{
    path::Path,
    process::Output,
    time::{Duration, Instant},
};

use devstack::{Options, Parts, Stack};
use serde_json::Value;

use crate::support::run;

/// A verb with where the parts are.
async fn on(stack: &Stack, args: &[&str]) -> Output {
    let (servers, registry) = (stack.bootstrap_servers(), stack.registry_url());
    let place = match args[0] {
        "topics" | "rules" => ["--kafka-bootstrap-servers", &servers],
        _ => ["--schema-registry-url", &registry],
    };
    run(Path::new("/nonexistent"), &[args, &place, &["-o", "json"]].concat()).await
}

fn rows(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[tokio::test]
async fn topics_and_schemas_are_made_once_and_checked_ever_after() {
    let parts = Parts { kafka: true, registry: true, ..Parts::NONE };
    let stack = Stack::start(Options { parts, ..Options::default() }).await.unwrap();

    let missing = on(&stack, &["topics", "check"]).await;
    assert_eq!(code(&missing), Some(1), "{missing:?}");
    let words = String::from_utf8_lossy(&missing.stderr);
    assert!(words.contains("next: spillway topics apply --profile local --dry-run"), "{words}");
    let look = on(&stack, &["topics", "apply", "--dry-run", "--orders-partitions=2"]).await;
    assert_eq!(code(&look), Some(0), "{look:?}");
    assert_eq!(rows(&look).len(), 8 + 2 + 4, "a step for each topic and each shard");
    let asked = on(&stack, &["topics", "apply"]).await;
    assert_eq!(code(&asked), Some(2), "nobody can be asked: {asked:?}");

    let made =
        on(&stack, &["topics", "apply", "--yes", "--parameter=payment_deadline_ms=2000"]).await;
    assert_eq!(code(&made), Some(0), "{made:?}");
    for verb in ["check", "apply"] {
        let again = on(&stack, &["topics", verb]).await;
        assert_eq!(code(&again), Some(0), "{again:?}");
        assert_eq!(rows(&again), Vec::<Value>::new());
    }
    let other = on(&stack, &["topics", "apply", "--yes", "--products-partitions=5"]).await;
    assert_eq!(code(&other), Some(1), "{other:?}");
    assert!(rows(&other).iter().all(|row| row["action"] == "resolve"), "{other:?}");
    // What cannot be applied is not proposed.
    let other = on(&stack, &["topics", "check", "--profile", "production"]).await;
    let words = String::from_utf8_lossy(&other.stderr);
    assert!(words.contains("--profile production?") && !words.contains("next:"), "{words}");

    shards_that_come_to_others_begin_with_their_rules(&stack).await;

    let look = on(&stack, &["schemas", "register", "--dry-run"]).await;
    assert!(rows(&look).iter().all(|row| row["id"].is_null()), "{look:?}");
    let registered = on(&stack, &["schemas", "register", "--yes"]).await;
    assert_eq!(code(&registered), Some(0), "{registered:?}");
    let ids = rows(&registered);
    assert!(
        ids.len() == events::Event::NAMES.len() && ids.iter().all(|row| row["id"].is_u64()),
        "{ids:?}"
    );
    let again = on(&stack, &["schemas", "register"]).await;
    assert_eq!(rows(&again), ids);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas");
    let check = on(&stack, &["schemas", "check", "--folder", folder]).await;
    assert_eq!(code(&check), Some(0), "{check:?}");
    stack.stop().await;
}

/// As when a release brings another kind of aggregates: to this deployment products are as good as new,
/// once all their topics are gone.
async fn shards_that_come_to_others_begin_with_their_rules(stack: &Stack) {
    for change in [&["propose", "--rules=3"][..], &["activate", "2"]] {
        let changed = on(stack, &[&["rules"], change, &["--yes"]].concat()).await;
        assert_eq!(code(&changed), Some(0), "{changed:?}");
    }
    let servers = stack.bootstrap_servers();
    let delete = ["--bootstrap-server", &servers, "--delete", "--topic", "products\\..*"];
    stack.kafka_tool("org.apache.kafka.tools.TopicCommand", &delete).await.unwrap();
    // Deleted in the background, one after the other.
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let look = on(stack, &["topics", "apply", "--dry-run"]).await;
        if rows(&look).iter().filter(|row| row["action"] == "create-topic").count() == 3 {
            break;
        }
        assert!(Instant::now() < deadline, "{look:?}");
    }
    let made = on(stack, &["topics", "apply", "--yes"]).await;
    assert_eq!(code(&made), Some(0), "{made:?}");
    assert_eq!(rows(&made).len(), 3 + 4, "{made:?}");
    let shards = rows(&on(stack, &["rules", "list"]).await);
    assert_eq!(shards.len(), 8);
    for shard in shards {
        let active = &shard["active"];
        assert_eq!((&active["revision"], &active["rules"]), (&2.into(), &3.into()), "{shard}");
        assert_eq!(active["parameters"]["payment_deadline_ms"], 2_000, "{shard}");
    }
}
