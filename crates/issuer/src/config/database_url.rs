//! Where the database is. The URL may hold a password, so neither errors nor Debug repeat it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

/// `sqlite:<file>` or `postgres://<user>:<password>@<host>/<database>`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseUrl(String);

/// Why a text is no database URL.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DatabaseUrlError {
    /// Another database, or none.
    #[error("expected sqlite:<file> or postgres://<user>:<password>@<host>/<database>")]
    Unknown,
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

    /// Host and port of a PostgreSQL server, for people to read.
    pub fn server(&self) -> String {
        let url = Url::parse(&self.0).ok();
        let host = url.as_ref().and_then(Url::host_str).filter(|host| !host.is_empty()).unwrap_or("localhost");
        format!("{host}:{}", url.as_ref().and_then(Url::port).unwrap_or(5432))
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
        if let Some(file) = sqlite_file(&url) {
            // A database in memory would be another one for each connection.
            let is_file = !file.as_os_str().is_empty() && !url.contains(":memory:");
            return if is_file { Ok(Self(url)) } else { Err(DatabaseUrlError::Unknown) };
        }
        if !["postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(DatabaseUrlError::Unknown);
        }
        match Url::parse(&url) {
            Ok(_) => Ok(Self(url)),
            Err(error) => Err(DatabaseUrlError::Unreadable(error)),
        }
    }
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
