"""Reads the logout tokens that Signet posts when a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.4 and §2.6)."""

import time

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

EVENT = "http://schemas.openid.net/event/backchannel-logout"
# The clocks of the issuer and of this app may differ by as many seconds.
LEEWAY = 30

# The ids of the tokens that were accepted, each with the time at which the token expires. An app that runs in more than one process keeps
# them in a database.
_seen: dict[str, float] = {}


async def ended_session(token: str, signet, issuer: str, client_id: str) -> str:
    """Checks a logout token, and returns the `sid` of the session that has ended. Raises JoseError or ValueError if it is not valid.

    `signet` is the client of Authlib, which fetches the keys of the issuer.
    """
    try:
        decoded = await _decoded(token, signet, force=False)
    except InvalidKeyIdError:
        # The issuer has a new key.
        decoded = await _decoded(token, signet, force=True)
    if decoded.header.get("typ") != "logout+jwt":
        raise ValueError("typ: expected logout+jwt")
    claims, now = decoded.claims, time.time()
    audience = claims.get("aud")
    if claims.get("iss") != issuer or client_id not in (audience if isinstance(audience, list) else [audience]):
        raise ValueError("iss or aud: the token is not from this issuer for this app")
    if not claims["exp"] > now - LEEWAY or not claims["iat"] < now + LEEWAY:
        raise ValueError("exp or iat: the token has expired, or comes from the future")
    if "nonce" in claims or not isinstance(claims.get("events", {}).get(EVENT), dict):
        raise ValueError("events: the token is no logout token")
    for jti in [jti for jti, until in _seen.items() if until < now]:
        del _seen[jti]
    if claims["jti"] in _seen:
        raise ValueError("jti: the token was used before")
    _seen[claims["jti"]] = claims["exp"] + LEEWAY
    return claims["sid"]


async def _decoded(token: str, signet, force: bool) -> jwt.Token:
    keys = KeySet.import_key_set(await signet.fetch_jwk_set(force=force))
    return jwt.decode(token, keys, algorithms=["RS256"])


# What a token that is not valid may raise: a claim may be missing, or may have another type.
NOT_VALID = (JoseError, ValueError, KeyError, TypeError, AttributeError)
