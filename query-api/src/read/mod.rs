//! The read functions: one file per read model, SQL beside the shape it gives.
//!
//! They know nothing of HTTP, so that other doors (GraphQL, live streams) read through them too.

pub mod batch;
pub mod checkpoint;
pub mod command;
pub mod customer;
mod database;
mod error;
pub mod history;
mod lease;
pub mod money;
pub mod order;
pub mod order_at;
pub mod order_list;
pub mod page;
pub mod product;
pub mod sales;
pub mod stamp;
mod sum;
mod time;
pub mod why;

pub use database::{Database, Settings};
pub use error::Error;
pub use page::Page;
