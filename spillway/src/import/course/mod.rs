//! Carries a plan out: first all products, then all orders, so many at a time.

mod order;
mod product;

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};

pub(super) use self::order::Fate;
use super::{
    plan::{Order, OrderLine, Plan},
    shop::{Failure, Shop},
};

/// What all requests of one import have in common.
#[derive(Debug)]
pub(super) struct Terms {
    /// ISO 4217 code of every price of the file.
    pub(super) currency: String,
    /// The delivery note; the same file has the same one.
    pub(super) reference: String,
    /// Products or orders under way at a time, at least 1.
    pub(super) concurrency: usize,
}

/// What came of a plan.
#[derive(Debug)]
pub(super) struct Done {
    /// What the shop did not take of the catalogue, as sentences.
    pub(super) notes: Vec<String>,
    /// One for each order of the plan.
    pub(super) fates: Vec<Fate>,
}

/// Carries out the whole plan. Products come first, so that no order lacks stock.
///
/// # Errors
/// A request did not come to a decision. What was decided stays, and the same import goes on there.
pub(super) async fn carry_out(shop: &Shop, plan: &Plan, terms: &Terms) -> Result<Done, Failure> {
    let notes =
        all("products", &plan.products, terms, |product| product::stock(shop, product, terms))
            .await?;
    let fates =
        all("orders", &plan.orders, terms, |order| order::carry_out(shop, order, terms)).await?;
    Ok(Done { notes: notes.into_iter().flatten().collect(), fates })
}

/// What would come of a plan in a shop without any of its products: the first price counts.
pub(super) fn suppose(plan: &Plan) -> Done {
    let prices: HashMap<&str, i64> =
        plan.products.iter().map(|product| (product.sku.as_str(), product.price)).collect();
    let repriced = |line: &&OrderLine| prices.get(line.sku.as_str()) != Some(&line.price);
    let fate =
        |order: &Order| Fate::Placed { repriced: order.lines.iter().filter(repriced).count() };
    Done { notes: Vec::new(), fates: plan.orders.iter().map(fate).collect() }
}

/// Does the work on every item, and gives the results in the order of the items.
async fn all<'a, T, R, F: Future<Output = Result<R, Failure>>>(
    name: &'static str,
    items: &'a [T],
    terms: &Terms,
    work: impl Fn(&'a T) -> F,
) -> Result<Vec<R>, Failure> {
    let bar = bar(name, items.len());
    let mut results: Vec<(usize, R)> = stream::iter(items.iter().enumerate())
        .map(|(place, item)| {
            let work = work(item);
            async move { work.await.map(|result| (place, result)) }
        })
        // Unordered, so that one slow item does not hold back the others behind it.
        .buffer_unordered(terms.concurrency)
        .inspect_ok(|_| bar.inc(1))
        .try_collect()
        .await?;
    bar.finish_and_clear();
    results.sort_unstable_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

/// A bar on standard error; silent off a terminal.
fn bar(name: &'static str, items: usize) -> ProgressBar {
    let bar = ProgressBar::new(items.try_into().unwrap_or(u64::MAX)).with_message(name);
    match ProgressStyle::with_template("{msg:8} {wide_bar} {pos}/{len} {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
