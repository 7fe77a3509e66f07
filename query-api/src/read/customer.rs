//! Customers: how many orders they have, by status, and what they have spent.
//!
//! The projection keeps sums per partition of orders; they are added up here.

use serde::Serialize;
use sqlx::{FromRow, Postgres, QueryBuilder, Row, postgres::PgRow, types::Json};
use utoipa::ToSchema;

use super::{
    Database, Error, Page,
    checkpoint::{Marks, Projection},
    sum,
};

/// A customer, as orders tell of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Customer {
    #[schema(example = "c-42")]
    pub customer_id: String,
    /// All orders, whatever has become of them.
    #[schema(example = 3)]
    pub orders: i64,
    pub orders_by_status: OrdersByStatus,
    /// By currency; empty before the first payment.
    pub spend: Vec<Spend>,
}

/// How many orders stand at each status now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, FromRow)]
pub struct OrdersByStatus {
    pub placed: i64,
    pub reserved: i64,
    pub rejected: i64,
    pub paid: i64,
    pub shipped: i64,
    pub cancelled: i64,
    pub expired: i64,
}

/// What was spent in one currency, in its minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Spend {
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
    /// What was paid less what is to be paid back.
    #[schema(value_type = i64, example = 4990)]
    pub amount: i128,
    /// All payments.
    #[schema(value_type = i64, example = 7480)]
    pub paid: i128,
    /// What is to be paid back for orders that were cancelled after they were paid.
    #[schema(value_type = i64, example = 2490)]
    pub refund_due: i128,
}

/// Currency, paid, refund due.
type SpendRow = (String, String, String);

/// The customers of a choice, which follows, put together with their spend.
const CHOSEN: &str = "SELECT c.*, s.spend FROM (
     SELECT customer_id, sum(placed)::bigint AS placed,
         sum(reserved)::bigint AS reserved, sum(rejected)::bigint AS rejected,
         sum(paid)::bigint AS paid, sum(shipped)::bigint AS shipped,
         sum(cancelled)::bigint AS cancelled, sum(expired)::bigint AS expired
     FROM customers WHERE customer_id ";
const WITH_SPEND: &str = ") c
 LEFT JOIN LATERAL (
     SELECT json_agg(json_build_array(currency, paid::text, refund_due::text)
         ORDER BY currency) AS spend
     FROM (SELECT currency, sum(paid) AS paid, sum(refund_due) AS refund_due
           FROM customer_spend p WHERE p.customer_id = c.customer_id
           GROUP BY currency) of_currency
 ) s ON true
 ORDER BY c.customer_id";

fn by_id(customer_id: &str) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(CHOSEN);
    query.push("= ").push_bind(customer_id.to_owned()).push(" GROUP BY customer_id");
    query.push(WITH_SPEND);
    query
}

fn page_after(after: Option<&str>, fetch: i64) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(CHOSEN);
    // No id is empty, so all of them come after that.
    query.push("> ").push_bind(after.unwrap_or_default().to_owned());
    query.push(" GROUP BY customer_id ORDER BY customer_id LIMIT ").push_bind(fetch);
    query.push(WITH_SPEND);
    query
}

impl Database {
    /// The customer, unless no order of theirs has been projected; and how far the read model was in
    /// the same moment, if that is to be judged.
    pub async fn customer(
        &self,
        customer_id: &str,
        is_judged: bool,
    ) -> Result<(Option<Customer>, Marks), Error> {
        let judged = is_judged.then_some(Projection::Customers);
        let (mut rows, marks) = self.list(|| by_id(customer_id), judged).await?;
        Ok((rows.pop(), marks))
    }

    /// One page of all customers by id, from after the id `after`; judged like one customer.
    pub async fn customers(
        &self,
        after: Option<&str>,
        rows_max: u16,
        is_judged: bool,
    ) -> Result<(Page<Customer, String>, Marks), Error> {
        let fetch = Page::<Customer, String>::fetch(rows_max);
        let judged = is_judged.then_some(Projection::Customers);
        let (rows, marks) = self.list(|| page_after(after, fetch), judged).await?;
        Ok((Page::cut(rows, rows_max, |last: &Customer| last.customer_id.clone()), marks))
    }
}

impl FromRow<'_, PgRow> for Customer {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let by = OrdersByStatus::from_row(row)?;
        let spend: Option<Json<Vec<SpendRow>>> = row.try_get("spend")?;
        let spend = spend.map(|Json(rows)| rows).unwrap_or_default();
        let all = [by.placed, by.reserved, by.rejected, by.paid, by.shipped, by.cancelled];
        Ok(Self {
            customer_id: row.try_get("customer_id")?,
            orders: all.iter().fold(by.expired, |sum, orders| sum.saturating_add(*orders)),
            orders_by_status: by,
            spend: spend.into_iter().map(spent).collect::<Result<_, _>>()?,
        })
    }
}

fn spent((currency, paid, refund_due): SpendRow) -> Result<Spend, sqlx::Error> {
    let (paid, refund_due) = (sum::parse(&paid)?, sum::parse(&refund_due)?);
    Ok(Spend { currency, amount: paid - refund_due, paid, refund_due })
}
