//! The loopback server that publishes the JWKS and the feed of revocations. It has a thread of its own, so that it works in tests with any
//! async runtime or with none.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use signet_verifier::Jwk;
use tokio::sync::{oneshot, watch};

use crate::feed::{self, Feed};

/// The keys of the issuer, and the state of its JWKS endpoint.
#[derive(Debug)]
pub(crate) struct Keys {
    published: Vec<Jwk>,
    /// The keys that the JWKS goes on showing although others were published meanwhile, as an outdated copy of it does.
    outdated: Option<Vec<Jwk>>,
    pub(crate) signing: Arc<RsaKeyPair>,
    /// The public part of the key that signs.
    signing_jwk: Jwk,
    pub(crate) away: bool,
    pub(crate) fetches: usize,
}

impl Keys {
    fn new() -> Self {
        let (signing, jwk) = generate();
        Self { published: vec![jwk.clone()], outdated: None, signing, signing_jwk: jwk, away: false, fetches: 0 }
    }

    pub(crate) fn rotate(&mut self) {
        let (signing, jwk) = generate();
        self.published.push(jwk.clone());
        (self.signing, self.signing_jwk) = (signing, jwk);
    }

    /// Replaces the key that signs by another one with the same `kid`.
    pub(crate) fn replace(&mut self) {
        let (signing, mut jwk) = generate();
        jwk.kid.clone_from(&self.signing_jwk.kid);
        self.published.retain(|published| published.kid != jwk.kid);
        self.published.push(jwk.clone());
        (self.signing, self.signing_jwk) = (signing, jwk);
    }

    pub(crate) fn revoke(&mut self) {
        self.published.clear();
        self.rotate();
    }

    pub(crate) fn show_outdated(&mut self, outdated: bool) {
        self.outdated = outdated.then(|| self.published.clone());
    }

    /// Returns the public part of the key that signs.
    pub(crate) fn signing_jwk(&self) -> Jwk {
        self.signing_jwk.clone()
    }
}

#[expect(clippy::expect_used, reason = "a test that fails panics")]
fn generate() -> (Arc<RsaKeyPair>, Jwk) {
    let pair = Arc::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("the machine gives randomness"));
    let jwk = jwk(&pair);
    (pair, jwk)
}

fn jwk(pair: &RsaKeyPair) -> Jwk {
    let public = pair.public_key();
    Jwk::rs256(public.modulus().big_endian_without_leading_zero(), public.exponent().big_endian_without_leading_zero())
}

/// What the handlers of the server share.
#[derive(Debug, Clone)]
pub(crate) struct Issuer {
    url: Arc<str>,
    keys: Arc<Mutex<Keys>>,
    pub(crate) feed: Arc<watch::Sender<Feed>>,
}

impl Issuer {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The running server. It stops when this value is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) issuer: String,
    keys: Arc<Mutex<Keys>>,
    feed: Arc<watch::Sender<Feed>>,
    _stop: oneshot::Sender<()>,
}

impl Server {
    #[expect(clippy::expect_used, reason = "a test that fails panics")]
    pub(crate) fn start() -> Self {
        let keys = Arc::new(Mutex::new(Keys::new()));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be non-blocking");
        let issuer = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let (stop, stopped) = oneshot::channel::<()>();
        let feed = Arc::new(watch::Sender::new(Feed::default()));
        let router = Router::new()
            .route("/.well-known/jwks.json", get(jwks))
            .route("/.well-known/openid-configuration", get(feed::discovery))
            .route("/revocations", get(feed::revocations))
            .with_state(Issuer { url: issuer.as_str().into(), keys: Arc::clone(&keys), feed: Arc::clone(&feed) });
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can start");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the socket is non-blocking");
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { issuer, keys, feed, _stop: stop }
    }

    pub(crate) fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn feed_requests(&self) -> usize {
        self.feed.borrow().requests
    }

    pub(crate) fn change_feed(&self, change: impl FnOnce(&mut Feed)) {
        self.feed.send_modify(change);
    }
}

async fn jwks(State(issuer): State<Issuer>) -> Response {
    let mut keys = issuer.keys.lock().unwrap_or_else(PoisonError::into_inner);
    keys.fetches += 1;
    if keys.away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let shown = keys.outdated.as_ref().unwrap_or(&keys.published);
    ([(header::CACHE_CONTROL, "public, max-age=300")], json!({ "keys": shown }).to_string()).into_response()
}
