//! Queries: an order by its id, from memory and from PostgreSQL, and the first page of all orders.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::ensure;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use uuid::Uuid;

use super::{
    args::{Args, Workload},
    baseline::{Baseline, THREADS, bare},
    course::{Case, Cases, Entrant},
    cpu::Workers,
    load::{Reply, Verdict, Wish},
    throwaway::{System, Systems},
};
use crate::{
    connect,
    dev::{Shop, Steps},
};

/// Orders that are asked for in turn: few enough that each is asked for again before its time in
/// memory is over.
const ORDERS: usize = 100;
const LINES: usize = 2;
/// Orders that are placed at once.
const CONCURRENCY: usize = 16;
const LIST: &str = "/v1/orders?limit=50";

/// Gets these paths, one after the other.
#[derive(Debug)]
struct Get {
    paths: Vec<String>,
    next: AtomicUsize,
}

impl Wish for Get {
    fn request(&self, host: &str, into: &mut Vec<u8>) {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.paths.len();
        let path = &self.paths[next];
        // Writing to memory cannot fail.
        let _ = write!(into, "GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    }

    fn judge(&self, reply: &Reply<'_>) -> Verdict {
        match reply.status {
            200 if reply.head.contains("spillway-memory; hit") => Verdict::Hit,
            200 => Verdict::Answer,
            429 | 503 => Verdict::Busy,
            _ => Verdict::Wrong,
        }
    }
}

/// Places the orders, and sets the entrants beside each other.
pub(super) async fn cases(args: &Args, systems: &Systems, steps: &Steps) -> anyhow::Result<Cases> {
    let run = Uuid::new_v4().simple().to_string();
    for system in systems.all() {
        steps.run(&format!("orders of {}", system.name), put_in(system, &run)).await?;
    }
    let by_id: Vec<String> = (0..ORDERS).map(|n| path(n, &run)).collect();
    let mut cases = Cases::default();
    for workload in [Workload::Cached, Workload::Uncached, Workload::List] {
        let paths = if workload == Workload::List { vec![LIST.to_owned()] } else { by_id.clone() };
        let address = |system: &System| match workload {
            Workload::Uncached => system.uncached.clone(),
            _ => Some(system.queries.clone()),
        };
        // One that runs elsewhere has no query-api without caches.
        let there = systems.all().iter().filter_map(|system| Some((system, address(system)?)));
        let there: Vec<_> = there.filter(|_| args.has(workload)).collect();
        let Some((_, first)) = there.first() else { continue };
        let url = format!("http://{first}{}", paths[0]);
        let answer = connect::local_http()?.get(&url).send().await?;
        ensure!(answer.status() == 200, "{url} is answered {}", answer.status());
        let body = answer.bytes().await?.to_vec();
        let bare = Baseline::start(async { Ok(bare::answer(body)) }).await?;
        let wish =
            || Arc::new(Get { paths: paths.clone(), next: AtomicUsize::new(0) }) as Arc<dyn Wish>;
        let mut entrants: Vec<Entrant> = there
            .iter()
            .map(|(system, address)| Entrant {
                name: system.name,
                is_baseline: system.name != "spillway",
                address: address.clone(),
                wish: wish(),
                workers: Workers { processes: system.processes(), threads: None },
            })
            .collect();
        entrants.push(Entrant {
            name: "bare",
            is_baseline: true,
            address: bare.address.clone(),
            wish: wish(),
            workers: Workers { threads: Some(THREADS), ..Workers::default() },
        });
        cases.baselines.push(bare);
        cases.all.push(Case { workload, entrants });
    }
    Ok(cases)
}

/// Places orders of two lines, and waits until each is shown.
async fn put_in(system: &System, run: &str) -> anyhow::Result<()> {
    let shop = Shop::new(&format!("http://{}", system.commands))?;
    let shown = Shop::new(&format!("http://{}", system.queries))?;
    let skus: Vec<String> = (0..LINES).map(|n| format!("query-{n}-{run}")).collect();
    for sku in &skus {
        let price = json!({"amount": 250, "currency": "EUR"});
        let product = json!({"sku": sku, "name": sku, "price": price});
        let registered = shop.post("/v1/products", &format!("{sku}-register"), &product).await?;
        registered.done_or(&[])?;
        let receipt = json!({"reference": "delivery", "quantity": ORDERS});
        let path = format!("/v1/products/{sku}/receipts");
        shop.post(&path, &format!("{sku}-delivery"), &receipt).await?.done_or(&[])?;
    }
    let lines: Vec<_> = skus.iter().map(|sku| json!({"sku": sku, "quantity": 1})).collect();
    let place = async |n: usize| {
        let id = order_id(n, run);
        let order = json!({"order_id": id, "currency": "EUR", "lines": lines});
        let placed = shop.post("/v1/orders", &id, &order).await?;
        placed.done_or(&[])?;
        shown.see(&id, placed.position.as_deref()).await
    };
    stream::iter((0..ORDERS).map(place)).buffer_unordered(CONCURRENCY).try_collect::<()>().await
}

fn order_id(n: usize, run: &str) -> String {
    format!("query-{n}-{run}")
}

fn path(n: usize, run: &str) -> String {
    format!("/v1/orders/{}", order_id(n, run))
}
