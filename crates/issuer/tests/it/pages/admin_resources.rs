//! The page of a resource changes its scopes and removes it, after a page that says who loses what.

use signet_issuer::admin::edit_resource::{self, ResourcePatch};
use signet_issuer::admin::resources;

use crate::support::{Answer, Browser, ORDERS, PASSWORD, TestApp};

const PAGE: &str = "/admin/resources/https%3A%2F%2Forders%2Eexample";
const EDIT: &str = "/admin/resources/https%3A%2F%2Forders%2Eexample/edit";

async fn house() -> (TestApp, Browser) {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    app.add_user("boss", &["admin"]).await;
    app.sign_in("alice", "orders:write").await;
    app.sign_in("alice", "openid orders:read orders:write").await;
    let browser = app.signed_in("boss").await;
    (app, browser)
}

async fn scopes(app: &TestApp) -> Vec<String> {
    let resource = resources::show(&app.reading(), ORDERS).await.unwrap();
    resource.scopes.into_iter().map(|scope| format!("{}={}", scope.name, scope.description)).collect()
}

async fn send(browser: &Browser, fields: &[(&str, &str)]) -> Answer {
    let form = browser.get(EDIT).await;
    browser.send_filled(&form, EDIT, fields).await
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_scope_asks_for_the_password_and_says_who_loses_what() {
    let (app, browser) = house().await;
    let form = browser.get(EDIT).await;
    assert!(form.text.contains(">\norders:read=orders:read\norders:write=orders:write</textarea>"), "{}", form.text);
    let asked = send(&browser, &[("scopes", "orders:read=See your orders\norders:cancel=Cancel orders")]).await;
    assert_eq!(asked.heading(), "Change the resource https://orders.example?");
    for text in [
        "The role clerk loses the scope orders:write.",
        "The applications shop, web may no longer ask for orders:write.",
        "1 user loses the scope orders:write: alice.",
        "One authorization, with its refresh token, gives no more tokens.",
        "The access tokens of one authorization are refused at once.",
        "Your password",
    ] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    assert_eq!(scopes(&app).await, ["orders:read=orders:read", "orders:write=orders:write"], "nothing happens before it is confirmed");
    let wrong = browser.submit(&asked, EDIT, &[("confirm_password", "not the password")]).await;
    assert!(wrong.text.contains("The password is wrong."), "{}", wrong.text);
    let done = browser.submit(&wrong, EDIT, &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("Saved."), "{}", done.text);
    assert_eq!(scopes(&app).await, ["orders:cancel=Cancel orders", "orders:read=See your orders"]);
    // The same form again is stale.
    let stale = browser.submit(&wrong, EDIT, &[("confirm_password", PASSWORD)]).await;
    assert!(stale.status == 400 && stale.text.contains("somebody else changed it meanwhile"), "{}", stale.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_changes_ask_only_if_they_give_or_take_something() {
    let (app, browser) = house().await;
    let added = send(&browser, &[("name", "Orders"), ("scopes", "orders:read=See\norders:write=Change\norders:cancel=Cancel")]).await;
    assert!(added.text.contains("Saved."), "a new scope and other words are saved at once: {}", added.text);
    assert_eq!(scopes(&app).await, ["orders:cancel=Cancel", "orders:read=See", "orders:write=Change"]);
    let refused = send(&browser, &[("scopes", "orders:read=See\nadmin=All")]).await;
    assert!(refused.status == 400 && refused.text.contains("found admin, which belongs to"), "{}", refused.text);
    assert!(refused.text.contains(">\norders:read=See\nadmin=All</textarea>"), "what was typed stays: {}", refused.text);

    // Giving more asks for the password, taking something does not.
    let asked = send(&browser, &[("open", "true"), ("groups", "true")]).await;
    for text in
        ["Any client may ask for its scopes on behalf of a person.", "Its tokens tell services the groups of people.", "Your password"]
    {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    let done = browser.submit(&asked, EDIT, &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("Saved."), "{}", done.text);
    let asked = send(&browser, &[("open", "unchecked"), ("groups", "unchecked")]).await;
    for text in [
        "Only clients that are registered for its scopes may still ask for them.",
        "Its new tokens no longer tell services the groups of people.",
        "The access tokens of 2 authorizations are refused at once.",
    ] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    assert!(!asked.text.contains("Your password"), "{}", asked.text);
    assert!(resources::show(&app.reading(), ORDERS).await.unwrap().open);
    let done = browser.submit(&asked, EDIT, &[]).await;
    assert!(done.text.contains("Saved."), "{}", done.text);
    assert!(!resources::show(&app.reading(), ORDERS).await.unwrap().open);
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_resource_says_who_loses_what_and_takes_its_scopes_from_all() {
    let (app, browser) = house().await;
    let page = browser.get(PAGE).await;
    let asked = browser.submit(&page, PAGE, &[("action", "remove")]).await;
    assert_eq!(asked.heading(), "Remove the resource https://orders.example?");
    for text in [
        "every role and client loses them: orders:read, orders:write.",
        "The role clerk loses the scope orders:read.",
        "The role clerk loses the scope orders:write.",
        "The applications shop, web may no longer ask for orders:write.",
        "1 user loses the scope orders:write: alice.",
        "One authorization, with its refresh token, gives no more tokens.",
        "The access tokens of one authorization are refused at once.",
        "Your password",
    ] {
        assert!(asked.text.contains(text), "{text}: {}", asked.text);
    }
    // Somebody else changes the resource while the page is read, so that it asks once more.
    let patch = ResourcePatch { name: Some("Orders".to_owned()), ..ResourcePatch::default() };
    app.operate(|change| Box::pin(edit_resource::edit(change, ORDERS, patch))).await.unwrap();
    let overtaken = browser.submit(&asked, PAGE, &[("confirm_password", PASSWORD)]).await;
    assert!(overtaken.text.contains("somebody else changed it meanwhile"), "{}", overtaken.text);
    assert_eq!(overtaken.heading(), "Remove the resource Orders?");
    assert_eq!(scopes(&app).await.len(), 2, "nothing happens before it is confirmed");
    let done = browser.submit(&overtaken, PAGE, &[("confirm_password", PASSWORD)]).await;
    assert!(done.status == 200 && done.text.contains("Removed."), "{}", done.text);
    assert_eq!(app.count("SELECT count(*) FROM authorizations WHERE scope LIKE '%orders:%'").await, 0);
    // The second click of a double click finds that it is done.
    let twice = browser.submit(&overtaken, PAGE, &[("confirm_password", PASSWORD)]).await;
    assert!(twice.status == 200 && twice.text.contains("Removed."), "{}", twice.text);
    assert_eq!(browser.post(PAGE, &[("csrf", &page.hidden(PAGE)[0].1), ("action", "remove")]).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_removes_a_resource_without_scopes_names_none() {
    let (app, browser) = house().await;
    app.add_resource("https://bare.example", &[], None).await;
    let path = "/admin/resources/https%3A%2F%2Fbare%2Eexample";
    let asked = browser.submit(&browser.get(path).await, path, &[("action", "remove")]).await;
    assert_eq!(asked.heading(), "Remove the resource https://bare.example?");
    assert!(!asked.text.contains("Its scopes go with it"), "{}", asked.text);
    let done = browser.submit(&asked, path, &[("confirm_password", PASSWORD)]).await;
    assert!(done.text.contains("Removed."), "{}", done.text);
    assert_eq!(scopes(&app).await.len(), 2, "the other resource stays");
}
