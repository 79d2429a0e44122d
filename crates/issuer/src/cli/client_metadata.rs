//! The options of `signet client add` for metadata that pages show to people or that few clients need.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::cli::{CliError, refuse};
use crate::oauth::application_type::ApplicationType;
use crate::oauth::client_metadata::ClientMetadata;
use crate::oauth::json;

/// The options, which carry the names of the client metadata of OpenID Connect Dynamic Client Registration 1.0 §2 where they have
/// one.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct MetadataArgs {
    /// The client runs on people's devices, so redirect URIs may have a scheme of their own, such as com.example.app:/callback [default:
    /// true for a public client that has such a redirect URI, or whose redirect URIs all are http and loopback]
    #[arg(long)]
    native: bool,
    /// Home page of the client, linked on pages
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Logo of the client: PNG, JPEG, GIF or WebP, at most 64 KiB and 2048 pixels a side; it is fetched now and served by the issuer
    #[arg(long, value_name = "URL")]
    logo_uri: Option<String>,
    /// Privacy policy of the client, linked on pages
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Terms of service of the client, linked on pages
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// URL of the client at which other sites may start a sign-in
    #[arg(long, value_name = "URL")]
    initiate_login_uri: Option<String>,
    /// URI to which people may be sent after signing out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// URL of the client that the issuer tells when a session has ended in which a user has signed in to it
    #[arg(long, value_name = "URL")]
    backchannel_logout_uri: Option<String>,
    /// Note that the client needs the session (sid) in what it is told there; it is always told
    #[arg(long = "backchannel-session-required")]
    backchannel_logout_session_required: bool,
    /// URL of the client that the page shows in a frame on which people sign out, so that the client ends its session in that browser
    #[arg(long, value_name = "URL")]
    frontchannel_logout_uri: Option<String>,
    /// Add the issuer (iss) and the session (sid) to the query of that URL
    #[arg(long = "frontchannel-session-required")]
    frontchannel_logout_session_required: bool,
    /// URL of the client's public keys (a JWK set), for private_key_jwt
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// File with the client's public keys (a JWK set), for private_key_jwt
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Answer the UserInfo requests of the client with a signed JWT (RS256) instead of JSON
    #[arg(long)]
    signed_userinfo: bool,
}

impl MetadataArgs {
    /// Returns the metadata as it was typed, with the JWK set of `--jwks-file`. Fails only if that file cannot be read as JSON.
    pub fn into_metadata(self) -> Result<ClientMetadata, CliError> {
        let jwks = self.jwks_file.as_deref().map(read_jwks).transpose()?;
        Ok(ClientMetadata {
            application_type: self.native.then_some(ApplicationType::Native),
            client_uri: self.client_uri,
            logo_uri: self.logo_uri,
            policy_uri: self.policy_uri,
            tos_uri: self.tos_uri,
            initiate_login_uri: self.initiate_login_uri,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            backchannel_logout_uri: self.backchannel_logout_uri,
            backchannel_logout_session_required: self.backchannel_logout_session_required,
            frontchannel_logout_uri: self.frontchannel_logout_uri,
            frontchannel_logout_session_required: self.frontchannel_logout_session_required,
            jwks_uri: self.jwks_uri,
            jwks,
            userinfo_signed_response_alg: self.signed_userinfo.then(|| "RS256".to_owned()),
            ..ClientMetadata::default()
        })
    }
}

/// Reads the JWK set in the file at `path`.
pub fn read_jwks(path: &Path) -> Result<Value, CliError> {
    let text = std::fs::read_to_string(path).or_else(|error| refuse(format!("--jwks-file: {}: {error}", path.display())))?;
    json::parse(text.as_bytes()).or_else(|error| refuse(format!("--jwks-file: {}: {error}", path.display())))
}
