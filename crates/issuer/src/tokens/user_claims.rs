//! The claims about a user that a client gets (OpenID Connect Core §5.4).

use serde_json::{Map, Value, json};

use crate::oauth::scope::ScopeSet;
use crate::oauth::standard_claims::{CLAIMS, StandardClaims};
use crate::store::clients::Client;
use crate::store::users::User;

/// Returns the value of the claim `name`, if the user has one.
fn value(user: &User, claims: &StandardClaims, name: &str) -> Option<Value> {
    match name {
        "name" => user.name.as_deref().map(Value::from),
        "preferred_username" => Some(user.username.as_str().into()),
        "updated_at" => Some(user.updated_at.into()),
        "email" => user.email.as_deref().map(Value::from),
        "email_verified" => user.email.as_ref().map(|_| user.email_verified.into()),
        "address" => claims.address(),
        // The issuer does not verify phone numbers yet.
        "phone_number_verified" => (!claims.get("phone_number").is_empty()).then(|| json!(false)),
        other => Some(claims.get(other)).filter(|text| !text.is_empty()).map(Value::from),
    }
}

/// Returns the claims of `user` that `scopes` give, and those of `names` that `client` may ask for.
pub fn claims<'n>(user: &User, scopes: &ScopeSet, client: &Client, names: impl Iterator<Item = &'n str>) -> Map<String, Value> {
    let requested: Vec<&str> = names.collect();
    let stored = StandardClaims::from_json(&user.claims);
    let given = CLAIMS.iter().filter(|(name, scope)| scopes.contains(scope) || requested.contains(name) && client.may_ask(scope));
    given.filter_map(|(name, _)| Some(((*name).to_owned(), value(user, &stored, name)?))).collect()
}
