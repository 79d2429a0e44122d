// The authorization code flow (OpenID Connect Core §3.1) with openid-client. Where the library has optional checks, they are on.

import * as oidc from 'openid-client';

export const APP = process.env.APP_URL ?? `http://localhost:${process.env.PORT ?? 9004}`;
export const FORM_POST = process.env.RESPONSE_MODE === 'form_post';
const SCOPE = process.env.SCOPE ?? 'openid profile email offline_access';

const issuer = new URL(process.env.ISSUER ?? 'http://localhost:8080');
const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname);
const options = {
  // openid-client checks the signature of an ID token from the token endpoint only with this option. Plain http is allowed only
  // for an issuer on this machine.
  execute: [oidc.enableNonRepudiationChecks, ...(loopback ? [oidc.allowInsecureRequests] : [])],
};

const config = await (process.env.INITIAL_ACCESS_TOKEN ? register() : discover(process.env.CLIENT_ID, process.env.CLIENT_SECRET));

function discover(clientId, clientSecret) {
  const metadata = { client_secret: clientSecret, id_token_signed_response_alg: 'RS256' };
  return oidc.discovery(issuer, clientId, metadata, oidc.ClientSecretBasic(), options);
}

/** Registers a new client at every start. A real app registers once and stores the client_id and the secret that it gets. */
async function register() {
  const metadata = {
    client_name: 'Self-registered Shop',
    redirect_uris: [`${APP}/callback`],
    post_logout_redirect_uris: [`${APP}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: SCOPE,
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'RS256',
  };
  // Signet's metadata names this endpoint only if everyone may register, so openid-client cannot find it.
  const answer = await fetch(`${issuer.href.replace(/\/$/, '')}/register`, {
    method: 'POST',
    headers: { authorization: `Bearer ${process.env.INITIAL_ACCESS_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  });
  if (!answer.ok) throw new Error(`the app could not register: ${answer.status} ${await answer.text()}`);
  const { client_id, client_secret } = await answer.json();
  return discover(client_id, client_secret);
}

/** Returns the URL to which to send the browser, and the values that `finish` needs to check the answer. */
export async function begin() {
  const begun = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() };
  const location = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${APP}/callback`,
    scope: SCOPE,
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier),
    code_challenge_method: 'S256',
    ...(FORM_POST && { response_mode: 'form_post' }),
  });
  return { location, begun };
}

/** Checks the answer in the request to /callback, gets the tokens, and returns the user who signed in. */
export async function finish(request, begun) {
  const tokens = await oidc.authorizationCodeGrant(config, request, {
    expectedState: begun.state,
    expectedNonce: begun.nonce,
    pkceCodeVerifier: begun.verifier,
    idTokenExpected: true,
  });
  return person(tokens, tokens.claims().sub);
}

/** Returns the same user with new tokens. */
export async function refresh({ sub, tokens }) {
  const renewed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  return person({ ...tokens, ...renewed }, sub);
}

/** Revokes the refresh token, and returns the URL to which to send the browser so that the user signs out at the issuer too. */
export async function signOut({ tokens }) {
  // The app asked for offline_access, so the refresh token would stay valid after the session has ended.
  await oidc.tokenRevocation(config, tokens.refresh_token);
  return oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: `${APP}/` });
}

async function person(tokens, sub) {
  // openid-client refuses the answer if its `sub` is another one.
  return { sub, tokens, claims: await oidc.fetchUserInfo(config, tokens.access_token, sub) };
}
