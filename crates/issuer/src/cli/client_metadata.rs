//! What `signet client add` says of a client beyond what every request needs.

use std::path::PathBuf;

use clap::Args;

use crate::app::App;
use crate::cli::{CliError, refuse};
use crate::fetch::logo::{self, Logo};
use crate::oauth::application_type::ApplicationType;
use crate::oauth::client_metadata::ClientMetadata;

/// The options, by the names of the client metadata (OpenID Connect Dynamic Client Registration §2).
#[derive(Debug, Args)]
pub struct MetadataArgs {
    /// It runs on people's own devices: private-use schemes may be redirect URIs
    #[arg(long)]
    native: bool,
    /// Its home page, shown to people
    #[arg(long, value_name = "URL")]
    client_uri: Option<String>,
    /// Its logo (PNG, JPEG, GIF or WebP); fetched now, and served by the issuer
    #[arg(long, value_name = "URL")]
    logo_uri: Option<String>,
    /// Its privacy policy, shown to people
    #[arg(long, value_name = "URL")]
    policy_uri: Option<String>,
    /// Its terms of service, shown to people
    #[arg(long, value_name = "URL")]
    tos_uri: Option<String>,
    /// Where a sign-in may be begun by others
    #[arg(long, value_name = "URL")]
    initiate_login_uri: Option<String>,
    /// Where people may be sent after signing out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Where its public keys are, for `private_key_jwt`
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// A file of its public keys (a JWK set), for `private_key_jwt`
    #[arg(long, value_name = "FILE", conflicts_with = "jwks_uri")]
    jwks_file: Option<PathBuf>,
    /// UserInfo answers it with a signed JWT
    #[arg(long)]
    signed_userinfo: bool,
}

impl MetadataArgs {
    /// The metadata, checked.
    pub fn into_metadata(self, app: &App) -> Result<ClientMetadata, CliError> {
        let jwks = match &self.jwks_file {
            None => None,
            Some(path) => {
                let text = std::fs::read_to_string(path).or_else(|error| refuse(format!("jwks-file {}: {error}", path.display())))?;
                Some(serde_json::from_str(&text).or_else(|error| refuse(format!("jwks-file {}: {error}", path.display())))?)
            }
        };
        let metadata = ClientMetadata {
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
        };
        metadata.validate(app.settings.fetch_private_addresses).or_else(|error| refuse(error.to_string()))?;
        Ok(metadata)
    }
}

/// The logo that `metadata` names.
pub async fn fetch_logo(app: &App, metadata: &ClientMetadata) -> Result<Option<Logo>, CliError> {
    match &metadata.logo_uri {
        None => Ok(None),
        Some(uri) => logo::fetch(&app.fetcher, uri).await.map(Some).or_else(|error| refuse(format!("logo-uri: {error}"))),
    }
}
