//! Nobody is sent to a redirect URI that is not registered, and a request that is posted is asked again with GET.

use crate::interaction::app;
use crate::support::{Answer, CALLBACK};

fn is_error_page(answer: &Answer) -> bool {
    answer.header("location").is_empty() && (400..500).contains(&answer.status) && answer.heading() == "This link does not work"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_client_or_redirect_uri_is_never_sent_anywhere() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    for wrong in [
        &[("client_id", "")][..],
        &[("client_id", "nobody")],
        &[("client_id", "web"), ("client_id", "web")],
        &[("redirect_uri", "")],
        &[("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)],
    ] {
        assert!(is_error_page(&browser.get(&app.authorize(wrong)).await), "{wrong:?}");
    }
    for uri in [
        "https://shop.example/callback/",
        "https://shop.example/callback?",
        "https://shop.example/callback#",
        "https://shop.example/Callback",
        "https://SHOP.example/callback",
        "HTTPS://shop.example/callback",
        "http://shop.example/callback",
        "https://shop.example:443/callback",
        "https://shop.example./callback",
        "https://shop.example/./callback",
        "https://shop.example/x/../callback",
        "https://shop.example/callback/..;/",
        "https://shop.example/%63allback",
        "https://shop.example/callback%2e",
        "https://shop.example//callback",
        "https://shop.example\\callback",
        "https://shop.example@evil.example/callback",
        "https://evil.example@shop.example/callback",
        "https://a@b@shop.example/callback",
        "https://shop.example.evil.example/callback",
        "https://evilshop.example/callback",
        "https://shopxexample/callback",
        "https://[::1]/callback",
        "https://shop.example\t/callback",
        " https://shop.example/callback",
        "https://shop.example/callback ",
        "https://shop.example/callback\n",
        "//shop.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
    ] {
        let answer = browser.get(&app.authorize(&[("redirect_uri", uri)])).await;
        assert!(is_error_page(&answer), "{uri:?}: {} {}", answer.status, answer.header("location"));
    }
    app.disable_client("web").await;
    assert!(is_error_page(&browser.get(&app.authorize(&[])).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_names_the_redirect_uri_to_register_within_bounds() {
    let app = app().await;
    let browser = app.browser();
    let remedy = "is not registered; add it to the redirect_uris of the client web";
    let page = browser.get(&app.authorize(&[("redirect_uri", "https://shop.example/new")])).await;
    assert!(page.text.contains(&format!("redirect_uri: https://shop.example/new {remedy}")), "{}", page.text);
    assert!(page.text.contains("<details open>"), "a developer need not open anything");
    let long = format!("https://shop.example/{}", "x".repeat(5000));
    let page = browser.get(&app.authorize(&[("redirect_uri", &long)])).await;
    assert!(page.text.contains(&format!("redirect_uri: {}... {remedy}", &long[..300])), "{}", page.text);
    assert!(!page.text.contains(&long[..301]));
    let page = browser.get(&app.authorize(&[("redirect_uri", &"é".repeat(301))])).await;
    assert!(page.text.contains(&format!("redirect_uri: {}... {remedy}", "é".repeat(300))), "{}", page.text);
    // The text is shown as it came, so that it can be copied. What would be invisible is written as its number.
    let odd = "https://sträßle.example/\"a\\b<i>'\u{202e}\u{200b}\u{7}\n日本";
    let page = browser.get(&app.authorize(&[("redirect_uri", odd)])).await;
    let shown = page.text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    let expected = r#"redirect_uri: https://sträßle.example/"a\b<i>'<U+202E><U+200B><U+0007><U+000A>日本 is not registered"#;
    assert!(shown.contains(expected), "{shown}");
    assert!(!page.text.contains("<i>"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_redirect_uri_leads_back_to_the_client() {
    let app = app().await;
    app.sql(r#"UPDATE clients SET metadata = '{"client_uri":"https://shop.example/start"}' WHERE id = 'web'"#).await;
    let link = "href=\"https://shop.example/start\">Go to Web Shop</a>";
    for wrong in ["", "https://evil.example/"] {
        let page = app.browser().get(&app.authorize(&[("redirect_uri", wrong)])).await;
        assert_eq!((page.status, page.heading()), (400, "This link does not work"));
        assert!(page.text.contains(link) && !page.text.contains("Go to your account"), "{}", page.text);
    }
    // Anybody could have registered such a client, and so lead people to a site of theirs.
    app.sql("UPDATE clients SET registration_token_hash = 'x' WHERE id = 'web'").await;
    let page = app.browser().get(&app.authorize(&[("redirect_uri", "")])).await;
    assert!(page.text.contains("Go to your account") && !page.text.contains("shop.example"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_from_another_site_is_asked_again_with_get() {
    let app = app().await;
    let form = app.authorize(&[]).strip_prefix("/authorize?").unwrap().to_owned();
    let answer =
        app.http.post(format!("{}/authorize", app.url)).header("content-type", "application/x-www-form-urlencoded").body(form.clone());
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = client.execute(answer.build().unwrap()).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, format!("/authorize?{form}").as_str()));
    assert!(answer.headers().get("set-cookie").is_none(), "the browser keeps the cookie that it has");
    // Repeated parameters are judged after the client is known, as with GET.
    let twice = app.browser();
    let twice = twice.get("/sign-in").await.status == 200 && {
        let body = app.authorize(&[("resource", crate::support::ORDERS), ("resource", &app.url), ("nonce", "a"), ("nonce", "b")]);
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(body.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        twice.post("/authorize", &fields).await.reply()["error_description"] == "nonce: expected once; found several"
    };
    assert!(twice);
    let long = app.browser().post("/authorize", &[("client_id", "web"), ("state", &"x".repeat(9000))]).await;
    assert_eq!((long.status, long.heading()), (200, "Continue to sign in or out"));
    let page = app.browser().post("/authorize", &[("client_id", "web"), ("redirect_uri", CALLBACK), ("response_type", "token")]).await;
    assert_eq!(page.reply()["error"], "unsupported_response_type");
}
