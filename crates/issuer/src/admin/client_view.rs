//! Clients as administrators see them.

use std::collections::HashMap;

use serde::Serialize;

use crate::admin::client_streams::{self, StreamView};
use crate::admin::search::{self, Total};
use crate::admin::{Listing, Operation, Reading, Refused, Window};
use crate::app::App;
use crate::clock::{DAY, UnixSeconds, rfc3339, rfc3339_or_none};
use crate::oauth::access::Access;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::words;
use crate::store::client_secrets::SecretRow;
use crate::store::clients::{self, ClientRow};
use crate::store::{ConnectionTrait, authorizations, client_groups, client_secrets, client_terms, resources};

/// The largest number of live authorizations that are counted.
const MOST_COUNTED: u64 = 1000;

/// A client as administrators see it. Fields carry the names of RFC 7591 where it has them.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names are those of the specification")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ClientView {
    pub client_id: String,
    pub client_name: String,
    pub public: bool,
    pub grant_types: Vec<String>,
    /// The identifier of the resource of its tokens unless a request names another.
    pub default_resource: Option<String>,
    /// The scopes that it may ask for, separated by spaces.
    pub scope: String,
    pub redirect_uris: Vec<String>,
    pub origins: Vec<String>,
    /// `None` if any method will do that the client has a secret or keys for.
    pub token_endpoint_auth_method: Option<String>,
    pub first_party: bool,
    #[schema(value_type = String)]
    pub pkce: Pkce,
    /// The users who may sign in to it.
    #[schema(value_type = String)]
    pub access: Access,
    /// The names of its groups, whose members may sign in to it, and of which it is told.
    pub groups: Vec<String>,
    /// `true` if ID tokens also carry the claims of the granted scopes.
    pub id_token_claims: bool,
    /// The groups that it is told of: `assigned`, `prefix` or `all`.
    pub group_filter: String,
    pub group_prefix: String,
    /// `false` if it is told of no groups, roles and attributes.
    pub claims_allowed: bool,
    /// `true` if its streams of Shared Signals tell of users who have never authorized it, too.
    pub signals_of_all_users: bool,
    /// `true` if its pages may watch by a frame whether the user is still signed in (OpenID Connect Session Management 1.0).
    pub session_management: bool,
    pub registered_itself: bool,
    #[schema(value_type = Object)]
    pub metadata: ClientMetadata,
    pub enabled: bool,
    /// The valid secrets, the newest first: 2 after a rotation.
    pub secrets: Vec<SecretView>,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
    /// The last time that it asked for tokens, which is written once a minute.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<UnixSeconds>,
    /// Rises with each change of the client.
    pub version: i32,
    /// The number of authorizations that can still be used, at most 1000. `None` in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_authorizations: Option<usize>,
    /// Its streams of Shared Signals, oldest first. `None` in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub streams: Option<Vec<StreamView>>,
}

/// A secret of a client, without the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct SecretView {
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: UnixSeconds,
    /// The age in whole days.
    pub age_days: i64,
    /// `None` if it is valid until the next rotation but one.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<UnixSeconds>,
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<UnixSeconds>,
}

impl SecretView {
    fn of(row: &SecretRow, now: UnixSeconds) -> Self {
        let age_days = (now - row.created_at).max(0) / DAY;
        Self { created_at: row.created_at, age_days, expires_at: row.expires_at, last_used_at: row.last_used_at }
    }
}

impl ClientView {
    /// Reads what belongs to `row`.
    pub(super) async fn read(app: &App, db: &impl ConnectionTrait, row: ClientRow) -> Result<Self, Refused> {
        let id = row.id.clone();
        Self::read_all(app, db, vec![row]).await?.pop().ok_or_else(|| Refused::not_found("client", id))
    }

    /// Reads what belongs to `rows`, with as many statements as for one row.
    async fn read_all(app: &App, db: &impl ConnectionTrait, rows: Vec<ClientRow>) -> Result<Vec<Self>, Refused> {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let now = app.now();
        let mut scopes = clients::scopes_of(db, &ids).await?;
        let mut origins = clients::origins_of(db, &ids).await?;
        let mut groups = client_groups::names(db, &ids).await?;
        let secrets = client_secrets::of(db, &ids, now).await?;
        let defaults = resources::by_ids(db, rows.iter().filter_map(|row| row.default_resource.as_deref())).await?;
        let identifier = |id: &String| {
            let row = defaults.get(id)?;
            Some(resources::identifier(&row.id, row.identifier.as_deref(), &app.settings.issuer))
        };
        let list = |text: &str| words(text).map(str::to_owned).collect();
        let taken = |lists: &mut HashMap<String, Vec<String>>, id: &str| lists.remove(id).unwrap_or_default();
        let view = |row: ClientRow| {
            Ok(Self {
                public: row.public,
                grant_types: list(&row.grant_types),
                default_resource: row.default_resource.as_ref().and_then(identifier),
                scope: taken(&mut scopes, &row.id).join(" "),
                redirect_uris: list(&row.redirect_uris),
                origins: taken(&mut origins, &row.id),
                groups: taken(&mut groups, &row.id),
                first_party: row.first_party,
                pkce: row.pkce(),
                access: row.access(),
                registered_itself: row.registration_token_hash.is_some(),
                metadata: row.client_metadata()?,
                enabled: row.disabled_at.is_none(),
                secrets: secrets.get(&row.id).into_iter().flatten().map(|secret| SecretView::of(secret, now)).collect(),
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                version: row.version,
                client_id: row.id,
                client_name: row.client_name,
                token_endpoint_auth_method: row.token_endpoint_auth_method,
                id_token_claims: row.id_token_claims,
                group_filter: row.group_filter,
                group_prefix: row.group_prefix,
                claims_allowed: row.claims_allowed,
                signals_of_all_users: row.signals_of_all_users,
                session_management: row.session_management,
                live_authorizations: None,
                streams: None,
            })
        };
        rows.into_iter().map(view).collect()
    }
}

/// A filter for the list of clients. A client must match every field that is set.
#[derive(Debug, Clone, Default)]
pub struct ClientFilter {
    /// `true` for enabled clients only, `false` for disabled ones only, `None` for both.
    pub enabled: Option<bool>,
    /// `true` for clients that registered themselves only, `false` for those that an administrator added only, `None` for both.
    pub registered: Option<bool>,
    /// Only clients that have a word for each word of this text, which is its beginning. `None`, or a blank text, for all.
    pub search: Option<String>,
}

/// Returns a page of the clients that match `filter`, in the order of their ids, or of the words that a search found.
pub async fn list(reading: &Reading<'_>, filter: &ClientFilter, window: &Window) -> Result<Listing<ClientView>, Refused> {
    let app = reading.permit(Operation::ClientList)?;
    let db = app.store.reader();
    let kinds = (filter.enabled, filter.registered);
    let page = if let Some(words) = search::words(filter.search.as_deref()) {
        let found = client_terms::find(db, &words, kinds, search::place(window)?, window.limit).await?;
        let rows = client_terms::rows(db, &found.keys).await?;
        search::page(found, rows, |row| row.id.clone())
    } else {
        let rows = clients::page(db, kinds, window.after.as_deref(), window.limit + 1).await?;
        Listing::of(rows, window.limit, |row| row.id.clone(), |row| row)
    };
    Ok(Listing { items: ClientView::read_all(app, db, page.items).await?, next: page.next })
}

/// Counts the clients that the words of `text` find, up to 1,000.
pub async fn count_found(reading: &Reading<'_>, text: &str) -> Result<Total, Refused> {
    let app = reading.permit(Operation::ClientList)?;
    search::count(text, async |words, most| client_terms::find(app.store.reader(), &words, (None, None), None, most).await).await
}

/// Returns the client `id`. Fails with [`Refused::NotFound`] if it does not exist.
pub async fn show(reading: &Reading<'_>, id: &str) -> Result<ClientView, Refused> {
    let app = reading.permit(Operation::ClientShow)?;
    let db = app.store.reader();
    let mut view = ClientView::read(app, db, clients::row(db, id).await?.ok_or_else(|| Refused::not_found("client", id))?).await?;
    let idle = app.settings.refresh_idle_lifetime;
    view.live_authorizations = Some(authorizations::count_live(db, id, app.now(), idle, MOST_COUNTED).await?);
    view.streams = Some(client_streams::of(db, id).await?);
    Ok(view)
}
