"""Verifies Signet's access tokens (RFC 9068) against the issuer's cached JWKS, with PyJWT and the security scopes of FastAPI."""

import json
import os
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException, Request
from fastapi.security import OAuth2PasswordBearer, SecurityScopes
from revocations import Revocations

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
AUDIENCE = os.environ.get("AUDIENCE", "https://orders.example")
JWKS_MAX_AGE = int(os.environ.get("JWKS_MAX_AGE", "300"))

# The keys are kept for the max-age of the JWKS and no longer, so that a revoked key is refused after at most that time.
# cache_keys is off, because that cache has no time limit. An unknown key id fetches the keys again, but not more often than the cool-down
# says, because strangers can send unknown key ids. After a key was revoked, the next one signs at once, so a longer time would refuse good
# tokens.
keys = jwt.PyJWKClient(f"{ISSUER}/.well-known/jwks.json", cache_keys=False, lifespan=JWKS_MAX_AGE, timeout=5, cooldown_duration=1)
revocations = Revocations(ISSUER)
password_bearer = OAuth2PasswordBearer(
    tokenUrl=f"{ISSUER}/token",
    scopes={"orders:read": "See orders", "orders:write": "Change orders"},
    auto_error=False,
)


def challenge(status: int, error: str | None, scopes: str) -> HTTPException:
    """Builds a refusal with a challenge (RFC 6750 §3)."""
    parts = [f'realm="{AUDIENCE}"']
    if error:
        parts.append(f'error="{error}"')
    if scopes:
        parts.append(f'scope="{scopes}"')
    return HTTPException(status, detail=error, headers={"WWW-Authenticate": "Bearer " + ", ".join(parts)})


def keys_are_outdated() -> bool:
    """Tells whether the keys are from before a revocation, so that they may lack the one that signs now."""
    kept = keys.jwk_set_cache.get()
    return kept is not None and revocations.names_one_of({key.key_id for key in kept.keys})


def claims(required: SecurityScopes, request: Request, token: Annotated[str | None, Depends(password_bearer)]) -> dict:
    """Returns the claims of the token, if it is valid and carries every scope that the route requires."""
    if len(request.headers.getlist("authorization")) > 1:
        raise challenge(400, "invalid_request", "")
    if token is None:
        raise challenge(401, None, required.scope_str)
    try:
        header = jwt.get_unverified_header(token)
        # Only the type distinguishes an access token from an ID token, because the same key signs both.
        if str(header.get("typ")).lower().removeprefix("application/") != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        key = keys.get_signing_key_from_jwt(token)
        accepted = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=30,
            options={"require": ["exp", "iat", "sub", "jti", "client_id", "aud", "iss"]},
        )
        if "cnf" in accepted:
            raise jwt.InvalidTokenError("the token is bound to a key, so it is not a bearer token")
        scopes = accepted.get("scope", "")
        if not isinstance(scopes, str):
            raise jwt.InvalidTokenError("scope: expected a string")
        if revocations.is_revoked(header["kid"], accepted):
            raise jwt.InvalidTokenError("the token is revoked")
    except (jwt.PyJWKClientError, json.JSONDecodeError) as error:
        if type(error) is jwt.PyJWKClientError and not keys_are_outdated():
            raise challenge(401, "invalid_token", "") from error
        raise HTTPException(503, headers={"Retry-After": "1"}) from error
    except jwt.PyJWTError as error:
        raise challenge(401, "invalid_token", "") from error
    if not set(required.scopes) <= set(scopes.split(" ")):
        raise challenge(403, "insufficient_scope", required.scope_str)
    return accepted
