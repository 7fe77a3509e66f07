//! An import survives the death of the processes it talks to, and may be repeated.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde_json::{Value, json};
use spillway_tests::{Retail, System, SystemOptions, until};

/// Enough to be cut in the middle.
const INVOICES: usize = 300;

#[tokio::test]
async fn an_import_survives_kills_and_gives_the_same_table_again() -> anyhow::Result<()> {
    let retail = Retail::of(INVOICES);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("retail.csv");
    fs::write(&file, &retail.text)?;

    let system = System::start(SystemOptions::default()).await?;
    let table = import_is_cut_and_ends(&system, &file, retail.placed).await?;
    assert_eq!(json!({"invoices": table["invoices"], "lines": table["lines"]}), retail.table);
    let skipped = table["skipped"].as_array().context("no skipped lines")?;
    let skipped: Vec<(u64, String)> = skipped.iter().filter_map(line_and_invoice).collect();
    assert_eq!(skipped, retail.skipped);
    the_system_holds(&system, retail.placed).await?;
    system.stop().await
}

#[tokio::test]
async fn the_real_file_is_imported_across_kills() -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/online-retail.csv");
    if !file.exists() {
        eprintln!("skipped: there is no ../shared/data/online-retail.csv");
        return Ok(());
    }
    let system = System::start(SystemOptions::default()).await?;
    let table = import_is_cut_and_ends(&system, &file, 286).await?;
    let invoices = json!({"total": 332, "placed": 286, "rejected": 0, "skipped": 46});
    assert_eq!(table["invoices"], invoices, "{:#}", table["lines"]);
    let lines = &table["lines"];
    let count = |name: &str| lines[name].as_u64().unwrap_or_default();
    assert_eq!(count("total"), count("placed") + count("rejected") + count("skipped"), "{lines}");
    let named = table["skipped"].as_array().map_or(0, Vec::len);
    assert_eq!(u64::try_from(named)?, count("skipped"));
    the_system_holds(&system, 286).await?;
    system.stop().await
}

/// Imports while command-api and projector are killed and started again, then once more in peace.
/// Gives the table, which must be the same both times.
async fn import_is_cut_and_ends(
    system: &System,
    file: &Path,
    placed: usize,
) -> anyhow::Result<Value> {
    let gateway = system.gateway().await?;
    let file = file.to_str().context("the path is no text")?;
    let args = ["import", file, "--url", gateway.url(), "--output", "json"];
    let imported = async {
        let (code, table) = system.tool.run(&args).await?;
        anyhow::ensure!(code == 0, "the import ended with {code}: {table:#}");
        Ok(without_time(table))
    };
    let (first, ()) = tokio::try_join!(imported, cut(system, placed))?;
    let (code, again) = system.tool.run(&args).await?;
    assert_eq!((code, &without_time(again)), (0, &first));
    Ok(first)
}

/// Kills both sides at different points of the import, without a warning.
async fn cut(system: &System, placed: usize) -> anyhow::Result<()> {
    let (command_api, projector) = (&system.command_apis[0], &system.projectors[0]);
    visible(system, placed / 6).await?;
    command_api.kill().await?;
    let before = visible(system, placed / 6).await?;
    command_api.start().await?;
    visible(system, (before + placed) / 2).await?;
    tokio::try_join!(command_api.kill(), projector.kill())?;
    tokio::try_join!(command_api.start(), projector.start())?;
    assert!(before < placed, "the import was over before it was cut");
    Ok(())
}

/// Waits until so many orders are visible; gives how many are.
async fn visible(system: &System, orders: usize) -> anyhow::Result<usize> {
    until("the orders are visible", async || {
        let visible = orders_with(system, "%").await?;
        anyhow::ensure!(visible >= orders, "{visible} of {orders} orders are visible");
        Ok(visible)
    })
    .await
}

/// Orders whose status is like this.
async fn orders_with(system: &System, status: &str) -> anyhow::Result<usize> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM orders WHERE status LIKE $1")
        .bind(status)
        .fetch_one(&system.rows)
        .await?;
    Ok(usize::try_from(count)?)
}

/// Everything was shipped once, no piece is held any more, and the logs agree.
async fn the_system_holds(system: &System, placed: usize) -> anyhow::Result<()> {
    system.settle().await?;
    assert_eq!(orders_with(system, "shipped").await?, placed);
    assert_eq!(orders_with(system, "%").await?, placed);
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM products WHERE on_hand > 0 OR reserved > 0")
            .fetch_one(&system.rows)
            .await?;
    assert_eq!(left, 0, "the stock was exactly what the file needs");
    let verdict = system.tool.verify().await?.is_ok();
    assert_eq!(verdict.count("orders"), u64::try_from(placed)?);
    Ok(())
}

fn without_time(mut table: Value) -> Value {
    if let Some(members) = table.as_object_mut() {
        members.remove("elapsed_s");
    }
    table
}

fn line_and_invoice(skipped: &Value) -> Option<(u64, String)> {
    Some((skipped["line"].as_u64()?, skipped["invoice"].as_str()?.to_owned()))
}
