//! One answer tells everything that is wrong with an input: what is seen in it, and what it names that does not exist.

use serde_json::{Value, json};

use super::pointers::furnished;
use crate::support::Answer;

/// Returns the pointers of the faults of `answer`, in alphabetical order.
pub(super) fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.json["errors"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    let mut found: Vec<&str> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    found.sort_unstable();
    found
}

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
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(pointers(&answer), expected, "{method} {path} {body}: {}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_item_of_a_list_is_told() {
    let (app, token) = furnished().await;
    let client = json!({
        "client_name": "", "grant_types": ["implicit", "authorization_code", "device"], "public": false, "access": "everyone",
        "redirect_uris": ["no", "https://shop.example/cb", "http://shop.example/cb"], "scope": "a\u{e4} openid b\u{e4}",
        "origins": ["https://a.example/x", "https://b.example", "nope"],
        "metadata": {
            "contacts": ["a\u{7}", "help@shop.example", "b\u{7}"], "tos_uri": "no URL", "policy_uri": "javascript:alert(1)", "logo_uri": "no URL",
            "post_logout_redirect_uris": ["javascript:1", "https://shop.example/", "no"], "no_such": 1, "nothing": 2,
            "default_max_age": "x", "require_auth_time": 7, "default_acr_values": "x",
        },
    });
    let of_client = [
        "#/client_name",
        "#/grant_types/0",
        "#/grant_types/2",
        "#/metadata/contacts/0",
        "#/metadata/contacts/2",
        "#/metadata/default_acr_values",
        "#/metadata/default_max_age",
        "#/metadata/logo_uri",
        "#/metadata/no_such",
        "#/metadata/nothing",
        "#/metadata/policy_uri",
        "#/metadata/post_logout_redirect_uris/0",
        "#/metadata/post_logout_redirect_uris/2",
        "#/metadata/require_auth_time",
        "#/metadata/tos_uri",
        "#/origins/0",
        "#/origins/2",
        "#/redirect_uris/0",
        "#/redirect_uris/2",
        "#/scope",
        "#/scope",
    ];
    let long = "x".repeat(2000);
    let map = json!([{ "group": "staff", "value": long }, { "group": "team", "value": "b" }, { "group": "none", "value": long }]);
    let claim = json!({
        "claim": "level", "source": "group_map", "map": map, "default": long, "shape": "first", "in_id_token": true, "in_userinfo": true,
    });
    for (method, path, body, expected) in [
        ("POST", "/clients", client.clone(), of_client.to_vec()),
        ("PATCH", "/clients/web", client, of_client.to_vec()),
        ("POST", "/clients/web/claims", claim, vec!["#/default", "#/map/0/value", "#/map/2/group", "#/map/2/value"]),
    ] {
        let answer = app.call(method, path, &token, Some("*"), Some(body)).await;
        assert_eq!(answer.status, 422, "{method} {path}: {}", answer.text);
        assert_eq!(pointers(&answer), expected, "{method} {path}: {}", answer.text);
        // The message of an item shows that item alone.
        assert!(!answer.text.contains("['") && !answer.text.contains("[\\\""), "{}", answer.text);
    }
    let shown = app.call("GET", "/clients/web", &token, None, None).await;
    assert_eq!(shown.json["client_name"], "Web Shop", "nothing was changed: {}", shown.text);
    let stock = json!({ "identifier": "https://stock.example", "name": "Stock", "scopes": [{ "name": "orders:read" }, { "name": "orders:write" }] });
    let taken = app.call("POST", "/resources", &token, None, Some(stock)).await;
    assert_eq!((taken.status, pointers(&taken)), (422, vec!["#/scopes/0", "#/scopes/1"]), "{}", taken.text);
    assert!(taken.text.contains("found orders:write, which belongs to https://orders.example"), "{}", taken.text);
    // So are all roles of a user and all scopes of a role.
    let zoe = app.add_user("zoe", &[]).await;
    let wrong = json!({ "add": ["none", "nobody"], "remove": ["nothing"] });
    for (path, found) in [
        (format!("/users/{zoe}/roles"), ["#/add/0", "#/add/1", "#/remove/0"]),
        ("/roles/clerk/scopes".to_owned(), ["#/add/0", "#/add/1", "#/remove/0"]),
    ] {
        let answer = app.call("POST", &path, &token, None, Some(wrong.clone())).await;
        assert_eq!((answer.status, pointers(&answer)), (422, found.to_vec()), "{path}: {}", answer.text);
    }
    let tried = json!({ "username": "nobody", "scope": "a\"b", "resource": "https://none.example" });
    let tried = app.call("POST", "/clients/web/try", &token, None, Some(tried)).await;
    assert_eq!((tried.status, pointers(&tried)), (422, vec!["#/resource", "#/scope", "#/username"]), "{}", tried.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_of_a_wrong_form_are_told_before_any_value_is_judged() {
    let (app, token) = furnished().await;
    let client = json!({
        "client_name": 7, "redirect_uris": ["no", 7, 8], "colour": 1, "a/b": 2, "public": "yes", "access": "nobody", "metadata": [], "scope": "x:y",
    });
    let of_client = ["#/access", "#/a~1b", "#/client_name", "#/colour", "#/metadata", "#/public", "#/redirect_uris/1"];
    let resource = json!({
        "identifier": "x", "scopes": [{ "nam": "x" }, { "name": 7 }], "open": 1, "token_lifetime": "x",
    });
    for (method, path, body, expected) in [
        ("POST", "/clients", client.clone(), of_client.to_vec()),
        ("PATCH", "/clients/web", client, of_client.to_vec()),
        // The list is named by its first wrong item, and what must be given and is not there is told too.
        ("POST", "/resources", resource, vec!["#", "#", "#/open", "#/scopes/0/nam", "#/token_lifetime"]),
        (
            "POST",
            "/users",
            json!({ "username": 7, "pasword": "secret", "pass word": "secret" }),
            vec!["#/pass word", "#/pasword", "#/username"],
        ),
        ("POST", "/users", json!({ "pasword": "secret" }), vec!["#", "#/pasword"]),
    ] {
        let answer = app.call(method, path, &token, Some("*"), Some(body)).await;
        assert_eq!((answer.status, pointers(&answer)), (422, expected), "{method} {path}: {}", answer.text);
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
    let many: serde_json::Map<String, Value> = (0..5000).map(|number| (format!("m{number}"), json!(1))).collect();
    let answer = app.call("POST", "/roles", &token, None, Some(many.into())).await;
    assert_eq!((answer.status, pointers(&answer).len()), (422, 100), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_password_is_told_with_the_other_faults() {
    let (app, token) = furnished().await;
    let post = async |body: Value| app.call("POST", "/users", &token, None, Some(body)).await;
    for (password, pointer) in [
        (json!({ "password": "short" }), "#/password"),
        (json!({ "password": "password1" }), "#/password"),
        // A password is not made from the address, even if that of somebody else is wrong too.
        (json!({ "password": "dora@dora.example" }), "#/password"),
        (json!({ "password_hash": "$2b$99$nonsense" }), "#/password_hash"),
        (json!({ "password": "a long and good passphrase", "password_hash": "x" }), "#/password_hash"),
    ] {
        let mut body = json!({ "username": "a b", "email": "dora@dora.example", "roles": ["clerk", "none"] });
        body.as_object_mut().unwrap().extend(password.as_object().unwrap().clone());
        let answer = post(body.clone()).await;
        assert_eq!((answer.status, pointers(&answer)), (422, vec![pointer, "#/roles/1", "#/username"]), "{body}: {}", answer.text);
        assert!(!answer.text.contains("short") && !answer.text.contains("nonsense"), "{}", answer.text);
        // Alone it is told in the same way.
        let alone = json!({ "username": "dora", "email": "dora@dora.example", "roles": [] });
        body.as_object_mut().unwrap().extend(alone.as_object().unwrap().clone());
        let answer = post(body.clone()).await;
        assert_eq!((answer.status, pointers(&answer)), (422, vec![pointer]), "{body}: {}", answer.text);
    }
    let good = json!({ "username": "dora", "password": "a long and good passphrase" });
    assert_eq!(post(good).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_thousands_of_bad_items_gives_a_short_answer() {
    let (app, token) = furnished().await;
    let many: Vec<String> = (0..6000).map(|number| format!("g{number}")).collect();
    let body = json!({ "client_name": "", "grant_types": many });
    let answer = app.call("POST", "/clients", &token, None, Some(body)).await;
    assert_eq!((answer.status, answer.json["errors"].as_array().unwrap().len()), (422, 100), "{}", answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_tells_all_faults_of_its_form_at_once() {
    let (app, _) = furnished().await;
    let browser = app.signed_in("boss").await;
    for (path, fields, faults) in [
        (
            "/admin/clients/new?preset=grafana",
            vec![("url", ""), ("access", ""), ("client_name", ""), ("scope", "openid x:y"), ("origins", "no\nnope")],
            5,
        ),
        ("/admin/clients/new?preset=grafana", vec![("url", "grafana"), ("access", "groups"), ("client_id", "a b")], 3),
        ("/admin/clients/web/edit", vec![("client_name", ""), ("origins", "no\nnope"), ("logo_uri", "no URL"), ("jwks", "{")], 4),
        ("/admin/attributes/new", vec![("name", "iss"), ("scope", "openid"), ("pattern", "("), ("min", "x"), ("max", "y")], 5),
        ("/admin/attributes/team/edit", vec![("display_name", ""), ("scope", "openid"), ("max", "y")], 3),
        ("/admin/resources/new", vec![("identifier", "x"), ("name", ""), ("token_lifetime", "x")], 3),
        ("/admin/resources/https%3A%2F%2Forders%2Eexample/edit", vec![("name", ""), ("token_lifetime", "x")], 2),
        ("/admin/clients/web/claim", vec![("claim", "iss"), ("source", "group_map"), ("map", "staff"), ("default", "=x")], 3),
        ("/admin/clients/web/claim", vec![("claim", "iss"), ("source", "fixed"), ("value", "x")], 2),
        // What is told of people is confirmed with the password, but nobody types it for a change that is refused.
        ("/admin/attributes/team/edit", vec![("visibility", "user"), ("display_name", ""), ("pattern", "(")], 2),
        ("/admin/roles/new", vec![("name", "a b"), ("scopes", "x:y")], 2),
        ("/admin/roles/clerk/edit", vec![("display_name", "x\u{7}"), ("scopes", "x:y\nx:z")], 2),
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

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_a_message_for_each_line_of_a_list() {
    let (app, _) = furnished().await;
    let browser = app.signed_in("boss").await;
    let lines = [
        ("origins", "https://a.example/x\nhttps://b.example\nnope"),
        ("redirect_uris", "https://shop.example/#x\nhttps://shop.example/cb\nftp://shop.example"),
        ("post_logout_redirect_uris", "javascript:1\nhttps://shop.example/\nftp://x"),
    ];
    for path in ["/admin/clients/new?preset=none", "/admin/clients/web/edit"] {
        let form = browser.get(path).await;
        let named = [("client_name", "Shop"), ("access", "everyone"), ("grant_types.authorization_code", "true")];
        let refused = browser.send_filled(&form, path.split('?').next().unwrap(), &[&named[..], &lines].concat()).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        for bad in ["https://a.example/x", "nope", "https://shop.example/#x", "ftp://shop.example", "javascript:1", "ftp://x"] {
            assert!(refused.text.contains(&format!("; found {bad}.")), "{path} {bad}: {}", refused.text);
        }
        for good in ["found https://b.example.", "found https://shop.example/cb.", "found https://shop.example/."] {
            assert!(!refused.text.contains(good), "{path} {good}: {}", refused.text);
        }
    }
}
