//! Presets: what Signet and an application must know of each other, as data. A preset fills in a new client, and gives the lines to paste
//! into the application.

mod applications;
mod clusters;
mod kinds;

use serde::Serialize;
use url::{Position, Url};

use crate::admin::clients::{self, Added};
use crate::admin::new_client::{ALL_GROUPS, ClientDraft, NewClient};
use crate::admin::{Change, Fault, Operation, Reading, Refused, client_claims};
use crate::fetch::logo::Logo;
use crate::oauth::access::Access;
use crate::oauth::application_type::ApplicationType;
use crate::oauth::client_claim::{ClaimSource, ClientClaim, Shape};
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::fetched_url::may_be_fetched;
use crate::oauth::issuer::Issuer;
use crate::oauth::pkce::Pkce;
use crate::oauth::redirect_uri;

/// A kind of application.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Preset {
    /// The name by which it is chosen, such as `grafana`.
    pub name: &'static str,
    /// The name that people read, which is also that of the new client.
    pub title: &'static str,
    /// One sentence that tells administrators when to choose it.
    pub about: &'static str,
    /// The program and version with which a test runs it; `None` if it follows `source` and was not run.
    pub run_with: Option<&'static str>,
    /// The text that its facts come from.
    pub source: &'static str,
    /// The address of the application in examples; empty if the client has no address.
    pub example: &'static str,
    /// `true` if it has no secret.
    pub public: bool,
    /// `true` if it runs on people's devices.
    pub native: bool,
    /// `true` if people are not asked for consent.
    pub first_party: bool,
    /// The grant types.
    pub grants: &'static [&'static str],
    /// The only method by which it authenticates; `None` for any.
    pub auth_method: Option<&'static str>,
    /// The redirect URIs, with `{url}` in place of the application's address.
    pub redirect_uris: &'static [&'static str],
    /// Where people are sent after signing out, with `{url}` in place of the application's address.
    pub post_logout_redirect_uris: &'static [&'static str],
    /// Where the issuer tells it that a session has ended, with `{url}` in place of the application's address; empty if it is not told.
    pub backchannel_logout_uri: &'static str,
    /// `true` if its authorization requests carry neither a PKCE challenge nor a nonce.
    pub without_pkce: bool,
    /// The names of the scopes that the client may ask for.
    pub scopes: &'static [&'static str],
    /// `true` if ID tokens also carry the claims of the granted scopes.
    pub id_token_claims: bool,
    /// The claims beside those of the scopes.
    pub claims: &'static [Claim],
    /// The lines to paste, each text with the place where it belongs. `{issuer}`, `{client_id}`, `{client_secret}`, `{url}` and `{host}`
    /// (of the application, with its port if the address has one) stand for the real values.
    pub paste: &'static [(&'static str, &'static str)],
}

/// A claim that a preset gives its client.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The name of the claim.
    pub claim: &'static str,
    /// `groups`, `roles`, or a field of the user.
    pub from: &'static str,
    /// `true` if ID tokens carry it.
    pub in_id_token: bool,
    /// `true` if UserInfo returns it.
    pub in_userinfo: bool,
}

impl Claim {
    /// Makes a claim that only ID tokens carry.
    const fn in_id_token(claim: &'static str, from: &'static str) -> Self {
        Self { claim, from, in_id_token: true, in_userinfo: false }
    }

    /// Makes a claim that only UserInfo returns.
    const fn in_userinfo(claim: &'static str, from: &'static str) -> Self {
        Self { claim, from, in_id_token: false, in_userinfo: true }
    }

    /// Makes a claim that ID tokens and UserInfo carry.
    const fn in_both(claim: &'static str, from: &'static str) -> Self {
        Self { claim, from, in_id_token: true, in_userinfo: true }
    }

    fn to_claim(self) -> ClientClaim {
        let (source, shape) = match self.from {
            "groups" => (ClaimSource::Groups, Shape::List),
            "roles" => (ClaimSource::Roles, Shape::List),
            field => (ClaimSource::User { field: field.to_owned() }, Shape::First),
        };
        ClientClaim { claim: self.claim.to_owned(), source, shape, in_id_token: self.in_id_token, in_userinfo: self.in_userinfo }
    }
}

/// Lines to paste into an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Paste {
    /// The place where they belong, such as a file.
    pub place: String,
    /// The lines, with the real issuer, client id and secret.
    pub text: String,
}

/// A preset as administrators see it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the names are those of the preset")]
pub struct PresetView {
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    /// Says with which version it was run, or that it was not run.
    pub proof: String,
    /// `true` if it needs the address of the application.
    pub needs_url: bool,
    pub public: bool,
    pub grant_types: Vec<&'static str>,
    /// The redirect URIs, with `{url}` in place of the application's address.
    pub redirect_uris: Vec<&'static str>,
    /// The scopes, separated by spaces.
    pub scope: String,
    /// The names of the claims beside those of the scopes.
    pub claims: Vec<&'static str>,
}

/// All presets, those of kinds first.
pub fn all() -> impl Iterator<Item = &'static Preset> {
    kinds::PRESETS.iter().chain(applications::PRESETS).chain(clusters::PRESETS)
}

/// Returns the preset of this name. Fails with [`Refused::Invalid`] in the field `preset` if there is none.
pub fn find(name: &str) -> Result<&'static Preset, Refused> {
    all().find(|preset| preset.name == name).ok_or_else(|| {
        let names: Vec<&str> = all().map(|preset| preset.name).collect();
        Refused::invalid("preset", format!("one of {}; found {name}", names.join(", ")))
    })
}

/// Returns all presets for administrators.
pub fn list(reading: &Reading<'_>) -> Result<Vec<PresetView>, Refused> {
    reading.permit(Operation::ClientList)?;
    Ok(all().map(Preset::view).collect())
}

/// Adds the client `client` with the claims of `preset`, from which it was made.
pub async fn add(change: &mut Change<'_>, preset: &Preset, client: NewClient, logo: Option<Logo>) -> Result<Added, Refused> {
    change.require(Operation::ClientAdd)?;
    let mut added = clients::add(change, client, logo, None).await?;
    for claim in preset.claims {
        client_claims::put(change, &added.client.client_id, claim.to_claim()).await?;
        added.client.version += 1;
    }
    Ok(added)
}

impl Preset {
    /// Returns whether the application has an address, which the redirect URIs contain.
    pub fn needs_url(&self) -> bool {
        self.redirect_uris.iter().any(|uri| uri.contains("{url}"))
    }

    /// Returns which groups the client is told of if nobody chose: all groups of a person where everyone may sign in and the preset tells
    /// groups, because such a client has no groups of its own. `None` for the default.
    pub fn group_filter(&self, access: Option<Access>, groups: &[String]) -> Option<String> {
        let without_own = access == Some(Access::Everyone) && groups.is_empty();
        (without_own && self.tells_groups()).then(|| ALL_GROUPS.to_owned())
    }

    /// Returns whether the application is told of groups.
    pub fn tells_groups(&self) -> bool {
        self.scopes.contains(&"groups") || self.claims.iter().any(|claim| claim.from == "groups")
    }

    /// Says with which version the preset was run.
    pub fn proof(&self) -> String {
        match self.run_with {
            Some(version) => format!("Run with {version}."),
            None => format!("From {}, not run.", self.source),
        }
    }

    fn view(&self) -> PresetView {
        PresetView {
            name: self.name,
            title: self.title,
            about: self.about,
            proof: self.proof(),
            needs_url: self.needs_url(),
            public: self.public,
            grant_types: self.grants.to_vec(),
            redirect_uris: self.redirect_uris.to_vec(),
            scope: self.scopes.join(" "),
            claims: self.claims.iter().map(|claim| claim.claim).collect(),
        }
    }

    /// Checks the address of the application, and returns it without a slash at its end. Returns an empty text if the application has none.
    pub fn check_url(&self, url: Option<&str>) -> Result<String, Refused> {
        if !self.needs_url() {
            return Ok(String::new());
        }
        let expected = || format!("the address of the application, such as {}", self.example);
        let Some(text) = url.map(str::trim).filter(|text| !text.is_empty()) else { return Err(Refused::invalid("url", expected())) };
        let bare = text.trim_end_matches('/');
        // The redirect URIs begin with it, and so do lines that are pasted into shells.
        let is_plain = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%:/[]".contains(&byte));
        let is_usable = redirect_uri::validate(&format!("{bare}/"), ApplicationType::Web, self.public).is_ok();
        if is_plain && is_usable {
            return Ok(bare.to_owned());
        }
        let expected = format!(
            "{}, with https:// in small letters, or http:// for a loopback address, and without a query or special characters",
            expected()
        );
        Err(Fault::new("url", expected).found(text).into())
    }

    /// Returns the draft of a client of the application at `url`, which [`Preset::check_url`] returned. Who may sign in is left open. An
    /// application at an address that the issuer does not fetch is not told of sign-outs; `private_addresses` are those that it fetches too.
    pub fn draft(&self, url: &str, private_addresses: bool) -> ClientDraft {
        let backchannel_logout_uri = self.backchannel_logout_uri.replace("{url}", url);
        let is_fetched = |uri: &String| uri.starts_with('{') || Url::parse(uri).is_ok_and(|url| may_be_fetched(&url, private_addresses));
        let owned = |list: &[&str]| -> Vec<String> { list.iter().map(|text| text.replace("{url}", url)).collect() };
        ClientDraft {
            client_id: Some(self.name.to_owned()),
            client_name: self.title.to_owned(),
            grant_types: owned(self.grants),
            redirect_uris: owned(self.redirect_uris),
            scope: Some(owned(self.scopes)),
            token_endpoint_auth_method: self.auth_method.map(str::to_owned),
            public: self.public,
            first_party: self.first_party,
            id_token_claims: self.id_token_claims,
            pkce: self.without_pkce.then_some(Pkce::Optional),
            metadata: ClientMetadata {
                backchannel_logout_uri: Some(backchannel_logout_uri).filter(is_fetched),
                application_type: self.native.then_some(ApplicationType::Native),
                post_logout_redirect_uris: owned(self.post_logout_redirect_uris),
                ..ClientMetadata::default()
            },
            ..ClientDraft::default()
        }
    }

    /// Returns the lines to paste into the application at `url`. `secret` is `None` if the client has none.
    pub fn lines(&self, issuer: &Issuer, url: &str, client_id: &str, secret: Option<&str>) -> Vec<Paste> {
        let parsed = Url::parse(url);
        let host = parsed.as_ref().map(|url| url[Position::BeforeHost..Position::AfterPort].to_owned()).unwrap_or_default();
        // Argo CD's command line takes the path of its server apart from the host.
        let path = parsed.as_ref().map(|url| url.path().trim_end_matches('/')).unwrap_or_default();
        let root_path = if path.is_empty() { String::new() } else { format!(" --grpc-web-root-path {path}") };
        let fill = |text: &str| {
            text.replace("{issuer}", issuer.as_str())
                .replace("{client_id}", client_id)
                .replace("{client_secret}", secret.unwrap_or_default())
                .replace("{url}", url)
                .replace("{host}", &host)
                .replace("{root_path}", &root_path)
        };
        self.paste.iter().map(|(place, text)| Paste { place: fill(place), text: fill(text.trim_matches('\n')) }).collect()
    }
}
