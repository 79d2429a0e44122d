//! `/api/v1/attributes`: the attributes that are declared for users.

use crate::admin::attributes::{self, AttributeDraft, AttributePatch, AttributeView};
use crate::admin::preview::Subject;
use crate::api::access::Access;
use crate::api::message::{Answer, Body, Name, created, done, page, shown, versioned};
use crate::api::version::has_version;

has_version! {
    AttributeView => version;
}

pub(super) async fn list(access: Access) -> Answer {
    let window = access.window(&[])?;
    Ok(page(&access, attributes::list(&access.reading(), &window).await?, window.limit))
}

pub(super) async fn show(access: Access, Name(name): Name<String>) -> Answer {
    let attribute = attributes::show(&access.reading(), &name).await?;
    Ok(versioned(&attribute))
}

pub(super) async fn add(access: Access, Body(draft): Body<AttributeDraft>) -> Answer {
    let name = draft.name.clone();
    let added = access.change(move |change| Box::pin(attributes::add(change, draft))).await;
    let attribute = added.map_err(|problem| problem.with_existing(&name))?;
    Ok(created(&access, &attribute.name, &attribute))
}

pub(super) async fn edit(access: Access, Name(name): Name<String>, Body(patch): Body<AttributePatch>) -> Answer {
    let change = access.change(|change| Box::pin(async move { attributes::edit(change, &name, patch, None).await }));
    let attribute = change.await?;
    Ok(versioned(&attribute))
}

pub(super) async fn remove(access: Access, Name(name): Name<String>) -> Answer {
    access.change(|change| Box::pin(async move { attributes::remove(change, &name, None).await })).await?;
    Ok(done())
}

pub(super) async fn removal(access: Access, Name(name): Name<String>) -> Answer {
    // Nobody gains or loses a group, a role or an application by it.
    let nobody = Subject::Users(Vec::new());
    let work = access.preview_with(&nobody, |change| Box::pin(async move { attributes::remove(change, &name, None).await }));
    Ok(shown(work.await?.0))
}
