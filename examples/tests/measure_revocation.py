"""Measures the time from the answer to a revoking request until services refuse the token (docs/BENCHMARKS.md).

    TEST_BIN_DIR=target/debug python examples/tests/measure_revocation.py [--rounds 1000] [--postgres URL] [--hashing]

The services in Rust, Python and Node verify tokens of one real issuer. Each round revokes one token, in all of WAYS by turns, and asks each
service again and again, on one connection, until it refuses the token. The issuer is one node on SQLite or, with `--postgres`, two nodes on
an empty database behind HAProxy, which gives each connection to the next node. With `--hashing`, people sign in all the time, more than there
are threads that hash passwords.
"""

import argparse
import base64
import http.client
import json
import os
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from support import BIN, ORDERS, PASSWORD, curl, free_ports, running_services, wait_for
from test_end_to_end import OrdersIssuer

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SERVICES = ("rust", "python", "node")
SCOPE = "orders:read orders:write invoices:read openid"
PROXY = """
defaults
  mode http
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen issuer
  bind 127.0.0.1:{port}
  balance roundrobin
"""


class Measured(OrdersIssuer):
    """An issuer of one node, or of two behind a proxy, with a client that may do everything over the REST API."""

    def __init__(self, database: str | None):
        self.proxy_port = None
        self.processes = []
        settings = {}
        if database:
            [self.proxy_port] = free_ports(1)
            settings = {
                "SIGNET_ISSUER": f"http://localhost:{self.proxy_port}",
                "SIGNET_DATABASE_URL": database,
                "SIGNET_TRUSTED_PROXIES": "127.0.0.0/8",
            }
        super().__init__(**settings)
        self.cli("resource", "edit", ORDERS, "--token-lifetime", "600")
        scopes = ["--scope", "admin", "--scope", "admin:read", "--scope", "admin:users", "--resource", self.url]
        robot = self.cli("client", "add", "--id", "robot", "--name", "Robot", "--grant", "client_credentials", *scopes)
        self.robot = robot["client_secret"]
        grant = ["--grant", "password", "--access", "everyone", "--scope", "openid"]
        self.crowd = self.cli("client", "add", "--id", "crowd", "--name", "Crowd", *grant)["client_secret"]
        self.cli("group", "add", "packers", "--role", "clerk")
        self.cli("user", "add", "carol", "--password-stdin", stdin=PASSWORD)
        bob = self.cli("user", "add", "bob", "--password-stdin", stdin=PASSWORD)
        self.users = {"alice": self.cli("user", "show", "alice")["id"], "bob": bob["id"]}

    def serve(self):
        if self.proxy_port is None:
            return super().serve()
        self.node_ports = [self.port, *free_ports(1)]
        self.start_nodes()
        self.start_proxy()
        self.port, self.url = self.proxy_port, f"http://localhost:{self.proxy_port}"

    def start_nodes(self):
        for number, port in enumerate(self.node_ports):
            env = self.env | {"SIGNET_LISTEN": f"127.0.0.1:{port}"}
            process = subprocess.Popen([BIN / "signet", "serve"], cwd=self.dir.name, env=env, stdout=subprocess.DEVNULL)
            self.processes[number : number + 1] = [process]
            wait_for(port, process)

    def start_proxy(self):
        nodes = [f"  server node{number} 127.0.0.1:{port} check inter 200ms\n" for number, port in enumerate(self.node_ports)]
        settings = Path(self.dir.name, "haproxy.cfg")
        settings.write_text(PROXY.format(port=self.proxy_port) + "".join(nodes))
        process = subprocess.Popen(["haproxy", "-f", settings])
        self.processes[len(self.node_ports) :] = [process]
        wait_for(self.proxy_port, process)

    def stop(self):
        if self.proxy_port is None:
            return super().stop()
        for process in self.processes:
            process.terminate()
            process.wait(15)
        self.dir.cleanup()

    def send(self, method: str, path: str, body: str, headers: dict) -> dict:
        """Sends a request on a connection of its own, so that the proxy gives it to the next node."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 201, 204), (path, answer.status, text)
        return json.loads(text) if text else {}

    def post(self, path: str, form: dict) -> dict:
        """Sends a form as the client `shop`."""
        form = form | {"client_id": "shop", "client_secret": self.secret}
        return self.send("POST", path, urllib.parse.urlencode(form), FORM)

    def api(self, method: str, path: str, body: dict | None = None) -> dict:
        """Sends a request to the REST API."""
        basic = base64.b64encode(f"robot:{self.robot}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": "admin", "resource": self.url}
        token = self.send("POST", "/token", urllib.parse.urlencode(form), FORM | {"Authorization": f"Basic {basic}"})["access_token"]
        kind = "merge-patch+json" if method == "PATCH" else "json"
        headers = {"Authorization": f"Bearer {token}", "Content-Type": f"application/{kind}", "If-Match": "*"}
        return self.send(method, f"/api/v1{path}", json.dumps(body or {}), headers)


def nothing(_: Measured):
    """Some changes need not be undone."""


# Each way: who has the token, how it is revoked, and how the change is undone afterwards.
WAYS = {
    "refresh token revoked": ("alice", lambda issuer, answer: issuer.post("/revoke", {"token": answer["refresh_token"]}), nothing),
    "access token revoked": ("alice", lambda issuer, answer: issuer.post("/revoke", {"token": answer["access_token"]}), nothing),
    "client's own token revoked": (None, lambda issuer, answer: issuer.post("/revoke", {"token": answer["access_token"]}), nothing),
    "all authorizations ended": (
        "alice",
        lambda issuer, _: issuer.api("POST", f"/users/{issuer.users['alice']}/end-authorizations"),
        nothing,
    ),
    "user disabled": (
        "alice",
        lambda issuer, _: issuer.api("POST", f"/users/{issuer.users['alice']}/disable"),
        lambda issuer: issuer.api("POST", f"/users/{issuer.users['alice']}/enable"),
    ),
    "password set": (
        "alice",
        lambda issuer, _: issuer.api("POST", f"/users/{issuer.users['alice']}/password", {"password": PASSWORD}),
        nothing,
    ),
    "role taken": (
        "alice",
        lambda issuer, _: issuer.api("POST", f"/users/{issuer.users['alice']}/roles", {"remove": ["clerk"]}),
        lambda issuer: issuer.api("POST", f"/users/{issuer.users['alice']}/roles", {"add": ["clerk"]}),
    ),
    "group left": (
        "bob",
        lambda issuer, _: issuer.api("POST", "/groups/packers/members", {"remove": ["bob"]}),
        lambda issuer: issuer.api("POST", "/groups/packers/members", {"add": ["bob"]}),
    ),
    "scope taken from a role": (
        "alice",
        lambda issuer, _: issuer.api("POST", "/roles/clerk/scopes", {"remove": ["orders:read"]}),
        lambda issuer: issuer.api("POST", "/roles/clerk/scopes", {"add": ["orders:read"]}),
    ),
    "scope taken from the client": (
        "alice",
        lambda issuer, _: issuer.api("PATCH", "/clients/shop", {"scope": "orders:write openid"}),
        lambda issuer: issuer.api("PATCH", "/clients/shop", {"scope": SCOPE}),
    ),
    "client disabled": (
        None,
        lambda issuer, _: issuer.api("POST", "/clients/shop/disable"),
        lambda issuer: issuer.api("POST", "/clients/shop/enable"),
    ),
}


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


def sign_in_for_ever(issuer: Measured, stopped: threading.Event, times: list):
    """Signs in with the right password, because wrong ones are soon refused without hashing. Adds the seconds of each sign-in to `times`."""
    form = {"grant_type": "password", "username": "carol", "password": PASSWORD, "scope": "openid"}
    form |= {"client_id": "crowd", "client_secret": issuer.crowd}
    while not stopped.is_set():
        began = time.monotonic()
        issuer.send("POST", "/token", urllib.parse.urlencode(form), FORM)
        times.append(time.monotonic() - began)


def revoke_in_one_way(issuer: Measured, urls: dict, way: str, found: dict):
    """Gets a token, revokes it, and adds to `found` the seconds until each service refuses it."""
    who, revoke, undo = WAYS[way]
    form = {"grant_type": "client_credentials"}
    if who:
        form = {"grant_type": "password", "username": who, "password": PASSWORD}
    answer = issuer.post("/token", form | {"scope": "orders:read"})
    token = answer["access_token"]
    for name in SERVICES:
        assert curl("-H", f"Authorization: Bearer {token}", f"{urls[name]}/orders")[0] == 200, name
    start = threading.Barrier(len(SERVICES) + 1)
    threads = [threading.Thread(target=until_refused, args=(urls[name], token, start, found[name])) for name in SERVICES]
    for thread in threads:
        thread.start()
    revoke(issuer, answer)
    start.wait()
    for thread in threads:
        thread.join()
    undo(issuer)


def quantile(values: list, part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def main(rounds: int, database: str | None, hashing: bool):
    issuer = Measured(database)
    issuer.api("POST", "/groups/packers/members", {"add": ["bob"]})
    found = {name: [] for name in SERVICES}
    stopped, times = threading.Event(), []
    people = 2 * (os.cpu_count() or 1) if hashing else 0
    crowd = [threading.Thread(target=sign_in_for_ever, args=(issuer, stopped, times)) for _ in range(people)]
    for person in crowd:
        person.start()
    try:
        with running_services(issuer.url, SERVICES) as urls:
            for number in range(rounds):
                revoke_in_one_way(issuer, urls, list(WAYS)[number % len(WAYS)], found)
    finally:
        stopped.set()
    for person in crowd:
        person.join()
    issuer.stop()
    if times:
        print(f"meanwhile {len(times)} sign-ins, half within {1000 * quantile(times, 0.5):.0f} ms")
    print(f"{rounds} revocations in {len(WAYS)} ways: {', '.join(WAYS)}")
    for name, values in found.items():
        assert len(values) == rounds, f"{name}: {len(values)} of {rounds} rounds were refused"
        p50, p99, most = (1000 * value for value in (quantile(values, 0.5), quantile(values, 0.99), max(values)))
        print(f"{name:7} p50 {p50:.0f} ms, p99 {p99:.0f} ms, at most {most:.0f} ms")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=1000)
    arguments.add_argument("--postgres", metavar="URL", help="the URL of an empty database")
    arguments.add_argument("--hashing", action="store_true")
    given = arguments.parse_args()
    main(given.rounds, given.postgres, given.hashing)
