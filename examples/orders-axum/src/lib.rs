//! An example service that keeps orders. `GET /orders` requires the scope `orders:read`, `POST /orders` requires
//! `orders:write`, and `GET /me` requires any valid token.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signet_verifier::axum::{AnyToken, Auth, Guarded, Require};
use signet_verifier::{Verifier, scopes};

scopes! {
    pub OrdersRead = "orders:read";
    pub OrdersWrite = "orders:write";
}

/// An order, as the service stores and shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The name of the ordered article.
    pub item: String,
    /// The `sub` of the token with which the order was placed. The service ignores the value in a request.
    #[serde(default)]
    pub by: String,
}

type Orders = Arc<Mutex<Vec<Order>>>;

/// Builds the service. It serves requests whose token `verifier` accepts.
pub fn app(verifier: Verifier) -> Router {
    Guarded::new()
        .route("/orders", OrdersRead::get(list).merge(OrdersWrite::post(create)))
        .route("/me", AnyToken::get(me))
        .into_router(verifier)
        .with_state(Orders::default())
}

async fn list(State(orders): State<Orders>) -> Json<Vec<Order>> {
    Json(orders.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

async fn create(token: Auth, State(orders): State<Orders>, Json(order): Json<Order>) -> (StatusCode, Json<Order>) {
    let order = Order { by: token.subject().to_owned(), ..order };
    orders.lock().unwrap_or_else(PoisonError::into_inner).push(order.clone());
    (StatusCode::CREATED, Json(order))
}

async fn me(token: Auth) -> Json<Value> {
    Json(json!({ "sub": token.subject(), "client_id": token.client_id, "scopes": token.scopes().collect::<Vec<_>>() }))
}
