//! The pages that people see: HTML without scripts, one file per page.

pub mod account;
pub mod admin;
pub mod assets;
pub mod consent;
mod next_page;
pub mod no_access;
pub mod select_account;
pub mod set_password;
pub mod sign_in;
pub mod sign_out;

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::admin::words::counted;
use crate::app::App;
use crate::store::StoreError;
use crate::store::client_logos;
use crate::store::clients::Client;
use crate::web::error::page::PageError;
use crate::web::html::see_other;

/// The details of a client that pages show. A text is empty if the client has not registered it.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names are those of the client metadata")]
pub struct ClientCard {
    pub id: String,
    pub name: String,
    pub has_logo: bool,
    pub uri: String,
    pub policy_uri: String,
    pub tos_uri: String,
}

impl ClientCard {
    /// Reads the details of `client`, and looks up whether it has a logo.
    pub async fn of(app: &App, client: &Client) -> Result<Self, StoreError> {
        let metadata = client.metadata()?;
        Ok(Self {
            id: client.id.clone(),
            name: client.client_name.clone(),
            has_logo: client_logos::exists(app.store.reader(), &client.id).await?,
            uri: metadata.client_uri.unwrap_or_default(),
            policy_uri: metadata.policy_uri.unwrap_or_default(),
            tos_uri: metadata.tos_uri.unwrap_or_default(),
        })
    }
}

/// Says in words that an app may use a resource that owns no scopes.
fn by_name(resource: &str) -> String {
    format!("Use {resource} for you")
}

/// Says that somebody typed wrong passwords too often, and may try again in `seconds`.
fn too_many_attempts(seconds: impl Display) -> String {
    format!("Too many attempts. Try again in {}.", counted(seconds, "second", "seconds"))
}

/// `GET /`: redirects to the account, which is all that people can use here without coming from an app.
pub async fn home(State(app): State<Arc<App>>) -> Result<Response, PageError> {
    see_other(&app, "/account")
}
