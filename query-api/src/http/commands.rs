//! `/v1/commands`: what became of a command, for clients that got `202` or no answer at all.

use axum::{
    extract::{Path, State},
    response::Response,
};
use http::HeaderValue;
use uuid::Uuid;

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    fault::Fault,
    freshness::{Freshness, POSITION},
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, Validators},
};
use crate::read::{checkpoint::Projection, command::CommandOutcome};

/// The outcome of a command.
///
/// With `Prefer: wait=N` or a position, an outcome that is not there yet is waited for.
#[utoipa::path(
    get, path = "/v1/commands/{command_id}", tag = "commands", operation_id = "getCommand",
    params(("command_id" = String, Path, format = "uuid"), Consistency, Validators),
    responses(
        (status = 200, description = "The outcome, for good. `Spillway-Position` lets queries see \
            what the command did.", body = CommandOutcome,
            headers(("Spillway-Position" = String, description = "Carry it to a query."))),
        (status = 304, description = "The client has this outcome."),
        (status = 404, description = "`unknown-command`, with `Retry-After`: not decided or not \
            projected yet, or no such command.", body = Problem,
            content_type = "application/problem+json",
            headers(("Retry-After" = i64, description = "Seconds after which to ask again."))),
        Failures,
    ),
)]
pub(super) async fn get_command(
    State(api): State<Api>,
    Path(command_id): Path<String>,
    mut input: Input,
) -> Result<Response, Error> {
    let command_id = Uuid::try_parse(&command_id).map_err(|_| {
        input.params.fault(Fault::path("command_id", "must be the UUID of a command"));
    });
    let Checked { headers, freshness } = input.check()?;
    let Ok(command_id) = command_id else { return Err(Error::UnknownCommand) };
    let outcome = read(&api, command_id, &freshness).await?.ok_or(Error::UnknownCommand)?;
    let mut response = answer::hashed(&headers, Keep::Final, &outcome)?;
    // A token is base64url, which every header takes.
    if let Ok(position) = HeaderValue::try_from(&outcome.position) {
        response.headers_mut().insert(POSITION.clone(), position);
    }
    Ok(response)
}

/// Reads the outcome, again whenever outcomes have been projected that may include it.
///
/// A position counts events, not outcomes, so that it cannot say whether the outcome must be there
/// by now; it says where the outcome will appear.
pub(super) async fn read(
    api: &Api,
    command_id: Uuid,
    freshness: &Freshness,
) -> Result<Option<CommandOutcome>, Error> {
    loop {
        // Taken before the look: what moves after it is waited for, so that none is missed.
        let seen = api.tracker.marks(Projection::Outcomes);
        let outcome = api.database.command(command_id).await?;
        if outcome.is_some() || !freshness.waits() {
            return Ok(outcome);
        }
        let (positions, deadline) = (freshness.positions(), freshness.deadline());
        if !api.tracker.moved(Projection::Outcomes, positions, &seen, deadline).await {
            return Ok(None);
        }
    }
}
