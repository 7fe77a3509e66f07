//! The read models show what the log says.

use events::outcome::Outcome;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Violations,
    orders::{Orders, status},
    stock::Stock,
};
use crate::{Answer, Client, faults::evidence::Evidence};

/// Queries at a time.
const AT_ONCE: usize = 8;

pub(super) async fn judge(
    client: &Client,
    evidence: &Evidence,
    orders: &Orders<'_>,
    stock: &Stock<'_>,
    violations: &mut Violations,
) -> anyhow::Result<()> {
    let ids = orders.all().map(|(id, _)| id.to_owned());
    for (id, answer) in ask(client, "orders", ids).await? {
        let life = orders.life(&id);
        let expected = (status(life), i64::try_from(life.len()).ok());
        let shown = (answer.body["status"].as_str(), answer.body["version"].as_i64());
        if shown != expected {
            violations.add("shown-wrong", format!("order {id}: {expected:?}, {}", answer.body));
        }
    }
    let skus = stock.shelves.keys().map(|sku| (*sku).to_owned());
    for (sku, answer) in ask(client, "products", skus).await? {
        let numbers = ["on_hand", "reserved", "version"].map(|name| answer.body[name].as_i64());
        let shelf = &stock.shelves[&*sku];
        if numbers != [shelf.on_hand, shelf.reserved, shelf.version].map(Some) {
            violations.add("shown-wrong", format!("{shelf:?}, {}", answer.body));
        }
    }
    let ids = evidence.outcomes.keys().map(Uuid::to_string);
    for (id, answer) in ask(client, "commands", ids).await? {
        let outcome = &evidence.outcomes[&id.parse()?];
        if !is_outcome(&answer.body, outcome) {
            violations.add("shown-wrong", format!("{outcome:?}, {}", answer.body));
        }
    }
    Ok(())
}

pub(super) fn is_outcome(shown: &Value, outcome: &Outcome) -> bool {
    let code = outcome.refused().map(|refusal| &*refusal.code);
    let status = outcome.order.as_ref().map(|order| &*order.status);
    shown["command"] == outcome.command
        && shown["version"].as_i64().unwrap_or(0) == outcome.version
        && shown["refusal"]["code"].as_str() == code
        && shown["order"]["status"].as_str() == status
}

/// Asks for all of them; whatever is not there has a body without the members looked for.
async fn ask(
    client: &Client,
    what: &str,
    ids: impl Iterator<Item = String>,
) -> anyhow::Result<Vec<(String, Answer)>> {
    let answers = ids.map(|id| async move {
        let answer = client.get(&format!("/v1/{what}/{id}")).await?;
        anyhow::Ok((id, answer))
    });
    stream::iter(answers).buffer_unordered(AT_ONCE).try_collect().await
}
