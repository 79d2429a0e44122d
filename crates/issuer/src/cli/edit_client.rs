//! `signet client edit`: changes a client.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::admin::clients::{self, ClientView};
use crate::admin::edit_client::{ClientEdit, ClientPatch, Edited, edit};
use crate::admin::patch::Patch;
use crate::admin::preview;
use crate::admin::{Fault, Faults, change};
use crate::app::App;
use crate::cli::client_metadata::read_jwks;
use crate::cli::client_values::{parse_access, parse_pkce, secret_report};
use crate::cli::preview::changes_of_client;
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, operator, reading};
use crate::fetch::budget::Asker;
use crate::oauth::access::Access;
use crate::oauth::pkce::Pkce;
use crate::oauth::scope::words;

/// The arguments of `signet client edit`. An option that is not given leaves its field as it is.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Client id of the client to change
    id: String,
    /// Name of the client, as pages show it to people
    #[arg(long)]
    name: Option<String>,
    /// Whether the client is public, and so has no secret; a client that becomes confidential gets a secret, which is shown once
    #[arg(long, value_name = "BOOL")]
    public: Option<bool>,
    /// Grant type to allow; may be repeated
    #[arg(long, value_name = "GRANT")]
    add_grant: Vec<String>,
    /// Grant type to forbid; may be repeated
    #[arg(long, value_name = "GRANT")]
    remove_grant: Vec<String>,
    /// Resource that the client's tokens are for unless a request names another; an empty text removes it
    #[arg(long, value_name = "IDENTIFIER")]
    resource: Option<String>,
    /// Scope that the client may ask for from now on; may be repeated
    #[arg(long, value_name = "SCOPE")]
    add_scope: Vec<String>,
    /// Scope that the client may no longer ask for; may be repeated
    #[arg(long, value_name = "SCOPE")]
    remove_scope: Vec<String>,
    /// URI to which people may be sent after signing in; may be repeated
    #[arg(long, value_name = "URI")]
    add_redirect_uri: Vec<String>,
    /// URI to which people may no longer be sent after signing in; may be repeated
    #[arg(long, value_name = "URI")]
    remove_redirect_uri: Vec<String>,
    /// URI to which people may be sent after signing out; may be repeated
    #[arg(long, value_name = "URI")]
    add_post_logout_redirect_uri: Vec<String>,
    /// URI to which people may no longer be sent after signing out; may be repeated
    #[arg(long, value_name = "URI")]
    remove_post_logout_redirect_uri: Vec<String>,
    /// Origin whose scripts may call /token, /revoke and /userinfo; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    add_origin: Vec<String>,
    /// Origin whose scripts may no longer do so; may be repeated; without any, the origins of the redirect URIs may
    #[arg(long, value_name = "ORIGIN")]
    remove_origin: Vec<String>,
    /// Only method by which the client may authenticate; an empty text allows any for which it has a secret or keys
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// Whether authorization requests must use PKCE: required, nonce (PKCE, or the scope openid with a nonce), or optional
    #[arg(long, value_name = "WHEN", value_parser = parse_pkce)]
    pkce: Option<Pkce>,
    /// Whether the client is your own, so that people are not asked for consent
    #[arg(long, value_name = "BOOL")]
    first_party: Option<bool>,
    /// Users who may sign in: everyone, or groups for the members of the client's groups
    #[arg(long, value_name = "WHO", value_parser = parse_access)]
    access: Option<Access>,
    /// Group to give to the client; may be repeated
    #[arg(long, value_name = "GROUP")]
    add_group: Vec<String>,
    /// Group to take from the client; may be repeated
    #[arg(long, value_name = "GROUP")]
    remove_group: Vec<String>,
    /// Whether ID tokens also carry the claims of the granted scopes
    #[arg(long, value_name = "BOOL")]
    id_token_claims: Option<bool>,
    /// Groups of which the client is told: assigned (its own), prefix (those whose names begin with --group-prefix), or all
    #[arg(long, value_name = "WHICH")]
    group_filter: Option<String>,
    /// Text with which the names of the groups begin that the client is told of
    #[arg(long, value_name = "TEXT")]
    group_prefix: Option<String>,
    /// Whether the client may be told of groups, roles and attributes
    #[arg(long, value_name = "BOOL")]
    claims_allowed: Option<bool>,
    /// Whether its streams of Shared Signals tell of users who have never authorized it, too
    #[arg(long, value_name = "BOOL")]
    signals_of_all_users: Option<bool>,
    /// Whether its pages may watch by a frame whether people are still signed in (OpenID Connect Session Management 1.0)
    #[arg(long, value_name = "BOOL")]
    session_management: Option<bool>,
    #[command(flatten)]
    metadata: MetadataChanges,
    /// Only print what would change, and who could no longer sign in or could from now on
    #[arg(long)]
    dry_run: bool,
}

/// The options for the client metadata. An empty text removes a member.
#[derive(Debug, Args)]
struct MetadataChanges {
    /// Whether the client runs on people's devices, so that redirect URIs may have a scheme of their own
    #[arg(long, value_name = "BOOL")]
    native: Option<bool>,
    /// Home page of the client, linked on pages; an empty text removes it
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Logo of the client, which is fetched now; an empty text removes it
    #[arg(long, value_name = "URL")]
    logo_uri: Option<String>,
    /// Privacy policy of the client, linked on pages; an empty text removes it
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Terms of service of the client, linked on pages; an empty text removes them
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// URL of the client at which other sites may start a sign-in; an empty text removes it
    #[arg(long, value_name = "URL")]
    initiate_login_uri: Option<String>,
    /// URL of the client that the issuer tells when a session has ended; an empty text removes it
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// Whether the client needs the session (sid) in what it is told there; it is always told
    #[arg(long = "backchannel-session-required", value_name = "BOOL")]
    backchannel_logout_session_required: Option<bool>,
    /// URL of the client that a page shows in a frame when people sign out; an empty text removes it
    #[arg(long, value_name = "URL")]
    frontchannel_logout_uri: Option<String>,
    /// Whether the query of that URL gets the issuer (iss) and the session (sid)
    #[arg(long = "frontchannel-session-required", value_name = "BOOL")]
    frontchannel_logout_session_required: Option<bool>,
    /// URL of the client's public keys (a JWK set), for private_key_jwt, in place of a file; an empty text removes it
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// File with the client's public keys (a JWK set), for private_key_jwt, in place of a URL
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Whether UserInfo requests of the client are answered with a signed JWT (RS256) instead of JSON
    #[arg(long, value_name = "BOOL")]
    signed_userinfo: Option<bool>,
}

/// The arguments of `signet client edit` by field.
const EDIT: Arguments<'_> = &[
    ("access", "--access"),
    ("backchannel_logout_uri", "--backchannel-logout-uri"),
    ("client_name", "--name"),
    ("client_uri", "--client-uri"),
    ("default_resource", "--resource"),
    ("frontchannel_logout_uri", "--frontchannel-logout-uri"),
    ("grant_types", "--add-grant or --remove-grant"),
    ("group_filter", "--group-filter"),
    ("group_prefix", "--group-prefix"),
    ("groups", "--add-group or --remove-group"),
    ("initiate_login_uri", "--initiate-login-uri"),
    ("jwks", "--jwks-file"),
    ("jwks_uri", "--jwks-uri"),
    ("logo_uri", "--logo-uri"),
    ("origins", "--add-origin or --remove-origin"),
    ("pkce", "--pkce"),
    ("policy_uri", "--policy-uri"),
    ("post_logout_redirect_uris", "--add-post-logout-redirect-uri"),
    ("redirect_uris", "--add-redirect-uri or --remove-redirect-uri"),
    ("scope", "--add-scope or --remove-scope"),
    ("token_endpoint_auth_method", "--auth-method"),
    ("tos_uri", "--tos-uri"),
];

/// Changes the client as the operator and returns its new state, or its secret if it got one.
pub async fn run(app: &App, args: EditArgs) -> Result<Report, CliError> {
    let id = args.id.clone();
    let before = clients::show(&reading(app), &id).await?;
    // The lists are changed from what was read, so the change is refused if another one came between.
    let (version, only_shows) = (before.version, args.dry_run);
    let changed = async {
        let mut faults = Faults::default();
        let patch = patch(args, &before, &mut faults)?;
        let subject = patch.subject(&before);
        let edition = ClientEdit::prepare(app, patch, Asker::Operator).await?;
        if only_shows || !faults.is_empty() {
            let actor = operator();
            let work = preview::run(app, &actor, &subject, |change| Box::pin(edit(change, &id, edition, Some(version))));
            let (Edited { client, client_secret }, preview) = faults.with(work.await)?;
            return Ok(Err(changes_of_client(&before, &client, client_secret.is_some(), &preview)));
        }
        Ok(Ok(change(app, &operator(), |change| Box::pin(edit(change, &id, edition, Some(version)))).await?))
    };
    let Edited { client, client_secret } = match changed.await.map_err(|error: CliError| error.in_terms_of(EDIT))? {
        Ok(edited) => edited,
        Err(report) => return Ok(report),
    };
    if client_secret.is_some() {
        return Ok(secret_report(&client.client_id, client_secret));
    }
    let text = if client.version == version { format!("The client {id} is so already.") } else { format!("Changed the client {id}.") };
    Ok(Report::new(text, json!(client)))
}

/// Returns the change that was typed. Items to remove that are not there are among `faults`.
fn patch(args: EditArgs, before: &ClientView, faults: &mut Faults) -> Result<ClientPatch, CliError> {
    let scope: Vec<String> = words(&before.scope).map(str::to_owned).collect();
    let scope = list("scope", &scope, args.add_scope, &args.remove_scope, faults);
    Ok(ClientPatch {
        client_name: args.name.into(),
        public: args.public.into(),
        grant_types: list("grant_types", &before.grant_types, args.add_grant, &args.remove_grant, faults),
        default_resource: text(args.resource),
        scope: match scope {
            Patch::Set(names) => Patch::Set(names.join(" ")),
            _ => Patch::Keep,
        },
        redirect_uris: list("redirect_uris", &before.redirect_uris, args.add_redirect_uri, &args.remove_redirect_uri, faults),
        origins: list("origins", &before.origins, args.add_origin, &args.remove_origin, faults),
        token_endpoint_auth_method: text(args.auth_method),
        first_party: args.first_party.into(),
        pkce: args.pkce.into(),
        access: args.access.into(),
        groups: list("groups", &before.groups, args.add_group, &args.remove_group, faults),
        id_token_claims: args.id_token_claims.into(),
        group_filter: text(args.group_filter),
        group_prefix: args.group_prefix.into(),
        claims_allowed: args.claims_allowed.into(),
        signals_of_all_users: args.signals_of_all_users.into(),
        session_management: args.session_management.into(),
        metadata: metadata(args.metadata, before, (args.add_post_logout_redirect_uri, &args.remove_post_logout_redirect_uri), faults)?,
    })
}

fn metadata(
    args: MetadataChanges,
    before: &ClientView,
    (add, remove): (Vec<String>, &[String]),
    faults: &mut Faults,
) -> Result<Map<String, Value>, CliError> {
    let mut members = Map::new();
    for (name, value) in [
        ("client_uri", args.client_uri),
        ("logo_uri", args.logo_uri),
        ("policy_uri", args.policy_uri),
        ("tos_uri", args.tos_uri),
        ("initiate_login_uri", args.initiate_login_uri),
        ("backchannel_logout_uri", args.backchannel_logout_uri),
        ("frontchannel_logout_uri", args.frontchannel_logout_uri),
        ("jwks_uri", args.jwks_uri.clone()),
    ] {
        if let Some(value) = value {
            members.insert(name.to_owned(), if value.is_empty() { Value::Null } else { value.into() });
        }
    }
    if args.jwks_uri.is_some() {
        members.insert("jwks".to_owned(), Value::Null);
    }
    if let Some(path) = &args.jwks_file {
        members.insert("jwks".to_owned(), read_jwks(path)?);
        members.insert("jwks_uri".to_owned(), Value::Null);
    }
    if let Some(native) = args.native {
        members.insert("application_type".to_owned(), if native { "native" } else { "web" }.into());
    }
    for (name, value) in [
        ("backchannel_logout_session_required", args.backchannel_logout_session_required),
        ("frontchannel_logout_session_required", args.frontchannel_logout_session_required),
    ] {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.into());
        }
    }
    if let Some(signed) = args.signed_userinfo {
        members.insert("userinfo_signed_response_alg".to_owned(), if signed { "RS256".into() } else { Value::Null });
    }
    let own = &before.metadata.post_logout_redirect_uris;
    if let Patch::Set(uris) = list("post_logout_redirect_uris", own, add, remove, faults) {
        members.insert("post_logout_redirect_uris".to_owned(), uris.into());
    }
    Ok(members)
}

/// An option whose empty text clears the field.
pub(super) fn text(given: Option<String>) -> Patch<String> {
    match given {
        None => Patch::Keep,
        Some(text) if text.is_empty() => Patch::Clear,
        Some(text) => Patch::Set(text),
    }
}

/// Adds and removes items of the field `field`. Each item to remove that is not there is among `faults`, because it was probably misspelt.
fn list(field: &'static str, own: &[String], add: Vec<String>, remove: &[String], faults: &mut Faults) -> Patch<Vec<String>> {
    for unknown in remove.iter().filter(|item| !own.contains(item)) {
        faults.add(Fault::new(field, format!("one of {} to remove; found {unknown}", own.join(" "))));
    }
    if add.is_empty() && remove.is_empty() {
        return Patch::Keep;
    }
    Patch::Set(own.iter().filter(|item| !remove.contains(item)).cloned().chain(add).collect())
}
