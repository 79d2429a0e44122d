//! Reads the audit trail, newest events first, and the last refusals of a client.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::username;
use crate::admin::audit_object::{self, Existing, Object};
use crate::admin::{Fault, Listing, Operation, Reading, Refused, Window};
use crate::app::App;
use crate::audit;
use crate::clock::{UnixSeconds, parse_date, rfc3339, rfc3339_or_none};
use crate::oauth::plain_text::visible;
use crate::store::audit_events::{self, AuditRow, PersonalRow, Place, Range, Selected};
use crate::store::{ConnectionTrait, client_refusals, users};

/// The kinds of actors that have no id.
const ACTORS: [&str; 4] = ["operator", "issuer", "registration", "stranger"];

/// What a person asks of the audit trail, as they typed it. At most one field beside the times may be given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    /// The user whom the events concern, by username or id. Deleted users are found by their id.
    pub user: Option<String>,
    /// The client that the events concern, by its id.
    pub client: Option<String>,
    /// The name of the events.
    pub event: Option<String>,
    /// The cause of the events: `operator`, `issuer`, `registration`, `stranger`, `user:` with a username or id, or `client:` with an id.
    pub actor: Option<String>,
    /// The address from which the requests came.
    pub address: Option<String>,
    /// The request that caused the events, by the id that its log lines carry.
    pub request_id: Option<String>,
    /// What was changed: `attribute:`, `group:`, `resource:` or `role:` with a name. What was removed is found by its id.
    pub object: Option<String>,
    /// The time from which on events are listed, in RFC 3339. A day stands for its first second (UTC).
    pub from: Option<String>,
    /// The time before which events are listed, in RFC 3339. A day stands for its first second (UTC).
    pub until: Option<String>,
}

/// A filter that was checked.
#[derive(Debug, Clone)]
pub struct AuditFilter {
    selected: Selected,
    from: UnixSeconds,
    until: UnixSeconds,
}

impl AuditFilter {
    fn operation(&self) -> Operation {
        if matches!(self.selected, Selected::User(_)) { Operation::AuditListOfUser } else { Operation::AuditList }
    }
}

impl AuditQuery {
    /// Checks the fields and looks up what they name. Fails with all faults, or with [`Refused::NotFound`] if nothing else is wrong than that
    /// there is no user or group of that name.
    pub async fn check(self, reading: &Reading<'_>) -> Result<AuditFilter, Refused> {
        let app = reading.permit(if self.user.is_some() { Operation::AuditListOfUser } else { Operation::AuditList })?;
        let mut faults = Vec::new();
        let mut date = |field, text: Option<&str>, otherwise| match text.map(parse_day_or_date) {
            None => otherwise,
            Some(Some(at)) => at,
            Some(None) => {
                faults.push(
                    Fault::new(field, "a day such as 2026-01-31, or a time in RFC 3339 such as 2026-01-31T08:00:00Z")
                        .found(text.unwrap_or_default()),
                );
                otherwise
            }
        };
        let from = date("from", self.from.as_deref(), UnixSeconds::MIN);
        let until = date("until", self.until.as_deref(), UnixSeconds::MAX);
        if faults.is_empty() && from > until {
            faults.push(Fault::new("until", "a time after that of from"));
        }
        let fields = [
            ("user", &self.user),
            ("client", &self.client),
            ("event", &self.event),
            ("actor", &self.actor),
            ("address", &self.address),
            ("request_id", &self.request_id),
            ("object", &self.object),
        ];
        let mut given = fields.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
        let selecting = given.next();
        if let Some((field, _)) = given.next() {
            faults.push(Fault::new(field, "at most one of user, client, event, actor, address, request_id and object"));
        }
        let selected = match selecting {
            None => Selected::All,
            Some((field, value)) => match select(app, field, value).await {
                Ok(selected) => selected,
                Err(Refused::Invalid(more)) => {
                    faults.extend(more);
                    Selected::All
                }
                Err(Refused::NotFound { noun, name }) if !faults.is_empty() => {
                    faults.push(unknown(field, noun, &name));
                    Selected::All
                }
                Err(other) => return Err(other),
            },
        };
        if faults.is_empty() { Ok(AuditFilter { selected, from, until }) } else { Err(Refused::Invalid(faults)) }
    }
}

/// Makes the fault of a `field` that names a user or a group that does not exist.
pub fn unknown(field: &'static str, noun: &str, name: &str) -> Fault {
    let expected = match noun {
        "group" => "the name of a group that exists, or the id of one that was removed",
        _ => "the name of a user who exists, or the id of one who was deleted",
    };
    Fault::new(field, expected).found(name)
}

/// Parses a time in RFC 3339, or a day, which stands for its first second (UTC).
fn parse_day_or_date(text: &str) -> Option<UnixSeconds> {
    parse_date(text).or_else(|| parse_date(&format!("{text}T00:00:00Z")))
}

async fn select(app: &App, field: &'static str, value: &str) -> Result<Selected, Refused> {
    let wrong = |expected: &str| Refused::Invalid(vec![Fault::new(field, expected).found(value)]);
    match field {
        "user" => Ok(Selected::User(user(app, value).await?)),
        "client" => Ok(Selected::Client(value.to_owned())),
        "request_id" => Ok(Selected::Request(value.to_owned())),
        "object" => Ok(Selected::About(audit_object::parse(app, value).await?)),
        "event" if audit::names().contains(value) => Ok(Selected::Event(value.to_owned())),
        "event" => Err(wrong("the name of an event, such as signed_in")),
        "address" => {
            let address = value.trim().parse::<IpAddr>().map_err(|_| wrong("an IP address, such as 192.0.2.1"))?;
            Ok(Selected::Address(address.to_string()))
        }
        _ => match value.split_once(':') {
            Some(("user", name)) => Ok(Selected::Actor(user(app, name).await?.to_string())),
            Some(("client", id)) => Ok(Selected::Actor(id.to_owned())),
            None if ACTORS.contains(&value) => Ok(Selected::ActorKind(value.to_owned())),
            _ => Err(wrong("operator, issuer, registration, stranger, user:<username or id> or client:<id>, such as user:alice")),
        },
    }
}

/// Returns the id of a user who is given by it or by their username.
async fn user(app: &App, text: &str) -> Result<Uuid, Refused> {
    if let Ok(id) = Uuid::try_parse(text) {
        return Ok(id);
    }
    let row = users::row(app.store.reader(), &username::normalize(text)).await?;
    Ok(row.ok_or_else(|| Refused::not_found("user", text))?.id)
}

/// An event as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct AuditView {
    pub id: i64,
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: UnixSeconds,
    pub event: String,
    pub actor_kind: String,
    pub actor_id: Option<String>,
    /// The present username of the actor; `None` if it is no user, or a deleted one.
    pub actor_username: Option<String>,
    pub face: String,
    pub user_id: Option<Uuid>,
    /// The present username of the user; `None` if the user was deleted.
    pub username: Option<String>,
    pub client_id: Option<String>,
    pub authorization_id: Option<Uuid>,
    /// The kind of what was changed: `attribute`, `client`, `group`, `key`, `resource`, `role` or `user`; `None` for every other event.
    pub object_kind: Option<String>,
    /// The id of what was changed, which stays when its name changes.
    pub object_id: Option<String>,
    /// The present name of what was changed, or else the one that it had then.
    pub object_name: Option<String>,
    /// `false` if what was changed does not exist any more; `None` where that cannot be said.
    pub object_exists: Option<bool>,
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    /// The number of failures that the row counts; 1 for every other event.
    pub times: i64,
    /// The time of the last failure that the row counts; `None` if it counts one.
    #[serde(serialize_with = "rfc3339_or_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<UnixSeconds>,
    /// The state before a change of an administrator; `None` for every other event, and for what did not exist.
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub detail: Value,
    /// `false` if the client was removed.
    #[serde(skip)]
    pub client_exists: bool,
    /// `false` if the actor is a client that was removed.
    #[serde(skip)]
    pub actor_exists: bool,
}

impl AuditView {
    /// The names of the fields, in the order of a CSV file.
    pub const COLUMNS: [&str; 23] = [
        "id",
        "at",
        "event",
        "actor_kind",
        "actor_id",
        "actor_username",
        "face",
        "user_id",
        "username",
        "client_id",
        "authorization_id",
        "object_kind",
        "object_id",
        "object_name",
        "object_exists",
        "request_id",
        "address",
        "user_agent",
        "times",
        "last_at",
        "before",
        "after",
        "detail",
    ];

    fn new(row: AuditRow, personal: Option<PersonalRow>, existing: &Existing) -> Self {
        let actor = row.actor_id.as_deref().filter(|_| row.actor_kind == "user").and_then(|id| Uuid::try_parse(id).ok());
        let name = |id: Option<Uuid>| id.and_then(|id| existing.usernames.get(&id).cloned());
        let client_exists = |id: Option<&String>| id.is_some_and(|id| existing.clients.contains(id));
        let (actor_username, username) = (name(actor), name(row.user_id));
        let mut detail = parse(Some(&row.detail)).unwrap_or_default();
        let (mut before, mut after) = (parse(row.before.as_deref()), parse(row.after.as_deref()));
        let (mut address, mut user_agent, mut object) = (None, None, None);
        if let Some(personal) = personal {
            before = whole(before, parse(personal.before.as_deref()));
            after = whole(after, parse(personal.after.as_deref()));
            (address, user_agent, object) = (personal.address, personal.user_agent, personal.object);
        }
        let object = Object::of(&row, &mut detail, object, existing);
        Self {
            id: row.id,
            at: row.at,
            client_exists: client_exists(row.client_id.as_ref()),
            actor_exists: client_exists(row.actor_id.as_ref()),
            event: row.event,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_username,
            face: row.face,
            user_id: row.user_id,
            username,
            client_id: row.client_id,
            authorization_id: row.authorization_id,
            object_kind: object.kind,
            object_id: object.id,
            object_name: object.name,
            object_exists: object.exists,
            request_id: row.request_id,
            address,
            user_agent,
            times: row.times,
            last_at: row.last_at,
            before,
            after,
            detail,
        }
    }
}

fn parse(json: Option<&str>) -> Option<Value> {
    json.and_then(|json| serde_json::from_str(json).ok())
}

/// Returns a state whose personal part was stored apart.
fn whole(public: Option<Value>, personal: Option<Value>) -> Option<Value> {
    match (public, personal) {
        (Some(Value::Object(mut public)), Some(Value::Object(personal))) => {
            public.extend(personal);
            Some(Value::Object(public))
        }
        (public, personal) => personal.or(public),
    }
}

/// Returns a page of the events that `filter` selects, newest first.
pub async fn list(reading: &Reading<'_>, filter: &AuditFilter, window: &Window) -> Result<Listing<AuditView>, Refused> {
    let app = reading.permit(filter.operation())?;
    let after = window.after.as_deref().map(read_cursor).transpose()?;
    let range = Range { from: filter.from, until: filter.until, after };
    let db = app.store.reader();
    let mut rows = audit_events::page(db, &filter.selected, &range, window.limit + 1).await?;
    if let Selected::User(id) = filter.selected
        && rows.len() as u64 <= window.limit
    {
        rows.extend(addition(db, id, &range).await?.map(|row| (row, None)));
    }
    let existing = Existing::read(app, &rows).await?;
    Ok(Listing::of(rows, window.limit, |(row, _)| cursor((row.at, row.id)), |(row, personal)| AuditView::new(row, personal, &existing)))
}

/// Returns the event of the import that added the user `id`, which is older than every event about the user, without the other users whom
/// it added. `None` if no import added the user, or if the event does not lie in `range`.
async fn addition(db: &impl ConnectionTrait, id: Uuid, range: &Range) -> Result<Option<AuditRow>, Refused> {
    let Some(imported_at) = users::by_id(db, id).await?.and_then(|row| row.imported_at) else { return Ok(None) };
    let found = audit_events::of_import(db, id, imported_at).await?.filter(|row| range.contains((row.at, row.id)));
    Ok(found.map(|row| {
        let mut after = parse(row.after.as_deref()).unwrap_or_default();
        after["users_added"] = vec![id.to_string()].into();
        AuditRow { after: Some(after.to_string()), ..row }
    }))
}

/// Returns the event `id`. Fails with [`Refused::NotFound`] if there is none.
pub async fn show(reading: &Reading<'_>, id: i64) -> Result<AuditView, Refused> {
    let app = reading.permit(Operation::AuditShow)?;
    let db = app.store.reader();
    let found = [audit_events::by_id(db, id).await?.ok_or_else(|| Refused::not_found("event", id))?];
    let existing = Existing::read(app, &found).await?;
    let [(row, personal)] = found;
    Ok(AuditView::new(row, personal, &existing))
}

fn cursor((at, id): Place) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{at}.{id}"))
}

fn read_cursor(cursor: &str) -> Result<Place, Refused> {
    let text = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let place = text.as_deref().and_then(|text| text.split_once('.')).and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    place.ok_or_else(|| Refused::invalid("cursor", "the cursor of a page of this list, as the page before it gave it"))
}

/// A refusal of a client's request as administrators see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Refusal)]
#[expect(missing_docs, reason = "the names are those of the columns")]
pub struct RefusalView {
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub at: UnixSeconds,
    pub error: String,
    pub reason: String,
    /// The redirect URI that was received, without what may be a secret; `None` if there was none.
    pub redirect_uri: Option<String>,
}

/// Returns the last 20 refusals of the client `id`, newest first, with the numbers of characters that people would not see. They lag by a
/// few seconds. Fails with [`Refused::NotFound`] if there is no such client.
pub async fn refusals(reading: &Reading<'_>, id: &str) -> Result<Vec<RefusalView>, Refused> {
    let app = reading.permit(Operation::RefusalList)?;
    app.store.client(id).await?.ok_or_else(|| Refused::not_found("client", id))?;
    let rows = client_refusals::of_client(app.store.reader(), id).await?;
    // Strangers send what stands in them.
    let view = |row: client_refusals::RefusalRow| RefusalView {
        at: row.at,
        error: row.error,
        reason: visible(&row.reason),
        redirect_uri: row.redirect_uri.as_deref().map(visible),
    };
    Ok(rows.into_iter().map(view).collect())
}
