//! `spillway projections` and `spillway dead-letters` on the whole running system.

use events::{Kind, Topic, partitioner::shard_of};
use serde_json::{Value, json};
use spillway_tests::{Client, System, SystemOptions, until};

#[tokio::test]
async fn what_cannot_be_applied_waits_visibly_and_heals_and_operators_are_obeyed()
-> anyhow::Result<()> {
    let system = System::start(SystemOptions::default()).await?;
    let client = system.client()?;
    client.stock("A", 500, 20).await?;
    let _ = client.place("o-1", &[("A", 1)]).await?.is(201);
    rows_that_postgresql_refuses_wait_and_heal(&system, &client).await?;
    a_paused_projection_shows_what_it_has(&system, &client).await?;
    what_stands_otherwise_is_refused(&system).await?;
    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

async fn rows_that_postgresql_refuses_wait_and_heal(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    let tool = &system.tool;
    let redrive = ["dead-letters", "redrive", "--projection", "orders", "-o", "json"];
    let list = ["dead-letters", "list", "-o", "json"];
    let with = |arg| [&redrive[..], &[arg]].concat();
    // An empty queue re-drives nothing.
    let (code, told) = tool.run(&with("--yes")).await?;
    assert_eq!((code, &told["keys_healed"], &told["keys_stuck"]), (0, &json!(0), &json!(0)));

    sqlx::query("ALTER TABLE orders ADD CONSTRAINT fault CHECK (order_id <> 'o-bad') NOT VALID")
        .execute(&system.rows)
        .await?;
    let placed = client.place("o-bad", &[("A", 1)]).await?.is(201);
    let paid = client.pay("o-bad", &placed).await?.is(200);
    let fine = client.place("o-2", &[("A", 1)]).await?.is(201);
    let _ = client.get_after(&fine, "/v1/orders/o-2").await?.is(200);
    let letters = until("placed, reserved and paid are put aside", async || {
        let (code, letters) = tool.run(&list).await?;
        assert_eq!(code, 0);
        let letters = letters.as_array().cloned().unwrap_or_default();
        anyhow::ensure!(letters.len() == 3, "{letters:?}");
        Ok(letters)
    })
    .await?;
    let classes: Vec<&Value> = letters.iter().map(|letter| &letter["error_class"]).collect();
    assert!(classes.contains(&&json!("unstorable")), "{letters:?}");
    assert!(letters.iter().all(|letter| letter["key"] == "o-bad"), "{letters:?}");

    let place = format!("{}/{}", Topic::Events(Kind::Orders).name(), shard("o-bad"));
    let offset = letters[0]["kafka_offset"].to_string();
    let show = ["dead-letters", "show", "orders", &place, &offset, "-o", "json"];
    let (code, shown) = tool.run(&show).await?;
    assert_eq!((code, &shown["body"]["order_id"]), (0, &json!("o-bad")), "{shown:#}");

    let (code, told) = tool.run(&with("--dry-run")).await?;
    assert_eq!((code, &told["keys_stuck"]), (1, &json!(1)), "{told:#}");
    sqlx::query("ALTER TABLE orders DROP CONSTRAINT fault").execute(&system.rows).await?;
    let (code, told) = tool.run(&with("--dry-run")).await?;
    assert_eq!((code, &told["letters_applied"]), (0, &json!(3)), "{told:#}");
    assert_eq!(tool.run(&list).await?.1.as_array().map(Vec::len), Some(3), "nothing was done");
    let (code, told) = tool.run(&with("--yes")).await?;
    assert_eq!((code, &told["keys_healed"]), (0, &json!(1)), "{told:#}");
    assert_eq!(tool.run(&list).await?.1, json!([]));
    let shown = client.get_after(&paid, "/v1/orders/o-bad").await?.is(200);
    assert_eq!(shown.body["status"], "paid");
    Ok(())
}

async fn a_paused_projection_shows_what_it_has(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    let tool = &system.tool;
    let list = ["projections", "list", "orders", "-o", "json"];
    let (code, told) = tool.run(&["projections", "pause", "orders", "--yes", "-o", "json"]).await?;
    assert_eq!((code, told.as_array().map(Vec::len)), (0, Some(4)), "{told:#}");
    let placed = client.place("o-3", &[("A", 1)]).await?.is(201);
    let _ = client.get_once_after(&placed, "/v1/orders/o-3").await?.is(425);
    let (code, stands) = tool.run(&list).await?;
    let stands = stands.as_array().cloned().unwrap_or_default();
    assert_eq!(code, 0);
    assert!(stands.iter().all(|stand| stand["state"] == "paused"), "{stands:?}");
    let behind = stands.iter().find(|stand| stand["partition"] == shard("o-3"));
    let behind = behind.and_then(|stand| stand["lag"]["events"].as_i64());
    assert!(behind.is_some_and(|events| events > 0), "{stands:?}");
    let (code, _) = tool.run(&["projections", "resume", "orders", "--yes", "-o", "json"]).await?;
    assert_eq!(code, 0);
    let _ = client.get_after(&placed, "/v1/orders/o-3").await?.is(200);
    let (_, stands) = tool.run(&list).await?;
    let stands = stands.as_array().cloned().unwrap_or_default();
    assert!(stands.iter().all(|stand| stand["state"] == "running"), "{stands:?}");
    let (_, done) = tool.run(&["projections", "history", "orders", "-o", "json"]).await?;
    let verbs: Vec<&Value> =
        done.as_array().into_iter().flatten().map(|operation| &operation["verb"]).collect();
    assert_eq!(verbs.iter().filter(|verb| **verb == "pause").count(), 4, "{done:#}");
    assert!(verbs.contains(&&json!("redrive")), "{done:#}");
    Ok(())
}

async fn what_stands_otherwise_is_refused(system: &System) -> anyhow::Result<()> {
    let place = format!("{}/{}", Topic::Events(Kind::Orders).name(), shard("o-3"));
    let skip = ["projections", "skip", "orders", "--partition", &place, "--at", "7:7"];
    let refused = system.tool.run(&[&skip[..], &["--to", "7:8", "--yes"]].concat()).await;
    let refused = refused.expect_err("refused").to_string();
    assert!(refused.contains("ended with 1") && refused.contains("not at 7:7"), "{refused}");
    let unknown = system.tool.run(&["projections", "pause", "nobody", "--yes"]).await;
    let unknown = unknown.expect_err("unknown").to_string();
    assert!(unknown.contains("ended with 2") && unknown.contains("outcomes"), "{unknown}");
    let nobodys = ["rebuild", "orders", "--key", "o-nobody", "--yes", "-o", "json"];
    let (code, told) = system.tool.run(&nobodys).await?;
    assert_eq!((code, &told["events"]), (1, &json!(0)), "{told:#}");
    let unasked = system.tool.run(&["dead-letters", "drop", "--yes"]).await;
    assert!(unasked.expect_err("everything").to_string().contains("ended with 2"));
    Ok(())
}

fn shard(order_id: &str) -> i32 {
    let partitions = events::profile::Profile::LOCAL.orders_partitions;
    shard_of(Kind::Orders, order_id, partitions).partition
}
