//! The documentation of the API at `/docs`, where an administrator signs in and calls an operation.

use std::time::Duration;

use fantoccini::Locator;
use fantoccini::key::Key;
use serde_json::json;

use super::window::Window;
use crate::support::{PASSWORD, TestApp};

/// Clicks the element that `css` names with the mouse, which a person needs on these pages of another project.
async fn click(window: &Window, css: &str) {
    window.wait(&format!("!!document.querySelector({})", json!(css))).await;
    let script = "document.querySelector(arguments[0]).scrollIntoView({ block: 'center' })";
    window.client.execute(script, vec![json!(css)]).await.unwrap();
    window.client.find(Locator::Css(css)).await.unwrap().click().await.unwrap();
}

async fn fill(window: &Window, css: &str, text: &str) {
    window.client.find(Locator::Css(css)).await.unwrap().send_keys(text).await.unwrap();
}

async fn value(window: &Window, css: &str) -> String {
    let script = "return document.querySelector(arguments[0]).value";
    window.client.execute(script, vec![json!(css)]).await.unwrap().as_str().unwrap().to_owned()
}

/// Calls the operation that lists the roles, and returns the status that the page shows.
async fn list_roles(window: &Window) -> String {
    let script = "const one = [...document.querySelectorAll('.opblock')].find(block => \
                  block.querySelector('.opblock-summary-method').textContent === 'GET' && \
                  block.querySelector('.opblock-summary-path').dataset.path === '/api/v1/roles'); \
                  if (one) one.id = 'list-roles'; return !!one";
    assert_eq!(window.client.execute(script, vec![]).await.unwrap(), json!(true));
    if !is_there(window, "#list-roles .try-out").await {
        click(window, "#list-roles .opblock-summary-control").await;
    }
    if is_there(window, "#list-roles .try-out__btn:not(.cancel)").await || !is_there(window, "#list-roles .execute").await {
        click(window, "#list-roles .try-out__btn").await;
    }
    click(window, "#list-roles .execute").await;
    window.wait("!!document.querySelector('#list-roles .live-responses-table .response-col_status')").await;
    let script = "return document.querySelector('#list-roles .live-responses-table tbody .response-col_status').textContent.trim()";
    window.client.execute(script, vec![]).await.unwrap().as_str().unwrap().chars().take(3).collect()
}

async fn is_there(window: &Window, css: &str) -> bool {
    window.client.execute("return !!document.querySelector(arguments[0])", vec![json!(css)]).await.unwrap() == json!(true)
}

/// Opens the dialog with the flows, and marks each by its name.
async fn open_dialog(window: &Window) {
    click(window, ".auth-wrapper .btn.authorize").await;
    window.wait("document.querySelectorAll('.auth-container').length === 2").await;
    let script = "for (const flow of document.querySelectorAll('.auth-container')) \
                  flow.id = flow.querySelector('h4').textContent.includes('password') ? 'by-password' : 'by-code'";
    window.client.execute(script, vec![]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium; scripts/test.sh runs it"]
async fn authorize_signs_in_by_both_flows() {
    let app = TestApp::new().await.with_orders().await;
    app.add_user("boss", &["admin"]).await;
    let window = Window::open().await;
    let page = window.client.window().await.unwrap();
    window.goto(&format!("{}/docs/", app.url)).await;
    window.wait("document.querySelectorAll('.opblock').length > 20").await;
    assert_eq!(list_roles(&window).await, "401", "nobody has signed in yet");

    // The code flow signs in in a popup, which ends by itself.
    open_dialog(&window).await;
    assert_eq!(value(&window, "#client_id_authorizationCode").await, "api-docs");
    assert_eq!(value(&window, "#client_id_password").await, "cli");
    click(&window, "#by-code .authorize").await;
    let popup = loop {
        if let Some(popup) = window.client.windows().await.unwrap().into_iter().find(|other| *other != page) {
            break popup;
        }
    };
    window.show(popup).await;
    window.wait("!!document.querySelector('#username')").await;
    // A wrong password does not cut the popup off.
    super::sign_in_as(&window, "boss", "not the password").await;
    fill(&window, "#password", PASSWORD).await;
    window.activate("button.primary").await;
    // Any program on the device could pretend to be a client at such an address, so the person is asked. The popup then closes itself.
    window.tab_to("button[value=allow]").await;
    let _ = window.client.active_element().await.unwrap().send_keys(&Key::Enter.to_string()).await;
    for _ in 0..600 {
        if window.client.windows().await.unwrap().len() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    window.show(page).await;
    window.wait("[...document.querySelectorAll('#by-code h6')].some(one => one.textContent === 'Authorized')").await;
    click(&window, "#by-code .btn-done").await;
    assert_eq!(list_roles(&window).await, "200");

    // The password flow uses the client of the first start.
    window.goto(&format!("{}/docs/", app.url)).await;
    window.wait("document.querySelectorAll('.opblock').length > 20").await;
    open_dialog(&window).await;
    fill(&window, "#oauth_username", "boss").await;
    fill(&window, "#oauth_password", PASSWORD).await;
    click(&window, "#by-password .authorize").await;
    window.wait("[...document.querySelectorAll('#by-password h6')].some(one => one.textContent === 'Authorized')").await;
    click(&window, "#by-password .btn-done").await;
    assert_eq!(list_roles(&window).await, "200");
}
