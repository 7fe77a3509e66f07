//! Data on standard output: as a table for people, as JSON or JSON lines for programs.

use std::{
    io::{self, IsTerminal as _, Write as _},
    ops::ControlFlow,
};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use console::Term;
use serde::Serialize;

/// The argument that every verb with data takes.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct OutputArgs {
    /// How data is printed on standard output.
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One JSON document per line and row.
    Jsonl,
}

/// One row of a result.
pub(crate) trait Row: Serialize {
    /// The head of the table.
    const HEAD: &'static [&'static str];

    /// The cells below the head, as many.
    fn cells(&self) -> Vec<String>;
}

/// Prints rows in the asked-for format.
pub(crate) fn print<R: Row>(format: Format, rows: &[R]) -> anyhow::Result<()> {
    write(&render(format, rows)?)
}

/// Writes text to standard output. A reader that has gone away (`| head`) has what it wanted.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    write_on(text).map(|_| ())
}

/// Writes text to standard output, with more to follow; breaks off when the reader has gone away.
pub(crate) fn write_on(text: &str) -> anyhow::Result<ControlFlow<()>> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error.into()),
    }
}

/// The text of rows, ending with a line feed; empty for JSON lines without rows.
pub(crate) fn render<R: Row>(format: Format, rows: &[R]) -> anyhow::Result<String> {
    match format {
        Format::Table => Ok(table(R::HEAD, rows.iter().map(Row::cells))),
        Format::Json => Ok(serde_json::to_string_pretty(rows)? + "\n"),
        Format::Jsonl => rows.iter().map(|row| Ok(serde_json::to_string(row)? + "\n")).collect(),
    }
}

/// A table without borders, so that columns can be cut and addresses copied. On a terminal that is too
/// narrow for it the longest cells are broken into lines.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let terminal = Some(Term::stdout()).filter(|_| io::stdout().is_terminal());
    table_within(terminal.and_then(|terminal| Some(terminal.size_checked()?.1)), head, rows)
}

/// A table that is at most so many characters wide, if that can be.
fn table_within(
    width: Option<u16>,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    if let Some(width) = width {
        table.set_width(width);
    }
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(match width {
            Some(_) => ContentArrangement::Dynamic,
            None => ContentArrangement::Disabled,
        })
        .set_header(head.iter().map(|cell| cell.to_uppercase()))
        .add_rows(rows);
    let mut text = String::new();
    for line in table.lines() {
        // The table pads every cell by one.
        text.push_str(line.strip_prefix(' ').unwrap_or(&line).trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Topic {
        name: &'static str,
        partitions: i32,
    }

    impl Row for Topic {
        const HEAD: &'static [&'static str] = &["topic", "partitions"];

        fn cells(&self) -> Vec<String> {
            vec![self.name.to_owned(), self.partitions.to_string()]
        }
    }

    const ROWS: [Topic; 2] =
        [Topic { name: "orders.events.v1", partitions: 4 }, Topic { name: "a", partitions: 12 }];

    #[test]
    fn a_table_has_aligned_columns_and_no_borders() {
        let text = render(Format::Table, &ROWS).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("PARTITIONS"), lines[1].find('4'));
        assert_eq!(lines[0].find("PARTITIONS"), lines[2].find("12"));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_narrow_terminal_breaks_cells_and_a_wide_one_does_not() {
        let cells = || [vec!["a long sentence about it".to_owned(), "2".to_owned()]].into_iter();
        let narrow = table_within(Some(20), &["what", "count"], cells());
        assert!(narrow.lines().count() > 2, "{narrow}");
        assert!(narrow.lines().all(|line| line.chars().count() <= 20), "{narrow}");
        let wide = table_within(Some(80), &["what", "count"], cells());
        assert_eq!(wide, table_within(None, &["what", "count"], cells()));
    }

    #[test]
    fn json_is_one_document_and_json_lines_are_one_per_row() {
        let json = render(Format::Json, &ROWS).unwrap();
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(rows[1]["partitions"], 12);
        assert_eq!(
            render(Format::Jsonl, &ROWS).unwrap(),
            "{\"name\":\"orders.events.v1\",\"partitions\":4}\n{\"name\":\"a\",\"partitions\":12}\n"
        );
        assert_eq!(render::<Topic>(Format::Json, &[]).unwrap(), "[]\n");
        assert_eq!(render::<Topic>(Format::Jsonl, &[]).unwrap(), "");
    }
}
