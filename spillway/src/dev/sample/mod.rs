//! Sample data, put in through the command API like any other: a catalogue with stock, and one
//! order of each fate.
//!
//! Every request carries a fixed `Idempotency-Key`, and orders have fixed ids, so that a start on
//! kept data changes nothing that is there already.

mod catalogue;
mod fate;
mod shop;

use std::time::Duration;

use anyhow::Context as _;
use futures::future::try_join_all;
use serde_json::json;

pub(crate) use self::shop::Shop;
use self::{
    catalogue::{CURRENCY, PRODUCTS, Product},
    fate::{Act, FATES, Fate},
    shop::Answer,
};

/// How long all of it may take; a warm system needs well below a second.
const WITHIN: Duration = Duration::from_secs(60);

/// Puts the sample data in behind the base URL, and waits until every order can be read back.
///
/// # Errors
/// The system did not take a request, or did not show an order, within its time.
pub(super) async fn put_in(base_url: &str) -> anyhow::Result<()> {
    let shop = Shop::new(base_url)?;
    tokio::time::timeout(WITHIN, fill(&shop))
        .await
        .with_context(|| format!("not done after {WITHIN:?}"))?
}

async fn fill(shop: &Shop) -> anyhow::Result<()> {
    try_join_all(PRODUCTS.iter().map(|product| stock(shop, product))).await?;
    try_join_all(FATES.iter().map(|fate| live(shop, fate))).await?;
    Ok(())
}

async fn stock(shop: &Shop, product: &Product) -> anyhow::Result<()> {
    let sku = product.sku;
    let price = json!({"amount": product.price, "currency": CURRENCY});
    let registered = shop
        .post(
            "/v1/products",
            &format!("sample-{sku}-register"),
            &json!({"sku": sku, "name": product.name, "price": price}),
        )
        .await?;
    // On kept data somebody may have changed the price since.
    registered.done_or(&["already-registered"])?;
    let received = shop
        .post(
            &format!("/v1/products/{sku}/receipts"),
            &format!("sample-{sku}-receive"),
            &json!({"reference": "sample-delivery-1", "quantity": product.stock}),
        )
        .await?;
    received.done_or(&["reference-reused"])
}

/// Leads an order through its fate, until the read model shows it.
async fn live(shop: &Shop, fate: &Fate) -> anyhow::Result<()> {
    let order = fate.order;
    let placed = shop.post("/v1/orders", &format!("{order}-place"), &fate.placement()).await?;
    placed.done_or(&["out-of-stock", "order-exists", "closed"])?;
    let mut last = placed.clone();
    if placed.is_done() {
        for act in fate.acts {
            last = act_on(shop, order, *act, &placed).await?;
        }
    }
    shop.see(order, last.position.as_deref()).await
}

async fn act_on(shop: &Shop, order: &str, act: Act, placed: &Answer) -> anyhow::Result<Answer> {
    let (path, body) = match act {
        Act::Pay => ("payment", placed.payment()?),
        Act::Ship => ("shipment", json!({"reference": "sample-parcel"})),
        Act::Cancel => ("cancellation", json!({"reason": "changed my mind"})),
    };
    let answer =
        shop.post(&format!("/v1/orders/{order}/{path}"), &format!("{order}-{path}"), &body).await?;
    // On kept data the order may have gone another way before, such as expired.
    answer.done_or(&[
        "expired",
        "cancelled",
        "already-paid",
        "already-shipped",
        "not-paid",
        "closed",
    ])?;
    Ok(answer)
}
