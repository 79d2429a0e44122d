//! The grants of clients in words.

use crate::grants::Grant;

/// Returns the grants, each with the sentence that says what the client does.
pub fn grants() -> [(Grant, &'static str); 4] {
    [
        (Grant::AuthorizationCode, "People sign in to it with the browser (authorization_code)"),
        (Grant::RefreshToken, "It gets new tokens without asking people again (refresh_token)"),
        (Grant::ClientCredentials, "It asks for tokens of its own, for no person (client_credentials)"),
        (Grant::Password, "It sends people's passwords itself (password)"),
    ]
}

/// Says in words how a client gets tokens, by the names of its grants.
pub fn grants_in_words(names: &[String]) -> Vec<&str> {
    let label = |name| grants().into_iter().find(|(grant, _)| grant.name() == name).map_or(name, |(_, label)| label);
    names.iter().map(|name| label(name.as_str())).collect()
}

/// Says the same for a list, without the names of the grants.
pub fn grants_in_brief(names: &[String]) -> String {
    let label = |label: &str| label.split(" (").next().unwrap_or_default().to_owned();
    grants_in_words(names).into_iter().map(label).collect::<Vec<_>>().join(". ")
}
