//! The users in a stream (SSF 1.0, "Subjects"). A stream tells of every user who has authorized its client, but for those whom the receiver
//! has removed.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::app::App;
use crate::audit::{self, Event};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::ssf::SubjectId;
use crate::signals::{Receiver, invalid};
use crate::store::{StoreError, commit, streams as store, users};

/// The most users who may be removed from one stream.
pub const MOST_REMOVED: u64 = 10_000;

/// Adds the user in `body` to the stream `id` again. A user whom nobody has removed is in the stream already, and one who does not exist
/// is ignored: the answer is the same, so that a receiver cannot find out who has an account (SSF 1.0, "Subject Probing").
pub async fn add(receiver: Receiver<'_>, id: &str, body: &Map<String, Value>) -> Result<(), OAuthError> {
    let subject = subject(body)?;
    if !matches!(body.get("verified"), None | Some(Value::Null | Value::Bool(_))) {
        return Err(invalid("verified: expected true or false"));
    }
    change(receiver, id, &subject, true).await
}

/// Removes the user in `body` from the stream `id`. One who does not exist is ignored.
pub async fn remove(receiver: Receiver<'_>, id: &str, body: &Map<String, Value>) -> Result<(), OAuthError> {
    let subject = subject(body)?;
    if matches!(&subject, SubjectId::Opaque { id: opaque } if opaque == id) {
        return Err(OAuthError::new(Code::Forbidden, "subject: the stream itself is always one of its subjects"));
    }
    change(receiver, id, &subject, false).await
}

fn subject(body: &Map<String, Value>) -> Result<SubjectId, OAuthError> {
    SubjectId::parse(body.get("subject").unwrap_or(&Value::Null)).map_err(invalid)
}

async fn change(receiver: Receiver<'_>, id: &str, subject: &SubjectId, adds: bool) -> Result<(), OAuthError> {
    let Receiver { app, client, actor } = receiver;
    let found = resolve(app, subject).await?;
    let (transaction, row) = receiver.lock(id).await?;
    // What follows is the same for a user who does not exist, so that neither the bound nor the audit trail tells who has an account.
    if !adds && store::count_removed(&transaction, &row.id).await? >= MOST_REMOVED {
        let reason = format!("{MOST_REMOVED} users were removed from this stream, which is as many as it keeps");
        return Err(OAuthError::new(Code::Forbidden, reason));
    }
    match (found, adds) {
        (Some(user), true) => store::add_user(&transaction, &row.id, user).await?,
        (Some(user), false) => store::remove_user(&transaction, &row.id, user).await?,
        (None, _) => {}
    }
    let event = Event::StreamChanged { client: &client.id, stream: id, what: "subjects" };
    audit::record(&transaction, app.now(), actor, event).await?;
    Ok(commit(transaction).await?)
}

/// Returns the user whom `subject` identifies. An email address counts only where it is verified.
async fn resolve(app: &App, subject: &SubjectId) -> Result<Option<Uuid>, StoreError> {
    if let SubjectId::Aliases(aliases) = subject {
        for alias in aliases {
            if let Some(user) = resolve_one(app, alias).await? {
                return Ok(Some(user));
            }
        }
        return Ok(None);
    }
    resolve_one(app, subject).await
}

async fn resolve_one(app: &App, subject: &SubjectId) -> Result<Option<Uuid>, StoreError> {
    let db = app.store.reader();
    let sub = match subject {
        SubjectId::Email { email } => return Ok(users::by_verified_email(db, email).await?.map(|row| row.id)),
        SubjectId::IssSub { iss, sub } if iss == app.settings.issuer.as_str() => sub,
        SubjectId::IssSub { .. } | SubjectId::Aliases(_) | SubjectId::Foreign => return Ok(None),
        SubjectId::Opaque { id } => id,
    };
    let Ok(id) = Uuid::try_parse(sub) else { return Ok(None) };
    Ok(users::by_id(db, id).await?.map(|row| row.id))
}
