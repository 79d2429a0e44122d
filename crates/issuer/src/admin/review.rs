//! The access review of a client: who may sign in to it, and through which of its groups.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use uuid::Uuid;

use crate::admin::{Listing, Operation, Reading, Refused, Window};
use crate::clock::{UnixSeconds, rfc3339_or_none};
use crate::grants::Grant;
use crate::oauth::access::Access;
use crate::oauth::scope::words;
use crate::store::users::{self, UserRow};
use crate::store::{ConnectionTrait, client_groups, clients, groups};

/// The word that stands in the place of the groups where everyone may sign in.
const EVERYONE: &str = "everyone";

/// A user who may sign in to a client. A disabled user is listed too, because enabling them gives the access back.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct ReviewView {
    pub client_id: String,
    pub user_id: Uuid,
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub enabled: bool,
    /// The names of the client's groups that the user is a member of, separated by commas; `everyone` if no group is needed.
    pub through: String,
    #[serde(serialize_with = "rfc3339_or_none")]
    pub last_sign_in_at: Option<UnixSeconds>,
}

impl ReviewView {
    /// The names of the fields, in the order of a CSV file.
    pub const COLUMNS: [&str; 8] = ["client_id", "user_id", "username", "name", "email", "enabled", "through", "last_sign_in_at"];

    fn new(client: &str, row: UserRow, through: String) -> Self {
        Self {
            client_id: client.to_owned(),
            user_id: row.id,
            username: row.username,
            name: row.name,
            email: row.email,
            enabled: row.disabled_at.is_none(),
            through,
            last_sign_in_at: row.last_sign_in_at,
        }
    }
}

/// Returns a page of the users who may sign in to the client `id`, each once: in the order of their usernames if everyone may, otherwise in
/// that of their ids. It is empty for a client in which no user signs in. Fails with [`Refused::NotFound`] if there is no such client.
pub async fn list(reading: &Reading<'_>, id: &str, window: &Window) -> Result<Listing<ReviewView>, Refused> {
    let app = reading.permit(Operation::ClientReview)?;
    let db = app.store.reader();
    let client = clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    if words(&client.grant_types).all(|grant| grant == Grant::ClientCredentials.name()) {
        return Ok(Listing::whole(Vec::new()));
    }
    if client.access() == Access::Groups {
        return members(db, id, window).await;
    }
    let rows = users::page(db, None, window.after.as_deref(), window.limit + 1).await?;
    let view = |row| ReviewView::new(id, row, EVERYONE.to_owned());
    Ok(Listing::of(rows, window.limit, |row| row.username.clone(), view))
}

/// Returns the members of the client's groups. The members of each group are read in the order of their ids and merged, so that neither
/// the database nor this node ever holds more than a page of each group.
async fn members(db: &impl ConnectionTrait, client: &str, window: &Window) -> Result<Listing<ReviewView>, Refused> {
    let after = window.after_id()?;
    let mut own = groups::by_ids(db, client_groups::of(db, client).await?.into_iter()).await?;
    own.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let mut through = BTreeMap::<Uuid, Vec<&str>>::new();
    for group in &own {
        for member in groups::members(db, group.id, after, window.limit + 1).await? {
            through.entry(member.id).or_default().push(&group.name);
        }
    }
    // Each group was asked for as many members as are taken here, so that no group of these users is missing.
    let first: Vec<(Uuid, Vec<&str>)> = through.into_iter().take(usize::try_from(window.limit + 1).unwrap_or(usize::MAX)).collect();
    let rows = users::by_ids(db, first.iter().map(|(id, _)| *id)).await?;
    let mut rows: HashMap<Uuid, UserRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let found = first.into_iter().filter_map(|(id, names)| Some((rows.remove(&id)?, names.join(", ")))).collect();
    Ok(Listing::of(found, window.limit, |(row, _)| row.id.to_string(), |(row, through)| ReviewView::new(client, row, through)))
}
