//! `spillway tail` and `spillway why` on what the flow has written.

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde_json::{Value, json};
use spillway_tests::{Client, System, WITHIN, until};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// What an order of one line leaves in the logs.
const EXPECTED: [(&str, &str); 7] = [
    ("command", "PlaceOrder"),
    ("event", "OrderPlaced"),
    ("command", "ReserveStock"),
    ("event", "StockReserved"),
    ("command", "RecordReservation"),
    ("event", "OrderReserved"),
    ("outcome", "PlaceOrder"),
];

/// An order is watched as it is placed, then read again from the start.
pub(crate) async fn what_is_written_can_be_watched_and_read_again(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    // Began before the order is placed, and from the start, so that nothing can be missed.
    let watch = ["tail", "--since", "beginning", "--key", "o-watched", "--output", "jsonl"];
    let mut tail = system.tool.start(&watch)?;
    client.stock("WATCHED", 100, 5).await?;
    let placed = client.place("o-watched", &[("WATCHED", 2)]).await?.is(201);
    let watched = lines_until(&mut tail, |line| line["what"] == "outcome").await?;
    let interrupted = interrupt(&mut tail).await?;
    assert!(interrupted.success(), "{interrupted}");
    let kinds: BTreeSet<&str> = watched.iter().filter_map(|line| line["what"].as_str()).collect();
    assert!(kinds.contains("command") && kinds.contains("outcome"), "{watched:#?}");

    let read = ["tail", "--until-end", "--key", "o-watched"];
    // The answer does not wait for the events: they may come a moment later.
    let lines = until("everything is in the log", async || {
        let lines = system.tool.lines(&read).await?;
        let told: Vec<(&Value, &Value)> = lines.iter().map(|l| (&l["what"], &l["type"])).collect();
        for (what, name) in EXPECTED {
            let is_there = told.iter().any(|told| *told == (&json!(what), &json!(name)));
            anyhow::ensure!(is_there, "no {what} {name} in {told:?}");
        }
        Ok(lines)
    })
    .await?;
    let is_sorted = lines.is_sorted_by_key(|line| line["at"].as_str().unwrap_or_default());
    assert!(is_sorted, "{lines:#?}");

    let id = placed.body["command_id"].as_str().context("no command id")?;
    let filtered = [&read[..2], &["--command-id", id, "--type", "StockReserved"]].concat();
    let reserved = system.tool.lines(&filtered).await?;
    assert_eq!(reserved.len(), 1, "{reserved:#?}");
    assert_eq!(reserved[0]["body"]["sku"], "WATCHED");
    assert_eq!(reserved[0]["key"], "WATCHED");
    let shard = format!("products/{}", reserved[0]["partition"]);
    let events = ["tail", "--until-end", "--shard", &shard, "--only", "events", "--limit", "1"];
    let first = system.tool.lines(&events).await?;
    assert_eq!((first.len(), &first[0]["offset"]), (1, &json!(0)), "{first:#?}");

    // By time: the stack is younger than an hour, and nothing is written tomorrow.
    let recent = system.tool.lines(&[&read[..], &["--since", "1h"]].concat()).await?;
    assert_eq!(recent, lines);
    for nothing in ["end", "2999-01-01T00:00:00Z"] {
        let none = system.tool.lines(&[&read[..], &["--since", nothing]].concat()).await?;
        assert_eq!(none, Vec::<Value>::new(), "{nothing}");
    }

    // For people: no colours in a pipe, the counts and the next command beside.
    let (text, words) = system.tool.told(&read).await?;
    assert!(text.contains("OrderReserved") && !text.contains('\u{1b}'), "{text}");
    assert!(words.contains("records shown"), "{words}");
    assert!(words.contains("next: spillway why order o-watched"), "{words}");
    Ok(())
}

pub(crate) async fn why_an_order_is_as_it_is_can_be_asked(
    system: &System,
    client: &Client,
) -> anyhow::Result<()> {
    let cancelled = client.cancel("o-watched").await?.is(200);
    let _ = client.get_after(&cancelled, "/v1/orders/o-watched").await?.is(200);
    let gateway = system.gateway().await?;
    let ask = ["why", "order", "o-watched", "--url", gateway.url()];
    let why = system.tool.done(&ask).await?;
    let events = why["events"].as_array().context("no events")?;
    assert_eq!(events.len(), 3, "{why:#}");
    let (text, words) = system.tool.told(&ask).await?;
    for part in ["PlaceOrder", "OrderReserved", "orders.commands.v1/", "applied up to", " ms"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    assert!(words.contains("next: spillway tail"), "{words}");
    let unknown = ["why", "order", "o-nobody", "--url", gateway.url()];
    let refused = system.tool.told(&unknown).await.map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|text| text.contains("ended with 1")), "{refused:?}");
    Ok(())
}

/// The lines up to the first that is wanted, it included.
async fn lines_until(
    child: &mut Child,
    is_last: impl Fn(&Value) -> bool,
) -> anyhow::Result<Vec<Value>> {
    let output = child.stdout.take().context("the output is taken")?;
    let mut lines = BufReader::new(output).lines();
    let mut seen: Vec<Value> = Vec::new();
    let look = async {
        while let Some(line) = lines.next_line().await? {
            seen.push(serde_json::from_str(&line)?);
            if seen.last().is_some_and(&is_last) {
                return Ok(());
            }
        }
        anyhow::bail!("the output ended")
    };
    let looked = timeout(WITHIN, look).await.map_err(anyhow::Error::from).flatten();
    looked.with_context(|| format!("{seen:#?}"))?;
    Ok(seen)
}

/// What Ctrl-C does.
async fn interrupt(child: &mut Child) -> anyhow::Result<std::process::ExitStatus> {
    let id = child.id().context("it has ended by itself")?.to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await?;
    anyhow::ensure!(sent.success(), "kill {id}: {sent}");
    Ok(timeout(WITHIN, child.wait()).await??)
}
