//! `/api/v1/authorizations`: what users gave to clients.

use uuid::Uuid;

use crate::admin::authorizations::{self, AuthorizationFilter};
use crate::admin::users;
use crate::api::access::Access;
use crate::api::message::{Answer, Name, done, page};
use crate::web::error::problem::Problem;

pub(super) async fn list(access: Access) -> Answer {
    let (window, user) = Problem::of_both(access.window(&["user", "client"]), access.uuid("user"))?;
    let filter = AuthorizationFilter { user, client: access.text("client").map(str::to_owned) };
    Ok(page(&access, authorizations::list(&access.reading(), &filter, &window).await?, window.limit))
}

pub(super) async fn of_user(access: Access, Name(id): Name<Uuid>) -> Answer {
    let window = access.window(&[])?;
    users::show_by_id(&access.reading(), id).await?;
    let filter = AuthorizationFilter { user: Some(id), client: None };
    Ok(page(&access, authorizations::list(&access.reading(), &filter, &window).await?, window.limit))
}

pub(super) async fn end(access: Access, Name(id): Name<Uuid>) -> Answer {
    access.change(|change| Box::pin(authorizations::end(change, id))).await?;
    Ok(done())
}
