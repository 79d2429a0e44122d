//! Attributes are declared with a type and rules, and users get values that obey them.

use serde_json::{Value, json};
use signet_issuer::admin::Refused;
use signet_issuer::admin::attributes::{self, AttributePatch, AttributeView};
use signet_issuer::admin::users::{self, UserPatch, UserView};
use signet_issuer::admin::{client_claims, clients};
use uuid::Uuid;

use crate::support::TestApp;

async fn declare(app: &TestApp, draft: Value) -> Result<AttributeView, Refused> {
    let draft = serde_json::from_value(draft).unwrap();
    app.operate(|change| Box::pin(attributes::add(change, draft))).await
}

async fn set(app: &TestApp, id: Uuid, values: Value) -> Result<UserView, Refused> {
    let patch: UserPatch = serde_json::from_value(json!({ "attributes": values })).unwrap();
    app.operate(|change| Box::pin(users::edit(change, id, patch, None))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_declaration_names_its_fields() {
    let app = TestApp::new().await;
    for (draft, field) in [
        (json!({ "name": "email", "type": "string" }), "name"),
        (json!({ "name": "sub", "type": "string" }), "name"),
        (json!({ "name": "a b", "type": "string" }), "name"),
        (json!({ "name": "a", "type": "string", "scope": "orders:read" }), "scope"),
        (json!({ "name": "a", "type": "string", "scope": "openid" }), "scope"),
        (json!({ "name": "a", "type": "string", "mutability": "user" }), "mutability"),
        (json!({ "name": "a", "type": "string", "pattern": "(" }), "pattern"),
        (json!({ "name": "a", "type": "string", "pattern": "a)|(b" }), "pattern"),
        (json!({ "name": "a", "type": "string", "pattern": "((((x{99}){99}){99}){99})" }), "pattern"),
        (json!({ "name": "a", "type": "number", "pattern": "1" }), "pattern"),
        (json!({ "name": "a", "type": "number", "min": 5, "max": 4 }), "max"),
        (json!({ "name": "a", "type": "boolean", "min": 1 }), "min"),
    ] {
        let refused = declare(&app, draft.clone()).await;
        assert!(matches!(&refused, Err(Refused::Invalid(faults)) if faults[0].field == field), "{draft}: {refused:?}");
    }
    declare(&app, json!({ "name": "team", "type": "string" })).await.unwrap();
    assert!(matches!(declare(&app, json!({ "name": "team", "type": "number" })).await, Err(Refused::Taken(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_obey_the_rules_of_their_attribute() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let id = users::show(&app.reading(), "alice").await.unwrap().id;
    declare(&app, json!({ "name": "desk", "type": "string", "pattern": "[A-Z]{2}[0-9]+|none", "max": 6 })).await.unwrap();
    declare(&app, json!({ "name": "level", "type": "number", "min": 1, "max": 9 })).await.unwrap();
    declare(&app, json!({ "name": "contractor", "type": "boolean" })).await.unwrap();
    declare(&app, json!({ "name": "teams", "type": "string", "multi_valued": true })).await.unwrap();
    let given = json!({ "desk": "AB12", "level": 2.5, "contractor": true, "teams": ["red", "blue", "red"] });
    let user = set(&app, id, given).await.unwrap();
    assert_eq!(json!(user.attributes), json!({ "desk": "AB12", "level": 2.5, "contractor": true, "teams": ["red", "blue"] }));
    let again = set(&app, id, json!({ "desk": "AB12" })).await.unwrap();
    assert_eq!((again.version, again.attributes.len()), (user.version, 4), "nothing was changed");
    let many: Vec<String> = (0..21).map(|number| format!("team{number}")).collect();
    for wrong in [
        json!({ "desk": "xAB12" }),
        json!({ "desk": "AB12345" }),
        json!({ "desk": ["AB1", "AB2"] }),
        json!({ "level": 10 }),
        json!({ "level": "many" }),
        json!({ "contractor": "yes" }),
        json!({ "teams": many }),
        json!({ "teams": ["a\u{7}"] }),
        json!({ "teams": "x".repeat(1025) }),
        json!({ "teams": { "a": 1 } }),
        json!({ "unknown": "x" }),
    ] {
        let refused = set(&app, id, wrong.clone()).await;
        assert!(matches!(&refused, Err(Refused::Invalid(faults)) if faults[0].field == "attributes"), "{wrong}: {refused:?}");
    }
    assert_eq!(
        json!(set(&app, id, json!({ "desk": null, "teams": [] })).await.unwrap().attributes),
        json!({ "level": 2.5, "contractor": true })
    );
    app.operate(|change| Box::pin(attributes::remove(change, "level", None))).await.unwrap();
    assert_eq!(json!(users::show(&app.reading(), "alice").await.unwrap().attributes), json!({ "contractor": true }));
    assert!(set(&app, id, Value::Null).await.unwrap().attributes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_keeps_name_and_type_and_raises_the_version() {
    let app = TestApp::new().await;
    let before = declare(&app, json!({ "name": "team", "type": "string", "min": 2 })).await.unwrap();
    let patch: AttributePatch = serde_json::from_value(json!({ "min": null, "visibility": "user", "display_name": "Team" })).unwrap();
    let after = app.operate(|change| Box::pin(attributes::edit(change, "team", patch, Some(before.version)))).await.unwrap();
    assert_eq!((after.min, after.display_name.as_str(), after.version), (None, "Team", 1));
    assert_eq!(attributes::show(&app.reading(), "team").await.unwrap(), after);
    let stale = app.operate(|change| Box::pin(attributes::remove(change, "team", Some(before.version)))).await;
    assert!(matches!(stale, Err(Refused::Stale)), "{stale:?}");
    assert!(serde_json::from_value::<AttributePatch>(json!({ "type": "number" })).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_may_not_edit_what_a_trusted_claim_comes_from() {
    let app = TestApp::new().await.with_orders().await.with_web().await;
    declare(&app, json!({ "name": "team", "type": "string" })).await.unwrap();
    let claim = |name: &str| {
        let claim =
            json!({ "claim": name, "source": "attribute", "attribute": "team", "shape": "list", "in_id_token": true, "in_userinfo": true });
        serde_json::from_value(claim).unwrap()
    };
    for name in ["groups", "team"] {
        app.operate(|change| Box::pin(client_claims::put(change, "web", claim(name)))).await.unwrap();
    }
    let open = || serde_json::from_value::<AttributePatch>(json!({ "mutability": "user", "visibility": "user" })).unwrap();
    match app.operate(|change| Box::pin(attributes::edit(change, "team", open(), None))).await {
        Err(Refused::Conflict(reason)) => assert!(reason.contains("the claim groups of the client web"), "{reason}"),
        other => panic!("{other:?}"),
    }
    app.operate(|change| Box::pin(client_claims::remove(change, "web", "groups"))).await.unwrap();
    app.operate(|change| Box::pin(attributes::edit(change, "team", open(), None))).await.unwrap();
}

/// An attribute with values of alice and bob, from which three claims of two clients come.
async fn with_claims() -> TestApp {
    let app = TestApp::administered().await.with_user("alice").await.with_web().await;
    declare(&app, json!({ "name": "team", "type": "string" })).await.unwrap();
    declare(&app, json!({ "name": "desk", "type": "string" })).await.unwrap();
    for name in ["alice", "boss"] {
        let id = users::show(&app.reading(), name).await.unwrap().id;
        set(&app, id, json!({ "team": "red", "desk": "1" })).await.unwrap();
    }
    for (client, claim, attribute) in
        [("web", "squad", "team"), ("web", "team", "team"), ("web", "desk", "desk"), ("shop", "squad", "team")]
    {
        put(&app, client, claim, attribute).await.unwrap();
    }
    app
}

async fn put(app: &TestApp, client: &str, claim: &str, attribute: &str) -> Result<(), Refused> {
    let claim = json!({
        "claim": claim, "source": "attribute", "attribute": attribute, "shape": "first", "in_id_token": true, "in_userinfo": true,
    });
    let claim = serde_json::from_value(claim).unwrap();
    app.operate(|change| Box::pin(client_claims::put(change, client, claim))).await.map(drop)
}

async fn claims_of(app: &TestApp, client: &str) -> Vec<String> {
    client_claims::list(&app.reading(), client).await.unwrap().into_iter().map(|claim| claim.claim).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attribute_takes_the_claims_of_clients_with_it() {
    let app = with_claims().await;
    let token = app.token_of("boss", "admin").await;
    let version = async |client: &str| clients::show(&app.reading(), client).await.unwrap().version;
    let before = (version("web").await, version("shop").await);
    let preview = app.call("POST", "/attributes/team/removal/preview", &token, None, None).await;
    assert_eq!((preview.status, &preview.json["user_count"]), (200, &json!(2)), "{}", preview.text);
    let named: Vec<(&str, &str)> = preview.json["claims"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| (own["client_id"].as_str().unwrap(), own["claim"].as_str().unwrap()))
        .collect();
    assert_eq!(named, [("shop", "squad"), ("web", "squad"), ("web", "team")]);
    assert_eq!(claims_of(&app, "web").await, ["desk", "squad", "team"], "a preview changes nothing");
    // The page names them before it asks.
    let browser = app.signed_in("boss").await;
    let page = browser.get("/admin/attributes/team").await;
    let asked = browser.submit(&page, "/admin/attributes/team", &[("action", "remove")]).await;
    for words in ["2 users lose their values", "squad of ", "(shop)", "(web)"] {
        assert!(asked.text.contains(words), "{words}: {}", asked.text);
    }
    let tag = app.call("GET", "/attributes/team", &token, None, None).await.header("etag").to_owned();
    let removed = app.call("DELETE", "/attributes/team", &token, Some(&tag), None).await;
    assert_eq!(removed.status, 204, "{}", removed.text);
    assert_eq!((claims_of(&app, "web").await, claims_of(&app, "shop").await), (vec!["desk".to_owned()], Vec::new()));
    assert_eq!((version("web").await, version("shop").await), (before.0 + 1, before.1 + 1), "a form that was drawn before is refused");
    let events = app.count("SELECT count(*) FROM audit_events WHERE event = 'client_claims_changed' AND after NOT LIKE '%squad%'").await;
    assert_eq!(events, 2, "each client has an event of its own");
    // An attribute of the same name feeds no claim.
    declare(&app, json!({ "name": "team", "type": "string" })).await.unwrap();
    assert_eq!(claims_of(&app, "shop").await, Vec::<String>::new());
}

/// A claim is given to a client at the moment at which its attribute is removed: one of the two comes first, and no claim is left without its
/// attribute.
#[tokio::test(flavor = "multi_thread")]
async fn no_claim_is_left_when_its_attribute_is_removed_at_the_same_moment() {
    let app = with_claims().await;
    for _ in 0..5 {
        let removal = app.operate(|change| Box::pin(attributes::remove(change, "team", None)));
        let (given, removed, other) = tokio::join!(put(&app, "web", "late", "team"), removal, put(&app, "shop", "late", "team"));
        removed.unwrap();
        for given in [given, other] {
            assert!(matches!(given, Ok(()) | Err(Refused::Invalid(_))), "{given:?}");
        }
        assert_eq!((claims_of(&app, "web").await, claims_of(&app, "shop").await), (vec!["desk".to_owned()], Vec::new()));
        declare(&app, json!({ "name": "team", "type": "string" })).await.unwrap();
    }
}
