//! A trial of what a client would be told of a user: the claims of the ID token, of UserInfo and of the access token, each with its origin,
//! and each that is missing with the reason. They come from the code that mints tokens, but nothing is signed and nobody is signed in.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::accounts::username;
use crate::admin::{Fault, Faults, Operation, Reading, Refused};
use crate::app::App;
use crate::grants::{Grant, new_row};
use crate::oauth::access::Access;
use crate::oauth::acr::{Acr, Amr};
use crate::oauth::client_claim::source_in_words;
use crate::oauth::error::{Code, OAuthError};
use crate::oauth::scope::{ScopeSet, words};
use crate::store::attributes::{self, AttributeRow};
use crate::store::authorizations::AuthorizationRow;
use crate::store::clients::{Client, GroupFilter};
use crate::store::resources::{Resource, USERINFO};
use crate::store::users::{self, User};
use crate::store::{client_groups, groups};
use crate::tokens::audience::target;
use crate::tokens::claims_length::length;
use crate::tokens::issue::{Draft, draft};
use crate::tokens::narrow::{default_scopes, narrow};
use crate::tokens::user_claims::{Facts, Limit, Missing, Origin, Place, Told, given, limit};
use crate::tokens::{Authorization, Party, RequestedResource};

/// The request that is tried.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TrialRequest {
    pub client_id: String,
    pub username: String,
    /// The scopes that the client asks for, separated by spaces; `None` for those of a request without scope or, if that has none, for the
    /// client's scopes of OpenID Connect.
    pub scope: Option<String>,
    /// The identifier of the resource that the client names.
    pub resource: Option<String>,
}

/// The outcome of a trial.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Trial {
    /// `false` if the user could not sign in to the client as things are, so that it would get nothing.
    pub may_sign_in: bool,
    /// The reasons why the user could not sign in to the client, in full sentences. Empty if they could.
    pub obstacles: Vec<String>,
    /// The scopes that the client asked for.
    pub scopes: Vec<TriedScope>,
    /// The ID token, UserInfo and the access token.
    pub places: Vec<TriedPlace>,
}

/// A scope that the client asked for.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TriedScope {
    pub scope: String,
    /// The reason why it is not granted; `None` if it is.
    pub missing: Option<&'static str>,
}

/// One of the places where the client or a resource reads claims.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TriedPlace {
    pub place: &'static str,
    /// The length of all claims as JSON, in bytes.
    pub bytes: usize,
    /// The length of the claims about the user among them as JSON, in bytes. A token of more than 6,144 is not issued.
    pub user_bytes: usize,
    /// The length of the signed token, in bytes, without the `nonce` that the client may ask for. Null for UserInfo.
    pub token_bytes: Option<usize>,
    /// The reason why the token would not be issued; null if it would.
    pub refused: Option<String>,
    pub claims: Vec<TriedClaim>,
}

/// A claim with its origin, and with the reason why it is missing or an empty list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub struct TriedClaim {
    pub claim: String,
    pub value: Option<Value>,
    /// The origin in words, such as "scope email".
    pub origin: String,
    pub missing: Option<&'static str>,
    /// The values that the claim lacks, because each holds the character that separates the values of this claim.
    pub left_out: Vec<String>,
}

impl TriedClaim {
    /// Returns the reason why the claim is missing or, if it is not, its origin, with the values that are left out of it.
    pub fn why(&self) -> String {
        match (self.missing, self.left_out.as_slice()) {
            (Some(reason), _) => reason.to_owned(),
            (None, []) => self.origin.clone(),
            (None, left_out) => format!(
                "{}; left out, because the character that separates the values is in them: {}",
                self.origin,
                left_out.iter().map(|value| json!(value).to_string()).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

/// Tries `request`. Fails as the token endpoint would, in the field `scope` or `resource`; in the field `username` if there is no such user;
/// and with [`Refused::NotFound`] if the client does not exist.
pub async fn run(reading: &Reading<'_>, request: &TrialRequest) -> Result<Trial, Refused> {
    let app = reading.permit(Operation::ClientTry)?;
    let client = app.store.client(&request.client_id).await?.ok_or_else(|| Refused::not_found("client", &request.client_id))?;
    let user = users::by_username(app.store.reader(), &username::normalize(&request.username)).await?;
    let user = user.ok_or_else(|| Fault::new("username", "the username of a user who exists").found(&request.username).into());
    let resource = match &request.resource {
        Some(identifier) => target(app, &client, identifier).await.map(RequestedResource::Named).map_err(in_field("resource")),
        None => Ok(RequestedResource::None),
    };
    let named = request.scope.as_deref().map(ScopeSet::parse).transpose();
    let named = named.map_err(|error| in_field("scope")(OAuthError::new(Code::InvalidScope, error.to_string())));
    let ((user, resource), named) = Faults::of_both(Faults::of_both(user, resource), named)?;
    let requested = named.clone().unwrap_or_else(|| usual_scopes(&client, resource.named()));
    let granted = narrow(&requested, &client, Some(&user));
    let scopes =
        requested.iter().map(|scope| TriedScope { scope: scope.to_owned(), missing: missing_scope(scope, &client, &user) }).collect();
    let row = row(app, &user, &client);
    // A user without a consent is asked for everything when they sign in.
    let limit = if limit(&client, &row) == Limit::None { Limit::None } else { Limit::ConsentIfAny };
    let party = Party::User(Box::new((user.clone(), row)));
    let authorization = Authorization { party, granted: granted.clone(), requested_scope: named, resource, nonce: None };
    let mut tried = draft(app, &client, &authorization, limit, app.now()).await.map_err(in_field("scope"))?;
    // Values that every real token has are random here, so that the lengths are those of real tokens.
    if let Some(id) = &mut tried.id {
        id.at_hash = Some(app.clock.random_id::<16>());
    }
    let ring = app.ring().await?;
    let signer = ring.signer(app.now())?;

    let lacks = Lacks::of(app, &client, &user).await?;
    let in_token: ScopeSet = words(&tried.access.scope).collect();
    let released = Released { attributes: attributes::all(app.store.reader()).await?, allowed: client.claims_allowed };
    let mut places = Vec::new();
    if let (Some(id), Some(length)) = (&tried.id, tried.length_of_id_token(signer).map_err(in_field("scope"))?) {
        let told =
            if client.id_token_claims { released.beside(&in_token, &tried.told_in_id_token) } else { tried.told_in_id_token.clone() };
        places.push(place("ID token", &json!(id), &told, &lacks).with_length(length));
    }
    if granted.contains("openid") {
        let facts = Facts::read(app, &user, &client, &[], &in_token, &[], limit).await?;
        let told = facts.told(Place::UserInfo, &in_token, &[]);
        let mut all = Map::from_iter([("sub".to_owned(), json!(user.id))]);
        all.extend(given(&told));
        places.push(place("UserInfo", &all.into(), &released.beside(&in_token, &told), &lacks));
    }
    let Draft { access, told_in_access_token, .. } = &tried;
    let length = tried.length_of_access_token(signer).map_err(in_field("scope"))?;
    places.push(place("access token", &json!(access), told_in_access_token, &lacks).with_length(length));
    let mut obstacles = obstacles(app, &client, &user).await?;
    obstacles.extend(places.iter().filter_map(|place| Some(format!("No tokens are issued: {}.", place.refused.as_ref()?))));
    Ok(Trial { may_sign_in: obstacles.is_empty(), obstacles, scopes, places })
}

/// Returns the scopes that are tried if none is named: those of a request without scope. An application that signs people in has no default
/// resource as a rule, so that such a request fails; it always names its scopes of OpenID Connect instead, so these are tried then.
fn usual_scopes(client: &Client, resource: Option<&Resource>) -> ScopeSet {
    let default = default_scopes(client, resource);
    if default.is_empty() && resource.is_none() { default_scopes(client, Some(&Resource::userinfo())) } else { default }
}

/// Returns the reasons why `user` could not sign in to `client`.
async fn obstacles(app: &App, client: &Client, user: &User) -> Result<Vec<String>, Refused> {
    let (db, mut obstacles) = (app.store.reader(), Vec::new());
    if !client.enabled {
        obstacles.push("The client is disabled.".to_owned());
    }
    let signs_people_in = [Grant::AuthorizationCode, Grant::Password];
    if !client.grant_types.iter().any(|own| signs_people_in.iter().any(|grant| grant.name() == own)) {
        obstacles.push("The client signs nobody in, because it has neither the grant authorization_code nor password.".to_owned());
    }
    if !user.enabled {
        obstacles.push("The user is disabled.".to_owned());
    }
    if user.password_hash.is_none() {
        obstacles.push("The user has no password yet.".to_owned());
    }
    if client.access == Access::Groups && !users::may_use(db, user.id, &client.id).await? {
        let groups = client_groups::names(db, &[&client.id]).await?.remove(&client.id).unwrap_or_default();
        obstacles.push(match groups.as_slice() {
            [] => "The client has no group, so that nobody may sign in.".to_owned(),
            groups => format!("The user is in none of the groups whose members may sign in: {}.", groups.join(", ")),
        });
    }
    Ok(obstacles)
}

/// What is needed to name the attributes that the client would be told if the user had a value, or if it might be told attributes.
struct Released {
    attributes: Vec<AttributeRow>,
    /// `true` if the client may be told attributes.
    allowed: bool,
}

impl Released {
    /// Returns `told` with those attributes of `scopes` of which it says nothing.
    fn beside(&self, scopes: &ScopeSet, told: &[Told]) -> Vec<Told> {
        let missing = if self.allowed { Missing::NoValue } else { Missing::NotAllowed };
        let silent = self.attributes.iter().filter(|attribute| !told.iter().any(|told| told.claim == attribute.name));
        let absent = silent.filter_map(|attribute| {
            let scope = attribute.scope.as_deref().filter(|scope| scopes.contains(scope))?;
            let origin = Origin::Scope(scope.to_owned());
            Some(Told { claim: attribute.name.clone(), origin, value: Err(missing), left_out: Vec::new() })
        });
        told.iter().cloned().chain(absent).collect()
    }
}

/// The reasons for which lists of names can be empty.
struct Lacks {
    groups: &'static str,
    roles: &'static str,
}

impl Lacks {
    /// Finds the reasons for `user` at `client`.
    async fn of(app: &App, client: &Client, user: &User) -> Result<Self, Refused> {
        let db = app.store.reader();
        let groups = match (groups::of_user(db, user.id).await?.is_empty(), &client.group_filter) {
            (true, _) => "the user is in no group",
            (false, GroupFilter::Assigned) => {
                "the client is told only of its own groups, and the user is in none of these; give it the user's groups, or change its filter"
            }
            (false, _) => "the client's filter demands how names of groups begin, and no group of the user has such a name",
        };
        Ok(Self { groups, roles: "the user has no role, neither directly nor through a group" })
    }

    /// Returns the reason why `told` is missing or an empty list; `None` if it has a value.
    fn reason(&self, told: &Told) -> Option<&'static str> {
        match &told.value {
            Ok(Value::Array(values)) if values.is_empty() => {}
            Ok(_) => return None,
            Err(Missing::NoValue) => {}
            Err(other) => return Some(other.reason()),
        }
        match (&told.origin, told.claim.as_str()) {
            (Origin::Client { source: "fixed", .. }, _) => None,
            (Origin::Resource(_), "groups") => Some("the user is in no group of which this resource is told"),
            (Origin::Resource(_), _) => Some("no role of the user holds a scope of this resource"),
            (Origin::Client { source: "groups", .. }, _) | (Origin::Scope(_) | Origin::ClaimsParameter, "groups") => Some(self.groups),
            (Origin::Client { source: "roles", .. }, _) | (Origin::Scope(_) | Origin::ClaimsParameter, "roles") => Some(self.roles),
            _ => Some(Missing::NoValue.reason()),
        }
    }
}

/// Returns the function that turns an error of the token endpoint into a refusal of `field`.
fn in_field(field: &'static str) -> impl Fn(OAuthError) -> Refused {
    move |error| {
        // Most descriptions begin with the name of the parameter, which is that of the field.
        let reason = error.description.strip_prefix(&format!("{field}: ")).unwrap_or(&error.description).to_owned();
        match reason.strip_prefix("expected ") {
            Some(expected) => Refused::invalid(field, expected),
            None => Refused::invalid(field, format!("another value; {reason}")),
        }
    }
}

/// Returns the reason why `scope` is not granted; `None` if it is.
fn missing_scope(scope: &str, client: &Client, user: &User) -> Option<&'static str> {
    match client.scopes.iter().find(|allowed| allowed.name == scope) {
        None => Some("the client is not registered for this scope, or there is no such scope"),
        Some(_) if client.withholds(scope) => Some(Missing::NotAllowed.reason()),
        Some(allowed) if allowed.resource_id == USERINFO || user.scopes.iter().any(|own| own == scope) => None,
        Some(_) => Some("no role of the user, direct or through a group, holds this scope"),
    }
}

/// Makes the row of an authorization that is never stored.
fn row(app: &App, user: &User, client: &Client) -> AuthorizationRow {
    AuthorizationRow {
        user_id: user.id,
        acr: Acr::Password.as_str().to_owned(),
        amr: Amr::Password.as_str().to_owned(),
        // A client that signs people in with a browser is told the session.
        sid: client.has_grant(Grant::AuthorizationCode.name()).then(|| app.clock.random_id::<16>()),
        session_expires_at: Some(app.now() + app.settings.session_idle_lifetime),
        may_use: true,
        ..new_row(app, client, app.now())
    }
}

/// Claims that differ from token to token or from session to session.
const EXAMPLES: [&str; 4] = ["jti", "at_hash", "grant_id", "sid"];

/// Lists the claims of a place. Those that describe the token and the sign-in have the issuer as their origin.
fn place(place: &'static str, all: &Value, told: &[Told], lacks: &Lacks) -> TriedPlace {
    let protocol = all.as_object().into_iter().flatten().filter(|(name, _)| !told.iter().any(|told| told.claim == **name));
    let own = protocol.map(|(name, value)| TriedClaim {
        claim: name.clone(),
        value: Some(value.clone()),
        origin: if EXAMPLES.contains(&name.as_str()) { "the issuer; this value is an example" } else { "the issuer" }.to_owned(),
        missing: None,
        left_out: Vec::new(),
    });
    let about_user = told.iter().map(|told| TriedClaim {
        claim: told.claim.clone(),
        value: told.value.clone().ok(),
        origin: in_words(&told.origin),
        missing: lacks.reason(told),
        left_out: told.left_out.clone(),
    });
    let claims = own.chain(about_user).collect();
    TriedPlace { place, bytes: all.to_string().len(), user_bytes: length(&given(told)), token_bytes: None, refused: None, claims }
}

impl TriedPlace {
    /// Sets the length of the token, and the reason why it would not be issued.
    fn with_length(self, (bytes, refused): (usize, Option<String>)) -> Self {
        Self { token_bytes: Some(bytes), refused, ..self }
    }
}

fn in_words(origin: &Origin) -> String {
    match origin {
        Origin::Scope(scope) => format!("scope {scope}"),
        Origin::ClaimsParameter => "the claims parameter".to_owned(),
        Origin::Client { source, of } => format!("claim of the client, from {}", source_in_words(source, of.as_deref())),
        Origin::Resource(identifier) => format!("claim of the resource {identifier}"),
    }
}
