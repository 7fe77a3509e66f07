//! Folds of read models that more than one program needs: the projector stores what they give, and
//! the query API folds the kept events of an order again, up to a version or a time.
//!
//! Pure: no I/O, no clock. Whatever is not needed twice stays beside its table in the projector.

pub mod order;
mod unfit;

pub use unfit::{Unfit, next_version, time};
