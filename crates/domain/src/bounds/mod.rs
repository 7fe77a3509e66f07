//! Bounds on what clients may ask: decide refuses beyond them, and the edge checks them first.
//!
//! They make every output fit its record and every sum fit its integer, and are part of the rules:
//! a change of one is a change of what the same log means.

mod check;
mod text;

use events::outcome::Refusal;

pub(crate) use check::Found;
pub use check::check;
pub use text::{is_currency, is_identifier, is_sku, is_text};

use crate::refusal::Code;

/// Most lines of an order.
pub const LINES_MAX: usize = 1_000;
/// Most characters of a SKU.
pub const SKU_CHARS_MAX: usize = 64;
/// Most characters of an id, a reference or an idempotency key.
pub const IDENTIFIER_CHARS_MAX: usize = 128;
/// Most characters of a product's name or of a reason.
pub const TEXT_CHARS_MAX: usize = 256;
/// Most pieces of a line, of a delivery, and of an adjustment in either direction.
pub const QUANTITY_MAX: i64 = 1_000_000;
/// Highest price of a piece, in minor units.
pub const UNIT_PRICE_MAX: i64 = 1_000_000_000;
/// Highest total that an order within the bounds can reach, in minor units.
pub const TOTAL_MAX: i64 = 1_000_000_000_000_000_000;
/// Most pieces of a product on hand.
pub const ON_HAND_MAX: i64 = 1_000_000_000_000;
/// Most bytes of a command record's value.
pub const COMMAND_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of any output record.
pub const OUTPUT_BYTES_MAX: usize = 512 * 1024;

/// A field outside its bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the request body of the command's route. A field that stands
    /// in the path has the pointer it would have in the body: `/sku` or `/order_id`.
    pub pointer: String,
    /// The rule, as a sentence for people.
    pub sentence: String,
}

/// The refusal `invalid` that names the first violation and counts the others; `None` without any.
pub fn refusal(violations: &[Violation]) -> Option<Refusal> {
    let (first, others) = violations.split_first()?;
    let detail = match others.len() {
        0 => format!("{}: {}", first.pointer, first.sentence),
        n => format!("{}: {} ({n} more.)", first.pointer, first.sentence),
    };
    Some(Code::Invalid.refuse(detail))
}
