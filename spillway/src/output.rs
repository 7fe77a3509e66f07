//! Data on standard output: as a table for people, as JSON or JSON lines for programs.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
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
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
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

/// A table without borders, so that columns can be cut and addresses copied.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(head.iter().map(|cell| cell.to_uppercase()))
        .add_rows(rows);
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim());
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
