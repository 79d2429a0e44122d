//! Every page of the administration in Chromium, by keyboard.

use serde_json::json;
use signet_issuer::admin::groups::{self, GroupDraft, GroupPatch};
use signet_issuer::admin::roles::{self, NewRole, RolePatch};
use signet_issuer::admin::{attributes, client_claims, keys, users};

use super::window::Window;
use crate::support::{PASSWORD, TestApp};

/// Makes a stream for the client `web`, and another whose receiver is dead.
async fn add_streams(app: &TestApp) {
    app.add_stream("web", "Yk3v0b1T6mQ2rXw8pLs9aA").await;
    app.add_stream("web", "a2JQmVfYd0eWn7uHc5tKZg").await;
    let paused = "the receiver has accepted no event in 7 attempts: the receiver answered with status 502 instead of 202";
    app.sql(&format!("UPDATE streams SET status = 'paused', reason = '{paused}', method = 'push', endpoint_url = 'https://hub.example/events', failing_since = 1767225600 WHERE id LIKE 'a2%'")).await;
}

/// Gives the client `web` claims of each kind whose names are links, and one that is long.
async fn add_claims(app: &TestApp) {
    let long = "a long value ".repeat(20);
    for (claim, source) in [
        ("squad", json!({ "source": "attribute", "attribute": "team" })),
        ("level", json!({ "source": "group_map", "map": [{ "group": "on-call", "value": "Editor" }], "default": "Viewer" })),
        ("plan", json!({ "source": "fixed", "value": long })),
        ("teams", json!({ "source": "groups" })),
    ] {
        let mut claim = json!({ "claim": claim, "shape": "comma", "in_id_token": true, "in_userinfo": true });
        claim.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        let claim = serde_json::from_value(claim).unwrap();
        app.operate(|change| Box::pin(client_claims::put(change, "web", claim))).await.unwrap();
    }
    let metadata = json!({
        "application_type": "web", "post_logout_redirect_uris": ["https://shop.example/bye"], "client_uri": "https://shop.example",
        "backchannel_logout_uri": "https://shop.example/sign-out/back-channel", "jwks_uri": "https://shop.example/.well-known/jwks.json",
    });
    app.sql(&format!("UPDATE clients SET metadata = '{metadata}' WHERE id = 'web'")).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
#[expect(clippy::too_many_lines, reason = "it is one walk through all pages")]
async fn an_administrator_walks_through_all_pages() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    let draft = GroupDraft { name: "on-call".to_owned(), roles: vec!["clerk".to_owned()], ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let members = ["alice".to_owned()];
    app.operate(|change| Box::pin(groups::change_members(change, "on-call", &members, &[]))).await.unwrap();
    // Two links in one cell, which must not be too close to each other.
    let platform = GroupDraft { name: "platform-engineering".to_owned(), ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, platform))).await.unwrap();
    app.operate(|change| Box::pin(groups::change_members(change, "platform-engineering", &members, &[]))).await.unwrap();
    // And two that are hardly as wide as a finger.
    for name in ["i", "j"] {
        let role = NewRole::check(name, &[]).unwrap();
        app.operate(|change| Box::pin(roles::add(change, role))).await.unwrap();
    }
    app.add_user("ida", &["i", "j"]).await;
    let team = serde_json::json!({ "name": "team", "type": "string", "display_name": "Team" });
    let team = serde_json::from_value(team).unwrap();
    app.operate(|change| Box::pin(attributes::add(change, team))).await.unwrap();
    app.code_flow(&app.browser(), &[("scope", "openid profile orders:read")]).await;
    add_streams(&app).await;
    add_claims(&app).await;
    for hours in [3, 1, 2, 5, 1] {
        for number in 0..hours * 4 {
            app.app.activity.signed_in();
            app.app.activity.tokens_given("authorization_code", "web");
            app.app.activity.tokens_given("refresh_token", "shop");
            app.app.activity.tokens_given(if number % 3 == 0 { "client_credentials" } else { "refresh_token" }, "web");
        }
        app.app.activity.sign_in_failed("");
        app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
        app.advance(3600 * hours);
        app.app.activity.flush(&app.app.store, app.clock_now()).await.unwrap();
    }
    let key = app.app.rotation().generate().unwrap();
    app.operate(move |change| Box::pin(keys::publish(change, key))).await.unwrap();
    let alice = users::show(&app.reading(), "alice").await.unwrap().id;
    let link = app.operate(|change| Box::pin(users::make_link(change, alice))).await.unwrap();
    let window = Window::open().await;
    window.goto(&link.url).await;
    window.inspect("set-password").await;
    let goto = async |path: &str| window.goto(&format!("{}{path}", app.url)).await;
    goto("/sign-in").await;
    super::sign_in_as(&window, "boss", PASSWORD).await;
    let resource = "/admin/resources/https%3A%2F%2Forders.example";
    for (name, path) in [
        ("admin-overview", "/admin"),
        ("admin-overview-week", "/admin?range=week"),
        ("admin-users", "/admin/users"),
        ("admin-user", "/admin/users/alice"),
        ("admin-user-new", "/admin/users/new"),
        ("admin-user-edit", "/admin/users/alice/edit"),
        ("admin-user-roles", "/admin/users/alice/roles"),
        ("admin-groups", "/admin/groups"),
        ("admin-group", "/admin/groups/on%2Dcall"),
        ("admin-group-edit", "/admin/groups/on%2Dcall/edit"),
        ("admin-group-members", "/admin/groups/on%2Dcall/members"),
        ("admin-roles", "/admin/roles"),
        ("admin-role", "/admin/roles/clerk"),
        ("admin-role-edit", "/admin/roles/clerk/edit"),
        ("admin-attributes", "/admin/attributes"),
        ("admin-attribute", "/admin/attributes/team"),
        ("admin-attribute-new", "/admin/attributes/new"),
        ("admin-attribute-edit", "/admin/attributes/team/edit"),
        ("admin-role-new", "/admin/roles/new"),
        ("admin-resource-new", "/admin/resources/new"),
        ("admin-clients", "/admin/clients"),
        ("admin-client", "/admin/clients/web"),
        ("admin-client-presets", "/admin/clients/new"),
        ("admin-client-new", "/admin/clients/new?preset=grafana"),
        ("admin-client-edit", "/admin/clients/web/edit"),
        ("admin-client-secret", "/admin/clients/web/secret"),
        ("admin-client-claim", "/admin/clients/web/claim"),
        ("admin-client-try", "/admin/clients/web/try?user=alice&scope=openid+profile+email"),
        ("admin-resources", "/admin/resources"),
        ("admin-resource", resource),
        ("admin-resource-edit", &format!("{resource}/edit")),
        ("admin-keys", "/admin/keys"),
        ("admin-sessions", "/admin/sessions"),
        ("admin-search", "/admin/search?q=ali"),
        ("admin-users-found", "/admin/users?q=ali"),
        ("admin-audit", "/admin/audit"),
        ("admin-audit-of-user", "/admin/audit?by=user&value=alice"),
        ("admin-audit-of-client", "/admin/audit?by=client&value=web"),
        ("admin-audit-of-group", "/admin/audit?by=group&value=on-call"),
        ("admin-audit-of-role", "/admin/audit?by=role&value=clerk"),
        ("admin-audit-of-attribute", "/admin/audit?by=attribute&value=team"),
        ("admin-audit-of-resource", "/admin/audit?by=resource&value=https%3A%2F%2Forders.example"),
        ("admin-audit-refused", "/admin/audit?by=address&value=nowhere"),
        ("admin-event", "/admin/audit/1"),
    ] {
        goto(path).await;
        window.inspect(name).await;
    }
    goto(&format!("{resource}/edit")).await;
    window.wait("(document.querySelector('#scopes').value = 'orders:read=See your orders', true)").await;
    window.activate("button.primary").await;
    assert_eq!(window.heading().await, "Change the resource https://orders.example?");
    window.inspect("admin-resource-scopes").await;
    // A refused form keeps what was typed; a dangerous operation asks for the password.
    goto("/admin/users/new").await;
    window.fill("#username", "two words").await;
    window.fill("#name", "Carol Example").await;
    window.activate("button.primary").await;
    window.inspect("admin-user-new-error").await;
    window.wait("document.querySelector('#name').value === 'Carol Example'").await;
    goto("/admin/users").await;
    // The space chooses the user.
    window.fill("input[name='user.alice']", " ").await;
    window.fill("#group", "on-call").await;
    window.activate(".chosen button").await;
    assert_eq!(window.heading().await, "Add alice to the group on-call?");
    window.inspect("admin-users-group").await;
    goto("/admin/attributes/team").await;
    window.activate("form:has(input[value=remove]) button").await;
    assert_eq!(window.heading().await, "Remove the attribute team?");
    window.inspect("admin-attribute-removal").await;
    goto("/admin/users/alice").await;
    window.activate("form:has(input[value=disable]) button").await;
    assert_eq!(window.heading().await, "Disable alice?");
    window.inspect("admin-confirmation").await;
    window.fill("#confirm_password", PASSWORD).await;
    window.activate("main button.danger").await;
    window.wait("!!document.querySelector('[role=status]')").await;
    window.inspect("admin-user-disabled").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn what_is_refused_or_overtaken_can_be_corrected_in_place() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    let draft = GroupDraft { name: "on-call".to_owned(), roles: vec!["clerk".to_owned()], ..GroupDraft::default() };
    app.operate(|change| Box::pin(groups::add(change, draft))).await.unwrap();
    let window = Window::open().await;
    let goto = async |path: &str| window.goto(&format!("{}{path}", app.url)).await;
    // The sign-in leads back to the form that was opened.
    goto("/admin/groups/on%2Dcall/edit").await;
    super::sign_in_as(&window, "boss", PASSWORD).await;
    assert_eq!(window.heading().await, "Change the group on-call");
    let other = GroupPatch { display_name: Some(Some("Whoever is on call".to_owned())), is_default: Some(true), ..GroupPatch::default() };
    app.operate(|change| Box::pin(groups::edit(change, "on-call", other))).await.unwrap();
    window.fill("#external_id", "team-7").await;
    window.activate("button.primary").await;
    window.inspect("admin-group-overtaken").await;
    window.activate("button.primary").await;
    assert_eq!(window.heading().await, "Change the group on-call?");
    window.inspect("admin-group-switches").await;
    window.activate("main button.primary").await;
    window.wait("!!document.querySelector('[role=status]')").await;
    goto("/admin/users").await;
    window.fill("input[name='user.alice']", " ").await;
    window.fill("#group", "nobody").await;
    window.activate(".chosen button").await;
    assert_eq!(window.heading().await, "Add the chosen users to a group");
    window.inspect("admin-users-group-refused").await;
    // Each field at fault has its message, and keeps what was typed.
    goto("/admin/clients/new?preset=grafana").await;
    window.fill("#url", "grafana").await;
    window.fill("#client_name", " ").await;
    window.activate("button.primary").await;
    window.wait("[...document.querySelectorAll('[aria-invalid=true]')].map(field => field.id).join() === 'url,client_name,access'").await;
    window.wait("document.querySelector('#url').value === 'grafana'").await;
    window.inspect("admin-client-new-refused").await;
    // A page that asks first asks once more if somebody else was faster, and what was typed for something that is gone is shown.
    goto("/admin/groups/on%2Dcall/members").await;
    window.fill("#add", "alice").await;
    window.activate("button.primary").await;
    let other = GroupPatch { roles: Some(Vec::new()), ..GroupPatch::default() };
    app.operate(|change| Box::pin(groups::edit(change, "on-call", other))).await.unwrap();
    window.activate("main button.primary").await;
    window.wait("!!document.querySelector('[role=alert]')").await;
    window.inspect("admin-group-members-overtaken").await;
    goto("/admin/groups/on%2Dcall/edit").await;
    window.fill("#display_name", "Whoever answers the telephone at night and on Sundays").await;
    app.operate(|change| Box::pin(groups::remove(change, "on-call"))).await.unwrap();
    window.activate("button.primary").await;
    assert_eq!(window.heading().await, "It is not there");
    window.inspect("admin-group-gone").await;
    app.code_flow(&app.browser(), &[("scope", "openid orders:read")]).await;
    goto("/admin/clients/web/edit").await;
    // The space takes the tick away.
    window.fill("[name='grant_types.refresh_token']", " ").await;
    window.activate("button.primary").await;
    assert_eq!(window.heading().await, "Change Web Shop?");
    window.inspect("admin-client-edit-asked").await;
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    app.operate(|change| Box::pin(users::disable(change, id))).await.unwrap();
    for (name, path) in [
        ("admin-client-try-disabled", "/admin/clients/web/try?user=alice&scope=openid+email"),
        ("admin-nothing", "/admin/nothing"),
        ("admin-audit-unknown", "/admin/audit?by=bogus"),
    ] {
        goto(path).await;
        window.inspect(name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn the_help_desk_sees_who_may_do_what_it_may_not() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_user("boss", &["admin"]).await;
    app.operate(|change| {
        Box::pin(async move {
            roles::add(change, NewRole::check("desk", &["admin:users".to_owned()])?).await?;
            roles::edit(change, "clerk", RolePatch { delegated: Some(true), ..RolePatch::default() }).await?;
            groups::add(change, GroupDraft { name: "staff".to_owned(), delegated: true, ..GroupDraft::default() }).await
        })
    })
    .await
    .unwrap();
    app.add_user("helper", &["desk"]).await;
    let window = Window::open().await;
    let goto = async |path: &str| window.goto(&format!("{}{path}", app.url)).await;
    goto("/admin/users").await;
    super::sign_in_as(&window, "helper", PASSWORD).await;
    for (name, path) in [
        ("help-desk-users", "/admin/users"),
        ("help-desk-roles", "/admin/users/alice/roles"),
        ("help-desk-user", "/admin/users/boss"),
        ("help-desk-refused", "/admin/users/boss/edit"),
    ] {
        goto(path).await;
        window.inspect(name).await;
    }
}
