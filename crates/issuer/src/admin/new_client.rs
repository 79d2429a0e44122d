//! The rules for the metadata of a new client (RFC 7591 §2, OpenID Connect Dynamic Client Registration 1.0 §2). They are the same for
//! clients that an administrator adds and for those that register themselves, which are allowed less.

use std::collections::HashSet;

use serde_json::Value;
use signet_verifier::is_scope_token;
use uuid::Uuid;

use crate::admin::{Fault, Faults, Refused, check_name};
use crate::app::App;
use crate::fetch::client_keys;
use crate::grants::Grant;
use crate::oauth::access::Access;
use crate::oauth::client_auth::{METHODS, NONE, PRIVATE_KEY_JWT, can_be_client_id};
use crate::oauth::client_metadata::{ClientMetadata, MAX_NAME, MAX_TEXT, MetadataError, in_words};
use crate::oauth::pkce::Pkce;
use crate::oauth::plain_text::is_plain_text;
use crate::oauth::redirect_uri;
use crate::oauth::reserved_name::is_reserved;

/// The largest number of redirect URIs of one client.
const MAX_REDIRECT_URIS: usize = 20;
/// The largest number of scopes of one client.
const MAX_SCOPES: usize = 1000;
/// The largest number of groups of one client.
const MAX_GROUPS: usize = 100;
/// The group filter of a client that is told of its own groups.
pub(super) const ASSIGNED: &str = "assigned";
/// The group filter of a client that is told of the groups whose names begin with a prefix.
const PREFIX: &str = "prefix";
/// The group filter of a client that is told of all groups of a user.
pub(super) const ALL_GROUPS: &str = "all";
/// All group filters.
const GROUP_FILTERS: [&str; 3] = [ASSIGNED, PREFIX, ALL_GROUPS];
/// The grants of clients that register themselves. They get tokens only if a user signs in.
pub const SELF_REGISTERED_GRANTS: [Grant; 2] = [Grant::AuthorizationCode, Grant::RefreshToken];

/// The input for a new client, before it is checked. Fields carry the names of RFC 7591 where it has them.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the names are those of the specification")]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct ClientDraft {
    /// `None` for a random id.
    pub client_id: Option<String>,
    pub client_name: String,
    pub grant_types: Vec<String>,
    pub redirect_uris: Vec<String>,
    /// The scopes that the client may ask for. `None` for the default: those of OpenID Connect and of the default resource if the client
    /// registers itself, none otherwise.
    pub scope: Option<Vec<String>>,
    /// `None` if any method will do that the client has a secret or keys for.
    pub token_endpoint_auth_method: Option<String>,
    /// The identifier of the resource of its tokens unless a request names another.
    pub default_resource: Option<String>,
    /// The origins with scripts that call the token endpoint. If empty, those of the redirect URIs.
    pub origins: Vec<String>,
    pub public: bool,
    /// `None` for the default: a public client must use PKCE, and a confidential one may rely on `nonce` instead.
    pub pkce: Option<Pkce>,
    /// `true` if users are not asked for consent.
    pub first_party: bool,
    /// The users who may sign in to it. It must be given for a client to which users sign in.
    pub access: Option<Access>,
    /// The names of its groups, whose members may sign in to it, and of which it is told.
    pub groups: Vec<String>,
    /// `true` if ID tokens also carry the claims of the granted scopes.
    pub id_token_claims: bool,
    /// The groups that it is told of: `assigned`, `prefix` or `all`. `None` for `assigned`.
    pub group_filter: Option<String>,
    /// With the filter `prefix`, it is told of the groups whose names begin with this text.
    pub group_prefix: String,
    /// `false` if it is told of no groups, roles and attributes. `None` for the default, `false` if it registers itself.
    pub claims_allowed: Option<bool>,
    /// `true` if its streams of Shared Signals tell of users who have never authorized it, too.
    pub signals_of_all_users: bool,
    /// `true` if its pages may watch by a frame whether the user is still signed in (OpenID Connect Session Management 1.0).
    pub session_management: bool,
    pub metadata: ClientMetadata,
}

/// The limits on a new client, which depend on how it is added.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// `true` if the client registers itself.
    pub self_registered: bool,
    /// `true` if the URLs that the issuer fetches may be http and lead to this machine and its network; for development only.
    pub private_addresses: bool,
    /// `true` if a client that only members of its groups may use must have a group.
    pub needs_group: bool,
}

impl Rules {
    /// The rules for a client that an administrator adds.
    pub fn for_administrators(app: &App) -> Self {
        Self { self_registered: false, private_addresses: app.settings.fetch_private_addresses, needs_group: true }
    }
}

/// A client that passed all checks that do not need the database.
#[derive(Debug)]
pub struct NewClient(pub(super) ClientDraft);

impl NewClient {
    /// Checks `draft`. Fails with all faults, not only the first.
    pub fn check(mut draft: ClientDraft, rules: Rules) -> Result<Self, Refused> {
        let scope = draft.scope.get_or_insert_default();
        for list in [scope, &mut draft.grant_types, &mut draft.redirect_uris, &mut draft.origins, &mut draft.groups] {
            remove_repetitions(list);
        }
        let application = redirect_uri::application_type_of(&draft.redirect_uris, draft.public);
        draft.metadata.application_type.get_or_insert(application);
        let mut faults = Faults::default();
        faults.extend(draft.client_id.as_deref().and_then(|id| check_id(id).err()));
        faults.extend(check_name("client_name", &draft.client_name).err());
        faults.extend(check_grant_types(&draft, rules));
        faults.extend(check_redirect_uris(&draft, rules));
        faults.extend(check_frame(&draft).err());
        faults.extend(check_auth_method(&draft).err());
        faults.extend(check_pkce(&draft).err());
        faults.extend(check_access(&draft, rules));
        faults.extend(check_group_filter(&draft).err());
        faults.extend(check_scope(draft.scope.as_deref().unwrap_or_default()));
        let expected = "scheme, host and port alone, such as https://app.example.com";
        let no_origins = draft.origins.iter().filter(|origin| redirect_uri::origin(origin).as_ref() != Some(*origin));
        faults.extend(no_origins.map(|text| Fault::new("origins", expected).found(text).of_item(text)));
        draft.metadata.shorten_keys();
        let errors = draft.metadata.errors(draft.public, rules.private_addresses);
        faults.extend(errors.iter().map(|error| fault_of(error, &draft.metadata)));
        faults.refuse()?;
        Ok(Self(draft))
    }

    /// Returns the metadata, which names the logo and the sector document to fetch.
    pub fn metadata(&self) -> &ClientMetadata {
        &self.0.metadata
    }

    /// Takes the URL of the logo out of the metadata.
    pub fn remove_logo(&mut self) {
        self.0.metadata.logo_uri = None;
    }

    /// Returns the id, if one was given.
    pub fn id(&self) -> Option<&str> {
        self.0.client_id.as_deref()
    }

    /// Returns the names of its groups, each once.
    pub(super) fn groups(&self) -> &[String] {
        &self.0.groups
    }

    /// Returns the redirect URIs, each once.
    pub fn redirect_uris(&self) -> &[String] {
        &self.0.redirect_uris
    }

    /// Returns whether the client authenticates by a secret.
    pub(super) fn has_secret(&self) -> bool {
        let method = self.0.token_endpoint_auth_method.as_deref();
        !self.0.public && ![Some(NONE), Some(PRIVATE_KEY_JWT)].contains(&method)
    }

    /// Returns whether authorization requests must carry a PKCE challenge.
    pub(super) fn pkce(&self) -> Pkce {
        self.0.pkce.unwrap_or(if self.0.public { Pkce::Required } else { Pkce::Nonce })
    }

    /// Returns the origins whose scripts call the token endpoint; by default those of the redirect URIs.
    pub(super) fn origins(&self) -> Vec<String> {
        if self.0.origins.is_empty() {
            return self.0.redirect_uris.iter().filter_map(|uri| redirect_uri::origin(uri)).collect();
        }
        self.0.origins.clone()
    }
}

/// Returns the fault of a member of the metadata.
fn fault_of(error: &MetadataError, metadata: &ClientMetadata) -> Fault {
    let fault = Fault::new(error.member, error.expected).within("metadata");
    let value = serde_json::to_value(metadata).ok().and_then(|mut metadata| metadata.get_mut(error.member).map(Value::take));
    let (fault, value) = match error.index {
        Some(index) => (fault.of_member(index), value.and_then(|mut items| items.get_mut(index).map(Value::take))),
        None => (fault, value),
    };
    match value {
        // A client may have sent its private keys.
        Some(keys) if error.member == "jwks" => fault.found(in_words(&keys)),
        Some(Value::String(text)) if error.member == "jwks_uri" && !text.contains("://") => fault.found("no URL"),
        Some(Value::String(text)) => fault.found(text),
        Some(value) => fault.found(value),
        None => fault,
    }
}

/// Keeps the first of equal items. A stranger may send many thousands of items, so each is looked up in a set.
fn remove_repetitions(list: &mut Vec<String>) {
    let mut seen = HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
}

/// Returns a fault for each scope that is wrong.
fn check_scope(names: &[String]) -> Vec<Fault> {
    if names.len() > MAX_SCOPES {
        return vec![Fault::new("scope", format!("at most {MAX_SCOPES} names")).found(names.len())];
    }
    let expected = "names of printable ASCII, separated by spaces, such as openid orders:read";
    let wrong = names.iter().filter(|name| !is_scope_token(name));
    wrong.map(|name| Fault::new("scope", expected).found(name).of_item(name)).collect()
}

fn check_id(id: &str) -> Result<(), Fault> {
    // The `sub` of a service account is its client id, which must never look like a user's.
    if !can_be_client_id(id) || Uuid::try_parse(id).is_ok() || is_reserved(id) {
        let expected = "1 to 128 of the characters a-z A-Z 0-9 - . _ ~, not a UUID, and none of new, . and .., such as my-shop";
        return Err(Fault::new("client_id", expected).found(id));
    }
    Ok(())
}

/// Returns a fault for each grant type that is wrong; one for all if the client registers itself.
fn check_grant_types(draft: &ClientDraft, rules: Rules) -> Vec<Fault> {
    let fault = |expected: String| Fault::new("grant_types", expected);
    let code = Grant::AuthorizationCode.name();
    if rules.self_registered {
        let fits = |name: &String| SELF_REGISTERED_GRANTS.iter().any(|grant| grant.name() == name);
        if !draft.grant_types.iter().any(|name| name == code) || !draft.grant_types.iter().all(fits) {
            let found = draft.grant_types.join(" ");
            return vec![fault("authorization_code, with or without refresh_token".to_owned()).found(found)];
        }
        return Vec::new();
    }
    let known = || Grant::ALL.iter().map(|grant| grant.name()).collect::<Vec<_>>().join(", ");
    let unknown = draft.grant_types.iter().filter(|name| Grant::parse(name).is_none());
    let mut faults: Vec<Fault> = unknown.map(|name| fault(format!("one of {}", known())).found(name).of_item(name)).collect();
    if draft.public && draft.grant_types.iter().any(|name| name == Grant::ClientCredentials.name()) {
        let expected = "no client_credentials for a public client, which cannot keep a secret".to_owned();
        faults.push(fault(expected).of_item(Grant::ClientCredentials.name()));
    }
    faults
}

/// Returns a fault for each redirect URI that is wrong.
fn check_redirect_uris(draft: &ClientDraft, rules: Rules) -> Vec<Fault> {
    let fault = |expected: String| Fault::new("redirect_uris", expected);
    let needs_one = rules.self_registered || draft.grant_types.iter().any(|name| name == Grant::AuthorizationCode.name());
    if needs_one && draft.redirect_uris.is_empty() {
        let expected = "one or more, such as https://app.example.com/callback, because the grant authorization_code needs them";
        return vec![fault(expected.to_owned()).found("none")];
    }
    if draft.redirect_uris.len() > MAX_REDIRECT_URIS {
        return vec![fault(format!("at most {MAX_REDIRECT_URIS} URIs; found {}", draft.redirect_uris.len()))];
    }
    let check = |uri: &String| {
        if uri.len() > MAX_TEXT {
            return Some(fault(format!("URIs of at most {MAX_TEXT} bytes; found one of {}", uri.len())).of_item(uri));
        }
        let error = redirect_uri::validate(uri, draft.metadata.application_type.unwrap_or_default(), draft.public).err()?;
        Some(fault(error.to_string()).found(uri).of_item(uri))
    };
    draft.redirect_uris.iter().filter_map(check).collect()
}

/// Checks that the page which signs people out in a frame lies at the origin of a redirect URI (OpenID Connect Front-Channel Logout 1.0 §2).
fn check_frame(draft: &ClientDraft) -> Result<(), Fault> {
    let Some(uri) = &draft.metadata.frontchannel_logout_uri else { return Ok(()) };
    let fault = |expected: &str| Fault::new("frontchannel_logout_uri", expected).within("metadata").found(uri);
    let origin = redirect_uri::origin(uri);
    if origin.as_ref().is_some_and(|origin| origin.contains('[')) {
        let expected = "a URL whose host is a name or an IPv4 address, because the page that shows the frame cannot allow an IPv6 address";
        return Err(fault(expected));
    }
    // The origin becomes a part of a Content-Security-Policy, so it must not have a semicolon, which some hosts may have.
    let is_plain = |origin: &String| origin.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/".contains(&byte));
    if origin.as_ref().is_some_and(is_plain) && draft.redirect_uris.iter().any(|own| redirect_uri::origin(own) == origin) {
        return Ok(());
    }
    Err(fault("a URL with the scheme, host and port of one of the redirect_uris"))
}

fn check_auth_method(draft: &ClientDraft) -> Result<(), Fault> {
    let metadata = &draft.metadata;
    let Some(method) = draft.token_endpoint_auth_method.as_deref() else {
        // The client may use any method, so its keys must be good for the only method that uses keys.
        return if metadata.jwks.as_ref().is_none_or(has_usable_key) { Ok(()) } else { Err(no_usable_key(metadata)) };
    };
    if !METHODS.contains(&method) || (method == NONE) != draft.public {
        let fitting: Vec<&str> = METHODS.into_iter().filter(|known| (*known == NONE) == draft.public).collect();
        return Err(Fault::new("token_endpoint_auth_method", format!("one of {}", fitting.join(", "))).found(method));
    }
    if method == PRIVATE_KEY_JWT && metadata.jwks_uri.is_none() && !metadata.jwks.as_ref().is_some_and(has_usable_key) {
        return Err(no_usable_key(metadata));
    }
    Ok(())
}

fn check_pkce(draft: &ClientDraft) -> Result<(), Fault> {
    match draft.pkce {
        Some(pkce) if draft.public && pkce != Pkce::Required => Err(pkce_of_public_client(pkce)),
        _ => Ok(()),
    }
}

fn pkce_of_public_client(found: Pkce) -> Fault {
    Fault::new("pkce", "required, because a public client has no secret to prove who it is").found(found.as_str())
}

/// Checks who may sign in. There is no default, because it is for the administrator to say.
fn check_access(draft: &ClientDraft, rules: Rules) -> Vec<Fault> {
    let mut faults = Vec::new();
    let signs_in = draft.grant_types.iter().any(|name| name != Grant::ClientCredentials.name());
    if draft.access.is_none() && signs_in && !rules.self_registered {
        let expected = "everyone, or groups with the names of one or more groups, because users sign in to this client";
        faults.push(Fault::new("access", expected));
    }
    if draft.groups.len() > MAX_GROUPS {
        faults.push(Fault::new("groups", format!("at most {MAX_GROUPS} names")).found(draft.groups.len()));
    }
    if rules.needs_group && draft.access == Some(Access::Groups) && draft.groups.is_empty() {
        let expected = "the name of one or more groups, such as staff, because only members of the client's groups may sign in";
        faults.push(Fault::new("groups", expected));
    }
    faults
}

fn check_group_filter(draft: &ClientDraft) -> Result<(), Fault> {
    let filter = draft.group_filter.as_deref().unwrap_or(ASSIGNED);
    if !GROUP_FILTERS.contains(&filter) {
        return Err(Fault::new("group_filter", format!("one of {}", GROUP_FILTERS.join(", "))).found(filter));
    }
    if filter != PREFIX && !draft.group_prefix.is_empty() {
        return Err(Fault::new("group_prefix", "nothing, because only the group filter prefix uses it").found(&draft.group_prefix));
    }
    let is_prefix = (1..=MAX_NAME).contains(&draft.group_prefix.chars().count()) && is_plain_text(&draft.group_prefix);
    if filter == PREFIX && !is_prefix {
        let expected = format!("1 to {MAX_NAME} characters with which the names of groups begin, such as grafana-");
        return Err(Fault::new("group_prefix", expected).found(&draft.group_prefix));
    }
    Ok(())
}

fn no_usable_key(metadata: &ClientMetadata) -> Fault {
    let found = metadata.jwks.as_ref().map_or_else(|| "no key".to_owned(), in_words);
    Fault::new("jwks", "an RSA key for RS256 with a kid, or jwks_uri, for private_key_jwt").within("metadata").found(found)
}

fn has_usable_key(jwks: &Value) -> bool {
    client_keys::parse(jwks.clone()).is_ok_and(|keys| keys.key_ids().next().is_some())
}
