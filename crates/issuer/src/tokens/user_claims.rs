//! The claims about a user: those of the scopes and of the `claims` parameter (OpenID Connect Core §5.4, §5.5), those that an
//! administrator gives a client, and those that a resource adds to its access tokens (RFC 9068 §2.2.3.1). They are computed each time that
//! tokens are minted. Each comes with its origin, and each that is missing with the reason, so that administrators can see why.

use serde_json::{Map, Value, json};

use crate::app::App;
use crate::oauth::claim_name;
use crate::oauth::client_claim::{ClaimSource, ClientClaim, MappedGroup, TRUSTED_CLAIMS, text};
use crate::oauth::issuer::Issuer;
use crate::oauth::scope::ScopeSet;
use crate::oauth::standard_claims::{CLAIMS, StandardClaims};
use crate::store::authorizations::AuthorizationRow;
use crate::store::clients::{Client, GroupFilter};
use crate::store::consents::{self, Allowed};
use crate::store::person::{AttributeOfPerson, Person};
use crate::store::resources::Resource;
use crate::store::users::User;
use crate::store::{StoreError, client_claims, person};

/// The origin of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The scope of this name gives it.
    Scope(String),
    /// The client asked for it in the `claims` parameter.
    ClaimsParameter,
    /// An administrator gave it to the client.
    Client {
        /// The name of the source, as the database stores it.
        source: &'static str,
        /// The name of the field or the attribute, or the names of the groups of the map that gave the value. `None` if the source has no name.
        of: Option<String>,
    },
    /// The resource with this identifier adds it to its access tokens.
    Resource(String),
}

/// The reason why a claim is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The user has no value for it.
    NoValue,
    /// The user is in none of the groups of the map, which has no default.
    NoGroupMatches,
    /// The client registered itself, and no administrator has allowed it to be told of groups, roles and attributes.
    NotAllowed,
    /// The consent of the user does not name the claim, because the client got it later.
    NotConsented,
    /// All values hold what separates the values of the claim.
    Separator,
    /// The user may edit the attribute, or typed the value when that was possible, so it does not become a claim that applications trust.
    Editable,
}

impl Missing {
    /// Returns the reason as a sentence for administrators.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NoValue => "the user has no value for it",
            Self::NoGroupMatches => "the user is in none of the groups of the map, and the map has no default",
            Self::NotAllowed => "the client registered itself; allow it to be told of groups, roles and attributes first",
            Self::NotConsented => {
                "the user has allowed the client less than this; it is told the claim once the user has signed in to it again and agreed"
            }
            Self::Separator => "each value holds the character that separates the values of this claim, so it would be read as several",
            Self::Editable => {
                "users may edit the attribute, or this user typed the value before, so it must not become a claim that applications trust \
                 until an administrator sets the value"
            }
        }
    }
}

/// A claim that a client or a resource is told, or would be told if there were a value.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Told {
    pub claim: String,
    pub origin: Origin,
    pub value: Result<Value, Missing>,
    /// The values that the claim lacks because they hold the character that separates its values.
    pub left_out: Vec<String>,
}

impl Told {
    fn new(claim: impl Into<String>, origin: Origin, value: Result<Value, Missing>) -> Self {
        Self { claim: claim.into(), origin, value, left_out: Vec::new() }
    }
}

/// The place where a client reads claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Place {
    IdToken,
    UserInfo,
}

/// What the claims of a user at a client are computed from.
#[derive(Debug)]
pub struct Facts<'a> {
    user: &'a User,
    client: &'a Client,
    person: Person,
    rules: Vec<ClientClaim>,
    consented: Option<Allowed>,
}

/// Whether the consent of the user limits the claims that are told beside the standard claims of the scopes: groups, roles, attributes, the
/// client's own claims, and those that resources add to their access tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// All claims are told.
    None,
    /// Only those are told that the consent names. The client or the resource got the others later, and the user is asked first.
    Consent,
    /// The same, but all are told if the user has allowed the client nothing yet, because the user would be asked for all of them.
    ConsentIfAny,
}

/// Returns the limit for tokens of the authorization `row`. There is none for a first-party client, and for one that the user gave their
/// password to, because nobody could ask the user.
pub fn limit(client: &Client, row: &AuthorizationRow) -> Limit {
    if client.first_party || row.sid.is_none() { Limit::None } else { Limit::Consent }
}

impl<'a> Facts<'a> {
    /// Reads what the claims of `user` at `client` need: for access tokens of `audience`, and for claims by `scopes` or by the names
    /// `requested`, as far as `limit` lets them be told. Reads nothing if the row of the user is enough.
    pub async fn read(
        app: &App,
        user: &'a User,
        client: &'a Client,
        audience: &[Resource],
        scopes: &ScopeSet,
        requested: &[&str],
        limit: Limit,
    ) -> Result<Self, StoreError> {
        let db = app.store.reader();
        let tells = audience.iter().any(|resource| !resource.token_claims.is_empty());
        let asked = requested.iter().any(|name| matches!(*name, "groups" | "roles"));
        let needs_person = client.claims_allowed && (tells || asked || client.has_claims || !scopes.is_empty());
        let person = if needs_person { person::find(db, user.id, &client.id).await? } else { Person::default() };
        let rules = if client.has_claims { client_claims::of_client(db, &client.id).await? } else { Vec::new() };
        // Most clients are told nothing that a consent names, so that it is not read.
        let is_released = |attribute: &AttributeOfPerson| attribute.scope.is_some();
        let by_scope = ["groups", "roles"].into_iter().any(|name| scopes.contains(name));
        let tells_more = !rules.is_empty() || needs_person && (tells || asked || by_scope || person.attributes.iter().any(is_released));
        let consented = match limit {
            Limit::Consent | Limit::ConsentIfAny if tells_more => Some(consents::find(db, user.id, &client.id).await?),
            _ => None,
        };
        let consented = consented.filter(|allowed| limit == Limit::Consent || *allowed != Allowed::default());
        Ok(Self { user, client, person, rules, consented })
    }

    /// Returns whether the consent lets the claim `name` be told.
    fn is_consented(&self, name: &str) -> bool {
        self.consented.as_ref().is_none_or(|allowed| allowed.claims.contains(name))
    }

    /// Returns `value`, unless the user has to be asked before the claim `name` is told.
    fn limited(&self, name: &str, value: Result<Value, Missing>) -> Result<Value, Missing> {
        value.and_then(|value| if self.is_consented(name) { Ok(value) } else { Err(Missing::NotConsented) })
    }

    /// Returns the claims that the client is told at `place`: those of `scopes`, those of the names `requested` that the client may ask
    /// for, and its own, which replace others of the same name if the user has consented to them.
    pub fn told(&self, place: Place, scopes: &ScopeSet, requested: &[&str]) -> Vec<Told> {
        let stored = StandardClaims::from_json(&self.user.claims);
        let origin = |name: &str, scope: &str| {
            if scopes.contains(scope) {
                Some(Origin::Scope(scope.to_owned()))
            } else {
                (requested.contains(&name) && self.client.may_ask(scope)).then_some(Origin::ClaimsParameter)
            }
        };
        let standard = CLAIMS.iter().filter_map(|(name, scope)| Some(Told::new(*name, origin(name, scope)?, self.standard(&stored, name))));
        let attributes = self.person.attributes.iter().filter_map(|attribute| {
            let origin = origin(&attribute.name, attribute.scope.as_deref()?)?;
            let value = if attribute.multi_valued { Some(values(attribute).into()) } else { values(attribute).pop() };
            Some(Told::new(attribute.name.as_str(), origin, self.limited(&attribute.name, value.ok_or(Missing::NoValue))))
        });
        let mut told: Vec<Told> = standard.chain(attributes).collect();
        // The names are checked when they are set. They are checked here again, so that no other way in can replace a claim of the protocol.
        for rule in self.rules.iter().filter(|rule| !claim_name::is_protocol(&rule.claim)) {
            if match place {
                Place::IdToken => rule.in_id_token,
                Place::UserInfo => rule.in_userinfo,
            } {
                let own = self.own(&stored, rule);
                if self.is_consented(&rule.claim) {
                    told.retain(|earlier| earlier.claim != rule.claim);
                    told.push(own);
                } else if !told.iter().any(|earlier| earlier.claim == rule.claim) {
                    // Until the user is asked, the client is told what it was told before.
                    told.push(Told { value: Err(own.value.err().unwrap_or(Missing::NotConsented)), left_out: Vec::new(), ..own });
                }
            }
        }
        told
    }

    /// Returns the claims that the resources of `audience` add to their access tokens. The groups are those of the first resource that
    /// tells any.
    pub fn told_to_resources(&self, audience: &[Resource], issuer: &Issuer) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for resource in audience {
            let origin = || Origin::Resource(resource.identifier(issuer));
            let mut add = |claim: &str, names: Vec<&str>| {
                if !told.iter().any(|earlier| earlier.claim == claim) {
                    let value = if self.client.claims_allowed { Ok(json!(names)) } else { Err(Missing::NotAllowed) };
                    told.push(Told::new(claim, origin(), self.limited(claim, value)));
                }
            };
            if let Some(prefix) = &resource.token_claims.groups {
                let groups = self.person.groups.iter().map(|group| group.name.as_str());
                add("groups", groups.filter(|name| name.starts_with(prefix)).collect());
            }
            if resource.token_claims.roles {
                let roles = self.person.roles.iter().filter(|role| role.resources.contains(&resource.id));
                add("roles", roles.map(|role| role.name.as_str()).collect());
            }
        }
        told
    }

    /// Returns the names of the claims of `told` that need the user's consent beside that to the scopes: those of an administrator, of
    /// attributes, groups and roles.
    pub fn names_to_consent(told: &[Told]) -> impl Iterator<Item = &str> {
        let is_standard = |name: &str| !matches!(name, "groups" | "roles") && CLAIMS.iter().any(|(known, _)| *known == name);
        told.iter()
            .filter(move |told| matches!(told.origin, Origin::Client { .. }) || !is_standard(&told.claim))
            .map(|told| told.claim.as_str())
    }

    fn standard(&self, stored: &StandardClaims, name: &str) -> Result<Value, Missing> {
        let user = self.user;
        let text = |value: &str| (!value.is_empty()).then(|| Value::from(value));
        let value = match name {
            "groups" => return self.limited(name, self.allowed(json!(self.shown_groups()))),
            "roles" => return self.limited(name, self.allowed(json!(self.roles()))),
            "name" => user.name.as_deref().map(Value::from),
            "preferred_username" => Some(user.username.as_str().into()),
            "updated_at" => Some(user.updated_at.into()),
            "email" => user.email.as_deref().map(Value::from),
            "email_verified" => user.email.as_ref().map(|_| user.email_verified.into()),
            "address" => stored.address(),
            // The issuer does not verify phone numbers yet.
            "phone_number_verified" => (!stored.get("phone_number").is_empty()).then(|| json!(false)),
            other => text(stored.get(other)),
        };
        value.ok_or(Missing::NoValue)
    }

    fn allowed(&self, value: Value) -> Result<Value, Missing> {
        if self.client.claims_allowed { Ok(value) } else { Err(Missing::NotAllowed) }
    }

    /// The names of the groups that pass the client's filter.
    fn shown_groups(&self) -> Vec<&str> {
        let passes = |name: &str, assigned: bool| match &self.client.group_filter {
            GroupFilter::All => true,
            GroupFilter::Prefix(prefix) => name.starts_with(prefix),
            GroupFilter::Assigned => assigned,
        };
        self.person.groups.iter().filter(|group| passes(&group.name, group.assigned)).map(|group| group.name.as_str()).collect()
    }

    fn roles(&self) -> Vec<&str> {
        self.person.roles.iter().map(|role| role.name.as_str()).collect()
    }

    /// Returns a claim that an administrator gave the client.
    fn own(&self, stored: &StandardClaims, rule: &ClientClaim) -> Told {
        match self.values_of(stored, &rule.source, &rule.claim) {
            // A fixed value is given as it is, because it already has the form that its administrator wrote.
            Ok((values, of)) if matches!(rule.source, ClaimSource::Fixed { .. }) => {
                Told::new(rule.claim.as_str(), origin_of(rule, of), values.into_iter().next().ok_or(Missing::NoValue))
            }
            Ok((mut values, of)) => {
                let mut left_out = Vec::new();
                // Fields have one value, and the values of a map are in the form that an administrator wrote.
                if matches!(rule.source, ClaimSource::Attribute { .. } | ClaimSource::Groups | ClaimSource::Roles) {
                    values.retain(|value| {
                        let splits = rule.shape.would_split(value);
                        left_out.extend(splits.then(|| text(value)));
                        !splits
                    });
                }
                let missing = if left_out.is_empty() { Missing::NoValue } else { Missing::Separator };
                let value = rule.shape.apply(values).ok_or(missing);
                Told { left_out, ..Told::new(rule.claim.as_str(), origin_of(rule, of), value) }
            }
            Err(missing) => Told::new(rule.claim.as_str(), origin_of(rule, None), Err(missing)),
        }
    }

    /// Returns the values that `source` has for the claim `claim`, and the names of the groups of a map that gave them.
    fn values_of(&self, stored: &StandardClaims, source: &ClaimSource, claim: &str) -> Result<(Vec<Value>, Option<String>), Missing> {
        let is_about_person = !matches!(source, ClaimSource::User { .. } | ClaimSource::Fixed { .. });
        if is_about_person && !self.client.claims_allowed {
            return Err(Missing::NotAllowed);
        }
        let names = |names: Vec<&str>| names.into_iter().map(Value::from).collect();
        let values: Vec<Value> = match source {
            ClaimSource::User { field } => self.field(stored, field).into_iter().collect(),
            ClaimSource::Attribute { attribute } => {
                let found = self.person.attributes.iter().find(|own| own.name == *attribute).ok_or(Missing::NoValue)?;
                if found.editable && TRUSTED_CLAIMS.contains(&claim) {
                    return Err(Missing::Editable);
                }
                values(found)
            }
            ClaimSource::Groups => names(self.shown_groups()),
            ClaimSource::Roles => names(self.roles()),
            ClaimSource::GroupMap { map, default } => {
                let is_in = |entry: &&MappedGroup| self.person.groups.iter().any(|group| group.name == entry.group);
                let entries: Vec<&MappedGroup> = map.iter().filter(is_in).collect();
                if entries.is_empty() {
                    return Ok((vec![default.clone().ok_or(Missing::NoGroupMatches)?], Some("its default".to_owned())));
                }
                let groups = entries.iter().map(|entry| entry.group.as_str()).collect::<Vec<_>>().join(", ");
                return Ok((entries.into_iter().map(|entry| entry.value.clone()).collect(), Some(groups)));
            }
            ClaimSource::Fixed { value } => vec![value.clone()],
        };
        Ok((values, None))
    }

    fn field(&self, stored: &StandardClaims, field: &str) -> Option<Value> {
        match field {
            "sub" => Some(self.user.id.to_string().into()),
            "username" => Some(self.user.username.as_str().into()),
            "external_id" => self.user.external_id.as_deref().map(Value::from),
            other => self.standard(stored, other).ok(),
        }
    }
}

/// Returns the origin of a claim that an administrator gave a client. `groups` are those of its map that gave the value.
fn origin_of(rule: &ClientClaim, groups: Option<String>) -> Origin {
    let of = match &rule.source {
        ClaimSource::User { field: name } | ClaimSource::Attribute { attribute: name } => Some(name.clone()),
        _ => groups,
    };
    Origin::Client { source: rule.source.name(), of }
}

/// Returns the values of an attribute in their type. A value that is not of the type is left out.
fn values(attribute: &AttributeOfPerson) -> Vec<Value> {
    let typed = |text: &String| match attribute.value_type.as_str() {
        "number" | "boolean" => serde_json::from_str(text).ok(),
        _ => Some(Value::from(text.as_str())),
    };
    attribute.values.iter().filter_map(typed).collect()
}

/// Returns the claims of `told` that have a value.
pub fn given(told: &[Told]) -> Map<String, Value> {
    told.iter().filter_map(|told| Some((told.claim.clone(), told.value.clone().ok()?))).collect()
}
