//! An export tells which values of attributes people typed themselves, and an import keeps that, so that no such value becomes a claim that
//! applications trust.

use serde_json::{Value, json};
use signet_issuer::admin::attributes::{self as declared, AttributePatch};
use signet_issuer::admin::client_claims;
use signet_issuer::admin::transfer::{Counts, ImportOptions};

use crate::admin::transfer::{check, exported, import, prepared};
use crate::support::TestApp;

const UPDATE: ImportOptions = ImportOptions { update: true, allow_admin: false, keep_ids: true };

async fn edit(app: &TestApp, name: &str, patch: Value) {
    let patch: AttributePatch = serde_json::from_value(patch).unwrap();
    app.operate(|change| Box::pin(declared::edit(change, name, patch, None))).await.unwrap();
}

/// Returns an issuer where bob typed his teams himself, and an administrator set his floor. Later nobody may type teams any more, and a client
/// is told of them as groups.
async fn with_typed() -> TestApp {
    let app = prepared().await.with_web().await;
    app.add_user("bob", &["clerk"]).await;
    import(&app, UPDATE, &[json!({ "username": "bob", "attributes": { "floor": 3 } })]).await;
    edit(&app, "teams", json!({ "visibility": "user", "mutability": "user" })).await;
    let browser = app.signed_in("bob").await;
    browser.send_filled(&browser.get("/account").await, "/account", &[("attribute-teams", "admins\nroot")]).await;
    edit(&app, "teams", json!({ "mutability": "admin" })).await;
    trust_teams(&app).await;
    app
}

async fn trust_teams(app: &TestApp) {
    let claim = json!({
        "claim": "groups", "source": "attribute", "attribute": "teams", "shape": "list", "in_id_token": true, "in_userinfo": true
    });
    app.operate(|change| Box::pin(client_claims::put(change, "web", serde_json::from_value(claim).unwrap()))).await.unwrap();
}

/// Returns the groups that UserInfo tells the client of bob.
async fn told(app: &TestApp) -> Value {
    let browser = app.signed_in("bob").await;
    let tokens = app.code_flow(&browser, &[("scope", "openid orders:read")]).await;
    app.get("/userinfo").bearer(tokens.str("access_token")).send().await.json["groups"].clone()
}

fn line_of(file: &[Value], username: &str) -> Value {
    file.iter().find(|user| user["username"] == username).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_typed_stays_typed_through_an_export_and_an_import() {
    let (old, new) = (with_typed().await, prepared().await.with_web().await);
    let file = exported(&old, true).await;
    let bob = line_of(&file, "bob");
    assert_eq!((&bob["attributes"], &bob["typed_attributes"]), (&json!({ "floor": 3, "teams": ["admins", "root"] }), &json!(["teams"])));
    assert_eq!(line_of(&file, "admin").get("typed_attributes"), None, "a user without attributes has none that they typed");
    assert_eq!(told(&old).await, Value::Null);

    assert_eq!(import(&new, UPDATE, std::slice::from_ref(&bob)).await, Counts { added: 1, ..Counts::default() });
    trust_teams(&new).await;
    let mut again = line_of(&exported(&new, true).await, "bob");
    again["updated_at"] = bob["updated_at"].clone();
    again["last_sign_in_at"] = bob["last_sign_in_at"].clone();
    assert_eq!(again, bob);
    assert_eq!(told(&new).await, Value::Null, "what bob typed is no group at the new issuer either");
    assert_eq!(import(&new, UPDATE, std::slice::from_ref(&bob)).await, Counts { unchanged: 1, ..Counts::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_changes_what_counts_as_typed_only_if_it_says_so_or_sets_another_value() {
    let app = with_typed().await;
    let typed = async || line_of(&exported(&app, false).await, "bob")["typed_attributes"].clone();
    let same = json!({ "username": "bob", "attributes": { "floor": 3, "teams": ["admins", "root"] } });
    assert_eq!(import(&app, UPDATE, std::slice::from_ref(&same)).await.unchanged, 1, "nobody has vouched for the value");
    assert_eq!(typed().await, json!(["teams"]));
    let vouched = json!({ "username": "bob", "typed_attributes": [] });
    let (_, refused) = check(&app, ImportOptions { update: false, ..UPDATE }, std::slice::from_ref(&vouched)).await;
    assert!(refused[0].to_string().contains("--update changes those who exist"), "{}", refused[0]);
    assert_eq!(import(&app, UPDATE, std::slice::from_ref(&vouched)).await.updated, 1);
    assert_eq!(typed().await, json!([]));
    assert_eq!(told(&app).await, json!(["admins", "root"]), "the operator has vouched for it");
    assert_eq!(import(&app, UPDATE, &[json!({ "username": "bob", "typed_attributes": ["floor", "teams"] })]).await.updated, 1);
    assert_eq!(typed().await, json!(["floor", "teams"]));
    assert_eq!(import(&app, UPDATE, &[json!({ "username": "bob", "attributes": { "floor": 3, "teams": ["red"] } })]).await.updated, 1);
    assert_eq!(typed().await, json!(["floor"]), "the import set another value");
    for (line, text) in [
        (
            json!({ "username": "bob", "typed_attributes": ["remote"] }),
            "typed_attributes: expected names of attributes of which the user has values",
        ),
        (
            json!({ "username": "carol", "typed_attributes": ["teams"] }),
            "typed_attributes: expected names of attributes of which the user has values",
        ),
        (json!({ "username": "carol", "typed_attributes": "teams" }), "typed_attributes: expected a list of names of attributes"),
    ] {
        let (_, refused) = check(&app, UPDATE, std::slice::from_ref(&line)).await;
        assert!(refused[0].to_string().contains(text), "{line}: {}", refused[0]);
    }
}
