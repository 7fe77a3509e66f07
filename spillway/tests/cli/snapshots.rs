//! Snapshots, `spillway archive` and `spillway repair` on a real log, with a processor that is
//! killed in between.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Output,
    time::{Duration, Instant},
};

use devstack::{Options, Parts, Process, Ready, Spec, Stack, http};
use events::{Kind, partitioner::shard_of, profile::Profile};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::run;

/// Longer than anything here takes on a loaded machine.
const WITHIN: Duration = Duration::from_secs(120);
/// How often a level is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A write side of its own: broker, registry, one instance, a folder of snapshots.
struct Shop {
    stack: Stack,
    folder: tempfile::TempDir,
    base: String,
    instance: Process,
    client: reqwest::Client,
}

impl Shop {
    async fn open() -> Self {
        let parts = Parts { kafka: true, registry: true, ..Parts::NONE };
        let stack = Stack::start(Options { parts, ..Options::default() }).await.unwrap();
        let (servers, registry) = (stack.bootstrap_servers(), stack.registry_url());
        let made = ["topics", "apply", "--yes", "--kafka-bootstrap-servers", &servers];
        assert_eq!(code(&run(Path::new("/nonexistent"), &made).await), Some(0));
        let registered = ["schemas", "register", "--yes", "--schema-registry-url", &registry];
        assert_eq!(code(&run(Path::new("/nonexistent"), &registered).await), Some(0));
        let folder = tempfile::tempdir().unwrap();
        let base = format!("127.0.0.1:{}", free_port());
        let program = Path::new(env!("CARGO_BIN_EXE_spillway")).with_file_name("command-api");
        let spec = Spec::new("command-api", program, folder.path().join("command-api.log"))
            .args(["--listen", &base, "--kafka-bootstrap-servers", &servers])
            .args(["--schema-registry-url", &registry, "--snapshots"])
            .arg(folder.path().join("snapshots"))
            .args(["--snapshot-records=10", "--snapshot-every-s=1"])
            .start_within(WITHIN)
            .ready(Ready::Http(format!("http://{base}/readyz")));
        let instance = Process::spawn(spec).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { stack, folder, base: format!("http://{base}"), instance, client }
    }

    /// Posts until there is a definitive answer, as a client does.
    async fn post(&self, path: &str, key: &str, body: &Value) -> reqwest::Response {
        let start = Instant::now();
        loop {
            let request = self.client.post(format!("{}{path}", self.base));
            let request = request.header("Idempotency-Key", key).json(body);
            match request.send().await {
                Ok(answer) if !matches!(answer.status().as_u16(), 202 | 429 | 503) => {
                    return answer;
                }
                other => assert!(start.elapsed() < WITHIN, "{other:?}"),
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn stock(&self, sku: &str) {
        let price = json!({ "amount": 250, "currency": "GBP" });
        let product = json!({ "sku": sku, "name": "A thing", "price": price });
        let answer = self.post("/v1/products", &format!("register-{sku}"), &product).await;
        assert_eq!(answer.status(), 201);
        let receipt = json!({ "reference": "delivery", "quantity": 1_000 });
        let path = format!("/v1/products/{sku}/receipts");
        let answer = self.post(&path, &format!("receive-{sku}"), &receipt).await;
        assert!(answer.status().is_success(), "{answer:?}");
    }

    async fn order(&self, id: &str) -> reqwest::Response {
        let lines = json!([{ "sku": "a", "quantity": 1 }]);
        let order = json!({ "order_id": id, "currency": "GBP", "lines": lines });
        let answer = self.post("/v1/orders", &format!("place-{id}"), &order).await;
        assert_eq!(answer.status(), 201, "{id}");
        answer
    }

    async fn orders(&self, ids: std::ops::Range<usize>) {
        for id in ids {
            self.order(&format!("order-{id}")).await;
        }
    }

    fn kept(&self, shard: &str) -> Vec<PathBuf> {
        let folder = self.folder.path().join("snapshots").join(shard);
        let files = fs::read_dir(folder).into_iter().flatten().map(|file| file.unwrap().path());
        let mut kept: Vec<PathBuf> =
            files.filter(|path| path.extension().is_some_and(|e| e == "snapshot")).collect();
        kept.sort();
        kept
    }

    /// Waits until every shard has a snapshot, and this one as many. Orders go on meanwhile,
    /// because a shard without work takes no further snapshot.
    async fn until_kept(&self, shard: &str, count: usize) {
        let all = || {
            ["orders", "products"]
                .iter()
                .flat_map(|kind| (0..4).map(move |number| format!("{kind}/{number}")))
                .all(|shard| !self.kept(&shard).is_empty())
        };
        let start = Instant::now();
        let mut further = 0;
        while self.kept(shard).len() < count || !all() {
            assert!(start.elapsed() < WITHIN, "{shard}: {:?}\n{}", self.kept(shard), self.log());
            sleep(LOOK_EVERY).await;
            self.order(&format!("further-{count}-{further}")).await;
            further += 1;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.instance.log()).unwrap_or_default()
    }

    async fn restart(&self) {
        self.instance.kill().await;
        fs::write(self.instance.log(), "").unwrap();
        self.instance.start().await.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
    }

    /// Runs a verb against this shop.
    async fn verb(&self, args: &[&str]) -> Output {
        let (servers, registry) = (self.stack.bootstrap_servers(), self.stack.registry_url());
        let snapshots = self.folder.path().join("snapshots");
        let mut all = args.to_vec();
        all.extend(["--kafka-bootstrap-servers", &servers, "-o", "json", "--snapshots"]);
        all.push(snapshots.to_str().unwrap());
        if !matches!(args[0], "archive" | "rules") {
            all.extend(["--schema-registry-url", &registry]);
        }
        run(Path::new("/nonexistent"), &all).await
    }

    /// What `spillway verify` says, once it is satisfied.
    async fn verify(&self) -> Value {
        let verified = self.verb(&["verify", "--logs-only"]).await;
        assert_eq!(code(&verified), Some(0), "{verified:?}");
        serde_json::from_slice(&verified.stdout).unwrap()
    }

    async fn end(self) {
        self.instance.stop().await;
        self.stack.stop().await;
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn rows(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[tokio::test]
async fn a_killed_shard_restores_from_what_is_whole_and_old_commands_may_go() {
    let shop = Shop::open().await;
    shop.stock("a").await;
    shop.orders(0..20).await;
    // All of them take stock of one product, so its shard works for all.
    let busy = shard_of(Kind::Products, "a", Profile::LOCAL.products_partitions).to_string();
    shop.until_kept(&busy, 2).await;

    // Killed, with the newest snapshot torn: an older one serves, and nothing is forgotten.
    shop.instance.kill().await;
    let kept = shop.kept(&busy);
    let newest = kept.last().unwrap();
    let bytes = fs::read(newest).unwrap();
    fs::write(newest, &bytes[..bytes.len() / 2]).unwrap();
    shop.restart().await;
    let log = shop.log();
    assert!(log.contains("A snapshot is passed over."), "{log}");
    assert!(log.contains("A shard is restored from a snapshot."), "{log}");
    let again = shop.order("order-3").await;
    assert_eq!(again.headers()["Idempotency-Replayed"], "true");
    shop.orders(20..30).await;

    // A second opinion on everything, and leave to delete what it covers.
    let report = shop.folder.path().join("report.json");
    fs::write(&report, serde_json::to_vec(&shop.verify().await).unwrap()).unwrap();
    let (report, old) = (report.to_str().unwrap(), shop.folder.path().join("old"));
    let archive = ["archive", "--report", report, "--to", old.to_str().unwrap()];
    let until = format!("--until={busy}=1000000");
    let refused = shop.verb(&[&archive[..], &["--yes", &until]].concat()).await;
    assert_eq!(code(&refused), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("may go up to"), "{refused:?}");
    let look = shop.verb(&[&archive[..], &["--dry-run"]].concat()).await;
    assert_eq!(code(&look), Some(0), "{look:?}");
    assert!(!old.exists(), "a look writes nothing");
    let done = shop.verb(&[&archive[..], &["--yes"]].concat()).await;
    assert_eq!(code(&done), Some(0), "{done:?}");
    for row in rows(&done) {
        let (shard, until) = (row["shard"].as_str().unwrap(), row["until"].as_i64().unwrap());
        assert!(until > 0, "{row}");
        let copy = old.join(format!("{shard}/{:020}-{until:020}.jsonl", 0));
        let lines = fs::read_to_string(copy).unwrap();
        assert_eq!(i64::try_from(lines.lines().count()).unwrap(), until);
    }

    // The log has lost its start; everything goes on, and is still verified.
    shop.restart().await;
    shop.orders(30..35).await;
    let report = shop.verify().await;
    assert!(report["verified"].as_array().unwrap().iter().all(|v| v["from"] != 0), "{report}");

    // Rules are read from the snapshots on, and can still be changed.
    let changed = ["rules", "propose", "--parameter=payment_deadline_ms=60000", "--yes"];
    let proposed = shop.verb(&changed).await;
    assert_eq!(code(&proposed), Some(0), "{proposed:?}");
    let listed = rows(&shop.verb(&["rules", "list"]).await);
    assert_eq!(listed.len(), 8);
    for row in listed {
        let revisions = (&row["active"]["revision"], &row["proposed"][0]["revision"]);
        assert_eq!(revisions, (&json!(1), &json!(2)), "{row}");
    }
    let tried = shop.verb(&["rules", "try", "1", "--since=0"]).await;
    assert_eq!((code(&tried), rows(&tried)), (Some(0), Vec::new()), "{tried:?}");

    // A repair writes again what every reader has; all of it is skipped.
    let from = report["verified"].as_array().unwrap().iter().find(|v| v["shard"] == busy.as_str());
    let from = from.unwrap()["from"].as_i64().unwrap().to_string();
    let repair = async |shard: &str, from: &str, leave: &str| {
        shop.verb(&["repair", "--shard", shard, "--from", from, leave]).await
    };
    for (shard, from, expected, why) in [
        (
            "orders/99",
            &*from,
            2,
            "there is no shard orders/99: orders.commands.v1 has 4 partitions",
        ),
        (&*busy, "1000000", 1, "nothing is missing"),
        (&*busy, "0", 1, "there is no usable snapshot"),
    ] {
        for leave in ["--dry-run", "--yes"] {
            let refused = repair(shard, from, leave).await;
            assert_eq!(code(&refused), Some(expected), "{refused:?}");
            assert!(String::from_utf8_lossy(&refused.stderr).contains(why), "{refused:?}");
        }
    }
    let look = repair(&busy, &from, "--dry-run").await;
    assert_eq!(code(&look), Some(0), "{look:?}");
    let plan = rows(&look).remove(0);
    assert_eq!(plan["from"].to_string(), from);
    assert!(plan["topics"]["products.events.v1"].as_u64().unwrap() > 0, "{plan}");
    let repaired = repair(&busy, &from, "--yes").await;
    assert_eq!(code(&repaired), Some(0), "{repaired:?}");
    let done = rows(&repaired).remove(0);
    let outputs = done["outputs"].as_u64().unwrap();
    // The shard goes on meanwhile: a deadline may pass.
    assert!((1..=outputs).contains(&plan["outputs"].as_u64().unwrap()), "{plan}, {done}");
    assert_eq!(plan["snapshot"], done["snapshot"]);
    let repeats = shop.verify().await["counts"]["repeats"].as_u64().unwrap();
    assert!(repeats >= outputs, "{repeats} repeats after {outputs} outputs");

    // Without its start and without snapshots, a shard stops with a sentence.
    shop.instance.kill().await;
    fs::remove_dir_all(shop.folder.path().join("snapshots")).unwrap();
    let spec = shop.instance.spec().clone().ready(Ready::AtOnce);
    let halted = Process::spawn(spec).await.unwrap();
    let start = Instant::now();
    loop {
        let answer = http::get(&format!("{}/readyz", shop.base)).await;
        let text = answer.map(|(_, body)| String::from_utf8_lossy(&body).into_owned());
        if text.as_ref().is_ok_and(|text| text.contains("no usable snapshot")) {
            break;
        }
        assert!(start.elapsed() < WITHIN, "{text:?}\n{}", shop.log());
        sleep(LOOK_EVERY).await;
    }
    halted.stop().await;
    shop.end().await;
}
