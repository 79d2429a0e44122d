//! Tables of text, with a line for each row. A long table is formatted page by page.

use serde_json::Value;

/// A table of which the rows come page by page.
pub struct Table<'a> {
    columns: &'a [&'a str],
    is_first: bool,
    widths: Vec<usize>,
}

impl<'a> Table<'a> {
    /// Makes a table of `columns`, which are the names of members of the rows.
    pub fn new(columns: &'a [&'a str]) -> Self {
        Self { columns, is_first: true, widths: vec![0; columns.len()] }
    }

    /// Returns the lines of the next rows, which are JSON objects, the first time below a line of headings. A column becomes wider where a
    /// later page needs it.
    pub fn page(&mut self, rows: &[Value]) -> String {
        let is_first = std::mem::replace(&mut self.is_first, false);
        let headings = is_first.then(|| self.columns.iter().map(|column| column.to_uppercase().replace('_', " ")).collect());
        let cells = |row: &Value| self.columns.iter().map(|column| cell(&row[*column])).collect();
        let lines: Vec<Vec<String>> = headings.into_iter().chain(rows.iter().map(cells)).collect();
        for line in &lines {
            for (width, cell) in self.widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let line = |line: &Vec<String>| {
            let padded: Vec<String> = line.iter().zip(&self.widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            padded.join("  ").trim_end().to_owned()
        };
        lines.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Returns a value as the cell of a table.
pub fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
