//! What was typed into a form that led to no page of its own: its object is gone, because somebody else renamed or removed it since the form was
//! drawn, the session has ended, or the server could not do the work. The page that says so shows the text, so that nobody loses it.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{Extensions, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::oauth::form::Form;
use crate::web::error::page::{PageError, Typed};

/// The place in which [`AdminForm`](super::AdminForm) leaves what was typed, until the answer is known.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<OnceLock<Vec<(String, String)>>>);

/// The fields that nobody types.
const OWN: [&str; 7] = ["csrf", "version", "agreed", "stored", "preset", "confirm_password", "password"];

/// Adds what was typed to the answer that there is no such thing, or that this does not work now. It is a layer around the pages of the
/// administration.
pub async fn keep_typed(mut request: Request, next: Next) -> Response {
    let kept = Kept::default();
    request.extensions_mut().insert(kept.clone());
    let mut response = next.run(request).await;
    let lead = response.extensions().get::<PageError>().and_then(|error| match error.status {
        StatusCode::NOT_FOUND => Some("It was renamed or removed since you opened the form, so this form changed nothing."),
        StatusCode::BAD_REQUEST => Some("This form changed nothing."),
        StatusCode::SERVICE_UNAVAILABLE => Some("Look later whether the form was used, before you fill it in again."),
        _ => None,
    });
    if let Some((lead, fields)) = lead.zip(kept.0.get().cloned()) {
        response.extensions_mut().insert(Typed { lead, fields });
    }
    response
}

/// Leaves what was typed into `form` for the answer. `request` are the extensions of its request.
pub(super) fn leave(request: &Extensions, form: &Form) {
    let Some(Kept(place)) = request.get::<Kept>() else { return };
    // A button sends what it acts on, and nobody types that.
    if form.get("action").is_some_and(|action| !action.is_empty()) {
        return;
    }
    // A box that is ticked is no text.
    let is_typed = |(name, value): &(&str, &str)| !OWN.contains(name) && !value.trim().is_empty() && *value != "true";
    let mut fields: Vec<(String, String)> = form.iter().filter(is_typed).map(|(name, value)| (in_words(name), value.to_owned())).collect();
    fields.sort();
    if !fields.is_empty() {
        // A request has one form, so the place is empty.
        let _ = place.set(fields);
    }
}

/// Returns the name of a field as people read it.
fn in_words(name: &str) -> String {
    let mut words = name.replace(['_', '-', '.'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}
