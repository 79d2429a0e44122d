"""Tests the five services with tokens that Signet never issues, such as one without an audience: all must refuse the same tokens.

The test itself is the issuer: it has a key, publishes it as a JWKS, and signs whatever it wants.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support import JWKS_MAX_AGE, LEEWAY, ORDERS, answers, assert_all, curl, running_services

ABSENT = object()
SCOPE = "orders:read"


class Minter:
    """An issuer that only has a JWKS and a discovery document. While `available` is false, it answers 503.

    `keys` are those in the JWKS, by their ids. The id of the first one is "minted".
    """

    def __init__(self):
        self.available = False
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys = {"minted": self.key}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                time.sleep(0.05)  # as long as an issuer in another building takes
                if not handler.path.endswith("/jwks.json"):
                    self.answer_other(handler)
                    return
                jwks = self.jwks()
                handler.send_response(200 if self.available else 503)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Cache-Control", f"max-age={JWKS_MAX_AGE}")
                handler.send_header("Content-Length", str(len(jwks) if self.available else 0))
                handler.end_headers()
                handler.wfile.write(jwks if self.available else b"")

            def log_message(handler, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def jwks(self) -> bytes:
        public = {kid: jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) for kid, key in self.keys.items()}
        return json.dumps({"keys": [jwk | {"kid": kid, "use": "sig"} for kid, jwk in public.items()]}).encode()

    def answer_other(self, handler):
        """Answers a request for anything but the JWKS: with a discovery document that names no feed of revocations."""
        body = json.dumps({"issuer": self.url}).encode()
        handler.send_response(200 if self.available else 503)
        handler.send_header("Content-Length", str(len(body) if self.available else 0))
        handler.end_headers()
        handler.wfile.write(body if self.available else b"")

    def token(self, header=None, claims=None, algorithm="RS256", key=None) -> str:
        """Signs a good token, but for what is given. ABSENT leaves a member out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": ORDERS, "sub": "alice", "client_id": "shop", "scope": SCOPE, "jti": "1"}
        good |= {"iat": now, "exp": now + 60}
        claims = {name: value for name, value in (good | (claims or {})).items() if value is not ABSENT}
        headers = {"typ": "at+jwt", "kid": "minted"} | (header or {})
        # PyJWT leaves `typ` out if it is None.
        headers = {name: None if value is ABSENT else value for name, value in headers.items()}
        if headers["kid"] is None:
            del headers["kid"]
        # PyJWT checks some claims before it signs them, and this test needs bad ones. So sign the bytes.
        return jwt.api_jws.encode(json.dumps(claims).encode(), key or self.key, algorithm, headers)


@pytest.fixture(scope="module")
def issuer():
    issuer = Minter()
    yield issuer
    issuer.server.shutdown()


@pytest.fixture(scope="module")
def services(issuer):
    """Starts the services while the issuer does not answer, and then lets it answer."""
    with running_services(issuer.url) as urls:
        yield urls


@pytest.fixture(scope="module")
def ready(issuer, services):
    issuer.available = True
    deadline = time.monotonic() + 20
    while any(status != 200 for status, _ in answers(services, issuer.token()).values()):
        assert time.monotonic() < deadline, answers(services, issuer.token())
        time.sleep(0.2)
    return services


def test_no_keys(issuer, services):
    """Must run first: without keys nobody knows whether a token is valid, so that 401 would be wrong."""
    for name, url in services.items():
        status, headers, _ = curl("-H", f"Authorization: Bearer {issuer.token()}", f"{url}/orders")
        assert (name, status, "retry-after" in headers) == (name, 503, True)


GOOD = {
    "typ in upper case": ({"typ": "AT+JWT"}, {}),
    "typ as a media type": ({"typ": "application/at+jwt"}, {}),
    "one of two audiences": ({}, {"aud": ["https://invoices.example", ORDERS]}),
    "one of two scopes": ({}, {"scope": f"openid {SCOPE}"}),
    "an unknown claim": ({}, {"tenant": "moon"}),
}


@pytest.mark.parametrize("change", GOOD.values(), ids=GOOD)
def test_good(issuer, ready, change):
    assert_all(ready, issuer.token(*change), 200)


def test_times_within_the_leeway(issuer, ready):
    now = int(time.time())
    assert_all(ready, issuer.token(claims={"iat": now - 60, "exp": now - LEEWAY + 15}), 200)
    assert_all(ready, issuer.token(claims={"iat": now + LEEWAY - 15, "nbf": now + LEEWAY - 15}), 200)


BAD = {
    "typ of an ID token": ({"typ": "JWT"}, {}),
    "typ of a logout token": ({"typ": "logout+jwt"}, {}),
    "no typ": ({"typ": ABSENT}, {}),
    "an unknown kid": ({"kid": "other"}, {}),
    "crit": ({"crit": ["moon"], "moon": 1}, {}),
    "another audience": ({}, {"aud": "https://invoices.example"}),
    "an audience with a slash": ({}, {"aud": f"{ORDERS}/"}),
    "an audience that begins the same": ({}, {"aud": f"{ORDERS}.moon"}),
    "an empty audience": ({}, {"aud": []}),
    "cnf": ({}, {"cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}),
    "cnf of a certificate": ({}, {"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}),
    "scope as a list": ({}, {"scope": [SCOPE]}),
    "exp as text": ({}, {"exp": "tomorrow"}),
} | {f"no {claim}": ({}, {claim: ABSENT}) for claim in ("iss", "sub", "aud", "exp", "iat", "jti", "client_id")}


@pytest.mark.parametrize("change", BAD.values(), ids=BAD)
def test_bad(issuer, ready, change):
    assert_all(ready, issuer.token(*change), 401, "invalid_token")


def test_another_issuer(issuer, ready):
    for iss in (f"{issuer.url}/", issuer.url.upper(), "https://moon.example"):
        assert_all(ready, issuer.token(claims={"iss": iss}), 401, "invalid_token")


def test_times_beyond_the_leeway(issuer, ready):
    now = int(time.time())
    for claims in ({"iat": now - 60, "exp": now - LEEWAY - 2}, {"iat": now + LEEWAY + 15}, {"nbf": now + LEEWAY + 15}):
        assert_all(ready, issuer.token(claims=claims), 401, "invalid_token")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_the_same_key(issuer, ready, algorithm):
    assert_all(ready, issuer.token(algorithm=algorithm), 401, "invalid_token")


def test_another_key_with_the_same_id(issuer, ready):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert_all(ready, issuer.token(key=other), 401, "invalid_token")


@pytest.mark.parametrize("scope", [ABSENT, "", "orders:reader", "orders", "ORDERS:READ", "orders:read,orders:write"])
def test_another_scope(issuer, ready, scope):
    assert_all(ready, issuer.token(claims={"scope": scope}), 403, "insufficient_scope")


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c.d", "..", "e30.e30.e30"])
def test_malformed(ready, token):
    assert_all(ready, token, 401, "invalid_token")


def test_many_unknown_keys(issuer, ready):
    """A stranger must not keep the services from accepting good tokens."""
    for name, url in ready.items():
        service = {name: url}
        for number in range(4):
            assert_all(service, issuer.token({"kid": f"other-{number}"}), 401, "invalid_token")
        assert_all(service, issuer.token(), 200)


def test_the_issuer_goes_away(issuer, ready):
    """Must run last. Nobody knows whether the issuer has a new key, so 401 would be wrong."""
    issuer.available = False
    time.sleep(JWKS_MAX_AGE + 1)
    for name, url in ready.items():
        if name == "rust":  # It asks for an unknown key every 30 seconds at most. Its own tests check that, with a fake clock.
            continue
        status, headers, _ = curl("-H", f"Authorization: Bearer {issuer.token({'kid': 'new'})}", f"{url}/orders")
        assert (name, status, "retry-after" in headers) == (name, 503, True)
