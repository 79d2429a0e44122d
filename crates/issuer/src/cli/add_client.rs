//! `signet client add`: adds a client, from a preset or from nothing.

use clap::Args;

use crate::admin::clients::{self, Added};
use crate::admin::new_client::ClientDraft;
use crate::admin::{Faults, change, presets};
use crate::app::App;
use crate::cli::client_metadata::MetadataArgs;
use crate::cli::client_values::{parse_access, parse_pkce, secret_report, with_lines};
use crate::cli::report::Report;
use crate::cli::{Arguments, CliError, operator, reading};
use crate::fetch::budget::Asker;
use crate::oauth::access::Access;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::pkce::Pkce;

/// The arguments of `signet client add`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct AddArgs {
    /// Client id: 1 to 128 of the characters a-z A-Z 0-9 - . _ ~, and not a UUID [default: a random one]
    #[arg(long)]
    id: Option<String>,
    /// Preset that fills in the client and shows the lines to paste into the application, such as web or grafana; other options add to its
    /// lists and replace its other values; `signet client presets` lists all
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Address of the application, for the redirect URIs of the preset
    #[arg(long, value_name = "URL", requires = "preset")]
    url: Option<String>,
    /// Name of the client, as pages show it to people [default: that of the preset]
    #[arg(long, required_unless_present = "preset")]
    name: Option<String>,
    /// Grant type that the client may use, such as authorization_code; may be repeated [default: none]
    #[arg(long = "grant", value_name = "GRANT")]
    grants: Vec<String>,
    /// Resource that the client's tokens are for unless a request names another; the client may introspect the tokens of this
    /// resource
    #[arg(long, value_name = "IDENTIFIER")]
    resource: Option<String>,
    /// Scope that the client may ask for; may be repeated [default: none]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Add a public client: it gets no secret, because it runs in a browser or on people's devices and could not keep one
    #[arg(long)]
    public: bool,
    /// URI to which people may be sent after signing in; may be repeated, up to 20 times
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Origin whose scripts may call /token, /revoke and /userinfo; may be repeated [default: the origins of the redirect URIs]
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// Only method by which the client may authenticate: client_secret_basic, client_secret_post or private_key_jwt [default: any
    /// method for which it has a secret or keys]
    #[arg(long, value_name = "METHOD", conflicts_with = "public")]
    auth_method: Option<String>,
    /// Whether authorization requests must use PKCE: required, nonce (PKCE, or the scope openid with a nonce), or optional [default:
    /// required for a public client, which must always use PKCE, and nonce for others]
    #[arg(long, value_name = "WHEN", value_parser = parse_pkce)]
    pkce: Option<Pkce>,
    /// Do not ask people for consent, because the client is your own (people are still asked if it is public and its redirect URI is
    /// not https, because any program on their device may pretend to be such a client)
    #[arg(long)]
    first_party: bool,
    /// Let its pages watch by a frame whether people are still signed in (OpenID Connect Session Management 1.0)
    #[arg(long)]
    session_management: bool,
    /// Users who may sign in: everyone, or groups for the members of the groups that --group names; required unless no user signs in
    #[arg(long, value_name = "WHO", value_parser = parse_access)]
    access: Option<Access>,
    /// Group of the client, whose members may sign in with --access groups, and of which the client is told; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Put the claims of the granted scopes into ID tokens, too
    #[arg(long)]
    id_token_claims: bool,
    /// Groups of which the client is told: assigned (its own), prefix (those whose names begin with --group-prefix), or all [default:
    /// assigned]
    #[arg(long, value_name = "WHICH")]
    group_filter: Option<String>,
    /// Text with which the names of the groups begin that the client is told of
    #[arg(long, value_name = "TEXT")]
    group_prefix: Option<String>,
    /// Let its streams of Shared Signals tell of users who have never authorized it, too
    #[arg(long)]
    signals_of_all_users: bool,
    #[command(flatten)]
    metadata: MetadataArgs,
}

/// The arguments of `signet client add`.
const ADD: Arguments<'_> = &[
    ("access", "--access"),
    ("client_id", "--id"),
    ("client_name", "--name"),
    ("client_uri", "--client-uri"),
    ("default_resource", "--resource"),
    ("grant_types", "--grant"),
    ("group_filter", "--group-filter"),
    ("group_prefix", "--group-prefix"),
    ("groups", "--group"),
    ("initiate_login_uri", "--initiate-login-uri"),
    ("jwks", "--jwks-file"),
    ("jwks_uri", "--jwks-uri"),
    ("logo_uri", "--logo-uri"),
    ("origins", "--origin"),
    ("pkce", "--pkce"),
    ("policy_uri", "--policy-uri"),
    ("preset", "--preset"),
    ("post_logout_redirect_uris", "--post-logout-redirect-uri"),
    ("redirect_uris", "--redirect-uri"),
    ("scope", "--scope"),
    ("token_endpoint_auth_method", "--auth-method"),
    ("tos_uri", "--tos-uri"),
    ("url", "--url"),
];

/// Adds the client as the operator, and returns its id and its secret.
pub async fn run(app: &App, args: AddArgs) -> Result<Report, CliError> {
    add(app, args).await.map_err(|error| error.in_terms_of(ADD))
}

async fn add(app: &App, args: AddArgs) -> Result<Report, CliError> {
    let preset = args.preset.as_deref().map(presets::find).transpose()?;
    let checked = preset.map_or_else(|| Ok(String::new()), |preset| preset.check_url(args.url.as_deref()));
    // Everything else that is wrong is told at once, too.
    let private = app.settings.fetch_private_addresses;
    let blank = preset.map(|preset| preset.draft(checked.as_deref().unwrap_or(preset.example), private)).unwrap_or_default();
    let more = |mut own: Vec<String>, given: Vec<String>| {
        own.extend(given);
        own
    };
    let metadata = args.metadata.into_metadata()?;
    let draft = ClientDraft {
        client_id: args.id.or(blank.client_id),
        client_name: args.name.unwrap_or(blank.client_name),
        grant_types: more(blank.grant_types, args.grants),
        redirect_uris: more(blank.redirect_uris, args.redirect_uris),
        scope: Some(more(blank.scope.unwrap_or_default(), args.scopes)),
        token_endpoint_auth_method: args.auth_method.or(blank.token_endpoint_auth_method),
        default_resource: args.resource,
        origins: args.origins,
        public: args.public || blank.public,
        pkce: args.pkce.or(blank.pkce),
        first_party: args.first_party || blank.first_party,
        group_filter: args.group_filter.or_else(|| preset.and_then(|preset| preset.group_filter(args.access, &args.groups))),
        group_prefix: args.group_prefix.unwrap_or_default(),
        access: args.access,
        groups: args.groups,
        id_token_claims: args.id_token_claims || blank.id_token_claims,
        signals_of_all_users: args.signals_of_all_users,
        session_management: args.session_management,
        metadata: ClientMetadata {
            application_type: metadata.application_type.or(blank.metadata.application_type),
            backchannel_logout_uri: metadata.backchannel_logout_uri.or(blank.metadata.backchannel_logout_uri),
            post_logout_redirect_uris: more(blank.metadata.post_logout_redirect_uris, metadata.post_logout_redirect_uris),
            ..metadata
        },
        ..ClientDraft::default()
    };
    let (url, client) = Faults::of_both(checked, clients::check(&reading(app), draft).await)?;
    let logo = clients::fetch_logo(app, client.metadata(), Asker::Operator).await?;
    let added = match preset {
        Some(preset) => change(app, &operator(), move |change| Box::pin(presets::add(change, preset, client, logo))).await?,
        None => change(app, &operator(), move |change| Box::pin(clients::add(change, client, logo, None))).await?,
    };
    let Added { client, client_secret } = added;
    let id = &client.client_id;
    let report = secret_report(id, client_secret.clone());
    let Some(preset) = preset else { return Ok(report) };
    let lines = preset.lines(&app.settings.issuer, &url, id, client_secret.as_deref());
    Ok(with_lines(report, &preset.proof(), &lines))
}
