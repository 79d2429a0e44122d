//! What each page and each button of the administration needs. Requests are refused by this list, and the pages show by the same list which
//! tabs, links and buttons there are, so that nobody is offered what would be refused.

use crate::admin::{Needs, Operation, Operation as O, Refused};
use crate::oauth::scope::ScopeSet;

/// The pages, each with the operation that it needs. `*` stands for a name; the first line that fits counts.
const PAGES: &[(&str, Operation)] = &[
    ("/admin/search", O::UserList),
    ("/admin/users", O::UserList),
    ("/admin/users/new", O::UserAdd),
    ("/admin/users/*", O::UserShow),
    ("/admin/users/*/edit", O::UserEdit),
    ("/admin/users/*/roles", O::UserChangeRoles),
    ("/admin/groups", O::GroupList),
    ("/admin/groups/new", O::GroupAdd),
    ("/admin/groups/*", O::GroupShow),
    ("/admin/groups/*/edit", O::GroupEdit),
    ("/admin/groups/*/members", O::GroupChangeMembers),
    ("/admin/roles", O::RoleList),
    ("/admin/roles/new", O::RoleAdd),
    ("/admin/roles/*", O::RoleShow),
    ("/admin/roles/*/edit", O::RoleEdit),
    ("/admin/attributes", O::AttributeList),
    ("/admin/attributes/new", O::AttributeAdd),
    ("/admin/attributes/*", O::AttributeShow),
    ("/admin/attributes/*/edit", O::AttributeEdit),
    ("/admin/clients", O::ClientList),
    ("/admin/clients/new", O::ClientAdd),
    ("/admin/clients/*", O::ClientShow),
    ("/admin/clients/*/access", O::ClientReview),
    ("/admin/clients/*/claim", O::ClientClaimPut),
    ("/admin/clients/*/edit", O::ClientEdit),
    ("/admin/clients/*/secret", O::ClientRotateSecret),
    ("/admin/clients/*/try", O::ClientTry),
    ("/admin/resources", O::ResourceList),
    ("/admin/resources/new", O::ResourceAdd),
    ("/admin/resources/*", O::ResourceShow),
    ("/admin/resources/*/edit", O::ResourceEdit),
    ("/admin/keys", O::KeyList),
    ("/admin/sessions", O::SessionList),
    ("/admin/audit", O::AuditList),
    ("/admin/audit/download", O::AuditList),
    ("/admin/audit/*", O::AuditShow),
];

/// The pages whose forms name what to do in the field `action`, with the operation that each needs.
const ACTIONS: &[(&str, &[(&str, Operation)])] = &[
    (
        "/admin/users/*",
        &[
            ("delete", O::UserDelete),
            ("disable", O::UserDisable),
            ("enable", O::UserEnable),
            ("end-authorization", O::AuthorizationEnd),
            ("end-authorizations", O::AuthorizationEndOfUser),
            ("end-session", O::SessionEnd),
            ("end-sessions", O::SessionEndAll),
            ("link", O::UserLink),
            ("unlock", O::UserUnlock),
            ("verify", O::UserEditEverything),
            ("withdraw", O::ConsentWithdraw),
        ],
    ),
    ("/admin/users", &[("add-to-group", O::GroupChangeMembers)]),
    ("/admin/groups/*", &[("remove", O::GroupRemove)]),
    ("/admin/roles/*", &[("remove", O::RoleRemove)]),
    ("/admin/attributes/*", &[("remove", O::AttributeRemove)]),
    (
        "/admin/clients/*",
        &[
            ("allow-claims", O::ClientEdit),
            ("disable", O::ClientSetEnabled),
            ("enable", O::ClientSetEnabled),
            ("end-old-secret", O::ClientRotateSecret),
            ("pause-stream", O::StreamSetPaused),
            ("remove", O::ClientRemove),
            ("remove-stream", O::StreamRemove),
            ("resume-stream", O::StreamSetPaused),
            ("stop-claims", O::ClientEdit),
        ],
    ),
    ("/admin/resources/*", &[("remove", O::ResourceRemove)]),
    ("/admin/keys", &[("rotate", O::KeyPublish), ("revoke", O::KeyRevoke)]),
];

/// Returns whether `path` is one of those that `pattern` stands for.
fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.trim_end_matches('/').split('/');
    pattern.split('/').all(|wanted| segments.next().is_some_and(|found| wanted == "*" || wanted == found)) && segments.next().is_none()
}

/// Returns the operation that the page at `path` with this query needs; `None` for the overview and for what is no page.
fn page(path: &str, query: &str) -> Option<Operation> {
    let (pattern, operation) = PAGES.iter().find(|(pattern, _)| fits(pattern, path))?;
    let is_of_user = pattern.starts_with("/admin/audit") && query.split('&').any(|part| part == "by=user");
    Some(if is_of_user { O::AuditListOfUser } else { *operation })
}

/// Returns the operation that the form which is posted to `path` needs. `action` is the value of its field of this name.
fn form(path: &str, action: &str) -> Option<Operation> {
    if action.is_empty() {
        return page(path, "");
    }
    let (_, actions) = ACTIONS.iter().find(|(pattern, _)| fits(pattern, path))?;
    actions.iter().find(|(name, _)| *name == action).map(|(_, operation)| *operation)
}

/// What an administrator may do, by their scopes and on the object that a page shows.
#[derive(Debug, Clone, Default)]
pub struct Offers {
    scopes: ScopeSet,
    /// `true` if the object is out of bounds, so that nothing of it can be changed.
    only_reading: bool,
}

impl Offers {
    /// Makes the offers to somebody with `scopes`.
    pub fn to(scopes: &ScopeSet) -> Self {
        Self { scopes: scopes.clone(), only_reading: false }
    }

    /// Withdraws everything that changes something.
    #[must_use]
    pub fn only_reading(self) -> Self {
        Self { only_reading: true, ..self }
    }

    /// Returns whether the scopes permit `operation`.
    pub fn may(&self, operation: Operation) -> bool {
        let needs = operation.needs();
        let reads = matches!(needs, Needs::Read | Needs::ReadPeople);
        (reads || !self.only_reading) && needs.scopes().iter().any(|scope| self.scopes.contains(scope))
    }

    /// Returns whether the page at `link`, a path with or without a query, may be shown. Everybody may see pages that are not of the
    /// administration, and the overview.
    pub fn link(&self, link: &str) -> bool {
        let (path, query) = link.split_once('?').unwrap_or((link, ""));
        !path.starts_with("/admin/") || page(path, query).is_some_and(|operation| self.may(operation))
    }

    /// Returns whether a form with this `action` may be posted to `path`.
    pub fn form(&self, path: &str, action: &str) -> bool {
        form(path, action).is_some_and(|operation| self.may(operation))
    }

    /// Refuses a request for the page at `path`.
    pub fn require_page(&self, path: &str, query: &str) -> Result<(), Refused> {
        self.require(page(path, query))
    }

    /// Refuses a form that was posted to `path`. The page itself refuses an `action` that it does not know.
    pub fn require_form(&self, path: &str, action: &str) -> Result<(), Refused> {
        self.require(form(path, action))
    }

    fn require(&self, operation: Option<Operation>) -> Result<(), Refused> {
        match operation.filter(|operation| !self.may(*operation)) {
            Some(operation) => Err(Refused::Insufficient(operation.needs())),
            None => Ok(()),
        }
    }
}
