//! Gift vouchers from HTTP through the log to the read model, under the rules that bring them.

use reqwest::Method;
use serde_json::json;
use spillway_tests::{Answer, System, SystemOptions};

#[tokio::test]
async fn a_voucher_is_issued_redeemed_and_read_back() -> anyhow::Result<()> {
    let system = System::start(SystemOptions::default()).await?;
    let client = system.client()?;
    let voucher = json!({"voucher_id": "gift-1", "balance": {"amount": 5_000, "currency": "EUR"}});
    let early = client.command("/v1/vouchers", "early", &voucher).await?.is(409);
    assert_eq!(early.code(), "rules-not-active");
    let _ = system.tool.done(&["rules", "propose", "--rules=4", "--yes"]).await?;
    let _ = system.tool.done(&["rules", "activate", "2", "--yes"]).await?;

    let issued = client.command("/v1/vouchers", "issue", &voucher).await?.is(201);
    assert_eq!(issued.header("location"), "/v1/vouchers/gift-1");
    assert_eq!((issued.header("etag"), &issued.body["voucher_id"]), ("\"1\"", &json!("gift-1")));
    let shown = client.get_after(&issued, "/v1/vouchers/gift-1").await?.is(200).body;
    assert_eq!((&shown["issued"], &shown["balance"]), (&json!(5_000), &json!(5_000)));

    let redeem = |amount, reference: &str| json!({"reference": reference, "amount": amount, "currency": "EUR"});
    let path = "/v1/vouchers/gift-1/redemptions";
    let redeemed = client.command(path, "redeem", &redeem(1_900, "o-1")).await?.is(200);
    assert_eq!(redeemed.header("etag"), "\"2\"");
    let again = client.command(path, "redeem", &redeem(1_900, "o-1")).await?.is(200);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let another = client.command(path, "another key", &redeem(1_900, "o-1")).await?.is(200);
    assert_eq!(another.header("etag"), "\"2\"", "a reference counts once");
    let too_much = client.command(path, "too much", &redeem(3_101, "o-2")).await?.is(409);
    assert_eq!(too_much.code(), "balance-too-small");
    let nowhere = "/v1/vouchers/nowhere/redemptions";
    let unknown = client.command(nowhere, "nowhere", &redeem(1, "o-2")).await?.is(404);
    assert_eq!(unknown.code(), "unknown-voucher");

    let shown = client.get_after(&another, "/v1/vouchers/gift-1").await?.is(200);
    assert_eq!((&shown.body["balance"], &shown.body["version"]), (&json!(3_100), &json!(2)));
    let held = client.query(Method::GET, "/v1/vouchers/gift-1");
    let _ = Answer::to(held.header("if-none-match", shown.header("etag"))).await?.is(304);
    let _ = client.get("/v1/vouchers/nowhere").await?.is(404);
    let command = format!("/v1/commands/{}", too_much.body["command_id"].as_str().unwrap_or("?"));
    let outcome = client.get_after(&too_much, &command).await?.is(200).body;
    assert_eq!(
        (&outcome["status"], &outcome["resource"]),
        (&json!("refused"), &json!("/v1/vouchers/gift-1"))
    );

    system.settle().await?;
    let verdict = system.tool.verify().await?.is_ok();
    assert_eq!(verdict.count("shards"), 12);
    assert!(verdict.count("rows") > 0, "{:#}", verdict.report);
    system.stop().await
}
