"""Tests that the app made with Authlib ends its session when the issuer tells it by a logout token, without a request of the browser."""

import base64
import json
import time
from types import SimpleNamespace

import pytest
from support import EXAMPLES, PASSWORD, Issuer, curl, free_ports, started
from test_sign_in import PEOPLE, UVICORN, Person, browser


@pytest.fixture
def shop(tmp_path):
    """Yields the issuer, the app, and its log of requests."""
    issuer = Issuer(SIGNET_FETCH_PRIVATE_ADDRESSES="true")
    issuer.cli("user", "add", "alice", "--name", PEOPLE["alice"], "--email", "alice@example.com", "--password-stdin", stdin=PASSWORD)
    [port] = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    scopes = [arg for scope in ("openid", "profile", "email") for arg in ("--scope", scope)]
    uris = ["--redirect-uri", f"{url}/callback", "--backchannel-logout-uri", f"{url}/backchannel-logout"]
    grants = ["--access", "everyone", "--grant", "authorization_code", "--first-party"]
    client = issuer.cli("client", "add", "--id", "python-shop", "--name", "Python Shop", *grants, *scopes, *uris)
    env = {"ISSUER": issuer.url, "APP_URL": url, "UVICORN_PORT": str(port), "CLIENT_ID": "python-shop"}
    issuer.serve()
    try:
        with started(UVICORN, EXAMPLES / "sign-in-python", env | {"CLIENT_SECRET": client["client_secret"]}, port):
            yield issuer, SimpleNamespace(url=url, name="Python Shop")
    finally:
        issuer.stop()


def part(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_session_that_ends_at_the_issuer_ends_in_the_app(shop, tmp_path):
    issuer, app = shop
    drivers = [browser(tmp_path / name) for name in ("first", "second")]
    try:
        first, second = (Person(driver, issuer, app, "alice") for driver in drivers)
        for person in (first, second):
            person.begin()
            person.type_password()
            person.is_signed_in()
        # Nobody else can end it: tokens without the signature of the issuer are refused.
        now = int(time.time())
        claims = {"iss": issuer.url, "aud": "python-shop", "iat": now, "exp": now + 60, "jti": "x"}
        claims |= {"sid": "x", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
        for token in ("", "x", f"{part({'alg': 'none'})}.{part(claims)}.", f"{part({'alg': 'RS256', 'kid': 'x'})}.{part(claims)}.eA"):
            status, _, _ = curl("-d", f"logout_token={token}", f"{app.url}/backchannel-logout")
            assert status == 400, token

        # The newest session is that of the second browser.
        sessions = sorted(issuer.cli("session", "list", "--user", "alice"), key=lambda session: session["created_at"])
        issuer.cli("session", "end", sessions[-1]["sid"])

        def is_signed_out(person):
            person.driver.get(f"{app.url}/")
            return bool(person.driver.find_elements("css selector", "a[href='/sign-in']"))

        deadline = time.monotonic() + 10
        while not (is_signed_out(first) or is_signed_out(second)):
            assert time.monotonic() < deadline, "the app was not told"
            time.sleep(0.1)
        assert [is_signed_out(first), is_signed_out(second)].count(True) == 1, "the other session goes on"
        issuer.cli("session", "end", "--user", "alice")
        while not (is_signed_out(first) and is_signed_out(second)):
            assert time.monotonic() < deadline + 10, "the app was not told"
            time.sleep(0.1)
    finally:
        for driver in drivers:
            driver.quit()
