//! Every path that programs call answers JSON. The test reads the list of routes, so
//! that a new one is tested as well.

use reqwest::Method;

use crate::support::{Answer, TestApp};

/// The paths of the part of `src/routes.rs` between two texts, with `x` in place of parameters.
fn paths(from: &str, to: &str) -> Vec<String> {
    let code = include_str!("../../src/routes.rs");
    let part = code.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let literals = part.split("(\"/").skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap()));
    literals.map(|path| path.replace("{id}", "x")).collect()
}

/// The paths that programs call, without those of images and styles.
fn api() -> Vec<String> {
    let all = paths("fn protocol(", "\n}\n").into_iter();
    all.filter(|path| !path.starts_with("/static/") && !path.starts_with("/clients/")).collect()
}

#[test]
fn the_routes_are_found() {
    let api = api();
    for path in ["/token", "/register", "/register/x", "/userinfo", "/.well-known/jwks.json", "/health/live"] {
        assert!(api.iter().any(|known| known == path), "{path}: {api:?}");
    }
    assert!(paths("fn for_people(", "\n}\n").len() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_of_every_path_of_programs_answers_json() {
    let app = TestApp::new().await;
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
    let java = "text/html, image/gif, image/jpeg, */*; q=0.2";
    for path in api() {
        for method in methods.map(|method| Method::from_bytes(method.as_bytes()).unwrap()) {
            for accept in ["*/*", "text/html", java] {
                let request = app.http.request(method.clone(), format!("{}{path}", app.url)).header("accept", accept);
                let answer = Answer::of(request.send().await.unwrap()).await;
                let what = format!("{method} {path} {accept}: {} {}", answer.status, answer.text);
                if method == Method::OPTIONS && answer.status == 200 {
                    continue;
                }
                assert!(["application/json", "application/jwk-set+json"].contains(&answer.header("content-type")), "{what}");
                assert!(answer.json.is_object(), "{what}");
                if answer.status >= 400 {
                    assert!(answer.json["error"].is_string() && answer.json["error_description"].is_string(), "{what}");
                }
                if answer.status == 405 {
                    assert!(!answer.header("allow").is_empty(), "{what}");
                }
            }
        }
    }
}
