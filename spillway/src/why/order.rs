//! `spillway why order ID`: asks query-api, and shows its answer as a screen.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::told::Why;
use crate::{
    connect::{self, UrlArgs},
    exit,
    output::{self, Format, OutputArgs},
    words,
};

/// Tells what stands behind an order's row.
///
/// Every event of the order with its place in the log, the commands that led to them, how far the
/// projection is, and how long each event took to become visible.
///
/// Example: spillway why order o-1
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The order.
    #[arg(value_name = "ID")]
    order_id: String,
    #[command(flatten)]
    system: UrlArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(answer) = ask(&args.system.url, &args.order_id).await? else {
        words::say(&format!("{} no event of an order {} was read", words::cross(), args.order_id));
        words::next(&format!(
            "spillway tail --until-end --key {}  # whether the log has any",
            args.order_id
        ));
        return Ok(exit::found(true));
    };
    let why: Why =
        serde_json::from_value(answer.clone()).context("the answer is not understood")?;
    match args.output.output {
        Format::Json => output::write(&(serde_json::to_string_pretty(&answer)? + "\n"))?,
        Format::Jsonl => output::write(&(serde_json::to_string(&answer)? + "\n"))?,
        Format::Table => output::write(&why.screen())?,
    }
    match &why.parked {
        Some(parked) => {
            words::say(&format!("{} {parked}", words::cross()));
            words::next(&parked.next(&args.order_id));
        }
        None => words::next(&format!("spillway tail --until-end --key {}", args.order_id)),
    }
    Ok(exit::found(why.parked.is_some()))
}

/// The answer of `/v1/why/orders/{id}`; `None` when there is no such order.
async fn ask(base: &Url, order_id: &str) -> anyhow::Result<Option<Value>> {
    let mut url = base.clone();
    // The parser of the argument has seen to it that the URL has a host, and so a path.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(["v1", "why", "orders", order_id]);
    }
    let answer =
        connect::local_http()?.get(url.clone()).send().await.with_context(|| {
            format!("nothing answers at {base}: run `spillway dev`, or pass --url")
        })?;
    match answer.status() {
        StatusCode::OK => Ok(Some(answer.json().await.context("the answer is no JSON")?)),
        StatusCode::NOT_FOUND => {
            let problem: Value = answer.json().await.unwrap_or_default();
            if problem["type"].as_str().is_some_and(|kind| kind.ends_with("/unknown-order")) {
                return Ok(None);
            }
            bail!("{url} is not there: is {base} the base URL of a Spillway?")
        }
        status => {
            let text = answer.text().await.unwrap_or_default();
            bail!("{url} answered {status}: {text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, extract::Path, routing::get};
    use serde_json::json;

    use super::*;

    /// Knows one order, and the id that must be escaped on the way.
    async fn stand_in() -> Url {
        let answer = async |Path(id): Path<String>| match id.as_str() {
            "o/1 é" => (StatusCode::OK, Json(json!({"order_id": id}))),
            "broken" => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({}))),
            _ => (StatusCode::NOT_FOUND, Json(json!({"type": "/problems/unknown-order"}))),
        };
        let router = Router::new().route("/spillway/v1/why/orders/{id}", get(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/spillway/").parse().unwrap()
    }

    #[tokio::test]
    async fn an_order_is_asked_for_by_its_id_whatever_it_holds() {
        let base = stand_in().await;
        assert_eq!(ask(&base, "o/1 é").await.unwrap().unwrap()["order_id"], "o/1 é");
        assert_eq!(ask(&base, "o-2").await.unwrap(), None);
        let error = format!("{:#}", ask(&base, "broken").await.unwrap_err());
        assert!(error.contains("503"), "{error}");
        let elsewhere = base.join("/elsewhere/").unwrap();
        let error = format!("{:#}", ask(&elsewhere, "o-2").await.unwrap_err());
        assert!(error.contains("is not there"), "{error}");
    }
}
