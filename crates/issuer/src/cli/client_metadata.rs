//! The options of `signet client add` for metadata that people are shown or that is rarely needed.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{CliError, refuse};
use crate::oauth::application_type::ApplicationType;
use crate::oauth::client_metadata::ClientMetadata;

/// The options, by the names of the client metadata (OpenID Connect Dynamic Client Registration §2).
#[derive(Debug, Args)]
pub struct MetadataArgs {
    /// The client runs on people's own devices, so private-use schemes may be redirect URIs
    #[arg(long)]
    native: bool,
    /// Home page of the client, shown to people
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Logo of the client (PNG, JPEG, GIF or WebP, at most 2048 pixels wide and high); fetched now, and served by the issuer
    #[arg(long, value_name = "URL")]
    logo_uri: Option<String>,
    /// Privacy policy of the client, shown to people
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Terms of service of the client, shown to people
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// Address at which others may begin a sign-in for the client
    #[arg(long, value_name = "URL")]
    initiate_login_uri: Option<String>,
    /// Address to which people may be sent after signing out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Address of the client's public keys, for `private_key_jwt`
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// File with the client's public keys (a JWK set), for `private_key_jwt`
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// Answer the client at UserInfo with a signed JWT
    #[arg(long)]
    signed_userinfo: bool,
}

impl MetadataArgs {
    /// The metadata, as it was typed.
    pub fn into_metadata(self) -> Result<ClientMetadata, CliError> {
        let jwks = match &self.jwks_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path).or_else(|error| refuse(format!("--jwks-file: {}: {error}", path.display())))?;
                Some(serde_json::from_str(&text).or_else(|error| refuse(format!("--jwks-file: {}: {error}", path.display())))?)
            }
        };
        Ok(ClientMetadata {
            application_type: if self.native { ApplicationType::Native } else { ApplicationType::Web },
            client_uri: self.client_uri,
            logo_uri: self.logo_uri,
            policy_uri: self.policy_uri,
            tos_uri: self.tos_uri,
            initiate_login_uri: self.initiate_login_uri,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            jwks_uri: self.jwks_uri,
            jwks,
            userinfo_signed_response_alg: self.signed_userinfo.then(|| "RS256".to_owned()),
            ..ClientMetadata::default()
        })
    }
}
