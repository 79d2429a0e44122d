//! The matrix actor × target × operation: who may call which operation, and on whom.

use signet_issuer::admin::attributes::{self, AttributeDraft, AttributePatch};
use signet_issuer::admin::audit::{self, AuditQuery};
use signet_issuer::admin::authorizations::{self, AuthorizationFilter};
use signet_issuer::admin::clients::{self, ClientFilter, OldSecret};
use signet_issuer::admin::edit_client::{self, ClientEdit};
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::groups::{self, GroupDraft, GroupFilter, GroupPatch};
use signet_issuer::admin::names::{self, Kind};
use signet_issuer::admin::new_client::{ClientDraft, NewClient, Rules};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::registration_tokens::{self, NewRegistrationToken};
use signet_issuer::admin::resources::{self, NewResource, ResourceDraft};
use signet_issuer::admin::roles::{self, NewRole, RolePatch};
use signet_issuer::admin::transfer::{Batch, Import, ImportOptions, Line, export};
use signet_issuer::admin::trial::{self, TrialRequest};
use signet_issuer::admin::users::{self, NewUser, PasswordHash, UserDraft, UserFilter, UserPatch};
use signet_issuer::admin::{
    Change, Operation, RECENT, Reading, Refused, activity, applications, checks, client_claims, client_streams, consents, keys, review,
    sessions, stale,
};
use signet_issuer::audit::{Actor, Face, Who};
use signet_issuer::fetch::budget::Asker;
use signet_issuer::oauth::secret;
use uuid::Uuid;

use crate::support::{ORDERS, TestApp};

/// A stream of the client `web`.
const STREAM: &str = "a-stream";

/// An initial access token that every test of this file can spend.
const TOKEN: &str = "an-initial-access-token";

/// A user on whom the operations act, with a session and an authorization.
#[derive(Clone)]
struct Target {
    username: String,
    id: Uuid,
    sid: String,
    authorization: Uuid,
}

/// The actors whom an operation lets pass: `r` a holder of `admin:read`, `h` the help desk (`admin:users`) unless the target is an
/// administrator, `H` the help desk always, `a` an administrator, `d` an administrator only after a recent sign-in, `-` nobody but an
/// operator with a shell.
#[expect(clippy::match_same_arms, reason = "one line for each kind of thing")]
fn row(operation: Operation) -> &'static str {
    use Operation as O;
    match operation {
        O::UserList | O::UserShow | O::GroupList | O::GroupShow | O::RoleList | O::RoleShow => "rHa",
        O::SessionListOfUser | O::AuthorizationListOfUser | O::AuditListOfUser | O::ConsentListOfUser => "rHa",
        O::ClientList
        | O::ClientShow
        | O::ClientTry
        | O::ClientReview
        | O::ClientClaimList
        | O::ClientClaimShow
        | O::ResourceList
        | O::ResourceShow
        | O::KeyList => "ra",
        O::SessionList
        | O::AuthorizationList
        | O::AuditList
        | O::AuditShow
        | O::ActivityShow
        | O::RefusalList
        | O::CheckList
        | O::StaleList => "ra",
        O::AttributeList | O::AttributeShow => "rHa",
        O::UserChangeRoles | O::GroupChangeMembers | O::UserEdit | O::UserUnlock => "ha",
        O::ClientListOfUser => "rHa",
        O::UserDelete | O::UserLink => "hd",
        O::SessionEnd | O::SessionEndAll | O::AuthorizationEnd | O::AuthorizationEndOfUser | O::ConsentWithdraw => "ha",
        O::UserDisable | O::UserEnable | O::UserSetClaims | O::UserEditEverything => "a",
        O::AttributeAdd | O::AttributeEdit | O::GroupAdd | O::GroupEdit | O::RoleAdd | O::RoleEdit | O::RoleChangeScopes => "a",
        O::StreamSetPaused | O::StreamRemove => "a",
        O::ClientEdit | O::ClientSetEnabled | O::ResourceAdd | O::ResourceEdit | O::AuthorizationEndAll => "a",
        O::UserSetPassword | O::AttributeRemove | O::GroupRemove | O::RoleRemove | O::ClientRotateSecret | O::ClientRemove => "d",
        O::ClientAdd | O::UserAdd => "d",
        O::ClientClaimPut | O::ClientClaimRemove | O::RegistrationTokenIssue | O::ResourceRemove | O::KeyPublish | O::KeyRevoke => "d",
        O::NameRelease | O::RegistrationTokenSpend | O::ResourceAddBuiltIn | O::UserImport | O::UserExport => "-",
    }
}

/// Calls `operation` for `actor` on `target`, and takes back what it changed.
#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
async fn call(app: &TestApp, actor: &Actor, operation: Operation, target: &Target) -> Result<(), Refused> {
    use Operation as O;
    let reading = &Reading::new(&app.app, actor);
    let mut change = Change::within(&app.app, actor, app.app.store.begin().await.unwrap());
    let (change, window) = (&mut change, &app.window());
    let (user, of_user) = (target.id, AuthorizationFilter { user: Some(target.id), client: None });
    let of_client = AuthorizationFilter { user: None, client: Some("web".into()) };
    let one = |name: &str| vec![name.to_owned()];
    match operation {
        O::UserList => users::list(reading, &UserFilter::default(), window).await.map(drop),
        O::UserShow => users::show(reading, &target.username).await.map(drop),
        O::UserAdd => users::add(change, new_user("fresh", &[]), password()).await.map(drop),
        O::UserSetPassword => users::set_password(change, user, password()).await.map(drop),
        O::UserDisable => users::disable(change, user).await.map(drop),
        O::UserEnable => users::enable(change, user).await.map(drop),
        O::UserSetClaims => users::set_claims(change, user, &[("nickname".into(), "Al".into())]).await.map(drop),
        O::UserChangeRoles => users::change_roles(change, user, &one("delegated"), &[]).await.map(drop),
        O::UserImport => {
            let begun = Import::begin(reading, ImportOptions::default()).await;
            let import = Import::begin(&app.reading(), ImportOptions::default()).await?;
            let lines = [Line { number: 1, text: br#"{"username":"fresh"}"#.to_vec() }];
            let batch = Batch::read(&app.reading(), lines.to_vec()).await?;
            let prepared = import.prepare(&app.reading(), batch).await?;
            let written = import.write(change, prepared).await;
            assert_eq!(begun.is_ok(), written.is_ok());
            written.map(drop)
        }
        O::UserExport => export::begin(change, true).await.map(drop),
        O::UserEdit => {
            let patch = UserPatch { email: Patch::Set("new@example.com".into()), name: Patch::Set("New".into()), ..UserPatch::default() };
            users::edit(change, user, patch, None).await.map(drop)
        }
        O::UserEditEverything => {
            let patch = UserPatch { email_verified: Patch::Set(false), ..UserPatch::default() };
            users::edit(change, user, patch, None).await.map(drop)
        }
        O::UserDelete => users::delete(change, user, None).await.map(drop),
        O::UserLink => users::make_link(change, user).await.map(drop),
        O::UserUnlock => users::unlock(change, user).await.map(drop),
        O::AttributeList => attributes::list(reading, window).await.map(drop),
        O::AttributeShow => attributes::show(reading, "team").await.map(drop),
        O::AttributeAdd => attributes::add(change, attribute("desk")).await.map(drop),
        O::AttributeEdit => {
            let patch = AttributePatch { display_name: Some("Team".into()).into(), ..AttributePatch::default() };
            attributes::edit(change, "team", patch, None).await.map(drop)
        }
        O::AttributeRemove => attributes::remove(change, "team", None).await.map(drop),
        O::GroupList => groups::list(reading, &GroupFilter::default(), window).await.map(drop),
        O::GroupShow => groups::members(reading, "staff", window).await.map(drop),
        O::GroupAdd => groups::add(change, GroupDraft { name: "fresh".into(), ..GroupDraft::default() }).await.map(drop),
        O::GroupEdit => groups::edit(change, "staff", GroupPatch { is_default: Some(true), ..GroupPatch::default() }).await.map(drop),
        O::GroupRemove => groups::remove(change, "staff").await.map(drop),
        O::GroupChangeMembers => groups::change_members(change, "staff", &one(&target.username), &[]).await.map(drop),
        O::RoleList => roles::list(reading, window).await.map(drop),
        O::RoleShow => roles::show(reading, "clerk").await.map(drop),
        O::RoleAdd => roles::add(change, NewRole::check("fresh", &one("orders:read"))?).await.map(drop),
        O::RoleEdit => {
            roles::edit(change, "clerk", RolePatch { display_name: Some(Some("Clerk".into())), delegated: None }).await.map(drop)
        }
        O::RoleChangeScopes => roles::change_scopes(change, "clerk", &[], &one("orders:write")).await.map(drop),
        O::RoleRemove => roles::remove(change, "clerk").await.map(drop),
        O::NameRelease => names::release(change, Kind::Group, "gone").await,
        O::ClientList => clients::list(reading, &ClientFilter::default(), window).await.map(drop),
        O::ClientShow => clients::show(reading, "web").await.map(drop),
        O::ClientTry => {
            let (client_id, username) = ("web".to_owned(), target.username.clone());
            let request = TrialRequest { client_id, username, scope: Some("openid".into()), resource: None };
            trial::run(reading, &request).await.map(drop)
        }
        O::ClientReview => review::list(reading, "web", window).await.map(drop),
        O::ClientAdd => clients::add(change, new_client(&["orders:read"]), None, None).await.map(drop),
        O::ClientEdit => {
            let patch = serde_json::from_value(serde_json::json!({ "client_name": "Another name" })).unwrap();
            let edit = ClientEdit::prepare(&app.app, patch, Asker::Operator).await.unwrap();
            edit_client::edit(change, "web", edit, None).await.map(drop)
        }
        O::ClientSetEnabled => clients::set_enabled(change, "web", false).await.map(drop),
        O::StreamSetPaused => client_streams::set_paused(change, "web", STREAM, true).await.map(drop),
        O::StreamRemove => client_streams::remove(change, "web", STREAM).await.map(drop),
        O::ClientRotateSecret => clients::rotate_secret(change, "web", OldSecret::UntilNextRotation).await.map(drop),
        O::ClientRemove => clients::remove(change, "web").await.map(drop),
        O::ClientClaimList => client_claims::list(reading, "web").await.map(drop),
        O::ClientClaimShow => client_claims::show(reading, "web", "size").await.map(drop),
        O::ClientClaimPut => client_claims::put(change, "web", claim("color")).await.map(drop),
        O::ClientClaimRemove => client_claims::remove(change, "web", "size").await.map(drop),
        O::RegistrationTokenIssue => registration_tokens::issue(change, NewRegistrationToken::check(1, 60)?).await.map(drop),
        O::RegistrationTokenSpend => registration_tokens::spend(change, TOKEN).await,
        O::ResourceList => resources::list(reading, window).await.map(drop),
        O::ResourceShow => resources::show(reading, ORDERS).await.map(drop),
        O::ResourceAdd => resources::add(change, new_resource()).await.map(drop),
        O::ResourceAddBuiltIn => resources::add_built_in(change, "third", "Third", &[]).await.map(drop),
        O::ResourceEdit => {
            edit_resource::edit(change, ORDERS, ResourcePatch { name: Some("Another name".to_owned()), ..ResourcePatch::default() })
                .await
                .map(drop)
        }
        O::ResourceRemove => resources::remove(change, ORDERS).await.map(drop),
        O::KeyList => keys::list(reading).await.map(drop),
        O::KeyPublish => keys::publish(change, app.app.rotation().generate().unwrap()).await.map(drop),
        O::KeyRevoke => {
            let active = app.app.ring().await?.signer(app.clock_now()).unwrap().kid.clone();
            keys::revoke(change, &active, app.app.rotation().generate().unwrap()).await.map(drop)
        }
        O::ClientListOfUser => applications::of_user(reading, user).await.map(drop),
        O::SessionList => sessions::list(reading, None, window).await.map(drop),
        O::SessionListOfUser => sessions::list(reading, Some(user), window).await.map(drop),
        O::SessionEnd => sessions::end(change, &target.sid).await,
        O::SessionEndAll => sessions::end_all(change, user).await.map(drop),
        O::AuthorizationList => authorizations::list(reading, &of_client, window).await.map(drop),
        O::AuthorizationListOfUser => authorizations::list(reading, &of_user, window).await.map(drop),
        O::AuthorizationEnd => authorizations::end(change, target.authorization).await,
        O::AuthorizationEndOfUser => authorizations::end_all(change, &of_user).await.map(drop),
        O::AuthorizationEndAll => authorizations::end_all(change, &of_client).await.map(drop),
        O::ConsentListOfUser => consents::of_user(reading, user).await.map(drop),
        O::ConsentWithdraw => match consents::withdraw(change, user, "web").await {
            // The operation passed the checks of the actor; the target gave no consent.
            Err(Refused::NotFound { noun: "consent", .. }) => Ok(()),
            other => other,
        },
        O::AuditList => audit::list(reading, &AuditQuery::default().check(reading).await?, window).await.map(drop),
        O::AuditListOfUser => {
            let of_user = AuditQuery { user: Some(target.username.clone()), ..AuditQuery::default() };
            audit::list(reading, &of_user.check(reading).await?, window).await.map(drop)
        }
        O::AuditShow => audit::show(reading, 1).await.map(drop),
        O::ActivityShow => activity::hours(reading, None, 1).await.map(drop),
        O::CheckList => checks::list(reading).await.map(drop),
        O::StaleList => stale::stale(reading).await.map(drop),
        O::RefusalList => audit::refusals(reading, "web").await.map(drop),
    }
}

fn password() -> PasswordHash {
    PasswordHash::imported(&"$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$3AuC/W4y1c5pJ1sM1jCUAHYHLkrf4GhDXP9RQrmYGCQ".into()).unwrap()
}

fn new_user(username: &str, roles: &[&str]) -> NewUser {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    NewUser::check(UserDraft { username: username.to_owned(), roles, ..UserDraft::default() }).unwrap()
}

fn new_client(scopes: &[&str]) -> NewClient {
    let draft = ClientDraft {
        client_id: Some("fresh".into()),
        client_name: "New".into(),
        grant_types: vec!["client_credentials".into()],
        default_resource: Some(ORDERS.into()),
        scope: Some(scopes.iter().map(|scope| (*scope).to_owned()).collect()),
        ..ClientDraft::default()
    };
    NewClient::check(draft, Rules { self_registered: false, private_addresses: true, needs_group: true }).unwrap()
}

fn new_resource() -> NewResource {
    let draft = ResourceDraft { identifier: "https://new.example".into(), name: "New".into(), ..ResourceDraft::default() };
    NewResource::check(draft).unwrap()
}

fn attribute(name: &str) -> AttributeDraft {
    serde_json::from_value(serde_json::json!({ "name": name, "type": "string" })).unwrap()
}

fn claim(name: &str) -> signet_issuer::oauth::client_claim::ClientClaim {
    let claim = serde_json::json!({
        "claim": name, "source": "fixed", "value": "blue", "shape": "first", "in_id_token": true, "in_userinfo": true,
    });
    serde_json::from_value(claim).unwrap()
}

/// Returns an issuer with a group and a role that are delegated to the help desk, and everything else that the operations act on.
async fn prepared() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    app.operate(|change| {
        Box::pin(async move {
            for (role, scope) in [("delegated", "orders:read"), ("help", "admin:users"), ("reader", "admin:read")] {
                roles::add(change, NewRole::check(role, &[scope.to_owned()])?).await?;
            }
            roles::edit(change, "delegated", RolePatch { delegated: Some(true), ..RolePatch::default() }).await?;
            groups::add(change, GroupDraft { name: "staff".into(), delegated: true, ..GroupDraft::default() }).await?;
            groups::add(change, GroupDraft { name: "board".into(), roles: vec!["admin".into()], ..GroupDraft::default() }).await?;
            groups::add(change, GroupDraft { name: "gone".into(), ..GroupDraft::default() }).await?;
            groups::remove(change, "gone").await?;
            attributes::add(change, attribute("team")).await?;
            client_claims::put(change, "web", claim("size")).await
        })
    })
    .await
    .unwrap();
    app.add_stream("web", STREAM).await;
    let store = app.app.store.writer();
    signet_issuer::store::registration_tokens::insert(store, &secret::key(TOKEN), 100, app.clock_now() + 3600).await.unwrap();
    app
}

/// Adds a user with `role` and in `group`, who is signed in and gave an authorization.
async fn target(app: &TestApp, username: &str, role: &str, group: Option<&str>) -> Target {
    let id = app.add_user(username, &[role]).await;
    if let Some(group) = group {
        let names = [username.to_owned()];
        app.operate(|change| Box::pin(groups::change_members(change, group, &names, &[]))).await.unwrap();
    }
    app.signed_in(username).await;
    app.sign_in(username, "openid").await;
    let of_user = AuthorizationFilter { user: Some(id), client: None };
    let sid = sessions::list(&app.reading(), Some(id), &app.window()).await.unwrap().items.remove(0).sid;
    let authorization = authorizations::list(&app.reading(), &of_user, &app.window()).await.unwrap().items.remove(0).id;
    Target { username: username.to_owned(), id, sid, authorization }
}

/// Returns an actor of `who` with `scopes` who signed in `age` seconds ago.
fn actor(app: &TestApp, who: Who, scopes: &[&str], age: i64) -> Actor {
    let actor = Actor { face: Face::Api, ..Actor::local(who, Face::Api) };
    actor.with_scopes(scopes.iter().copied().collect(), Some(app.clock_now() - age))
}

fn user(app: &TestApp, scopes: &[&str]) -> Actor {
    actor(app, Who::User(Uuid::nil()), scopes, RECENT)
}

/// Names the outcome: `ok`, `scope` if the actor lacks the scope, `target` if the actor may not act on this target, or `stale`.
fn outcome(result: Result<(), Refused>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Refused::Insufficient(_) | Refused::Forbidden) => "scope",
        Err(Refused::Protected(_)) => "target",
        Err(Refused::StaleAuthentication) => "stale",
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_lets_only_those_pass_whom_its_row_names() {
    let app = prepared().await;
    let plain = target(&app, "plain", "clerk", None).await;
    let targets = [
        (plain.clone(), false),
        (target(&app, "direct", "admin", None).await, true),
        (target(&app, "member", "clerk", Some("board")).await, true),
        (target(&app, "helper", "help", None).await, true),
        (target(&app, "reader", "reader", None).await, true),
    ];
    for operation in Operation::ALL {
        let row = row(*operation);
        let may = |letters: &str| row.contains(|letter| letters.contains(letter));
        let scope = |letters: &str| if may(letters) { "ok" } else { "scope" };
        let stale = if may("d") { "stale" } else { scope("a") };
        let mut expected = vec![
            (actor(&app, Who::Operator, &[], 0), &plain, "ok"),
            (user(&app, &[]), &plain, "scope"),
            (user(&app, &["orders:read"]), &plain, "scope"),
            (user(&app, &["admin:read"]), &plain, scope("r")),
            (user(&app, &["admin:read", "admin:users"]), &plain, scope("rhH")),
            (user(&app, &["admin"]), &plain, scope("ad")),
            (actor(&app, Who::User(plain.id), &["admin"], RECENT + 1), &plain, stale),
            (user(&app, &["admin"]).with_scopes(["admin"].into_iter().collect(), None), &plain, stale),
            (actor(&app, Who::Client("service".into()), &["admin"], 1_000_000), &plain, scope("ad")),
        ];
        for (target, administers) in &targets {
            let help = if may("h") && *administers { "target" } else { scope("hH") };
            expected.push((user(&app, &["admin:users"]), target, help));
            expected.push((user(&app, &["admin"]), target, scope("ad")));
        }
        for (actor, target, expected) in expected {
            let found = outcome(call(&app, &actor, *operation, target).await);
            assert_eq!(found, expected, "{operation:?} by {:?} with {} on {}", actor.who, actor.scopes, target.username);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_registers_itself_only_registers() {
    let app = prepared().await;
    let plain = target(&app, "plain", "clerk", None).await;
    for operation in Operation::ALL {
        for who in [Who::Registration, Who::Client("other".into())] {
            let actor = Actor::local(who, Face::Registration);
            let expected = if *operation == Operation::RegistrationTokenSpend { "ok" } else { "scope" };
            assert_eq!(outcome(call(&app, &actor, *operation, &plain).await), expected, "{operation:?}");
        }
    }
    let own = Actor::local(Who::Client("web".into()), Face::Registration);
    assert_eq!(outcome(call(&app, &own, Operation::ClientRemove, &plain).await), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_changes_only_what_is_delegated() {
    let app = prepared().await;
    let plain = target(&app, "plain", "clerk", None).await;
    let help = user(&app, &["admin:users"]);
    let one = |name: &str| [name.to_owned()];
    for (add, remove) in [("clerk", "delegated"), ("delegated", "clerk"), ("admin", "delegated")] {
        let mut change = Change::within(&app.app, &help, app.app.store.begin().await.unwrap());
        let refused = users::change_roles(&mut change, plain.id, &one(add), &one(remove)).await.map(drop);
        assert_eq!(outcome(refused), "target", "{add} {remove}");
    }
    let mut change = Change::within(&app.app, &help, app.app.store.begin().await.unwrap());
    let refused = groups::change_members(&mut change, "board", &one("plain"), &[]).await.map(drop);
    assert_eq!(outcome(refused), "target");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_desk_edits_only_the_address_and_the_full_name() {
    let app = prepared().await;
    let plain = target(&app, "plain", "clerk", None).await;
    let help = user(&app, &["admin:users"]);
    for (patch, expected) in [
        (serde_json::json!({ "email": "new@example.com", "name": null }), "ok"),
        (serde_json::json!({ "email": "new@example.com", "email_verified": true }), "scope"),
        (serde_json::json!({ "username": "other" }), "scope"),
        (serde_json::json!({ "external_id": "e-1" }), "scope"),
        (serde_json::json!({ "claims": { "name": "Other" } }), "scope"),
        (serde_json::json!({ "attributes": { "team": "board" } }), "scope"),
    ] {
        let mut change = Change::within(&app.app, &help, app.app.store.begin().await.unwrap());
        let edited = users::edit(&mut change, plain.id, serde_json::from_value(patch.clone()).unwrap(), None).await;
        assert_eq!(outcome(edited.map(drop)), expected, "{patch}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_who_signed_in_recently_grant_scopes_of_administration() {
    let app = prepared().await;
    let plain = target(&app, "plain", "clerk", None).await;
    let chief = target(&app, "chief", "admin", None).await;
    app.operate(|change| Box::pin(roles::add(change, NewRole::check("empty", &[]).unwrap()))).await.unwrap();
    let one = |name: &str| vec![name.to_owned()];
    let actors = [
        (user(&app, &["admin"]), "ok"),
        (actor(&app, Who::User(plain.id), &["admin"], RECENT + 1), "stale"),
        (actor(&app, Who::Client("service".into()), &["admin", "admin:read", "admin:users"], 0), "target"),
        (Actor::local(Who::Operator, Face::CommandLine), "ok"),
    ];
    for (actor, expected) in actors {
        for way in 0..11 {
            let mut change = Change::within(&app.app, &actor, app.app.store.begin().await.unwrap());
            let change = &mut change;
            let granted = match way {
                0 => users::change_roles(change, plain.id, &one("admin"), &[]).await.map(drop),
                1 => users::change_roles(change, plain.id, &one("reader"), &[]).await.map(drop),
                2 => users::add(change, new_user("fresh", &["help"]), password()).await.map(drop),
                3 => groups::change_members(change, "board", &one("plain"), &[]).await.map(drop),
                4 => {
                    let patch = GroupPatch { roles: Some(one("help")), ..GroupPatch::default() };
                    // The group is delegated, which has to end first.
                    let open = GroupPatch { delegated: Some(false), ..GroupPatch::default() };
                    groups::edit(change, "staff", open).await.unwrap();
                    groups::edit(change, "staff", patch).await.map(drop)
                }
                5 => {
                    let draft = GroupDraft { name: "fresh".into(), roles: one("reader"), ..GroupDraft::default() };
                    groups::add(change, draft).await.map(drop)
                }
                6 => roles::add(change, NewRole::check("fresh", &one("admin:users")).unwrap()).await.map(drop),
                7 => roles::change_scopes(change, "empty", &one("admin:read"), &[]).await.map(drop),
                8 => clients::add(change, new_client(&["admin:read"]), None, None).await.map(drop),
                // Whoever has the password of an administrator, or a link to set it, can act as one.
                9 => users::set_password(change, chief.id, password()).await.map(drop),
                _ => users::make_link(change, chief.id).await.map(drop),
            };
            assert_eq!(outcome(granted), expected, "way {way} by {:?}", actor.who);
        }
    }
}

/// The functions of admin/ that are no operations of an actor, with the reason.
const NO_OPERATIONS: [(&str, &str, &str); 17] = [
    ("mod", "change_expecting", "begins a change, whose operations check the actor"),
    ("mod", "change", "begins a change, whose operations check the actor"),
    ("preview", "run", "runs the operations of a change, which check the actor"),
    ("checks/mod", "run", "the checks of signet doctor, which runs without an open issuer"),
    ("checks/mod", "at_start", "the checks of a server that starts"),
    ("checks/mod", "clash_of_names", "a check of a server that starts"),
    ("users/password", "check", "checks before the change"),
    ("users/password", "hash", "hashes before the change"),
    ("users/password", "chosen", "hashes before the change"),
    ("users/password", "generated", "hashes before the change"),
    ("clients", "show_own", "the registration_access_token of the client permits it"),
    ("edit_client", "prepare", "fetches before the change"),
    ("clients", "remove_unused", "a job of the issuer, which removes each client by the operation"),
    ("clients", "fetch_logo", "fetches before the change"),
    ("clients", "check_sector", "fetches before the change"),
    ("transfer/turns", "take", "runs the work of an import, whose operation checks the actor"),
    ("registration_tokens", "is_good", "the token itself is what permits the registration"),
];

#[test]
fn every_public_function_of_admin_names_its_operation_first() {
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/admin"))];
    let mut checked = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let code = std::fs::read_to_string(&path).unwrap();
            for function in code.split("pub async fn ").skip(1) {
                let name = function.split(['(', '<']).next().unwrap();
                let first = function.split_once("{\n").unwrap().1.lines().next().unwrap().trim();
                let names_it = first.starts_with("change.require(") || first.contains("reading.permit(");
                let file = path.with_extension("");
                let exempt = NO_OPERATIONS.iter().any(|(known, own, _)| file.ends_with(known) && *own == name);
                assert!(names_it || exempt, "{}: {name} begins with {first}", path.display());
                checked += usize::from(names_it);
            }
        }
    }
    assert!(checked > 40, "{checked}");
}
