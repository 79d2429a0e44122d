"""Tests the real issuer with five services, in Rust, Python, Node, Go and Java: all must give the same answer to the same token.

The requests are sent with curl. JWKS_MAX_AGE and the issuer's settings are short, so that a rotation takes seconds and not minutes.
"""

import base64
import hashlib
import hmac
import json
import threading
import time

import pytest
from support import JWKS_MAX_AGE, KEEP_FOR, LEEWAY, ORDERS, PASSWORD, Issuer, answers, assert_all, curl, running_services, until_all_refuse

INVOICES = "https://invoices.example"
TOKEN_LIFETIME = 5


class OrdersIssuer(Issuer):
    def __init__(self, **settings: str):
        super().__init__(
            SIGNET_JWKS_MAX_AGE=str(JWKS_MAX_AGE),
            SIGNET_KEY_REFRESH_INTERVAL="1",
            SIGNET_CLOCK_SKEW="0",
            SIGNET_KEY_PUBLICATION_LEAD="10",
            **settings,
        )
        scopes = ["--scope", "orders:read=See orders", "--scope", "orders:write=Change orders"]
        self.cli("resource", "add", ORDERS, "--name", "Orders", *scopes, "--token-lifetime", str(TOKEN_LIFETIME))
        self.cli("resource", "add", INVOICES, "--name", "Invoices", "--scope", "invoices:read=See invoices")
        self.cli("role", "add", "clerk", "--scope", "orders:read", "--scope", "orders:write", "--scope", "invoices:read")
        self.cli("user", "add", "alice", "--email", "alice@example.com", "--role", "clerk", "--password-stdin", stdin=PASSWORD)
        allowed = [arg for scope in ("orders:read", "orders:write", "invoices:read", "openid") for arg in ("--scope", scope)]
        grants = ["--grant", "password", "--grant", "refresh_token", "--grant", "client_credentials"]
        client = self.cli("client", "add", "--id", "shop", "--name", "Shop", "--access", "everyone", *grants, "--resource", ORDERS, *allowed)
        self.secret = client["client_secret"]
        self.serve()

    def token(self, *args: str) -> dict:
        form = [arg for pair in args for arg in ("--data-urlencode", pair)]
        status, _, body = curl("-u", f"shop:{self.secret}", *form, f"{self.url}/token")
        assert status == 200, body
        return json.loads(body)

    def sign_in(self, scope: str, *args: str) -> dict:
        return self.token("grant_type=password", "username=alice", f"password={PASSWORD}", f"scope={scope}", *args)


@pytest.fixture(scope="module")
def issuer():
    issuer = OrdersIssuer()
    yield issuer
    issuer.stop()


@pytest.fixture(scope="module")
def services(issuer):
    with running_services(issuer.url) as urls:
        yield urls


@pytest.fixture(scope="module")
def early_token(issuer):
    """A token that is made before the other tests run, so that `test_expired` does not have to wait for its whole lifetime."""
    return issuer.sign_in("orders:read")["access_token"], time.monotonic()


def encode(value) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part: str):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_good_tokens(issuer, services, early_token):
    token = issuer.sign_in("orders:read orders:write")["access_token"]
    assert_all(services, token, 200)
    assert_all(services, token, 201, method="POST")
    for url in services.values():
        status, _, body = curl("-H", f"Authorization: Bearer {token}", f"{url}/me")
        assert status == 200
        assert json.loads(body) == {"sub": decode(token.split(".")[1])["sub"], "client_id": "shop", "scopes": ["orders:read", "orders:write"]}
    machine = issuer.token("grant_type=client_credentials", "scope=orders:read")["access_token"]
    assert_all(services, machine, 200)


def test_no_credentials(services):
    assert_all(services, None, 401, 'scope="orders:read"')


def test_two_tokens_and_no_such_method(issuer, services):
    token = issuer.sign_in("orders:read")["access_token"]
    bearer = ["-H", f"Authorization: Bearer {token}"]
    for name, url in services.items():
        status, headers, _ = curl(*bearer, *bearer, f"{url}/orders")
        assert (status, "invalid_request" in headers["www-authenticate"]) == (400, True), name
        assert curl(*bearer, "-X", "PUT", f"{url}/orders")[0] == 405, name
        assert curl(*bearer, f"{url}/nowhere")[0] == 404, name


def test_missing_scope(issuer, services):
    token = issuer.sign_in("orders:read")["access_token"]
    assert_all(services, token, 403, "insufficient_scope", method="POST")


def test_wrong_audience(issuer, services):
    token = issuer.sign_in("invoices:read", f"resource={INVOICES}")["access_token"]
    assert_all(services, token, 401, "invalid_token")


def test_id_token_in_place_of_an_access_token(issuer, services):
    assert_all(services, issuer.sign_in("openid orders:read")["id_token"], 401, "invalid_token")


def test_tampered(issuer, services):
    header, payload, signature = issuer.sign_in("orders:read")["access_token"].split(".")
    claims = decode(payload) | {"scope": "orders:read orders:write"}
    assert_all(services, f"{header}.{encode(claims)}.{signature}", 401, "invalid_token")
    flipped = signature[:-10] + ("A" if signature[-10] != "A" else "B") + signature[-9:]
    assert_all(services, f"{header}.{payload}.{flipped}", 401, "invalid_token")


@pytest.mark.parametrize("alg", ["none", "None", "NONE"])
def test_alg_none(issuer, services, alg):
    header, payload, _ = issuer.sign_in("orders:read")["access_token"].split(".")
    assert_all(services, f"{encode(decode(header) | {'alg': alg})}.{payload}.", 401, "invalid_token")


def test_hs256_with_the_public_key(issuer, services):
    header, payload, _ = issuer.sign_in("orders:read")["access_token"].split(".")
    _, _, jwks = curl(f"{issuer.url}/.well-known/jwks.json")
    message = f"{encode(decode(header) | {'alg': 'HS256'})}.{payload}"
    for secret in (jwks.encode(), json.dumps(json.loads(jwks)["keys"][0]).encode()):
        mac = hmac.new(secret, message.encode(), hashlib.sha256).digest()
        assert_all(services, f"{message}.{encode(mac)}", 401, "invalid_token")


def test_revoked_tokens_are_refused_everywhere_before_they_expire(issuer, services):
    def revoke(answer):
        form = ["-d", f"token={answer['refresh_token']}"]
        assert curl("-u", f"shop:{issuer.secret}", *form, f"{issuer.url}/revoke")[0] == 200

    def take_scope_and_give_it_back(_):
        for change in ("--remove", "--add"):
            issuer.cli("role", "scopes", "clerk", change, "orders:read")

    def end_all(_):
        issuer.cli("authorization", "end", "--user", "alice")

    assert json.loads(curl(f"{issuer.url}/revocations")[2])["keep_for"] == KEEP_FOR
    for end in (revoke, take_scope_and_give_it_back, end_all):
        other = issuer.token("grant_type=client_credentials", "scope=orders:read")["access_token"]
        answer = issuer.sign_in("orders:read")
        assert_all(services, answer["access_token"], 200)
        started = time.monotonic()
        end(answer)
        until_all_refuse(services, answer["access_token"], 4 - (time.monotonic() - started))
        assert_all(services, other, 200)
    machine = issuer.token("grant_type=client_credentials", "scope=orders:read")["access_token"]
    assert_all(services, machine, 200)
    assert curl("-u", f"shop:{issuer.secret}", "-d", f"token={machine}", f"{issuer.url}/revoke")[0] == 200
    until_all_refuse(services, machine, 4)


def test_foreign_issuer(services):
    foreign = OrdersIssuer()
    try:
        assert_all(services, foreign.sign_in("orders:read")["access_token"], 401, "invalid_token")
    finally:
        foreign.stop()


def test_key_rotation_under_traffic_refuses_nobody(issuer, services):
    refused, sent, stop = [], 0, threading.Event()

    def traffic():
        nonlocal sent
        while not stop.is_set():
            try:
                token = issuer.token("grant_type=client_credentials", "scope=orders:read")["access_token"]
                kid = decode(token.split(".")[0])["kid"]
                for name, (status, header) in answers(services, token).items():
                    sent += 1
                    if status != 200:
                        refused.append((name, kid, status, header))
            except Exception as error:  # an exception in a thread would be lost otherwise
                refused.append(error)

    threads = [threading.Thread(target=traffic) for _ in range(3)]
    for thread in threads:
        thread.start()
    rotated = issuer.cli("keys", "rotate")
    deadline = time.monotonic() + rotated["signs_in"] + 4
    while time.monotonic() < deadline:
        time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join()
    states = {key["kid"]: key["state"] for key in issuer.cli("keys", "list")}
    assert states[rotated["kid"]] == "active"
    assert decode(issuer.sign_in("orders:read")["access_token"].split(".")[0])["kid"] == rotated["kid"]
    assert sent > 20 and not refused, refused[:5]


def test_an_emergency_revocation_is_heard_within_the_refresh_time(issuer, services):
    token = issuer.sign_in("orders:read")["access_token"]
    assert_all(services, token, 200)
    issuer.cli("keys", "revoke", decode(token.split(".")[0])["kid"])
    revoked_at = time.monotonic()
    while answers({"rust": services["rust"]}, token)["rust"][0] == 200:
        assert time.monotonic() - revoked_at < JWKS_MAX_AGE + 10, "the Rust service still accepts the revoked key"
        time.sleep(0.1)
    time.sleep(JWKS_MAX_AGE + 2)
    assert_all(services, token, 401, "invalid_token")
    assert_all(services, issuer.sign_in("orders:read")["access_token"], 200)


def test_expired(services, early_token):
    token, minted_at = early_token
    time.sleep(max(0, minted_at + TOKEN_LIFETIME + LEEWAY + 1 - time.monotonic()))
    assert_all(services, token, 401, "invalid_token")
