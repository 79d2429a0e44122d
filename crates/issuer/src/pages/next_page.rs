//! The page of the administration to which a sign-in, or the choice of a password after it, leads back. No other address is led to, so that
//! no link of a stranger makes the sign-in page send people elsewhere.

use axum::http::Method;
use axum::http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest path with its query, in bytes.
const LONGEST: usize = 2000;

/// Returns `text` if it is the path of a page of the administration, with or without a query; otherwise `None`.
pub fn of_administration(text: &str) -> Option<&str> {
    let path = text.split('?').next().unwrap_or_default();
    let is_own = path == "/admin" || path.starts_with("/admin/");
    // Browsers read a backslash as a slash, and %2e as a dot.
    let is_plain = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    let leads_up = path.split('/').skip(1).any(|part| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".." | ""));
    (is_own && is_plain && !leads_up).then_some(text)
}

/// Returns the path of `page`, which leads back to the page of the administration that was asked for, if it was one.
pub fn leading_back(page: &str, asked: &Parts) -> String {
    let asked_for = asked.uri.path_and_query().map_or("", |asked| asked.as_str());
    if asked.method == Method::GET { leading_to(page, asked_for) } else { page.to_owned() }
}

/// Returns the path of `page`, which leads on to `next` if that is a page of the administration.
pub fn leading_to(page: &str, next: &str) -> String {
    match of_administration(next) {
        Some(next) => format!("{page}?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC)),
        None => page.to_owned(),
    }
}
