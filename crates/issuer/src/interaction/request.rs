//! Checks an authorization request (OpenID Connect Core §3.1.2.1), however it arrived: first its client and redirect URI, then everything
//! else.

use uuid::Uuid;

use crate::app::App;
use crate::grants::Grant;
use crate::interaction::{CheckedRequest, Interaction};
use crate::oauth::authorization_request::{AuthorizationRequest, ResponseTarget};
use crate::oauth::error::{Code, ErrorResponse, OAuthError};
use crate::oauth::form::Form;
use crate::oauth::redirect_uri;
use crate::oauth::standard_claims::CLAIMS;
use crate::store::clients::Client;
use crate::tokens::hint;
use crate::tokens::named::by_audience;

/// A request from a known client, with a redirect URI that the client has registered.
#[derive(Debug)]
pub struct Received {
    /// The client that sent the request; it is enabled.
    pub client: Client,
    /// The interaction that begins with the request; the user has not completed any step.
    pub interaction: Interaction,
}

/// Reads the request in `form`. Fails if the client or the redirect URI is wrong, because then nothing may be sent to that URI
/// (RFC 6749 §4.1.2.1). Any other fault becomes part of the interaction, so that it can be sent to the client.
pub async fn receive(app: &App, form: &Form) -> Result<Received, OAuthError> {
    let (client, redirect_uri) = client_and_redirect_uri(app, form).await?;
    check_length(&client, form)?;
    let (target, checked) = ResponseTarget::parse(&redirect_uri, form, &app.settings.issuer);
    let mut interaction = Interaction {
        client_id: client.id.clone(),
        target,
        request: CheckedRequest::Invalid(ErrorResponse::default()),
        created_at: app.now(),
        hinted_user: None,
        sign_in_due: false,
        choice_due: false,
        signed_in: None,
        user: None,
        consented_by: None,
    };
    let checked = match checked {
        Ok(()) => check(app, &client, form).await,
        Err(error) => Err(error),
    };
    match checked {
        Ok((request, hinted_user)) => {
            interaction.hinted_user = hinted_user;
            interaction.sign_in_due = request.prompt.login;
            interaction.choice_due = request.prompt.select_account;
            interaction.request = CheckedRequest::Valid(Box::new(request));
        }
        Err(error) => {
            error.log();
            interaction.request = CheckedRequest::Invalid(ErrorResponse::from(&error));
        }
    }
    Ok(Received { client, interaction })
}

async fn client_and_redirect_uri(app: &App, form: &Form) -> Result<(Client, String), OAuthError> {
    let needed = |name: &str, what: &str| {
        let missing = || OAuthError::invalid_request(format!("{name}: expected {what}; found {}", form.number(name)));
        form.get(name).ok_or_else(missing)
    };
    let client = enabled_client(app, needed("client_id", "the id of the client")?).await?;
    let sent = needed("redirect_uri", "a redirect URI of the client").map_err(|error| error.of_client(Some(&client.id)))?;
    if client.redirect_uris.iter().any(|registered| redirect_uri::matches(registered, sent)) {
        Ok((client, sent.to_owned()))
    } else {
        let reason = "redirect_uri: it is not registered; register it with the client, or correct it in the application";
        app.refusals.note(app.now(), &client.id, Code::InvalidRequest.as_str(), reason, Some(sent));
        let error = OAuthError::invalid_request(format!(
            "redirect_uri: {} is not registered; add it to the redirect_uris of the client {}",
            redirect_uri::shown(sent),
            client.id
        ));
        Err(error.of_client(Some(&client.id)))
    }
}

/// Returns the client `id`. Fails if it is unknown or disabled; only the log says which, so that strangers do not learn which clients exist.
pub async fn enabled_client(app: &App, id: &str) -> Result<Client, OAuthError> {
    let refused = OAuthError::invalid_request("client_id: no such client").of_client(Some(id));
    match app.store.client(id).await? {
        Some(client) if client.enabled => Ok(client),
        Some(_) => Err(refused.because("the client is disabled")),
        None => Err(refused),
    }
}

/// The most bytes of all values of a request, written as JSON. The request travels sealed in the sign-in form, which makes it a third longer, and
/// the form must not be longer than a body may be.
const LONGEST: usize = 36 * 1024;

/// Fails if `form` is longer than a request of `client` may be. The person sees the error, because an answer to the client would repeat a `state`
/// of this length.
fn check_length(client: &Client, form: &Form) -> Result<(), OAuthError> {
    let as_json = |value: &str| serde_json::to_string(value).map_or(usize::MAX, |json| json.len() - 2);
    let length = form.names().flat_map(|name| form.all(name)).map(as_json).fold(0, usize::saturating_add);
    if length <= LONGEST {
        return Ok(());
    }
    let text = format!("the request: expected at most {LONGEST} bytes in all parameters, written as JSON; found {length}");
    Err(OAuthError::invalid_request(text).of_client(Some(&client.id)))
}

/// Checks everything except the client and the redirect URI. Returns the request, and the user that it names, if it names one.
async fn check(app: &App, client: &Client, form: &Form) -> Result<(AuthorizationRequest, Option<Uuid>), OAuthError> {
    if !client.has_grant(Grant::AuthorizationCode.name()) {
        return Err(OAuthError::new(Code::UnauthorizedClient, "this client is not registered for authorization_code"));
    }
    let mut request = AuthorizationRequest::parse(form, client.pkce, client.may_ask("openid"))?;
    if request.resources.is_empty()
        && let Some(resource) = by_audience(app, client, form, None).await?
    {
        request.resources.push(resource.identifier(&app.settings.issuer));
    }
    request.claims.retain(|name| name == "sub" || CLAIMS.iter().any(|(known, _)| *known == name));
    if request.max_age.is_none() {
        request.max_age = client.metadata()?.default_max_age;
    }
    let hinted = match form.get("id_token_hint") {
        None => None,
        Some(token) => {
            let hint = hint::read(app, token).await?;
            Some(hint.ok_or_else(|| OAuthError::invalid_request("id_token_hint: expected an ID token of this issuer"))?.sub)
        }
    };
    // A `sub` that is no UUID, or contradicts the hint, becomes the nil UUID, which matches no user.
    let requested = request.claims.subject().map(|subject| Uuid::try_parse(subject).unwrap_or_default());
    let hinted_user = match (requested, hinted) {
        (Some(requested), Some(hinted)) if requested != hinted => Some(Uuid::nil()),
        (requested, hinted) => requested.or(hinted),
    };
    Ok((request, hinted_user))
}
