//! How strongly, and by which means, a user proved who they are: `acr` (OpenID Connect Core §2) and `amr` (RFC 8176).

/// An authentication context class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acr {
    /// A password alone.
    Password,
}

impl Acr {
    /// All classes that this issuer can give, as discovery names them.
    pub const ALL: [Self; 1] = [Self::Password];

    /// The value of the claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "urn:signet:acr:password",
        }
    }
}

/// An authentication method reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amr {
    /// A password.
    Password,
}

impl Amr {
    /// The value in the claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }
}
