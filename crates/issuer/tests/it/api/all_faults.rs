//! One answer tells everything that is wrong with an input: what is seen in it, and what it names that does not exist.

use serde_json::json;

use super::pointers::furnished;

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_values_and_of_names_are_told_together() {
    let (app, token) = furnished().await;
    let client = json!({
        "client_name": "", "grant_types": ["authorization_code"], "redirect_uris": ["no"], "scope": "openid x:y x:z", "access": "groups",
        "groups": ["nobody", "staff", "none"], "default_resource": "https://none.example",
    });
    let of_client = vec!["#/client_name", "#/redirect_uris/0", "#/groups/0", "#/groups/2", "#/scope", "#/scope", "#/default_resource"];
    let preset = json!({ "url": "no", "access": "groups", "groups": ["nobody"], "scope": "x:y" });
    let user = json!({
        "username": "a b", "email": "x", "roles": ["none", "clerk", "nothing"], "groups": ["nobody"], "attributes": { "team": "too long", "x": 1 },
    });
    let claim = json!({
        "claim": "iss", "source": "group_map", "map": [{ "group": "nobody", "value": 1 }, { "group": "staff", "value": 1 }, { "group": "none", "value": 1 }],
        "shape": "first", "in_id_token": true, "in_userinfo": true,
    });
    let attribute =
        json!({ "claim": "iss", "source": "attribute", "attribute": "none", "shape": "first", "in_id_token": false, "in_userinfo": false });
    for (method, path, body, expected) in [
        ("POST", "/clients", client.clone(), of_client.clone()),
        ("PATCH", "/clients/web", client, of_client),
        ("POST", "/presets/grafana/clients", preset, vec!["#/groups/0", "#/scope", "#/url"]),
        (
            "POST",
            "/users",
            user,
            vec!["#/username", "#/email", "#/roles/0", "#/roles/2", "#/groups/0", "#/attributes/team", "#/attributes/x"],
        ),
        (
            "POST",
            "/roles",
            json!({ "name": "a b", "display_name": "", "scopes": ["x:y", "x:z"] }),
            vec!["#/name", "#/display_name", "#/scopes/0", "#/scopes/1"],
        ),
        ("POST", "/groups", json!({ "name": "a,b", "roles": ["clerk", "none"] }), vec!["#/name", "#/roles/1"]),
        (
            "PATCH",
            "/groups/team",
            json!({ "name": "a,b", "display_name": "", "roles": ["none"] }),
            vec!["#/name", "#/display_name", "#/roles/0"],
        ),
        ("POST", "/clients/web/claims", claim, vec!["#/claim", "#/map/0/group", "#/map/2/group"]),
        ("POST", "/clients/web/claims", attribute, vec!["#/claim", "#/in_userinfo", "#/attribute"]),
    ] {
        let answer = app.call(method, path, &token, Some("*"), Some(body.clone())).await;
        assert_eq!(answer.status, 422, "{method} {path} {body}: {}", answer.text);
        let mut found: Vec<&str> =
            answer.json["errors"].as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        let mut expected = expected;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{method} {path} {body}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_tells_all_faults_of_its_form_at_once() {
    let (app, _) = furnished().await;
    let browser = app.signed_in("boss").await;
    for (path, fields, faults) in [
        ("/admin/attributes/new", vec![("name", "iss"), ("scope", "openid"), ("pattern", "("), ("min", "x"), ("max", "y")], 5),
        ("/admin/attributes/team/edit", vec![("display_name", ""), ("scope", "openid"), ("max", "y")], 3),
        ("/admin/resources/new", vec![("identifier", "x"), ("name", ""), ("token_lifetime", "x")], 3),
        ("/admin/resources/https%3A%2F%2Forders%2Eexample/edit", vec![("name", ""), ("token_lifetime", "x")], 2),
        ("/admin/clients/web/claim", vec![("claim", "iss"), ("source", "group_map"), ("map", "staff"), ("default", "=x")], 3),
        ("/admin/clients/web/claim", vec![("claim", "iss"), ("source", "fixed"), ("value", "x")], 2),
        ("/admin/roles/new", vec![("name", "a b"), ("scopes", "x:y")], 2),
        ("/admin/groups/new", vec![("name", "a,b"), ("roles", "none")], 2),
        ("/admin/users/new", vec![("username", "a b"), ("roles", "none"), ("groups", "nobody")], 3),
        (
            "/admin/clients/new?preset=none",
            vec![("client_name", ""), ("redirect_uris", "no"), ("scope", "x:y"), ("groups", "nobody"), ("access", "groups")],
            4,
        ),
    ] {
        let form = browser.get(path).await;
        let refused = browser.send_filled(&form, path.split('?').next().unwrap(), &fields).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        // Each field at fault points to its message.
        let found = refused.text.matches("aria-invalid=\"true\"").count();
        assert_eq!(found, faults, "{path}: {}", refused.text);
    }
}
