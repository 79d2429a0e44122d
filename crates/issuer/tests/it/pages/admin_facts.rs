//! The pages of clients, resources, attributes and users show everything that is set, and each name of theirs leads to its page.

use serde_json::json;
use signet_issuer::admin::attributes;
use signet_issuer::admin::client_claims;
use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::groups::{self, GroupDraft};
use signet_issuer::admin::users::{self, UserPatch};
use signet_issuer::oauth::client_metadata::{ClientMetadata, MEMBERS};
use signet_issuer::oauth::token_claim::TokenClaim;

use crate::support::{CALLBACK, ORDERS, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_client_shows_every_setting_to_whoever_may_only_read() {
    let app = TestApp::administered().await;
    let metadata = json!({
        "application_type": "web",
        "contacts": ["ops@full.example"],
        "client_uri": "https://full.example/home",
        "logo_uri": "https://full.example/logo.png",
        "policy_uri": "https://full.example/policy",
        "tos_uri": "https://full.example/terms",
        "initiate_login_uri": "https://full.example/begin",
        "sector_identifier_uri": "https://full.example/sector",
        "jwks_uri": "https://full.example/jwks",
        "jwks": { "keys": [{ "kid": "the-own-key" }] },
        "post_logout_redirect_uris": ["https://full.example/bye", "https://full.example/later"],
        "backchannel_logout_uri": "https://full.example/back",
        "backchannel_logout_session_required": true,
        "frontchannel_logout_uri": "https://full.example/front",
        "frontchannel_logout_session_required": true,
        "default_max_age": 4321,
        "require_auth_time": true,
        "default_acr_values": ["the-acr"],
        "id_token_signed_response_alg": "RS256",
        "userinfo_signed_response_alg": "RS256",
        "token_endpoint_auth_signing_alg": "RS256",
    });
    let members = metadata.as_object().unwrap();
    assert!(MEMBERS.iter().all(|name| members.contains_key(*name)) && members.len() == MEMBERS.len());
    serde_json::from_value::<ClientMetadata>(metadata.clone()).unwrap();
    app.add_client_with("full", false, "authorization_code", &["openid"], |client| client.redirect_uris = vec![CALLBACK.into()]).await;
    let bare = app.signed_in("admin-read").await.get("/admin/clients/full").await;
    // No client can have all of them at once, but the page would show them.
    app.sql(&format!(
        "UPDATE clients SET metadata = '{metadata}', signals_of_all_users = TRUE, session_management = TRUE WHERE id = 'full'"
    ))
    .await;
    let browser = app.signed_in("admin-read").await;
    assert_eq!(browser.get("/admin/clients/full/edit").await.status, 403);
    let page = browser.get("/admin/clients/full").await;
    for (name, value) in members {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for text in values.iter().filter_map(|value| value.as_str()) {
            assert!(page.text.contains(text), "{name}: {}", page.text);
        }
    }
    for words in ["the-own-key", "4321", "whether people are still signed in", "of all users", "What is not named here is not set."] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    let facts = |text: &str| text.matches("<dt>").count();
    assert!(facts(&page.text) >= facts(&bare.text) + MEMBERS.len(), "each member has a line of its own: {}", page.text);

    let patch =
        ResourcePatch { token_claims: Some(vec![TokenClaim::ALL[0]]), group_prefix: Some("app-".to_owned()), ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
    let page = browser.get("/admin/resources/https%3A%2F%2Forders%2Eexample").await;
    assert!(page.text.contains("those of the person whose names begin with app-"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_leads_to_its_page() {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    let draft = serde_json::from_value(json!({ "name": "team", "type": "string" })).unwrap();
    app.operate(|change| Box::pin(attributes::add(change, draft))).await.unwrap();
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    let patch: UserPatch = serde_json::from_value(json!({ "attributes": { "team": "red" } })).unwrap();
    app.operate(|change| Box::pin(users::edit(change, id, patch, None))).await.unwrap();
    app.operate(|change| Box::pin(groups::add(change, GroupDraft { name: "on call".to_owned(), ..GroupDraft::default() }))).await.unwrap();
    for (claim, source) in [
        ("squad", json!({ "source": "attribute", "attribute": "team" })),
        ("level", json!({ "source": "group_map", "map": [{ "group": "on call", "value": "high" }], "default": "low" })),
    ] {
        let mut claim = json!({ "claim": claim, "shape": "first", "in_id_token": true, "in_userinfo": true });
        claim.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        let claim = serde_json::from_value(claim).unwrap();
        app.operate(|change| Box::pin(client_claims::put(change, "web", claim))).await.unwrap();
    }
    app.sql(&format!("UPDATE clients SET default_resource = (SELECT id FROM resources WHERE identifier = '{ORDERS}') WHERE id = 'web'"))
        .await;
    let browser = app.signed_in("admin-read").await;
    let orders = "/admin/resources/https%3A%2F%2Forders%2Eexample";
    let userinfo = format!("/admin/resources/{}", percent(&format!("{}/userinfo", app.url)));
    for (path, links) in [
        (
            "/admin/clients/web",
            vec![
                (orders, "orders:read"),
                (orders, ORDERS),
                (&userinfo, "openid"),
                ("/admin/attributes/team", "team"),
                ("/admin/groups/on%20call", "on call"),
            ],
        ),
        ("/admin/roles/clerk", vec![(orders, "orders:read"), (orders, "orders:write")]),
        ("/admin/attributes/team", vec![("/admin/clients/web", "web")]),
    ] {
        let page = browser.get(path).await;
        for (link, text) in links {
            assert!(page.text.contains(&format!("href=\"{link}\">{text}</a>")), "{path}: {link} {text}: {}", page.text);
            assert_eq!(browser.get(link).await.status, 200, "{link}");
        }
    }
    let page = browser.get("/admin/attributes/team").await;
    assert!(page.text.contains("<td data-label=\"Claim\">squad</td>"), "{}", page.text);
    assert!(page.text.contains("<dt>Users with a value</dt><dd>1</dd>"), "{}", page.text);
    // The help desk may not see clients, so it is led nowhere.
    let page = app.signed_in("admin-users").await.get("/admin/roles/clerk").await;
    assert!(page.text.contains("orders:read") && !page.text.contains(orders), "{}", page.text);
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_user_says_how_they_sign_in() {
    let app = TestApp::administered().await.with_user("alice").await;
    let token = app.token_of("boss", "admin").await;
    let hash = "$2b$12$WhF1xwpvvgzk5ZS3uhVcYOM5pMk1tM3LuYqce7nOuemsALEogZ1Fi";
    for body in [json!({ "username": "carl" }), json!({ "username": "dora", "password_hash": hash })] {
        assert_eq!(app.call("POST", "/users", &token, None, Some(body)).await.status, 201);
    }
    app.add_user("eve", &[]).await;
    app.generate_password("eve").await;
    let methods = async |name: &str| json!(users::show(&app.reading(), name).await.unwrap().methods);
    assert_eq!(methods("carl").await, json!([]));
    let alice = methods("alice").await;
    assert!(alice[0]["since"].as_str().unwrap().starts_with("20"), "{alice}");
    assert_eq!(
        (&alice[0]["method"], &alice[0]["foreign_hash"], &alice[0]["must_change"]),
        (&json!("password"), &json!(false), &json!(false))
    );
    assert_eq!((&methods("dora").await[0]["foreign_hash"], &methods("eve").await[0]["must_change"]), (&json!(true), &json!(true)));
    let browser = app.signed_in("boss").await;
    for (name, words) in [
        ("alice", "<td data-label=\"Method\">password</td>"),
        ("carl", "None. The user sets a password by a link."),
        ("dora", "hash of another system, until the next sign-in"),
        ("eve", "generated, must be changed"),
    ] {
        let page = browser.get(&format!("/admin/users/{name}")).await;
        assert!(page.text.contains("How they sign in") && page.text.contains(words), "{name}: {}", page.text);
    }
    // Another password has another time; a sign-in does not change it, nor the version.
    app.advance(100_000);
    let before = users::show(&app.reading(), "alice").await.unwrap();
    app.sign_in("alice", "openid").await;
    let after = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!((&before.methods, before.version), (&after.methods, after.version));
    app.generate_password("alice").await;
    let changed = methods("alice").await;
    assert!(changed[0]["since"].as_str() > alice[0]["since"].as_str(), "{changed} {alice}");
}
