//! The versions of things: answers carry them as their `ETag`, and changes name them in `If-Match`.

use serde_json::{Value, json};
use signet_issuer::admin::users;
use signet_issuer::api::PREFIX;

use super::pointers::{accepted, furnished};

/// Returns the path of a route with the names of things that exist in place of its parameters. `None` if the route needs another thing.
fn walked(path: &str, alice: &str) -> Option<String> {
    let of = path.split('/').nth(1).unwrap_or_default();
    let name = match of {
        "users" => alice,
        "clients" => "web",
        "groups" => "staff",
        "roles" => "clerk",
        "attributes" => "team",
        "presets" => "grafana",
        "resources" => "https%3A%2F%2Forders.example",
        _ => "",
    };
    let path = path.replace("{claim}", "teams");
    let path = ["{id}", "{name}", "{identifier}"].iter().fold(path, |path, parameter| path.replace(parameter, name));
    (!path.contains('{') && !path.contains("//")).then_some(path)
}

/// The version that an answer shows in its body, if it shows one.
fn shown(body: &Value) -> Option<i64> {
    [body, &body["client"], &body["user"]].iter().find_map(|view| view["version"].as_i64())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_about_one_thing_has_the_version_of_the_thing() {
    let (app, token) = furnished().await;
    let alice = users::show(&app.reading(), "alice").await.unwrap().id.to_string();
    let document = super::document();
    let (mut created, mut versioned) = (0, 0);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let Some(path) = walked(path.strip_prefix(PREFIX).unwrap(), &alice).filter(|_| method != "delete") else { continue };
            let body = operation["requestBody"].is_object().then(|| accepted(id, &alice, 1).1);
            let answer = app.call(&method.to_uppercase(), &path, &token, Some("*"), body).await;
            let status = answer.status.to_string();
            assert!(answer.status < 300 || id == "ConsentWithdraw", "{id}: {}", answer.text);
            let documented = &operation["responses"][&status]["headers"];
            let (tag, location) = (answer.header("etag"), answer.header("location"));
            assert_eq!(!tag.is_empty(), documented["ETag"].is_object(), "{id}: {tag} {}", answer.text);
            assert_eq!(!location.is_empty(), documented["Location"].is_object(), "{id}: {location}");
            if let Some(version) = shown(&answer.json).filter(|_| !id.starts_with("Audit")) {
                assert_eq!(tag, format!("\"{version}\""), "{id}: {}", answer.text);
                versioned += 1;
            }
            if status == "201" {
                created += 1;
                assert!(!tag.is_empty() && !location.is_empty(), "{id}: {}", answer.text);
            }
            // What was made can be changed with the ETag of the answer, without another request.
            if !location.is_empty() {
                let place = location.strip_prefix(&format!("{}{PREFIX}", app.url)).unwrap();
                let tag = tag.to_owned();
                let shown = app.call("GET", place, &token, None, None).await;
                if shown.status == 200 {
                    assert_eq!(shown.header("etag"), tag, "{id}");
                }
                let removed = app.call("DELETE", place, &token, Some(&tag), None).await;
                assert_eq!(removed.status, 204, "{id} {place}: {}", removed.text);
            }
        }
    }
    assert!(created >= 8 && versioned > 20, "{created} {versioned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_is_a_list_of_which_one_must_be_current() {
    let (app, token) = furnished().await;
    let patch = async |tag: &str| app.call("PATCH", "/groups/team", &token, Some(tag), Some(json!({ "display_name": null }))).await.status;
    assert_eq!(app.call("GET", "/groups/team", &token, None, None).await.header("etag"), "\"0\"");
    for (tag, status) in [
        (r#""0""#, 200),
        (r#""77", "0""#, 200),
        (r#""77","a,b" , "0""#, 200),
        (r#", "0",, "#, 200),
        (r#"W/"0", "0""#, 200),
        ("*", 200),
        (r#""77", "78""#, 412),
        (r#"W/"0""#, 412),
        (r#""00", "+0", " 0""#, 400),
        (r#""00", "+0", "", "99999999999999999999""#, 412),
        ("0", 400),
        (r#""0" "1""#, 400),
        (r#""0", *"#, 400),
        (r#""0"#, 400),
        (r#"w/"0""#, 400),
        ("nonsense", 400),
        (",", 400),
        ("", 400),
    ] {
        assert_eq!(patch(tag).await, status, "{tag}");
    }
    // The lines of a header are one list.
    let request = app.http.patch(format!("{}{PREFIX}/groups/team", app.url)).bearer_auth(&token);
    let request = request.header("if-match", "\"77\"").header("if-match", "\"0\"").json(&json!({ "display_name": null }));
    assert_eq!(request.send().await.unwrap().status(), 200);
}

/// Otherwise a change by somebody who has read the old names would pass, and overwrite what they have not seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_changes_with_the_groups_that_it_names() {
    let (app, token) = furnished().await;
    for (name, group) in [("assigned", "crew"), ("mapped", "squad")] {
        assert_eq!(app.call("POST", "/groups", &token, None, Some(json!({ "name": group }))).await.status, 201);
        app.add_client(name, false, "client_credentials", &[]).await;
    }
    let by_group = json!({ "access": "groups", "groups": ["crew"] });
    assert_eq!(app.call("PATCH", "/clients/assigned", &token, Some("*"), Some(by_group)).await.status, 200);
    let map = json!({ "claim": "policy", "source": "group_map", "shape": "first", "map": [{ "group": "squad", "value": "x" }], "in_id_token": true, "in_userinfo": true });
    let made = app.call("POST", "/clients/mapped/claims", &token, Some("*"), Some(map)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    for (client, group) in [("assigned", "crew"), ("mapped", "squad")] {
        let (client, group) = (format!("/clients/{client}"), format!("/groups/{group}"));
        for (method, path, body) in
            [("PATCH", group.clone(), Some(json!({ "name": format!("{}2", &group[8..]) }))), ("DELETE", format!("{group}2"), None)]
        {
            let before = app.call("GET", &client, &token, None, None).await.header("etag").to_owned();
            let done = app.call(method, &path, &token, Some("*"), body).await;
            assert!(done.status < 300, "{path}: {}", done.text);
            let late = app.call("PATCH", &client, &token, Some(&before), Some(json!({ "client_name": "Late" }))).await;
            assert_eq!(late.status, 412, "{client} after {method} {path}: {}", late.text);
        }
    }
}
