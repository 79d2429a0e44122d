//! What people do with a browser while they sign in: several tabs, Back, blocked cookies, and tabs that are restored together. Each way
//! ends at the client with the person who was typed, or at a page with a way on.

use serde_json::json;

use super::window::Window;
use super::{Shop, ready, shop, sign_in, sign_in_as};
use crate::support::{PASSWORD, TestApp};

const ALLOW: &str = "button[value=allow]";

/// Goes on from the consent page, if it is shown.
async fn consent(window: &Window) {
    window.wait("!!document.querySelector('#told, button[value=allow]')").await;
    if window.client.execute("return !!document.querySelector('#told')", vec![]).await.unwrap() == json!(false) {
        window.activate(ALLOW).await;
    }
}

/// Follows the first link of the error page, and returns the heading of the page to which it leads.
async fn way_on(window: &Window) -> String {
    window.activate("main .actions a").await;
    window.heading().await
}

async fn sub(app: &TestApp, username: &str) -> String {
    signet_issuer::admin::users::show(&app.reading(), username).await.unwrap().id.to_string()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn an_app_that_opens_the_sign_in_in_a_popup_can_be_told_of_its_end() {
    let (app, shop, window) = ready().await;
    window.goto(&shop.callback).await;
    let popups = window.open_at_once(&[shop.request(&app, &[("state", "popup")])]).await;
    window.show(popups[0].clone()).await;
    sign_in(&window, PASSWORD).await;
    consent(&window).await;
    assert_eq!(shop.told(&window, "state").await, "popup");
    let told = window.client.execute("return window.opener.document.querySelector('h1').innerText", vec![]).await.unwrap();
    assert_eq!(told, json!("Shop"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn each_tab_acts_on_what_was_typed_in_it() {
    let (app, shop, window) = ready().await;
    let app = app.with_user("bob").await;
    let (alice, bob) = (sub(&app, "alice").await, sub(&app, "bob").await);
    // One link was opened in two tabs, and a second request in a third. Somebody else signs in in the second tab.
    let link = shop.request(&app, &[("state", "one")]);
    window.goto(&link).await;
    let first = window.new_tab().await;
    window.goto(&link).await;
    let second = window.new_tab().await;
    window.goto(&shop.request(&app, &[("state", "two")])).await;
    let third = window.client.window().await.unwrap();
    window.show(second).await;
    sign_in_as(&window, "bob", PASSWORD).await;
    consent(&window).await;
    assert_eq!(shop.person(&app, &window).await, bob);
    window.show(first.clone()).await;
    assert_eq!(window.heading().await, "Sign in");
    sign_in_as(&window, "alice", PASSWORD).await;
    consent(&window).await;
    assert_eq!(shop.told(&window, "state").await, "one");
    assert_eq!(shop.person(&app, &window).await, alice);
    // A typing error in an older tab keeps its request.
    window.show(third).await;
    sign_in_as(&window, "bob", "not the password").await;
    sign_in_as(&window, "bob", PASSWORD).await;
    consent(&window).await;
    assert_eq!(shop.told(&window, "state").await, "two");
    assert_eq!(shop.person(&app, &window).await, bob);
    // The page of one request can also be left open while that same request is answered.
    window.show(first).await;
    window.goto(&link).await;
    assert_eq!(shop.person(&app, &window).await, bob);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn back_after_signing_in_leads_on() {
    let (app, shop, window) = ready().await;
    let alice = sub(&app, "alice").await;
    window.goto(&shop.request(&app, &[])).await;
    sign_in(&window, PASSWORD).await;
    window.activate(ALLOW).await;
    assert_eq!(shop.person(&app, &window).await, alice);
    // Back to the consent page, whose request was answered.
    window.back().await;
    window.wait("!!document.querySelector('h1')").await;
    if window.heading().await != "You have already gone on from here" {
        window.activate(ALLOW).await;
    }
    assert_eq!(window.heading().await, "You have already gone on from here");
    window.inspect("answered").await;
    assert_eq!(way_on(&window).await, "Shop");
    // Back to the page on which the password was typed. Typing it once more leads on, too.
    window.goto(&shop.request(&app, &[("prompt", "login")])).await;
    window.fill("#password", PASSWORD).await;
    window.activate("button.primary").await;
    assert_eq!(shop.person(&app, &window).await, alice);
    window.back().await;
    assert_eq!(window.heading().await, "Sign in");
    sign_in(&window, PASSWORD).await;
    window.wait("!!document.querySelector('#told, main .actions a')").await;
    if window.heading().await != "Shop" {
        assert_eq!(window.heading().await, "You have already gone on from here");
        assert_eq!(way_on(&window).await, "Shop");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_browser_that_blocks_cookies_is_told_how_to_allow_them() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await;
    let shop: Shop = shop().await;
    shop.register(&app).await;
    let window = Window::open_with(json!({ "profile.default_content_setting_values.cookies": 2 })).await;
    window.goto(&shop.request(&app, &[])).await;
    sign_in(&window, PASSWORD).await;
    if window.heading().await == "Sign in" {
        sign_in(&window, PASSWORD).await;
    }
    assert_eq!(window.heading().await, "Your browser does not keep our cookie");
    window.inspect("no-cookie").await;
    assert_eq!(app.count("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(way_on(&window).await, "Shop");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn twenty_restored_tabs_all_reach_the_client() {
    let (app, shop, window) = ready().await;
    let alice = sub(&app, "alice").await;
    window.goto(&shop.callback).await;
    let states: Vec<String> = (0..20).map(|tab| format!("tab {tab}")).collect();
    let urls: Vec<String> = states.iter().map(|state| shop.request(&app, &[("state", state)])).collect();
    let tabs = window.open_at_once(&urls).await;
    let mut told = Vec::new();
    // Ten tabs sign in as they were opened. Then the browser is closed, and restores the other ten without its cookies.
    for (number, tab) in tabs.iter().enumerate() {
        if number == 10 {
            window.forget_cookies().await;
            window.reload_at_once(&tabs[10..]).await;
        }
        window.show(tab.clone()).await;
        window.wait("document.readyState === 'complete' && !document.documentElement.dataset.old && !!document.querySelector('h1')").await;
        if window.heading().await == "Sign in" {
            sign_in(&window, PASSWORD).await;
        }
        if window.heading().await == "Sign in" {
            sign_in(&window, PASSWORD).await;
        }
        consent(&window).await;
        told.push(shop.told(&window, "state").await);
        assert_eq!(shop.person(&app, &window).await, alice);
    }
    told.sort();
    let mut expected = states;
    expected.sort();
    assert_eq!(told, expected);
}

/// Clicks `css` twice, the second time after `gap` milliseconds, unless the page is gone by then.
async fn click_twice(window: &Window, css: &str, gap: u32) {
    let script = format!("const b = document.querySelector('{css}'); setTimeout(() => b.click(), {gap}); b.click()");
    // The page may be gone before the driver has its answer.
    let _ = window.client.execute(&script, vec![]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn a_double_click_opens_the_app() {
    let (app, shop, window) = ready().await;
    let alice = sub(&app, "alice").await;
    window.goto(&shop.request(&app, &[])).await;
    sign_in(&window, PASSWORD).await;
    consent(&window).await;
    assert_eq!(shop.person(&app, &window).await, alice);
    for gap in [0, 5, 40, 100, 180, 240] {
        window.goto(&shop.request(&app, &[("prompt", "login"), ("state", "slow")])).await;
        window.fill("#password", PASSWORD).await;
        click_twice(&window, "button.primary", gap).await;
        window.wait("!!document.querySelector('#told')").await;
        assert_eq!(shop.person(&app, &window).await, alice, "sign-in, {gap} ms");
        window.goto(&shop.request(&app, &[("prompt", "consent"), ("state", "slow")])).await;
        click_twice(&window, ALLOW, gap).await;
        window.wait("!!document.querySelector('#told')").await;
        assert_eq!(shop.person(&app, &window).await, alice, "consent, {gap} ms");
    }
    // The form that changes the password keeps the person signed in, and says that it was changed.
    let mut current = PASSWORD.to_owned();
    for gap in [0, 8, 30, 60, 120] {
        let chosen = format!("horse staple number {gap} of mine");
        window.goto(&format!("{}/account/password", app.url)).await;
        window.fill("#current_password", &current).await;
        window.fill("#new_password", &chosen).await;
        window.fill("#repeat_password", &chosen).await;
        click_twice(&window, "form[action=\"/account/password\"] button.primary", gap).await;
        window.wait("!!document.querySelector('.note.ok')").await;
        assert_eq!(app.try_password("alice", &chosen, "").await.status, 200);
        current = chosen;
    }
}
