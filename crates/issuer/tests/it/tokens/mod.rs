mod audience;
mod client_claims;
mod consented;
mod hint;
mod issue;
mod limits;
mod named;
mod narrow;
mod open;
mod refresh;
mod trial;
mod typ;
mod typed_values;
mod user_claims;

use signet_verifier::{Claims, KeySet, LEEWAY, Refusal, Rules, SignedToken};

use crate::support::TestApp;

/// Checks `token` as a service with the resource `audience` does that uses the verifier crate. `plain` says that the service accepts the
/// type `JWT`.
async fn verify(app: &TestApp, audience: &str, plain: bool, token: &str) -> Result<Claims, Refusal> {
    let jwks = app.get("/.well-known/jwks.json").send().await;
    let rules = Rules::new(app.url.as_str(), vec![audience.to_owned()], LEEWAY);
    let rules = if plain { rules.accepting_typ_jwt() } else { rules };
    rules.check(&SignedToken::parse(token)?, &KeySet::from_jwks(jwks.text.as_bytes()).unwrap(), app.clock_now().unsigned_abs())
}
