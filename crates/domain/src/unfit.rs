//! Why an event cannot be folded into an aggregate.

use events::Event;

use crate::order::Status;

/// An event that does not fit the aggregate it is folded into.
///
/// Within a shard this is a broken invariant of ours; whoever folds logs that others wrote reports
/// it as a finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{event} does not fit {key}: {misfit}")]
pub struct Unfit {
    /// Short record name of the event.
    pub event: &'static str,
    /// The event's key: an order id or a SKU.
    pub key: String,
    pub misfit: Misfit,
}

impl Unfit {
    pub(crate) fn new(event: &Event, misfit: Misfit) -> Self {
        Self { event: event.name(), key: event.key().to_owned(), misfit }
    }
}

/// What is wrong with the event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    #[error("the aggregate does not exist")]
    Absent,
    #[error("the aggregate exists already")]
    Present,
    #[error("it is no event of this kind of aggregate")]
    Foreign,
    #[error("it was folded into {0}")]
    OtherKey(String),
    #[error("the order is {0}")]
    Status(Status),
    #[error("line {0} is unknown, differs, or is not in a state to change so")]
    Line(i32),
    #[error("it leaves lines behind that it must settle")]
    Unsettled,
    #[error("its amount is not the order's")]
    Amount,
    #[error("its currency is not the product's")]
    Currency,
    #[error("it would leave {on_hand} pieces on hand and {reserved} reserved")]
    Stock { on_hand: i64, reserved: i64 },
    #[error("its quantity of {0} pieces is out of bounds")]
    Quantity(i64),
}
