//! The feed tells of whatever ends or narrows access, of nothing else, and of nothing late.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use signet_issuer::admin::authorizations::{self, AuthorizationFilter};
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::edit_resource::{self, ResourcePatch, ScopesPatch};
use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::resources;
use signet_issuer::admin::users::{PasswordHash, set_password};
use signet_issuer::admin::{clients, keys, roles, sessions, users};
use signet_issuer::audit::{Action, Kind};
use signet_issuer::jobs;
use signet_issuer::oauth::access::Access;
use signet_issuer::revocation_feed::hash;
use signet_verifier::revocation_lifetime;
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{Answer, Browser, ORDERS, SECRET, TestApp, claims};

/// The claim by which the feed refuses a token, as the feed writes it.
fn handle(token: &str) -> String {
    hash(claims(token)["grant_id"].as_str().unwrap())
}

/// Asks for everything that is revoked. The node reads the database first, so that nothing is late.
async fn everything(app: &TestApp) -> Answer {
    app.app.read_revocations().await.unwrap();
    let answer = app.get("/revocations").send().await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

fn listed(answer: &Answer, member: &str) -> Vec<String> {
    answer.json[member].as_array().unwrap().iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

async fn is_revoked(app: &TestApp, token: &str) -> bool {
    listed(&everything(app).await, "revoked").contains(&handle(token))
}

/// An issuer with a user, alice, who is signed in to two clients and belongs to a group, and a client that acts for itself.
struct House {
    app: TestApp,
    alice: Uuid,
    browser: Browser,
    /// Given by the code flow; it ends with the session.
    web: Answer,
    /// Given by the password grant, without a session.
    shop: Answer,
    /// The token of the client `worker` for itself.
    worker: String,
    /// The token of another user, whom nothing here concerns.
    bob: String,
}

async fn house() -> House {
    let app = TestApp::new().await.with_orders().await.with_user("bob").await.with_web().await;
    app.operate(|change| Box::pin(roles::add(change, roles::NewRole::check("packer", &["orders:write".to_owned()]).unwrap())))
        .await
        .unwrap();
    app.change_clerk(&[], &["orders:write"]).await;
    app.add_client("service", false, "", &[]).await;
    let alice = app.add_user("alice", &["clerk"]).await;
    let draft = GroupDraft { name: "team".into(), roles: vec!["packer".into()], ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let member = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "team", &member, &[]))).await.unwrap();
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    let browser = app.signed_in("alice").await;
    let web = app.code_flow(&browser, &[("scope", "openid orders:read")]).await;
    let shop = app.sign_in("alice", "openid orders:read orders:write").await;
    let worker = app.client_token("worker", "").await.str("access_token").to_owned();
    let bob = app.sign_in("bob", "openid").await.str("access_token").to_owned();
    House { app, alice, browser, web, shop, worker, bob }
}

/// A way to end or narrow access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    AuthorizationEnded,
    AuthorizationsEnded,
    ClientDisabled,
    ClientLosesGrant,
    ClientLosesScope,
    ClientForGroups,
    ClientRemoved,
    ClientRevokesToken,
    ClientRevokesOwnToken,
    ConsentWithdrawn,
    DeviceEnded,
    GroupLeft,
    GroupLosesRole,
    GroupRemoved,
    KeyRevoked,
    OthersEnded,
    PasswordSet,
    RefreshTokenReused,
    ResourceClosed,
    ResourceLosesScope,
    ResourceRemoved,
    RoleLosesScope,
    RoleRemoved,
    RoleTaken,
    SessionEnded,
    SessionsEnded,
    SignedOut,
    UserDeleted,
    UserDisabled,
}

/// The ways that record `action`. A new action needs a decision here.
fn ways_of(action: Action) -> &'static [Way] {
    use Way::*;
    match action {
        Action::AuthorizationEnded => &[AuthorizationEnded],
        Action::AuthorizationsEnded => &[AuthorizationsEnded],
        Action::ClientChanged => &[ClientLosesGrant, ClientLosesScope, ClientForGroups],
        Action::ClientDisabled => &[ClientDisabled],
        Action::ClientRemoved => &[ClientRemoved],
        Action::GroupChanged => &[GroupLosesRole],
        // Both stand for the same change.
        Action::GroupMembersChanged | Action::UserGroupsChanged => &[GroupLeft],
        Action::GroupRemoved => &[GroupRemoved],
        Action::KeysRevoked => &[KeyRevoked],
        Action::ResourceChanged => &[ResourceClosed, ResourceLosesScope],
        Action::ResourceRemoved => &[ResourceRemoved],
        Action::RoleRemoved => &[RoleRemoved],
        Action::RoleScopesChanged => &[RoleLosesScope],
        Action::SessionEnded => &[SessionEnded],
        Action::UserDeleted => &[UserDeleted],
        Action::UserDisabled => &[UserDisabled],
        Action::UserPasswordSet => &[PasswordSet],
        Action::UserRolesChanged => &[RoleTaken],
        Action::UserSessionsEnded => &[SessionsEnded],
        // An import disables users, sets passwords and takes roles by the functions that these ways call.
        Action::UsersImported => &[UserDisabled, PasswordSet, RoleTaken],
        Action::AttributeAdded
        | Action::AttributeChanged
        | Action::AttributeRemoved
        | Action::ClientAdded
        | Action::ClientClaimsChanged
        | Action::ClientEnabled
        | Action::ClientSecretRotated
        | Action::GroupAdded
        | Action::KeysRotated
        | Action::NameReleased
        | Action::RegistrationTokenIssued
        | Action::ResourceAdded
        | Action::RoleAdded
        | Action::RoleChanged
        | Action::StreamChanged
        | Action::StreamRemoved
        | Action::UserAdded
        | Action::UserChanged
        | Action::UserEnabled
        | Action::UserLinkMade
        | Action::UserUnlocked
        | Action::UsersExported => &[],
    }
}

/// The ways that record an event of this kind, which is no administrator's.
fn ways_of_kind(kind: Kind) -> &'static [Way] {
    use Way::*;
    match kind {
        Kind::AuthorizationEnded => &[ClientRevokesToken, DeviceEnded],
        Kind::OwnTokensRevoked => &[ClientRevokesOwnToken],
        // A code that is replayed ends the authorization by the function that a reused refresh token calls.
        Kind::RefreshTokenReused | Kind::RefreshTokenFromTheFuture | Kind::CodeReplayed => &[RefreshTokenReused],
        Kind::SessionEnded => &[SignedOut],
        // A new password ends what is elsewhere by the function that these two ways call.
        Kind::OthersEnded | Kind::PasswordChanged => &[OthersEnded],
        Kind::PasswordSetByLink => &[PasswordSet],
        Kind::ConsentWithdrawn => &[ConsentWithdrawn],
        Kind::KeyRevoked => &[KeyRevoked],
        Kind::AuthorizationGiven
        | Kind::SignedIn
        | Kind::SignInFailed
        | Kind::AccessRefused
        | Kind::ProfileChanged
        | Kind::ConsentGiven
        | Kind::StreamAdded
        | Kind::StreamChanged
        | Kind::StreamRemoved
        | Kind::StreamPaused
        | Kind::KeyPublished
        | Kind::KeyErased
        | Kind::LogoutNotDelivered => &[],
    }
}

/// Makes the change; returns the access tokens that must be refused.
#[expect(clippy::too_many_lines, reason = "one arm for each way")]
async fn make(way: Way, house: &House) -> Vec<String> {
    let House { app, alice, browser, web, shop, worker, .. } = house;
    let (id, token) = (*alice, |answer: &Answer| answer.str("access_token").to_owned());
    let [clerk, packer, member] = ["clerk".to_owned(), "packer".to_owned(), "alice".to_owned()];
    let of_alice = vec![token(web), token(shop)];
    let row = async |client: &str| {
        let filter = AuthorizationFilter { user: Some(id), client: Some(client.into()) };
        authorizations::list(&app.reading(), &filter, &app.window()).await.unwrap().items[0].id
    };
    match way {
        Way::AuthorizationEnded => {
            let row = row("shop").await;
            app.operate(|change| Box::pin(authorizations::end(change, row))).await.unwrap();
            vec![token(shop)]
        }
        Way::AuthorizationsEnded => {
            let filter = AuthorizationFilter { user: Some(id), client: None };
            app.operate(|change| Box::pin(async move { authorizations::end_all(change, &filter).await })).await.unwrap();
            of_alice
        }
        Way::ClientDisabled => {
            app.disable_client("worker").await;
            app.disable_client("shop").await;
            vec![token(shop), worker.clone()]
        }
        Way::ClientLosesGrant => {
            for client in ["worker", "shop"] {
                let grant_types = Patch::Set(Vec::new());
                app.edit_client(client, ClientPatch { grant_types, ..ClientPatch::default() }).await.unwrap();
            }
            vec![token(shop), worker.clone()]
        }
        Way::ClientLosesScope => {
            for client in ["worker", "shop"] {
                let scope = Patch::Set("openid".to_owned());
                app.edit_client(client, ClientPatch { scope, ..ClientPatch::default() }).await.unwrap();
            }
            vec![token(shop), worker.clone()]
        }
        Way::ClientForGroups => {
            let groups = Patch::Set(vec!["team".to_owned()]);
            let patch = ClientPatch { access: Patch::Set(Access::Groups), groups, ..ClientPatch::default() };
            app.edit_client("shop", patch).await.unwrap();
            vec![token(shop)]
        }
        Way::ClientRemoved => {
            for client in ["worker", "shop"] {
                app.operate(|change| Box::pin(clients::remove(change, client))).await.unwrap();
            }
            vec![token(shop), worker.clone()]
        }
        Way::ClientRevokesToken => {
            let form = [("client_id", "shop"), ("token", shop.str("refresh_token"))];
            assert_eq!(app.post("/revoke").form(&form).send().await.status, 200);
            vec![token(shop)]
        }
        Way::ClientRevokesOwnToken => {
            assert_eq!(app.post("/revoke").basic_auth("worker", SECRET).form(&[("token", worker)]).send().await.status, 200);
            vec![worker.clone()]
        }
        Way::ConsentWithdrawn => {
            signet_issuer::accounts::consents::withdraw(&app.app, &app.operator, id, "web").await.unwrap();
            vec![token(web)]
        }
        Way::DeviceEnded => {
            let row = row("shop").await;
            signet_issuer::accounts::authorizations::end(&app.app, &app.operator, id, row).await.unwrap();
            vec![token(shop)]
        }
        Way::GroupLeft => {
            app.operate(|change| Box::pin(groups::change_members(change, "team", &[], std::slice::from_ref(&member)))).await.unwrap();
            vec![token(shop)]
        }
        Way::GroupLosesRole => {
            let patch = GroupPatch { roles: Some(vec![]), ..GroupPatch::default() };
            app.operate(|change| Box::pin(groups::edit(change, "team", patch))).await.unwrap();
            vec![token(shop)]
        }
        Way::GroupRemoved => {
            app.operate(|change| Box::pin(groups::remove(change, "team"))).await.unwrap();
            vec![token(shop)]
        }
        // Other ways end the tokens of a key: this one is seen by the list of keys.
        Way::KeyRevoked => vec![],
        Way::OthersEnded => {
            signet_issuer::accounts::session::end_others(&app.app, &app.operator, id, "another session", "user").await.unwrap();
            of_alice
        }
        Way::PasswordSet => {
            let hash = PasswordHash::chosen(&app.app, "another horse battery staple".into(), &[]).await.unwrap();
            app.operate(|change| Box::pin(set_password(change, id, hash))).await.unwrap();
            of_alice
        }
        Way::RefreshTokenReused => {
            let spent = shop.str("refresh_token");
            let next = app.refresh(spent).await;
            app.refresh(next.str("refresh_token")).await;
            assert_eq!(app.refresh(spent).await.status, 400);
            vec![token(shop)]
        }
        Way::ResourceClosed => {
            for open in [true, false] {
                let patch = ResourcePatch { open: Some(open), ..ResourcePatch::default() };
                app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
            }
            vec![token(shop), token(web), worker.clone()]
        }
        Way::ResourceLosesScope => {
            let scopes = Some(ScopesPatch::Some { put: Vec::new(), remove: vec!["orders:read".to_owned()] });
            let patch = ResourcePatch { scopes, ..ResourcePatch::default() };
            app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
            vec![token(shop), token(web), worker.clone()]
        }
        Way::ResourceRemoved => {
            app.operate(|change| Box::pin(resources::remove(change, ORDERS))).await.unwrap();
            vec![token(shop), token(web), worker.clone()]
        }
        Way::RoleLosesScope => {
            app.change_clerk(&[], &["orders:read"]).await;
            of_alice
        }
        Way::RoleRemoved => {
            app.operate(|change| Box::pin(roles::remove(change, &packer))).await.unwrap();
            vec![token(shop)]
        }
        Way::RoleTaken => {
            app.operate(|change| Box::pin(users::change_roles(change, id, &[], std::slice::from_ref(&clerk)))).await.unwrap();
            of_alice
        }
        Way::SessionEnded => {
            let list = sessions::list(&app.reading(), Some(id), &app.window()).await.unwrap();
            let sid = list.items[0].sid.clone();
            app.operate(|change| Box::pin(async move { sessions::end(change, &sid).await })).await.unwrap();
            vec![token(web)]
        }
        Way::SessionsEnded => {
            app.operate(|change| Box::pin(sessions::end_all(change, id))).await.unwrap();
            vec![token(web)]
        }
        Way::SignedOut => {
            let page = browser.get("/account").await;
            browser.submit(&page, "/account/sign-out", &[]).await;
            vec![token(web)]
        }
        Way::UserDeleted => {
            app.operate(|change| Box::pin(users::delete(change, id, None))).await.unwrap();
            of_alice
        }
        Way::UserDisabled => {
            app.disable_user("alice").await;
            of_alice
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_end_or_narrow_access_revokes_its_tokens_and_no_others() {
    let ways = Action::ALL.iter().flat_map(|action| ways_of(*action)).chain(Kind::ALL.iter().flat_map(|kind| ways_of_kind(*kind)));
    for way in ways.copied().collect::<BTreeSet<_>>() {
        let house = house().await;
        assert_eq!(listed(&everything(&house.app).await, "revoked"), [""; 0], "{way:?}: nothing was revoked before");
        let refused = make(way, &house).await;
        for token in &refused {
            assert!(is_revoked(&house.app, token).await, "{way:?}");
            let active = house.app.introspect("service", token).await.json["active"].clone();
            assert_eq!(active, false, "{way:?}: introspection refuses it too");
        }
        let all = [house.web.str("access_token"), house.shop.str("access_token"), &house.worker, &house.bob];
        for other in all.into_iter().filter(|token| !refused.iter().any(|refused| refused == token)) {
            // A change of a client concerns all of its users, and bob is one of them.
            let concerns_all = matches!(
                way,
                Way::ClientDisabled | Way::ClientLosesGrant | Way::ClientLosesScope | Way::ClientForGroups | Way::ClientRemoved
            );
            if other == house.bob && concerns_all {
                continue;
            }
            assert!(!is_revoked(&house.app, other).await, "{way:?} revokes a token that it does not concern");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_on_gets_tokens_that_are_not_revoked() {
    let House { app, shop, worker, .. } = house().await;
    app.operate(|change| Box::pin(roles::remove(change, "packer"))).await.unwrap();
    let refreshed = app.refresh(shop.str("refresh_token")).await;
    assert_eq!((refreshed.status, &refreshed.json["scope"]), (200, &Value::from("openid orders:read")), "{}", refreshed.text);
    assert!(!is_revoked(&app, refreshed.str("access_token")).await);
    assert_eq!(app.post("/revoke").basic_auth("worker", SECRET).form(&[("token", &worker)]).send().await.status, 200);
    assert!(!is_revoked(&app, app.client_token("worker", "").await.str("access_token")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_revokes_nothing_that_was_given_with_offline_access() {
    let House { app, browser, web, .. } = house().await;
    let offline = app.code_flow(&browser, &[("scope", "openid orders:read offline_access"), ("prompt", "consent")]).await;
    assert!(offline.str("scope").contains("offline_access"), "{}", offline.text);
    let account = browser.get("/account").await;
    browser.submit(&account, "/account/sign-out", &[]).await;
    let revoked = listed(&everything(&app).await, "revoked");
    assert_eq!(revoked, [handle(web.str("access_token"))], "the other one goes on: {}", handle(offline.str("access_token")));
    assert_eq!(app.get("/userinfo").bearer(offline.str("access_token")).send().await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_told() {
    let House { app, .. } = house().await;
    let kid = app.app.ring().await.unwrap().signer(app.clock_now()).unwrap().kid.clone();
    let spare = app.app.rotation().generate().unwrap();
    app.operate(|change| Box::pin(keys::revoke(change, &kid, spare))).await.unwrap();
    assert_eq!(listed(&everything(&app).await, "revoked_kids"), [kid]);
}

/// Verifiers that reach the issuer no more go on with their keys for longer than any token lives.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_told_for_as_long_as_a_verifier_may_keep_it() {
    let House { app, shop, .. } = house().await;
    let (handles, keys) = (app.app.settings.revocation_lifetime(), app.app.settings.key_revocation_lifetime());
    assert_eq!((handles, keys), (3600 + 30 + 30, 300 + 5 + 1 + 3600 + 30));
    assert_eq!(handles, revocation_lifetime(30).cast_signed());
    let kid = app.app.ring().await.unwrap().signer(app.clock_now()).unwrap().kid.clone();
    let spare = app.app.rotation().generate().unwrap();
    app.operate(|change| Box::pin(keys::revoke(change, &kid, spare))).await.unwrap();
    app.disable_client("shop").await;
    let cursor = everything(&app).await.str("cursor").to_owned();
    // The rows become as old as the clock says.
    let pass = async |seconds: i64| {
        app.sql(&format!("UPDATE revocations SET at = at - {seconds}")).await;
        app.advance(seconds.unsigned_abs());
        jobs::clean(&app.app).await.unwrap();
    };
    let told = async |node: &TestApp| {
        let answer = everything(node).await;
        (listed(&answer, "revoked").contains(&handle(shop.str("access_token"))), listed(&answer, "revoked_kids") == [kid.as_str()])
    };
    for (wait, expected) in [(handles - 20, (true, true)), (40, (false, true)), (keys - handles - 40, (false, true)), (40, (false, false))]
    {
        pass(wait).await;
        // A node that starts reads only what the database still has.
        let node = app.another_node().await;
        assert_eq!((told(&app).await, told(&node).await), (expected, expected), "{wait}");
    }
    assert_eq!(app.count("SELECT count(*) FROM revocations").await, 0);
    assert_eq!(listed(&after(&app, &cursor).await, "revoked_kids"), [""; 0], "the cursor is too old, so this is the full set");
}

async fn after(app: &TestApp, cursor: &str) -> Answer {
    app.get(&format!("/revocations?after={cursor}")).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_news_and_every_node_tells_it() {
    let House { app, alice, shop, .. } = house().await;
    let node = app.another_node().await;
    let first = everything(&app).await;
    assert_eq!(first.header("cache-control"), "no-store");
    assert_eq!(first.json["keep_for"], app.app.settings.revocation_lifetime());
    everything(&node).await;
    let cursor = first.str("cursor").to_owned();
    let both = async { tokio::join!(after(&app, &cursor), after(&node, &cursor)) };
    tokio::pin!(both);
    assert!(timeout(Duration::from_millis(700), &mut both).await.is_err(), "there is no news yet");
    app.operate(|change| Box::pin(users::disable(change, alice))).await.unwrap();
    let (here, there) = timeout(Duration::from_secs(5), both).await.expect("news travels at once");
    for answer in [&here, &there] {
        assert!(listed(answer, "revoked").contains(&handle(shop.str("access_token"))), "{}", answer.text);
    }
    // Both nodes know the same, so the cursor of one is good at the other.
    assert_eq!(here.str("cursor"), there.str("cursor"));
    assert!(timeout(Duration::from_secs(1), after(&node, here.str("cursor"))).await.is_err(), "there is no more news");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_cursor_gets_everything() {
    let House { app, alice, shop, .. } = house().await;
    app.operate(|change| Box::pin(users::disable(change, alice))).await.unwrap();
    let all = listed(&everything(&app).await, "revoked");
    assert!(all.contains(&handle(shop.str("access_token"))));
    for cursor in ["x", "AAAA", &"A".repeat(64).replace("AAAA", "ABCD"), "%C3%A9", "%00", "%FF", "%"] {
        let answer = after(&app, cursor).await;
        assert_eq!(listed(&answer, "revoked"), all, "{cursor}");
    }
    assert_eq!(app.get("/revocations?after=a&after=b").send().await.error(), (400, "invalid_request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_so_many_authorizations_that_refusing_them_takes_long_can_be_disabled() {
    let House { app, shop, .. } = house().await;
    if !app.database_url().starts_with("postgres") {
        return;
    }
    // This stands for some 400,000 authorizations. Other statements end after 10 s.
    app.sql("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(11); RETURN NULL; END $$").await;
    app.sql("CREATE TRIGGER slow AFTER UPDATE ON authorizations FOR EACH STATEMENT EXECUTE FUNCTION slow()").await;
    app.disable_client("shop").await;
    assert!(is_revoked(&app, shop.str("access_token")).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_entries_are_deleted_and_the_purge_of_authorizations_revokes_nothing() {
    let House { app, alice, .. } = house().await;
    app.operate(|change| Box::pin(users::disable(change, alice))).await.unwrap();
    let count = async || app.count("SELECT count(*) FROM revocations").await;
    let ended = count().await;
    assert!(ended > 0);
    jobs::clean(&app.app).await.unwrap();
    assert_eq!(count().await, ended, "they are still needed");
    app.sql("UPDATE revocations SET at = at - 4000").await;
    // A node that starts before the cleanup knows them no more, and nothing seems new to it round after round.
    let node = app.another_node().await;
    assert_eq!(listed(&everything(&node).await, "revoked"), [""; 0]);
    jobs::clean(&app.app).await.unwrap();
    assert_eq!(count().await, 0);
    app.advance(400 * 86_400);
    jobs::clean(&app.app).await.unwrap();
    assert_eq!((count().await, app.count("SELECT count(*) FROM authorizations").await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_widens_access_revokes_nothing() {
    let House { app, alice, .. } = house().await;
    app.change_clerk(&["orders:write"], &[]).await;
    let packer = ["packer".to_owned()];
    app.operate(|change| Box::pin(users::change_roles(change, alice, &packer, &[]))).await.unwrap();
    let patch = ClientPatch { client_name: Patch::Set("Another name".to_owned()), ..ClientPatch::default() };
    app.edit_client("shop", patch).await.unwrap();
    assert_eq!(listed(&everything(&app).await, "revoked"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_a_user_does_not_have_is_taken_without_effect() {
    let House { app, alice, .. } = house().await;
    let clerk = roles::NewRole::check("reader", &["orders:read".to_owned()]).unwrap();
    app.operate(|change| Box::pin(roles::add(change, clerk))).await.unwrap();
    // Alice has the role packer only through her group, and the role reader neither directly nor through one.
    for (add, remove) in [(&[][..], "reader"), (&[], "packer"), (&["reader".to_owned()], "reader")] {
        let before = users::show(&app.reading(), "alice").await.unwrap();
        let remove = [remove.to_owned()];
        let after = app.operate(|change| Box::pin(users::change_roles(change, alice, add, &remove))).await.unwrap();
        assert_eq!(after, before);
        assert_eq!(listed(&everything(&app).await, "revoked"), [""; 0], "{add:?} {remove:?}");
    }
}
