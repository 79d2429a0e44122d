//! The identifiers of resources (RFC 8707 §2), and when two of them name the same resource.

/// Returns the form of `identifier` in which two identifiers of the same resource are equal: an empty path counts as `/`
/// (RFC 3986 §6.2.3), because libraries add that slash to URLs. Otherwise identifiers are compared as they are written.
pub fn comparable(identifier: &str) -> String {
    let Some((scheme, rest)) = identifier.split_once("://") else { return identifier.to_owned() };
    let (authority, after) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let slash = if after.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{authority}{slash}{after}")
}

/// Returns whether `one` and `other` name the same resource.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || comparable(one) == comparable(other)
}
