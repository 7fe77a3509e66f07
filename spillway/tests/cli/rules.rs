//! `spillway rules` on a whole system: from a proposal to orders that are reserved in part, and what
//! a shard does that meets rules nobody has.

use std::time::Duration;

use eventlog::{Connection, Partition, control_records};
use events::{
    Command, Kind, ShardId, Topic,
    command::{ActivateRules, ProposeRules},
    partitioner::shard_of,
    profile::Profile,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::system::System;

/// Two pieces of what is there, nine of what there is one of.
fn too_much(order_id: &str) -> Value {
    let lines = json!([{"sku": "plenty", "quantity": 2}, {"sku": "scarce", "quantity": 9}]);
    json!({"order_id": order_id, "currency": "EUR", "lines": lines})
}

#[tokio::test]
async fn rules_are_proposed_tried_and_activated_while_orders_are_placed() {
    let system = System::start().await;
    system.stock("plenty", 250, 10).await;
    system.stock("scarce", 100, 1).await;
    let (status, _, refused) = system.post("/v1/orders", &too_much("before")).await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::CONFLICT, &json!("/problems/out-of-stock"))
    );

    let listed = system.rows(&["rules", "list"], 0).await;
    let all = |rows: &Value, path: &str, wanted: Value| {
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 8);
        assert!(rows.iter().all(|row| row.pointer(path) == Some(&wanted)), "{path}: {rows:?}");
    };
    all(&listed, "/active/revision", json!(1));
    let early = system.rows(&["rules", "activate", "2", "--yes"], 1).await;
    all(&early, "/standing", json!("unknown"));
    let unknown = system.run(&["rules", "propose", "--rules", "9999", "--yes"]).await;
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");

    let propose = ["rules", "propose", "--rules=2", "--parameter=payment_deadline_ms=60000"];
    let changes = system.rows(&[&propose[..], &["--dry-run"]].concat(), 0).await;
    assert_eq!(changes.as_array().unwrap().len(), 2, "{changes}");
    all(&system.rows(&["rules", "list"], 0).await, "/proposed", json!([]));
    system.rows(&[&propose[..], &["--yes"]].concat(), 0).await;
    let listed = system.rows(&["rules", "list"], 0).await;
    all(&listed, "/active/revision", json!(1));
    all(&listed, "/proposed/0/parameters/payment_deadline_ms", json!(60_000));

    let (status, ..) = system.post("/v1/orders", &too_much("proposed")).await;
    assert_eq!(status, StatusCode::CONFLICT, "a proposal decides nothing");
    let tried = system.rows(&["rules", "try", "2", "--since=1h"], 0).await;
    let would = |key: &str| {
        let row = tried.as_array().unwrap().iter().find(|row| row["key"] == key);
        row.unwrap_or_else(|| panic!("{key}: {tried}"))["would"].as_str().unwrap().to_owned()
    };
    assert!(would("before").contains("Reserved"), "{tried}");
    let same = system.rows(&["rules", "try", "1", "--since=0"], 0).await;
    assert_eq!(same, json!([]), "the rules in force decide as they did");
    for (tried, next) in [
        (&["1"][..], "rules list  # these are in force"),
        (&["2"], "rules propose --rules 2\n"),
        (&["2", "--parameter=payment_deadline_ms=60000"], "rules activate 2\n"),
        (&["3", "--parameter=keep_ms=1"], "rules propose --rules 3 --parameter keep_ms=1\n"),
    ] {
        let tried = system.run(&[&["rules", "try", "--since=1h"], tried].concat()).await;
        let words = String::from_utf8_lossy(&tried.stderr);
        assert!(words.contains(&format!("next: spillway {next}")), "{words}");
    }

    let switched = system.rows(&["rules", "activate", "2", "--yes"], 0).await;
    all(&switched, "/standing", json!("switch"));
    let (status, position, order) = system.post("/v1/orders", &too_much("after")).await;
    assert_eq!(status, StatusCode::CREATED, "{order}");
    assert_eq!((&order["status"], &order["total"]["amount"]), (&json!("reserved"), &json!(500)));
    assert_eq!(order["refused_lines"][0]["reason"], "out-of-stock");
    let seen = system.get_at("/v1/orders/after", &position).await;
    assert_eq!(seen["lines"][0]["unit_price"], 250);
    assert_eq!(seen["lines"][1]["refusal"], "out-of-stock");
    let command = format!("/v1/commands/{}", order["command_id"].as_str().unwrap());
    let outcome = system.get_at(&command, &position).await;
    assert_eq!((&outcome["status"], &outcome["refusal"]), (&json!("done"), &Value::Null));
    assert_eq!(outcome["order"]["refused_lines"], order["refused_lines"]);

    all(&system.rows(&["rules", "list"], 0).await, "/active/revision", json!(2));
    all(&system.rows(&["rules", "activate", "2"], 0).await, "/standing", json!("in-force"));
    products_go_off_sale_and_run_low_under_version_three(&system).await;
    the_edge_goes_by_the_parameters_in_force(&system).await;
    let verified = system.rows(&["verify"], 0).await;
    assert_eq!(verified["violations"], json!([]));
    system.stop().await;
}

async fn products_go_off_sale_and_run_low_under_version_three(system: &System) {
    system.stock("lamp", 100, 8).await;
    let reason = json!({"reason": "recalled"});
    let off = "/v1/products/lamp/deactivation";
    let (status, _, early) = system.post(off, &reason).await;
    assert_eq!(
        (status, &early["type"]),
        (StatusCode::CONFLICT, &json!("/problems/rules-not-active"))
    );
    let propose =
        ["rules", "propose", "--rules=3", "--parameter=payment_deadline_ms=3600000", "--yes"];
    system.rows(&propose, 0).await;
    let tried = system.rows(&["rules", "try", "3", "--since=1h"], 0).await;
    let is_tried = |row: &Value| row["command"] == "DeactivateProduct" && row["key"] == "lamp";
    assert!(tried.as_array().unwrap().iter().any(is_tried), "{tried}");
    system.rows(&["rules", "activate", "3", "--yes"], 0).await;

    let threshold = json!({"threshold": 7});
    let set = system.post("/v1/products/lamp/low-stock-threshold", &threshold).await;
    assert_eq!(set.0, StatusCode::OK, "{set:?}");
    let order = |id: &str| {
        let lines = json!([{"sku": "lamp", "quantity": 1}]);
        json!({"order_id": id, "currency": "EUR", "lines": lines})
    };
    let (status, position, _) = system.post("/v1/orders", &order("to seven")).await;
    assert_eq!(status, StatusCode::CREATED);
    let product = system.get_at("/v1/products/lamp", &position).await;
    assert_eq!((&product["available"], &product["low_stock_threshold"]), (&json!(7), &json!(7)));
    let before = product["version"].as_i64().unwrap();

    let (status, _, answer) = system.post(off, &reason).await;
    assert_eq!((status, &answer["version"]), (StatusCode::OK, &json!(before + 1)), "{answer}");
    let (status, position, refused) = system.post("/v1/orders", &order("too late")).await;
    assert_eq!(
        (status, &refused["type"]),
        (StatusCode::CONFLICT, &json!("/problems/product-inactive"))
    );
    let product = system.get_at("/v1/products/lamp", &position).await;
    assert_eq!(product["active"], false);
    let on = system.post("/v1/products/lamp/reactivation", &reason).await;
    assert_eq!(on.0, StatusCode::OK, "{on:?}");
    let (status, ..) = system.post("/v1/orders", &order("on again")).await;
    assert_eq!(status, StatusCode::CREATED);
}

/// Every shard remembers more than one command by now.
async fn the_edge_goes_by_the_parameters_in_force(system: &System) {
    let both = ["--parameter=accept_ms=7200000", "--parameter=dedup_ms=9000000"];
    let forgetful = system.run(&[&["rules", "propose", "--yes"][..], &both[..]].concat()).await;
    assert_eq!(forgetful.status.code(), Some(2), "{forgetful:?}");
    let sentence = String::from_utf8(forgetful.stderr).unwrap();
    assert!(sentence.contains("Raise dedup_ms alone first"), "{sentence}");
    system.rows(&["rules", "propose", "--parameter=dedup_entries_max=1", "--yes"], 0).await;
    system.rows(&["rules", "activate", "4", "--yes"], 0).await;
    let price = json!({"price": {"amount": 250, "currency": "EUR"}});
    let full = async {
        loop {
            let (status, _, problem) = system.post("/v1/products/plenty/price", &price).await;
            if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE
            {
                return problem;
            }
        }
    };
    let problem = tokio::time::timeout(Duration::from_secs(60), full).await.expect("a full shard");
    assert!(problem["detail"].as_str().unwrap().contains("remembers"), "{problem}");
}

/// The first order id of a shard.
fn order_in(partition: i32) -> String {
    let mut ids = (0..).map(|n| format!("order-{n}"));
    ids.find(|id| shard_of(Kind::Orders, id, 4).partition == partition).unwrap()
}

#[tokio::test]
async fn rules_that_nobody_has_stop_their_shard_and_no_other() {
    let system = System::start().await;
    system.stock("plenty", 250, 10).await;
    let connection = Connection::new(system.address("KAFKA_BOOTSTRAP_SERVERS"));
    let stopped = ShardId::new(Kind::Orders, 0);
    let partition = Partition::of(Topic::Commands(stopped.kind), stopped.partition);
    let proposal = ProposeRules {
        revision: 2,
        rules: 9_999,
        stream_id: String::new(),
        parameters: Profile::LOCAL.parameters(),
    };
    let records: [(Partition, Command); 2] =
        [(partition.clone(), proposal.into()), (partition, ActivateRules { revision: 2 }.into())];
    let append = move || control_records::append(&connection, "test", &records);
    tokio::task::spawn_blocking(append).await.unwrap().unwrap();

    let reason = "needs code version 9999, which this binary does not have";
    system.page(0, "/readyz", |page| page.contains("orders/0") && page.contains(reason)).await;
    let halted = |page: &str| {
        let lines = page.lines().filter(|line| line.starts_with("spillway_shard_halted{"));
        let stopped = lines.filter(|line| line.ends_with(" 1")).collect::<Vec<_>>();
        stopped == ["spillway_shard_halted{kind=\"orders\",partition=\"0\"} 1"]
    };
    system.page(0, "/metrics", halted).await;
    let listed = system.rows(&["rules", "list"], 1).await;
    assert_eq!(listed[0]["active"]["known"], false, "{listed}");

    for partition in 1..4 {
        let lines = json!([{"sku": "plenty", "quantity": 1}]);
        let order = json!({"order_id": order_in(partition), "currency": "EUR", "lines": lines});
        let (status, _, answer) = system.post("/v1/orders", &order).await;
        assert_eq!(status, StatusCode::CREATED, "shard {partition} goes on: {answer}");
    }
    system.stop().await;
}
