// Verifies Signet's access tokens (RFC 9068) against the issuer's cached JWKS, with jose.

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { isRevoked, namesOneOf } from './revocations.js';

export const ISSUER = process.env.ISSUER ?? 'http://localhost:8080';
export const AUDIENCE = process.env.AUDIENCE ?? 'https://orders.example';
const LEEWAY = 30; // seconds
const maxAge = Number(process.env.JWKS_MAX_AGE ?? 300) * 1000;

// The keys are kept for the max-age of the JWKS and no longer, so that a revoked key is refused after at most that time.
const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), {
  cacheMaxAge: maxAge,
  // An unknown key id fetches the keys again, but not more often than this, because strangers can send unknown key ids. After a key was
  // revoked, the next one signs at once, so a longer time would refuse good tokens.
  cooldownDuration: 1000,
});

/** An answer that the service gives instead of the handler's, with a challenge (RFC 6750 §3) or `Retry-After`. */
export class Refusal extends Error {
  constructor(status, code, scope) {
    super(code ?? 'no credentials');
    const parts = [`realm="${AUDIENCE}"`];
    if (code) parts.push(`error="${code}"`);
    if (scope) parts.push(`scope="${scope}"`);
    this.status = status;
    this.headers = status === 503 ? { 'retry-after': '1' } : { 'www-authenticate': `Bearer ${parts.join(', ')}` };
    this.body = code ? { error: code } : null;
  }
}

/** Returns the claims of the token, if it is valid and carries the scope `required`. An empty `required` allows any valid token. */
export async function claims(request, required) {
  // request.headers has only the first of several Authorization headers, so count them in headersDistinct.
  if (request.headersDistinct.authorization?.length > 1) throw new Refusal(400, 'invalid_request');
  const [, token] = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  if (!token) throw new Refusal(401, null, required);
  let accepted;
  try {
    const result = await jwtVerify(token, keys, {
      algorithms: ['RS256'],
      audience: AUDIENCE,
      issuer: ISSUER,
      // Only the type distinguishes an access token from an ID token, because the same key signs both.
      typ: 'at+jwt',
      clockTolerance: LEEWAY,
      requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
    });
    accepted = result.payload;
    if (typeof (accepted.scope ?? '') !== 'string') throw new errors.JWTClaimValidationFailed('expected a string', accepted, 'scope');
    // jose checks iat only together with a maximal age of the token.
    if (accepted.iat > Date.now() / 1000 + LEEWAY) throw new errors.JWTClaimValidationFailed('it is in the future', accepted, 'iat');
    if (await isRevoked(ISSUER, result.protectedHeader.kid, accepted)) {
      throw new errors.JWTClaimValidationFailed('the token is revoked', accepted, 'grant_id');
    }
    if ('cnf' in accepted) throw new errors.JWTClaimValidationFailed('the token is bound to a key, so it is not a bearer token', accepted, 'cnf');
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey && (await namesOneOf(ISSUER, keys.jwks().keys.map((key) => key.kid)))) {
      // The keys are from before a revocation, so they may lack the one that signs now.
      throw new Refusal(503, 'temporarily_unavailable');
    }
    const refused = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout) && error.code !== 'ERR_JOSE_GENERIC';
    throw refused ? new Refusal(401, 'invalid_token') : new Refusal(503, 'temporarily_unavailable');
  }
  if (required && !(accepted.scope ?? '').split(' ').includes(required)) {
    throw new Refusal(403, 'insufficient_scope', required);
  }
  return accepted;
}
