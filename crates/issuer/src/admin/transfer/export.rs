//! The export of users.

use serde::Serialize;

use super::WholeUser;
use super::catalogue::Catalogue;
use crate::admin::{Change, Operation, Reading, Refused};
use crate::audit::{Action, Object};
use crate::store::users;

/// The number of users that are read at once.
const PAGE: u64 = 500;

/// An export, which returns one page of lines after the other.
pub struct Export {
    catalogue: Catalogue,
    with_password_hashes: bool,
    after: Option<String>,
}

/// The audit trail's record of an export.
#[derive(Serialize)]
struct Exported {
    with_password_hashes: bool,
}

/// Begins an export, and records it before anything is read. It contains the hashes of passwords if `with_password_hashes`.
pub async fn begin(change: &mut Change<'_>, with_password_hashes: bool) -> Result<Export, Refused> {
    change.require(Operation::UserExport)?;
    let catalogue = Catalogue::read(&change.transaction).await?;
    change.record(Action::UsersExported, Object::Named("users"), None, Some(&Exported { with_password_hashes })).await?;
    Ok(Export { catalogue, with_password_hashes, after: None })
}

impl Export {
    /// Returns the next users in the order of their usernames, each as one line of JSON without its end; none at the end.
    pub async fn next(&mut self, reading: &Reading<'_>) -> Result<Vec<String>, Refused> {
        let app = reading.permit(Operation::UserExport)?;
        let rows = users::page(app.store.reader(), None, self.after.as_deref(), PAGE).await?;
        let Some(last) = rows.last() else { return Ok(Vec::new()) };
        self.after = Some(last.username.clone());
        let users = WholeUser::read(app.store.reader(), rows).await?;
        let line = |user: &WholeUser| serde_json::to_string(&user.exported(&self.catalogue, self.with_password_hashes)).unwrap_or_default();
        Ok(users.iter().map(line).collect())
    }
}
