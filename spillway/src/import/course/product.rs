//! A product's way in: registered, then stocked.

use serde::de::IgnoredAny;
use serde_json::json;

use super::{
    super::{
        catalogue::Product,
        shop::{Failure, Shop},
    },
    Terms,
};

/// Registers a product and receives its stock. A product that the shop has already keeps its name
/// and price. Gives a sentence when the shop does not take it: its orders will tell.
///
/// The shop remembers the last 64 delivery notes of a product. An import that is repeated after as
/// many other deliveries receives the stock once more, which can oversell nothing.
pub(super) async fn stock(
    shop: &Shop,
    product: &Product,
    terms: &Terms,
) -> Result<Option<String>, Failure> {
    let sku = product.sku.as_str();
    let product_data = json!({
        "sku": sku,
        "name": product.name,
        "price": {"amount": product.price, "currency": terms.currency},
    });
    let key = format!("import:{sku}:register");
    let registered = shop.command::<IgnoredAny>("RegisterProduct", &key, product_data).await?;
    // The key was used for other data when another file was imported a short time ago.
    if let Err(refusal) = registered.verdict
        && !matches!(refusal.code(), "already-registered" | "key-reused")
    {
        return Ok(Some(format!("product {sku} was not registered: {refusal}")));
    }
    for (number, pieces) in product.deliveries() {
        let reference = match number {
            1 => terms.reference.clone(),
            _ => format!("{}-{number}", terms.reference),
        };
        let delivery = json!({"sku": sku, "reference": reference, "quantity": pieces});
        let key = format!("import:{sku}:{reference}");
        let received = shop.command::<IgnoredAny>("ReceiveStock", &key, delivery).await?;
        if let Err(refusal) = received.verdict {
            return Ok(Some(format!("product {sku} was not stocked: {refusal}")));
        }
    }
    Ok(None)
}
