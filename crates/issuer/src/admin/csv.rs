//! Lists as CSV (RFC 4180), for spreadsheets.

use csv::{Terminator, WriterBuilder};
use serde_json::Value;

/// Returns a line with its line end. A spreadsheet would run a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a
/// formula, so such a cell gets an apostrophe before it.
pub fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let is_formula = |cell: &str| cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let harmless = cells.into_iter().map(|cell| if is_formula(cell) { format!("'{cell}") } else { cell.to_owned() });
    // Writing to memory does not fail.
    let written = writer.write_record(harmless).ok().and_then(|()| writer.into_inner().ok());
    String::from_utf8(written.unwrap_or_default()).unwrap_or_default()
}

/// Returns the line of the object `row` with its fields `columns`. Objects and lists stand in a cell as JSON, null as an empty cell.
pub fn row(columns: &[&str], row: &Value) -> String {
    let cells: Vec<String> = columns.iter().map(|column| cell(&row[*column])).collect();
    line(cells.iter().map(String::as_str))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
