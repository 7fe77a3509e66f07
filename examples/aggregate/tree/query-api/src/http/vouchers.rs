//! `/v1/vouchers`: one voucher.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};

use super::{
    Api,
    answer::{self, Keep},
    error::Error,
    input::{Checked, Input},
    openapi::{Consistency, Failures, Problem, TooEarly, Validators},
    params::is_id,
};
use crate::read::{Database, checkpoint::Projection, voucher::Voucher};

/// A voucher and its balance.
#[utoipa::path(
    get, path = "/v1/vouchers/{voucher_id}", tag = "vouchers", operation_id = "getVoucher",
    params(("voucher_id" = String, Path), Consistency, Validators),
    responses(
        (status = 200, description = "The voucher.", body = Voucher),
        (status = 304, description = "The client has this answer."),
        (status = 404, description = "`unknown-voucher`", body = Problem,
            content_type = "application/problem+json"),
        TooEarly, Failures,
    ),
)]
pub(super) async fn get_voucher(
    State(api): State<Api>,
    Path(voucher_id): Path<String>,
    input: Input,
) -> Result<Response, Error> {
    let Checked { headers, freshness } = input.check()?;
    if !is_id(&voucher_id) {
        return Err(Error::UnknownVoucher);
    }
    freshness.wait(&api, Projection::Vouchers).await?;
    let (id, positions) = (voucher_id.as_str(), freshness.positions());
    let read =
        |database: Database| async move { database.voucher(id, !positions.is_empty()).await };
    let ((voucher, marks), _) = api.servers.read(Projection::Vouchers, positions, read).await?;
    freshness.judge_marks(Projection::Vouchers, &marks)?;
    let response = match voucher {
        Some(voucher) => answer::hashed(&headers, Keep::Shared, &voucher)?,
        None => Error::UnknownVoucher.into_response(),
    };
    Ok(answer::note_parked(response, api.tracker.parked(Projection::Vouchers)))
}
