//! nginx as it is deployed (deploy/nginx/nginx.conf) in front of two instances of each process, of
//! which some are stopped and some killed while customers order and look. Nobody notices.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use anyhow::{Context as _, ensure};
use devstack::Nginx;
use futures::{
    SinkExt as _, StreamExt as _,
    future::{join, try_join_all},
};
use serde_json::{Value, json};
use spillway_tests::{Answer, Client, Program, System, SystemOptions, WITHIN, order_body, until};
use tokio::{net::TcpStream, process::Command, time::timeout};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

const CUSTOMERS: usize = 6;
/// Orders that are served between two changes, at least.
const STRETCH: usize = 40;
/// Far more than the customers can order.
const PIECES: i64 = 1_000_000;
/// About 200 KiB.
const BULK_LINES: usize = 1_500;
/// A command that waits for the takeover of its shard is promised (202) long before nginx would stop
/// looking for another instance, and nothing is refused because this machine is busy.
const SETTINGS: [(&str, &str); 3] = [
    ("REPLY_TIMEOUT_MS", "2000"),
    ("APPEND_TIMEOUT_MS", "20000"),
    ("ADMISSION_WAIT_MS_MAX", "60000"),
];
const REQUESTS: &str = "http_server_request_duration_seconds_count";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_that_instances_are_stopped_and_killed_behind_nginx() -> anyhow::Result<()> {
    let options = SystemOptions {
        command_apis: 2,
        projectors: 2,
        query_apis: 2,
        command_api_env: SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
        ..SystemOptions::default()
    };
    let system = System::start(options).await?;
    let dir = tempfile::tempdir()?;
    let nginx = nginx(&system, dir.path()).await?;
    let client = Client::new(nginx.url(), nginx.url())?;
    let _ = client.stock("HOT", 1_000, PIECES).await?;
    let _ = client.get("/readyz").await?.is(200);

    let shop = Shop::new(client.clone());
    let customers = try_join_all((0..CUSTOMERS).map(|customer| shop.orders_of(customer)));
    let changes = async {
        let changed = come_and_go(&system, &shop).await;
        shop.is_closed.store(true, Ordering::Relaxed);
        changed
    };
    let (changed, bought) = join(changes, customers).await;
    changed?;
    let bought: usize = bought?.into_iter().sum();
    let heard = shop.heard.into_inner()?;
    eprintln!("{bought} orders; answers: {heard:?}");
    let failed = heard.keys().filter(|(_, status)| *status == 0 || *status >= 500);
    assert_eq!(failed.count(), 0, "{heard:?}");

    let bulk = in_bulk(&client).await?;
    let asked = timeout(WITHIN, graphql(&client, nginx.url())).await;
    asked.context("the graph is silent")??;
    health_checks_tell_the_truth(&system).await?;
    system.settle().await?;
    let verdict = system.tool.verify().await?.is_ok();
    // One more was placed while a socket listened.
    assert_eq!(verdict.count("orders"), u64::try_from(bought + bulk + 1)?);
    nginx.process().stop().await.context("nginx has died")?;
    system.stop().await
}

/// Each kind of process in turn: the first instance is stopped in order, the second one killed.
async fn come_and_go(system: &System, shop: &Shop) -> anyhow::Result<()> {
    let served = [(&system.command_apis, true), (&system.query_apis, true)];
    for (pair, is_served) in served.into_iter().chain([(&system.projectors, false)]) {
        let [first, second] = &pair[..] else { anyhow::bail!("there are not two") };
        shop.goes_on().await?;
        first.term().await?;
        shop.goes_on().await?;
        first.start().await?;
        shop.goes_on().await?;
        if is_served {
            used_again(first).await?;
        }
        second.kill().await?;
        shop.goes_on().await?;
        second.start().await?;
    }
    shop.goes_on().await
}

/// Waits until nginx has found out that an instance is back.
async fn used_again(program: &Program) -> anyhow::Result<()> {
    until("nginx sends requests there again", async || {
        let requests = program.metric(REQUESTS, "route=\"/v1/orders").await?;
        ensure!(requests > 0.0, "none yet");
        Ok(())
    })
    .await
}

struct Shop {
    client: Client,
    served: AtomicUsize,
    is_closed: AtomicBool,
    /// How many requests of each kind got which status; 0 stands for none.
    heard: Mutex<BTreeMap<(&'static str, u16), usize>>,
}

impl Shop {
    fn new(client: Client) -> Self {
        let (served, is_closed) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { client, served, is_closed, heard: Mutex::default() }
    }

    /// Orders and looks until the shop closes; gives the number of orders.
    async fn orders_of(&self, customer: usize) -> anyhow::Result<usize> {
        let mut count = 0;
        while !self.is_closed.load(Ordering::Relaxed) {
            let order = format!("o-{customer}-{count}");
            let placed = self.until_decided(&order).await?.is(201);
            self.until_shown(&order, &placed).await?;
            count += 1;
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        Ok(count)
    }

    /// Sends the order under its key until it is decided.
    async fn until_decided(&self, order: &str) -> anyhow::Result<Answer> {
        until("the order is decided", async || {
            let answer = self.hear("command", self.client.place(order, &[("HOT", 1)]).await)?;
            ensure!(matches!(answer.status, 200..=201 | 400..=422), "{}", answer.body);
            Ok(answer)
        })
        .await
    }

    async fn until_shown(&self, order: &str, placed: &Answer) -> anyhow::Result<()> {
        let path = format!("/v1/orders/{order}");
        until("the order is shown", async || {
            let answer = self.hear("query", self.client.get_after(placed, &path).await)?;
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(())
        })
        .await
    }

    fn hear(&self, kind: &'static str, answer: anyhow::Result<Answer>) -> anyhow::Result<Answer> {
        let status = answer.as_ref().map_or(0, |answer| answer.status);
        if let Ok(mut heard) = self.heard.lock() {
            *heard.entry((kind, status)).or_default() += 1;
        }
        answer
    }

    /// Waits until another stretch of orders has been served.
    async fn goes_on(&self) -> anyhow::Result<()> {
        let goal = self.served.load(Ordering::Relaxed) + STRETCH;
        until("orders are served", async || {
            let served = self.served.load(Ordering::Relaxed);
            ensure!(served >= goal, "{served} of {goal} orders are served");
            Ok(())
        })
        .await
    }
}

/// Bulk intake through nginx: every line is answered, and what is too long for it is refused whole.
async fn in_bulk(client: &Client) -> anyhow::Result<usize> {
    let line = |n: usize| {
        let mut line = order_body(&format!("bulk-{n}"), &[("HOT", 1)]);
        line["command"] = json!("PlaceOrder");
        line["idempotency_key"] = json!(format!("bulk {n}"));
        line.to_string() + "\n"
    };
    let send = |lines: String| {
        let request = client.post("/v1/commands").header("content-type", "application/x-ndjson");
        request.body(lines).send()
    };
    let lines: String = (0..BULK_LINES).map(line).collect();
    let answer = send(lines).await?.error_for_status()?.text().await?;
    let answers: Vec<Value> = answer.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let placed = answers.iter().filter(|answer| answer["status"] == 201).count();
    assert_eq!(placed, BULK_LINES, "{:?}", answers.last());

    let too_long = send(" ".repeat((1 << 20) + 1)).await?;
    assert_eq!(too_long.status(), 413);
    let problem: Value = too_long.json().await?;
    assert_eq!(problem["type"], "/problems/too-large");
    Ok(placed)
}

/// A query by POST, and a subscription that sees an order being placed.
async fn graphql(client: &Client, url: &str) -> anyhow::Result<()> {
    let query = "{ orders(first: 1) { nodes { lines { product { sku } } } } }";
    let answer = Answer::to(client.post("/graphql").json(&json!({"query": query}))).await?.is(200);
    let order = &answer.body["data"]["orders"]["nodes"][0];
    assert_eq!(order["lines"][0]["product"]["sku"], "HOT", "{}", answer.body);

    let mut request = format!("{url}/graphql").replacen("http", "ws", 1).into_client_request()?;
    let protocol = HeaderValue::from_static("graphql-transport-ws");
    request.headers_mut().insert("sec-websocket-protocol", protocol);
    let stream = TcpStream::connect(url.replace("http://", "")).await?;
    let (mut socket, _) = client_async(request, stream).await?;
    let changes = "subscription { products(skus: [\"HOT\"]) { snapshot { sku }
        change { event product { version } } } }";
    for message in [
        json!({"type": "connection_init"}),
        json!({"id": "1", "type": "subscribe", "payload": {"query": changes}}),
    ] {
        socket.send(Message::text(message.to_string())).await?;
    }
    let mut is_placed = false;
    loop {
        let message = socket.next().await.context("the socket has ended")??;
        let Message::Text(text) = message else { continue };
        let message: Value = serde_json::from_str(&text)?;
        let update = &message["payload"]["data"]["products"];
        if !is_placed && update["snapshot"][0]["sku"] == "HOT" {
            let _ = client.place("o-through-the-socket", &[("HOT", 1)]).await?.is(201);
            is_placed = true;
        }
        if update["change"]["event"] == "StockReserved" {
            return Ok(socket.close(None).await?);
        }
        ensure!(message["type"] != "complete" && message["payload"]["errors"].is_null(), "{text}");
    }
}

/// The images' health check against real processes.
async fn health_checks_tell_the_truth(system: &System) -> anyhow::Result<()> {
    let query_api = &system.query_apis[0];
    assert!(is_ready(query_api).await?);
    query_api.term().await?;
    assert!(!is_ready(query_api).await?);
    query_api.start().await
}

async fn is_ready(program: &Program) -> anyhow::Result<bool> {
    let port = program.url().rsplit(':').next().context("no port")?;
    let mut check = Command::new(deploy("images/ready"));
    let status = check.arg(port).stdin(Stdio::null()).stderr(Stdio::null()).status().await?;
    Ok(status.success())
}

async fn nginx(system: &System, dir: &Path) -> anyhow::Result<Nginx> {
    let address = |program: &Program| program.url().replace("http://", "");
    let commands: Vec<String> = system.command_apis.iter().map(address).collect();
    let queries: Vec<String> = system.query_apis.iter().map(address).collect();
    let servers = [
        ("command-api-1:8081", &*commands[0]),
        ("command-api-2:8081", &*commands[1]),
        ("query-api-1:8083", &*queries[0]),
        ("query-api-2:8083", &*queries[1]),
    ];
    Ok(Nginx::start(&deploy("nginx/nginx.conf"), &servers, dir).await?)
}

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}
