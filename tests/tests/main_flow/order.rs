//! Products and orders on their straight way, seen from HTTP, the log and the read models.

use std::collections::BTreeSet;

use anyhow::Context as _;
use eventlog::{Partition, Record};
use events::{Kind, Topic, header, partitioner::shard_of, profile::Profile};
use reqwest::Method;
use serde_json::{Value, json};
use spillway_tests::{Answer, CURRENCY, Client, System, order_body, until};

pub(crate) async fn a_product_is_registered_stocked_and_read_back(
    client: &Client,
) -> anyhow::Result<()> {
    let registered = client.register("TICKET-A", 4_990).await?.is(201);
    assert_eq!(registered.header("location"), "/v1/products/TICKET-A");
    assert_eq!(registered.header("etag"), "\"1\"");
    assert_eq!(
        (&registered.body["sku"], &registered.body["version"]),
        (&json!("TICKET-A"), &json!(1))
    );
    let empty = client.get_after(&registered, "/v1/products/TICKET-A").await?.is(200);
    assert_eq!((&empty.body["on_hand"], &empty.body["available"]), (&json!(0), &json!(0)));

    let received = client.receive("TICKET-A", "DN-1", 40).await?.is(200);
    assert_eq!(received.header("etag"), "\"2\"");
    let product = client.get_after(&received, "/v1/products/TICKET-A").await?.is(200);
    assert_eq!(product.header("etag"), "\"2\"");
    let shown = &product.body;
    assert_eq!((&shown["on_hand"], &shown["reserved"]), (&json!(40), &json!(0)));
    assert_eq!(shown["price"], json!({"amount": 4_990, "currency": CURRENCY}));
    Ok(())
}

pub(crate) async fn an_order_is_reserved_paid_shipped_and_read_back(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    let mut body = order_body("o-1", &[("TICKET-A", 3)]);
    body["customer_id"] = json!("c-1");
    let placed = client.command("/v1/orders", "place o-1", &body).await?.is(201);
    assert_eq!(placed.header("location"), "/v1/orders/o-1");
    assert_eq!(placed.header("etag"), "\"2\"");
    assert_eq!(placed.body["status"], "reserved");
    assert_eq!(placed.body["total"], json!({"amount": 14_970, "currency": CURRENCY}));
    assert!(placed.body["payment_deadline"].is_string(), "{}", placed.body);
    let shown = client.get_after(&placed, placed.header("location")).await?.is(200);
    assert_eq!((shown.header("etag"), &shown.body["status"]), ("\"2\"", &json!("reserved")));
    assert_eq!(shown.body["payment_deadline"], placed.body["payment_deadline"]);
    let line = json!({"line": 1, "sku": "TICKET-A", "quantity": 3, "unit_price": 4_990});
    assert_eq!(shown.body["lines"], json!([line]));
    // The position covers the product's shard too, so its stock is seen held.
    let product = client.get_after(&placed, "/v1/products/TICKET-A").await?.is(200);
    assert_eq!((&product.body["reserved"], &product.body["available"]), (&json!(3), &json!(37)));

    let paid = client.pay("o-1", &placed).await?.is(200);
    assert_eq!((paid.header("etag"), &paid.body["status"]), ("\"3\"", &json!("paid")));
    let shipped = client.ship("o-1").await?.is(200);
    assert_eq!((shipped.header("etag"), &shipped.body["status"]), ("\"4\"", &json!("shipped")));
    let shown = client.get_after(&shipped, "/v1/orders/o-1").await?.is(200);
    assert_eq!((&shown.body["status"], &shown.body["version"]), (&json!("shipped"), &json!(4)));
    let held = client.query(Method::GET, "/v1/orders/o-1").header("if-none-match", "\"4\"");
    let _ = Answer::to(held).await?.is(304);
    until("the pieces have left the house", async || {
        let product = client.get("/v1/products/TICKET-A").await?.is(200);
        let left = product.body["on_hand"] == 37 && product.body["reserved"] == 0;
        anyhow::ensure!(left, "{}", product.body);
        Ok(())
    })
    .await?;

    let customer = client.get_after(&shipped, "/v1/customers/c-1").await?.is(200).body;
    assert_eq!(
        (&customer["orders"], &customer["orders_by_status"]["shipped"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(customer["spend"][0]["amount"], 14_970, "{customer}");
    let sold = client.get_after(&shipped, "/v1/sales/products?currency=EUR").await?.is(200).body;
    let of_tickets = json!({
        "sku": "TICKET-A", "currency": CURRENCY, "orders": 1, "pieces": 3, "amount": 14_970,
        "refunded": {"orders": 0, "pieces": 0, "amount": 0}, "net_amount": 14_970,
    });
    assert_eq!(sold["items"], json!([of_tickets]));
    the_history_names_the_records_of_the_log(system, client).await?;
    what_became_of_the_command_can_be_asked(client, &placed).await
}

async fn the_history_names_the_records_of_the_log(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    let history = client.get("/v1/orders/o-1/history").await?.is(200);
    let items = history.body["items"].as_array().context("no items")?;
    let types: Vec<&Value> = items.iter().map(|item| &item["type"]).collect();
    assert_eq!(types, ["OrderPlaced", "OrderReserved", "OrderPaid", "OrderShipped"]);
    let partition = Partition::of(Topic::Events(Kind::Orders), orders_partition("o-1"));
    let log = system.log.read(partition.clone()).await?;
    for (version, item) in (1..).zip(items) {
        assert_eq!(item["version"], version);
        assert!(item["command_id"].is_string(), "{item}");
        let place = &item["record"];
        assert_eq!(place["topic"], &*partition.topic);
        assert_eq!(place["partition"], partition.number);
        let at = usize::try_from(place["offset"].as_i64().context("no offset")?)?;
        let record = log.get(at).with_context(|| format!("no record at {at}"))?;
        assert_eq!(record.key(), Some(&b"o-1"[..]));
        assert_eq!(text(record, header::VERSION), version.to_string());
        assert_eq!(text(record, header::COMMAND), item["command_id"]);
        assert_eq!(text(record, header::LINK_SEQUENCE), place["link_sequence"].to_string());
        let name = item["type"].as_str().unwrap_or_default();
        assert_eq!(text(record, header::CE_TYPE), format!("spillway.events.{name}"));
        assert_eq!(text(record, header::CE_TIME), item["at"]);
    }
    assert_eq!(items[2]["body"]["reference"], "payment of o-1");
    Ok(())
}

async fn what_became_of_the_command_can_be_asked(
    client: &Client,
    placed: &Answer,
) -> anyhow::Result<()> {
    let id = placed.body["command_id"].as_str().context("no command id")?;
    let path = format!("/v1/commands/{id}");
    let asked = Answer::to(client.query(Method::GET, &path).header("prefer", "wait=10")).await?;
    let outcome = asked.is(200).body;
    assert_eq!((&outcome["command"], &outcome["status"]), (&json!("PlaceOrder"), &json!("done")));
    assert_eq!(outcome["resource"], "/v1/orders/o-1");
    assert_eq!(outcome["position"], placed.position()?);
    assert_eq!(outcome["order"]["status"], "reserved");
    Ok(())
}

pub(crate) async fn an_order_may_span_shards(client: &Client) -> anyhow::Result<()> {
    let skus: Vec<String> = (0..12).map(|n| format!("SPAN-{n}")).collect();
    let shards: BTreeSet<_> = skus
        .iter()
        .map(|sku| shard_of(Kind::Products, sku, Profile::LOCAL.products_partitions))
        .collect();
    assert_eq!(shards.len(), 4, "the SKUs are to lie in all shards");
    for sku in &skus {
        client.stock(sku, 100, 10).await?;
    }
    let lines: Vec<(&str, i64)> = skus.iter().map(|sku| (sku.as_str(), 2)).collect();
    let placed = client.place("o-span", &lines).await?.is(201);
    assert_eq!(placed.body["total"]["amount"], 2_400);
    // Placed, three answers that were not the last, and reserved.
    assert_eq!(placed.header("etag"), "\"5\"");
    for sku in &skus {
        let product = client.get_after(&placed, &format!("/v1/products/{sku}")).await?.is(200);
        assert_eq!(product.body["reserved"], 2, "{sku}");
    }
    let shown = client.get_after(&placed, "/v1/orders/o-span").await?.is(200);
    assert_eq!(shown.body["lines"].as_array().map(Vec::len), Some(12));
    let _ = client.pay("o-span", &placed).await?.is(200);
    Ok(())
}

fn orders_partition(order_id: &str) -> i32 {
    shard_of(Kind::Orders, order_id, Profile::LOCAL.orders_partitions).partition
}

fn text<'a>(record: &'a Record, header: &str) -> &'a str {
    record.header(header).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
}
