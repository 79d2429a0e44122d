//! The consent page. It asks a person whether a client may have the scopes that it requests, and stores a yes, so that they are asked only
//! once.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use url::Url;

use crate::accounts::consents;
use crate::accounts::session::SignedIn;
use crate::admin::words::counted;
use crate::app::App;
use crate::browser::Browser;
use crate::browser::csrf::OwnForm;
use crate::clock::DAY;
use crate::interaction::answer;
use crate::interaction::next::{Next, Offer, next};
use crate::interaction::waiting;
use crate::interaction::waiting::WaitingRequest;
use crate::oauth::error::{Code, ErrorResponse, OAuthError};
use crate::oauth::scope::OIDC_SCOPES;
use crate::pages::{ClientCard, by_name};
use crate::store::clients::Client;
use crate::store::consents::{Allowed, list};
use crate::store::resources::{self, USERINFO, identifier};
use crate::web::error::page::PageError;
use crate::web::form::PageQuery;
use crate::web::html::{Csp, Page, html};

/// The rights of the app at one resource, in words that people understand.
struct Group {
    resource: String,
    /// The identifier of the resource; empty for UserInfo, which is a part of this issuer.
    identifier: String,
    scopes: Vec<String>,
}

#[derive(Template)]
#[template(path = "consent/consent.html")]
struct ConsentPage {
    page: Page,
    request: String,
    scope: String,
    resources: String,
    claims: String,
    /// The labels and values of the claims that the client would be told.
    told: Vec<(String, String)>,
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

/// Returns the request `id` if it waits for consent; `None` if another step comes next. Fails with a page if the person chose something else
/// than to allow it, as `choice` says, and the client was sent a code a moment ago.
async fn due(app: &App, browser: &Browser, id: &str, choice: Option<&str>) -> Result<Option<Due>, PageError> {
    let (client, waiting) = waiting::require(app, browser, id).await?;
    let Some(signed_in) = browser.signed_in().await? else { return Ok(None) };
    match next(app, &client, &waiting.interaction, Some(&signed_in)).await? {
        Next::Consent(offer) => Ok(Some(Due { client, waiting, signed_in, offer })),
        _ if choice.is_some_and(|choice| choice != "allow") => waiting.must_wait(app, &client).map(|()| None),
        _ => Ok(None),
    }
}

/// `GET /consent`: shows what the client would get.
pub async fn show(State(app): State<Arc<App>>, browser: Browser, query: PageQuery) -> Result<Response, PageError> {
    let id = query.request()?;
    let Some(Due { client, waiting, signed_in, offer }) = due(&app, &browser, id, None).await? else { return waiting::resume(&app, id) };
    let days = counted(app.settings.refresh_absolute_lifetime / DAY, "day", "days");
    let duration = if offer.to_consent.scope.contains("offline_access") {
        format!("For up to {days}, also while you are away.")
    } else {
        "Until you sign out here.".to_owned()
    };
    let page = ConsentPage {
        page: browser.page().await?,
        request: id.to_owned(),
        scope: offer.to_consent.scope.to_string(),
        resources: list(&offer.to_consent.resources),
        claims: list(&offer.to_consent.claims),
        told: told_in_words(&offer.told),
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
    let choice = own.form.get("choice");
    let Some(Due { client, mut waiting, signed_in, offer }) = due(&app, browser, id, choice).await? else {
        return waiting::resume(&app, id);
    };
    // The offer may have changed since the page was shown. Then ask again, because the person agreed to something else.
    let shown = |name| own.form.get(name).unwrap_or_default();
    let Allowed { scope, resources, claims } = &offer.to_consent;
    if shown("scope") != scope.to_string() || shown("resources") != list(resources) || shown("claims") != list(claims) {
        return waiting::resume(&app, id);
    }
    match choice {
        Some("allow") => {
            waiting.must_wait(&app, &client)?;
            let user = signed_in.user.id;
            consents::give(&app, &browser.actor(user), user, &client.id, &offer.to_consent).await?;
            waiting.interaction.consented_by = Some(user);
            waiting.save(&app).await?;
            waiting::resume(&app, id)
        }
        Some("deny") => {
            waiting.refuse(&app, browser, &client).await?;
            let error = ErrorResponse::from(&OAuthError::new(Code::AccessDenied, "the user did not allow the request"));
            answer::refusal(&app, &client, &waiting.interaction.target, &error)
        }
        _ => Err(PageError::stale_form().of_client(&client.id)),
    }
}

/// Returns the descriptions of what is to be allowed, grouped by resource. The group of UserInfo comes first.
async fn in_words(app: &App, allowed: &Allowed) -> Result<Vec<Group>, PageError> {
    let db = app.store.reader();
    let names: Vec<String> = allowed.scope.iter().map(str::to_owned).collect();
    let mut known = resources::known_scopes(db, &names).await?;
    // Sort the scopes of OpenID Connect as they are listed, so that "who you are" comes first.
    known.sort_by_key(|scope| OIDC_SCOPES.iter().position(|(name, _)| *name == scope.name));
    let mut groups: BTreeMap<(bool, &str), Vec<String>> = BTreeMap::new();
    for scope in &known {
        groups.entry((scope.resource_id != USERINFO, &scope.resource_id)).or_default().push(scope.description.clone());
    }
    for id in &allowed.resources {
        groups.entry((true, id)).or_default();
    }
    let mut rows = resources::by_ids(db, groups.keys().map(|(_, id)| *id)).await?;
    let group = |((_, id), scopes): ((bool, &str), Vec<String>)| {
        let row = rows.remove(id)?;
        let identifier = if id == USERINFO { String::new() } else { identifier(id, row.identifier.as_deref(), &app.settings.issuer) };
        let scopes = if scopes.is_empty() { vec![by_name(&row.name)] } else { scopes };
        Some(Group { resource: row.name, identifier, scopes })
    };
    Ok(groups.into_iter().filter_map(group).collect())
}

/// Returns the claims of `told` that say something to people, with labels such as "Groups" and values such as "platform, on-call".
fn told_in_words(told: &[(String, Value)]) -> Vec<(String, String)> {
    // These describe other claims, or repeat what the page says anyway.
    const TECHNICAL: [&str; 4] = ["updated_at", "email_verified", "phone_number_verified", "preferred_username"];
    let label = |name: &str| {
        let words = name.replace('_', " ");
        let mut letters = words.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    let told = told.iter().filter(|(name, _)| !TECHNICAL.contains(&name.as_str()));
    told.map(|(name, value)| (label(name), in_text(value))).collect()
}

fn in_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "none".to_owned(),
        Value::Array(values) => values.iter().map(in_text).collect::<Vec<_>>().join(", "),
        Value::Object(members) => members.get("formatted").map_or_else(|| value.to_string(), in_text),
        other => other.to_string(),
    }
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
