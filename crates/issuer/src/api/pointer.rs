//! The JSON pointers of problems (RFC 9457 §3, RFC 6901). An operation names a field and perhaps an item of it. Here the pointer is made one
//! of a member of the body that was sent.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::web::error::problem::{Fault, Problem};

/// The lists of a body that adds something and takes something else, in the place of a list of the field's name.
const CHANGES: [&str; 2] = ["add", "remove"];

/// The body of a request, which the extractor of the body keeps for the problem that may follow.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<OnceLock<Bytes>>);

impl Sent {
    /// Keeps the body of this request, as it came.
    pub fn keep(&self, body: Bytes) {
        // A request has one body, so nothing was kept before.
        let _ = self.0.set(body);
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.0.get()?).ok()
    }
}

/// Answers a request. The pointers of a problem name members of the body that was sent, or `#` if the member at fault is missing.
pub async fn point(mut request: Request, next: Next) -> Response {
    let sent = Sent::default();
    request.extensions_mut().insert(sent.clone());
    let response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    match sent.json() {
        Some(body) => placed(problem.clone(), &body).into_response(),
        None => response,
    }
}

fn placed(mut problem: Problem, body: &Value) -> Problem {
    for error in &mut problem.errors {
        place(error, body);
    }
    problem
}

/// Makes the pointer of `fault` one of a member of `body`.
fn place(fault: &mut Fault, body: &Value) {
    let Some(pointer) = fault.pointer.as_deref().and_then(|pointer| pointer.strip_prefix('#')) else { return };
    let item = fault.item.as_deref();
    let candidates = std::iter::once(pointer.to_owned()).chain(CHANGES.map(|list| format!("/{list}")));
    let found: Vec<(String, &Value)> = candidates.filter_map(|pointer| body.pointer(&pointer).map(|value| (pointer, value))).collect();
    let of_item = found.iter().find_map(|(pointer, list)| Some(format!("{pointer}/{}", index(list, item?)?)));
    // Without an item the list at fault is the one that names something.
    let whole = found.iter().find(|(_, value)| !value.as_array().is_some_and(Vec::is_empty)).or(found.first());
    if let Some(pointer) = of_item.or_else(|| whole.map(|(pointer, _)| pointer.clone())) {
        fault.pointer = Some(format!("#{pointer}"));
    } else {
        fault.detail = format!("{}: {}", pointer.trim_start_matches('/').replace('/', "."), fault.detail);
        fault.pointer = Some("#".to_owned());
    }
}

/// Returns the index of the item of `list` that is the text `item`, or an object of which it is a member.
fn index(list: &Value, item: &str) -> Option<usize> {
    let is_item = |value: &Value| match value {
        Value::String(text) => text == item,
        Value::Object(members) => members.values().any(|member| member.as_str() == Some(item)),
        _ => false,
    };
    list.as_array()?.iter().position(is_item)
}
