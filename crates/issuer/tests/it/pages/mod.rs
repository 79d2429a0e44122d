//! Every page carries the headers that keep other sites out.

mod account;
mod admin;
pub mod admin_clients;
mod admin_facts;
mod admin_groups;
mod admin_names;
mod admin_overtaken;
mod admin_people;
mod admin_requests;
mod admin_resources;
mod admin_shell;
mod admin_told;
mod admin_trial;
mod admin_versions;
mod audit;
mod audit_objects;
mod commands;
mod consent;
pub mod offers;
mod overview;
mod repeated;
mod sign_in;
mod sign_out;
mod unreadable;
mod wording;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn every_page_carries_the_headers_that_keep_other_sites_out() {
    let app = TestApp::new().await.with_orders().await.with_user("alice").await.with_web().await;
    let browser = app.signed_in("alice").await;
    let consent = app.authorize(&[]);
    for path in [
        "/sign-in",
        "/account",
        "/account/password",
        "/account/devices",
        "/account/consents",
        "/end_session",
        "/signed-out",
        &consent,
        "/consent?request=x",
    ] {
        for browser in [&browser, &app.browser()] {
            let page = browser.get(path).await;
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
            let csp = page.header("content-security-policy");
            for directive in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"] {
                assert!(csp.contains(directive), "{path}: {csp}");
            }
            assert!(!page.text.contains("<script") && !page.text.contains("style=\"") && !page.text.contains("http-equiv"), "{path}");
            // The sign-in page sends its origin with the form, but tells other sites nothing either.
            let policy = if page.heading() == "Sign in" { "same-origin" } else { "no-referrer" };
            assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", policy), "{path}");
            assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
            // A page that leads to an app may stand in a popup of the app.
            let opener = if csp.contains("form-action") { "same-origin-allow-popups" } else { "" };
            assert_eq!(page.header("cross-origin-opener-policy"), opener, "{path}");
        }
    }
    // Pages that lead to clients name no form-action: browsers would apply it to the redirect.
    assert!(!browser.get(&consent).await.header("content-security-policy").contains("form-action"));
    assert!(browser.get("/account").await.header("content-security-policy").contains("form-action 'self'"));
    let style = browser.get("/static/style.css").await;
    assert_eq!((style.status, style.header("content-type"), style.header("set-cookie")), (200, "text/css; charset=utf-8", ""));
}
