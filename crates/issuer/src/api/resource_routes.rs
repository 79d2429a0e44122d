//! The routes of `/api/v1/resources`.

use crate::admin::Operation as O;
use crate::admin::preview::Preview;
use crate::admin::resources::ResourceView;
use crate::api::route::Api;
use crate::api::{previews, resources};

/// Adds the routes of resources to `api`.
pub(super) fn add_to(api: Api) -> Api {
    api.list::<ResourceView, _>("/resources", O::ResourceList, "List resources, the oldest first", &[], resources::list)
        .create::<resources::NewResourceBody, ResourceView, _>("/resources", O::ResourceAdd, "Add a resource", resources::add)
        .show::<ResourceView, _>("/resources/{identifier}", O::ResourceShow, "Show a resource", resources::show)
        .patch::<resources::ResourcePatchBody, ResourceView, _>(
            "/resources/{identifier}",
            O::ResourceEdit,
            "Edit a resource; removing scopes and telling or allowing more need a recent sign-in of a user",
            resources::edit,
        )
        .act::<resources::ResourcePatchBody, Preview, _>(
            "/resources/{identifier}/edit/preview",
            O::ResourceEdit,
            "Show who would lose what if a resource were edited; nothing is changed",
            previews::resource_edited,
        )
        .tell::<Preview, _>(
            "/resources/{identifier}/removal/preview",
            O::ResourceRemove,
            "Show who would lose what if a resource were removed; nothing is changed",
            previews::resource_removed,
        )
        .delete(
            "/resources/{identifier}",
            O::ResourceRemove,
            "Remove a resource and its scopes, which roles and clients lose",
            resources::remove,
        )
}
