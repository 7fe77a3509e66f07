//! What can be asked: the read functions of REST, as fields.

use async_graphql::{Context, ID, MergedObject, Object, Result, connection::Connection};
use uuid::Uuid;

use super::{
    command::Outcome,
    cost,
    error::failed,
    list::{Faults, connection, found},
    load,
    order::{self, Order, Status},
    product::Product,
    reader::Reader,
    scalar::{Long, Time},
    sums::Sums,
};
use crate::{
    http::{
        commands, orders,
        params::{id, is_id, words},
        products,
    },
    read::{
        Database, Page,
        checkpoint::Projection,
        order_list,
        product::{self, Product as Row},
    },
};

/// The read models.
#[derive(Debug, Clone, Copy, Default, MergedObject)]
pub(super) struct Query(Rows, Sums);

/// Read models of orders, products and commands.
#[derive(Debug, Clone, Copy, Default)]
struct Rows;

/// Read models of orders, products and commands.
#[Object]
impl Rows {
    /// One order, as it is, or as it was with a version or at a log time; null when there is none,
    /// or it was never so.
    #[graphql(complexity = "cost::LOAD + child_complexity")]
    async fn order(
        &self,
        ctx: &Context<'_>,
        id: ID,
        version: Option<Long>,
        at: Option<Time>,
    ) -> Option<Result<Order>> {
        let until = match order::until(version, at) {
            Ok(until) => until,
            Err(why) => return Some(Err(why)),
        };
        if !is_id(&id) {
            return None;
        }
        match until {
            Some(until) => order::past(ctx, &id, until).await.transpose(),
            None => found(load::order(Reader::loads(ctx), &id).await),
        }
    }

    /// Orders, newest first.
    #[graphql(complexity = "cost::page(first, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "they are the filters of the list")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows of the page: 50 unless given, at most 200.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins, with the same filters.")]
        after: Option<String>,
        #[graphql(desc = "Only orders of this customer.")] customer_id: Option<ID>,
        #[graphql(desc = "Only orders of this status.")] status: Option<Status>,
        #[graphql(desc = "Only orders with a line of this product.")] sku: Option<ID>,
        #[graphql(desc = "Only orders placed at this log time or later.")] placed_from: Option<
            Time,
        >,
        #[graphql(desc = "Only orders placed before this log time.")] placed_before: Option<Time>,
    ) -> Option<Result<Connection<String, Order>>> {
        let list = async {
            let mut faults = Faults::default();
            let filter = order_list::Filter {
                customer_id: customer_id.and_then(|text| faults.take("customerId", id(&text))),
                status: status.map(Status::as_str),
                sku: sku.and_then(|text| faults.take("sku", id(&text))),
                placed_from: placed_from.map(|Time(at)| at),
                placed_before: placed_before.map(|Time(at)| at),
            };
            let rows_max = faults.first(first);
            let reader = Reader::of(ctx);
            let list = reader.api().cursors.list(orders::PATH, &orders::query(&filter));
            let after = after.and_then(|text| faults.take("after", list.order(&text)));
            faults.check()?;
            let (filter, after) = (&filter, after.as_ref());
            let is_judged = reader.is_judged();
            let page: Page<Order, order_list::Key> = if is_asked(ctx, "lines") {
                let read = |database: Database| async move {
                    database.orders_with_lines(filter, after, rows_max, is_judged).await
                };
                reader.list(Projection::Orders, "list of orders with lines", read).await?.map()
            } else {
                let read = |database: Database| async move {
                    database.orders(filter, after, rows_max, is_judged).await
                };
                reader.list(Projection::Orders, "list of orders", read).await?.map()
            };
            reader.note_parked(reader.api().tracker.parked(Projection::Orders));
            Ok(connection(page, after.is_some(), |order| list.of_order(&order.key())))
        };
        Some(list.await)
    }

    /// One product; null when there is none.
    #[graphql(complexity = "cost::LOAD + child_complexity")]
    async fn product(&self, ctx: &Context<'_>, sku: ID) -> Option<Result<Product>> {
        if !is_id(&sku) {
            return None;
        }
        found(load::product(Reader::loads(ctx), &sku).await)
    }

    /// Products, by SKU: all, or those that the filters find.
    #[graphql(complexity = "cost::page(first, child_complexity)")]
    async fn products(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Rows of the page: 50 unless given, at most 200.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins, with the same filters.")]
        after: Option<String>,
        #[graphql(desc = "Words that the name or the SKU holds, in any order: `red shirt`, \
            `\"red shirt\"`, `shirt or jacket`, `shirt -red`.")]
        search: Option<String>,
        #[graphql(
            desc = "Only products of which pieces can still be ordered, or only those that \
            are sold out."
        )]
        in_stock: Option<bool>,
        #[graphql(
            desc = "Only products of which orders may get stock, or only those that are off \
                          sale."
        )]
        active: Option<bool>,
    ) -> Option<Result<Connection<String, Product>>> {
        let list = async {
            let mut faults = Faults::default();
            let words = search.and_then(|text| faults.take("search", words(&text)));
            let filter = product::Filter { words, in_stock, active };
            let rows_max = faults.first(first);
            let reader = Reader::of(ctx);
            let list = reader.api().cursors.list(products::PATH, &products::query(&filter));
            let after = after.and_then(|text| faults.take("after", list.id(&text)));
            faults.check()?;
            let (filter, after) = (&filter, after.as_deref());
            let is_judged = reader.is_judged();
            let read = |database: Database| async move {
                database.find_products(filter, after, rows_max, is_judged).await
            };
            let page: Page<Row, String> =
                reader.list(Projection::Products, "list of products", read).await?;
            reader.note_parked(reader.api().tracker.parked(Projection::Products));
            Ok(connection(page.map(), after.is_some(), |product: &Product| {
                list.of_id(product.row_sku())
            }))
        };
        Some(list.await)
    }

    /// What became of a command; null when it is not decided or not projected yet, or there was
    /// none. With a position, or with `Prefer: wait=N`, an outcome that is not there yet is waited
    /// for.
    #[graphql(complexity = "cost::statement(child_complexity)")]
    async fn command(&self, ctx: &Context<'_>, id: Uuid) -> Option<Result<Outcome>> {
        let reader = Reader::of(ctx);
        let _turn = reader.turn("outcome").await;
        let outcome = commands::read(reader.api(), id, reader.freshness()).await;
        found(outcome.map_err(failed))
    }
}

/// Whether a field of the rows of a connection is asked for.
fn is_asked(ctx: &Context<'_>, field: &str) -> bool {
    let ahead = ctx.look_ahead();
    ahead.field("nodes").field(field).exists()
        || ahead.field("edges").field("node").field(field).exists()
}
