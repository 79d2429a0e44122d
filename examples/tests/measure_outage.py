"""Checks that no revocation is lost in failures, and that nothing valid is refused (docs/revocation-feed.md, docs/BENCHMARKS.md).

    TEST_BIN_DIR=target/debug python examples/tests/measure_outage.py [SECONDS]

Services in Rust, Python and Node verify tokens of two nodes behind HAProxy, on a PostgreSQL server with a standby. In turn, the proxy is cut off
for SECONDS (60 unless given), both nodes are killed and started again, the database fails over to its standby, and the keys are rotated and
the old one is revoked. Each time tokens are revoked meanwhile. Afterwards, the services must refuse those, and accept the others.

The tokens live for an hour, the longest life there is. So that a cut may last as long, tokens are issued and revoked all through it, by a node
that the services do not reach.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from measure_revocation import SERVICES, Measured
from support import ORDERS, PASSWORD, curl, free_ports, running_services, wait_for

LIFETIME = 3600  # seconds; the most that a resource may have
AS_DATABASE_USER = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
FRONT = """
defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
listen database
  bind 127.0.0.1:{front}
  server primary 127.0.0.1:{primary} check inter 200ms fall 1 on-marked-down shutdown-sessions
  server standby 127.0.0.1:{standby} backup
"""


class Databases:
    """A PostgreSQL server with a standby that has each transaction before it is answered, and a proxy that leads to the one that is up."""

    def __init__(self):
        self.bin = Path(sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1])
        self.dir = Path(tempfile.mkdtemp(prefix="signet-databases-"))
        self.dir.chmod(0o755)
        if AS_DATABASE_USER:
            shutil.chown(self.dir, "postgres")
        self.front, self.primary, self.standby = free_ports(3)
        self.run("initdb", "-D", self.dir / "primary", "-U", "signet", "-A", "trust")
        self.start("primary", self.primary)
        address = ["-h", "127.0.0.1", "-p", str(self.primary), "-U", "signet"]
        self.run("pg_basebackup", "-D", self.dir / "standby", *address, "-R", "-X", "stream", "-c", "fast")
        self.start("standby", self.standby)
        # Only the first server waits for the other one; a standby that was promoted waits for nobody.
        self.run("pg_ctl", "-D", self.dir / "primary", "-w", "-m", "fast", "stop")
        self.start("primary", self.primary, "-c synchronous_standby_names=*")
        settings = self.dir / "haproxy.cfg"
        settings.write_text(FRONT.format(front=self.front, primary=self.primary, standby=self.standby))
        self.proxy = subprocess.Popen(["haproxy", "-f", settings])
        wait_for(self.front, self.proxy)
        self.url = f"postgres://signet@127.0.0.1:{self.front}/postgres"

    def run(self, program: str, *args):
        subprocess.run([*AS_DATABASE_USER, self.bin / program, *args], cwd="/", check=True, stdout=subprocess.DEVNULL)

    def start(self, name: str, port: int, more: str = ""):
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200 {more}"
        self.run("pg_ctl", "-D", self.dir / name, "-w", "-l", self.dir / f"{name}.log", "-o", options, "start")

    def fail_over(self):
        self.run("pg_ctl", "-D", self.dir / "primary", "-m", "immediate", "stop")
        self.run("pg_ctl", "-D", self.dir / "standby", "-w", "promote")

    def stop(self):
        self.proxy.kill()
        self.run("pg_ctl", "-D", self.dir / "standby", "-m", "immediate", "stop")
        shutil.rmtree(self.dir)


class Token:
    """An access token of a new authorization."""

    def __init__(self, issuer: Measured):
        self.issued = time.monotonic()
        form = {"grant_type": "password", "username": "alice", "password": PASSWORD, "scope": "orders:read"}
        answer = issuer.post("/token", form)
        self.access, self.refresh = answer["access_token"], answer["refresh_token"]
        header = self.access.split(".")[0]
        self.kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))["kid"]

    def revoke(self, issuer: Measured):
        issuer.post("/revoke", {"token": self.refresh})

    def is_alive(self) -> bool:
        """Tells whether only a revocation can be the reason for a 401. Two minutes are left for the checks."""
        return time.monotonic() - self.issued < LIFETIME - 120


class Traffic:
    """Asks each service twice a second with the newest token and the oldest one that must be accepted, and counts the answers.

    A service answers 503 while it has no fresh keys, which the examples in Python and Node keep for two seconds in tests.
    """

    def __init__(self, urls: dict):
        self.urls, self.tokens, self.answers = urls, [], Counter()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def valid(self) -> list[Token]:
        return [token for token in self.tokens if token.is_alive()]

    def run(self):
        while not self.stopped.wait(0.5):
            for token in {id(token): token for token in [*self.valid()[:1], *self.valid()[-1:]]}.values():
                for name in SERVICES:
                    status = ask(self.urls[name], token)
                    if token in self.tokens:
                        self.answers[name, status] += 1

    def stop(self):
        self.stopped.set()
        self.thread.join()


def ask(url: str, token: Token) -> int:
    return curl("-H", f"Authorization: Bearer {token.access}", f"{url}/orders")[0]


def again(act, seconds: float = 60):
    """Repeats what fails while a proxy, a node or the database is away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return act()
        except (AssertionError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def until_refused(urls: dict, tokens: list[Token]) -> float:
    """Returns the seconds until all services refuse all of `tokens`. Those that have expired meanwhile say nothing, and are left out."""
    began = time.monotonic()
    for token in tokens:
        while token.is_alive() and {ask(urls[name], token) for name in SERVICES} != {401}:
            assert time.monotonic() - began < 45, "a revoked token is still accepted"
            time.sleep(0.02)
    waited = time.monotonic() - began
    # What was refused once stays refused.
    assert all(ask(urls[name], token) == 401 for token in tokens for name in SERVICES if token.is_alive())
    return waited


def until_accepted(url: str, token: Token, also: tuple = ()) -> float:
    """Returns the seconds until the service accepts the token. Until then it may answer 503, or one of `also`, and nothing else."""
    began = time.monotonic()
    while (status := ask(url, token)) != 200:
        assert status in (503, *also), f"{url} answered {status} to a valid token"
        assert time.monotonic() - began < 45, "a valid token is still not accepted"
        time.sleep(0.02)
    return time.monotonic() - began


def cut_off(issuer: Measured, urls: dict, traffic: Traffic, seconds: int) -> list[Token]:
    """Cuts the services off from the issuer for `seconds`; returns the tokens that were revoked meanwhile."""
    lost = Token(issuer)
    assert {ask(urls[name], lost) for name in SERVICES} == {200}
    issuer.processes[-1].kill()
    issuer.processes[-1].wait()
    issuer.port, proxy = issuer.node_ports[0], issuer.port
    lost.revoke(issuer)
    revoked, end = [lost], time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, max(5, seconds / 12)))
        traffic.tokens.append(Token(issuer))
        ended = Token(issuer)
        ended.revoke(issuer)
        revoked.append(ended)
    issuer.port = proxy
    issuer.start_proxy()
    return revoked


def main(seconds: int):
    with ExitStack() as stack:
        databases = Databases()
        stack.callback(databases.stop)
        issuer = Measured(databases.url)
        stack.callback(issuer.stop)
        issuer.cli("resource", "edit", ORDERS, "--token-lifetime", str(LIFETIME))
        urls = stack.enter_context(running_services(issuer.url, SERVICES))
        traffic = Traffic(urls)
        stack.callback(traffic.stop)
        traffic.tokens.append(Token(issuer))
        time.sleep(1)

        revoked = cut_off(issuer, urls, traffic, seconds)
        count, alive = len(revoked), sum(token.is_alive() for token in revoked)
        waited = until_refused(urls, revoked)
        print(f"cut off for {seconds} s: {alive} of {count} revoked tokens had not expired; refused {waited:.1f} s after the proxy is back", flush=True)
        valid = traffic.valid()
        waited = max(until_accepted(urls[name], token) for token in valid for name in SERVICES)
        print(f"the {len(valid)} valid tokens that had not expired are accepted after another {waited:.1f} s", flush=True)

        lost = Token(issuer)
        assert {ask(urls[name], lost) for name in SERVICES} == {200}
        lost.revoke(issuer)
        for node in issuer.processes[:-1]:
            node.kill()
            node.wait()
        issuer.start_nodes()
        again(lambda: Token(issuer))
        revoked.append(lost)
        print(f"both nodes killed: refused {until_refused(urls, revoked):.1f} s after they are back", flush=True)

        lost = Token(issuer)
        databases.fail_over()
        again(lambda: lost.revoke(issuer))
        revoked.append(lost)
        print(f"database failed over: refused {until_refused(urls, revoked):.1f} s after the answer to /revoke", flush=True)

        [old] = [key["kid"] for key in issuer.cli("keys", "list") if key["state"] == "active"]
        issuer.cli("keys", "rotate")
        of_old_key, traffic.tokens = traffic.valid(), []
        issuer.cli("keys", "revoke", old)
        # The key that waited signs on each node as soon as the node has read the revocation. Until then it signs with the old one.
        new = again(lambda: Token(issuer))
        while new.kid == old:
            new = again(lambda: Token(issuer))
        waited = until_accepted(urls["rust"], new)
        print(f"key revoked: a token of the next one is accepted by the verifier crate after {waited:.1f} s, and was never refused", flush=True)
        print(f"the tokens of the revoked key are refused after {until_refused(urls, of_old_key):.1f} s", flush=True)
        # The libraries in Python and Node fetch the keys for an unknown key id once a second, and answer 401 meanwhile.
        others = {name: until_accepted(urls[name], new, (401,)) for name in SERVICES if name != "rust"}
        print("the token of the next key is accepted by", ", ".join(f"{name} after {others[name]:.1f} s" for name in others), flush=True)
        traffic.tokens.append(again(lambda: Token(issuer)))
        time.sleep(2)
        until_refused(urls, revoked)
    print("valid tokens:", ", ".join(f"{name} {status} {times} times" for (name, status), times in sorted(traffic.answers.items())))
    assert {status for _, status in traffic.answers} <= {200, 503}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
