//! Tells whether a form was sent from a page of this issuer, by `Origin` (RFC 6454 §7) and `Sec-Fetch-Site` (Fetch Metadata). Pages
//! cannot set either header.

use axum::http::HeaderMap;

use crate::oauth::issuer::Issuer;

/// The page from which a form was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A page of this issuer.
    Own,
    /// A page of another site.
    Foreign,
    /// The request does not say it; old browsers and programs send neither header.
    Unknown,
}

/// Returns from which page a form with these `headers` was sent. A browser that reached the issuer by another name than its URL, such as
/// `127.0.0.1` for `localhost`, says by `Sec-Fetch-Site` that the page is its own.
pub fn sender(headers: &HeaderMap, issuer: &Issuer) -> Sender {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
    match (text("origin"), text("sec-fetch-site")) {
        (Some(origin), _) if origin == issuer.origin() => Sender::Own,
        (_, Some("same-origin")) => Sender::Own,
        (_, Some("cross-site" | "same-site")) => Sender::Foreign,
        (Some("null") | None, _) => Sender::Unknown,
        (Some(_), _) => Sender::Foreign,
    }
}
