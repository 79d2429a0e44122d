"""Follows Signet's feed of revocations (docs/revocation-feed.md) in a thread, so that a revoked token is refused about a second later."""

import base64
import hashlib
import http.client
import json
import logging
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

MAX_ENTRIES = 1_000_000
MAX_BYTES = MAX_ENTRIES * 25 + 65536
FIRST_ANSWER = 5  # seconds
log = logging.getLogger(__name__)


class Revocations:
    """`revoked` and `kids` only grow by answers. Reading them takes no lock, because CPython changes a dict or set in one step."""

    def __init__(self, issuer: str):
        self.issuer, self.endpoint, self.cursor = issuer, None, None
        self.revoked: dict[str, float] = {}  # the handle, and when it may be forgotten
        self.kids: set[str] = set()
        self.answered = threading.Event()
        self.started = threading.Lock()
        self.deadline = None

    def is_revoked(self, kid: str, claims: dict) -> bool:
        """Tells whether the token's key or what it was granted by is revoked."""
        if self.names_one_of({kid}):
            return True
        grant_id = claims.get("grant_id")
        if not isinstance(grant_id, str):
            return False
        handle = base64.urlsafe_b64encode(hashlib.sha256(grant_id.encode()).digest()[:16]).rstrip(b"=").decode()
        return handle in self.revoked

    def names_one_of(self, kids: set[str]) -> bool:
        """Tells whether one of these keys is revoked. The first call starts the thread and waits for its first answer."""
        with self.started:
            if self.deadline is None:
                self.deadline = time.monotonic() + FIRST_ANSWER
                threading.Thread(target=self.follow, daemon=True).start()
        self.answered.wait(max(0, self.deadline - time.monotonic()))
        return not kids.isdisjoint(self.kids)

    def follow(self):
        failures = 0
        while True:
            try:
                wait = self.step()
                failures = 0
            except Exception as error:  # whatever is wrong with an answer, it is silence
                log.warning("the feed of revocations did not answer: %s", error)
                # An issuer that is away is asked again soon, so that its news is heard about a second after it is back.
                cut = isinstance(error, (OSError, http.client.HTTPException))
                away = error.code >= 500 if isinstance(error, urllib.error.HTTPError) else cut
                longest = min(1 if away else 30, 0.2 * 2 ** min(failures, 8))
                failures += 1
                if isinstance(error, urllib.error.HTTPError):
                    retry_after = error.headers.get("Retry-After", "")
                    longest = max(longest, min(30, int(retry_after)) if retry_after.isdecimal() else 0)
                    if 400 <= error.code < 500 and error.code != 429:  # the feed may have moved
                        self.endpoint = None
                wait = random.uniform(longest / 2, longest)
            time.sleep(wait)

    def step(self) -> float:
        """Reads one answer, and returns how long to wait before the next request."""
        if self.endpoint is None:
            found = get(f"{self.issuer}/.well-known/openid-configuration", 5).get("signet_revocations_endpoint")
            if found is None:
                if self.cursor is not None:
                    raise ValueError("the issuer names no feed any more")
                self.answered.set()
                return random.uniform(150, 450)
            if origin(found) != origin(self.issuer):
                raise ValueError(f"signet_revocations_endpoint {found!r} is not of the issuer's origin")
            self.endpoint = found
        query = "" if self.cursor is None else "?" + urllib.parse.urlencode({"after": self.cursor})
        answer = get(self.endpoint + query, 30)
        now, cursor, keep_for = time.monotonic(), answer["cursor"], answer["keep_for"]
        revoked, kids = answer["revoked"], answer.get("revoked_kids", [])
        if not (isinstance(cursor, str) and type(keep_for) is int and keep_for >= 0 and is_texts(revoked) and is_texts(kids)):
            raise ValueError("the answer is malformed")
        until = now + keep_for
        for handle in [handle for handle, end in self.revoked.items() if end <= now]:
            del self.revoked[handle]
        self.kids.update(kids)
        fresh = set(revoked) - self.revoked.keys()
        if len(self.revoked) + len(fresh) > MAX_ENTRIES:
            raise ValueError("there are more revocations than there is room for")
        self.revoked.update(dict.fromkeys(revoked, until))
        self.cursor = cursor
        self.answered.set()
        return 0.1


def get(url: str, timeout: float) -> dict:
    deadline, body = time.monotonic() + timeout, bytearray()
    with OPENER.open(url, timeout=timeout) as response:
        while chunk := response.read1(65536):
            body += chunk
            if len(body) > MAX_BYTES:
                raise ValueError("the answer is too long")
            if time.monotonic() > deadline:  # the time-out above is that of each read, so that a body which stops may take as long again
                raise TimeoutError("the answer did not end in time")
        if response.length or not body:  # something is missing of the body, or of the head
            raise http.client.IncompleteRead(bytes(body), response.length)
    answer = json.loads(body)
    if not isinstance(answer, dict):
        raise ValueError("the answer is malformed")
    return answer


def is_texts(found) -> bool:
    return isinstance(found, list) and all(isinstance(text, str) for text in found)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def origin(url: str) -> tuple:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
