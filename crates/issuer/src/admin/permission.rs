//! Decides who may do what: the scope that each operation needs, and the users whom the help desk must leave alone.
//!
//! An operation names itself before it does anything: a reading one gets the issuer from [`Reading::permit`], a changing one calls
//! [`Change::require`]. So the command line, REST and the pages cannot forget the check.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::admin::{Change, Refused};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::clock::UnixSeconds;
use crate::oauth::scope::is_administration;
use crate::store::roles;

/// The age of a sign-in, in seconds, up to which a user may call a dangerous operation.
pub const RECENT: UnixSeconds = 600;
/// The scope of an administrator. It implies the others.
const ADMIN: &str = "admin";
/// The scope that permits reading everything but secrets.
const READ: &str = "admin:read";
/// The scope of the help desk, which changes people who are not administrators.
const HELP: &str = "admin:users";

/// The right that an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The scope `admin:read` or `admin`.
    Read,
    /// The scope `admin:read`, `admin:users` or `admin`.
    ReadPeople,
    /// The scope `admin:users` or `admin`. `admin:users` is not enough if the operation acts on an administrator.
    HelpDesk,
    /// The scope `admin`.
    Administrator,
    /// A shell on the issuer's machine.
    Shell,
}

impl Needs {
    /// The scopes of which any one is enough, the least powerful first. Empty if no scope is enough.
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Read => &[READ, ADMIN],
            Self::ReadPeople => &[READ, HELP, ADMIN],
            Self::HelpDesk => &[HELP, ADMIN],
            Self::Administrator => &[ADMIN],
            Self::Shell => &[],
        }
    }
}

/// Makes the enum of the operations. `dangerous` marks those for which a user must have signed in recently.
macro_rules! operations {
    ($($name:ident = $needs:ident $($danger:ident)?;)+) => {
        /// One thing that an administrator can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are those of the functions")]
        pub enum Operation {
            $($name,)+
        }

        impl Operation {
            /// All operations, in the order of the list below.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Returns the right that the operation needs.
            pub fn needs(self) -> Needs {
                match self {
                    $(Self::$name => Needs::$needs,)+
                }
            }

            /// Returns whether a user must have signed in recently. Some other operations demand it too when they grant a scope of
            /// administration, or for those of their inputs that give somebody more than before.
            pub fn is_dangerous(self) -> bool {
                match self {
                    $(Self::$name => operations!(@danger $($danger)?),)+
                }
            }
        }
    };
    (@danger dangerous) => { true };
    (@danger) => { false };
}

operations! {
    UserList = ReadPeople;
    UserShow = ReadPeople;
    UserAdd = Administrator dangerous;
    UserSetPassword = Administrator dangerous;
    UserDisable = Administrator;
    UserEnable = Administrator;
    UserSetClaims = Administrator;
    UserEdit = HelpDesk;
    UserEditEverything = Administrator;
    UserDelete = HelpDesk dangerous;
    UserUnlock = HelpDesk;
    UserLink = HelpDesk dangerous;
    UserChangeRoles = HelpDesk;
    UserImport = Shell;
    UserExport = Shell;
    AttributeList = ReadPeople;
    AttributeShow = ReadPeople;
    AttributeAdd = Administrator;
    AttributeEdit = Administrator;
    AttributeRemove = Administrator dangerous;
    GroupList = ReadPeople;
    GroupShow = ReadPeople;
    GroupAdd = Administrator;
    GroupEdit = Administrator;
    GroupRemove = Administrator dangerous;
    GroupChangeMembers = HelpDesk;
    RoleList = ReadPeople;
    RoleShow = ReadPeople;
    RoleAdd = Administrator;
    RoleEdit = Administrator;
    RoleChangeScopes = Administrator;
    RoleRemove = Administrator dangerous;
    NameRelease = Shell;
    ClientList = Read;
    ClientShow = Read;
    ClientTry = Read;
    ClientReview = Read;
    ClientAdd = Administrator dangerous;
    ClientEdit = Administrator;
    ClientSetEnabled = Administrator;
    ClientRotateSecret = Administrator dangerous;
    ClientRemove = Administrator dangerous;
    ClientClaimList = Read;
    ClientClaimShow = Read;
    ClientClaimPut = Administrator dangerous;
    ClientClaimRemove = Administrator dangerous;
    StreamSetPaused = Administrator;
    StreamRemove = Administrator;
    RegistrationTokenIssue = Administrator dangerous;
    RegistrationTokenSpend = Shell;
    ResourceList = Read;
    ResourceShow = Read;
    ResourceAdd = Administrator;
    ResourceAddBuiltIn = Shell;
    ResourceEdit = Administrator;
    ResourceRemove = Administrator dangerous;
    KeyList = Read;
    KeyPublish = Administrator dangerous;
    KeyRevoke = Administrator dangerous;
    ClientListOfUser = ReadPeople;
    SessionList = Read;
    SessionListOfUser = ReadPeople;
    SessionEnd = HelpDesk;
    SessionEndAll = HelpDesk;
    AuthorizationList = Read;
    AuthorizationListOfUser = ReadPeople;
    AuthorizationEnd = HelpDesk;
    AuthorizationEndOfUser = HelpDesk;
    AuthorizationEndAll = Administrator;
    ConsentListOfUser = ReadPeople;
    ConsentWithdraw = HelpDesk;
    AuditList = Read;
    AuditListOfUser = ReadPeople;
    AuditShow = Read;
    ActivityShow = Read;
    CheckList = Read;
    StaleList = Read;
    RefusalList = Read;
}

impl Operation {
    /// Returns whether clients that register themselves, or manage their own registration, call the operation.
    fn is_registration(self) -> bool {
        matches!(self, Self::ClientAdd | Self::ClientRemove | Self::RegistrationTokenSpend)
    }
}

/// Refuses `operation` unless `actor` may call it. The operation compares actor and target itself.
pub fn require(actor: &Actor, operation: Operation, now: UnixSeconds) -> Result<(), Refused> {
    if actor.face == Face::Registration {
        return if operation.is_registration() { Ok(()) } else { Err(Refused::Forbidden) };
    }
    let needs = operation.needs();
    let is_local = matches!(actor.who, Who::Operator | Who::Issuer);
    if !is_local && !needs.scopes().iter().any(|scope| actor.scopes.contains(scope)) {
        return Err(Refused::Insufficient(needs));
    }
    if operation.is_dangerous() { require_recent(actor, now) } else { Ok(()) }
}

/// Refuses a user who signed in more than [`RECENT`] seconds ago. Clients do not sign in, so this does not concern them.
fn require_recent(actor: &Actor, now: UnixSeconds) -> Result<(), Refused> {
    match actor.who {
        Who::User(_) if actor.authenticated_at.is_none_or(|at| now - at > RECENT) => Err(Refused::StaleAuthentication),
        _ => Ok(()),
    }
}

/// The permission to call reading operations: the issuer, and the actor who reads.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    app: &'a App,
    actor: &'a Actor,
}

impl<'a> Reading<'a> {
    /// Makes a reading of `app` by `actor`.
    pub fn new(app: &'a App, actor: &'a Actor) -> Self {
        Self { app, actor }
    }

    /// Returns the issuer to `operation` if the actor may call it.
    pub(super) fn permit(&self, operation: Operation) -> Result<&'a App, Refused> {
        require(self.actor, operation, self.app.now())?;
        Ok(self.app)
    }

    /// Returns whether the actor may do everything, so that no target is out of bounds.
    pub fn is_by_administrator(&self) -> bool {
        may_do_everything(self.actor)
    }
}

/// Returns those of `users` on whom the actor may not act, because the actor is of the help desk and they hold a scope of administration.
pub async fn out_of_bounds(reading: &Reading<'_>, users: &[Uuid]) -> Result<BTreeSet<Uuid>, Refused> {
    let app = reading.permit(Operation::UserShow)?;
    if reading.is_by_administrator() { Ok(BTreeSet::new()) } else { Ok(roles::administrators_among(app.store.reader(), users).await?) }
}

/// Fails as each change of the user `id` would if the actor may not act on that user.
pub async fn require_over(reading: &Reading<'_>, id: Uuid) -> Result<(), Refused> {
    reading.permit(Operation::UserShow)?;
    if out_of_bounds(reading, &[id]).await?.is_empty() { Ok(()) } else { Err(protected_user()) }
}

/// Returns whether `actor` may do everything, so that no target is out of bounds.
fn may_do_everything(actor: &Actor) -> bool {
    matches!(actor.who, Who::Operator | Who::Issuer) || actor.scopes.contains(ADMIN)
}

/// The refusal to let the help desk act on an administrator.
fn protected_user() -> Refused {
    Refused::Protected("only an administrator may act on a user who holds a scope of administration".to_owned())
}

impl Change<'_> {
    /// Refuses `operation` unless the actor may call it.
    pub(super) fn require(&self, operation: Operation) -> Result<(), Refused> {
        require(self.actor, operation, self.now)
    }

    /// Returns whether the actor may do everything, so that no target is out of bounds.
    pub(super) fn is_by_administrator(&self) -> bool {
        may_do_everything(self.actor)
    }

    /// Refuses to act on `users` if the actor is of the help desk and one of them holds a scope of administration, directly or through a
    /// group. Otherwise the help desk could take over an administrator's account.
    pub(super) async fn require_over(&self, users: &[Uuid]) -> Result<(), Refused> {
        if !self.is_by_administrator() && roles::hold_administration(&self.transaction, users).await? {
            return Err(protected_user());
        }
        Ok(())
    }

    /// Refuses a change of who has `roles` if the actor is of the help desk and one of them is not delegated.
    pub(super) async fn require_delegated_roles(&self, names: impl Iterator<Item = &String>) -> Result<(), Refused> {
        if self.is_by_administrator() {
            return Ok(());
        }
        for name in names {
            if !roles::row(&self.transaction, name).await?.is_some_and(|row| row.delegated) {
                return Err(Refused::Protected(format!("the role {name} is not delegated to the help desk; an administrator may do this")));
            }
        }
        Ok(())
    }

    /// Refuses to let `users` hold a scope of administration unless the actor may grant one. An operation that gives roles or memberships
    /// calls this after it has written, with those users who held no such scope before.
    pub(super) async fn require_grant_to(&self, users: &[Uuid]) -> Result<(), Refused> {
        if roles::hold_administration(&self.transaction, users).await? { self.require_grant() } else { Ok(()) }
    }

    /// Refuses to grant the roles `names` if one of them holds a scope of administration and the actor may not grant that.
    pub(super) async fn require_grant_of_roles(&self, names: &[String]) -> Result<(), Refused> {
        let scopes = roles::scopes_of(&self.transaction, names.iter().map(String::as_str)).await?;
        self.require_grant_of(scopes.values().flatten())
    }

    /// Refuses to grant `scopes` if one of them is of administration and the actor may not grant that.
    pub(super) fn require_grant_of<'s>(&self, mut scopes: impl Iterator<Item = &'s String>) -> Result<(), Refused> {
        if scopes.any(|scope| is_administration(scope)) { self.require_grant() } else { Ok(()) }
    }

    /// Refuses to let a service client change a client that may ask for one of `scopes`, if one of them is of administration. Whoever
    /// receives the codes of such a client, or its secret, gets the tokens of administrators, which a service client never grants.
    pub(super) fn require_over_client<'s>(&self, mut scopes: impl Iterator<Item = &'s str>) -> Result<(), Refused> {
        if matches!(self.actor.who, Who::Client(_)) && scopes.any(is_administration) {
            return Err(Refused::Protected(
                "a client must not change a client that may ask for scopes of administration; a user who is an administrator may"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// Refuses service clients, and users who have not signed in recently.
    fn require_grant(&self) -> Result<(), Refused> {
        if matches!(self.actor.who, Who::Client(_)) {
            return Err(Refused::Protected(
                "a client must not grant scopes of administration; a user who is an administrator may".to_owned(),
            ));
        }
        self.require_recent()
    }

    /// Refuses a user who signed in too long ago. An operation that is dangerous only for some inputs calls this for those. One that adds
    /// something is dangerous for what an edit could give to somebody.
    pub(super) fn require_recent(&self) -> Result<(), Refused> {
        require_recent(self.actor, self.now)
    }
}
