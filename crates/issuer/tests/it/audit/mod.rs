//! Each operation records who did what, with the state before and after; the first start does, too.

mod activity;
mod failures;
mod kinds;
mod list;
mod personal;
mod refusals;
mod sign_ins;

use signet_issuer::accounts::methods::password;
use signet_issuer::admin::authorizations::AuthorizationFilter;
use signet_issuer::admin::edit_client::{ClientEdit, ClientPatch};
use signet_issuer::admin::groups::{GroupDraft, GroupPatch};
use signet_issuer::admin::names::{self, Kind};
use signet_issuer::admin::patch::Patch;
use signet_issuer::admin::roles::RolePatch;
use signet_issuer::admin::users::PasswordHash;
use signet_issuer::admin::{
    Refused, attributes, authorizations, client_claims, client_streams, clients, edit_client, edit_resource, groups, keys,
    registration_tokens, resources, roles, sessions, transfer, users,
};
use signet_issuer::audit::Action;
use signet_issuer::fetch::budget::Asker;
use signet_issuer::oauth::pkce::Pkce;
use uuid::Uuid;

use crate::support::{ORDERS, TestApp};

/// Counts the events of this name that meet `condition`. The columns are those of the event together with its personal data.
async fn events(app: &TestApp, event: &str, condition: &str) -> i64 {
    let whole = |state: &str| {
        format!(
            "CASE WHEN e.{state} IS NULL AND p.{state} IS NULL THEN NULL ELSE coalesce(e.{state}, '') || coalesce(p.{state}, '') END AS {state}"
        )
    };
    let (before, after) = (whole("\"before\""), whole("\"after\""));
    let columns = "e.at, e.event, e.actor_kind, e.actor_id, e.face, e.request_id, e.user_id, e.client_id, e.authorization_id, e.detail, e.times, \
                   e.last_at, p.address, p.user_agent, p.object";
    let joined = format!("SELECT {columns}, {before}, {after} FROM audit_events e LEFT JOIN audit_personal p ON p.event_id = e.id");
    app.count(&format!("SELECT count(*) FROM ({joined}) whole WHERE event = '{event}' AND {condition}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_records_what_it_makes() {
    let app = TestApp::new().await;
    for (event, count) in [("key_published", 1), ("resource_added", 2), ("role_added", 1), ("user_added", 1), ("client_added", 2)] {
        let by_the_start = "actor_kind = 'issuer' AND face = 'start' AND address IS NULL";
        assert_eq!(events(&app, event, by_the_start).await, count, "{event}");
    }
    let views = "\"before\" IS NULL AND \"after\" LIKE '%\"username\":\"admin\"%' AND \"after\" NOT LIKE '%argon2%'";
    assert_eq!(events(&app, "user_added", views).await, 1);
}

/// Returns a part of the state before and a part of the state after `action`, as the test below performs it. `None` if there must be no
/// such state.
#[expect(clippy::match_same_arms, reason = "one line for each action")]
fn states(action: Action) -> (Option<&'static str>, Option<&'static str>) {
    let (before, after) = match action {
        Action::AttributeAdded => ("", r#""name":"team""#),
        Action::AttributeChanged => (r#""scope":null"#, r#""scope":"profile""#),
        Action::AttributeRemoved => (r#""name":"team""#, ""),
        Action::AuthorizationEnded => (r#""ended_at":null"#, r#""ended_at":"2026-"#),
        Action::AuthorizationsEnded => (r#""authorizations":1"#, r#""authorizations_ended":1"#),
        Action::ClientAdded => ("", r#""client_id":"web""#),
        Action::ClientChanged => (r#""pkce":"required""#, r#""pkce":"optional""#),
        Action::ClientClaimsChanged => (r#""claims":[]"#, r#""source":"group_map""#),
        Action::ClientDisabled => (r#""enabled":true"#, r#""enabled":false"#),
        Action::ClientEnabled => (r#""enabled":false"#, r#""enabled":true"#),
        Action::ClientRemoved => (r#""client_id":"web""#, ""),
        Action::ClientSecretRotated => (r#""secrets":[{"#, "},{"),
        Action::GroupAdded => ("", r#""name":"staff""#),
        Action::GroupChanged => (r#""name":"staff""#, r#""name":"team""#),
        Action::GroupMembersChanged => ("", r#""group":"team""#),
        Action::GroupRemoved => (r#""name":"team""#, ""),
        Action::KeysRevoked => (r#""state":"published""#, r#""state":"revoked""#),
        Action::KeysRotated => (r#""state":"active""#, r#""state":"published""#),
        Action::NameReleased => ("", ""),
        Action::RegistrationTokenIssued => ("", r#""uses":1"#),
        Action::ResourceAdded => ("", r#""name":"orders:read""#),
        Action::ResourceChanged => (r#""open":false"#, r#""open":true"#),
        Action::ResourceRemoved => (r#""name":"orders:read""#, ""),
        Action::RoleAdded => ("", r#""orders:read""#),
        Action::RoleChanged => (r#""delegated":false"#, r#""delegated":true"#),
        Action::RoleRemoved => (r#""orders:write""#, ""),
        Action::RoleScopesChanged => (r#""orders:read""#, r#"["orders:write"]"#),
        Action::SessionEnded => (r#""ended_at":null"#, r#""authorizations_ended":1"#),
        Action::StreamChanged => (r#""status":"enabled""#, r#""status":"paused""#),
        Action::StreamRemoved => (r#""stream_id":"a-stream""#, ""),
        Action::UserAdded => ("", r#""username":"alice""#),
        Action::UserChanged => (r#""claims":{}"#, r#""nickname":"Al""#),
        Action::UserDeleted => (r#""roles":["clerk"],"groups":["crew"]"#, ""),
        Action::UserUnlocked => (r#""counters":1"#, r#""counters":0"#),
        Action::UserDisabled => (r#""enabled":true"#, r#""enabled":false"#),
        Action::UserEnabled => (r#""enabled":false"#, r#""enabled":true"#),
        Action::UserGroupsChanged => (r#""groups":[]"#, r#""groups":["team"]"#),
        Action::UserLinkMade => ("", r#""expires_at":"2026-"#),
        Action::UserPasswordSet => (r#""origin":null"#, r#""origin":"chosen""#),
        Action::UserRolesChanged => (r#""clerk""#, r#""roles":[]"#),
        Action::UserSessionsEnded => (r#""sessions":1"#, r#""sessions_ended":1"#),
        Action::UsersExported => ("", r#""with_password_hashes":false"#),
        Action::UsersImported => ("", r#""added":1"#),
    };
    (Some(before).filter(|before| !before.is_empty()), Some(after).filter(|after| !after.is_empty()))
}

/// The SQL condition that the column `name` contains `part`, or is null.
fn contains(name: &str, part: Option<&str>) -> String {
    part.map_or_else(|| format!("\"{name}\" IS NULL"), |part| format!("\"{name}\" LIKE '%{part}%'"))
}

const BY_THE_OPERATOR: &str = "actor_kind = 'operator' AND face = 'command_line' AND request_id IS NULL";

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_records_who_did_what_before_and_after() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let bob = app.add_user("bob", &["clerk"]).await;
    app.try_password("alice", "wrong", "").await;
    let of_web = AuthorizationFilter { user: None, client: Some("web".to_owned()) };

    app.code_flow(&browser, &[]).await;
    let id = authorizations::list(&app.reading(), &of_web, &app.window()).await.unwrap().items.remove(0).id;
    app.operate(|change| Box::pin(authorizations::end(change, id))).await.unwrap();
    app.code_flow(&browser, &[]).await;
    app.operate(|change| Box::pin(authorizations::end_all(change, &of_web))).await.unwrap();
    app.code_flow(&browser, &[]).await;
    let sid = sessions::list(&app.reading(), Some(alice), &app.window()).await.unwrap().items.remove(0).sid;
    app.operate(|change| Box::pin(sessions::end(change, &sid))).await.unwrap();
    app.signed_in("alice").await;
    app.operate(|change| Box::pin(sessions::end_all(change, alice))).await.unwrap();

    app.add_stream("web", "a-stream").await;
    let password = PasswordHash::chosen(&app.app, "another good passphrase".into(), &["alice"]).await.unwrap();
    let (read, clerk) = (["orders:read".to_owned()], ["clerk".to_owned()]);
    let nickname = [("nickname".to_owned(), "Al".to_owned())];
    let (key, spare) = (app.app.rotation().generate().unwrap(), app.app.rotation().generate().unwrap());
    let active = keys::list(&app.reading()).await.unwrap().remove(0).kid;
    let policy = serde_json::json!({
        "claim": "policy", "source": "group_map", "map": [{ "group": "team", "value": "readwrite" }],
        "shape": "first", "in_id_token": true, "in_userinfo": true,
    });
    let patch = ClientPatch { pkce: Patch::Set(Pkce::Optional), ..ClientPatch::default() };
    let edit = ClientEdit::prepare(&app.app, patch, Asker::Operator).await.unwrap();
    let import = transfer::Import::begin(&app.reading(), transfer::ImportOptions::default()).await.unwrap();
    let imported = [transfer::Line { number: 1, text: br#"{"username":"imported"}"#.to_vec() }];
    let imported = transfer::Batch::read(&app.reading(), imported.to_vec()).await.unwrap();
    let imported = import.prepare(&app.reading(), imported).await.unwrap();
    app.operate(|change| {
        Box::pin(async move {
            import.write(change, imported).await?;
            transfer::export::begin(change, false).await?;
            users::set_password(change, alice, password).await?;
            users::set_claims(change, alice, &nickname).await?;
            users::unlock(change, alice).await?;
            users::make_link(change, alice).await?;
            let team = serde_json::json!({ "name": "team", "type": "string" });
            attributes::add(change, serde_json::from_value(team).unwrap()).await?;
            let of_profile = attributes::AttributePatch { scope: Patch::Set("profile".to_owned()), ..Default::default() };
            attributes::edit(change, "team", of_profile, None).await?;
            attributes::remove(change, "team", None).await?;
            users::change_roles(change, alice, &[], &clerk).await?;
            users::disable(change, alice).await?;
            users::enable(change, alice).await?;
            groups::add(change, GroupDraft { name: "crew".to_owned(), ..GroupDraft::default() }).await?;
            groups::change_members(change, "crew", &["bob".to_owned()], &[]).await?;
            users::delete(change, bob, None).await?;
            groups::add(change, GroupDraft { name: "staff".to_owned(), ..GroupDraft::default() }).await?;
            groups::edit(change, "staff", GroupPatch { name: Some("team".to_owned()), ..GroupPatch::default() }).await?;
            groups::change_members(change, "team", &["alice".to_owned()], &[]).await?;
            client_claims::put(change, "web", serde_json::from_value(policy).unwrap()).await?;
            groups::remove(change, "team").await?;
            names::release(change, Kind::Group, "team").await?;
            roles::edit(change, "clerk", RolePatch { delegated: Some(true), ..RolePatch::default() }).await?;
            edit_client::edit(change, "web", edit, None).await?;
            clients::rotate_secret(change, "web", clients::OldSecret::UntilNextRotation).await?;
            client_streams::set_paused(change, "web", "a-stream", true).await?;
            client_streams::remove(change, "web", "a-stream").await?;
            clients::set_enabled(change, "web", false).await?;
            clients::set_enabled(change, "web", true).await?;
            clients::remove(change, "web").await?;
            registration_tokens::issue(change, registration_tokens::NewRegistrationToken::check(1, 60)?).await?;
            roles::change_scopes(change, "clerk", &[], &read).await?;
            roles::remove(change, "clerk").await?;
            edit_resource::edit(change, ORDERS, edit_resource::ResourcePatch { open: Some(true), ..Default::default() }).await?;
            resources::remove(change, ORDERS).await?;
            keys::publish(change, key).await?;
            keys::revoke(change, &active, spare).await
        })
    })
    .await
    .unwrap();

    for action in Action::ALL {
        let (before, after) = states(*action);
        let condition = format!("{BY_THE_OPERATOR} AND {} AND {}", contains("before", before), contains("after", after));
        assert!(events(&app, action.name(), &condition).await >= 1, "{action:?}: {condition}");
        assert_eq!(events(&app, action.name(), "\"before\" = \"after\"").await, 0, "{action:?}");
    }
    assert_eq!(app.count("SELECT count(*) FROM audit_personal WHERE \"after\" LIKE '%argon2%'").await, 0);
    // The key that waited signs at once, because the one that signed is revoked.
    assert_eq!(events(&app, "keys_revoked", "\"after\" LIKE '%\"state\":\"active\"%' AND \"after\" NOT LIKE '%published\"%'").await, 1);
    for (event, condition) in [
        ("authorization_ended", "user_id IS NOT NULL AND client_id = 'web' AND authorization_id IS NOT NULL"),
        ("authorizations_ended", "client_id = 'web'"),
        ("client_disabled", "client_id = 'web'"),
        ("session_ended", "user_id IS NOT NULL AND detail LIKE '%\"sid\"%'"),
        ("session_ended", "detail LIKE '%\"by\":\"user_sessions_ended\"%'"),
        ("user_disabled", "user_id IS NOT NULL"),
    ] {
        assert!(events(&app, event, condition).await >= 1, "{event}: {condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_a_users_access_is_recorded_even_if_nothing_was_live() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let of_alice = AuthorizationFilter { user: Some(alice), client: None };
    assert_eq!(app.operate(|change| Box::pin(sessions::end_all(change, alice))).await.unwrap(), 0);
    assert_eq!(app.operate(|change| Box::pin(authorizations::end_all(change, &of_alice))).await.unwrap(), 0);
    let none = "user_id IS NOT NULL AND \"after\" LIKE '%\"sessions_ended\":0%' AND \"after\" LIKE '%\"authorizations_ended\":0%'";
    for event in ["user_sessions_ended", "authorizations_ended"] {
        assert_eq!(events(&app, event, none).await, 1, "{event}");
    }
    // The password grant gives an authorization without a session, which remains when only sessions end.
    app.sign_in("alice", "").await;
    app.operate(|change| Box::pin(sessions::end_all(change, alice))).await.unwrap();
    assert_eq!(events(&app, "user_sessions_ended", "\"after\" LIKE '%\"authorizations\":1%'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_of_a_password_that_an_administrator_sets_is_recorded() {
    let app = TestApp::new().await;
    let admin = users::show(&app.reading(), "admin").await.unwrap().id;
    let hash = password::hash(&app.app, "an imported passphrase".into()).await.unwrap();
    for password in [
        PasswordHash::chosen(&app.app, "another good passphrase".into(), &[]).await.unwrap(),
        PasswordHash::generated(&app.app, "hJ4mQ8wZ2xT6".into()).await.unwrap(),
        PasswordHash::imported(&hash.into()).unwrap(),
    ] {
        app.advance(60);
        app.operate(|change| Box::pin(users::set_password(change, admin, password))).await.unwrap();
    }
    let generated = "\"after\" LIKE '%\"origin\":\"generated\"%' AND \"after\" LIKE '%T00:00:00Z%'";
    assert_eq!(events(&app, "user_added", generated).await, 1, "by the first start");
    for (before, after) in [("\"generated\"", "\"chosen\""), ("null", "\"generated\""), ("\"generated\"", "\"imported\"")] {
        let views = format!("\"before\" LIKE '%\"origin\":{before}%' AND \"after\" LIKE '%\"origin\":{after}%'");
        assert_eq!(events(&app, "user_password_set", &views).await, 1, "{before} {after}");
    }
    let since = "\"before\" LIKE '%\"since\":\"2026-01-01T00:02:00Z\"%' AND \"after\" LIKE '%\"since\":\"2026-01-01T00:03:00Z\"%'";
    assert_eq!(events(&app, "user_password_set", since).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_fails_or_changes_nothing_leaves_no_event() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    app.disable_user("alice").await;
    let (count, disabled_at) = ("SELECT count(*) FROM audit_events", "SELECT disabled_at FROM users WHERE username = 'alice'");
    let (before, since) = (app.count(count).await, app.count(disabled_at).await);
    let failed = app.operate(|change| {
        Box::pin(async move {
            users::enable(change, alice).await?;
            users::enable(change, Uuid::nil()).await
        })
    });
    assert!(failed.await.is_err());
    app.advance(60);
    let (clerk, read) = (["clerk".to_owned()], ["orders:read".to_owned()]);
    let name = [("name".to_owned(), "alice Example".to_owned())];
    app.operate(|change| {
        Box::pin(async move {
            users::disable(change, alice).await?;
            users::change_roles(change, alice, &clerk, &[]).await?;
            users::set_claims(change, alice, &name).await?;
            roles::change_scopes(change, "clerk", &read, &[]).await
        })
    })
    .await
    .unwrap();
    assert_eq!((app.count(count).await, app.count(disabled_at).await), (before, since));
    app.operate(|change| Box::pin(users::enable(change, alice))).await.unwrap();
    app.operate(|change| Box::pin(users::enable(change, alice))).await.unwrap();
    assert_eq!(app.count(count).await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_already_ended_is_refused_otherwise_than_what_never_was() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.code_flow(&app.signed_in("alice").await, &[]).await;
    let id = authorizations::list(&app.reading(), &AuthorizationFilter::default(), &app.window()).await.unwrap().items.remove(0).id;
    let sid = sessions::list(&app.reading(), None, &app.window()).await.unwrap().items.remove(0).sid;
    let kid = keys::list(&app.reading()).await.unwrap().remove(0).kid;
    for time in ["the first", "the second"] {
        let key = app.app.rotation().generate().unwrap();
        let refused = [
            app.operate(|change| Box::pin(authorizations::end(change, id))).await.err(),
            app.operate(|change| Box::pin(sessions::end(change, &sid))).await.err(),
            app.operate(|change| Box::pin(keys::revoke(change, &kid, key))).await.err(),
        ];
        for refused in refused {
            assert_eq!(matches!(refused, Some(Refused::Conflict(_))), time == "the second", "{time}: {refused:?}");
            assert_eq!(refused.is_none(), time == "the first", "{time}: {refused:?}");
        }
    }
    let key = app.app.rotation().generate().unwrap();
    for (refused, noun) in [
        (app.operate(|change| Box::pin(authorizations::end(change, Uuid::nil()))).await.err(), "authorization"),
        (app.operate(|change| Box::pin(sessions::end(change, "nonsense"))).await.err(), "session"),
        (app.operate(|change| Box::pin(sessions::end_all(change, Uuid::nil()))).await.err(), "user"),
        (app.operate(|change| Box::pin(keys::revoke(change, "nonsense", key))).await.err(), "key"),
    ] {
        assert!(matches!(&refused, Some(Refused::NotFound { noun: found, .. }) if *found == noun), "{noun}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_requests_name_the_request() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    app.sign_in("alice", "").await;
    let form = [("token", tokens.str("refresh_token"))];
    app.post("/revoke").basic_auth("web", crate::support::SECRET).form(&form).send().await;
    let request = "address = '127.0.0.1' AND request_id IS NOT NULL";
    let alice =
        format!("{request} AND actor_kind = 'user' AND actor_id = (SELECT {} FROM users WHERE username = 'alice')", id_as_text(&app));
    for (event, condition) in [
        ("signed_in", format!("{alice} AND face = 'page' AND user_agent = 'Firefox on Linux'")),
        ("consent_given", format!("{alice} AND face = 'page' AND detail LIKE '%\"claims\":[%'")),
        ("authorization_given", format!("{alice} AND face = 'token'")),
        ("authorization_ended", format!("{request} AND actor_kind = 'client' AND actor_id = 'web' AND face = 'revocation'")),
    ] {
        assert!(events(&app, event, &condition).await >= 1, "{event}");
    }
}

/// The SQL that writes a user's id as the audit trail does. SQLite keeps it as bytes.
fn id_as_text(app: &TestApp) -> &'static str {
    if app.database_url().starts_with("postgres") {
        return "CAST(id AS TEXT)";
    }
    "lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' \
     || substr(hex(id), 21))"
}
