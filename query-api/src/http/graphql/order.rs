//! Orders, their lines and what happened to them.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use service::problem::{Problem, kinds};

use super::{
    cost,
    error::{failed, problem_of, refused},
    history::Event,
    load::{self, Shown},
    money::Money,
    product::Product,
    reader::Reader,
    scalar::{Long, Time},
    why::{Parked, Why},
};
use crate::read::{
    self, Database,
    checkpoint::Projection,
    order::{self, OrderOverview},
    order_list, stamp,
};

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "OrderStatus")]
pub(super) enum Status {
    Placed,
    Reserved,
    Rejected,
    Paid,
    Shipped,
    Cancelled,
    Expired,
}

impl Status {
    const ALL: [Self; 7] = [
        Self::Placed,
        Self::Reserved,
        Self::Rejected,
        Self::Paid,
        Self::Shipped,
        Self::Cancelled,
        Self::Expired,
    ];

    /// As the read model writes it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Reserved => "reserved",
            Self::Rejected => "rejected",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    fn of(text: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        // A newer projector may write a status that this program does not know.
        known.ok_or_else(|| {
            let why = format!("The status `{text}` is unknown to this process.");
            problem_of(Problem::new(kinds::INTERNAL).detail(why))
        })
    }
}

/// An order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    overview: OrderOverview,
    /// Those of this version, where they came with it.
    lines: Option<Vec<order::OrderLine>>,
    parked: Option<stamp::Parked>,
}

impl From<OrderOverview> for Order {
    fn from(overview: OrderOverview) -> Self {
        Self { overview, lines: None, parked: None }
    }
}

impl From<order::Order> for Order {
    fn from(order: order::Order) -> Self {
        Self { overview: order.overview, lines: Some(order.lines), parked: None }
    }
}

impl From<Shown<order::Order>> for Order {
    fn from(shown: Shown<order::Order>) -> Self {
        Self { parked: shown.parked, ..Self::from(shown.row) }
    }
}

impl Order {
    /// Where it stands in the list.
    pub(super) fn key(&self) -> order_list::Key {
        order_list::Key::of(&self.overview)
    }
}

/// An order.
#[Object]
impl Order {
    async fn id(&self) -> ID {
        ID::from(&self.overview.order_id)
    }

    /// Opaque id of the customer; null for guests.
    async fn customer_id(&self) -> Option<&str> {
        self.overview.customer_id.as_deref()
    }

    /// ISO 4217 code of every amount of the order.
    async fn currency(&self) -> &str {
        &self.overview.currency
    }

    async fn status(&self) -> Result<Status> {
        Status::of(&self.overview.status)
    }

    /// Price of the reserved lines; null until the order is reserved.
    async fn total(&self) -> Option<Money> {
        self.overview.total.as_ref().map(Money::from)
    }

    /// Until when payment is awaited; null unless it is or was.
    async fn payment_deadline(&self) -> Option<Time> {
        self.overview.payment_deadline.map(Time)
    }

    /// What must be paid back after a cancellation.
    async fn refund_due(&self) -> Option<Money> {
        self.overview.refund_due.as_ref().map(Money::from)
    }

    async fn placed_at(&self) -> Time {
        Time(self.overview.placed_at)
    }

    async fn updated_at(&self) -> Time {
        Time(self.overview.updated_at)
    }

    /// Rises by one with every event of the order.
    async fn version(&self) -> Long {
        Long(self.overview.version)
    }

    /// Rising by line number. Those of the order's `version`; of an order that a stream or a product
    /// shows, those of now.
    #[graphql(complexity = "cost::LOAD + cost::LINES * child_complexity")]
    async fn lines(&self, ctx: &Context<'_>) -> Option<Result<Vec<Line>>> {
        let lines = match &self.lines {
            Some(lines) => Ok(lines.clone()),
            None => {
                let order = load::order(Reader::loads(ctx), &self.overview.order_id).await;
                order.map(|order| order.map(|order| order.row.lines).unwrap_or_default())
            }
        };
        let line = |line| Line::of(line, &self.overview.currency);
        Some(lines.map(|lines| lines.into_iter().map(line).collect()))
    }

    /// Everything that happened to the order, rising by version.
    #[graphql(complexity = "cost::LOAD + cost::LINES * child_complexity")]
    async fn history(&self, ctx: &Context<'_>) -> Option<Result<Vec<Event>>> {
        let items = load::history(Reader::loads(ctx), &self.overview.order_id).await;
        Some(items.map(|items| items.into_iter().map(Event::from).collect()))
    }

    /// What stands behind the order: events, commands, projection and delays.
    #[graphql(complexity = "cost::statement(child_complexity)")]
    async fn why(&self, ctx: &Context<'_>) -> Option<Result<Why>> {
        let order_id = self.overview.order_id.as_str();
        let read = |database: Database| async move { database.why_order(order_id).await };
        let why = Reader::of(ctx).answer(Projection::Orders, "why", read).await;
        Some(why.transpose()?.map(Why::from))
    }

    /// Set when later events of the order wait behind a dead letter, so that it is shown as it was
    /// before. Known where the order was asked for by its id.
    async fn parked(&self) -> Option<Parked> {
        self.parked.clone().map(Parked::from)
    }
}

/// One line of an order.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "OrderLine", complex)]
pub(super) struct Line {
    /// Number of the line, from 1.
    line: i32,
    sku: String,
    /// Pieces.
    quantity: Long,
    /// Highest price of a piece that the customer accepts.
    unit_price_max: Option<Money>,
    /// Price of a piece at which stock is held.
    unit_price: Option<Money>,
    /// Why no stock is held: `out-of-stock`, `unknown-sku`, `price-changed`, `currency-mismatch`.
    refusal: Option<String>,
    /// Pieces that were available when stock was refused.
    available: Option<Long>,
}

impl Line {
    fn of(line: order::OrderLine, currency: &str) -> Self {
        let order::OrderLine {
            line,
            sku,
            quantity,
            unit_price_max,
            unit_price,
            refusal,
            available,
        } = line;
        let money = |amount: i64| Money { amount: Long(amount), currency: currency.to_owned() };
        Self {
            line,
            sku,
            quantity: Long(quantity),
            unit_price_max: unit_price_max.map(money),
            unit_price: unit_price.map(money),
            refusal,
            available: available.map(Long),
        }
    }
}

#[ComplexObject]
impl Line {
    /// The product as it is now; null when there is none of this SKU.
    #[graphql(complexity = "cost::LOAD + child_complexity")]
    async fn product(&self, ctx: &Context<'_>) -> Option<Result<Product>> {
        let product = load::product(Reader::loads(ctx), &self.sku).await.transpose()?;
        Some(product.map(Product::from))
    }
}

/// The order as it was; nothing when it was never so.
pub(super) async fn past(
    ctx: &Context<'_>,
    order_id: &str,
    until: read::order_at::Until,
) -> Result<Option<Order>> {
    let reader = Reader::of(ctx);
    let read = |database: Database| async move {
        let stamped = database.order_stamped(order_id).await?;
        Ok((stamped, database.order_at(order_id, until).await?))
    };
    let (stamped, order) = reader.answer(Projection::Orders, "past order", read).await?;
    reader.freshness().judge(&stamped).map_err(failed)?;
    if stamped.stamp.parked.is_some() {
        reader.note_parked(1);
    }
    Ok(order.map(|order| Order { parked: stamped.stamp.parked, ..Order::from(order) }))
}

/// Up to where the events count, of which one may be given.
pub(super) fn until(
    version: Option<Long>,
    at: Option<Time>,
) -> Result<Option<read::order_at::Until>> {
    use read::order_at::Until;
    match (version, at) {
        (Some(_), Some(_)) => Err(refused("at", "may not stand beside `version`")),
        (Some(Long(version)), None) if version < 1 => {
            Err(refused("version", "must be a whole number of at least 1"))
        }
        (Some(Long(version)), None) => Ok(Some(Until::Version(version))),
        (None, at) => Ok(at.map(|Time(at)| Until::Time(at))),
    }
}
