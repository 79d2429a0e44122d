//! Sign-in by a client library that others wrote: `openidconnect`, with every check that it has. Those of other languages
//! are in examples/.

use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, RedirectUrl, Scope, TokenResponse,
};

use crate::support::{CALLBACK, SECRET, TestApp};

/// Sends what the library asks, and follows no redirect.
async fn send(request: HttpRequest) -> Result<HttpResponse, reqwest::Error> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let (parts, body) = request.into_parts();
    let response = client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body).send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut answer = HttpResponse::new(response.bytes().await?.to_vec());
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn openidconnect_signs_in() {
    // The library judges dates by the clock of this machine.
    let app = TestApp::on_system_time().await.with_orders().await.with_user("alice").await.with_web().await;
    let issuer = IssuerUrl::new(app.url.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover_async(issuer, &send).await.unwrap();
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new("web".into()), Some(ClientSecret::new(SECRET.into())))
        .set_redirect_uri(RedirectUrl::new(CALLBACK.into()).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email"].map(|scope| Scope::new(scope.into())))
        .set_pkce_challenge(challenge)
        .set_max_age(std::time::Duration::from_mins(1))
        .url();

    let browser = app.browser();
    let page = browser.get(url.as_str()).await;
    let page = browser.sign_in(&page, "alice", crate::support::PASSWORD).await;
    let reply = browser.consent(&page).await.reply();
    assert_eq!(&reply["state"], state.secret());

    let code = AuthorizationCode::new(reply["code"].clone());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&send).await.unwrap();
    let id_token = tokens.id_token().unwrap();
    let id_verifier = client.id_token_verifier();
    let claims = id_token.claims(&id_verifier, &nonce).unwrap();
    let hash =
        AccessTokenHash::from_token(tokens.access_token(), id_token.signing_alg().unwrap(), id_token.signing_key(&id_verifier).unwrap());
    assert_eq!(claims.access_token_hash(), Some(&hash.unwrap()));
    let subject = Some(claims.subject().clone());
    let userinfo: openidconnect::core::CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), subject).unwrap().request_async(&send).await.unwrap();
    assert_eq!(userinfo.email().map(|email| email.as_str()), Some("alice@example.com"));
    let refreshed = client.exchange_refresh_token(tokens.refresh_token().unwrap()).unwrap().request_async(&send).await.unwrap();
    // The nonce is the first ID token's alone.
    let no_nonce = |nonce: Option<&Nonce>| nonce.map_or(Ok(()), |_| Err("a nonce".to_owned()));
    refreshed.id_token().unwrap().claims(&id_verifier, no_nonce).unwrap();
}
