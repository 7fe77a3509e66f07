//! `spillway openapi`: the description of the one base URL, for whoever puts one door in front of
//! the processes.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    dev::{TITLE, merge},
    output,
};

/// As the processes of this build give them.
pub(crate) const COMMANDS: &str = include_str!("../../command-api/openapi.json");
pub(crate) const QUERIES: &str = include_str!("../../query-api/openapi.json");

/// Prints the OpenAPI document of the one base URL.
///
/// It is that of command-api and query-api together, as `spillway dev` serves it.
///
/// Example: spillway openapi > openapi.json
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> anyhow::Result<ExitCode> {
    output::write(&(serde_json::to_string_pretty(&document()?)? + "\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// The document of the one base URL.
///
/// # Errors
/// A kept document is no JSON.
pub(crate) fn document() -> anyhow::Result<Value> {
    let read = |text| serde_json::from_str(text).context("a kept OpenAPI document is no JSON");
    Ok(merge(read(COMMANDS)?, read(QUERIES)?, TITLE))
}

#[cfg(test)]
mod tests;
