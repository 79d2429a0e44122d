//! The four kinds of administration pages: a list, the details of one thing, a form, and a confirmation. Each page of a noun fills one of
//! them, so that all look and work alike.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use crate::admin::Fault;
use crate::admin::search::Total;
use crate::admin::words::thousands;
use crate::pages::admin::commands::{Filled, Writer};
pub use crate::pages::admin::field::{Field, Kind};
use crate::pages::admin::figure::{Figure, Shape, WIDTH};
use crate::pages::admin::offers::Offers;
pub use crate::pages::admin::table::{Button, Cell, Table, encode};
use crate::web::error::page::PageError;
use crate::web::html::{Csp, Hidden, Page, html};

/// What surrounds every page of the administration.
#[derive(Default)]
pub struct Frame {
    pub page: Page,
    pub username: String,
    /// The label of the section that the page belongs to.
    pub section: &'static str,
    /// What was done; empty if nothing.
    pub notice: String,
    /// The command that does the same from a shell; empty if there is none.
    pub command: String,
    /// The words of the search that the page answers.
    pub searched: String,
    /// What the administrator may do. Tabs, links and buttons that need more are not shown.
    pub offers: Offers,
}

impl Frame {
    /// The sections of the administration, each with its path and label.
    pub const SECTIONS: [(&str, &str); 10] = [
        ("/admin", "Overview"),
        ("/admin/users", "Users"),
        ("/admin/groups", "Groups"),
        ("/admin/roles", "Roles"),
        ("/admin/attributes", "Attributes"),
        ("/admin/clients", "Clients"),
        ("/admin/resources", "Resources"),
        ("/admin/keys", "Keys"),
        ("/admin/sessions", "Sessions"),
        ("/admin/audit", "Audit"),
    ];
}

/// A page that lists things.
#[derive(Default, Template)]
#[template(path = "admin/list.html")]
pub struct List {
    pub frame: Frame,
    pub heading: &'static str,
    pub lead: &'static str,
    /// Labels and paths of the pages that add something.
    pub links: Vec<(&'static str, &'static str)>,
    pub search: Option<Search>,
    /// The fields that restrict the list, if it has any.
    pub filters: Vec<Field>,
    /// The path of the list, which the fields are sent to.
    pub path: &'static str,
    /// The message above the form that says what is wrong with the fields. Empty if nothing is wrong.
    pub error: String,
    /// Labels and paths of files with the list.
    pub files: Vec<(&'static str, String)>,
    pub table: Table,
    /// The form for the chosen rows of the table, if rows can be chosen.
    pub choose: Option<Choose>,
}

/// The form that does something with the chosen rows of a table.
#[derive(Debug, Clone)]
pub struct Choose {
    /// The path that the form is posted to, and the value of its field `action`.
    pub path: &'static str,
    pub action: &'static str,
    pub field: Field,
    /// Values that are offered for the field; others may be typed.
    pub known: Vec<String>,
    pub submit: &'static str,
}

/// The search field of a list.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// The path of the list.
    path: &'static str,
    label: &'static str,
    /// The words that are searched for. Empty if the page lists everything.
    words: String,
    /// How much was found; empty if everything is listed.
    found: String,
}

impl Search {
    /// Makes the search field of the list at `path`, which was searched for `words`.
    pub fn new(path: &'static str, label: &'static str, words: &str, total: Option<Total>) -> Self {
        Self { path, label, words: words.to_owned(), found: total.map_or_else(String::new, found) }
    }

    /// Returns the path of the list of what was searched.
    pub fn path(path: &str, words: &str) -> String {
        if words.is_empty() { path.to_owned() } else { format!("{path}?q={}", encode(words)) }
    }
}

/// Says how much a search found.
pub fn found(total: Total) -> String {
    match total {
        Total { number: 0, is_more: false } => {
            "Nothing was found. Each word must begin a word of a name, a username, an email address or a client id.".to_owned()
        }
        Total { number: 1, is_more: false } => "One was found.".to_owned(),
        Total { number, is_more: false } => format!("{} were found.", thousands(number)),
        Total { number, is_more: true } => format!("More than {} were found. Another word would narrow the search.", thousands(number)),
    }
}

/// A part of a page of details.
#[derive(Debug, Clone, Default)]
pub struct Section {
    pub title: &'static str,
    pub lead: String,
    pub facts: Vec<(&'static str, Vec<Cell>)>,
    /// Text to copy; empty if there is none.
    pub text: String,
    /// Pictures, each with a table of what it shows unless the table of the section does.
    pub figures: Vec<(Figure, Option<Table>)>,
    pub table: Option<Table>,
    /// Labels and paths of forms.
    pub links: Vec<(&'static str, String)>,
    pub buttons: Vec<Button>,
}

impl Section {
    /// Returns whether the section shows a link or a button to somebody with these `offers`.
    fn has_actions(&self, offers: &Offers) -> bool {
        self.links.iter().any(|(_, link)| offers.link(link)) || self.buttons.iter().any(|button| offers.form(&button.path, button.action()))
    }
}

/// A page that shows one thing.
#[derive(Default, Template)]
#[template(path = "admin/detail.html")]
pub struct Detail {
    pub frame: Frame,
    pub heading: String,
    pub badges: Vec<Cell>,
    pub lead: String,
    pub sections: Vec<Section>,
}

/// Shows `faults` beside those `fields` that they are of. Returns the text that stands above the form, with the faults of other fields.
pub(super) fn mark(fields: &mut [Field], faults: &[Fault]) -> String {
    let mut others = Vec::new();
    for fault in faults {
        let expected = format!("Expected {}.", fault.expected);
        match fields.iter_mut().find(|field| field.name.split('.').next() == Some(fault.field)) {
            Some(field) if field.error.is_empty() => field.error = expected,
            Some(field) => field.error = format!("{}\n{expected}", field.error),
            None => others.push(format!("{}: expected {}.", fault.field, fault.expected)),
        }
    }
    if others.is_empty() { "Please correct the marked fields.".to_owned() } else { others.join(" ") }
}

/// A page with one form, or one that asks for confirmation.
#[derive(Default, Template)]
#[template(path = "admin/form.html")]
pub struct FormPage {
    pub frame: Frame,
    pub heading: String,
    pub lead: String,
    /// The path that the form is posted to.
    pub action: String,
    pub hidden: Vec<Hidden>,
    /// The version of the object that the form is drawn from; `None` if it adds something or does not edit an object.
    pub version: Option<i32>,
    pub fields: Vec<Field>,
    pub submit: &'static str,
    pub danger: bool,
    /// `true` if the form only asks, so that its URL can be kept.
    pub get: bool,
    /// The path of the page that "Cancel" leads to.
    pub back: String,
    pub error: String,
    /// What writes the command of the form, with the name of the object that the form changes. `None` if the frame has the command.
    pub command: Option<(Writer, String)>,
    /// The values that are saved, by the names of the fields. Empty for what is new.
    pub saved: Vec<(String, String)>,
}

impl FormPage {
    /// Fills the fields with `value`, by their names. Passwords stay empty.
    #[must_use]
    pub fn filled(mut self, value: impl Fn(&str) -> String) -> Self {
        for field in self.fields.iter_mut().filter(|field| !field.is_password()) {
            field.value = value(&field.name);
        }
        self
    }

    /// Fills the fields as [`FormPage::filled`] does, with what is saved.
    #[must_use]
    pub fn showing(self, value: impl Fn(&str) -> String) -> Self {
        let page = self.filled(value);
        let saved = page.fields.iter().map(|field| (field.name.clone(), field.value.clone())).collect();
        Self { saved, ..page }
    }

    /// Returns the command that does what the form does with its present values.
    pub fn command_line(&self) -> String {
        let Some((write, name)) = &self.command else { return self.frame.command.clone() };
        let hidden = self.hidden.iter().map(|field| (field.name.as_str(), field.value.as_str()));
        let fields = hidden.chain(self.fields.iter().map(|field| (field.name.as_str(), field.value.as_str()))).collect();
        let saved = self.saved.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        write(&Filled { name, fields, saved })
    }

    /// Fills the fields with what was `typed`, by their names, and says beside each that differs what is saved, which the fields hold now.
    #[must_use]
    pub fn filled_over_saved(mut self, typed: impl Fn(&str) -> String) -> Self {
        for field in self.fields.iter_mut().filter(|field| !field.is_password() && !field.is_part()) {
            let typed = typed(&field.name);
            field.saved = field.differs(&typed).then(|| field.in_words());
            field.value = typed;
        }
        self
    }

    /// Returns whether a part of the form has begun before the field `index`.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the template passes a reference")]
    fn is_in_part(&self, index: &usize) -> bool {
        self.fields.iter().take(*index).any(Field::is_part)
    }

    fn has_parts(&self) -> bool {
        self.fields.iter().any(Field::is_part)
    }

    /// Sends the form with GET and without the CSRF token.
    #[must_use]
    pub fn by_get(self) -> Self {
        Self { get: true, ..self }
    }

    /// Shows `faults` beside their fields; those of other fields stand above the form.
    #[must_use]
    pub fn with_faults(mut self, faults: &[Fault]) -> Self {
        let told = mark(&mut self.fields, faults);
        self.error = if self.get { told } else { format!("Nothing was changed. {told}") };
        self
    }

    /// Shows what was `expected` beside the field `name`.
    #[must_use]
    pub fn with_fault_at(mut self, name: &str, expected: &str) -> Self {
        if let Some(field) = self.fields.iter_mut().find(|field| field.name == name) {
            field.error = format!("Expected {expected}.");
        }
        self
    }

    /// Renders the page, with the status 400 if it shows an error.
    pub fn respond(mut self) -> Result<Response, PageError> {
        self.frame.command = self.command_line();
        let is_faulty = !self.error.is_empty();
        let mut response = html(&self, Csp::Own)?;
        if is_faulty {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        Ok(response)
    }
}
