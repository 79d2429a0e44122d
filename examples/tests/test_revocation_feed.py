"""Tests that the five services follow the feed of revocations (docs/revocation-feed.md). The test itself is the issuer."""

import base64
import concurrent.futures
import hashlib
import importlib
import json
import threading
import time
import urllib.parse

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from support import EXAMPLES, KEEP_FOR, answers, assert_all, running_services, until_all_refuse
from test_minted_tokens import Minter


class FeedingMinter(Minter):
    """An issuer with a feed, which can be cut, garbled, moved, and lose all its cursors."""

    def __init__(self):
        self.changed = threading.Condition()
        self.revoked, self.kids, self.epoch = [], [], 0
        self.garbled = None
        self.stops = False  # whether a body ends before its length
        self.status = 200
        self.path = "/revocations"  # any other path is answered with 410
        self.endpoint = None  # the URL that discovery names in place of the feed's own
        self.discoveries = 0  # how often discovery was read
        self.after = []  # the cursors that were presented
        super().__init__()
        self.available = True

    def change(self, **changes):
        with self.changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def revoke(self, grant_id: str):
        hash = hashlib.sha256(grant_id.encode()).digest()[:16]
        self.change(revoked=[*self.revoked, base64.urlsafe_b64encode(hash).rstrip(b"=").decode()])

    def cursor(self) -> str:
        return f"{self.epoch}/{len(self.revoked)}+{len(self.kids)}"

    def answer_other(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        status = 200
        if url.path == "/.well-known/openid-configuration":
            self.discoveries += 1
            body = json.dumps({"issuer": self.url, "signet_revocations_endpoint": self.endpoint or self.url + self.path})
        else:
            after = urllib.parse.parse_qs(url.query).get("after", [None])[0]
            with self.changed:
                self.after.append(after)
                held = lambda: (self.status, self.garbled, self.stops, self.path, self.cursor()) == (200, None, False, url.path, after)
                self.changed.wait_for(lambda: not held(), timeout=2)
                news = {"cursor": self.cursor(), "keep_for": KEEP_FOR, "revoked": self.revoked, "revoked_kids": self.kids}
                body = json.dumps(news) if self.garbled is None else self.garbled
                status = self.status if self.path == url.path else 410
        if status != 200:
            body = ""
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Cache-Control", "no-store")
        stops = self.stops and url.path == self.path
        handler.send_header("Content-Length", str(len(body) + (5000 if stops else 0)))
        handler.end_headers()
        handler.wfile.write(body.encode())
        if stops:
            time.sleep(90)


@pytest.fixture(scope="module")
def issuer():
    issuer = FeedingMinter()
    yield issuer
    issuer.server.shutdown()


@pytest.fixture(scope="module")
def services(issuer):
    issuer.revoke("before the start")
    with running_services(issuer.url) as urls:
        yield urls


def of(issuer, grant_id: str) -> str:
    return issuer.token(claims={"grant_id": grant_id})


def test_the_first_request_knows_what_was_revoked_before(issuer, services):
    """Must run first."""
    assert_all(services, of(issuer, "before the start"), 401, "invalid_token")
    assert_all(services, of(issuer, "alive"), 200)
    assert_all(services, issuer.token(), 200)


def test_a_revocation_reaches_all(issuer, services):
    token = of(issuer, "ends")
    assert_all(services, token, 200)
    issuer.revoke("ends")
    until_all_refuse(services, token, 3)
    assert_all(services, of(issuer, "alive"), 200)
    assert None in issuer.after and any("/" in after for after in issuer.after if after)


GARBAGE = [
    "",
    "<html>",
    "[]",
    "null",
    '{"cursor": "x", "keep_for": 60, "revoked": [',
    '{"revoked": []}',
    "{}",
    '{"cursor": "x", "keep_for": -1, "revoked": []}',
    '{"cursor": "x", "keep_for": "60", "revoked": []}',
    '{"cursor": "x", "keep_for": 60, "revoked": {}}',
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_silence(issuer, services, garbage):
    grant = f"garbage {garbage}"
    issuer.change(garbled=garbage)
    issuer.revoke(grant)
    time.sleep(0.3)
    assert_all(services, of(issuer, "alive"), 200)
    assert_all(services, of(issuer, "before the start"), 401, "invalid_token")
    issuer.change(garbled=None)
    until_all_refuse(services, of(issuer, grant), 15)


def test_a_body_that_stops_is_silence(issuer, services):
    """Each service gives up after 30 s, 60 s in Python, and goes on."""
    issuer.change(stops=True)
    time.sleep(0.5)
    issuer.change(stops=False)
    issuer.revoke("while stopped")
    assert_all(services, of(issuer, "before the start"), 401, "invalid_token")
    until_all_refuse(services, of(issuer, "while stopped"), 75)
    assert_all(services, of(issuer, "alive"), 200)


def test_a_restart_loses_nothing(issuer, services):
    issuer.change(status=503)
    time.sleep(0.5)
    issuer.revoke("while away")
    issuer.change(epoch=issuer.epoch + 1)
    assert_all(services, of(issuer, "before the start"), 401, "invalid_token")
    assert_all(services, of(issuer, "while away"), 200)
    issuer.change(status=200)
    until_all_refuse(services, of(issuer, "while away"), 15)
    assert_all(services, of(issuer, "alive"), 200)


def test_a_feed_that_moves_is_found(issuer, services):
    for path in ("/moved", "/revocations"):
        issuer.change(path=path)
        issuer.revoke(f"before {path}")
        until_all_refuse(services, of(issuer, f"before {path}"), 3)
    assert_all(services, of(issuer, "alive"), 200)


def test_a_feed_that_is_busy_is_not_looked_for(issuer, services):
    assert_all(services, of(issuer, "alive"), 200)
    issuer.change(status=429)
    found = issuer.discoveries
    time.sleep(1)
    assert issuer.discoveries == found
    issuer.revoke("while busy")
    issuer.change(status=200)
    until_all_refuse(services, of(issuer, "while busy"), 15)


@pytest.fixture(scope="module")
def new_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def until_all_accept(services, token: str, seconds: float, meanwhile: set[int]):
    """Waits until every service accepts the token, for `seconds` at most. Until then, each answers with one of the statuses `meanwhile`."""
    deadline = time.monotonic() + seconds
    while (statuses := {name: status for name, (status, _) in answers(services, token).items()}) != dict.fromkeys(services, 200):
        assert set(statuses.values()) <= meanwhile | {200} and time.monotonic() < deadline, statuses
        time.sleep(0.05)


def test_a_key_that_takes_over_from_a_revoked_one_is_never_refused(new_key):
    """One node tells that a key is revoked, and another one, or a cache, still shows the keys of before. The services keep keys for long."""
    issuer = FeedingMinter()
    with running_services(issuer.url, jwks_max_age=300) as urls:
        old, new = issuer.token(), issuer.token({"kid": "new"}, key=new_key)
        assert_all(urls, old, 200)
        # A stranger makes each service fetch the keys just before.
        assert_all(urls, issuer.token({"kid": "forged"}), 401, "invalid_token")
        issuer.change(kids=["minted"])
        until_all_refuse(urls, old, 3)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            assert_all(urls, new, 503)
        assert_all(urls, old, 401, "invalid_token")
        issuer.change(keys={"new": new_key})
        until_all_accept(urls, new, 4, {503})
        assert_all(urls, old, 401, "invalid_token")
        assert_all(urls, issuer.token({"kid": "forged"}), 401, "invalid_token")
    issuer.server.shutdown()


def test_the_first_token_may_be_of_a_key_that_takes_over(new_key):
    issuer = FeedingMinter()
    issuer.change(kids=["minted"])
    with running_services(issuer.url, jwks_max_age=300) as urls:
        assert_all(urls, issuer.token({"kid": "new"}, key=new_key), 503)
    issuer.server.shutdown()


def test_a_stranger_keeps_nobody_from_a_new_key(new_key):
    """Of the services that count each fetch: the one in Rust waits until the feed tells of a revoked key."""
    issuer = FeedingMinter()
    with running_services(issuer.url, ("python", "node", "go", "spring"), jwks_max_age=300) as urls:
        assert_all(urls, issuer.token(), 200)
        for number in range(3):
            assert_all(urls, issuer.token({"kid": f"forged {number}"}), 401, "invalid_token")
        issuer.change(keys={"minted": issuer.key, "new": new_key})
        until_all_accept(urls, issuer.token({"kid": "new"}, key=new_key), 4, {401})
    issuer.server.shutdown()


def test_a_feed_of_another_origin_is_not_asked():
    """Whoever can change where the feed is, as a wrong setting does, could otherwise let revoked tokens pass, or refuse all others."""
    other, issuer = FeedingMinter(), FeedingMinter()
    other.revoke("grant")
    issuer.revoke("grant")
    port = issuer.server.server_port
    same_port_elsewhere = f"http://127.0.0.1:{port}/revocations"
    other_scheme = f"https://localhost:{port}/revocations"
    issuer.change(endpoint=f"{other.url}/revocations")
    with running_services(issuer.url) as urls, concurrent.futures.ThreadPoolExecutor() as pool:
        # The first request to each waits five seconds for the first answer.
        token = of(issuer, "grant")
        found = list(pool.map(lambda service: answers(dict([service]), token), urls.items()))
        assert {status for answer in found for status, _ in answer.values()} == {200}, found
        for endpoint in (same_port_elsewhere, other_scheme):
            issuer.change(endpoint=endpoint)
            time.sleep(3)
            assert_all(urls, of(issuer, "grant"), 200)
        assert (other.after, issuer.after) == ([], [])
        # Each reads discovery again after a failure, in half a minute at most.
        issuer.change(endpoint=None)
        until_all_refuse(urls, of(issuer, "grant"), 45)
    for minter in (other, issuer):
        minter.server.shutdown()


def test_only_new_entries_need_room(monkeypatch):
    """Of the reader in Python alone, whose bound can be made small."""
    monkeypatch.syspath_prepend(EXAMPLES / "orders-fastapi")
    module = importlib.import_module("revocations")
    monkeypatch.setattr(module, "MAX_ENTRIES", 4)
    reader = module.Revocations("http://issuer.example")
    reader.endpoint = "http://issuer.example/revocations"

    def take(cursor: str, revoked: list[str]):
        monkeypatch.setattr(module, "get", lambda *_: {"cursor": cursor, "keep_for": KEEP_FOR, "revoked": revoked})
        reader.step()

    take("1", ["a", "b", "c"])
    take("2", ["a", "b", "c", "d", "d", "a"])
    take("3", ["d", "c", "b", "a"])
    with pytest.raises(ValueError, match="room"):
        take("4", ["a", "b", "c", "d", "e"])
    assert (reader.cursor, set(reader.revoked)) == ("3", {"a", "b", "c", "d"})


def test_a_revoked_key_is_refused_whatever_the_jwks_says(issuer, services):
    """Must run last."""
    issuer.change(kids=["minted"])
    until_all_refuse(services, of(issuer, "alive"), 3)
