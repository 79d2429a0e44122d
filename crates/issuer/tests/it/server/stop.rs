//! A server that is told to stop ends in time, whatever its database does.

use std::sync::Arc;
use std::time::Duration;

use signet_issuer::{server, start};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::support::{Proxy, real_time};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_database_hangs_ends_in_time() {
    let Some((app, proxy)) = Proxy::between().await else { return };
    let app = app.with_orders().await;
    app.add_client("worker", false, "client_credentials", &["orders:read"]).await;
    // The server counts this, and stores the count in the end.
    assert_eq!(app.client_token("worker", "").await.status, 200);
    let (inner, (stop, stopped)) = (Arc::clone(&app.app), oneshot::channel::<()>());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = tokio::spawn(async move {
        server::serve(Arc::clone(&inner), listener, async { stopped.await.unwrap() }).await.unwrap();
        start::close(&inner).await.unwrap();
    });
    // Its job reads the revocations over a connection that hangs.
    real_time(500).await;
    proxy.freeze();
    real_time(500).await;
    stop.send(()).unwrap();
    timeout(Duration::from_secs(12), serving).await.expect("the server ends").unwrap();
}
