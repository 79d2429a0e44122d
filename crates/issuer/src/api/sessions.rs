//! `/api/v1/sessions`: browsers that are signed in.

use uuid::Uuid;

use crate::admin::{sessions, users};
use crate::api::access::Access;
use crate::api::message::{Answer, Name, done, page};

pub(super) async fn list(access: Access) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, sessions::list(&access.reading(), None, &window).await?, window.limit))
}

pub(super) async fn of_user(access: Access, Name(id): Name<Uuid>) -> Answer {
    let window = access.window(&[])?;
    users::show_by_id(&access.reading(), id).await?;
    Ok(page(&access, sessions::list(&access.reading(), Some(id), &window).await?, window.limit))
}

pub(super) async fn end(access: Access, Name(sid): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { sessions::end(change, &sid).await })).await?;
    Ok(done())
}
