//! The Online Retail CSV: its head, and its data lines with their line numbers.

use csv::{ByteRecord, Position, Reader, ReaderBuilder};

/// The columns that are read, in the order of [`Fields`].
const NAMES: [&str; 6] =
    ["InvoiceNo", "StockCode", "Description", "Quantity", "UnitPrice", "CustomerID"];

/// A file whose head was understood.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    bytes: &'a [u8],
    reader: Reader<&'a [u8]>,
    head: Head,
}

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
struct Head {
    /// Index of each of [`NAMES`].
    places: [usize; NAMES.len()],
    columns: usize,
}

/// One data line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Number of its first line in the file; the head is line 1.
    pub(super) line: u64,
    /// Invoice number; empty when the line has none.
    pub(super) invoice: String,
    /// The other fields, unless the line is not made like the head.
    pub(super) fields: Result<Fields, Columns>,
}

/// The text of the fields, trimmed; bytes that are no UTF-8 are replaced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) sku: String,
    pub(super) description: String,
    pub(super) quantity: String,
    pub(super) price: String,
    pub(super) customer: String,
}

/// A line has another number of columns than the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) found: usize,
    pub(super) expected: usize,
}

/// The file is not an Online Retail CSV.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("its first line lacks the columns {}", .0.join(", "))]
    Head(Vec<&'static str>),
    #[error(transparent)]
    Csv(#[from] csv::Error),
}

impl<'a> Sheet<'a> {
    /// Reads the head. Columns are found by name, so their order does not matter.
    ///
    /// # Errors
    /// A column is missing.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
        let head = Head::of(reader.byte_headers()?)?;
        Ok(Self { bytes, reader, head })
    }

    /// The data lines, in the order of the file. Blank lines are none.
    pub(super) fn rows(self) -> impl Iterator<Item = Result<Row, Unreadable>> + 'a {
        let Self { bytes, reader, head } = self;
        reader.into_byte_records().map(move |record| Ok(head.row(bytes, &record?)))
    }
}

impl Head {
    fn of(record: &ByteRecord) -> Result<Self, Unreadable> {
        let place = |name: &str| record.iter().position(|field| text(field) == name);
        let missing: Vec<_> = NAMES.into_iter().filter(|name| place(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(Unreadable::Head(missing));
        }
        // Every name was found just above, so that no place is a default.
        let places = NAMES.map(|name| place(name).unwrap_or_default());
        Ok(Self { places, columns: record.len() })
    }

    fn row(&self, bytes: &[u8], record: &ByteRecord) -> Row {
        let [invoice, sku, description, quantity, price, customer] =
            self.places.map(|place| record.get(place).map(text).unwrap_or_default());
        let fields = if record.len() == self.columns {
            Ok(Fields { sku, description, quantity, price, customer })
        } else {
            Err(Columns { found: record.len(), expected: self.columns })
        };
        let line = record.position().map_or(0, |position| line_of(bytes, position));
        Row { line, invoice, fields }
    }
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim().to_owned()
}

/// The line a record begins on. The reader's position lies before blank lines that it skips.
fn line_of(bytes: &[u8], position: &Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let ahead = bytes.get(from..).unwrap_or_default();
    let blank = ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.map(|byte| u64::from(*byte == b'\n')).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

    fn rows(body: impl AsRef<[u8]>) -> Vec<Row> {
        let bytes = [HEAD.as_bytes(), body.as_ref()].concat();
        let sheet = Sheet::open(&bytes).unwrap();
        sheet.rows().map(Result::unwrap).collect()
    }

    #[test]
    fn fields_are_found_trimmed_and_unquoted() {
        let rows = rows("5,85123A,\" MUG, \"\"RED\"\" \",6,2010-12-01 08:26:00,2.55,17850.0,UK\n");
        let fields = Fields {
            sku: "85123A".to_owned(),
            description: "MUG, \"RED\"".to_owned(),
            quantity: "6".to_owned(),
            price: "2.55".to_owned(),
            customer: "17850.0".to_owned(),
        };
        assert_eq!(rows, [Row { line: 2, invoice: "5".to_owned(), fields: Ok(fields) }]);
    }

    #[test]
    fn a_line_number_is_the_one_an_editor_shows() {
        let body = "1,a,b,c,d,e,f,g\n\n\r\n2,a,\"two\nlines\",c,d,e,f,g\r\n3,a,b,c,d,e,f,g";
        let lines: Vec<(u64, String)> =
            rows(body).into_iter().map(|row| (row.line, row.invoice)).collect();
        let expected = [(2, "1"), (5, "2"), (7, "3")];
        assert_eq!(lines, expected.map(|(line, invoice)| (line, invoice.to_owned())));
    }

    #[test]
    fn a_line_of_other_columns_keeps_its_invoice() {
        let rows = rows("1,a,b\n,,,,,,,,,\n");
        assert_eq!(rows[0].invoice, "1");
        assert_eq!(rows[0].fields, Err(Columns { found: 3, expected: 8 }));
        assert_eq!(rows[1].invoice, "");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        let rows = rows(b"1,a,CAF\xc9,c,d,e,f,g\n");
        assert_eq!(rows[0].fields.as_ref().unwrap().description, "CAF\u{fffd}");
    }

    #[test]
    fn columns_may_stand_in_any_order_behind_a_byte_order_mark() {
        let text = "\u{feff}UnitPrice,CustomerID,Quantity,StockCode,InvoiceNo,Description\n\
                    2.5,7,3,22752,9,MUG\n";
        let row = Sheet::open(text.as_bytes()).unwrap().rows().next().unwrap().unwrap();
        assert_eq!(row.invoice, "9");
        assert_eq!(row.fields.unwrap().price, "2.5");
    }

    #[test]
    fn all_missing_columns_are_named() {
        for (text, missing) in [
            ("InvoiceNo,StockCode,Quantity,UnitPrice\n", "Description, CustomerID"),
            ("", "InvoiceNo, StockCode, Description, Quantity, UnitPrice, CustomerID"),
        ] {
            let error = Sheet::open(text.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("its first line lacks the columns {missing}"));
        }
    }
}
