//! Where the database is. The URL may hold a password, so neither errors nor Debug repeat it.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

/// `sqlite:<file>` or `postgres://<user>:<password>@<host>/<database>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseUrl(String);

/// The parameters of a PostgreSQL URL that the driver, sqlx 0.9, knows.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// Why a text is no database URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// Another database, or none.
    #[error("expected sqlite:<file> or postgres://<user>:<password>@<host>/<database>")]
    Unknown,
    /// A SQLite URL that names no file, or one that SQLite's driver would read as another.
    #[error(
        "expected sqlite:<file>, a file's path without % and without parameters; a database in memory would be another one for each connection"
    )]
    NoFile,
    /// A parameter that the driver would ignore, or one that stands twice. It is not repeated: a password with a `?` would look like one.
    #[error("expected no parameters after ? but {}, each once, and no #", PARAMETERS.join(", "))]
    Parameter,
    /// Not a URL.
    #[error(
        "expected postgres://<user>:<password>@<host>/<database>: {0}; in the user's name and password, all but letters, digits and - . _ ~ is written as %XX"
    )]
    Unreadable(url::ParseError),
}

impl DatabaseUrl {
    /// The URL as it was given, password and all.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The file of a SQLite database.
    pub fn sqlite_file(&self) -> Option<&Path> {
        sqlite_file(&self.0)
    }

    /// Host and port of a PostgreSQL server, as far as the URL names them, for people to read.
    pub fn server(&self) -> String {
        let Ok(url) = Url::parse(&self.0) else { return String::new() };
        let named = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let host =
            named("hostaddr").or_else(|| named("host")).or_else(|| url.host_str().map(str::to_owned)).filter(|host| !host.is_empty());
        let port = named("port").or_else(|| url.port().map(|port| port.to_string()));
        format!("{}:{}", host.unwrap_or_else(|| "its default host".to_owned()), port.unwrap_or_else(|| "5432".to_owned()))
    }
}

fn sqlite_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    path.strip_prefix("//").unwrap_or(path).split('?').next().map(Path::new)
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self("sqlite:signet.db".to_owned())
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = DatabaseUrlError;

    fn try_from(url: String) -> Result<Self, DatabaseUrlError> {
        match sqlite_file(&url) {
            Some(file) => check_sqlite(&url, &file.to_string_lossy())?,
            None => check_postgres(&url)?,
        }
        Ok(Self(url))
    }
}

fn check_sqlite(url: &str, file: &str) -> Result<(), DatabaseUrlError> {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    // The driver reads %XX as a byte, so the file that is made private would not be the one that is opened.
    let is_plain = !file.is_empty() && file != ":memory:" && !file.contains('%');
    let has_scheme = ["file:", "sqlite:"].iter().any(|scheme| file.starts_with(scheme));
    if is_plain && !has_scheme && ["", "mode=rwc"].contains(&parameters) { Ok(()) } else { Err(DatabaseUrlError::NoFile) }
}

fn check_postgres(url: &str) -> Result<(), DatabaseUrlError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(DatabaseUrlError::Unknown);
    }
    let url = Url::parse(url).map_err(DatabaseUrlError::Unreadable)?;
    // The driver ignores what it does not know, and of two that differ it takes the last: either may go without TLS.
    let mut seen = HashSet::new();
    let all_good = url.query_pairs().all(|(name, _)| {
        let is_known = PARAMETERS.contains(&&*name) || name.starts_with("options[");
        is_known && seen.insert(name.replace('-', ""))
    });
    if all_good && url.fragment().is_none() { Ok(()) } else { Err(DatabaseUrlError::Parameter) }
}

impl From<DatabaseUrl> for String {
    fn from(url: DatabaseUrl) -> Self {
        url.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:…", self.0.split(':').next().unwrap_or_default())
    }
}
