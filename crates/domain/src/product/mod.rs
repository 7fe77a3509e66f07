//! Products: catalogue and stock. Never more is reserved than is on hand, never anything negative.

pub(crate) mod decide;
mod evolve;
pub(crate) mod listing;
pub(crate) mod low_stock;
pub(crate) mod partial;
pub(crate) mod reserve;
mod state;

pub use evolve::evolve;
pub use state::{DELIVERIES_KEPT, Listing, Product};
