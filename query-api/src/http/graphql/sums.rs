//! What can be asked about sums: customers and sales.

use async_graphql::{Context, ID, Object, Result, connection::Connection};

use super::{
    cost,
    customer::Customer,
    list::{Faults, connection, found},
    reader::Reader,
    sales::{DaySales, ProductSales, SalesFilter},
};
use crate::{
    http::{customers, params::is_id, sales},
    read::{Database, checkpoint::Projection},
};

/// Read models of customers and sales.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums;

/// Read models of customers and sales.
#[Object]
impl Sums {
    /// One customer; null when no order of theirs is projected.
    #[graphql(complexity = "cost::statement(child_complexity)")]
    async fn customer(&self, ctx: &Context<'_>, id: ID) -> Option<Result<Customer>> {
        if !is_id(&id) {
            return None;
        }
        let customer = async {
            let reader = Reader::of(ctx);
            let (id, is_judged) = (id.as_str(), reader.is_judged());
            let read = |database: Database| async move { database.customer(id, is_judged).await };
            let customer = reader.list(Projection::Customers, "customer", read).await?;
            reader.note_parked(reader.api().tracker.parked(Projection::Customers));
            Ok(customer)
        };
        found(customer.await)
    }

    /// Customers, by id.
    #[graphql(complexity = "cost::page(first, child_complexity)")]
    async fn customers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows of the page: 50 unless given, at most 200.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
    ) -> Option<Result<Connection<String, Customer>>> {
        let list = async {
            let mut faults = Faults::default();
            let rows_max = faults.first(first);
            let reader = Reader::of(ctx);
            let list = reader.api().cursors.list(customers::PATH, &[]);
            let after = after.and_then(|text| faults.take("after", list.id(&text)));
            faults.check()?;
            let (after, is_judged) = (after.as_deref(), reader.is_judged());
            let read = |database: Database| async move {
                database.customers(after, rows_max, is_judged).await
            };
            let page = reader.list(Projection::Customers, "list of customers", read).await?;
            reader.note_parked(reader.api().tracker.parked(Projection::Customers));
            let cursor = |customer: &Customer| list.of_id(customer.row_id());
            Ok(connection(page.map(), after.is_some(), cursor))
        };
        Some(list.await)
    }

    /// Sales per day and currency, newest day first. Days without sales are left out.
    #[graphql(complexity = "cost::page(first, child_complexity)")]
    async fn sales_by_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows of the page: 50 unless given, at most 200.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins, with the same filters.")]
        after: Option<String>,
        filter: Option<SalesFilter>,
        #[graphql(desc = "Only this product: orders that hold it, with what they hold of it.")]
        sku: Option<ID>,
    ) -> Option<Result<Connection<String, DaySales>>> {
        let list = async {
            let mut faults = Faults::default();
            let filter = filter.unwrap_or_default().read(sku, &mut faults);
            let rows_max = faults.first(first);
            let reader = Reader::of(ctx);
            let list = reader.api().cursors.list(sales::DAYS, &sales::query(&filter));
            let after = after.and_then(|text| faults.take("after", list.sales_day(&text)));
            faults.check()?;
            let (filter, after, is_judged) = (&filter, after.as_ref(), reader.is_judged());
            let read = |database: Database| async move {
                database.sales_days(filter, after, rows_max, is_judged).await
            };
            let page = reader.list(Projection::Sales, "sales by day", read).await?;
            reader.note_parked(reader.api().tracker.parked(Projection::Sales));
            let cursor = |row: &DaySales| list.of_sales_day(&row.key());
            Ok(connection(page.map(), after.is_some(), cursor))
        };
        Some(list.await)
    }

    /// Sales per product and currency over the days that count, by SKU. Products without sales are
    /// left out.
    #[graphql(complexity = "cost::page(first, child_complexity)")]
    async fn sales_by_product(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows of the page: 50 unless given, at most 200.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins, with the same filters.")]
        after: Option<String>,
        filter: Option<SalesFilter>,
    ) -> Option<Result<Connection<String, ProductSales>>> {
        let list = async {
            let mut faults = Faults::default();
            let filter = filter.unwrap_or_default().read(None, &mut faults);
            let rows_max = faults.first(first);
            let reader = Reader::of(ctx);
            let list = reader.api().cursors.list(sales::PRODUCTS, &sales::query(&filter));
            let after = after.and_then(|text| faults.take("after", list.sales_product(&text)));
            faults.check()?;
            let (filter, after, is_judged) = (&filter, after.as_ref(), reader.is_judged());
            let read = |database: Database| async move {
                database.sales_products(filter, after, rows_max, is_judged).await
            };
            let page = reader.list(Projection::Sales, "sales by product", read).await?;
            reader.note_parked(reader.api().tracker.parked(Projection::Sales));
            let cursor = |row: &ProductSales| list.of_sales_product(&row.key());
            Ok(connection(page.map(), after.is_some(), cursor))
        };
        Some(list.await)
    }
}
