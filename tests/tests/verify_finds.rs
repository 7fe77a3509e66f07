//! `spillway verify` fails when it must: a changed row, a lost one, an invented one, a forged event.

use anyhow::Context as _;
use eventlog::{Partition, Record};
use events::{
    Event, Kind, Topic,
    codec::Confluent,
    header::{self, View},
    partitioner::shard_of,
    product::StockReceived,
    profile::Profile,
};
use serde_json::json;
use spillway_tests::{Client, RawRecord, System, SystemOptions, order_body, until};

#[tokio::test]
async fn verify_finds_what_was_tampered_with() -> anyhow::Result<()> {
    let system = System::start(SystemOptions::default()).await?;
    let client = system.client()?;
    a_shop_has_sold(&client).await?;
    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();

    generations_may_be_switched_meanwhile(&system).await?;
    old_outcomes_may_be_gone(&system).await?;
    a_changed_row_differs(&system).await?;
    a_deleted_row_is_missing(&system).await?;
    an_invented_row_is_unexpected(&system).await?;
    let _ = system.tool.verify().await?.is_ok();
    // The last ones: a log only appends, so it cannot be put right again.
    let forged = a_forged_event_is_for_sale(&system, &client).await?;
    let misplaced = an_event_of_another_shard_is_put_aside(&system).await?;
    let verdict = system.tool.verify().await?.is_wrong(&["unexpected"]);
    assert_eq!(verdict.places("unexpected"), [misplaced, forged]);
    system.stop().await
}

async fn a_shop_has_sold(client: &Client) -> anyhow::Result<()> {
    client.stock("A", 500, 20).await?;
    client.stock("B", 700, 20).await?;
    for order_id in ["o-1", "o-2", "o-3"] {
        let mut body = order_body(order_id, &[("A", 2), ("B", 1)]);
        body["customer_id"] = json!("c-1");
        let placed =
            client.command("/v1/orders", &format!("place {order_id}"), &body).await?.is(201);
        let _ = client.pay(order_id, &placed).await?.is(200);
    }
    Ok(())
}

/// What was decided before the place up to where outcomes are deleted is there or is not.
async fn old_outcomes_may_be_gone(system: &System) -> anyhow::Result<()> {
    let run = async |statements: &'static [&'static str]| -> anyhow::Result<()> {
        let mut transaction = system.rows.begin().await?;
        for statement in statements {
            sqlx::query(*statement).execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    };
    run(&[
        "CREATE TABLE kept AS SELECT * FROM outcomes",
        "INSERT INTO swept SELECT 'outcomes', max(decided_at) + interval '1 ms' FROM outcomes
         ON CONFLICT (projection) DO UPDATE SET before = excluded.before",
        "DELETE FROM outcomes WHERE key = 'o-1'",
    ])
    .await?;
    let _ = system.tool.verify().await?.is_ok();
    run(&[
        "DELETE FROM swept",
        "DELETE FROM outcomes",
        "INSERT INTO outcomes SELECT * FROM kept",
        "DROP TABLE kept",
    ])
    .await?;
    let _ = system.tool.verify().await?.is_ok();
    Ok(())
}

/// Puts other tables of the same rows in the place of those that the comparison is about to read.
async fn generations_may_be_switched_meanwhile(system: &System) -> anyhow::Result<()> {
    let mut switch = system.rows.begin().await?;
    sqlx::query("LOCK TABLE products IN ACCESS EXCLUSIVE MODE").execute(&mut *switch).await?;
    let switching = async {
        until("verify waits for the table", async || {
            let waits = "SELECT count(*) FROM pg_locks
                WHERE relation = 'products'::regclass AND NOT granted AND mode = 'AccessShareLock'";
            let waiting: i64 = sqlx::query_scalar(waits).fetch_one(&system.rows).await?;
            anyhow::ensure!(waiting > 0, "nobody waits");
            Ok(())
        })
        .await?;
        for statement in [
            "CREATE SCHEMA beside",
            "CREATE TABLE beside.products (LIKE public.products INCLUDING ALL)",
            "INSERT INTO beside.products SELECT * FROM public.products",
            "CREATE SCHEMA before",
            "ALTER TABLE public.products SET SCHEMA before",
            "ALTER TABLE beside.products SET SCHEMA public",
        ] {
            sqlx::query(statement).execute(&mut *switch).await?;
        }
        Ok(switch.commit().await?)
    };
    let (verdict, switched) = tokio::join!(system.tool.verify(), switching);
    let switched: anyhow::Result<()> = switched;
    switched?;
    let _ = verdict?.is_ok();
    Ok(())
}

async fn a_changed_row_differs(system: &System) -> anyhow::Result<()> {
    let changes = [
        ("orders o-2", "UPDATE orders SET total_amount = total_amount + $1 WHERE order_id = 'o-2'"),
        ("products B", "UPDATE products SET on_hand = on_hand + $1 WHERE sku = 'B'"),
        (
            "order_lines o-3 line 1",
            "UPDATE order_lines SET quantity = quantity + $1 WHERE order_id = 'o-3' AND line = 1",
        ),
        (
            "outcomes",
            "UPDATE outcomes SET version = version + $1 WHERE key = 'o-1' AND command = 'PayOrder'",
        ),
        (
            "orders o-1",
            "UPDATE orders SET placed_at = placed_at + $1 * interval '1 ms' WHERE order_id = 'o-1'",
        ),
        (
            "products A",
            "UPDATE products SET updated_at = updated_at + $1 * interval '1 ms' WHERE sku = 'A'",
        ),
        (
            "order_history o-1 version 3",
            "UPDATE order_history SET at = at + $1 * interval '1 ms'
              WHERE order_id = 'o-1' AND version = 3",
        ),
        (
            "order_history o-2 version 1",
            "UPDATE order_history
                SET body = jsonb_set(body, '{lines,0,quantity}',
                                     to_jsonb((body #>> '{lines,0,quantity}')::bigint + $1))
              WHERE order_id = 'o-2' AND version = 1",
        ),
        (
            "customer_orders o-1",
            "UPDATE customer_orders SET paid_amount = paid_amount + $1 WHERE order_id = 'o-1'",
        ),
        (
            "customers c-1",
            "UPDATE customers SET paid = paid + $1
              WHERE source_partition = (SELECT min(source_partition) FROM customers)",
        ),
        (
            "customer_spend c-1 EUR",
            "UPDATE customer_spend SET paid = paid + $1
              WHERE source_partition = (SELECT min(source_partition) FROM customer_spend)",
        ),
        (
            "sale_orders o-2",
            "UPDATE sale_orders SET paid_on = paid_on + $1::int WHERE order_id = 'o-2'",
        ),
        (
            "sales_by_day",
            "UPDATE sales_by_day SET pieces = pieces + $1
              WHERE source_partition = (SELECT min(source_partition) FROM sales_by_day)",
        ),
        (
            "sales_by_product B",
            "UPDATE sales_by_product SET amount = amount + $1
              WHERE sku = 'B'
                AND source_partition = (SELECT min(source_partition) FROM sales_by_product)",
        ),
    ];
    let change_all = async |by: i64| {
        for (place, change) in changes {
            let changed = sqlx::query(change).bind(by).execute(&system.rows).await?;
            assert_eq!(changed.rows_affected(), 1, "{place}");
        }
        anyhow::Ok(())
    };
    change_all(1).await?;
    let verdict = system.tool.verify().await?.is_wrong(&["row-differs"]);
    let places = verdict.places("row-differs");
    assert_eq!(places.len(), changes.len(), "{places:?}");
    for (place, _) in changes {
        assert!(places.iter().any(|found| found.starts_with(place)), "{place}: {places:?}");
    }
    change_all(-1).await
}

async fn a_deleted_row_is_missing(system: &System) -> anyhow::Result<()> {
    for (table, row, place) in [
        ("products", "sku = 'A'", "products A"),
        ("order_history", "order_id = 'o-3' AND version = 2", "order_history o-3"),
    ] {
        let run = async |statement: String| {
            sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&system.rows).await
        };
        run(format!("CREATE TABLE kept AS SELECT * FROM {table} WHERE {row}")).await?;
        assert_eq!(run(format!("DELETE FROM {table} WHERE {row}")).await?.rows_affected(), 1);
        let verdict = system.tool.verify().await?.is_wrong(&["row-missing"]);
        assert_eq!(verdict.places("row-missing"), [place]);
        run(format!("INSERT INTO {table} SELECT * FROM kept")).await?;
        run("DROP TABLE kept".to_owned()).await?;
    }
    Ok(())
}

async fn an_invented_row_is_unexpected(system: &System) -> anyhow::Result<()> {
    let copy = "INSERT INTO products
        SELECT 'Z', name, price_amount, currency, on_hand, reserved, registered_at, updated_at,
               version, source_partition
          FROM products WHERE sku = 'A'";
    sqlx::query(copy).execute(&system.rows).await?;
    let verdict = system.tool.verify().await?.is_wrong(&["row-unexpected"]);
    assert_eq!(verdict.places("row-unexpected"), ["products Z"]);
    sqlx::query("DELETE FROM products WHERE sku = 'Z'").execute(&system.rows).await?;
    Ok(())
}

/// A delivery that nobody made, with everything that readers look at as it must be: no reader can
/// tell. Gives its place.
async fn a_forged_event_is_for_sale(system: &System, client: &Client) -> anyhow::Result<String> {
    let shard = shard_of(Kind::Products, "A", Profile::LOCAL.products_partitions);
    let partition = Partition::of(Topic::Events(Kind::Products), shard.partition);
    let records = system.log.read(partition.clone()).await?;
    let received = records
        .iter()
        .find(|record| is(record, "spillway.events.StockReceived"))
        .context("no delivery")?;
    let last = records.last().context("no events")?;
    let product = client.get("/v1/products/A").await?.is(200).body;
    let version = product["version"].as_i64().context("no version")? + 1;
    let (_, mark) = View(&last.headers()).link().context("no link")?;
    let origin = text(last, header::ORIGIN);
    let forged: Event =
        StockReceived { sku: "A".to_owned(), reference: "nobody's".to_owned(), quantity: 1_000 }
            .into();
    let value = Confluent::frame(received.event_datum()?.schema_id, &forged.to_datum());
    let record = RawRecord {
        partition,
        key: Some(b"A".to_vec()),
        value,
        headers: vec![
            (header::ORIGIN, origin.clone()),
            (header::LINK_SEQUENCE, (mark.link_sequence + 1).to_string()),
            (header::PART, "1/1".to_owned()),
            (header::CHAIN, text(last, header::CHAIN)),
            (header::VERSION, version.to_string()),
            (header::CE_SPECVERSION, "1.0".to_owned()),
            (header::CE_ID, origin),
            (header::CE_SOURCE, text(last, header::CE_SOURCE)),
            (header::CE_SUBJECT, "A".to_owned()),
            (header::CE_TYPE, text(received, header::CE_TYPE)),
            (header::CE_TIME, text(last, header::CE_TIME)),
            (header::CONTENT_TYPE, header::AVRO.to_owned()),
        ],
    };
    let offset = system.log.append(record).await?;
    let on_hand = product["on_hand"].as_i64().context("no stock")? + 1_000;
    until("the forged delivery is shown", async || {
        let shown = client.get("/v1/products/A").await?.is(200);
        anyhow::ensure!(shown.body["on_hand"] == on_hand, "{}", shown.body);
        Ok(())
    })
    .await?;
    Ok(format!("products.events.v1/{} at {offset}", shard.partition))
}

/// A true event of a product shard in a partition where only an order shard writes. Gives its place.
async fn an_event_of_another_shard_is_put_aside(system: &System) -> anyhow::Result<String> {
    let records = system.log.read_topic(Topic::Events(Kind::Products)).await?;
    let copied = records.last().context("no events")?;
    let names = [header::ORIGIN, header::LINK_SEQUENCE, header::PART, header::CHAIN];
    let record = RawRecord {
        partition: Partition::of(Topic::Events(Kind::Orders), 1),
        key: copied.key().map(<[u8]>::to_vec),
        value: copied.value().unwrap_or_default().to_vec(),
        headers: names.map(|name| (name, text(copied, name))).to_vec(),
    };
    let offset = system.log.append(record).await?;
    until("the misplaced event is put aside", async || {
        let letters: Vec<(String, String)> = sqlx::query_as(
            "SELECT projection, error_class FROM dead_letters
              WHERE topic = 'orders.events.v1' AND partition = 1 AND kafka_offset = $1
              ORDER BY projection",
        )
        .bind(offset)
        .fetch_all(&system.rows)
        .await?;
        let readers = ["customers", "orders", "sales"];
        let all = readers.map(|reader| (reader.to_owned(), "foreign-record".to_owned()));
        anyhow::ensure!(letters == all, "{letters:?}");
        Ok(())
    })
    .await?;
    Ok(format!("orders.events.v1/1 at {offset}"))
}

fn is(record: &Record, name: &str) -> bool {
    record.header(header::CE_TYPE) == Some(name.as_bytes())
}

fn text(record: &Record, name: &str) -> String {
    String::from_utf8_lossy(record.header(name).unwrap_or_default()).into_owned()
}
