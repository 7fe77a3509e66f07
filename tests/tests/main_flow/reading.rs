//! Lists, page by page.

use anyhow::Context as _;
use serde_json::json;
use spillway_tests::{Answer, Client, order_body, until};

pub(crate) async fn lists_come_in_pages(client: &Client) -> anyhow::Result<()> {
    let mut last = None;
    for n in 1..=5 {
        let mut body = order_body(&format!("o-page-{n}"), &[("TICKET-A", 1)]);
        body["customer_id"] = json!("c-pages");
        last = Some(client.command("/v1/orders", &format!("page {n}"), &body).await?.is(201));
    }
    // All five may lie in different shards: each answer is waited for by its own order.
    for n in 1..=5 {
        until("the order is shown", async || {
            let shown = client.get(&format!("/v1/orders/o-page-{n}")).await?;
            anyhow::ensure!(shown.status == 200, "{}", shown.body);
            Ok(())
        })
        .await?;
    }
    let last = last.context("no order")?;
    let mut path = "/v1/orders?customer_id=c-pages&limit=2".to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    while !path.is_empty() {
        let page = client.get_after(&last, &path).await?.is(200);
        let items = page.body["items"].as_array().context("no items")?;
        sizes.push(items.len());
        seen.extend(items.iter().filter_map(|item| Some(item["order_id"].as_str()?.to_owned())));
        path = next_of(&page).unwrap_or_default();
        assert_eq!(path.is_empty(), page.body.get("next_cursor").is_none(), "{}", page.body);
    }
    assert_eq!(sizes, [2, 2, 1]);
    let newest_first: Vec<String> = (1..=5).rev().map(|n| format!("o-page-{n}")).collect();
    assert_eq!(seen, newest_first);

    let shipped = client.get("/v1/orders?status=shipped").await?.is(200);
    assert_eq!(shipped.body["items"][0]["order_id"], "o-1", "{}", shipped.body);
    let first = client.get("/v1/products?limit=3").await?.is(200);
    let second = client.get(&next_of(&first).context("one page only")?).await?.is(200);
    assert!(first.body["items"][2]["sku"].as_str() < second.body["items"][0]["sku"].as_str());
    let _ = client.get("/v1/orders?status=lost&limit=0").await?.is_problem(400, "invalid");
    Ok(())
}

/// The reference of `Link: <…>; rel="next"`.
fn next_of(page: &Answer) -> Option<String> {
    let link = page.header("link").strip_suffix(">; rel=\"next\"")?;
    Some(link.strip_prefix('<')?.to_owned())
}
