//! The consent page. It asks a person whether a client may have the scopes that it requests, and stores a yes, so that they are asked only
//! once.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use url::Url;

use crate::accounts::consents;
use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::clock::DAY;
use crate::interaction::answer;
use crate::interaction::next::{Next, Offer, next};
use crate::interaction::waiting;
use crate::interaction::waiting::WaitingRequest;
use crate::oauth::error::{Code, ErrorResponse, OAuthError};
use crate::oauth::scope::{OIDC_SCOPES, ScopeSet};
use crate::pages::ClientCard;
use crate::store::clients::Client;
use crate::store::resources::{self, USERINFO};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Page, html};

/// The scopes of one resource, in words that people understand.
struct Group {
    resource: String,
    scopes: Vec<String>,
}

#[derive(Template)]
#[template(path = "consent/consent.html")]
struct ConsentPage {
    page: Page,
    request: String,
    scope: String,
    client: ClientCard,
    username: String,
    groups: Vec<Group>,
    duration: String,
    destination: String,
}

/// A request that waits for the person's consent.
struct Due {
    client: Client,
    waiting: WaitingRequest,
    signed_in: SignedIn,
    offer: Offer,
}

/// Returns the request `id` if it waits for consent; `None` if another step comes next.
async fn due(app: &App, browser: &Browser, id: &str) -> Result<Option<Due>, PageError> {
    let (client, waiting) = waiting::require(app, browser, id).await?;
    let Some(signed_in) = browser.signed_in().await? else { return Ok(None) };
    match next(app, &client, &waiting.interaction, Some(&signed_in)).await? {
        Next::Consent(offer) => Ok(Some(Due { client, waiting, signed_in, offer })),
        _ => Ok(None),
    }
}

/// `GET /consent`: shows what the client would get.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let id = query.request()?;
    let Some(Due { client, waiting, signed_in, offer }) = due(&app, &browser, id).await? else { return waiting::resume(&app, id) };
    let days = app.settings.refresh_absolute_lifetime / DAY;
    let duration = if offer.to_consent.contains("offline_access") {
        format!("For up to {days} days, also while you are away.")
    } else {
        "Until you sign out here.".to_owned()
    };
    let page = ConsentPage {
        page: browser.page().await?,
        request: id.to_owned(),
        scope: offer.to_consent.to_string(),
        client: ClientCard::of(&app, &client).await?,
        username: signed_in.user.username,
        groups: in_words(&app, &offer.to_consent).await?,
        duration,
        destination: destination(&waiting.interaction.target.redirect_uri),
    };
    html(&page, Csp::LeadsToClient)
}

/// `POST /consent`: stores the person's choice and continues the request.
pub async fn submit(State(app): State<Arc<App>>, own: OwnForm) -> Result<Response, PageError> {
    let (browser, id) = (&own.browser, own.request()?);
    let Some(Due { client, mut waiting, signed_in, offer }) = due(&app, browser, id).await? else { return waiting::resume(&app, id) };
    // The offer may have changed since the page was shown. Then ask again, because the person agreed to something else.
    if own.form.get("scope") != Some(offer.to_consent.to_string().as_str()) {
        return waiting::resume(&app, id);
    }
    match own.form.get("choice") {
        Some("allow") => {
            let user = signed_in.user.id;
            consents::give(&app, &browser.actor(user), user, &client.id, &offer.to_consent).await?;
            waiting.interaction.consented_by = Some(user);
            waiting.save(&app).await?;
            waiting::resume(&app, id)
        }
        Some("deny") => {
            if !waiting.take(&app).await? {
                return Err(PageError::expired());
            }
            let error = ErrorResponse::from(&OAuthError::new(Code::AccessDenied, "the user did not allow the request"));
            answer::refusal(&app, &waiting.interaction.target, &error)
        }
        _ => Err(PageError::stale_form()),
    }
}

/// Returns the descriptions of `scopes`, grouped by resource. The group of UserInfo comes first.
async fn in_words(app: &App, scopes: &ScopeSet) -> Result<Vec<Group>, PageError> {
    let names: Vec<String> = scopes.iter().map(str::to_owned).collect();
    let mut known = resources::known_scopes(app.store.reader(), &names).await?;
    // Sort the scopes of OpenID Connect as they are listed, so that "who you are" comes first.
    known.sort_by_key(|scope| OIDC_SCOPES.iter().position(|(name, _)| *name == scope.name));
    let titles = resources::names(app.store.reader(), known.iter().map(|scope| scope.resource_id.as_str())).await?;
    let mut groups: BTreeMap<(bool, &str), Vec<String>> = BTreeMap::new();
    for scope in &known {
        groups.entry((scope.resource_id != USERINFO, &scope.resource_id)).or_default().push(scope.description.clone());
    }
    let title = |id: &str| titles.get(id).cloned().unwrap_or_default();
    Ok(groups.into_iter().map(|((_, id), scopes)| Group { resource: title(id), scopes }).collect())
}

/// Describes where the browser goes next. Only http and https URLs name a host; a private scheme may have any text in its place, so the
/// scheme is shown instead.
fn destination(redirect_uri: &str) -> String {
    match Url::parse(redirect_uri) {
        Ok(url) if matches!(url.scheme(), "https" | "http") => url.host_str().unwrap_or_default().to_owned(),
        Ok(url) => format!("an app on this device ({})", url.scheme()),
        Err(_) => String::new(),
    }
}
