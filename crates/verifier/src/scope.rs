//! Scopes (RFC 6749 §3.3) as types, so that a misspelt scope does not compile.

/// A scope that is a type. Declare scopes with [`crate::scopes!`].
pub trait Scope: Send + Sync + 'static {
    /// The scope as tokens carry it.
    const NAME: &'static str;
}

/// Returns `true` if `name` is a scope-token of RFC 6749 §3.3: not empty, and only printable ASCII without space, `"` and `\`.
pub const fn is_scope_token(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], 0x21 | 0x23..=0x5b | 0x5d..=0x7e) {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty()
}

/// Declares scopes as types that implement `Scope`.
///
/// ```
/// signet_verifier::scopes! { pub OrdersRead = "orders:read"; pub OrdersWrite = "orders:write"; }
/// ```
///
/// A malformed scope does not compile:
///
/// ```compile_fail
/// signet_verifier::scopes! { pub OrdersRead = "orders read"; }
/// ```
#[macro_export]
macro_rules! scopes {
    ($($visibility:vis $name:ident = $scope:literal;)*) => {$(
        #[doc = concat!("The scope `", $scope, "`.")]
        #[derive(Debug, Clone, Copy)]
        $visibility struct $name;

        const _: () = assert!($crate::is_scope_token($scope), "a scope is printable ASCII without space, \" and \\");

        impl $crate::Scope for $name {
            const NAME: &'static str = $scope;
        }
    )*};
}
