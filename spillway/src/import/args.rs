//! The arguments of `spillway import`.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use domain::bounds::is_currency;

use crate::{connect::UrlArgs, output::OutputArgs};

/// Puts the products and orders of a CSV file in, through the command API.
///
/// Example: spillway import online-retail.csv --dry-run
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The Online Retail CSV: one line per order line, with the columns InvoiceNo, StockCode,
    /// Description, Quantity, UnitPrice and CustomerID.
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) system: UrlArgs,
    /// Products or orders under way at a time, each with one command in flight.
    #[arg(long, value_name = "N", default_value = "32")]
    pub(super) concurrency: NonZeroUsize,
    /// Currency of the prices in the file; one with two decimals.
    #[arg(long, value_name = "CODE", default_value = "GBP", value_parser = currency)]
    pub(super) currency: String,
    /// For how long one command or query is tried again before the import stops.
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    give_up_after: u64,
    /// Reads the file and prints what would be done; sends nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

impl Args {
    pub(super) fn give_up_after(&self) -> Duration {
        Duration::from_secs(self.give_up_after)
    }
}

fn currency(text: &str) -> Result<String, String> {
    if is_currency(text) {
        Ok(text.to_owned())
    } else {
        Err("give three capital letters, as in ISO 4217".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert!(currency("GBP").is_ok() && currency("pounds").is_err());
    }
}
