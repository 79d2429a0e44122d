//! Clients can be changed in everything but their id, by the same rules by which they are added.

use serde_json::json;
use signet_issuer::admin::Refused;
use signet_issuer::admin::clients;
use signet_issuer::admin::edit_client::{self, ClientEdit, ClientPatch};
use signet_issuer::fetch::budget::Asker;
use signet_issuer::jobs;

use crate::support::{CALLBACK, SECRET, TestApp};

async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await
}

fn patch(json: serde_json::Value) -> ClientPatch {
    serde_json::from_value(json).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let app = app().await;
    let before = clients::show(&app.reading(), "web").await.unwrap();
    let change = json!({
        "client_name": "New", "first_party": true, "pkce": "optional", "scope": "openid orders:write",
        "redirect_uris": [CALLBACK, "https://new.example/cb"], "grant_types": ["authorization_code"], "group_filter": "prefix",
        "group_prefix": "web-", "id_token_claims": true, "metadata": { "policy_uri": "https://new.example/privacy" },
    });
    let after = app.edit_client("web", patch(change)).await.unwrap().client;
    assert_eq!((after.client_name.as_str(), after.scope.as_str(), after.version), ("New", "openid orders:write", before.version + 1));
    assert!(after.origins.contains(&"https://new.example".to_owned()), "origins follow the redirect URIs: {:?}", after.origins);
    assert_eq!(after.metadata.client_uri, before.metadata.client_uri);
    assert_eq!(after.default_resource, before.default_resource);
    let cleared =
        json!({ "default_resource": null, "first_party": null, "pkce": null, "group_filter": null, "metadata": { "policy_uri": null } });
    let cleared = app.edit_client("web", patch(cleared)).await.unwrap().client;
    assert_eq!((cleared.default_resource, cleared.first_party, cleared.metadata.policy_uri), (None, false, None));
    assert_eq!((cleared.group_filter.as_str(), cleared.group_prefix.as_str(), cleared.pkce.as_str()), ("assigned", "", "nonce"));
    // The same again changes nothing, and neither does an empty patch.
    for same in [json!({}), json!({ "client_name": "New", "metadata": {} })] {
        let again = app.edit_client("web", patch(same)).await.unwrap().client;
        assert_eq!(again.version, cleared.version);
    }
    assert_eq!(app.count("SELECT count(*) FROM audit_events WHERE event = 'client_changed'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_obeys_the_rules_of_a_new_client() {
    let app = app().await;
    for (change, field) in [
        (json!({ "client_name": " " }), "client_name"),
        (json!({ "redirect_uris": [] }), "redirect_uris"),
        (json!({ "redirect_uris": ["http://app.example/cb"] }), "redirect_uris"),
        (json!({ "grant_types": ["implicit"] }), "grant_types"),
        (json!({ "access": null }), "access"),
        (json!({ "access": "groups" }), "groups"),
        (json!({ "token_endpoint_auth_method": "none" }), "token_endpoint_auth_method"),
        (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "jwks"),
        (json!({ "public": true, "pkce": "optional" }), "pkce"),
        (json!({ "group_filter": "some" }), "group_filter"),
        (json!({ "group_filter": "prefix" }), "group_prefix"),
        (json!({ "group_prefix": "x" }), "group_prefix"),
        (json!({ "scope": "nonsense" }), "scope"),
        (json!({ "default_resource": "https://nothing.example" }), "default_resource"),
        (json!({ "origins": ["https://app.example/path"] }), "origins"),
        (json!({ "metadata": { "policy_uri": "javascript:alert(1)" } }), "policy_uri"),
        (json!({ "metadata": { "client_uri": 1 } }), "metadata"),
        (json!({ "metadata": { "nonsense": 1 } }), "metadata"),
        // Without grants no user signs in, so nobody need be named.
        (json!({ "grant_types": null, "access": null, "redirect_uris": null }), ""),
    ] {
        match (app.edit_client("web", patch(change.clone())).await, field) {
            (Ok(_), "") => {}
            (Err(Refused::Invalid(faults)), field) => assert_eq!(faults[0].field, field, "{change}: {faults:?}"),
            (other, _) => panic!("{change}: {other:?}"),
        }
    }
    for unknown in [json!({ "client_id": "other" }), json!({ "version": 3 }), json!({ "secrets": [] })] {
        assert!(serde_json::from_value::<ClientPatch>(unknown).is_err());
    }
    let missing = app.edit_client("nobody", ClientPatch::default()).await.unwrap_err();
    assert_eq!(missing.to_string(), "there is no client nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn narrowing_takes_effect_at_once() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = browser.get(&app.authorize(&[])).await;
    assert_eq!(page.heading(), "Allow Web Shop access?");
    let tokens = browser.consent(&page).await.reply();
    let tokens = app.redeem(&tokens["code"], &[]).await;
    let waiting = browser.get(&app.authorize(&[("prompt", "consent")])).await;
    app.edit_client("web", patch(json!({ "scope": "openid", "redirect_uris": ["https://new.example/cb"] }))).await.unwrap();
    assert_eq!(browser.consent(&waiting).await.heading(), "This app can no longer sign you in here");
    let form = [("grant_type", "refresh_token"), ("refresh_token", tokens.str("refresh_token"))];
    let refreshed = app.post("/token").form(&form).basic_auth("web", SECRET).send().await;
    assert_eq!(refreshed.str("scope"), "openid", "{}", refreshed.text);
    app.edit_client("web", patch(json!({ "grant_types": ["authorization_code"] }))).await.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refreshed.str("refresh_token"))];
    assert_eq!(app.post("/token").form(&form).basic_auth("web", SECRET).send().await.error(), (400, "unauthorized_client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_and_go_with_the_method() {
    let app = app().await;
    let public = app.edit_client("web", patch(json!({ "public": true }))).await.unwrap();
    assert!(public.client_secret.is_none() && public.client.secrets.is_empty());
    assert_eq!(public.client.pkce.as_str(), "required");
    let confidential = app.edit_client("web", patch(json!({ "public": false }))).await.unwrap();
    let secret = confidential.client_secret.unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    assert_eq!(app.post("/token").form(&form).basic_auth("web", SECRET).send().await.status, 401, "the old secret is gone");
    assert_eq!(app.post("/token").form(&form).basic_auth("web", &secret).send().await.error(), (400, "invalid_grant"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_an_old_state_is_refused() {
    let app = app().await;
    let version = clients::show(&app.reading(), "web").await.unwrap().version;
    let edit = async |name: &str, expected| {
        let edit = ClientEdit::prepare(&app.app, patch(json!({ "client_name": name })), Asker::Operator).await.unwrap();
        app.operate(|change| Box::pin(edit_client::edit(change, "web", edit, expected))).await
    };
    edit("One", Some(version)).await.unwrap();
    assert!(matches!(edit("Two", Some(version)).await, Err(Refused::Stale)));
    assert_eq!(clients::show(&app.reading(), "web").await.unwrap().client_name, "One");
    app.disable_client("web").await;
    assert!(matches!(edit("Two", Some(version + 1)).await, Err(Refused::Stale)), "disabling is a change, too");
    edit("Two", Some(version + 2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn registered_clients_that_nobody_uses_are_removed() {
    let app = TestApp::with(|settings| {
        settings.open_registration = true;
        settings.registered_client_unused_days = 10;
    })
    .await
    .with_orders()
    .await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let metadata = json!({ "redirect_uris": ["https://new.example/cb"] });
        let made = app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap();
        let made: serde_json::Value = made.json().await.unwrap();
        ids.push(made["client_id"].as_str().unwrap().to_owned());
    }
    app.app.store.note_use(&ids[0], None, app.clock_now() + 5 * 86400);
    let registered = async || {
        let filter = clients::ClientFilter { registered: Some(true), ..Default::default() };
        let page = clients::list(&app.reading(), &filter, &app.window()).await.unwrap();
        page.items.into_iter().map(|client| client.client_id).collect::<Vec<_>>()
    };
    assert_eq!(registered().await.len(), 3);
    app.advance(10 * 86400);
    jobs::clean(&app.app).await.unwrap();
    assert_eq!(registered().await.len(), 3, "not before the time is over");
    app.advance(1);
    jobs::clean(&app.app).await.unwrap();
    assert_eq!(registered().await, [ids[0].clone()]);
    let removed = app.count("SELECT count(*) FROM audit_events WHERE event = 'client_removed' AND actor_kind = 'issuer' AND face = 'job'");
    assert_eq!(removed.await, 2);
    assert_eq!(app.count("SELECT count(*) FROM clients WHERE id IN ('shop', 'cli')").await, 2, "an administrator's clients stay");
}
