//! What the events of the audit trail are about, as administrators see it: the object that was changed, by its present name, and whether it still
//! exists.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;
use uuid::Uuid;

use crate::admin::{Fault, Refused};
use crate::app::App;
use crate::store::audit_events::{AuditRow, PersonalRow};
use crate::store::{audit_objects, groups, resources, users};

/// The kinds of objects by which events can be selected.
const KINDS: [&str; 4] = ["attribute", "group", "resource", "role"];

/// The things that exist still, among all that a page of events names.
#[derive(Debug)]
pub(super) struct Existing {
    /// The present usernames, by id.
    pub usernames: HashMap<Uuid, String>,
    /// The ids of clients.
    pub clients: HashSet<String>,
    /// The present names of groups, roles, attributes and resources, by `kind:id`.
    names: HashMap<String, String>,
}

impl Existing {
    /// Looks up what `rows` name.
    pub(super) async fn read(app: &App, rows: &[(AuditRow, Option<PersonalRow>)]) -> Result<Self, Refused> {
        let db = app.store.reader();
        let by =
            |kind: &'static str| rows.iter().filter(move |(row, _)| row.actor_kind == kind).filter_map(|(row, _)| row.actor_id.as_deref());
        let actors = by("user").filter_map(|id| Uuid::try_parse(id).ok());
        let mut users: Vec<Uuid> = actors.chain(rows.iter().filter_map(|(row, _)| row.user_id)).collect();
        users.sort_unstable();
        users.dedup();
        let clients: BTreeSet<&str> = by("client").chain(rows.iter().filter_map(|(row, _)| row.client_id.as_deref())).collect();
        let objects: BTreeSet<&str> = rows.iter().filter_map(|(row, _)| row.about.as_deref()).collect();
        Ok(Self {
            usernames: users::usernames(db, users).await?,
            clients: audit_objects::clients(db, &clients).await?,
            names: audit_objects::names(db, &objects, &app.settings.issuer).await?,
        })
    }
}

/// The object of an event.
#[derive(Debug, Default)]
pub(super) struct Object {
    /// `attribute`, `client`, `group`, `key`, `resource`, `role` or `user`; `None` for anything else.
    pub kind: Option<String>,
    /// The id by which it is known for as long as it exists, such as the UUID of a user or a group.
    pub id: Option<String>,
    /// The present name, or else the one that it had at the time of the event.
    pub name: Option<String>,
    /// `None` if the kind has no page of its own.
    pub exists: Option<bool>,
}

impl Object {
    /// Returns the object of the event `row`. `detail` is its detail, out of which the name is taken, and `username` the name that a user had
    /// at the time.
    pub fn of(row: &AuditRow, detail: &mut Value, username: Option<String>, existing: &Existing) -> Self {
        let named = detail.as_object_mut().and_then(|detail| detail.remove("object"));
        let named = named.as_ref().and_then(Value::as_str).map(str::to_owned);
        let some = |text: &str| Some(text.to_owned());
        if let Some((about, (kind, id))) = row.about.as_ref().and_then(|about| Some((about, about.split_once(':')?))) {
            let present = existing.names.get(about).cloned();
            let exists = Some(present.is_some());
            return Self { kind: some(kind), id: some(id), name: present.or(named).or_else(|| some(id)), exists };
        }
        match (row.event.split('_').next().unwrap_or_default(), row.user_id, row.client_id.as_deref()) {
            ("user", Some(id), _) => {
                let present = existing.usernames.get(&id).cloned();
                let exists = Some(present.is_some());
                Self { kind: some("user"), id: Some(id.to_string()), name: present.or(username), exists }
            }
            ("client", _, Some(id)) => {
                Self { kind: some("client"), id: some(id), name: some(id), exists: Some(existing.clients.contains(id)) }
            }
            ("key" | "keys", ..) => {
                let kid = named.or_else(|| detail["kid"].as_str().map(str::to_owned));
                Self { kind: some("key"), id: kid.clone(), name: kid, exists: None }
            }
            _ => Self { name: named, ..Self::default() },
        }
    }
}

/// Returns the text `kind:id` of the object that an administrator names by `kind:name`. What was removed is named by `kind:id`, as the events
/// show it. Fails with a fault of the field `object`, or with [`Refused::NotFound`] if there is no group of this name.
pub(super) async fn parse(app: &App, text: &str) -> Result<String, Refused> {
    let db = app.store.reader();
    let Some((kind, name)) = text.split_once(':').filter(|(kind, name)| KINDS.contains(kind) && !name.is_empty()) else {
        let expected = "attribute:NAME, group:NAME, resource:IDENTIFIER or role:NAME, such as group:on-call";
        return Err(Refused::Invalid(vec![Fault::new("object", expected).found(text)]));
    };
    let id = match kind {
        "group" if Uuid::try_parse(name).is_ok() => name.to_lowercase(),
        "group" => groups::by_name(db, name).await?.ok_or_else(|| Refused::not_found("group", name))?.id.to_string(),
        "resource" => {
            let found = resources::by_identifier(db, name, &app.settings.issuer).await?;
            found.map_or_else(|| name.to_owned(), |resource| resource.id)
        }
        _ => name.to_owned(),
    };
    Ok(format!("{kind}:{id}"))
}
