//! Orders: one piece of a product, each with a key of its own.

use std::{io::Write as _, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

use super::{
    args::{Args, Workload},
    baseline::{
        Baseline, THREADS, bare,
        postgres::{Stock, Tables},
    },
    course::{Case, Cases, Entrant},
    cpu::Workers,
    environment::Environment,
    load::{Reply, Verdict, Wish},
    throwaway::{System, Systems},
};
use crate::dev::{Shop, Steps};

const WORKLOADS: [Workload; 3] = [Workload::Hot, Workload::Spread, Workload::SoldOut];
const PRODUCTS: usize = 2_000;
/// The most that one delivery brings.
const DELIVERY: i64 = 1_000_000;
/// More pieces of the hot product than any run can sell.
const DELIVERIES: i64 = 8;
/// Products that are put in at once.
const CONCURRENCY: usize = 64;

/// Places orders of one piece of one of these products.
#[derive(Debug)]
struct Order {
    skus: Vec<String>,
    /// The status that is wished for.
    status: u16,
}

impl Wish for Order {
    fn request(&self, host: &str, into: &mut Vec<u8>) {
        let key = Uuid::new_v4();
        // The low bits of a random id are as good as dice; the rest of a division by the few products
        // does not show.
        let sku = usize::try_from(key.as_u128() & 0xffff_ffff)
            .ok()
            .and_then(|dice| self.skus.get(dice % self.skus.len()))
            .map_or("", String::as_str);
        let body = format!(r#"{{"currency":"EUR","lines":[{{"sku":"{sku}","quantity":1}}]}}"#);
        // Writing to memory cannot fail.
        let _ = write!(
            into,
            "POST /v1/orders HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nidempotency-key: {key}\r\n\r\n{body}",
            body.len()
        );
    }

    fn judge(&self, reply: &Reply<'_>) -> Verdict {
        match reply.status {
            status if status == self.status => Verdict::Answer,
            202 => Verdict::Late,
            429 if self.status == 409 && has(reply.body, b"probably-sold-out") => Verdict::Hint,
            429 | 503 => Verdict::Busy,
            _ => Verdict::Wrong,
        }
    }
}

/// Puts the products in, and sets the entrants beside each other.
pub(super) async fn cases(
    args: &Args,
    systems: &Systems,
    environment: &mut Environment,
    steps: &Steps,
) -> anyhow::Result<Cases> {
    let workloads: Vec<Workload> = WORKLOADS.into_iter().filter(|w| args.has(*w)).collect();
    let run = Uuid::new_v4().simple().to_string();
    let mut stock: Vec<Stock> = workloads.iter().flat_map(|w| stock(*w, &run)).collect();
    // Registered in any order, but no product twice.
    stock.dedup_by(|a, b| a.sku == b.sku);
    for system in systems.all() {
        steps.run(&format!("products of {}", system.name), put_in(system, &stock)).await?;
    }
    let echo = Baseline::start(async { Ok(bare::echo()) }).await?;
    let mut cases = Cases::default();
    let url = systems.all().first().and_then(|system| system.database_url.as_ref());
    let postgres = match url {
        Some(url) => {
            let schema = format!("bench_{run}");
            let tables = Tables::make(url.expose_secret(), &schema, &stock).await?;
            environment.versions.extend(tables.says().await?);
            let router = tables.clone();
            cases.tables = Some(tables);
            Some(Baseline::start(async move { Ok(router.router()) }).await?)
        }
        None => None,
    };
    if systems.all().iter().any(System::is_own) {
        let version = devstack::artifacts::kafka_version().to_owned();
        environment.versions.insert("kafka", version);
    }
    let on_postgres = systems.all().first().map(System::postgres).unwrap_or_default();
    for workload in workloads {
        let skus: Vec<String> = self::stock(workload, &run).into_iter().map(|s| s.sku).collect();
        let wish = |status| Arc::new(Order { skus: skus.clone(), status }) as Arc<dyn Wish>;
        let status = if workload == Workload::SoldOut { 409 } else { 201 };
        let mut entrants: Vec<Entrant> = systems
            .all()
            .iter()
            .map(|system| Entrant {
                name: system.name,
                is_baseline: system.name != "spillway",
                address: system.commands.clone(),
                wish: wish(status),
                workers: Workers { processes: system.processes(), threads: None },
            })
            .collect();
        if let Some(postgres) = &postgres {
            entrants.push(Entrant {
                name: "postgres",
                is_baseline: true,
                address: postgres.address.clone(),
                wish: wish(status),
                workers: Workers { processes: on_postgres.clone(), threads: Some(THREADS) },
            });
        }
        entrants.push(Entrant {
            name: "echo",
            is_baseline: true,
            address: echo.address.clone(),
            wish: wish(201),
            workers: Workers { threads: Some(THREADS), ..Workers::default() },
        });
        cases.all.push(Case { workload, entrants });
    }
    cases.baselines.extend([Some(echo), postgres].into_iter().flatten());
    Ok(cases)
}

fn stock(workload: Workload, run: &str) -> Vec<Stock> {
    match workload {
        Workload::Hot => {
            vec![Stock { sku: format!("hot-{run}"), on_hand: DELIVERIES * DELIVERY }]
        }
        Workload::Spread => (0..PRODUCTS)
            .map(|n| Stock { sku: format!("spread-{n}-{run}"), on_hand: DELIVERY })
            .collect(),
        _ => vec![Stock { sku: format!("sold-out-{run}"), on_hand: 0 }],
    }
}

/// Registers the products and delivers their stock, through the command API.
async fn put_in(system: &System, stock: &[Stock]) -> anyhow::Result<()> {
    let shop = Shop::new(&format!("http://{}", system.commands))?;
    let each = stock.iter().map(|row| put_in_one(&shop, row));
    stream::iter(each).buffer_unordered(CONCURRENCY).try_collect::<()>().await
}

async fn put_in_one(shop: &Shop, row: &Stock) -> anyhow::Result<()> {
    let Stock { sku, on_hand } = row;
    let price = json!({"amount": 250, "currency": "EUR"});
    let product = json!({"sku": sku, "name": sku, "price": price});
    let registered = shop.post("/v1/products", &format!("{sku}-register"), &product).await?;
    registered.done_or(&[])?;
    for delivery in 0..on_hand / DELIVERY {
        let reference = format!("delivery-{delivery}");
        let receipt = json!({"reference": reference, "quantity": DELIVERY});
        let path = format!("/v1/products/{sku}/receipts");
        shop.post(&path, &format!("{sku}-{reference}"), &receipt).await?.done_or(&[])?;
    }
    Ok(())
}

fn has(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &[u8]) -> Reply<'_> {
        Reply { status, head: "", body }
    }

    #[test]
    fn every_order_has_a_key_of_its_own_and_a_product_of_the_run() {
        let order = Order { skus: vec!["a".to_owned(), "b".to_owned()], status: 201 };
        let mut all = std::collections::BTreeSet::new();
        for _ in 0..64 {
            let mut request = Vec::new();
            order.request("x:1", &mut request);
            let text = String::from_utf8(request).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
            let order: serde_json::Value = serde_json::from_str(body).unwrap();
            all.insert(order["lines"][0]["sku"].as_str().unwrap().to_owned());
        }
        assert_eq!(all.len(), 2, "64 dice fall on both sides");
    }

    #[test]
    fn a_hint_is_an_answer_only_where_nothing_is_left() {
        let hint = reply(429, br#"{"type":"/problems/probably-sold-out"}"#);
        let order = |status| Order { skus: vec![String::new()], status };
        assert_eq!(order(409).judge(&hint), Verdict::Hint);
        assert_eq!(order(201).judge(&hint), Verdict::Busy);
        assert_eq!(order(409).judge(&reply(409, b"")), Verdict::Answer);
        assert_eq!(order(201).judge(&reply(409, b"")), Verdict::Wrong);
        assert_eq!(order(201).judge(&reply(202, b"")), Verdict::Late);
    }
}
