//! Products with their price and stock.

use async_graphql::{Context, ID, Object, Result};

use super::{
    cost,
    error::refused,
    load::{self, Shown},
    money::Money,
    order::Order,
    reader::Reader,
    scalar::{Long, Time},
    why::Parked,
};
use crate::read::{page::ROWS_DEFAULT, product, stamp};

/// The most orders that a product shows.
const NEWEST_MAX: i32 = 50;

/// A product with its stock.
#[derive(Debug, Clone)]
pub(super) struct Product {
    row: product::Product,
    parked: Option<stamp::Parked>,
}

impl From<product::Product> for Product {
    fn from(row: product::Product) -> Self {
        Self { row, parked: None }
    }
}

impl From<Shown<product::Product>> for Product {
    fn from(Shown { row, parked }: Shown<product::Product>) -> Self {
        Self { row, parked }
    }
}

impl Product {
    /// Its key in the list.
    pub(super) fn row_sku(&self) -> &str {
        &self.row.sku
    }
}

/// A product with its stock.
#[Object]
impl Product {
    async fn sku(&self) -> ID {
        ID::from(&self.row.sku)
    }

    async fn name(&self) -> &str {
        &self.row.name
    }

    /// Price of a piece.
    async fn price(&self) -> Money {
        Money::from(&self.row.price)
    }

    /// Pieces in the house.
    async fn on_hand(&self) -> Long {
        Long(self.row.on_hand)
    }

    /// Pieces of these that are held for orders.
    async fn reserved(&self) -> Long {
        Long(self.row.reserved)
    }

    /// Pieces that can still be ordered: on hand less reserved.
    async fn available(&self) -> Long {
        Long(self.row.available)
    }

    /// Whether orders may get stock of it.
    async fn active(&self) -> bool {
        self.row.active
    }

    /// Available pieces at which it counts as low; null: never.
    async fn low_stock_threshold(&self) -> Option<Long> {
        self.row.low_stock_threshold.map(Long)
    }

    async fn registered_at(&self) -> Time {
        Time(self.row.registered_at)
    }

    async fn updated_at(&self) -> Time {
        Time(self.row.updated_at)
    }

    /// Rises by one with every event of the product.
    async fn version(&self) -> Long {
        Long(self.row.version)
    }

    /// The newest orders with a line of this product, at most 50. All of them are pages of
    /// `orders(sku:)`.
    #[graphql(complexity = "cost::newest(first, child_complexity)")]
    async fn newest_orders(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 10)] first: i32,
    ) -> Option<Result<Vec<Order>>> {
        if !(1..=NEWEST_MAX).contains(&first) {
            return Some(Err(refused("first", format!("must be 1 to {NEWEST_MAX}"))));
        }
        let rows_max = cost::rows(Some(first), ROWS_DEFAULT);
        let orders = load::newest_orders(Reader::loads(ctx), &self.row.sku, rows_max).await;
        Some(orders.map(|orders| orders.into_iter().map(Order::from).collect()))
    }

    /// Set when later events of the product wait behind a dead letter, so that it is shown as it was
    /// before. Known where the product was asked for by its SKU.
    async fn parked(&self) -> Option<Parked> {
        self.parked.clone().map(Parked::from)
    }
}
