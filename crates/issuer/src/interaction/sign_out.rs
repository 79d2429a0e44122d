//! Checks a logout request, and redirects the browser after it (OpenID Connect RP-Initiated Logout 1.0 §2 and §3). Tells which pages of
//! clients are shown in frames, so that they end their sessions in this browser too (OpenID Connect Front-Channel Logout 1.0 §2).

use axum::response::Response;

use crate::app::App;
use crate::interaction::request::enabled_client;
use crate::oauth::error::OAuthError;
use crate::oauth::form::Form;
use crate::oauth::redirect_uri::{origin, shown};
use crate::store::clients::Client;
use crate::store::session_clients;
use crate::tokens::hint::{self, IdTokenHint};
use crate::web::error::page::PageError;
use crate::web::error::refusal::Refusal;
use crate::web::respond::{redirect, with_parameters};

/// A `post_logout_redirect_uri` that the client has registered, with the `state` that goes back to it.
#[derive(Debug)]
pub struct LogoutTarget {
    uri: String,
    state: Option<String>,
}

/// A logout request. A fault never keeps a person signed in: it only means that the browser is not sent on, and that the person is asked.
#[derive(Debug, Default)]
pub struct LogoutRequest {
    /// The claims of `id_token_hint`, which names the user and the session that the client wants to end.
    pub hint: Option<IdTokenHint>,
    /// The client that `client_id` names, or that the hint was issued to.
    pub client: Option<Client>,
    /// The page to which the browser goes afterwards; `None` if the request names no page or no client.
    pub target: Option<LogoutTarget>,
    /// What is wrong with the request, for the developer of the client; empty if nothing is. The client and the target are empty then.
    pub fault: String,
    /// What the log line says about the fault; `None` if there is none.
    pub refusal: Option<Refusal>,
}

/// Reads and checks the parameters of a logout request. Fails only if the issuer fails.
pub async fn read(app: &App, form: &Form) -> Result<LogoutRequest, PageError> {
    match check(app, form).await {
        Ok(request) => Ok(request),
        Err(error) if error.source.is_none() => {
            error.log();
            let refusal = Refusal::from(&error).of_client(form.get("client_id").unwrap_or_default());
            Ok(LogoutRequest { fault: error.safe_description(), refusal: Some(refusal), ..LogoutRequest::default() })
        }
        Err(error) => Err(error.into()),
    }
}

async fn check(app: &App, form: &Form) -> Result<LogoutRequest, OAuthError> {
    let hint = match form.get("id_token_hint") {
        None => None,
        Some(token) => {
            let hint = hint::read(app, token).await?;
            Some(hint.ok_or_else(|| OAuthError::invalid_request("id_token_hint: expected an ID token of this issuer"))?)
        }
    };
    let client = client(app, form, hint.as_ref()).await?;
    let target = target(form, client.as_ref())?;
    let fault = if client.is_none() && form.get("post_logout_redirect_uri").is_some() {
        "post_logout_redirect_uri: it was ignored, because nothing says which client sent the request; send id_token_hint or client_id too"
    } else {
        ""
    };
    Ok(LogoutRequest { hint, client, target, fault: fault.to_owned(), ..LogoutRequest::default() })
}

/// Returns the client that `client_id` names, or that the hint was issued to. Fails if that client is unknown or disabled.
async fn client(app: &App, form: &Form, hint: Option<&IdTokenHint>) -> Result<Option<Client>, OAuthError> {
    let named = form.get("client_id");
    if let (Some(named), Some(hint)) = (named, hint)
        && !hint.aud.contains(named)
    {
        return Err(OAuthError::invalid_request("client_id: the id_token_hint was issued to another client"));
    }
    let Some(id) = named.or(hint.and_then(|hint| hint.aud.only())) else { return Ok(None) };
    enabled_client(app, id).await.map(Some)
}

/// Returns the `post_logout_redirect_uri`, which must equal a registered one exactly. Without a client it is ignored (§3).
fn target(form: &Form, client: Option<&Client>) -> Result<Option<LogoutTarget>, OAuthError> {
    let (Some(uri), Some(client)) = (form.get("post_logout_redirect_uri"), client) else { return Ok(None) };
    if client.metadata()?.post_logout_redirect_uris.iter().any(|registered| registered == uri) {
        Ok(Some(LogoutTarget { uri: uri.to_owned(), state: form.get("state").map(str::to_owned) }))
    } else {
        let error = OAuthError::invalid_request(format!(
            "post_logout_redirect_uri: {} is not registered; add it to the post_logout_redirect_uris of the client {}",
            shown(uri),
            client.id
        ));
        Err(error.of_client(Some(&client.id)))
    }
}

/// A page of a client that ends the client's own session when the browser loads it.
#[derive(Debug)]
pub struct LogoutFrame {
    /// The name of the client, as pages show it to people.
    pub client_name: String,
    /// The registered URI, with `iss` and `sid` if the client wants them.
    pub uri: String,
    /// The origin of the URI, which the page must allow.
    pub origin: String,
}

/// The most frames of a page. Each makes the browser load a page of a client.
const MOST_FRAMES: u64 = 20;

/// Returns the frames for the clients to which the user has signed in within the session `sid`.
pub async fn frames(app: &App, sid: &str) -> Result<Vec<LogoutFrame>, PageError> {
    let clients = session_clients::with_frames(app.store.reader(), sid, MOST_FRAMES).await?;
    let mut frames = Vec::new();
    for client in clients {
        let metadata = client.client_metadata()?;
        let Some(uri) = metadata.frontchannel_logout_uri else { continue };
        let Some(origin) = origin(&uri) else { continue };
        let parameters = [("iss", app.settings.issuer.as_str()), ("sid", sid)];
        let wanted = parameters.into_iter().filter(|_| metadata.frontchannel_logout_session_required);
        frames.push(LogoutFrame { client_name: client.client_name, uri: with_parameters(&uri, wanted), origin });
    }
    Ok(frames)
}

impl LogoutTarget {
    /// Returns the URI, with the `state` of the request.
    pub fn url(&self) -> String {
        with_parameters(&self.uri, self.parameters())
    }

    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.state.iter().map(|state| ("state", state.as_str()))
    }

    /// Redirects the browser to the URI, with the `state` of the request.
    pub fn redirect(&self) -> Result<Response, PageError> {
        redirect(&self.uri, self.parameters())
    }
}
