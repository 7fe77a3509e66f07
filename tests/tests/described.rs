//! A stranger reads the descriptions of both APIs, asks everything that they allow and much that they do
//! not, and finds every answer as it is described. The system is right afterwards.
//!
//! `SPILLWAY_API_EXAMPLES=500` asks for longer: so many random requests of each operation, and live
//! streams too, of which some say nothing until the request ends. A seed that Schemathesis has printed
//! is given back with `SPILLWAY_SEED`.

use std::{env, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, ensure};
use serde_json::json;
use spillway_tests::{Client, Program, System, SystemOptions};
use tokio::{process::Command, time::timeout};

/// Random requests of each operation, unless more are asked for.
const EXAMPLES: u32 = 10;
/// What never comes is not waited for: most requests bring a position or an id of nothing.
const IMPATIENT: [(&str, &str); 2] = [("POSITION_WAIT_MS", "100"), ("POSITION_WAIT_MS_MAX", "100")];
/// What an operation takes, beside its random requests, on a busy machine.
const WITHIN: Duration = Duration::from_secs(300);

#[tokio::test]
async fn every_answer_is_as_the_api_describes_it() -> anyhow::Result<()> {
    let mut options = SystemOptions::default();
    options.query_api_env.extend(IMPATIENT.map(|(name, value)| (name, value.to_owned())));
    let system = System::start(options).await?;
    what_the_examples_speak_of(&system.client()?).await?;
    for api in [&system.command_apis[0], &system.query_apis[0]] {
        asked(api).await?;
    }
    system.settle().await?;
    // Dead letters there may be: a command of rules that are not active yet leaves one.
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

/// The orders and products that stand in the descriptions, so that more is answered than that there are
/// none.
async fn what_the_examples_speak_of(client: &Client) -> anyhow::Result<()> {
    for sku in ["TICKET-A", "TSHIRT-M"] {
        let _ = client.stock(sku, 4_990, 1_000_000).await?;
    }
    let mut order = spillway_tests::order_body("o-1", &[("TICKET-A", 2)]);
    order["customer_id"] = json!("c-1042");
    let placed = client.command("/v1/orders", "o-1", &order).await?.is(201);
    let _ = client.get_after(&placed, "/v1/orders/o-1").await?.is(200);
    Ok(())
}

async fn asked(api: &Program) -> anyhow::Result<()> {
    let (examples, left_out) = match env::var("SPILLWAY_API_EXAMPLES") {
        Ok(text) => (text.parse().context("SPILLWAY_API_EXAMPLES is no number")?, &[][..]),
        Err(_) => (EXAMPLES, &["--exclude-tag", "streams"][..]),
    };
    let seed = env::var("SPILLWAY_SEED").unwrap_or_else(|_| rand::random::<u32>().to_string());
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/api/fuzz");
    let run = Command::new(&fuzz)
        .arg(api.url())
        .args(["--max-examples", &examples.to_string(), "--seed", &seed])
        .args(left_out)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(WITHIN + Duration::from_secs(30) * examples, run)
        .await
        .with_context(|| format!("{} has no end", fuzz.display()))??;
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "seed {seed}: {}\n{told}\n{errors}", output.status);
    Ok(())
}
