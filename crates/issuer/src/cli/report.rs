//! The result of a command, and how it is printed.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::cli::table::{Table, cell};
use crate::config::{CLI, Settings};
use crate::start::Administrator;

/// The consequence where the result of a command cannot be printed.
const LOST: &str = "the command ran, but its result is lost";

/// The result of a command: text for people, and JSON for programs.
#[derive(Debug)]
pub struct Report {
    text: String,
    json: Value,
    success: bool,
}

impl Report {
    /// Returns a report with exit code 0.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, success: true }
    }

    /// Returns a report whose exit code is 0 if `success`, and 1 otherwise.
    pub fn checked(text: impl Into<String>, json: Value, success: bool) -> Self {
        Self { text: text.into(), json, success }
    }

    /// Returns a report of one JSON object. The text has one line for each of `fields`.
    pub fn record(fields: &[&str], object: Value) -> Self {
        let width = fields.iter().map(|field| field.len()).max().unwrap_or(0);
        let lines: Vec<String> =
            fields.iter().map(|field| format!("{field:width$}  {}", cell(&object[*field])).trim_end().to_owned()).collect();
        Self::new(lines.join("\n"), object)
    }

    /// Returns the same report with `json` for those who ask for JSON.
    #[must_use]
    pub fn with_json(self, json: Value) -> Self {
        Self { json, ..self }
    }

    /// Returns a report of a list of JSON objects. The text is a table of `columns`.
    pub fn table(columns: &[&str], rows: Vec<Value>) -> Self {
        Self::new(Table::new(columns).page(&rows), Value::Array(rows))
    }

    /// Prints the JSON value if `json`, the text otherwise. Prints nothing if the value is null, or if the text is empty.
    pub fn print(&self, json: bool) -> io::Result<()> {
        match json {
            true if self.json.is_null() => Ok(()),
            true => say(&self.json, LOST),
            false if self.text.is_empty() => Ok(()),
            false => say(&self.text, LOST),
        }
    }

    /// Adds `text` after a blank line, and `value` as a member of the JSON object.
    #[must_use]
    pub fn with(mut self, text: &str, member: &str, value: Value) -> Self {
        self.text += &format!("\n\n{text}");
        self.json[member] = value;
        self
    }

    /// Returns `true` if the exit code is 0.
    pub fn is_success(&self) -> bool {
        self.success
    }
}

/// Writes `what` and a line end to standard output. If that fails, the error ends with `consequence`.
pub fn say(what: impl Display, consequence: &str) -> io::Result<()> {
    let written = writeln!(io::stdout(), "{what}").and_then(|()| io::stdout().flush());
    written.map_err(|error| io::Error::new(error.kind(), format!("standard output: {error}; {consequence}")))
}

/// Returns the sentence about an issuer that a command has made, because it found none. A command that runs in another folder than the
/// server, or without its environment, would change another issuer without a word.
pub fn made_by_command(settings: &Settings) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let (url, keys) = (&settings.database_url, absolute(&settings.keys_dir));
    let database = match url.sqlite_file() {
        Some(file) => absolute(file),
        None => format!("{} at {}", url.database(), url.server()),
    };
    format!(
        "signet: the database {database} was empty, so this command made a new issuer in it, with its master key in {keys}; if you meant that \
         of a server, run commands in the server's folder or with its settings."
    )
}

/// Returns the text of the first start. It is printed once, because the administrator's password is not stored in clear.
pub fn first_start(administrator: &Administrator, settings: &Settings) -> String {
    let issuer = &settings.issuer;
    let Administrator { username, password, has_new_master_key } = administrator;
    let made = if *has_new_master_key { "created the master key," } else { "took the master key that was there, and created" };
    let password = password.expose_secret();
    let (token, account) = (issuer.endpoint("/token"), issuer.endpoint("/account"));
    // The client of the curl line exists only while the issuer is a loopback URL.
    let or_token = if issuer.is_loopback() {
        let client = if settings.default_client.as_deref() == Some(CLI) { String::new() } else { format!("-d client_id={CLI} ") };
        format!(
            ", or get a token:\n\n  \
             curl {client}-d grant_type=password -d username={username} -d password={password} -d 'scope=openid admin' {token}\n"
        )
    } else {
        ".\n".to_owned()
    };
    format!(
        "First start: {made} a signing key and the user {username}.\n\n  \
         username  {username}\n  password  {password}\n\n\
         The password is not shown again; `signet user set-password {username}` sets another. Sign in at\n\
         {account} to choose your own password{or_token}"
    )
}

/// Returns the administrator's username and password as JSON, for programs.
pub fn first_start_json(administrator: &Administrator) -> Value {
    json!({ "username": administrator.username, "password": administrator.password.expose_secret() })
}
