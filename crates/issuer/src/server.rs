//! The HTTP server: it limits connections, and when it stops it lets requests in flight finish.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::Service;

use crate::app::App;
use crate::jobs;
use crate::routes;

/// The time that a peer has to send the head of a request, counted from the accept or from the end of the previous request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest request head, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// The pause after a failed accept, for example when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `app` on `listener` until `stop` completes. Requests in flight then have `shutdown_timeout` seconds to finish.
pub async fn serve(app: Arc<App>, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let jobs = jobs::start(&app);
    let router = routes::router(Arc::clone(&app));
    let connections = Arc::new(Semaphore::new(app.settings.max_connections));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEADER_BYTES).max_headers(MAX_HEADERS);

    tokio::pin!(stop);
    loop {
        // Connections above the limit wait in the listener's queue.
        let permit = tokio::select! {
            permit = Arc::clone(&connections).acquire_owned() => permit.map_err(io::Error::other)?,
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    app.clock.sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Responses are small and written at once, so waiting to fill a packet would only delay them.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().call(request)
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that hangs up or times out is not a fault of this server, so nothing is logged.
            let _ = connection.await;
            drop(permit);
        });
    }

    app.announce_stop();
    drop(listener);
    tracing::info!("the server is stopping");
    let deadline = app.clock.sleep(Duration::from_secs(app.settings.shutdown_timeout));
    tokio::select! {
        () = graceful.shutdown() => {}
        () = deadline => tracing::warn!("shutdown_timeout is over; some requests did not finish"),
    }
    drop(jobs);
    Ok(())
}
