//! Vouchers: what they were issued with, and what is left.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder};
use utoipa::ToSchema;

use super::{
    Database, Error,
    checkpoint::{Marks, Projection},
    time,
};

/// A voucher and its balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, FromRow)]
pub struct Voucher {
    #[schema(example = "gift-1")]
    pub voucher_id: String,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Minor units that it was issued with.
    #[schema(example = 5000)]
    pub issued: i64,
    /// Minor units that are left.
    #[schema(example = 3100)]
    pub balance: i64,
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub issued_at: DateTime<Utc>,
    #[serde(serialize_with = "time::serialize")]
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: DateTime<Utc>,
    #[schema(example = 2)]
    pub version: i64,
}

fn by_id(voucher_id: &str) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(
        "SELECT voucher_id, currency, issued, balance, issued_at, updated_at, version
         FROM vouchers WHERE voucher_id = ",
    );
    query.push_bind(voucher_id.to_owned());
    query
}

impl Database {
    /// The voucher, unless none of its events has been projected; and how far the read model was in
    /// the same moment, if that is to be judged.
    pub async fn voucher(
        &self,
        voucher_id: &str,
        is_judged: bool,
    ) -> Result<(Option<Voucher>, Marks), Error> {
        let judged = is_judged.then_some(Projection::Vouchers);
        let (mut rows, marks) = self.list(|| by_id(voucher_id), judged).await?;
        Ok((rows.pop(), marks))
    }
}
