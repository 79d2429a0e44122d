//! Decides what must happen before an authorization request can be answered (OpenID Connect Core §3.1.2.3 and §3.1.2.4).
//! Every page asks [`next`], and nothing else decides, so that no page can be skipped or shown twice.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::accounts::methods::Enrolled;
use crate::accounts::requirement::{self, Proven, Requirement, Step};
use crate::accounts::session::SignedIn;
use crate::app::App;
use crate::clock::UnixSeconds;
use crate::grants::Grant;
use crate::interaction::{CheckedRequest, Interaction};
use crate::oauth::access::Access;
use crate::oauth::acr::Acr;
use crate::oauth::authorization_request::AuthorizationRequest;
use crate::oauth::error::{Code, ErrorResponse, OAuthError};
use crate::oauth::plain_text::as_found;
use crate::oauth::redirect_uri;
use crate::oauth::scope::ScopeSet;
use crate::oauth::standard_claims;
use crate::store::clients::Client;
use crate::store::consents::{self, Allowed};
use crate::store::resources::{self, Resource, USERINFO};
use crate::store::users::{self, User};
use crate::tokens::RequestedResource;
use crate::tokens::audience::{audience, is_granted, nothing_granted, target};
use crate::tokens::claims_length::{Carrier, check_length};
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::user_claims::{Facts, Limit, Place, given};

/// The next step of an interaction.
#[derive(Debug)]
pub enum Next {
    /// The user must sign in.
    SignIn,
    /// The user must choose an account.
    SelectAccount,
    /// The user must replace the password that was generated for them.
    ChangePassword,
    /// The user may not sign in to the client. A page says whom to ask, and leads back to the client or to another account.
    NoAccess,
    /// The user must be asked for consent to the offer.
    Consent(Offer),
    /// The client gets this error.
    Refuse(ErrorResponse),
    /// The client gets a code for the offer.
    Grant(Offer, Proven),
}

/// The scopes that the client would get for this user, and the scopes and resources that need consent.
#[derive(Debug)]
pub struct Offer {
    /// The scopes that the authorization would have.
    pub granted: ScopeSet,
    /// What needs the user's consent: the granted scopes, those that cover the claims in the `claims` parameter, and the requested
    /// resources that own no scopes.
    pub to_consent: Allowed,
    /// What the user has allowed this client before.
    pub consented: Allowed,
    /// The claims that the client would be told, with their values, which the consent page shows.
    pub told: Vec<(String, Value)>,
}

/// Returns the next step of `interaction`. A fault of the request becomes [`Next::Refuse`]; an error means that the issuer failed.
pub async fn next(app: &App, client: &Client, interaction: &Interaction, signed_in: Option<&SignedIn>) -> Result<Next, OAuthError> {
    let request = match &interaction.request {
        CheckedRequest::Valid(request) => request,
        CheckedRequest::Invalid(error) => return Ok(signed_in.map_or(Next::SignIn, |_| Next::Refuse(error.clone()))),
    };
    let silent = request.prompt.none;
    let refuse = |code: Code, description: &str| Ok(Next::Refuse(ErrorResponse::from(&OAuthError::new(code, description))));
    let sign_in = || if silent { refuse(Code::LoginRequired, "the user must sign in") } else { Ok(Next::SignIn) };

    let Some(SignedIn { session, user, evidence }) = signed_in else { return sign_in() };
    let for_this = interaction.signed_in.as_ref() == Some(&session.sid);
    let step = requirement::next(evidence, &Enrolled::of(user), &requirement(app, interaction, request, for_this));
    match step {
        Step::Authenticate(_) => return sign_in(),
        Step::Impossible => {
            return refuse(Code::UnmetAuthenticationRequirements, "the authentication methods of this user do not reach the requested acr");
        }
        Step::Enrol(_) | Step::Done(_) => {}
    }
    if interaction.hinted_user.is_some_and(|hinted| hinted != user.id) {
        return if for_this { refuse(Code::LoginRequired, "the user who signed in is not the one who was requested") } else { sign_in() };
    }
    if interaction.needs_choice(user.id) {
        return if silent { sign_in() } else { Ok(Next::SelectAccount) };
    }
    if !may_use(app, client, user).await? {
        return if silent { refuse(Code::AccessDenied, NO_ACCESS) } else { Ok(Next::NoAccess) };
    }
    let Step::Done(proven) = step else {
        return if silent { refuse(Code::InteractionRequired, "the user must choose a new password") } else { Ok(Next::ChangePassword) };
    };
    let offer = match offer(app, client, request, user).await {
        Ok(offer) => offer,
        Err(error) if error.source.is_none() => return Ok(Next::Refuse(ErrorResponse::from(&error))),
        Err(error) => return Err(error),
    };
    let agreed = interaction.consented_by == Some(user.id);
    if agreed || !needs_consent(client, interaction, request, &offer) {
        return Ok(Next::Grant(offer, proven));
    }
    if silent { refuse(Code::ConsentRequired, "the user must consent") } else { Ok(Next::Consent(offer)) }
}

/// The description of the error for a client that the user may not sign in to.
pub const NO_ACCESS: &str = "the user may not sign in to this client";

/// Returns whether `user` may sign in to `client`. Asks the database only if the client is for the members of groups.
async fn may_use(app: &App, client: &Client, user: &User) -> Result<bool, OAuthError> {
    Ok(client.access == Access::Everyone || users::may_use(app.store.reader(), user.id, &client.id).await?)
}

/// A sign-in for this request satisfies its `max_age` for at least this many seconds, so that a user has the time to complete the other
/// steps even if the client allows less.
const STEPS_MAY_TAKE: UnixSeconds = 300;

/// Returns what `max_age`, `prompt` and the requested `acr` require of the sign-in. This is asked again before each step and before the
/// answer, so that a sign-in that was recent when the request came, but is not any more, does not count. `for_this` says that the user
/// signed in for this request.
fn requirement(app: &App, interaction: &Interaction, request: &AuthorizationRequest, for_this: bool) -> Requirement {
    let not_before = match request.max_age {
        Some(seconds) if for_this => app.now().saturating_sub(seconds.max(STEPS_MAY_TAKE)),
        // The user signed in for this request, as `prompt` requires.
        None if for_this => UnixSeconds::MIN,
        // Zero seconds means that no sign-in from before the request counts.
        Some(0) => UnixSeconds::MAX,
        _ if interaction.sign_in_due => UnixSeconds::MAX,
        Some(seconds) => app.now().saturating_sub(seconds),
        None => UnixSeconds::MIN,
    };
    let acr = Acr::ALL.into_iter().filter(|acr| request.claims.accepts_acr(acr.as_str())).collect();
    Requirement { acr: Some(acr), not_before, enrolment_may_wait: false }
}

fn needs_consent(client: &Client, interaction: &Interaction, request: &AuthorizationRequest, offer: &Offer) -> bool {
    let asked_for = request.prompt.consent;
    // Another program on the same device may pretend to be this client, so an earlier consent proves nothing (RFC 8252 §8.6).
    let unproven = client.public && !redirect_uri::proves_identity(&interaction.target.redirect_uri);
    asked_for || unproven || !client.first_party && !offer.consented.covers(&offer.to_consent)
}

/// Works out the offer for this user. An error without a source means that the request cannot be granted; with a source, that the issuer
/// failed.
async fn offer(app: &App, client: &Client, request: &AuthorizationRequest, user: &User) -> Result<Offer, OAuthError> {
    // An administrator may have begun to demand a challenge since the request came.
    if request.code_challenge.is_none() {
        client.pkce.check_without_challenge(request.scope.as_deref(), request.nonce.as_deref(), client.may_ask("openid"))?;
    }
    let mut resources: Vec<Resource> = Vec::new();
    for identifier in &request.resources {
        resources.push(target(app, client, identifier).await?);
    }
    let requested = request.requested_scope()?.unwrap_or_else(|| default_scopes(client, resources.first()));
    // An earlier consent of a first-party client matters only for these two.
    let consented = if !client.first_party || request.prompt.consent || requested.contains("offline_access") {
        consents::find(app.store.reader(), user.id, &client.id).await?
    } else {
        Allowed::default()
    };
    let may_stay = may_outlive_session(client, request, &consented.scope);
    let granted = narrow(&requested, client, Some(user)).filtered(|scope| scope != "offline_access" || may_stay);
    // Without the parameter scope, no scope of the request can be invalid (RFC 6749 §3.3). If the request names a resource then, that is what
    // nothing can be granted of (RFC 8707 §2).
    let without_scope = resources.first().filter(|_| request.scope.is_none());
    if granted.is_empty() && without_scope.is_none() {
        return Err(none_can_be_granted(client, &requested));
    }
    let by_name = allowed_by_name(app, client, request, &resources, &granted).await?;
    if let Some(resource) = without_scope.filter(|_| granted.is_empty()) {
        return Err(nothing_granted(app, resource).await);
    }
    // The token endpoint would refuse a request that has no audience, so refuse it before the user is asked for consent.
    let resource = resources.into_iter().next().map_or(RequestedResource::None, RequestedResource::Default);
    let audience = audience(&resource, &granted, client)?;
    for resource in &audience {
        if !is_granted(resource, &granted, client) && !by_name.contains(&resource.id) {
            return Err(nothing_granted(app, resource).await);
        }
    }
    let by_claims = standard_claims::scopes_of(request.claims.names()).filtered(|scope| client.may_ask(scope) && !client.withholds(scope));
    let scope = granted.iter().chain(by_claims.iter()).collect();
    let others = other_resources(app, client, &granted, &by_name, &audience).await?;
    let (claims, told) = claims_to_tell(app, client, request, user, &granted, (&audience, &others)).await?;
    let to_consent = Allowed { scope, resources: by_name, claims };
    Ok(Offer { granted, to_consent, consented, told })
}

/// Returns the error for a request of which no scope can be granted. It says whether the client or the user lacks the scope, so that an
/// operator knows what to change.
fn none_can_be_granted(client: &Client, requested: &ScopeSet) -> OAuthError {
    if requested.is_empty() {
        let reason = "scope: the request names none, and the client has no default resource, or no scope of it; \
                      name a scope for which the client is registered, such as openid";
        return OAuthError::new(Code::InvalidScope, reason);
    }
    let registered = requested.filtered(|name| client.may_ask(name));
    let (names, reason) = if registered.is_empty() {
        (requested, "the client is not registered for it; register the client for it, or name another scope")
    } else if registered.iter().all(|name| name == "offline_access") {
        (&registered, "the client must have the grant refresh_token, and the user must be asked for consent; name another scope too")
    } else if registered.iter().all(|name| client.withholds(name)) {
        (
            &registered,
            "the client registered itself, and no administrator has allowed it to be told of groups and roles; name another scope too",
        )
    } else {
        (&registered, "the user has no role with it; give the user a role that holds it, or name another scope")
    };
    let found = as_found(&names.to_string());
    OAuthError::new(Code::InvalidScope, format!("scope: none can be granted: {found}; {reason}"))
}

/// Returns the resources beside those of `audience` for which the client can get tokens of this authorization later: those that own one of the
/// scopes `granted`, and those that are allowed `by_name`.
async fn other_resources(
    app: &App,
    client: &Client,
    granted: &ScopeSet,
    by_name: &BTreeSet<String>,
    audience: &[Resource],
) -> Result<Vec<Resource>, OAuthError> {
    let owners = client.scopes.iter().filter(|scope| granted.contains(&scope.name)).map(|scope| scope.resource_id.as_str());
    let is_other = |id: &&str| *id != USERINFO && !audience.iter().any(|own| own.id == **id);
    let ids: BTreeSet<&str> = owners.chain(by_name.iter().map(String::as_str)).filter(is_other).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(resources::by_ids(app.store.reader(), ids.into_iter()).await?.into_values().map(Resource::from).collect())
}

/// Returns the names of the claims that need consent beside the scopes, and all claims that the client and the resources of its tokens, now
/// and later, would be told, with their values.
/// Fails with `access_denied` if they are too long for a token, so that the client is told before the user is asked for anything.
async fn claims_to_tell(
    app: &App,
    client: &Client,
    request: &AuthorizationRequest,
    user: &User,
    granted: &ScopeSet,
    (audience, others): (&[Resource], &[Resource]),
) -> Result<(BTreeSet<String>, Vec<(String, Value)>), OAuthError> {
    let all_resources = [audience, others].concat();
    let tells = all_resources.iter().any(|resource| !resource.token_claims.is_empty());
    if client.first_party && !request.prompt.consent && !client.has_claims && !client.id_token_claims && !tells {
        return Ok((BTreeSet::new(), Vec::new()));
    }
    let requested: Vec<&str> = request.claims.names().collect();
    let facts = Facts::read(app, user, client, &all_resources, granted, &requested, Limit::None).await?;
    let scopes = if client.id_token_claims { granted.clone() } else { ScopeSet::default() };
    let in_id_token = facts.told(Place::IdToken, &scopes, &requested);
    let to_resources = facts.told_to_resources(audience, &app.settings.issuer);
    for (told, carrier) in [(&in_id_token, Carrier::IdToken), (&to_resources, Carrier::AccessToken)] {
        check_length(&given(told), carrier).map_err(|error| OAuthError::new(Code::AccessDenied, error.description))?;
    }
    let to_resources = facts.told_to_resources(&all_resources, &app.settings.issuer);
    let mut all = given(&facts.told(Place::UserInfo, granted, &requested));
    all.extend(given(&in_id_token));
    all.extend(given(&to_resources));
    let told = [facts.told(Place::UserInfo, granted, &requested), in_id_token, to_resources].concat();
    let names = Facts::names_to_consent(&told).filter(|name| all.contains_key(*name)).map(str::to_owned).collect();
    Ok((names, all.into_iter().collect()))
}

/// Returns the ids of those `resources` of which no scope is granted because they own none; the user is asked to allow them by name.
/// Fails with `invalid_target` if a resource owns scopes and none is granted, or if the user will not be asked.
async fn allowed_by_name(
    app: &App,
    client: &Client,
    request: &AuthorizationRequest,
    resources: &[Resource],
    granted: &ScopeSet,
) -> Result<BTreeSet<String>, OAuthError> {
    let mut by_name = BTreeSet::new();
    for resource in resources.iter().filter(|resource| !is_granted(resource, granted, client)) {
        let owned = resources::scopes_of(app.store.reader(), std::iter::once(resource.id.as_str())).await?;
        let is_asked = !client.first_party || request.prompt.consent;
        if !owned.is_empty() || !is_asked {
            return Err(nothing_granted(app, resource).await);
        }
        by_name.insert(resource.id.clone());
    }
    Ok(by_name)
}

/// Returns `true` if `offline_access` may be granted (OpenID Connect Core §11): the client may use refresh tokens, and the user is asked
/// for consent now or has given it before.
fn may_outlive_session(client: &Client, request: &AuthorizationRequest, consented: &ScopeSet) -> bool {
    let is_asked = request.prompt.consent || !client.first_party && !request.prompt.none;
    client.has_grant(Grant::RefreshToken.name()) && (is_asked || consented.contains("offline_access"))
}
