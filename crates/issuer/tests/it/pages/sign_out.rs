//! After a sign-out the page shows the clients' own pages in frames, and then goes on (OpenID Connect Front-Channel Logout 1.0).

use serde_json::json;
use signet_issuer::admin::edit_client::ClientPatch;
use url::Url;

use crate::support::{Answer, Browser, CALLBACK, SECRET, TestApp, VERIFIER, at_once};

const BYE: &str = "https://shop.example/bye";

async fn house() -> TestApp {
    let app = TestApp::with(|settings| settings.open_registration = true).await.with_orders().await.with_user("alice").await;
    add(&app, "shop-web", "https://shop.example/out?tenant=a", true).await;
    add(&app, "mail", "https://shop.example/mail-out", false).await;
    add(&app, "silent", "", false).await;
    app
}

async fn add(app: &TestApp, id: &str, frame: &str, needs_sid: bool) {
    app.add_client_with(id, false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.client_name = format!("The <b>{id}</b>");
        client.first_party = true;
        client.metadata.post_logout_redirect_uris = vec![BYE.into()];
        client.metadata.frontchannel_logout_uri = (!frame.is_empty()).then(|| frame.to_owned());
        client.metadata.frontchannel_logout_session_required = needs_sid;
    })
    .await;
}

async fn enter(app: &TestApp, browser: &Browser, id: &str) -> Answer {
    let code = browser.code(&app.authorize(&[("client_id", id), ("scope", "openid")])).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    app.post("/token").basic_auth(id, SECRET).form(&form).send().await
}

/// Returns the sources of the frames of a page.
fn frames(page: &Answer) -> Vec<String> {
    let sources = page.text.split("<iframe ").skip(1).map(|tag| tag.split("src=\"").nth(1).unwrap().split('"').next().unwrap());
    sources.map(|source| source.replace("&#38;", "&").replace("&amp;", "&")).collect()
}

async fn is_signed_in(browser: &Browser) -> bool {
    browser.get_once("/account").await.status == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_frames_of_the_sessions_clients_and_then_goes_on() {
    let app = house().await;
    let browser = app.signed_in("alice").await;
    let tokens = enter(&app, &browser, "shop-web").await;
    let hint = tokens.str("id_token").to_owned();
    for id in ["mail", "silent", "mail"] {
        enter(&app, &browser, id).await;
    }
    let sid = crate::support::claims(&hint)["sid"].as_str().unwrap().to_owned();
    let page = browser.get(&format!("/end_session?id_token_hint={hint}&post_logout_redirect_uri={BYE}&state=a%20b")).await;
    assert_eq!((page.status, page.heading()), (200, "You are signed out"));
    assert!(!is_signed_in(&browser).await, "the session has ended before the page is shown");
    let [mail, shop] = &frames(&page)[..] else { panic!("{}", page.text) };
    assert_eq!(mail, "https://shop.example/mail-out");
    let shop = Url::parse(shop).unwrap();
    let query: Vec<(String, String)> = shop.query_pairs().into_owned().collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(query, [pair("tenant", "a"), pair("iss", app.app.settings.issuer.as_str()), pair("sid", &sid)]);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-src https://shop.example;") && policy.contains("frame-ancestors 'none'"), "{policy}");
    // `Refresh` counts only from when all frames have loaded, so that a script goes on, the only one of the page.
    let [before, _] = page.text.split("<script>").collect::<Vec<_>>()[..] else { panic!("{}", page.text) };
    assert!(policy.starts_with(&format!("default-src 'none'; script-src {}; style-src", page.script_source())), "{policy}");
    assert!(before.contains("id=\"on\""), "the script finds the link");
    assert_eq!(page.header("refresh"), format!("5; url={BYE}?state=a+b"));
    assert!(page.text.contains(&format!("href=\"{BYE}?state=a+b\"")), "{}", page.text);
    assert!(!page.text.contains("<b>"), "{}", page.text);
    assert_eq!(page.header("cache-control"), "no-store");
    // The policy of no other page has frames.
    let other = browser.get("/end_session").await;
    assert!(!other.header("content-security-policy").contains("frame-src"), "{:?}", other.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sign_out_of_the_browser_shows_the_frames() {
    let app = house().await;
    for confirmed in [true, false] {
        let browser = app.signed_in("alice").await;
        enter(&app, &browser, "mail").await;
        let page = browser.get(if confirmed { "/end_session" } else { "/account" }).await;
        let (action, fields): (&str, &[(&str, &str)]) =
            if confirmed { ("/end_session/confirm", &[("choice", "sign-out")]) } else { ("/account/sign-out", &[]) };
        let gone = browser.submit(&page, action, fields).await;
        assert_eq!((gone.heading(), gone.header("refresh")), ("You are signed out", ""));
        assert_eq!(frames(&gone), ["https://shop.example/mail-out"]);
        assert!(!is_signed_in(&browser).await);
    }
    // Who stays signed in sees no frames, and neither does the next one in the same browser.
    let browser = app.signed_in("alice").await;
    enter(&app, &browser, "mail").await;
    let page = browser.get("/end_session").await;
    let stayed = browser.submit(&page, "/end_session/confirm", &[("choice", "stay")]).await;
    assert!(frames(&stayed).is_empty() && is_signed_in(&browser).await);
    app.disable_client("mail").await;
    let page = browser.get("/account").await;
    let gone = browser.submit(&page, "/account/sign-out", &[]).await;
    assert_eq!((gone.heading(), frames(&gone).len()), ("You are signed out", 0), "a disabled client is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_shows_the_frames_of_the_first() {
    let app = house().await;
    let own = ("origin", app.url.as_str());
    for (path, action, choice) in [("/account", "/account/sign-out", ""), ("/end_session", "/end_session/confirm", "sign-out")] {
        let browser = app.signed_in("alice").await;
        enter(&app, &browser, "shop-web").await;
        enter(&app, &browser, "mail").await;
        let before = browser.cookie().unwrap();
        let form = browser.get(path).await.hidden(action);
        let mut fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        fields.push(("choice", choice));
        let first = browser.post_with(action, &fields, own).await;
        assert_eq!(frames(&first).len(), 2, "{}", first.text);
        // The browser has dropped this answer, so it still has the cookie.
        browser.set_cookie(&before);
        let second = browser.post_with(action, &fields, own).await;
        assert_eq!((second.heading(), frames(&second)), ("You are signed out", frames(&first)), "{action}");
        assert_eq!(second.header("content-security-policy"), first.header("content-security-policy"));
        browser.set_cookie(&before);
        assert!(!is_signed_in(&browser).await, "the cookie signs nobody in");
        // Another browser, another site, and a click that comes later see nothing of it.
        browser.set_cookie(&before);
        let foreign = browser.post_with(action, &fields, ("origin", "https://evil.example")).await;
        assert!(frames(&foreign).is_empty(), "{}", foreign.text);
        let other = app.signed_in("alice").await;
        let other = other.post_with(action, &fields, own).await;
        assert!(frames(&other).is_empty(), "{}", other.text);
        app.advance(41);
        browser.set_cookie(&before);
        let late = browser.post_with(action, &fields, own).await;
        assert!(frames(&late).is_empty(), "{}", late.text);
    }
    // The link of an app that is clicked twice.
    let browser = app.signed_in("alice").await;
    let hint = enter(&app, &browser, "mail").await.str("id_token").to_owned();
    let before = browser.cookie().unwrap();
    let link = format!("/end_session?id_token_hint={hint}&post_logout_redirect_uri={BYE}");
    let first = browser.get(&link).await;
    browser.set_cookie(&before);
    let second = browser.get(&link).await;
    assert_eq!((frames(&first), first.header("refresh")), (frames(&second), second.header("refresh")));
    assert!(!frames(&second).is_empty(), "{}", second.text);
    // Two clicks at the same moment.
    let browser = app.signed_in("alice").await;
    enter(&app, &browser, "mail").await;
    let form = browser.get("/account").await.hidden("/account/sign-out");
    let fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for answer in at_once((0..4).map(|_| browser.post_with("/account/sign-out", &fields, own)).collect()).await {
        assert_eq!(frames(&answer).len(), 1, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_most_twenty_frames_are_shown() {
    let app = house().await;
    let browser = app.signed_in("alice").await;
    for number in 0..25 {
        add(&app, &format!("client-{number}"), "https://shop.example/out", false).await;
    }
    enter(&app, &browser, "client-0").await;
    app.sql("INSERT INTO session_clients (sid, client_id) SELECT sid, clients.id FROM sessions, clients WHERE clients.id LIKE 'client-%' ON CONFLICT DO NOTHING")
        .await;
    let page = browser.get("/account").await;
    let gone = browser.submit(&page, "/account/sign-out", &[]).await;
    assert_eq!(frames(&gone).len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_lies_at_the_origin_of_a_redirect_uri() {
    let app = house().await;
    let discovery = app.get("/.well-known/openid-configuration").send().await.json;
    assert_eq!(
        (&discovery["frontchannel_logout_supported"], &discovery["frontchannel_logout_session_supported"]),
        (&json!(true), &json!(true))
    );
    let register = async |redirect: &str, uri: &str| {
        let metadata = json!({
            "redirect_uris": ["https://other.example/cb", redirect],
            "frontchannel_logout_uri": uri,
            "frontchannel_logout_session_required": true,
        });
        Answer::of(app.http.post(format!("{}/register", app.url)).json(&metadata).send().await.unwrap()).await
    };
    let redirect = "https://new.example:8443/cb";
    let registered = register(redirect, "https://new.example:8443/out?a=b").await;
    assert_eq!(
        (registered.status, registered.str("frontchannel_logout_uri")),
        (201, "https://new.example:8443/out?a=b"),
        "{}",
        registered.text
    );
    assert_eq!(registered.json["frontchannel_logout_session_required"], true);
    for wrong in
        ["https://new.example/out", "http://new.example:8443/out", "https://evil.example/", "https://new.example:8443/#x", "javascript:x"]
    {
        let refused = register(redirect, wrong).await;
        assert_eq!(refused.error(), (400, "invalid_client_metadata"), "{wrong}");
        assert!(refused.text.contains("frontchannel_logout_uri: expected"), "{}", refused.text);
    }
    let refused = register("https://a;sandbox/cb", "https://a;sandbox/out").await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    // No Content-Security-Policy can name an IPv6 address, so no browser would show the frame.
    let refused = register("https://[2001:db8::1]/cb", "https://[2001:db8::1]/out").await;
    assert_eq!(refused.error(), (400, "invalid_client_metadata"), "{}", refused.text);
    assert!(refused.text.contains("frontchannel_logout_uri: expected a URL whose host is a name or an IPv4 address"), "{}", refused.text);
    assert_eq!(register("https://192.0.2.1/cb", "https://192.0.2.1/out").await.status, 201);
    // A client keeps such a redirect URI as long as the frame needs it.
    let redirect_uris = signet_issuer::admin::patch::Patch::Set(vec!["https://elsewhere.example/cb".to_owned()]);
    let refused = app.edit_client("mail", ClientPatch { redirect_uris, ..ClientPatch::default() }).await.unwrap_err();
    assert!(format!("{refused:?}").contains("frontchannel_logout_uri"), "{refused:?}");
}
