//! Every path that programs call answers JSON, every path answers with a slash at its end too, and every 503 says when to ask again. The
//! tests read the list of routes, so that a new one is tested as well.

use std::sync::Arc;

use axum::body::Body;
use reqwest::Method;
use serde_json::json;
use signet_issuer::endpoints::health;
use tower::ServiceExt;

use crate::support::{Answer, PASSWORD, Site, TestApp};

/// The paths of the part of `src/routes.rs` between two texts, with `x` in place of parameters.
fn paths(from: &str, to: &str) -> Vec<String> {
    let code = include_str!("../../src/routes.rs");
    let part = code.split_once(from).unwrap().1.split_once(to).unwrap().0;
    let literals = part.split("(\"/").skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap()));
    literals.map(|path| path.replace("{id}", "x")).collect()
}

/// The paths that programs call, without those of images and styles.
fn api() -> Vec<String> {
    let all = paths("fn protocol(", "\n}\n").into_iter().chain([health::LIVE, health::READY].map(str::to_owned));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_reaches_the_same_endpoint() {
    let tenant = TestApp::with(|settings| settings.issuer = format!("{}/tenant/a", settings.issuer).try_into().unwrap()).await;
    for app in [TestApp::new().await, tenant] {
        let document = serde_json::to_value(signet_issuer::api::api().document("https://id.example", true)).unwrap();
        let of_api = document["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let all = [paths("fn protocol(", "\n}\n"), paths("fn for_people(", "\n}\n"), of_api].concat();
        for path in all.iter().map(|path| path.trim_end_matches('/')) {
            for method in [Method::GET, Method::POST] {
                let asked = async |path: &str| {
                    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
                    let answer = Answer::of(http.request(method.clone(), format!("{}{path}", app.url)).send().await.unwrap()).await;
                    let heading = answer.text.split("<h1>").nth(1).map(|rest| rest.split("</h1>").next().unwrap().to_owned());
                    (answer.status, answer.header("content-type").to_owned(), answer.header("location").to_owned(), answer.json, heading)
                };
                let plain = asked(path).await;
                assert_eq!(asked(&format!("{path}/")).await, plain, "{method} {path}");
            }
        }
        let metadata = format!("/.well-known/oauth-authorization-server{}", app.app.settings.issuer.path());
        let root = app.url.strip_suffix(app.app.settings.issuer.path()).unwrap();
        assert_eq!(app.http.get(format!("{root}{metadata}/")).send().await.unwrap().status(), 200);
    }
}

/// Every path of `src/routes.rs` and of the API that has a parameter, with a byte that is no UTF-8 text in its place, and with U+0000.
fn unreadable() -> Vec<String> {
    let code = include_str!("../../src/routes.rs");
    let of_code = code.split("(\"/").skip(1).map(|rest| format!("/{}", rest.split('"').next().unwrap()));
    let document = serde_json::to_value(signet_issuer::api::api().document("https://id.example", true)).unwrap();
    let of_api = document["paths"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let with_parameter = of_code.chain(of_api).filter(|path| path.contains('{') && !path.contains("{path}"));
    let filled = |path: String| {
        ["a%ffb", "a%00b"].map(|name| {
            let parts = path.split('/').map(|part| if part.starts_with('{') { name } else { part }.to_owned());
            parts.collect::<Vec<_>>().join("/")
        })
    };
    with_parameter.flat_map(filled).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_no_text_is_answered_in_the_form_of_its_part_of_the_issuer() {
    let tenant = TestApp::with(|settings| settings.issuer = format!("{}/tenant/a", settings.issuer).try_into().unwrap()).await;
    let paths = unreadable();
    assert!(paths.len() > 60, "{paths:?}");
    for part in
        ["/admin/groups/a%ffb/members", "/ssf/poll/a%ffb", "/register/a%ffb", "/docs/a%ffb", "/api/v1/groups/a%ffb", "/api/v1/groups/a%00b"]
    {
        assert!(paths.iter().any(|path| path == part), "{part}: {paths:?}");
    }
    for app in [TestApp::new().await, tenant] {
        for path in &paths {
            for (method, accept) in
                [(Method::GET, "text/html"), (Method::POST, "text/html"), (Method::POST, "*/*"), (Method::DELETE, "*/*")]
            {
                let request = app.http.request(method.clone(), format!("{}{path}", app.url)).header("accept", accept);
                let answer = Answer::of(request.send().await.unwrap()).await;
                let what = format!("{method} {path} {accept}: {} {}", answer.status, answer.text);
                let kind = answer.header("content-type");
                match path.split('/').nth(1).unwrap() {
                    "admin" => assert_eq!(
                        (answer.status, kind, answer.heading()),
                        (404, "text/html; charset=utf-8", "There is nothing here"),
                        "{what}"
                    ),
                    "api" => assert_eq!((answer.status, kind), (404, "application/problem+json"), "{what}"),
                    "ssf" => assert_eq!((answer.error(), kind), ((404, "not_found"), "application/json"), "{what}"),
                    "register" => {
                        assert!([401, 405].contains(&answer.status) && kind == "application/json", "{what}");
                    }
                    _ if accept == "text/html" => assert_eq!((answer.status, kind), (404, "text/html; charset=utf-8"), "{what}"),
                    _ => assert_eq!((answer.error(), kind), ((404, "not_found"), "application/json"), "{what}"),
                }
            }
        }
    }
    // Bytes that are text in the end are names like others.
    let app = TestApp::new().await;
    let answer = app.get("/clients/caf%C3%A9/logo").send().await;
    assert_eq!(answer.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_503_says_when_to_ask_again() {
    let app = TestApp::administered().await;
    let token = app.token_of("boss", "openid admin").await;
    let browser = app.signed_in("boss").await;
    app.app.store.clone().close().await.unwrap();
    // By now the last view of the keys is too old for the JWKS too.
    app.advance(301);

    let document = serde_json::to_value(signet_issuer::api::api().document(&app.url, true)).unwrap();
    let rest = document["paths"].as_object().unwrap().keys().cloned();
    let mut answers = Vec::new();
    for path in api().into_iter().chain(rest) {
        for method in [Method::GET, Method::POST] {
            let request = app.http.request(method.clone(), format!("{}{path}", app.url)).bearer_auth(&token);
            answers.push((format!("{method} {path}"), Answer::of(request.send().await.unwrap()).await));
        }
    }
    for path in [paths("fn for_people(", "\n}\n"), paths("fn for_administrators(", "\n}\n")].concat() {
        answers.push((format!("GET {path}"), browser.get_once(&path).await));
        answers.push((format!("POST {path}"), browser.post_once(&path, &[]).await));
    }
    let failed: Vec<&(String, Answer)> = answers.iter().filter(|(_, answer)| answer.status == 500).collect();
    assert!(failed.is_empty(), "the database is only away: {failed:?}");
    let unavailable: Vec<&str> = answers.iter().filter(|(_, answer)| answer.status == 503).map(|(what, _)| what.as_str()).collect();
    for expected in
        ["/health/ready", "/.well-known/jwks.json", "/userinfo", "/revocations", "/api/v1/users", "/sign-in", "/account", "/admin"]
    {
        assert!(unavailable.contains(&format!("GET {expected}").as_str()), "{expected}: {unavailable:?}");
    }
    for (what, answer) in answers.iter().filter(|(_, answer)| answer.status == 503) {
        assert!(["1", "5"].contains(&answer.header("retry-after")), "{what}: {:?}", answer.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_429_says_when_to_ask_again() {
    let app = TestApp::with(|settings| {
        (settings.open_registration, settings.fetch_private_addresses) = (true, true);
        (settings.fetches_in_all, settings.fetches_per_address, settings.fetches_per_token) = (1, 1, 1);
        settings.address_attempts = 5;
    });
    let app = app.await.with_orders().await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    let alice = app.add_user("alice", &[]).await;
    let token = app.token_of("boss", "openid admin").await;
    let made = app.call("POST", &format!("/users/{alice}/link"), &token, None, None).await;
    let link = made.str("url").split_once("link=").unwrap().1.to_owned();
    let (browser, visitor) = (app.signed_in("boss").await, app.browser());
    let page = visitor.get(&format!("/set-password?link={link}")).await;
    let csrf = |page: &Answer, action: &str| page.hidden(action).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let (of_visitor, own) = (csrf(&page, "/set-password"), csrf(&browser.get("/account").await, "/account"));
    let asked = browser.post_once("/admin/users/alice", &[("csrf", own.as_str()), ("action", "disable")]).await;
    // The address has guessed too often, and has let too many URLs be fetched.
    for name in ["a", "b", "c", "d", "e"] {
        assert_eq!(app.try_password(name, "wrong", "").await.status, 400);
    }
    let site = Site::open().await;
    let url = site.put("/file", 404, "");
    let client = json!({ "redirect_uris": ["https://new.example/cb"], "sector_identifier_uri": url });
    let register = || app.post("/register").json(&client).send();
    assert_eq!(register().await.status, 400);

    let guess = [("username", "alice"), ("password", "wrong"), ("link", link.as_str()), ("grant_type", "password"), ("client_id", "shop")];
    let new = [("current_password", PASSWORD), ("new_password", "a new long password"), ("repeat_password", "a new long password")];
    let typed = [&guess[..], &new, &[("confirm_password", PASSWORD), ("name", "x"), ("logo_uri", &url)]].concat();
    let with = |token| [&typed[..], &[("csrf", token)]].concat();
    let mut answers = vec![("/register".to_owned(), register().await)];
    for path in api() {
        answers.push((path.clone(), app.post(&path).form(&typed).send().await));
    }
    for path in paths("fn for_administrators(", "\n}\n") {
        let path = path.replace("{username}", "alice").replace("/clients/x", "/clients/web").replace("/roles/{name}", "/roles/clerk");
        for action in ["disable", "delete", "remove"] {
            answers.push((path.clone(), browser.post_once(&path, &[&with(&own)[..], &[("action", action)]].concat()).await));
        }
    }
    // The form of the page that asks for the password.
    let confirmed = browser.submit(&asked, "/admin/users/alice", &[("confirm_password", PASSWORD)]).await;
    answers.push(("/admin/users/alice".to_owned(), confirmed));
    // Last, because one of them signs out.
    for path in paths("fn for_people(", "\n}\n") {
        answers.push((path.clone(), visitor.post_once(&path, &with(&of_visitor)).await));
        answers.push((path.clone(), browser.post_once(&path, &with(&own)).await));
    }
    let refused: Vec<&(String, Answer)> = answers.iter().filter(|(_, answer)| answer.status == 429).collect();
    for expected in ["/register", "/token", "/sign-in", "/set-password", "/account/password", "/admin/users/alice"] {
        let found = answers.iter().filter(|(path, _)| path == expected).map(|(_, answer)| (answer.status, &answer.text));
        assert!(refused.iter().any(|(path, _)| path == expected), "{expected}: {:?}", found.collect::<Vec<_>>());
    }
    for (path, answer) in refused {
        let seconds = answer.header("retry-after").parse::<u64>().unwrap_or(0);
        assert!((1..=300).contains(&seconds), "{path}: {:?}", answer.headers);
    }
}

/// A long answer that is made for each request is held as often as peers do not read it.
#[tokio::test(flavor = "multi_thread")]
async fn long_answers_to_strangers_share_their_bytes() {
    const LONG: usize = 8 * 1024;
    let app = TestApp::new().await;
    let router = signet_issuer::routes::router(Arc::clone(&app.app));
    let get = async |path: &str| {
        let request = axum::extract::Request::get(path).header("host", "id.example").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        (response.status(), axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap())
    };
    let (_, page) = get("/docs/").await;
    let page = String::from_utf8(page.to_vec()).unwrap();
    let of_page = page.split("=\"./").skip(1).map(|rest| format!("/docs/{}", rest.split('"').next().unwrap()));
    let mut paths = [paths("fn protocol(", "\n}\n"), paths("fn for_people(", "\n}\n"), paths("fn administration(", "\n}\n")].concat();
    paths.extend(of_page);
    let mut long = Vec::new();
    for path in paths {
        // Both are held, so that the second cannot lie where the first was.
        let ((status, first), (_, second)) = (get(&path).await, get(&path).await);
        if status == 200 && first.len() > LONG {
            assert_eq!(first.as_ptr(), second.as_ptr(), "{path}: {} bytes", first.len());
            long.push(path);
        }
    }
    for path in ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/openapi.json", "/static/style.css"] {
        assert!(long.iter().any(|long| long == path), "{path}: {long:?}");
    }
}
