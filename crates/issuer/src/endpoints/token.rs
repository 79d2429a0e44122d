//! The token endpoint (RFC 6749 §3.2).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::accounts::sign_in::{record_failure, record_refused_access};
use crate::app::App;
use crate::audit::{Actor, Face, Who};
use crate::clients::authentication;
use crate::grants::{self, Grant, GrantContext, Granted, Redemption, Settled};
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::plain_text::as_found;
use crate::store::clients::Client;
use crate::tokens::issue::issue;
use crate::web::form::Parameters;
use crate::web::respond::no_store;

/// `POST /token`: authenticates the client, runs the grant and returns the tokens.
pub async fn token(State(app): State<Arc<App>>, parameters: Result<Parameters, OAuthError>) -> Result<Response, OAuthError> {
    let parameters = parameters?;
    match answer(&app, &parameters).await {
        Ok(response) => Ok(response),
        Err(error) => {
            let error = parameters.blame(error);
            note_refusal(&app, &parameters, &error).await;
            Err(error)
        }
    }
}

/// Notes for the administrator that a request of a registered client was refused, unless the issuer itself is at fault.
async fn note_refusal(app: &App, parameters: &Parameters, error: &OAuthError) {
    let of_request = !matches!(error.code, Code::Busy | Code::Unavailable | Code::ServerError | Code::TooManyAttempts(_));
    if let (true, Some(id)) = (of_request, error.client.as_deref())
        && let Ok(Some(client)) = app.store.client(id).await
    {
        let reason = error.reason.as_deref().unwrap_or(&error.description);
        app.refusals.note(app.now(), &client.id, error.code.as_str(), reason, parameters.form.get("redirect_uri"));
    }
}

/// The most times that a grant runs because access was taken from its user or its client meanwhile. Only the first one compares a password.
const MOST_RUNS: usize = 10;

async fn answer(app: &App, parameters: &Parameters) -> Result<Response, OAuthError> {
    let expected = || format!("grant_type: expected one of {}", Grant::ALL.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(", "));
    let grant_type = parameters.form.get("grant_type");
    let grant_type = grant_type.ok_or_else(|| OAuthError::invalid_request(format!("{}; found none", expected())))?;
    let unsupported = || OAuthError::new(Code::UnsupportedGrantType, format!("{}; found {}", expected(), as_found(grant_type)));
    let grant = Grant::parse(grant_type).ok_or_else(unsupported)?;
    let mut client = authentication::authenticate(app, parameters.authorization(), &parameters.form, &parameters.request).await?;
    let mut earlier = None;
    for _ in 0..MOST_RUNS {
        let run = run(app, parameters, grant, &client, earlier.as_ref()).await;
        match run.map_err(|error| error.of_client(Some(&client.id)))? {
            Run::Answered(response) => return Ok(response),
            Run::Narrowed(redemption) => earlier = Some(redemption),
        }
        // The client has authenticated, so it is only read again.
        let again = app.store.client(&client.id).await?;
        client = again.ok_or_else(OAuthError::invalid_client)?;
    }
    if let Some(earlier) = &earlier {
        earlier.withdraw(context(app, parameters, &client, None)).await?;
    }
    Err(OAuthError::new(Code::Busy, "access was taken from users or clients too often while this request was answered; try again"))
}

/// The end of one run of a grant.
enum Run {
    Answered(Response),
    /// Access was taken from its user or its client, or from many users, meanwhile, so that its tokens must not be given.
    Narrowed(Redemption),
}

fn context<'a>(app: &'a App, parameters: &'a Parameters, client: &'a Client, earlier: Option<&'a Redemption>) -> GrantContext<'a> {
    GrantContext { app, client, form: &parameters.form, request: &parameters.request, now: app.now(), earlier }
}

/// Runs `grant` once. `earlier` is the redemption of the run before, if there was one.
async fn run(app: &App, parameters: &Parameters, grant: Grant, client: &Client, earlier: Option<&Redemption>) -> Result<Run, OAuthError> {
    let context = context(app, parameters, client, earlier);
    let now = context.now;
    let Granted { authorization, redemption } = match grants::run(grant, context).await {
        Ok(granted) => granted,
        Err(error) => {
            if let Some(earlier) = earlier {
                earlier.withdraw(context).await?;
            }
            return Err(error);
        }
    };
    // Sign before the redemption opens its transaction, so that no transaction is open while RSA runs.
    let response = match issue(app, client, &authorization, now).await {
        // The gate of all grants refused it. For the password grant that is a failed sign-in with the right password.
        Err(error) if error.code == Code::InvalidGrant => {
            let actor = Actor::remote(Who::Client(client.id.clone()), Face::Token, &parameters.request);
            if let (Grant::Password | Grant::AuthorizationCode, Some((user, row))) = (grant, authorization.user())
                && !row.may_use
            {
                redemption.withdraw(context).await?;
                record_refused_access(app, &actor, user.id, &client.id).await?;
            } else if let (Grant::Password, Some((user, _))) = (grant, authorization.user()) {
                record_failure(app, Some(user.id), &actor, now).await?;
            }
            return Err(error.because("the user or the client is disabled, or the authorization has ended"));
        }
        Err(error) => {
            redemption.withdraw(context).await?;
            return Err(error);
        }
        Ok(issued) => issued,
    };
    if redemption.settle(context, &authorization).await? == Settled::Narrowed {
        return Ok(Run::Narrowed(redemption));
    }
    app.activity.tokens_given(grant.name(), &client.id);
    tracing::debug!(grant = grant.name(), client = client.id, "tokens issued");
    Ok(Run::Answered(no_store(response)))
}
