//! Tells a client that a session has ended, at its `backchannel_logout_uri` (OpenID Connect Back-Channel Logout 1.0 §2.5).

use url::form_urlencoded;

use crate::app::App;
use crate::fetch::Message;
use crate::fetch::budget::Asker;
use crate::outbox::{Outcome, failed};
use crate::store::outbox::OutboxRow;
use crate::tokens::logout;

/// Sends the client `id` a logout token for the session of `row`.
pub(super) async fn tell(app: &App, id: &str, row: &OutboxRow) -> Outcome {
    let client = match app.store.client(id).await {
        Ok(client) => client.filter(|client| client.enabled),
        Err(error) => {
            tracing::debug!(%error, client = id, "the client could not be read");
            return Outcome::Later(1);
        }
    };
    let Some(client) = client else { return Outcome::Pointless };
    let uri = client.metadata().ok().and_then(|metadata| metadata.backchannel_logout_uri);
    let (Some(uri), Some(user), Some(sid)) = (uri, row.user_id, &row.sid) else { return Outcome::Pointless };
    let token = match logout::sign(app, id, user, sid).await {
        Ok(token) => token,
        Err(error) => {
            error.log();
            return Outcome::Later(1);
        }
    };
    let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
    let message = Message { url: &uri, media_type: "application/x-www-form-urlencoded", authorization: None, body: &body };
    let asker = if client.registered_itself { Asker::Client(id) } else { Asker::Operator };
    match app.fetcher.post(message, asker).await {
        // Some frameworks answer 204 where there is no content (§2.8).
        Ok((200 | 204, _)) => Outcome::Delivered,
        Ok((400, _)) => Outcome::Refused("the client answered with status 400".to_owned()),
        Ok((status, _)) => Outcome::Unreachable(format!("the client answered with status {status} instead of 200")),
        Err(error) => failed(error),
    }
}
