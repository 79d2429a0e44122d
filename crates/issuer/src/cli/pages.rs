//! Prints a list page by page, so that the memory does not grow with the list.

use serde::Serialize;
use serde_json::Value;

use crate::admin::{Listing, Refused, Window, csv};
use crate::cli::report::{Report, say};
use crate::cli::table::Table;
use crate::cli::{CliError, PAGE, rows_of};

/// The consequence where a page cannot be printed.
const INCOMPLETE: &str = "the list is not complete";

/// Formats the pages of a list as one table, or as one JSON array.
pub struct Pages<'a> {
    table: Table<'a>,
    json: bool,
    is_first: bool,
}

impl<'a> Pages<'a> {
    /// Makes a table of `columns`, or a JSON array of whole objects.
    pub fn new(columns: &'a [&'a str], json: bool) -> Self {
        Self { table: Table::new(columns), json, is_first: true }
    }

    /// Returns the text of the next page.
    pub fn page(&mut self, rows: &[Value], is_last: bool) -> String {
        if !self.json {
            return self.table.page(rows);
        }
        let begin = match (std::mem::replace(&mut self.is_first, false), rows.is_empty()) {
            (true, _) => "[",
            (false, true) => "",
            (false, false) => ",",
        };
        let items: Vec<String> = rows.iter().map(Value::to_string).collect();
        format!("{begin}{}{}", items.join(",\n"), if is_last { "]" } else { "" })
    }
}

/// Prints the text of a page.
pub fn print(text: &str) -> Result<(), CliError> {
    if text.is_empty() { Ok(()) } else { Ok(say(text.trim_end_matches(['\r', '\n']), INCOMPLETE)?) }
}

/// Prints all items of `list`, [`PAGE`] at a time, as a table of `columns`, or as a JSON array. The report is empty.
pub async fn stream<V: Serialize>(
    json: bool,
    columns: &[&str],
    list: impl AsyncFn(Window) -> Result<Listing<V>, Refused>,
) -> Result<Report, CliError> {
    let (mut pages, mut after) = (Pages::new(columns, json), None);
    loop {
        let page = list(Window { after, limit: PAGE }).await?;
        after = page.next;
        print(&pages.page(&rows_of(page.items), after.is_none()))?;
        if after.is_none() {
            return Ok(Report::new("", Value::Null));
        }
    }
}

/// Prints all items of `list`, [`PAGE`] at a time, as CSV with a header of `columns`. The report is empty.
pub async fn stream_csv<V: Serialize>(
    columns: &[&str],
    list: impl AsyncFn(Window) -> Result<Listing<V>, Refused>,
) -> Result<Report, CliError> {
    let (mut text, mut after) = (csv::line(columns.iter().copied()), None);
    loop {
        let page = list(Window { after, limit: PAGE }).await?;
        after = page.next;
        text.extend(rows_of(page.items).iter().map(|row| csv::row(columns, row)));
        print(&std::mem::take(&mut text))?;
        if after.is_none() {
            return Ok(Report::new("", Value::Null));
        }
    }
}
