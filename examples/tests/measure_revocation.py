"""Measures the time from the answer to a revoking request until services refuse the token (docs/BENCHMARKS.md).

    TEST_BIN_DIR=target/debug python examples/tests/measure_revocation.py [REVOCATIONS]

The services in Rust, Python and Node verify tokens of one real issuer on SQLite. Each round revokes one token, in three ways by turns, and
asks each service again and again, on one connection, until it refuses the token.
"""

import http.client
import json
import sys
import threading
import time
import urllib.parse

from support import PASSWORD, curl, running_services
from test_end_to_end import OrdersIssuer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Measured(OrdersIssuer):
    def post(self, path: str, form: dict) -> dict:
        """Sends a form as the client `shop`, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = urllib.parse.urlencode(form | {"client_id": "shop", "client_secret": self.secret})
        connection.request("POST", path, body, FORM)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text or b"{}")


def until_refused(url: str, token: str, start: threading.Barrier, found: list):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=20)
    start.wait()
    answered = time.monotonic()
    while True:
        connection.request("GET", "/orders", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 401:
            found.append(time.monotonic() - answered)
            return
        assert time.monotonic() - answered < 10, f"{url} still accepts the token"
        time.sleep(0.002)


def quantile(values: list, part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def main(rounds: int):
    issuer = Measured()
    issuer.cli("resource", "edit", "https://orders.example", "--token-lifetime", "600")
    password = {"grant_type": "password", "username": "alice", "password": PASSWORD, "scope": "orders:read"}
    found = {"rust": [], "python": [], "node": []}
    with running_services(issuer.url) as urls:
        for number in range(rounds):
            machine = number % 3 == 2
            form = {"grant_type": "client_credentials", "scope": "orders:read"} if machine else password
            answer = issuer.post("/token", form)
            token = answer["access_token"]
            for name in found:
                assert curl("-H", f"Authorization: Bearer {token}", f"{urls[name]}/orders")[0] == 200, name
            start = threading.Barrier(len(found) + 1)
            threads = [threading.Thread(target=until_refused, args=(urls[name], token, start, found[name])) for name in found]
            for thread in threads:
                thread.start()
            issuer.post("/revoke", {"token": answer["refresh_token"] if number % 3 == 0 else token})
            start.wait()
            for thread in threads:
                thread.join()
    issuer.stop()
    for name, values in found.items():
        assert len(values) == rounds, f"{name}: {len(values)} of {rounds} rounds were refused"
        p50, p99, most = (1000 * value for value in (quantile(values, 0.5), quantile(values, 0.99), max(values)))
        print(f"{name:7} p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {most:.0f} ms, {rounds} revocations")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
