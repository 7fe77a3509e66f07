//! What the gateway answers itself by asking the processes behind it.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use futures::future::join_all;
use serde::Serialize;
use serde_json::Value;
use service::problem::Problem;

use super::{BAD_GATEWAY, Upstreams, openapi};
use crate::{
    connect,
    running::Service,
    status::probe::{self, Readiness},
};

/// Title of the merged description.
pub(crate) const TITLE: &str = "Spillway";

#[derive(Debug, Clone)]
pub(super) struct Probes {
    http: reqwest::Client,
    upstreams: Upstreams,
}

impl Probes {
    pub(super) fn new(upstreams: Upstreams) -> anyhow::Result<Self> {
        Ok(Self { http: connect::local_http()?, upstreams })
    }
}

#[derive(Debug, Serialize)]
struct Report {
    ready: bool,
    processes: Vec<Readiness>,
}

/// Ready when all processes are.
pub(super) async fn readyz(State(probes): State<Probes>) -> Response {
    let Upstreams { command_api, projector, query_api } = &probes.upstreams;
    let asked = [command_api, projector, query_api].map(|one| probe::readiness(&probes.http, one));
    let processes = join_all(asked).await;
    let ready = processes.iter().all(|process| process.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Report { ready, processes })).into_response()
}

/// The description of the whole API.
pub(super) async fn openapi(State(probes): State<Probes>) -> Response {
    let documents = tokio::try_join!(
        probes.description(&probes.upstreams.command_api),
        probes.description(&probes.upstreams.query_api),
    );
    match documents {
        Ok((commands, queries)) => Json(openapi::merge(commands, queries, TITLE)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

impl Probes {
    async fn description(&self, of: &Service) -> Result<Value, Problem> {
        let fetch = async {
            let url = format!("{}/openapi.json", of.url);
            let answer = self.http.get(url).send().await?.error_for_status()?;
            answer.json().await
        };
        fetch.await.map_err(|error: reqwest::Error| {
            Problem::new(BAD_GATEWAY).detail(format!("{} gave no description: {error}", of.name))
        })
    }
}
