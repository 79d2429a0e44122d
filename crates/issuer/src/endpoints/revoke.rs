//! Token revocation (RFC 7009): revoking a refresh or access token ends its authorization, and with it all tokens of that authorization.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::authorizations;
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::clients::authentication;
use crate::oauth::error::OAuthError;
use crate::tokens::lookup::look_up;
use crate::web::form::Parameters;

/// `POST /revoke`: ends the authorization of a token. A token that is unknown, or was issued to another client, gets the same answer but
/// ends nothing (§2.1, §2.2).
///
/// An access token from `client_credentials` has no authorization. With it all access tokens end that the client got for itself so far.
pub async fn revoke(State(app): State<Arc<App>>, parameters: Result<Parameters, OAuthError>) -> Result<StatusCode, OAuthError> {
    let parameters = parameters?;
    answer(&app, &parameters).await.map_err(|error| parameters.blame(error))
}

async fn answer(app: &App, parameters: &Parameters) -> Result<StatusCode, OAuthError> {
    let client = authentication::authenticate(app, parameters.authorization(), &parameters.form, &parameters.request).await?;
    let token = parameters.form.get("token").ok_or_else(|| OAuthError::invalid_request("token: expected a token; found none"))?;
    let found = look_up(app, token).await?.ok();
    let Some(found) = found.filter(|found| found.client.id == client.id) else { return Ok(StatusCode::OK) };
    let actor = Actor::remote(Who::Client(client.id.clone()), Face::Revocation, &parameters.request);
    match found.user {
        Some((_, row)) => authorizations::revoke(app, &actor, &row).await?,
        None => authorizations::revoke_own(app, &actor, &client.id).await?,
    }
    Ok(StatusCode::OK)
}
