//! Requests that wait at the same time share statements, and each of them gets its own row.

use std::sync::Arc;

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_the_queue_holds_are_all_answered() {
    let app = TestApp::new().await;
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..1000 {
        let app = Arc::clone(&app.app);
        let id = if number % 2 == 0 { "cli" } else { "unknown" };
        requests.spawn(async move { (id, app.store.client(id).await.unwrap().map(|client| client.id)) });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.len(), 1000);
    assert!(answers.iter().all(|(id, client)| client.as_deref() == Some("cli").filter(|cli| cli == id)));
}
