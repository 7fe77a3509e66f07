//! What became of a file: counts, and every line that was left out.

use std::time::Duration;

use serde::Serialize;

use super::{
    course::Fate,
    plan::{Order, Plan, Skipped},
};
use crate::output::{self, Format, Row};

/// The result of an import. Apart from the time it is the same for every import of a file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    invoices: Invoices,
    lines: Lines,
    skipped: Vec<Skipped>,
    elapsed_s: f64,
}

/// Invoices: `total = placed + rejected + skipped`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
struct Invoices {
    total: usize,
    placed: usize,
    rejected: usize,
    skipped: usize,
}

/// Lines: `total = placed + rejected + skipped`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
struct Lines {
    total: usize,
    placed: usize,
    rejected: usize,
    skipped: usize,
    /// Those of `placed` whose price in the file is not the one that counted.
    repriced: usize,
}

/// The last of the JSON lines: everything but the skipped lines, which come before it.
#[derive(Serialize)]
struct Totals<'a> {
    invoices: &'a Invoices,
    lines: &'a Lines,
    elapsed_s: f64,
}

impl Report {
    /// Counts a plan with the fates of its orders, one for each.
    pub(super) fn of(plan: Plan, fates: &[Fate], elapsed: Duration) -> Self {
        let mut invoices = Invoices {
            total: plan.invoices,
            skipped: plan.invoices - plan.orders.len(),
            ..Invoices::default()
        };
        let mut lines =
            Lines { total: plan.lines, skipped: plan.skipped.len(), ..Lines::default() };
        for (Order { lines: of_order, .. }, fate) in plan.orders.iter().zip(fates) {
            match fate {
                Fate::Placed { repriced } => {
                    invoices.placed += 1;
                    lines.placed += of_order.len();
                    lines.repriced += repriced;
                }
                Fate::Rejected { .. } => {
                    invoices.rejected += 1;
                    lines.rejected += of_order.len();
                }
            }
        }
        let elapsed_s =
            Duration::from_millis(elapsed.as_millis().try_into().unwrap_or(u64::MAX)).as_secs_f64();
        Self { invoices, lines, skipped: plan.skipped, elapsed_s }
    }

    pub(super) fn placed(&self) -> usize {
        self.invoices.placed
    }

    pub(super) fn rejected(&self) -> usize {
        self.invoices.rejected
    }

    /// Prints the report on standard output.
    pub(super) fn print(&self, format: Format) -> anyhow::Result<()> {
        output::write(&self.render(format)?)
    }

    /// The time is no part of the table, so that the tables of two imports can be compared.
    fn render(&self, format: Format) -> anyhow::Result<String> {
        match format {
            Format::Table => self.tables(),
            Format::Json => Ok(serde_json::to_string_pretty(self)? + "\n"),
            Format::Jsonl => {
                let Self { invoices, lines, elapsed_s, .. } = self;
                let totals = Totals { invoices, lines, elapsed_s: *elapsed_s };
                let skipped = output::render(format, &self.skipped)?;
                Ok(skipped + &serde_json::to_string(&totals)? + "\n")
            }
        }
    }

    fn tables(&self) -> anyhow::Result<String> {
        let Self { invoices, lines, .. } = self;
        let head = ["what", "total", "placed", "rejected", "skipped", "repriced"];
        let row = |what: &str, counts: [usize; 4], repriced: String| {
            let counts = counts.iter().map(ToString::to_string);
            [what.to_owned()].into_iter().chain(counts).chain([repriced]).collect()
        };
        let Invoices { total, placed, rejected, skipped } = *invoices;
        let of_invoices = row("invoices", [total, placed, rejected, skipped], "-".to_owned());
        let Lines { total, placed, rejected, skipped, repriced } = *lines;
        let of_lines = row("lines", [total, placed, rejected, skipped], repriced.to_string());
        let mut text = output::table(&head, [of_invoices, of_lines].into_iter());
        if !self.skipped.is_empty() {
            text.push('\n');
            text.push_str(&output::render(Format::Table, &self.skipped)?);
        }
        Ok(text)
    }
}

impl Row for Skipped {
    const HEAD: &'static [&'static str] = &["skipped line", "invoice", "reason"];

    fn cells(&self) -> Vec<String> {
        vec![self.line.to_string(), self.invoice.clone(), self.reason.to_string()]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        super::{plan::OrderLine, reason::Reason},
        *,
    };

    fn report() -> Report {
        let line = OrderLine { sku: "22752".to_owned(), quantity: 1, price: 765 };
        let order = |invoice: &str, lines| Order {
            invoice: invoice.to_owned(),
            customer: None,
            lines: vec![line.clone(); lines],
        };
        let skipped = Skipped { line: 4, invoice: "C3".to_owned(), reason: Reason::Cancellation };
        let plan = Plan {
            invoices: 3,
            lines: 6,
            products: Vec::new(),
            orders: vec![order("1", 3), order("2", 2)],
            skipped: vec![skipped],
        };
        let fates = [Fate::Placed { repriced: 1 }, Fate::Rejected { reason: "expired".to_owned() }];
        Report::of(plan, &fates, Duration::from_micros(1_234_567))
    }

    #[test]
    fn json_has_the_documented_shape() {
        let text = report().render(Format::Json).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({
                "invoices": {"total": 3, "placed": 1, "rejected": 1, "skipped": 1},
                "lines": {"total": 6, "placed": 3, "rejected": 2, "skipped": 1, "repriced": 1},
                "skipped": [{"line": 4, "invoice": "C3", "reason": "cancellation"}],
                "elapsed_s": 1.234,
            })
        );
    }

    #[test]
    fn json_lines_end_with_the_totals() {
        let text = report().render(Format::Jsonl).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["line"], 4);
        assert_eq!(lines[1]["lines"]["repriced"], 1);
    }

    #[test]
    fn the_table_counts_and_names_and_tells_no_time() {
        let text = report().render(Format::Table).unwrap();
        let words: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["invoices", "3", "1", "1", "1", "-"]);
        assert_eq!(words[2], ["lines", "6", "3", "2", "1", "1"]);
        assert_eq!(words[5], ["4", "C3", "cancellation"]);
        assert!(!text.contains("1.234"), "{text}");
    }
}
