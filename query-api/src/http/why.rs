//! `/v1/why`: what stands behind a row, for people who wonder about it.

use axum::{
    extract::{Path, State},
    response::Response,
};

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    params::is_id,
};
use crate::read::{Database, checkpoint::Projection, why::Why};

/// Why an order is as it is: events, commands, projection and delays.
#[utoipa::path(
    get, path = "/v1/why/orders/{order_id}", tag = "orders", operation_id = "whyOrder",
    params(("order_id" = String, Path), Consistency, Validators),
    responses(
        (status = 200, description = "What stands behind the row, also where later events of the \
            order wait behind a dead letter.", body = Why),
        (status = 304, description = "The client has this answer."),
        (status = 404, description = "`unknown-order`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn why_order(
    State(api): State<Api>,
    Path(order_id): Path<String>,
    input: Input,
) -> Result<Response, Error> {
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&order_id) {
        return Err(Error::UnknownOrder);
    }
    freshness.wait(&api, Projection::Orders).await?;
    let order_id = order_id.as_str();
    let read = |database: Database| async move { database.why_order(order_id).await };
    let (why, _) = api.servers.read(Projection::Orders, freshness.positions(), read).await?;
    let Some(why) = why else {
        // A reset may have taken it away since the positions were seen to be passed.
        freshness.judge(&api.database.order_stamped(order_id).await?)?;
        return Err(Error::UnknownOrder);
    };
    let answer = answer::hashed(&headers, Keep::Own, &why)?;
    Ok(answer::note_parked(answer, why.parked.is_some().into()))
}
