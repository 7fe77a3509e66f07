//! What fields cost. A field costs one unless it says otherwise.
//!
//! The cost bounds what one request can make this process read and hold: rows count with what is
//! asked of each, and whatever needs a statement of its own costs more than any plain field.

use crate::read::page::{ROWS_DEFAULT, ROWS_MAX};

/// A statement of its own.
const STATEMENT: usize = 100;

/// Lines that an order is taken to have.
pub(super) const LINES: usize = 5;

/// Rows that are loaded together with others of their kind.
pub(super) const LOAD: usize = 5;

/// A page of a list.
pub(super) fn page(first: Option<i32>, child: usize) -> usize {
    STATEMENT + usize::from(rows(first, ROWS_DEFAULT)) * child
}

/// The newest rows of a list that belongs to another row.
pub(super) fn newest(first: i32, child: usize) -> usize {
    LOAD + usize::from(rows(Some(first), ROWS_DEFAULT)) * child
}

/// One answer with a statement of its own.
pub(super) fn statement(child: usize) -> usize {
    STATEMENT + child
}

/// Rows of a page: a number above the cap counts as that.
pub(super) fn rows(first: Option<i32>, default: u16) -> u16 {
    match first {
        Some(first) => u16::try_from(first.max(0)).unwrap_or(ROWS_MAX).min(ROWS_MAX),
        None => default,
    }
}
