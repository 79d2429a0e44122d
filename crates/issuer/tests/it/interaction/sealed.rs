//! Until someone signs in nothing is stored: the authorization request travels sealed in the sign-in page, bound to the browser, and is
//! answered once.

use crate::interaction::app;
use crate::support::{Answer, PASSWORD, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_until_someone_signs_in() {
    let app = app().await;
    let browser = app.browser();
    for path in
        [app.authorize(&[]), app.authorize(&[("prompt", "login")]), "/sign-in".to_owned(), "/account".to_owned(), "/end_session".to_owned()]
    {
        for _ in 0..3 {
            assert_eq!(app.browser().get(&path).await.status, 200, "{path}");
            browser.get(&path).await;
        }
    }
    let page = browser.get(&app.authorize(&[])).await;
    assert_eq!(browser.sign_in(&page, "alice", "wrong password").await.status, 400);
    for table in ["browsers", "waiting_requests", "sessions"] {
        assert_eq!(app.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    assert_eq!(browser.sign_in(&page, "alice", PASSWORD).await.heading(), "Allow Web Shop access?");
    assert_eq!(app.count("SELECT count(*) FROM waiting_requests").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_request_is_answered_once() {
    let app = app().await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    // The person goes back before the answer, and signs in again: the request goes on.
    let first = browser.sign_in(&page, "alice", PASSWORD).await;
    let second = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(first.request("/consent"), second.request("/consent"));
    assert!(browser.consent(&second).await.reply().contains_key("code"));
    // Some seconds after the answer the same page signs the person in, but gives no second code.
    app.advance(10);
    let third = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(third.heading(), "You have already gone on from here");
    assert!(third.text.contains("You are signed in now."), "{}", third.text);
    // A page that was made for another browser is sealed again, but stays the same request.
    browser.cookies().remove("signet-visitor");
    browser.get("/sign-in").await;
    let again = browser.sign_in(&page, "alice", PASSWORD).await;
    let answer = if again.heading() == "Sign in" { browser.sign_in(&again, "alice", PASSWORD).await } else { again };
    assert_eq!(answer.heading(), "You have already gone on from here");

    let page = app.browser().get(&app.authorize(&[])).await;
    let tries = (0..10).map(|_| browser.sign_in_with(&page, "alice", ("origin", &app.url)));
    let answers = at_once(tries.collect()).await;
    let mut accepted = 0;
    for answer in answers.iter().filter(|answer| answer.header("location").contains("code=")) {
        accepted += u32::from(app.redeem(&answer.reply()["code"], &[]).await.status == 200);
    }
    assert_eq!(accepted, 1, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_request_expires_and_cannot_be_changed() {
    let app = app().await;
    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    app.advance(3600);
    let late = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!((late.status, late.heading()), (200, "This page was open for too long"));
    assert!(late.text.contains("You are signed in now."), "{}", late.text);
    assert_eq!(browser.get("/account").await.heading(), "Profile", "the right password signs the person in");

    let browser = app.browser();
    let page = browser.get(&app.authorize(&[])).await;
    let sealed = page.request("/sign-in");
    let mut changed = sealed.clone().into_bytes();
    let last = changed.len() - 30;
    changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
    for forged in [String::from_utf8(changed).unwrap(), format!("{sealed}x"), "a.b.c.d.e".to_owned(), "....".to_owned()] {
        let fields = [("request", forged.as_str()), ("username", "alice"), ("password", PASSWORD)];
        let answer = browser.submit(&page, "/sign-in", &fields).await;
        assert_eq!(answer.heading(), "This sign-in is not known in this browser", "{forged}");
    }
    let wrong = browser.submit(&page, "/sign-in", &[("request", "....."), ("username", "alice"), ("password", "wrong")]).await;
    assert_eq!((wrong.status, wrong.heading()), (400, "Sign in"), "whether the request is good says nothing about the password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_form_is_taken_only_from_a_page_that_this_browser_was_shown() {
    let app = app().await;
    let (attacker, victim) = (app.browser(), app.browser());
    let of_attacker = attacker.get(&app.authorize(&[("state", "of the attacker")])).await;
    victim.get("/sign-in").await;
    // A form of the attacker's browser is shown again, made for this browser, and the password is asked for.
    let answer = victim.sign_in(&of_attacker, "bob", PASSWORD).await;
    assert_eq!(answer.heading(), "Sign in");
    assert!(answer.text.contains("Type your password once more."), "{}", answer.text);
    for (header, heading) in [
        (("origin", "https://evil.example"), "This form came from another site"),
        (("sec-fetch-site", "cross-site"), "This form came from another site"),
        (("sec-fetch-site", "same-site"), "This form came from another site"),
        (("origin", "null"), "Sign in"),
    ] {
        assert_eq!(victim.sign_in_with(&of_attacker, "bob", header).await.heading(), heading, "{header:?}");
        assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0, "{header:?}");
    }
    // A person who reached the issuer by another name is let in, because the browser says that the page is its own.
    let page = victim.get("/sign-in").await;
    assert_eq!(victim.sign_in_with(&page, "alice", ("sec-fetch-site", "same-origin")).await.heading(), "Profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_restored_tabs_lose_no_request() {
    let app = app().await;
    let browser = app.browser();
    let paths: Vec<String> = (0..20).map(|number| app.authorize(&[("state", &number.to_string()), ("prompt", "login")])).collect();
    // No tab has a cookie yet, so each answer sets one, and the last one stays.
    let pages = at_once(paths.iter().map(|path| browser.get(path)).collect()).await;
    for (number, page) in pages.iter().enumerate() {
        let answer = browser.sign_in_with(page, "alice", ("origin", &app.url)).await;
        let answer = if answer.status == 303 { answer } else { browser.consent(&answer).await };
        assert_eq!(answer.reply()["state"], number.to_string());
    }
    // The same holds if all wait for consent before the first is answered.
    let pages = at_once((0..20).map(|_| browser.get_once(&paths[0])).collect()).await;
    let mut waiting = Vec::new();
    for page in &pages {
        waiting.push(browser.sign_in(page, "bob", PASSWORD).await);
    }
    for page in &waiting {
        let current = browser.get(&format!("/authorize/resume?request={}", page.request("/consent"))).await;
        let answer = if current.status == 303 { current } else { browser.consent(&current).await };
        assert!(answer.reply().contains_key("code"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_without_cookies_is_told_so() {
    let app = app().await;
    let page = app.browser().get(&app.authorize(&[])).await;
    // The browser was restarted and has lost its cookie: the form comes back, with what was typed but for the password.
    let browser = app.browser();
    let again = browser.sign_in_with(&page, "alice", ("origin", &app.url)).await;
    assert_eq!(again.heading(), "Sign in");
    assert!(again.text.contains("Type your password once more.") && again.text.contains("value=\"alice\""), "{}", again.text);
    assert!(again.text.contains("Your browser sent no cookie with this form") && !again.text.contains("has changed"), "{}", again.text);
    assert!(!again.text.contains(PASSWORD));
    // If it keeps the new cookie, the request goes on.
    assert_eq!(browser.sign_in(&again, "alice", PASSWORD).await.heading(), "Allow Web Shop access?");
    // Otherwise it does not keep cookies.
    let blocked = app.browser().sign_in_with(&again, "alice", ("origin", &app.url)).await;
    assert_eq!(blocked.heading(), "Your browser does not keep our cookie");
    assert!(blocked.text.contains("Allow cookies"), "{}", blocked.text);
    let site = |answer: &Answer| answer.text.contains("href=\"https://shop.example/\">Go to Web Shop</a>");
    assert!(!site(&blocked), "the app has registered no site: {}", blocked.text);
    let patch = serde_json::from_value(serde_json::json!({ "metadata": { "client_uri": "https://shop.example/" } })).unwrap();
    app.edit_client("web", patch).await.unwrap();
    let blocked = app.browser().sign_in_with(&again, "alice", ("origin", &app.url)).await;
    assert!(blocked.heading() == "Your browser does not keep our cookie" && site(&blocked), "{}", blocked.text);
    // A person whom no app has sent is led to the sign-in page.
    let own = app.browser().get("/sign-in").await;
    let again = app.browser().sign_in_with(&own, "alice", ("origin", &app.url)).await;
    assert!(again.text.contains("Your browser sent no cookie with this form"), "{}", again.text);
    let blocked = app.browser().sign_in_with(&again, "alice", ("origin", &app.url)).await;
    assert!(blocked.heading() == "Your browser does not keep our cookie" && blocked.text.contains("href=\"/sign-in\""), "{}", blocked.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_typed_is_signed_in_whatever_another_tab_did() {
    let app = app().await;
    let browser = app.browser();
    let (of_alice, of_bob) = (browser.get(&app.authorize(&[("state", "a")])).await, browser.get(&app.authorize(&[("state", "b")])).await);
    let alice = browser.sign_in(&of_alice, "alice", PASSWORD).await;
    let bob = browser.sign_in(&of_bob, "bob", PASSWORD).await;
    assert!(bob.text.contains("You are signed in as <strong>bob</strong>"), "{}", bob.text);
    // The page that was shown to alice decides nothing for bob.
    let stale = browser.consent(&alice).await;
    assert_eq!((stale.status, stale.heading()), (403, "This page can no longer be used"));
    assert!(stale.text.contains("You are signed in as "), "{}", stale.text);
    assert!(stale.text.contains("/authorize/resume?request="), "{}", stale.text);
    assert_eq!(app.count("SELECT count(*) FROM consents").await, 0);
    let code = browser.consent(&bob).await.reply()["code"].clone();
    let id_token = app.redeem(&code, &[]).await;
    assert_eq!(
        crate::support::claims(id_token.str("id_token"))["sub"],
        signet_issuer::admin::users::show(&app.reading(), "bob").await.unwrap().id.to_string()
    );
    // A wrong password in one tab leaves the person of the other tab signed in, and the page says who that is.
    let page = browser.get(&app.authorize(&[("prompt", "login")])).await;
    let wrong = browser.sign_in(&page, "alice", "wrong password").await;
    assert!(wrong.text.contains("The username or the password is wrong."), "{}", wrong.text);
    assert!(browser.get("/account").await.text.contains("bob"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_answered_for_a_person_who_was_not_typed_or_chosen() {
    for parameters in [&[][..], &[("prompt", "select_account")], &[("prompt", "login")]] {
        let app = app().await;
        // Bob has consented to this client before.
        app.signed_in("bob").await;
        let bob = app.browser();
        let page = bob.get(&app.authorize(&[])).await;
        bob.consent(&bob.sign_in(&page, "bob", PASSWORD).await).await.reply();

        let browser = app.browser();
        let of_alice = browser.get(&app.authorize(&[&[("state", "a")], parameters].concat())).await;
        let alice = browser.sign_in(&of_alice, "alice", PASSWORD).await;
        assert_eq!(alice.heading(), "Allow Web Shop access?");
        let of_bob = browser.get(&app.authorize(&[("state", "b"), ("prompt", "login")])).await;
        assert_eq!(browser.sign_in(&of_bob, "bob", PASSWORD).await.reply()["state"], "b");
        // Alice's tab goes on by its link, and the person is asked.
        let asked = browser.get(&format!("/authorize/resume?request={}", alice.request("/consent"))).await;
        if parameters.contains(&("prompt", "login")) {
            assert_eq!(asked.heading(), "Sign in", "the client asked for a sign-in for this request");
            continue;
        }
        assert!(asked.text.contains("Continue as bob Example"), "{parameters:?}: {}", asked.text);
        let chosen = browser.submit(&asked, "/select-account", &[("choice", "continue")]).await;
        assert_eq!(chosen.reply()["state"], "a", "{parameters:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typing_error_on_a_page_that_is_too_old_keeps_the_reason() {
    let app = app().await;
    let browser = app.browser();
    let mut page = browser.get(&app.authorize(&[])).await;
    app.advance(3600);
    for _ in 0..2 {
        page = browser.sign_in(&page, "alice", "not the password").await;
        assert_eq!((page.status, page.heading()), (400, "Sign in"));
        assert!(page.text.contains("The username or the password is wrong.") && page.text.contains("This page was open for too long."));
    }
    let late = browser.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!((late.status, late.heading()), (200, "This page was open for too long"));
    assert!(late.text.contains("You are signed in now."), "{}", late.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_accepted_fits_into_the_sign_in_form() {
    let app = app().await;
    // A quote takes two bytes where the request is stored.
    for (state, stored) in [("x", 1), (&"\"".repeat(4000), 8000)] {
        let query = app.authorize(&[("state", ""), ("scope", "")]);
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        let most = 36 * 1024 - stored - fields.iter().map(|(_, value)| value.len()).sum::<usize>();
        for (length, fits) in [(most, true), (most + 1, false)] {
            let scope = format!("openid {:x<1$}", "", length - "openid ".len());
            let given = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let given = given.filter(|(name, _)| !["state", "scope"].contains(name));
            let form: Vec<(&str, &str)> = given.chain([("state", state), ("scope", &scope)]).collect();
            let browser = app.browser();
            browser.get("/sign-in").await;
            let page = browser.post_with("/authorize", &form, ("origin", &app.url)).await;
            let told = format!("{length} {} {} {:.200}", page.status, page.text.len(), page.header("location"));
            if fits {
                assert_eq!(page.status, 200, "{told}");
                let answer = browser.sign_in(&page, "alice", PASSWORD).await;
                assert!(answer.header("location").contains("code=") || answer.heading() == "Allow Web Shop access?", "{told}");
            } else {
                assert_eq!((page.status, page.heading()), (400, "This link does not work"), "{told}");
                let said = "expected at most 36864 bytes in all parameters, written as JSON; found 36865";
                assert!(page.text.contains(said), "{told} {}", page.text);
            }
        }
    }
}
