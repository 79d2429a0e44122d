//! Pages of a client that asked for it can watch whether the person is still signed in (OpenID Connect Session Management 1.0).

use serde_json::json;
use signet_issuer::admin::edit_client::ClientPatch;
use signet_issuer::admin::patch::Patch;
use signet_issuer::oauth::session_state;
use signet_issuer::store::framing;

use crate::pages::admin_clients::values;
use crate::support::{Answer, Browser, CALLBACK, PASSWORD, TestApp};

async fn house() -> TestApp {
    let app = TestApp::administered().await.with_user("alice").await.with_user("bob").await.with_web().await;
    app.add_client_with("mail", false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.first_party = true;
    })
    .await;
    app
}

async fn ask_for_it(app: &TestApp, id: &str) {
    let patch = ClientPatch { session_management: Patch::Set(true), ..ClientPatch::default() };
    app.edit_client(id, patch).await.unwrap();
}

/// Signs the browser in to the client `web` where it is needed, and returns the answer that the client gets.
async fn enter(app: &TestApp, browser: &Browser, more: &[(&str, &str)]) -> Answer {
    let mut answer = browser.get(&app.authorize(more)).await;
    if answer.text.contains("action=\"/consent\"") {
        answer = browser.consent(&answer).await;
    }
    answer
}

fn told(answer: &Answer) -> Option<String> {
    answer.reply().remove("session_state")
}

fn state(browser: &Browser) -> Option<String> {
    browser.cookies().get("signet-state").cloned()
}

/// Returns what the frame tells the page of `client` at `origin` about `session_state` in this browser, if its script computes what the
/// issuer does.
fn is_unchanged(browser: &Browser, client: &str, origin: &str, session_state: &str) -> bool {
    let salt = session_state.split('.').nth(1).unwrap();
    session_state::of(client, origin, &state(browser).unwrap(), salt) == session_state
}

fn policy(answer: &Answer) -> &str {
    answer.header("content-security-policy")
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_client_that_asked_for_it_gets_a_session_state_and_it_changes_with_the_session() {
    let app = house().await;
    let browser = app.signed_in("alice").await;
    assert_eq!((told(&enter(&app, &browser, &[]).await), state(&browser)), (None, None));
    ask_for_it(&app, "web").await;
    let first = told(&enter(&app, &browser, &[]).await).unwrap();
    let second = told(&enter(&app, &browser, &[]).await).unwrap();
    assert_ne!(first, second, "each has a salt of its own");
    let origin = "https://shop.example";
    assert!(!first.contains(' ') && is_unchanged(&browser, "web", origin, &first) && is_unchanged(&browser, "web", origin, &second));
    assert!(!is_unchanged(&browser, "mail", origin, &first) && !is_unchanged(&browser, "web", "https://evil.example", &first));
    let page = browser.get(&app.authorize(&[("response_mode", "form_post")])).await;
    let posted = page.hidden(CALLBACK).into_iter().find(|(name, _)| name == "session_state").unwrap().1;
    assert!(is_unchanged(&browser, "web", origin, &posted));
    assert_eq!(told(&browser.get(&app.authorize(&[("client_id", "mail"), ("scope", "openid")])).await), None);
    // The cookie opens nothing, and does not reveal the session.
    let sid = app.dump("sessions").await;
    assert!(!sid.contains(&state(&browser).unwrap()) && !app.dump("browsers").await.contains(&state(&browser).unwrap()));
    let stranger = app.browser();
    stranger.cookies().insert("signet-state".to_owned(), state(&browser).unwrap());
    assert_eq!(stranger.get("/account").await.heading(), "Sign in");

    // The same person types the password again: the session goes on.
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    let again = browser.sign_in(&page, "alice", PASSWORD).await;
    assert!(told(&again).is_some() && is_unchanged(&browser, "web", origin, &first));
    // Somebody else signs in, at first without a client.
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    assert!(!is_unchanged(&browser, "web", origin, &first));
    let bobs = told(&enter(&app, &browser, &[]).await).unwrap();
    assert!(is_unchanged(&browser, "web", origin, &bobs));
    let page = browser.get("/account").await;
    browser.submit(&page, "/account/sign-out", &[]).await;
    assert_eq!(state(&browser).as_deref(), Some("nobody"));
    assert!(!is_unchanged(&browser, "web", origin, &bobs));
    // The next sign-in tells too, before the client has asked for anything.
    let page = browser.get("/sign-in").await;
    browser.sign_in(&page, "bob", PASSWORD).await;
    assert_ne!(state(&browser).as_deref(), Some("nobody"));
    assert!(!is_unchanged(&browser, "web", origin, &bobs), "it is another session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_was_ended_elsewhere_is_told_at_the_next_request_of_the_browser() {
    let app = house().await;
    ask_for_it(&app, "web").await;
    let browser = app.signed_in("alice").await;
    let first = told(&enter(&app, &browser, &[]).await).unwrap();
    app.sql("UPDATE sessions SET ended_at = 1767225600").await;
    let silent = browser.get_once(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(silent.reply()["error"], "login_required");
    assert!(!is_unchanged(&browser, "web", "https://shop.example", &first));
    assert_eq!(state(&browser).as_deref(), Some("nobody"));
    // A request that the browser sends without its cookie, as from a frame of another site, says nothing about the session.
    let browser = app.signed_in("alice").await;
    let first = told(&enter(&app, &browser, &[]).await).unwrap();
    let own = browser.cookies().remove("signet").unwrap();
    browser.get_once(&app.authorize(&[("prompt", "none")])).await;
    browser.set_cookie(&own);
    assert!(is_unchanged(&browser, "web", "https://shop.example", &first));
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_the_issuer_alone_can_read_the_cookie_and_frames_of_other_sites_get_it() {
    for (issuer, name, attributes) in [
        (Some("https://id.example"), "__Host-signet-state", "SameSite=None; Secure; Path=/"),
        (None, "signet-state", "SameSite=Lax; Path=/"),
    ] {
        let app = TestApp::with(|settings| {
            if let Some(issuer) = issuer {
                settings.issuer = issuer.to_owned().try_into().unwrap();
            }
        });
        let app = app.await.with_orders().await.with_user("alice").await.with_web().await;
        ask_for_it(&app, "web").await;
        let answer = enter(&app, &app.signed_in("alice").await, &[]).await;
        let cookies: Vec<&str> = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
        let cookie = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap_or_else(|| panic!("{cookies:?}"));
        assert!(cookie.ends_with(attributes) && !cookie.contains("HttpOnly") && !cookie.contains("Domain"), "{cookie}");
        let frame = app.get("/check_session").send().await;
        assert!(frame.text.contains(&format!("data-cookie=\"{name}\"")), "{}", frame.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frame_runs_one_script_and_lies_on_pages_of_clients_that_asked_for_it() {
    let app = house().await;
    let discovery = app.get("/.well-known/openid-configuration").send().await;
    assert_eq!(discovery.str("check_session_iframe"), format!("{}/check_session", app.app.settings.issuer.as_str()));
    let frame = app.get("/check_session").send().await;
    assert!(policy(&frame).ends_with("frame-ancestors 'none'"), "{}", policy(&frame));
    ask_for_it(&app, "web").await;
    let uris = ["https://shop.example:8443/a", "http://localhost:3000/cb", "http://[::1]/cb"];
    app.add_client_with("local", true, "authorization_code", &["openid"], |client| {
        client.redirect_uris = uris.map(str::to_owned).to_vec();
        client.session_management = true;
    })
    .await;
    let frame = app.get("/check_session").send().await;
    assert_eq!(
        policy(&frame),
        format!(
            "default-src 'none'; script-src {}; form-action 'none'; base-uri 'none'; frame-ancestors http://localhost:* \
             https://shop.example https://shop.example:8443",
            frame.script_source()
        )
    );
    assert_eq!((frame.status, frame.header("cache-control"), frame.header("set-cookie")), (200, "no-store", ""));
    assert!(!frame.headers.contains_key("x-frame-options"));
    // No other page may be shown in a frame.
    let other = app.browser().get("/sign-in").await;
    assert!(policy(&other).contains("frame-ancestors 'none'") && !policy(&other).contains("script-src"), "{}", policy(&other));
    // A client that is disabled, or that has taken it back, has no frame.
    app.disable_client("local").await;
    let patch = ClientPatch { session_management: Patch::Set(false), ..ClientPatch::default() };
    app.edit_client("web", patch).await.unwrap();
    let frame = app.get("/check_session").send().await;
    assert!(policy(&frame).ends_with("frame-ancestors 'none'"), "{}", policy(&frame));
    let plans = app.plans().await;
    framing::redirect_uris(&plans, 10).await.unwrap();
    plans.assert_reads("clients_session_management");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_too_many_origins_names_only_the_one_of_the_page() {
    let app = house().await;
    for number in 0..51 {
        app.add_client_with(&format!("app-{number}"), false, "authorization_code", &["openid"], |client| {
            client.redirect_uris = vec![format!("https://app-{number}.example/cb")];
            client.session_management = true;
        })
        .await;
    }
    let ancestors = async |referer: &str| {
        let frame = app.get("/check_session").header("referer", referer).send().await;
        policy(&frame).split("frame-ancestors ").nth(1).unwrap().to_owned()
    };
    assert_eq!(ancestors("https://app-7.example/any/page?x").await, "https://app-7.example");
    assert_eq!(ancestors("https://evil.example/").await, "'none'");
    assert_eq!(ancestors("https://app-7.example.evil.example/").await, "'none'");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sets_it_over_rest_and_on_the_page_and_no_registration_does() {
    let app = house().await;
    let token = app.token_of("boss", "admin").await;
    let shown = async || app.call("GET", "/clients/web", &token, None, None).await.json["session_management"].clone();
    assert_eq!(shown().await, false);
    let changed = app.call("PATCH", "/clients/web", &token, Some("*"), Some(json!({ "session_management": true }))).await;
    assert_eq!((changed.status, shown().await), (200, json!(true)), "{}", changed.text);
    let body = json!({
        "client_id": "watcher", "client_name": "Watcher", "grant_types": ["authorization_code"], "redirect_uris": [CALLBACK],
        "access": "everyone", "scope": "openid", "session_management": true,
    });
    let added = app.call("POST", "/clients", &token, None, Some(body)).await;
    assert_eq!((added.status, &added.json["client"]["session_management"]), (201, &json!(true)), "{}", added.text);

    let browser = app.signed_in("boss").await;
    let form = browser.get("/admin/clients/web/edit").await;
    assert!(values(&form, "/admin/clients/web/edit").contains(&("session_management".to_owned(), "true".to_owned())));
    browser.send_filled(&form, "/admin/clients/web/edit", &[("session_management", "unchecked")]).await;
    assert_eq!(shown().await, false);

    let open = TestApp::with(|settings| settings.open_registration = true).await;
    let metadata = json!({ "redirect_uris": [CALLBACK], "session_management": true });
    let registered = Answer::of(open.http.post(format!("{}/register", open.url)).json(&metadata).send().await.unwrap()).await;
    assert_eq!((registered.status, registered.json.get("session_management")), (201, None), "{}", registered.text);
    assert_eq!(open.count("SELECT count(*) FROM clients WHERE session_management").await, 0);
}
