//! What reads depend on goes away and comes back; writes do not notice, and nobody has to act.

use anyhow::ensure;
use spillway_tests::{Answer, Client, System, until};

const SKU: &str = "through-outages";

/// Reads say `503` while PostgreSQL is away, and answer again when it is back.
pub(crate) async fn postgresql_costs_reads_and_no_write(system: &System) -> anyhow::Result<()> {
    let client = system.client()?;
    let _ = client.stock(SKU, 100, 1_000).await?.is(200);
    let before = client.place("before-postgresql", &[(SKU, 1)]).await?.is(201);
    let _ = client.get_after(&before, "/v1/orders/before-postgresql").await?.is(200);
    system.stack().postgres().kill().await;
    let mut last = before;
    for n in 0..5 {
        let id = format!("without-postgresql-{n}");
        let placed = client.place(&id, &[(SKU, 1)]).await?.is(201);
        last = client.pay(&id, &placed).await?.is(200);
    }
    let unread = client.get_after(&last, "/v1/orders/without-postgresql-4").await?;
    let unread = unread.is_problem(503, "unavailable");
    assert_eq!((&unread.body["retry"], unread.header("retry-after")), (&"safe".into(), "1"));
    system.stack().postgres().start().await?;
    let placed = client.place("after-postgresql", &[(SKU, 1)]).await?.is(201);
    sees(&client, &placed, "/v1/orders/after-postgresql", "reserved").await?;
    sees(&client, &placed, "/v1/orders/before-postgresql", "reserved").await?;
    system.settle().await?;
    for n in 0..5 {
        let shown = client.get(&format!("/v1/orders/without-postgresql-{n}")).await?.is(200);
        assert_eq!(shown.body["status"], "paid");
    }
    Ok(())
}

/// Redis is a cache that may be away: query-api notices, and its clients do not.
pub(crate) async fn redis_costs_nothing(system: &System) -> anyhow::Result<()> {
    let client = system.client()?;
    writes_are_read(&client, "with-redis").await?;
    system.stack().redis().kill().await;
    writes_are_read(&client, "without-redis").await?;
    until("Redis is left alone", async || {
        let _ = client.get("/v1/orders/without-redis").await?.is(200);
        ensure!(is_redis_left_alone(system)?, "it is asked");
        Ok(())
    })
    .await?;
    writes_are_read(&client, "left-alone").await?;
    system.stack().redis().start().await?;
    until("Redis is asked again", async || {
        let _ = client.get("/v1/orders/without-redis").await?.is(200);
        ensure!(!is_redis_left_alone(system)?, "it is left alone");
        Ok(())
    })
    .await?;
    writes_are_read(&client, "with-redis-again").await
}

/// Each time that query-api turns away from Redis it says so, and each time that it comes back.
fn is_redis_left_alone(system: &System) -> anyhow::Result<bool> {
    let query_api = &system.query_apis[0];
    // In this order a return between the two looks cannot be counted without its leave.
    let returned = query_api.says("Redis answers again")?;
    Ok(query_api.says("Redis does not answer")? > returned)
}

async fn writes_are_read(client: &Client, id: &str) -> anyhow::Result<()> {
    let path = format!("/v1/orders/{id}");
    let placed = client.place(id, &[(SKU, 1)]).await?.is(201);
    sees(client, &placed, &path, "reserved").await?;
    let paid = client.pay(id, &placed).await?.is(200);
    sees(client, &paid, &path, "paid").await
}

/// Who knows the schemas goes on without the registry; a projector that starts meanwhile waits for it,
/// and its readers are told so.
pub(crate) async fn the_registry_costs_only_new_readers(system: &System) -> anyhow::Result<()> {
    let client = system.client()?;
    let projector = &system.projectors[0];
    system.stack().registry().kill().await;
    let placed = client.place("registry-0", &[(SKU, 1)]).await?.is(201);
    sees(&client, &placed, "/v1/orders/registry-0", "reserved").await?;

    projector.kill().await?;
    let placed = client.place("registry-1", &[(SKU, 1)]).await?.is(201);
    let paid = client.pay("registry-1", &placed).await?.is(200);
    let started = async { projector.start().await };
    let meanwhile = async {
        let told = client.get_once_after(&paid, "/v1/orders/registry-1").await?;
        let _ = told.is_problem(425, "position-not-reached");
        let shown = client.get("/v1/orders/registry-0").await?.is(200);
        assert_eq!(shown.body["status"], "reserved");
        system.stack().registry().start().await?;
        sees(&client, &paid, "/v1/orders/registry-1", "paid").await
    };
    tokio::try_join!(started, meanwhile)?;
    Ok(())
}

/// Waits until a query behind a position shows this status; nothing older is ever shown.
async fn sees(client: &Client, after: &Answer, path: &str, status: &str) -> anyhow::Result<()> {
    let shown = until("the order is shown", async || {
        let shown = client.get_after(after, path).await?;
        ensure!(shown.status == 200, "{}", shown.body);
        Ok(shown)
    })
    .await?;
    assert_eq!(shown.body["status"], status, "{}", shown.body);
    Ok(())
}
