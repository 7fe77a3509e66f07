//! The body of answers about vouchers.

use events::outcome::Outcome;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Subject;

/// A voucher after a command that was carried out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VoucherAnswer {
    voucher_id: String,
    /// Version of the voucher after the command, as in `ETag`.
    version: i64,
    /// The command, as in `/v1/commands/{id}`.
    #[schema(value_type = String, example = "6d5a0c1e-6f3c-5a37-9a3e-0c8f0c7b1f7e")]
    command_id: Uuid,
}

impl VoucherAnswer {
    pub(super) fn of(subject: &Subject, outcome: &Outcome) -> Self {
        let (voucher_id, version) = (subject.key.clone(), outcome.version);
        Self { voucher_id, version, command_id: subject.command_id }
    }
}
