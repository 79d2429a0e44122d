//! This module holds what tests of browsers and sessions share: an issuer, and whether somebody is signed in.

mod cookie;
mod csrf;
mod late;
mod session_store;
mod signed_out;

use crate::support::{Browser, TestApp};

/// An issuer with the users alice and bob and the client `web`.
pub async fn app() -> TestApp {
    TestApp::new().await.with_orders().await.with_user("alice").await.with_user("bob").await.with_web().await
}

pub async fn is_signed_in(browser: &Browser) -> bool {
    browser.get("/account").await.heading() == "Profile"
}

/// The number of sessions that are alive.
pub async fn live_sessions(app: &TestApp) -> i64 {
    app.count(&format!("SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > {}", app.clock_now())).await
}
