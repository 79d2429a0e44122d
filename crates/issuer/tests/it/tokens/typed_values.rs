//! A value that a person typed themselves never becomes a claim that applications trust, also after people have lost the right to change the
//! attribute, until an administrator sets the value.

use serde_json::{Value, json};
use signet_issuer::admin::attributes::{self, AttributePatch};
use signet_issuer::admin::client_claims;
use signet_issuer::admin::users;
use signet_issuer::store::attributes as attribute_store;

use crate::interaction::app;
use crate::support::{Browser, TestApp, claims};

/// Returns the claims of an ID token of alice for the client `web`.
async fn id_token(app: &TestApp, browser: &Browser) -> Value {
    claims(app.code_flow(browser, &[("scope", "openid")]).await.str("id_token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_typed_stays_theirs_until_an_administrator_sets_it() {
    let app = app().await;
    app.add_user("boss", &["admin"]).await;
    let draft = json!({ "name": "team", "type": "string", "multi_valued": true, "visibility": "user", "mutability": "user" });
    let draft = serde_json::from_value(draft).unwrap();
    app.operate(|change| Box::pin(attributes::add(change, draft))).await.unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| async { users::show(&app.reading(), name).await.unwrap().id });
    let (alice, bob) = (alice.await, bob.await);
    let set = async |id, value: Value| {
        let patch = serde_json::from_value(json!({ "attributes": { "team": value } })).unwrap();
        app.operate(|change| Box::pin(users::edit(change, id, patch, None))).await.unwrap()
    };
    set(bob, json!(["red"])).await;
    let own = app.signed_in("alice").await;
    own.send_filled(&own.get("/account").await, "/account", &[("attribute-team", "admins\nred")]).await;
    assert_eq!(attributes::count_typed(&app.reading(), "team").await.unwrap(), 1, "an administrator set that of bob");

    let boss = app.signed_in("boss").await;
    let path = "/admin/attributes/team/edit";
    let asked = boss.send_filled(&boss.get(path).await, path, &[("mutability", "admin")]).await;
    for told in ["People no longer change their own value. One person has typed theirs, which stays.", "(groups, roles, email,"] {
        assert!(asked.text.contains(told), "{told}: {}", asked.text);
    }
    let patch: AttributePatch = serde_json::from_value(json!({ "mutability": "admin" })).unwrap();
    app.operate(|change| Box::pin(attributes::edit(change, "team", patch, None))).await.unwrap();
    for claim in ["groups", "team"] {
        let claim = json!({
            "claim": claim, "source": "attribute", "attribute": "team", "shape": "list", "in_id_token": true, "in_userinfo": true,
        });
        let claim = serde_json::from_value(claim).unwrap();
        app.operate(|change| Box::pin(client_claims::put(change, "web", claim))).await.unwrap();
    }
    let told = id_token(&app, &own).await;
    assert_eq!((told.get("groups"), &told["team"]), (None, &json!(["admins", "red"])), "{told}");
    let page = boss.get("/admin/clients/web/try?user=alice&scope=openid").await;
    assert!(page.text.contains("this user typed the value before"), "{}", page.text);
    let told = id_token(&app, &app.signed_in("bob").await).await;
    assert_eq!(told["groups"], json!(["red"]), "{told}");

    // To save the form of the user vouches for nothing that it merely shows.
    let page = "/admin/users/alice/edit";
    boss.send_filled(&boss.get(page).await, page, &[("name", "Alice Other")]).await;
    assert_eq!(id_token(&app, &own).await.get("groups"), None);
    let before = users::show(&app.reading(), "alice").await.unwrap();
    assert_eq!(before.name.as_deref(), Some("Alice Other"));
    let after = set(alice, json!(["admins", "red"])).await;
    assert_eq!(after.version, before.version + 1, "an administrator vouches for the value");
    assert_eq!(set(alice, json!(["admins", "red"])).await.version, after.version, "once");
    assert_eq!(id_token(&app, &own).await["groups"], json!(["admins", "red"]));
    assert_eq!(attributes::count_typed(&app.reading(), "team").await.unwrap(), 0);
    let asked = boss.send_filled(&boss.get(path).await, path, &[("visibility", "admin")]).await;
    assert!(!asked.text.contains("typed"), "{}", asked.text);
    let db = app.plans().await;
    attribute_store::count_typed(&db, "team", 1000).await.unwrap();
    db.assert_indexed(&["user_attributes_typed"]);
}
