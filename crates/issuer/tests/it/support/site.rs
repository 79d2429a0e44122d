//! The web site of a client. It serves what a test has put there, and counts the requests for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

type Pages = Arc<Mutex<HashMap<String, (u16, Vec<u8>, usize)>>>;
type Holds = Arc<Mutex<HashMap<String, oneshot::Receiver<()>>>>;

pub struct Site {
    pub url: String,
    pages: Pages,
    holds: Holds,
}

impl Site {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let pages = Pages::default();
        let holds = Holds::default();
        let router = Router::new().fallback(answer).with_state((Arc::clone(&pages), Arc::clone(&holds)));
        tokio::spawn(async move { serve(listener, router).await });
        Self { url, pages, holds }
    }

    /// Lets the next request for `path` wait for its answer until the test sends.
    pub fn hold(&self, path: &str) -> oneshot::Sender<()> {
        let (release, released) = oneshot::channel();
        self.holds.lock().unwrap().insert(path.to_owned(), released);
        release
    }

    /// Puts `body` at `path`, and returns its URL.
    pub fn put(&self, path: &str, status: u16, body: impl Into<Vec<u8>>) -> String {
        self.pages.lock().unwrap().insert(path.to_owned(), (status, body.into(), 0));
        format!("{}{path}", self.url)
    }

    /// Returns the number of requests for `path` since it was put there.
    pub fn asked(&self, path: &str) -> usize {
        self.pages.lock().unwrap()[path].2
    }
}

async fn answer(State((pages, holds)): State<(Pages, Holds)>, uri: Uri) -> Response {
    let (status, body) = {
        let mut pages = pages.lock().unwrap();
        let Some((status, body, asked)) = pages.get_mut(uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
        *asked += 1;
        (*status, body.clone())
    };
    let hold = holds.lock().unwrap().remove(uri.path());
    if let Some(hold) = hold {
        let _ = hold.await;
    }
    (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, "/elsewhere")], body).into_response()
}

/// Serves `router` on `listener` as long as the test runs.
pub async fn serve(listener: TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            // A client that hangs up is no error.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(hyper_util::rt::TokioIo::new(stream), service).await;
        });
    }
}
