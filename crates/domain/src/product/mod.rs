//! Products: catalogue and stock. Never more is reserved than is on hand, never anything negative.

mod command;
mod decide;
mod evolve;
mod listing;
mod low_stock;
mod partial;
pub(crate) mod react;
mod reserve;
mod state;

pub(crate) use command::{check, decide};
pub use evolve::evolve;
pub use state::{DELIVERIES_KEPT, Listing, Product};
