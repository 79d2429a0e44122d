//! A resource that the request names is the only audience, and it is refused if nothing was granted for it.

use serde_json::json;

use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::grants::Grant;

use crate::support::{Answer, Browser, CALLBACK, ORDERS, PASSWORD, SECRET, TestApp, VERIFIER};

#[tokio::test(flavor = "multi_thread")]
async fn a_named_resource_is_the_only_audience() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let ask = |resource: String, scope: &'static str| {
        let app = &app;
        async move {
            let parameters = [
                ("grant_type", "password"),
                ("client_id", "shop"),
                ("username", "alice"),
                ("password", PASSWORD),
                ("scope", scope),
                ("resource", &resource),
            ];
            app.token(&parameters).await
        }
    };
    let orders = ask(ORDERS.to_owned(), "openid orders:read").await;
    assert_eq!((&orders.claims()["aud"], orders.str("scope")), (&json!(ORDERS), "orders:read"));
    assert!(orders.json["id_token"].is_string());
    let userinfo = ask(format!("{}/userinfo", app.url), "openid orders:read").await;
    assert_eq!((&userinfo.claims()["aud"], userinfo.str("scope")), (&json!(format!("{}/userinfo", app.url)), "openid"));
    // The authorization keeps all granted scopes, so that a refresh can ask for the other resource.
    let refreshed = app
        .token(&[
            ("grant_type", "refresh_token"),
            ("client_id", "shop"),
            ("refresh_token", userinfo.str("refresh_token")),
            ("resource", ORDERS),
        ])
        .await;
    assert_eq!((&refreshed.claims()["aud"], refreshed.str("scope")), (&json!(ORDERS), "orders:read"));

    assert_eq!(ask("https://unknown.example".to_owned(), "").await.error(), (400, "invalid_target"));
    // An empty path equals "/"; the audience is what was registered. Nothing else is changed.
    assert_eq!(ask(format!("{ORDERS}/"), "orders:read").await.claims()["aud"], ORDERS);
    for other in [format!("{ORDERS}//"), format!("{ORDERS}/x"), ORDERS.to_uppercase(), format!("{ORDERS}:443"), format!("{ORDERS}/?")] {
        assert_eq!(ask(other.clone(), "orders:read").await.error(), (400, "invalid_target"), "{other}");
    }
    // This resource exists, but the client may ask for none of its scopes.
    assert_eq!(ask(app.url.clone(), "").await.error(), (400, "invalid_target"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_granted_no_scope_of_the_resource_is_refused() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_resource("https://invoices.example", &["invoices:read"], None).await;
    app.change_clerk(&["invoices:read"], &[]).await;
    app.add_client("books", true, "password", &["orders:read", "invoices:read"]).await;
    let ask = |resource: &'static str, scope: &'static str| {
        let mut form =
            vec![("grant_type", "password"), ("client_id", "books"), ("username", "alice"), ("password", PASSWORD), ("scope", scope)];
        if !resource.is_empty() {
            form.push(("resource", resource));
        }
        let request = app.post("/token").form(&form);
        async move { request.send().await }
    };
    assert_eq!(ask("", "invoices:read").await.error(), (400, "invalid_target"), "the default resource does not own the scope");
    assert_eq!(ask("https://invoices.example", "orders:read").await.error(), (400, "invalid_target"));
    let both = ask("https://invoices.example", "orders:read invoices:read").await;
    assert_eq!((both.str("scope"), &both.claims()["aud"]), ("invoices:read", &json!("https://invoices.example")));
}

const INVOICES: &str = "https://invoices.example";
/// A resource that owns no scopes.
const BARE: &str = "https://bare.example";

/// An issuer with the first-party client `all`, which may use every grant and ask for `orders:read`, `invoices:read` and `openid`. Alice
/// may read orders, but no invoices.
async fn app_with_two_resources() -> TestApp {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_resource(INVOICES, &["invoices:read"], None).await;
    app.add_resource(BARE, &[], None).await;
    let grants = "password refresh_token client_credentials authorization_code";
    app.add_client_with("all", false, grants, &["orders:read", "invoices:read", "openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    app
}

/// Asks for tokens as `client`, for `resource` if it is not empty.
async fn token(app: &TestApp, client: &str, form: &[(&str, &str)], resource: &str) -> Answer {
    let named = [("resource", resource)];
    let form = [form, if resource.is_empty() { &[] } else { &named }].concat();
    app.post("/token").basic_auth(client, SECRET).form(&form).send().await
}

/// Redeems `code` as `client`.
async fn redeem(app: &TestApp, client: &str, code: &str, resource: &str) -> Answer {
    let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    token(app, client, &form, resource).await
}

async fn refresh(app: &TestApp, client: &str, answer: &Answer, resource: &str) -> Answer {
    token(app, client, &[("grant_type", "refresh_token"), ("refresh_token", answer.str("refresh_token"))], resource).await
}

/// Asks for a token by `grant`. `scope` is what the authorization is asked for.
async fn ask(app: &TestApp, browser: &Browser, grant: Grant, scope: &str, resource: &str) -> Answer {
    let by_password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", scope)];
    match grant {
        Grant::Password => token(app, "all", &by_password, resource).await,
        Grant::ClientCredentials => token(app, "all", &[("grant_type", grant.name()), ("scope", scope)], resource).await,
        Grant::RefreshToken => refresh(app, "all", &token(app, "all", &by_password, "").await, resource).await,
        Grant::AuthorizationCode => {
            let code = browser.code(&app.authorize(&[("client_id", "all"), ("scope", scope)])).await;
            redeem(app, "all", &code, resource).await
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_grant_gives_a_token_for_a_resource_of_which_nothing_was_granted() {
    let app = app_with_two_resources().await;
    let browser = app.signed_in("alice").await;
    let userinfo = format!("{}/userinfo", app.url);
    for grant in Grant::ALL.iter().copied() {
        for asked in ["orders:read", "openid orders:read", "orders:read invoices:read"] {
            for resource in ["", ORDERS, INVOICES, &userinfo, BARE, &app.url] {
                let for_itself = grant == Grant::ClientCredentials;
                // A client that acts for itself needs no role, but gets no scope of OpenID Connect.
                let granted = |scope| asked.contains(scope) && if for_itself { scope != "openid" } else { scope != "invoices:read" };
                let expected = match resource {
                    "" | ORDERS => granted("orders:read"),
                    INVOICES => granted("invoices:read"),
                    BARE => false,
                    other => other == userinfo && granted("openid"),
                };
                let answer = ask(&app, &browser, grant, asked, resource).await;
                let what = format!("{grant:?}, {asked}, {resource}: {}", answer.text);
                if !expected {
                    assert_eq!(answer.error(), (400, "invalid_target"), "{what}");
                    continue;
                }
                assert_eq!(answer.status, 200, "{what}");
                assert!(!answer.str("scope").is_empty(), "{what}");
                let expected = match resource {
                    "" if granted("openid") => json!([ORDERS, userinfo]),
                    "" => json!(ORDERS),
                    named => json!(named),
                };
                assert_eq!(answer.claims()["aud"], expected, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_which_the_last_scope_was_taken_away_is_out_of_reach() {
    let app = app_with_two_resources().await;
    app.change_clerk(&["invoices:read"], &[]).await;
    let browser = app.signed_in("alice").await;
    let first = ask(&app, &browser, Grant::Password, "orders:read invoices:read", INVOICES).await;
    let second = refresh(&app, "all", &first, INVOICES).await;
    assert_eq!(second.claims()["aud"], json!(INVOICES));
    app.change_clerk(&[], &["invoices:read"]).await;
    let answer = refresh(&app, "all", &second, INVOICES).await;
    assert_eq!(answer.error(), (400, "invalid_target"));
    assert!(answer.text.contains(INVOICES), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_without_scopes_is_reached_only_by_consent_to_its_name() {
    let app = app_with_two_resources().await;
    for (id, first_party) in [("third", false), ("first", true)] {
        app.add_client_with(id, false, "authorization_code refresh_token", &["openid", "invoices:read"], |client| {
            client.redirect_uris = vec![CALLBACK.into()];
            client.default_resource = Some(BARE.to_owned());
            client.first_party = first_party;
        })
        .await;
    }
    let browser = app.signed_in("alice").await;
    let request = |client| app.authorize(&[("client_id", client), ("scope", "openid"), ("resource", BARE)]);
    assert_eq!(browser.get(&request("first")).await.reply()["error"], "invalid_target");
    // Alice may not read invoices, and nobody may consent to what they may not do.
    let invoices = app.authorize(&[("client_id", "third"), ("scope", "openid"), ("resource", INVOICES)]);
    assert_eq!(browser.get(&invoices).await.reply()["error"], "invalid_target");

    let page = browser.get(&request("third")).await;
    assert!(page.text.contains(BARE) && page.text.contains("Use https://bare.example for you"), "{}", page.text);
    let code = browser.consent(&page).await.reply()["code"].clone();
    let tokens = redeem(&app, "third", &code, BARE).await;
    assert_eq!((tokens.status, &tokens.claims()["aud"], tokens.str("scope")), (200, &json!(BARE), ""), "{}", tokens.text);
    // The consent is remembered, and shown among the apps.
    assert!(browser.get(&request("third")).await.reply().contains_key("code"));
    let apps = browser.get("/account/consents").await;
    assert!(apps.text.contains("Use https://bare.example for you"), "{}", apps.text);
    browser.submit(&apps, "/account/consents", &[]).await;
    let refreshed = refresh(&app, "third", &tokens, "").await;
    assert_eq!(refreshed.error(), (400, "invalid_grant"));
    assert_eq!(browser.get(&request("third")).await.heading(), "Allow third access?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_scope_for_a_resource_of_which_nothing_can_be_granted_has_no_target() {
    let app = app_with_two_resources().await;
    let open = ResourcePatch { open: Some(true), ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, BARE, open))).await.unwrap();
    app.add_client_with("third", false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.default_resource = None;
    })
    .await;
    let browser = app.signed_in("alice").await;
    let at_page = async |client: &str, scope: &str, resource: &str| {
        browser.get(&app.authorize(&[("client_id", client), ("scope", scope), ("resource", resource)])).await
    };

    let without_scopes = "resource: https://bare.example owns no scopes, so the user must allow it by its name";
    let without_role = "resource: no scope of https://invoices.example was granted";
    for (client, resource, reason) in [("all", BARE, without_scopes), ("third", BARE, without_scopes), ("all", INVOICES, without_role)] {
        let reply = at_page(client, "", resource).await.reply();
        assert_eq!(reply["error"], "invalid_target", "{client} {resource}");
        assert!(reply["error_description"].starts_with(reason), "{client} {resource}: {reply:?}");
    }
    for grant in [Grant::Password, Grant::ClientCredentials] {
        let answer = ask(&app, &browser, grant, "", BARE).await;
        assert_eq!(answer.error(), (400, "invalid_target"), "{grant:?}: {}", answer.text);
        assert!(answer.str("error_description").starts_with(without_scopes), "{grant:?}: {}", answer.text);
    }
    // A scope that the request names, and one that it lacks although it names no resource either, are faults of the scope.
    assert_eq!(at_page("all", "invoices:read", INVOICES).await.reply()["error"], "invalid_scope");
    assert_eq!(at_page("third", "", "").await.reply()["error"], "invalid_scope");
    // What the description says helps.
    let page = at_page("third", "openid", BARE).await;
    assert!(page.text.contains("Use https://bare.example for you"), "{}", page.text);
}
