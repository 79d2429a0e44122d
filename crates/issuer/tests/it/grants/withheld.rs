//! The scopes `groups` and `roles` are granted to a client that registered itself only once an administrator has allowed it to be told of
//! them, whatever the grant.

use serde_json::json;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;

use crate::support::{Answer, PASSWORD, SECRET, TestApp};

const ASKED: &str = "openid groups roles orders:read";

/// Allows or forbids the client `web` to be told of groups, roles and attributes.
async fn allow(app: &TestApp, allowed: bool) {
    app.edit_client("web", ClientPatch { claims_allowed: Patch::Set(allowed), ..ClientPatch::default() }).await.unwrap();
}

async fn ask(app: &TestApp, form: &[(&str, &str)]) -> Answer {
    app.post("/token").basic_auth("web", SECRET).form(form).send().await
}

fn sorted(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut scopes: Vec<&str> = answer.str("scope").split(' ').collect();
    scopes.sort_unstable();
    scopes
}

#[tokio::test(flavor = "multi_thread")]
async fn no_grant_says_that_it_gave_what_is_withheld() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let patch = ClientPatch {
        scope: Patch::Set("openid groups roles orders:read offline_access".to_owned()),
        grant_types: Patch::Set(["password", "authorization_code", "refresh_token"].map(str::to_owned).to_vec()),
        ..ClientPatch::default()
    };
    app.edit_client("web", patch).await.unwrap();
    let (few, all) = (vec!["openid", "orders:read"], vec!["groups", "openid", "orders:read", "roles"]);
    let browser = app.signed_in("alice").await;
    let by_password = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", ASKED)];
    let allowed = ask(&app, &by_password).await;
    assert_eq!(sorted(&allowed), all);
    let by_code = app.code_flow(&browser, &[("scope", ASKED)]).await;
    assert_eq!(sorted(&by_code), all);

    allow(&app, false).await;
    let withheld = ask(&app, &by_password).await;
    assert_eq!(sorted(&withheld), few);
    assert_eq!(withheld.claims()["scope"], withheld.json["scope"], "the token holds what the answer says");
    assert_eq!(sorted(&app.code_flow(&browser, &[("scope", ASKED)]).await), few);
    let refresh =
        async |tokens: &Answer| ask(&app, &[("grant_type", "refresh_token"), ("refresh_token", tokens.str("refresh_token"))]).await;
    let [refreshed, by_code] = [refresh(&allowed).await, refresh(&by_code).await];
    assert_eq!((sorted(&refreshed), sorted(&by_code)), (few.clone(), few.clone()), "what was granted before is withheld, too");
    let only = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD), ("scope", "groups roles")];
    assert_eq!(ask(&app, &only).await.error(), (400, "invalid_scope"));
    let told = app.get("/userinfo").bearer(refreshed.str("access_token")).send().await;
    assert_eq!((told.status, told.json.get("groups"), told.json.get("roles")), (200, None, None), "{}", told.text);

    allow(&app, true).await;
    let again = refresh(&refreshed).await;
    assert_eq!(sorted(&again), all, "what was granted before it was withheld is given again");
    assert_eq!(sorted(&refresh(&withheld).await), few, "what was withheld when it was asked for was never granted");
    assert_eq!(again.json["token_type"], json!("Bearer"));
}
