//! Ways of signing in, as `acr` (OpenID Connect Core §2) and `amr` (RFC 8176) name them: one value each.

/// By password alone.
pub const PASSWORD_ACR: &str = "urn:signet:acr:password";
/// See [`PASSWORD_ACR`].
pub const PASSWORD_AMR: &str = "pwd";
