//! Queries: from the read models in PostgreSQL to HTTP.
//!
//! - `read`: the read functions, one file per read model, SQL beside the shape it gives.
//! - `position`: read your writes; waits until a projection has passed a position.
//! - `http`: REST over both.
//!
//! The process is stateless: it may be started, stopped and multiplied at any time.

pub mod app;
pub mod config;
pub mod http;
pub mod position;
pub mod read;
