//! The URL of the database. It may hold a password, so neither errors nor `Debug` repeat it.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

/// A checked URL of the form `sqlite:<file>` or `postgres://<user>:<password>@<host>/<database>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseUrl(String);

/// The parameters of a PostgreSQL URL that the driver (sqlx 0.9) knows.
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

/// The reason why a text cannot be a database URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// The text names another kind of database, or none.
    #[error("expected sqlite:<file> or postgres://<user>:<password>@<host>/<database>")]
    Unknown,
    /// A SQLite URL names no file, or the driver would take it for another file.
    #[error(
        "expected sqlite:<file>, a file's path without % and without parameters; a database in memory would differ for each connection"
    )]
    NoFile,
    /// The driver would ignore a parameter, or a parameter appears twice. The message does not repeat it, because the rest of a password
    /// that contains `?` looks like a parameter.
    #[error("expected no parameters after ? but {}, each at most once, and no #", PARAMETERS.join(", "))]
    Parameter,
    /// An `@` stands after the first `/`, `?` or `#`, which end the part with the password and the host. So a password with one of them
    /// would be cut, and its first part taken for the host. The message does not repeat it.
    #[error(
        "expected postgres://<user>:<password>@<host>/<database> without @ after the first / ? or #; \
         in the user name, the password and the parameters, write all but letters, digits and - . _ ~ as %XX, such as %2F for / and %40 for @"
    )]
    Cut,
    /// The URL has a user name or a port but no host.
    #[error(
        "expected a host, such as postgres://<user>:<password>@<host>/<database>, \
         or the folder of a socket, such as postgres://<user>@/<database>?host=/run/postgresql"
    )]
    NoHost,
    /// The text is not a URL.
    #[error(
        "expected postgres://<user>:<password>@<host>/<database>: {0}; \
         in the user name and password, write all but letters, digits and - . _ ~ as %XX"
    )]
    Unreadable(url::ParseError),
}

impl DatabaseUrl {
    /// The URL as it was given, with the password. An empty host is written as `localhost` if a parameter names the host.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The file of a SQLite database. `None` for PostgreSQL.
    pub fn sqlite_file(&self) -> Option<&Path> {
        sqlite_file(&self.0)
    }

    /// The host and port of a PostgreSQL server, for messages. The defaults stand in for parts that the URL does not name.
    pub fn server(&self) -> String {
        let Ok(url) = Url::parse(&self.0) else { return String::new() };
        let decoded = |host: &str| percent_encoding::percent_decode_str(host).decode_utf8_lossy().into_owned();
        let named = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let host = named("hostaddr").or_else(|| named("host")).or_else(|| url.host_str().map(decoded)).filter(|host| !host.is_empty());
        let port = named("port").or_else(|| url.port().map(|port| port.to_string()));
        format!("{}:{}", host.unwrap_or_else(|| "its default host".to_owned()), port.unwrap_or_else(|| "5432".to_owned()))
    }

    /// The name of a PostgreSQL database, for messages. Where the URL names none, PostgreSQL takes that of the user.
    pub fn database(&self) -> String {
        let Ok(url) = Url::parse(&self.0) else { return String::new() };
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let named = url.query_pairs().find(|(key, _)| key == "dbname").map(|(_, value)| value.into_owned());
        let name = named.unwrap_or_else(|| decoded(url.path().trim_start_matches('/')));
        if name.is_empty() { decoded(url.username()) } else { name }
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

    fn try_from(mut url: String) -> Result<Self, DatabaseUrlError> {
        // A file from which the URL was read usually ends with a line end.
        url.truncate(url.trim_end_matches(['\r', '\n']).len());
        if let Some(file) = sqlite_file(&url) {
            check_sqlite(&url, &file.to_string_lossy())?;
        } else {
            url = with_host(url);
            check_postgres(&url)?;
        }
        Ok(Self(url))
    }
}

fn check_sqlite(url: &str, file: &str) -> Result<(), DatabaseUrlError> {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters);
    // The driver decodes %XX, so it would open another file than the one whose access the issuer restricts.
    let is_plain = !file.is_empty() && file != ":memory:" && !file.contains('%');
    let has_scheme = ["file:", "sqlite:"].iter().any(|scheme| file.starts_with(scheme));
    if is_plain && !has_scheme && ["", "mode=rwc"].contains(&parameters) { Ok(()) } else { Err(DatabaseUrlError::NoFile) }
}

/// Returns where the part of a URL begins and ends that names the user, the password, the host and the port, in bytes.
fn authority(url: &str) -> Option<(usize, usize)> {
    let start = url.find("://")? + 3;
    let length = url[start..].find(['/', '?', '#']).unwrap_or(url.len() - start);
    Some((start, start + length))
}

/// Writes `localhost` for an empty host. The URL parser refuses an empty host after a user name or before a port, but people name the
/// folder of a socket in the parameter `host`, which the driver prefers. A URL without such a parameter is returned as it is.
fn with_host(mut url: String) -> String {
    let Some((start, end)) = authority(&url) else { return url };
    let host = start + url[start..end].rfind('@').map_or(0, |at| at + 1);
    let is_empty = start != end && (host == end || url[host..end].starts_with(':'));
    let query = url[end..].split_once('?').map_or("", |(_, query)| query);
    if is_empty && query.split('&').any(|parameter| parameter.starts_with("host=") || parameter.starts_with("hostaddr=")) {
        url.insert_str(host, "localhost");
    }
    url
}

fn check_postgres(url: &str) -> Result<(), DatabaseUrlError> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(DatabaseUrlError::Unknown);
    }
    if authority(url).is_some_and(|(_, end)| url[end..].contains('@')) {
        return Err(DatabaseUrlError::Cut);
    }
    let url = Url::parse(url).map_err(|error| match error {
        url::ParseError::EmptyHost => DatabaseUrlError::NoHost,
        error => DatabaseUrlError::Unreadable(error),
    })?;
    // The driver ignores unknown parameters and takes the last of two that differ. Either could turn TLS off unnoticed.
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
