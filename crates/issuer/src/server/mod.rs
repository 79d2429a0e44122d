//! The HTTP server: it limits connections, and when it stops it lets requests in flight finish.

mod files;
mod places;
mod timed;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tower::Service;

use crate::app::App;
use crate::endpoints::health;
use crate::jobs;
use crate::routes;
use crate::web::slots::{Forwarded, Held, Overloaded};
use places::{Peer, Place, Places};
use timed::{HeldUntilWritten, Timed};

/// The longest request head, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 64;
/// The pause after a failed accept, for example when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest time that the last writes of a server that stops may take. They must not keep it from its end while the database hangs.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Serves `app` on `listener` until `stop` completes. Requests in flight then have `shutdown_timeout` seconds to finish.
pub async fn serve(app: Arc<App>, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let jobs = jobs::start(&app);
    let places = Places::new(&app.settings);
    let server = Server::new(&app);

    tokio::pin!(stop);
    loop {
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
        match places.take(peer) {
            Place::Reserve => places.reserve(server.spawn(stream, peer, Place::Reserve)),
            regular @ Place::Regular(..) => drop(server.spawn(stream, peer, regular)),
        }
    }

    app.announce_stop();
    drop(listener);
    tracing::info!("the server is stopping");
    let deadline = app.clock.sleep(Duration::from_secs(app.settings.shutdown_timeout));
    tokio::select! {
        () = server.graceful.shutdown() => {}
        () = deadline => tracing::warn!("shutdown_timeout is over; some requests did not finish"),
    }
    drop(jobs);
    if timeout(LAST_WRITES, jobs::counters::flush(&app)).await.is_err() {
        tracing::warn!("the last counts and refusals could not be stored, because the database does not answer");
    }
    Ok(())
}

/// What all connections share.
struct Server {
    router: Router,
    issuer_path: String,
    graceful: GracefulShutdown,
    write_timeout: Duration,
    http: http1::Builder,
    http_of_reserve: http1::Builder,
}

impl Server {
    fn new(app: &Arc<App>) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(app.settings.header_timeout))
            .max_buf_size(MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS);
        let mut http_of_reserve = http.clone();
        http_of_reserve.keep_alive(false);
        Self {
            router: routes::router(Arc::clone(app)),
            issuer_path: app.settings.issuer.path().to_owned(),
            graceful: GracefulShutdown::new(),
            write_timeout: Duration::from_secs(app.settings.write_timeout),
            http,
            http_of_reserve,
        }
    }

    /// Serves one connection in a task of its own, which keeps `place` until the connection ends.
    fn spawn(&self, stream: TcpStream, peer: SocketAddr, place: Place) -> tokio::task::AbortHandle {
        let held = match &place {
            Place::Regular(_, Peer::Proxy(_)) => Some(HeldUntilWritten::default()),
            _ => None,
        };
        let service = {
            let (router, held, issuer_path) = (self.router.clone(), held.clone(), self.issuer_path.clone());
            let of_proxy = match &place {
                Place::Regular(_, Peer::Proxy(slots)) => Some(Forwarded(Arc::clone(slots))),
                _ => None,
            };
            let is_reserve = matches!(place, Place::Reserve);
            service_fn(move |mut request: hyper::Request<Incoming>| {
                let is_health = (is_reserve || of_proxy.is_some()) && health::is_health(request.uri().path(), &issuer_path);
                let extensions = request.extensions_mut();
                extensions.insert(ConnectInfo(peer));
                if is_reserve && !is_health {
                    extensions.insert(Overloaded);
                }
                if let Some(slots) = of_proxy.clone().filter(|_| !is_health) {
                    extensions.insert(slots);
                }
                let (mut router, held) = (router.clone(), held.clone());
                async move {
                    let mut response: Response = router.call(request).await?;
                    if let (Some(held), Some(slot)) = (held, response.extensions_mut().remove::<Held>()) {
                        *held.lock().unwrap_or_else(PoisonError::into_inner) = Some(slot);
                    }
                    Ok::<_, std::convert::Infallible>(response)
                }
            })
        };
        let io = Timed::new(TokioIo::new(stream), self.write_timeout, held);
        let http = if matches!(place, Place::Reserve) { &self.http_of_reserve } else { &self.http };
        let connection = self.graceful.watch(http.serve_connection(io, service));
        let task = tokio::spawn(async move {
            // A client that hangs up or times out is not a fault of this server, so nothing is logged.
            let _ = connection.await;
            drop(place);
        });
        task.abort_handle()
    }
}
