//! Queries: from the read models in PostgreSQL to HTTP.
//!
//! - `read`: the read functions, one file per read model, SQL beside the shape it gives.
//! - `servers`: the primary and its replicas; `cache`: rows in memory and in Redis in front of them.
//! - `position`: read your writes; waits until a projection has passed a position.
//! - `live`: streams of what happens.
//! - `http`: REST over all of them.
//!
//! The process is stateless: it may be started, stopped and multiplied at any time.

pub mod app;
pub mod cache;
pub mod config;
pub mod http;
pub mod live;
pub mod measure;
pub mod position;
pub mod read;
pub mod servers;
