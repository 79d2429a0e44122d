//! `/api/v1/clients/{id}/streams`: what an administrator does with the streams of Shared Signals of a client, which the client's own view lists.

use crate::admin::client_streams;
use crate::api::access::Access;
use crate::api::message::{Answer, Name, done, shown};

pub(super) async fn pause(access: Access, Name((client, id)): Name<(String, String)>) -> Answer {
    set_paused(&access, client, id, true).await
}

pub(super) async fn resume(access: Access, Name((client, id)): Name<(String, String)>) -> Answer {
    set_paused(&access, client, id, false).await
}

async fn set_paused(access: &Access, client: String, id: String, paused: bool) -> Answer {
    let changed = access.change(|change| Box::pin(async move { client_streams::set_paused(change, &client, &id, paused).await }));
    Ok(shown(changed.await?))
}

pub(super) async fn remove(access: Access, Name((client, id)): Name<(String, String)>) -> Answer {
    access.change(|change| Box::pin(async move { client_streams::remove(change, &client, &id).await })).await?;
    Ok(done())
}
