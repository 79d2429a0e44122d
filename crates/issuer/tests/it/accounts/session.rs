//! A session ends when it is idle, and after seven days in any case.

use crate::browser::{app, is_signed_in};

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_when_idle_and_after_an_absolute_time() {
    let app = app().await;
    let browser = app.signed_in("alice").await;
    app.advance(8 * 3600 - 1);
    assert!(is_signed_in(&browser).await);
    app.advance(8 * 3600);
    assert!(!is_signed_in(&browser).await);
    let browser = app.signed_in("alice").await;
    for _ in 0..23 {
        app.advance(7 * 3600);
        assert!(is_signed_in(&browser).await);
    }
    app.advance(7 * 3600);
    assert!(!is_signed_in(&browser).await, "seven days");
}
