//! Tables of the administration pages, with their cells and buttons.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::admin::Listing;
use crate::web::html::Hidden;

/// A part of a table's cell, or of a value: a text, a link or a badge.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    pub text: String,
    /// The path below the issuer's URL; empty if the cell is no link.
    pub link: String,
    pub badge: bool,
    pub good: bool,
    pub button: Option<Button>,
}

impl Cell {
    /// Makes a cell that shows `text`, and a dash if that is empty.
    pub fn text(text: impl Into<String>) -> Vec<Self> {
        let text = Some(text.into()).filter(|text| !text.is_empty()).unwrap_or_else(|| "–".to_owned());
        vec![Self { text, ..Self::default() }]
    }

    /// Makes a cell that leads to the page of `name` below `path`.
    pub fn link(path: &str, name: &str) -> Vec<Self> {
        vec![Self::one_link(path, name)]
    }

    /// Makes one cell for each of `names`, which leads to the page of that name below `path`. Shows a dash if there is none.
    pub fn links(path: &str, names: &[String]) -> Vec<Self> {
        if names.is_empty() { Self::text("–") } else { names.iter().map(|name| Self::one_link(path, name)).collect() }
    }

    fn one_link(path: &str, name: &str) -> Self {
        Self { text: name.to_owned(), link: format!("{path}/{}", encode(name)), ..Self::default() }
    }

    /// Makes a cell with a button.
    pub fn button(button: Button) -> Vec<Self> {
        vec![Self { button: Some(button), ..Self::default() }]
    }

    /// Makes a badge.
    pub fn badge(text: impl Into<String>, good: bool) -> Self {
        Self { text: text.into(), badge: true, good, ..Self::default() }
    }
}

/// Encodes `name` as one segment of a path.
pub fn encode(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

/// A table of links and texts.
#[derive(Debug, Clone, Default)]
pub struct Table {
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<Vec<Cell>>>,
    pub empty: String,
    pub next: String,
    /// The name of each row, if rows can be chosen; otherwise empty.
    choices: Vec<String>,
}

impl Table {
    /// Makes a table without rows, which shows `empty`.
    pub fn new(columns: &[&'static str], empty: impl Into<String>) -> Self {
        Self { columns: columns.to_vec(), empty: empty.into(), ..Self::default() }
    }

    /// Adds a row for each item of `page`. `path` is that of the list, to which the link to the next page leads.
    #[must_use]
    pub fn filled<V>(mut self, page: Listing<V>, path: &str, row: impl Fn(V) -> Vec<Vec<Cell>>) -> Self {
        let sign = if path.contains('?') { '&' } else { '?' };
        self.next = page.next.map_or_else(String::new, |cursor| format!("{path}{sign}after={}", encode(&cursor)));
        self.rows = page.items.into_iter().map(row).collect();
        self
    }

    /// Adds a box to each row by which it is chosen. `names` are those of the rows, empty for a row that cannot be chosen; the fields of the
    /// form begin with `user.`.
    #[must_use]
    pub fn with_choices(self, names: Vec<String>) -> Self {
        Self { choices: names, ..self }
    }

    /// Returns the name of a row, or an empty text if the row cannot be chosen.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the template passes a reference")]
    pub fn choice(&self, index: &usize) -> &str {
        self.choices.get(*index).map_or("", String::as_str)
    }

    /// Returns whether rows can be chosen.
    pub fn has_choices(&self) -> bool {
        self.choices.iter().any(|name| !name.is_empty())
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the template passes a reference")]
    pub fn label(&self, index: &usize) -> &'static str {
        self.columns.get(*index).copied().unwrap_or_default()
    }
}

/// A button that posts a form of hidden fields.
#[derive(Debug, Clone, Default)]
pub struct Button {
    pub label: &'static str,
    /// The name of the thing that the button acts on, for screen readers.
    pub about: String,
    pub path: String,
    pub fields: Vec<Hidden>,
    pub danger: bool,
}

impl Button {
    /// Makes a button that posts the field `action` with this value to `path`.
    pub fn new(label: &'static str, path: &str, action: &str) -> Self {
        Self { label, path: path.to_owned(), fields: vec![Hidden::new("action", action)], ..Self::default() }
    }

    /// Returns the value of the field `action`.
    pub fn action(&self) -> &str {
        self.fields.iter().find(|field| field.name == "action").map_or("", |field| field.value.as_str())
    }

    /// Marks the button as one that takes something away.
    #[must_use]
    pub fn danger(self) -> Self {
        Self { danger: true, ..self }
    }
}
