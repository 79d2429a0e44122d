//! A waiting request belongs to the browser in which it began, and is answered once, however many tabs go on with it.

use crate::interaction::app;
use crate::support::{CALLBACK, PASSWORD, TestApp, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_sign_in_at_once() {
    let app = app().await;
    let browser = app.browser();
    let (one, two) = (browser.get(&app.authorize(&[("state", "one")])).await, browser.get(&app.authorize(&[("state", "two")])).await);
    let (one, two) = tokio::join!(browser.sign_in(&one, "alice", PASSWORD), browser.sign_in(&two, "alice", PASSWORD));
    for page in [&one, &two] {
        assert_eq!(page.heading(), "Allow Web Shop access?");
    }
    // If the tabs sign in one after the other, the form of the second was made before the sign-in. Its request still goes on.
    let browser = app.browser();
    let (one, two) = (browser.get(&app.authorize(&[("state", "one")])).await, browser.get(&app.authorize(&[("state", "two")])).await);
    let one = browser.sign_in(&one, "alice", PASSWORD).await;
    let two = browser.sign_in(&two, "alice", PASSWORD).await;
    assert_eq!(browser.consent(&one).await.reply()["state"], "one");
    let two =
        if two.status == 303 { two } else { browser.get(&format!("/authorize/resume?request={}", two.hidden("/consent")[1].1)).await };
    assert_eq!(two.reply()["state"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_open_at_once() {
    let app = app().await;
    for _ in 0..5 {
        let browser = app.signed_in("alice").await;
        let (one, two) = (app.authorize(&[("prompt", "login"), ("state", "1")]), app.authorize(&[("prompt", "login"), ("state", "2")]));
        let (one, two) = tokio::join!(browser.get(&one), browser.get(&two));
        assert_eq!((one.heading(), two.heading()), ("Sign in", "Sign in"));
        let (profile, devices) = tokio::join!(browser.get("/account"), browser.get("/account/devices"));
        assert_eq!(browser.submit(&devices, "/account/devices", &[("action", "end-others")]).await.heading(), "Devices");
        assert_eq!(browser.submit(&profile, "/account", &[("nickname", "Al")]).await.heading(), "Profile");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tabs_of_one_browser_lose_nothing() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let tabs = (0..100).map(|_| browser.get_once("/authorize?"));
    assert!(at_once(tabs.collect()).await.iter().all(|answer| answer.status == 400));
    let request = app.authorize(&[("prompt", "consent")]);
    browser.get(&request).await;
    let answers = at_once((0..100).map(|_| browser.get_once(&request)).collect()).await;
    assert!(answers.iter().all(|answer| answer.status == 303 && answer.header("location").starts_with("/consent?request=")));
    // The latest 32 requests wait. The last of them is shown each time.
    for _ in 0..40 {
        assert_eq!(browser.get(&request).await.heading(), "Allow Web Shop access?");
    }
    assert_eq!(app.count("SELECT count(*) FROM waiting_requests").await, 32);
    // Consents that are given in several tabs at once are all stored.
    for _ in 0..5 {
        let asked = ["openid email", "openid address", "openid phone", "openid profile"]
            .map(|scope| app.authorize(&[("scope", scope), ("prompt", "consent")]));
        let mut pages = Vec::new();
        for request in &asked {
            pages.push(browser.get(request).await);
        }
        let answers = at_once(pages.iter().map(|page| browser.consent(page)).collect()).await;
        assert!(answers.iter().all(|answer| answer.header("location").contains("code=")), "{answers:?}");
        let consents = browser.get("/account/consents").await;
        assert!(browser.submit(&consents, "/account/consents", &[]).await.text.contains("Withdrawn."));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_an_attacker_prepared_gives_nothing() {
    let app = app().await;
    let (attacker, victim) = (app.browser(), app.signed_in("alice").await);
    let page = attacker.get(&app.authorize(&[])).await;
    let id = page.hidden("/sign-in").into_iter().find(|(name, _)| name == "request").unwrap().1;
    for path in ["/sign-in", "/consent", "/select-account", "/authorize/resume"] {
        let answer = victim.get(&format!("{path}?request={id}")).await;
        assert_eq!((answer.status, answer.heading()), (400, "This sign-in is not known in this browser"), "{path}");
    }
    // Session fixation: the victim signs in with cookies that the attacker knows.
    let victim = app.browser();
    victim.cookies().clone_from(&attacker.cookies());
    let page = victim.get("/sign-in").await;
    assert_eq!(victim.sign_in(&page, "alice", PASSWORD).await.status, 200);
    assert!(victim.cookie().is_some() && attacker.cookie().is_none());
    assert_eq!(attacker.get("/account").await.heading(), "Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_one_request_is_given_once() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    let page = browser.get(&app.authorize(&[])).await;
    let id = page.hidden("/consent").into_iter().find(|(name, _)| name == "request").unwrap().1;
    assert!(browser.consent(&page).await.reply().contains_key("code"));
    app.advance(10);
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), "You have already gone on from here");
    // A request waits for an hour.
    let page = app.signed_in("bob").await;
    let waiting = page.get(&app.authorize(&[("prompt", "consent")])).await;
    app.advance(3600);
    assert_eq!(page.submit(&waiting, "/consent", &[("choice", "allow")]).await.heading(), "This page was open for too long");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_has_one_answer_however_many_tabs_go_on_with_it() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    browser.code(&app.authorize(&[])).await;
    let page = browser.get(&app.authorize(&[("prompt", "select_account")])).await;
    let id = page.hidden("/select-account").into_iter().find(|(name, _)| name == "request").unwrap().1;
    let tries = (0..20).map(|_| browser.submit(&page, "/select-account", &[("choice", "continue")]));
    let answers = at_once(tries.collect()).await;
    let mut accepted = 0;
    for answer in &answers {
        accepted += u32::from(app.redeem(&answer.reply()["code"], &[]).await.status == 200);
    }
    assert_eq!(accepted, 1, "each answer replaces the code of the one before");
    assert_eq!(browser.get(&format!("/authorize/resume?request={id}")).await.heading(), "You have already gone on from here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lost_what_the_request_needs_is_not_answered() {
    for lost in ["redirect_uris = 'https://other.example/callback'", "grant_types = 'refresh_token'", "disabled_at = 1"] {
        let app = app().await;
        let browser = app.signed_in("alice").await;
        let page = browser.get(&app.authorize(&[])).await;
        app.sql(&format!("UPDATE clients SET {lost} WHERE id = 'web'")).await;
        for choice in ["allow", "deny"] {
            let answer = browser.submit(&page, "/consent", &[("choice", choice)]).await;
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{lost}, {choice}: {}", answer.text);
            assert!(answer.text.contains("The app was removed from this server, or its registration was changed"), "{}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_others_have_replaced_leads_back_to_its_client() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    app.add_client_with("web", false, "authorization_code", &["openid"], |client| {
        client.redirect_uris = vec![CALLBACK.into()];
        client.client_name = "Web Shop".into();
        client.metadata.client_uri = Some("https://shop.example/start".into());
    })
    .await;
    let browser = app.signed_in("alice").await;
    let oldest = browser.get(&app.authorize(&[("prompt", "consent")])).await;
    for _ in 0..32 {
        browser.get(&app.authorize(&[("prompt", "consent")])).await;
    }
    let lost = browser.consent(&oldest).await;
    assert_eq!((lost.status, lost.heading()), (400, "This sign-in is no longer known"));
    assert!(lost.text.contains("href=\"https://shop.example/start\">Go to Web Shop</a>"), "{}", lost.text);
    // A link that somebody made up leads to no client that does not exist, or that may be the work of anybody.
    let id = oldest.request("/consent");
    let (signs, begin) = (id.len(), &id[..48]);
    let forged = format!("{}{}", &id[..47], if id.as_bytes()[47] == b'A' { "B" } else { "A" });
    for made_up in
        [begin[..22].to_owned(), format!("{begin}bm9ib2R5"), format!("{begin}*"), "é".repeat(24), "é".repeat(11), "-".repeat(signs)]
    {
        let page = browser.get(&format!("/authorize/resume?request={made_up}")).await;
        assert!(page.status == 400 && page.text.contains("Go to your account"), "{made_up}: {}", page.text);
        assert_eq!(page.heading(), "This sign-in is not known in this browser", "{made_up}");
    }
    let forged = browser.get(&format!("/authorize/resume?request={forged}{}", &id[48..])).await;
    assert_eq!(forged.heading(), "This sign-in is not known in this browser");
    let elsewhere = app.signed_in("alice").await.get(&format!("/authorize/resume?request={id}")).await;
    assert_eq!(elsewhere.heading(), "This sign-in is not known in this browser");
    for made_up in [String::new()] {
        let page = browser.get(&format!("/authorize/resume?request={made_up}")).await;
        assert!(page.status == 400 && page.text.contains("Go to your account"), "{made_up}: {}", page.text);
    }
    // A request that is gone because it is old is told apart from one that later ones have replaced.
    let old = browser.get(&app.authorize(&[("prompt", "consent")])).await.request("/consent");
    app.advance(3600);
    app.sql("DELETE FROM waiting_requests").await;
    let page = browser.get(&format!("/authorize/resume?request={old}")).await;
    assert_eq!(page.heading(), "This page was open for too long");
    let account = browser.get("/account").await;
    browser.submit(&account, "/account/sign-out", &[]).await;
    assert_eq!(browser.get(&format!("/authorize/resume?request={old}")).await.heading(), "You are no longer signed in here");
    app.sql("UPDATE clients SET registration_token_hash = 'x' WHERE id = 'web'").await;
    let page = browser.get(&format!("/authorize/resume?request={id}")).await;
    assert!(page.text.contains("Go to your account") && !page.text.contains("shop.example"), "{}", page.text);
}
