//! A client can ask for a sign-out, and nobody else can use it to sign people out or to redirect them.

use crate::browser::{app, is_signed_in};
use crate::support::{CALLBACK, SECRET, VERIFIER, header};

const BYE: &str = "https://shop.example/bye";

fn end_session(parameters: &[(&str, &str)]) -> String {
    format!("/end_session?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_hint_signs_out_at_once_and_sends_back() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tokens = app.code_flow(&browser, &[]).await;
    let hint = tokens.str("id_token");
    // The hint stays valid when it has expired and the key that signed it has left the JWKS.
    let kid = header(hint)["kid"].as_str().unwrap().to_owned();
    crate::keys::publish_after(&app.app, &app.app.rotation().ring().await.unwrap()).await.unwrap();
    for _ in 0..3 {
        app.advance(7000);
        assert!(is_signed_in(&browser).await, "a session in use does not end");
    }
    let jwks = app.get("/.well-known/jwks.json").send().await;
    assert!(jwks.status == 200 && !jwks.text.contains(&kid), "{}", jwks.text);
    let answer = browser.get(&end_session(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "a b")])).await;
    assert_eq!((answer.status, answer.header("location")), (303, "https://shop.example/bye?state=a+b"));
    // The cookie of the session opens nothing now, and is not removed, because this answer may be late. Another one changes, for "Back".
    assert!(answer.header("set-cookie").starts_with("signet-notice=left."), "{:?}", answer.headers);
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 1);
    assert!(!is_signed_in(&browser).await);
    assert_eq!(app.count("SELECT count(*) FROM sessions WHERE ended_at IS NULL").await, 0);
    // When nobody is signed in, there is nothing to do, and the redirect is the same.
    let again = browser.get(&end_session(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE)])).await;
    assert_eq!(again.header("location"), BYE);
    assert_eq!(browser.get("/end_session").await.heading(), "Nobody is signed in here");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_hint_the_user_is_asked() {
    let app = app().await;
    let bob = app.signed_in("bob").await;
    let hint = app.code_flow(&bob, &[]).await.str("id_token").to_owned();
    for asked in [
        &[][..],
        &[("post_logout_redirect_uri", BYE)],
        &[("state", "s")],
        &[("client_id", "web"), ("post_logout_redirect_uri", BYE), ("state", "s")],
        &[("id_token_hint", hint.as_str())],
    ] {
        let browser = app.signed_in("alice").await;
        let page = browser.get(&end_session(asked)).await;
        assert_eq!(page.heading(), "Sign out?", "{asked:?}");
        assert!(is_signed_in(&browser).await);
        let stayed = browser.submit(&page, "/end_session/confirm", &[("choice", "stay")]).await;
        assert_eq!(stayed.heading(), "You are signed in");
        let page = browser.get(&end_session(asked)).await;
        let gone = browser.submit(&page, "/end_session/confirm", &[("choice", "sign-out")]).await;
        if asked.len() == 3 {
            assert_eq!(gone.header("location"), format!("{BYE}?state=s"));
        } else {
            assert_eq!(gone.heading(), "You are signed out");
        }
        assert!(!is_signed_in(&browser).await);
    }
    assert!(is_signed_in(&bob).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_request_keeps_nobody_signed_in_and_redirects_nobody() {
    let app = app().await;
    app.add_client("other", true, "", &[]).await;
    let first = app.signed_in("alice").await;
    let hint = app.code_flow(&first, &[]).await.str("id_token").to_owned();
    for wrong in [
        &[("post_logout_redirect_uri", "https://evil.example"), ("id_token_hint", hint.as_str())][..],
        &[("post_logout_redirect_uri", "https://shop.example/bye/"), ("id_token_hint", &hint)],
        &[("post_logout_redirect_uri", BYE), ("client_id", "other"), ("id_token_hint", &hint)],
        &[("post_logout_redirect_uri", BYE), ("client_id", "other")],
        &[("post_logout_redirect_uri", BYE), ("client_id", "nobody")],
        &[("post_logout_redirect_uri", BYE), ("id_token_hint", "x.y.z")],
        &[("client_id", "web"), ("client_id", "web")],
    ] {
        let browser = app.signed_in("alice").await;
        let page = browser.get(&end_session(wrong)).await;
        assert_eq!((page.status, page.heading()), (200, "Sign out?"), "{wrong:?}");
        let gone = browser.submit(&page, "/end_session/confirm", &[("choice", "sign-out")]).await;
        assert_eq!((gone.status, gone.heading(), gone.header("location")), (200, "You are signed out", ""), "{wrong:?}");
        assert!(!is_signed_in(&browser).await, "{wrong:?}");
        let nobody = app.browser().get(&end_session(wrong)).await;
        assert_eq!((nobody.heading(), nobody.header("location")), ("Nobody is signed in here", ""), "{wrong:?}");
    }
    let page = first.get(&end_session(&[("post_logout_redirect_uri", "https://evil.example"), ("client_id", "web")])).await;
    assert!(
        page.text.contains("https://evil.example is not registered; add it to the post_logout_redirect_uris of the client web"),
        "{}",
        page.text
    );
    let page = first.get(&end_session(&[("post_logout_redirect_uri", BYE)])).await;
    assert!(page.text.contains("post_logout_redirect_uri: it was ignored, because nothing says which client sent"), "{}", page.text);
    assert!(!first.get("/end_session").await.text.contains("For developers"));
    // The issuer checks the fields that come back with the form again.
    let page = first.get(&end_session(&[("client_id", "web"), ("post_logout_redirect_uri", BYE)])).await;
    let evil = [("choice", "sign-out"), ("post_logout_redirect_uri", "https://evil.example")];
    let gone = first.submit(&page, "/end_session/confirm", &evil).await;
    assert_eq!((gone.heading(), gone.header("location")), ("You are signed out", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_that_a_session_ended_only_if_it_did() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let without_cookie = app.browser().get(&end_session(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)])).await;
    assert_eq!((without_cookie.heading(), without_cookie.header("location")), ("Nobody is signed in here", ""));
    assert!(without_cookie.text.contains("The session that the app wanted to end goes on."), "{}", without_cookie.text);
    assert!(is_signed_in(&browser).await);
    assert_eq!(browser.get("/signed-out").await.heading(), "You are signed in");
    assert_eq!(app.browser().get("/signed-out").await.heading(), "Nobody is signed in here");
    // A link that claims that something was done shows no such sentence.
    for (path, sentence) in [
        ("/account?done=saved", "saved"),
        ("/account/password?done=saved", "Your password is changed."),
        ("/account/devices?done=ended", "That device is signed out."),
        ("/account/consents?done=withdrawn", "Withdrawn."),
    ] {
        assert!(!browser.get(path).await.text.contains(sentence), "{path}");
    }
    let account = browser.get("/account").await;
    assert_eq!(browser.submit(&account, "/account/sign-out", &[]).await.heading(), "You are signed out");
    assert_eq!(browser.get("/signed-out").await.heading(), "Nobody is signed in here", "the sentence is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_of_a_confidential_client_ends_the_session_of_its_id_token() {
    let app = app().await;
    app.add_client("other", false, "client_credentials", &["orders:read"]).await;
    app.add_client("spa", true, "", &[]).await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let by = |id: &'static str, secret: &'static str, hint: String| {
        let request = app.post("/end_session").basic_auth(id, secret).form(&[("id_token_hint", hint.as_str())]);
        async move { request.send().await }
    };
    assert_eq!(by("web", "wrong", hint.clone()).await.error(), (401, "invalid_client"));
    assert_eq!(by("other", SECRET, hint.clone()).await.error(), (400, "invalid_request"), "it was issued to another client");
    assert!(by("spa", "", hint.clone()).await.json["session_ended"].is_null(), "a public client proves nothing");
    assert_eq!(by("web", SECRET, String::new()).await.error(), (400, "invalid_request"));
    assert!(is_signed_in(&browser).await);
    let ended = by("web", SECRET, hint.clone()).await;
    assert_eq!((ended.status, &ended.json["session_ended"]), (200, &true.into()), "{}", ended.text);
    assert!(!is_signed_in(&browser).await);
    assert_eq!(by("web", SECRET, hint).await.json["session_ended"], false);
    let recorded = "SELECT count(*) FROM audit_events WHERE event = 'session_ended' AND actor_kind = 'client' AND face = 'end_session'";
    assert_eq!(app.count(recorded).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_of_a_client_is_answered_in_json_whatever_body_it_sends() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let post = || app.post("/end_session").basic_auth("web", SECRET);
    let in_form = format!("client_id=web&client_secret={SECRET}&id_token_hint={hint}");
    for (what, request) in [
        ("JSON", post().json(&serde_json::json!({ "id_token_hint": hint }))),
        ("no body", post()),
        ("an empty form", post().raw("")),
        ("a parameter twice", post().raw(format!("id_token_hint={hint}&id_token_hint={hint}"))),
        ("a stray percent sign", post().raw("id_token_hint=%")),
        ("credentials in the form, a parameter twice", app.post("/end_session").raw(format!("{in_form}&id_token_hint={hint}"))),
        ("credentials in the form, a stray percent sign", app.post("/end_session").raw(format!("{in_form}&state=%"))),
        ("an assertion in the form, a parameter twice", app.post("/end_session").raw("client_assertion=x&state=a&state=b")),
        ("a query", app.post(&end_session(&[("id_token_hint", &hint)])).basic_auth("web", SECRET)),
        ("a secret in a query", app.post(&end_session(&[("client_secret", SECRET), ("id_token_hint", &hint)]))),
        ("a query beside credentials in the form", app.post("/end_session?x=y").raw(in_form.clone())),
        ("a secret in JSON", app.post("/end_session").json(&serde_json::json!({ "client_id": "web", "client_secret": SECRET }))),
        ("an assertion in JSON", app.post("/end_session").json(&serde_json::json!({ "client_assertion": "x.y.z" }))),
        ("a wrong scheme", app.post("/end_session").bearer("x").json(&serde_json::json!({}))),
    ] {
        let answer = request.send().await;
        assert_eq!(answer.error(), (400, "invalid_request"), "{what}: {}", answer.text);
        assert!(answer.header("content-type").starts_with("application/json"), "{what}: {:?}", answer.headers);
    }
    let long = post().raw(format!("id_token_hint={hint}&state={}", "x".repeat(70_000))).send().await;
    assert_eq!((long.status, long.header("content-type").starts_with("application/json")), (413, true), "{}", long.text);
    assert!(is_signed_in(&browser).await);
    // A request without credentials may come from a browser, and is answered with the page.
    let page = app.post("/end_session").json(&serde_json::json!({})).send().await;
    assert_eq!((page.status, page.heading()), (200, "Nobody is signed in here"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_request_by_post_is_sent_once_more_by_the_person() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let long = "x".repeat(9000);
    for (path, fields) in [
        ("/end_session", vec![("client_id", "web"), ("state", long.as_str())]),
        ("/authorize", vec![("client_id", "web"), ("unknown", &long)]),
    ] {
        let page = browser.post_once(path, &fields).await;
        assert_eq!((page.status, page.heading(), page.header("referrer-policy")), (200, "Continue to sign in or out", "same-origin"));
        let own = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>();
        assert_eq!(page.hidden(path), own);
    }
    let authorize = app.authorize(&[("login_hint", &long)]);
    let query: Vec<(String, String)> = url::form_urlencoded::parse(authorize.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let fields: Vec<(&str, &str)> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let sent = browser.post_with("/authorize", &fields, ("origin", &app.url)).await;
    assert_eq!(sent.heading(), "Allow Web Shop access?");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_redirected_without_a_sign_out_or_an_id_token() {
    let app = app().await;
    let page = app.browser().get(&end_session(&[("client_id", "web"), ("post_logout_redirect_uri", BYE)])).await;
    assert_eq!(page.heading(), "Nobody is signed in here", "nobody was signed in, and nobody proves that they were");
    // A signed answer of UserInfo is no ID token.
    app.add_client_with("signed", false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.metadata.userinfo_signed_response_alg = Some("RS256".into());
    })
    .await;
    let browser = app.signed_in("alice").await;
    let code = browser.code(&app.authorize(&[("client_id", "signed"), ("scope", "openid")])).await;
    let form = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    let tokens = app.post("/token").basic_auth("signed", SECRET).form(&form).send().await;
    let userinfo = app.get("/userinfo").bearer(tokens.str("access_token")).send().await;
    assert_eq!(header(&userinfo.text)["alg"], "RS256");
    let answer = browser.get(&end_session(&[("id_token_hint", &userinfo.text)])).await;
    assert_eq!(answer.heading(), "Sign out?");
    assert!(is_signed_in(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_asked_again_with_get() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let hint = app.code_flow(&browser, &[]).await.str("id_token").to_owned();
    let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BYE)];
    let redirect = browser.post_once("/end_session", &fields).await;
    assert_eq!((redirect.status, redirect.header("location")), (303, end_session(&fields).as_str()));
    assert!(is_signed_in(&browser).await, "the POST alone signs nobody out");
    let answer = browser.get(redirect.header("location")).await;
    assert_eq!((answer.status, answer.header("location")), (303, BYE));
    assert!(!is_signed_in(&browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_works_from_a_stale_page_and_with_a_form_that_cannot_be_read() {
    let app = app().await;
    for path in ["/account/sign-out", "/end_session/confirm"] {
        let browser = app.signed_in("alice").await;
        let stale = [("csrf", "of an earlier page"), ("choice", "sign-out")];
        // Another site cannot sign the person out.
        assert_eq!(browser.post_with(path, &stale, ("origin", "https://evil.example")).await.status, 403, "{path}");
        let unknown = browser.post(path, &stale).await;
        assert!(unknown.status == 403 && unknown.text.contains("href=\"/end_session\""), "{path}: {}", unknown.text);
        assert!(is_signed_in(&browser).await, "{path}");
        assert_eq!(browser.post_with(path, &stale, ("origin", &app.url)).await.heading(), "You are signed out", "{path}");
        assert!(!is_signed_in(&browser).await, "{path}");
    }
    let browser = app.signed_in("alice").await;
    for path in ["/end_session?x=y", "/end_session"] {
        let twice = browser.post(path, &[("client_id", "web"), ("client_id", "web")]).await;
        assert_eq!((twice.status, twice.heading()), (200, "Sign out?"), "{path}");
    }
}
