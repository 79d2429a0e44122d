//! Values and rules of OAuth 2.0 and OpenID Connect, without I/O.

pub mod access;
pub mod access_token_typ;
pub mod acr;
pub mod application_type;
pub mod attribute_type;
pub mod authorization_header;
pub mod authorization_request;
pub mod claim_name;
pub mod claims_request;
pub mod client_auth;
pub mod client_claim;
pub mod client_metadata;
pub mod error;
pub mod form;
pub mod group_name;
pub mod issuer;
pub mod joiners;
pub mod pkce;
pub mod private_scheme;
pub mod prompt;
pub mod redirect_uri;
pub mod resource_identifier;
pub mod scope;
pub mod secret;
pub mod standard_claims;
pub mod token_claim;
