//! The frame of every process: configuration, telemetry, health, HTTP, problems, shutdown.
//!
//! A process is a configuration struct and a function from [`process::Frame`] to a future:
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use clap::Parser;
//! use service::config::{self, Errors, ProcessArgs, Validate};
//! use service::process::{self, Frame};
//!
//! /// Answers hello.
//! #[derive(Debug, Parser)]
//! #[command(name = "hello", version)]
//! struct Config {
//!     #[command(flatten)]
//!     process: ProcessArgs<8080>,
//! }
//!
//! impl Validate for Config {
//!     fn validate(&self, errors: &mut Errors) {
//!         self.process.validate(errors);
//!     }
//! }
//!
//! async fn app(frame: Frame) -> Result<(), process::ServeError> {
//!     frame.serve(axum::Router::new().route("/hello", axum::routing::get(|| async { "hello" }))).await
//! }
//!
//! fn main() -> ExitCode {
//!     match config::load::<Config>() {
//!         Ok(config) => process::run(service::build!(), &config.process, app),
//!         Err(exit) => exit.into(),
//!     }
//! }
//! ```
//!
//! What it guarantees to every process that uses it:
//! - a wrong configuration ends the process before a port opens, with every error named at once;
//! - every HTTP error is a problem document (RFC 9457) that says whether a retry is safe;
//! - SIGTERM ends it within its deadline, whatever hangs.

pub mod admin;
mod build;
pub mod config;
mod exit;
pub mod health;
pub mod http;
pub mod metrics;
pub mod openapi;
pub mod otlp;
pub mod problem;
pub mod process;
pub mod shutdown;
pub mod telemetry;
pub mod trace;

pub use build::Build;
pub use exit::Exit;
