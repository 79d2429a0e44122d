//! Authentication context classes (`acr`, OpenID Connect Core §2) and authentication methods (`amr`, RFC 8176).

/// An authentication context class: how strongly a user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acr {
    /// The user gave a password and nothing else.
    Password,
}

impl Acr {
    /// All classes that this issuer can give, in the order of `acr_values_supported`.
    pub const ALL: [Self; 1] = [Self::Password];

    /// The value of the `acr` claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "urn:signet:acr:password",
        }
    }
}

/// An authentication method reference: one means by which a user proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Amr {
    Password,
}

impl Amr {
    /// The value in the array of the `amr` claim.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }
}
