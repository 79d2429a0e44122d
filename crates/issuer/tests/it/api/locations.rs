//! Whatever was made can be read at the URL that `Location` names (RFC 9110 §10.2.2).

use std::collections::BTreeSet;

use serde_json::json;
use signet_issuer::admin::users;
use signet_issuer::api::PREFIX;

use super::pointers::{BodyRoute, furnished, routes_with_bodies};

#[tokio::test(flavor = "multi_thread")]
async fn the_location_of_each_creation_shows_what_was_made() {
    let (app, token) = furnished().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id.to_string();
    let (document, mut walked) = (super::document(), BTreeSet::new());
    for BodyRoute { method, path, id, good, .. } in routes_with_bodies(&document, &alice) {
        let described = document["paths"].as_object().unwrap().values().filter_map(|methods| methods.get(method.to_lowercase()));
        let made = &described.clone().find(|operation| operation["operationId"] == id).unwrap()["responses"]["201"];
        let answer = app.call(&method, &path, &token, Some("*"), Some(good)).await;
        assert_eq!(answer.status == 201, made.is_object(), "{id}: {}", answer.text);
        let location = answer.header("location");
        assert_eq!(!location.is_empty(), made["headers"]["Location"].is_object(), "{id}: {location}");
        let Some(path) = location.strip_prefix(&format!("{}{PREFIX}", app.url)) else { continue };
        let shown = app.call("GET", path, &token, None, None).await;
        assert_eq!(shown.status, 200, "{id}: GET {location}: {}", shown.text);
        assert_eq!(shown.header("etag"), answer.header("etag"), "{id}");
        // The answer to a new client holds its secret, too.
        let thing = answer.json.get("client").unwrap_or(&answer.json);
        for (member, value) in thing.as_object().unwrap() {
            assert_eq!(&shown.json[member], value, "{id}: {member} of {}", shown.text);
        }
        walked.insert(id);
    }
    let creations =
        ["AttributeAdd", "ClientAdd", "ClientAdd_presets", "ClientClaimPut_claims", "GroupAdd", "ResourceAdd", "RoleAdd", "UserAdd"];
    assert_eq!(walked, BTreeSet::from(creations));
    // The names of claims may be URLs.
    let mail = "https://x.example/mail?a=1#b";
    let claim = json!({ "claim": mail, "source": "user", "field": "email", "shape": "first", "in_id_token": true, "in_userinfo": true });
    let made = app.call("POST", "/clients/web/claims", &token, None, Some(claim.clone())).await;
    let path = made.header("location").strip_prefix(&format!("{}{PREFIX}", app.url)).unwrap();
    let shown = app.call("GET", path, &token, None, None).await;
    assert_eq!((shown.status, &shown.json), (200, &claim), "{path}: {}", shown.text);
    for path in ["/clients/web/claims/none", "/clients/none/claims/teams"] {
        assert_eq!(app.call("GET", path, &token, None, None).await.status, 404, "{path}");
    }
}
