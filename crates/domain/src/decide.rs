//! The way in: one function that answers every client command and every follow-up.

use events::{Command, Event, Millis, command::Author, outcome::Refusal};

use crate::{Order, Product, Rules, bounds, order, product, rules::Version};

/// The aggregates of one shard, as decide may see them.
pub trait Lookup {
    /// The order of that id; `None` when this shard has none.
    fn order(&self, id: &str) -> Option<&Order>;
    /// The product of that SKU; `None` when this shard has none.
    fn product(&self, sku: &str) -> Option<&Product>;
}

/// What a command leads to. Neither events nor a refusal: the wish was already fulfilled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// In the order in which they must be folded.
    pub events: Vec<Event>,
    /// May come with events: a late payment is refused and expires its order.
    pub refusal: Option<Refusal>,
}

impl Decision {
    /// The wish was already fulfilled, or asks for nothing.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn event(event: impl Into<Event>) -> Self {
        Self::events(vec![event.into()])
    }

    pub(crate) fn events(events: Vec<Event>) -> Self {
        Self { events, refusal: None }
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self { events: Vec::new(), refusal: Some(refusal) }
    }
}

/// Answers a client command or a follow-up under these rules. `now` is the shard's log time.
///
/// A follow-up is never refused. Control records decide nothing here: `Tick` is carried out with
/// [`order::expire`], the others concern the shard and not its aggregates.
///
/// # Panics
/// When a follow-up contradicts what this system wrote before, such as giving back stock that
/// nobody holds. That is a broken invariant of ours, and the shard must stop.
pub fn decide(lookup: &impl Lookup, command: &Command, now: Millis, rules: &Rules<'_>) -> Decision {
    let decision = decide_one(lookup, command, now, rules);
    match rules.version {
        Version::WholeOrders | Version::PartialReservation => decision,
        Version::Catalogue => product::low_stock::watch(lookup, decision),
    }
}

fn decide_one(lookup: &impl Lookup, command: &Command, now: Millis, rules: &Rules<'_>) -> Decision {
    if command.author() == Author::Client
        && let Some(refusal) = bounds::refusal(&bounds::check(command))
    {
        return Decision::refused(refusal);
    }
    match command {
        Command::RegisterProduct(c) => product::decide::register(lookup.product(&c.sku), c),
        Command::ChangePrice(c) => product::decide::change_price(lookup.product(&c.sku), c),
        Command::ReceiveStock(c) => product::decide::receive(lookup.product(&c.sku), c),
        Command::AdjustStock(c) => product::decide::adjust(lookup.product(&c.sku), c),
        Command::DeactivateProduct(c) => product::listing::deactivate(lookup.product(&c.sku), c),
        Command::ReactivateProduct(c) => product::listing::reactivate(lookup.product(&c.sku), c),
        Command::SetLowStockThreshold(c) => {
            product::listing::set_threshold(lookup.product(&c.sku), c)
        }
        Command::ReserveStock(c) => match rules.version {
            Version::WholeOrders => product::reserve::reserve(lookup, c),
            Version::PartialReservation => product::partial::reserve(lookup, c, |_| true),
            Version::Catalogue => product::partial::reserve(lookup, c, Product::is_active),
        },
        Command::ReleaseStock(c) => product::reserve::release(lookup, c),
        Command::ShipStock(c) => product::reserve::ship(lookup, c),
        Command::PlaceOrder(c) => order::decide::place(lookup.order(&c.order_id), c, now),
        Command::PayOrder(c) => order::decide::pay(lookup.order(&c.order_id), c, now),
        Command::CancelOrder(c) => order::decide::cancel(lookup.order(&c.order_id), c, now),
        Command::ShipOrder(c) => order::decide::ship(lookup.order(&c.order_id), c, now),
        Command::RecordReservation(c) => {
            order::answer::record(lookup.order(&c.order_id), c, now, rules)
        }
        Command::Tick(_)
        | Command::ProposeRules(_)
        | Command::ActivateRules(_)
        | Command::RaiseIncarnation(_) => Decision::nothing(),
    }
}
