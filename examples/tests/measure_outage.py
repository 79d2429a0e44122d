"""Checks that no revocation is lost in failures, and that nothing valid is refused (docs/revocation-feed.md, docs/BENCHMARKS.md).

    TEST_BIN_DIR=target/debug python examples/tests/measure_outage.py [SECONDS]

Services in Rust, Python and Node verify tokens of two nodes behind HAProxy, on a PostgreSQL server with a standby. In turn, the proxy is cut off
for SECONDS (60 unless given), both nodes are killed and started again, the keys are rotated and the old one is revoked, and the database
fails over to its standby. Each time a token is revoked meanwhile. Afterwards, the services must refuse that one, and accept the other.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from measure_revocation import SERVICES, Measured
from support import JWKS_MAX_AGE, ORDERS, PASSWORD, curl, free_ports, running_services, wait_for

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


class Traffic:
    """Asks each service twice a second with the tokens that must be accepted, and counts the answers.

    A service answers 503 while it has no fresh keys, which the examples in Python and Node keep for two seconds in tests.
    """

    def __init__(self, urls: dict):
        self.urls, self.valid, self.answers = urls, [], Counter()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(0.5):
            for token in list(self.valid):
                for name in SERVICES:
                    status = curl("-H", f"Authorization: Bearer {token}", f"{self.urls[name]}/orders")[0]
                    if token in self.valid:
                        self.answers[name, status] += 1

    def stop(self):
        self.stopped.set()
        self.thread.join()


def sign_in(issuer: Measured) -> dict:
    return issuer.post("/token", {"grant_type": "password", "username": "alice", "password": PASSWORD, "scope": "orders:read"})


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


def until_refused(urls: dict, token: str) -> float:
    """Returns the seconds until all services refuse the token."""
    began = time.monotonic()
    while {curl("-H", f"Authorization: Bearer {token}", f"{urls[name]}/orders")[0] for name in SERVICES} != {401}:
        assert time.monotonic() - began < 45, "a revoked token is still accepted"
        time.sleep(0.02)
    return time.monotonic() - began


def main(seconds: int):
    databases = Databases()
    issuer = Measured(databases.url)
    issuer.cli("resource", "edit", ORDERS, "--token-lifetime", "3600")
    with running_services(issuer.url) as urls:
        lost, kept = sign_in(issuer), sign_in(issuer)
        traffic = Traffic(urls)
        traffic.valid.append(kept["access_token"])
        time.sleep(1)

        issuer.processes[-1].kill()
        issuer.processes[-1].wait()
        issuer.port, proxy = issuer.node_ports[0], issuer.port
        issuer.post("/revoke", {"token": lost["refresh_token"]})
        time.sleep(seconds)
        issuer.port = proxy
        issuer.start_proxy()
        print(f"cut off for {seconds} s: refused {until_refused(urls, lost['access_token']):.1f} s after the proxy is back", flush=True)

        lost = sign_in(issuer)
        assert {curl("-H", f"Authorization: Bearer {lost['access_token']}", f"{url}/orders")[0] for url in urls.values()} == {200}
        issuer.post("/revoke", {"token": lost["refresh_token"]})
        for node in issuer.processes[:-1]:
            node.kill()
            node.wait()
        issuer.start_nodes()
        again(lambda: sign_in(issuer))
        print(f"both nodes killed: refused {until_refused(urls, lost['access_token']):.1f} s after they are back", flush=True)

        lost = sign_in(issuer)
        databases.fail_over()
        again(lambda: issuer.post("/revoke", {"token": lost["refresh_token"]}))
        print(f"database failed over: refused {until_refused(urls, lost['access_token']):.1f} s after the answer to /revoke", flush=True)

        [old] = [key["kid"] for key in issuer.cli("keys", "list") if key["state"] == "active"]
        lost = kept
        issuer.cli("keys", "rotate")
        traffic.valid.remove(lost["access_token"])
        issuer.cli("keys", "revoke", old)
        print(f"key revoked: refused after {until_refused(urls, lost['access_token']):.1f} s", flush=True)
        # The key that waited signs at once. The services fetch it when their keys are older than JWKS_MAX_AGE.
        time.sleep(JWKS_MAX_AGE + 1)
        traffic.valid.append(again(lambda: sign_in(issuer))["access_token"])
        time.sleep(2)
        traffic.stop()
    issuer.stop()
    databases.stop()
    print("valid tokens:", ", ".join(f"{name} {status} {times} times" for (name, status), times in sorted(traffic.answers.items())))
    assert {status for _, status in traffic.answers} <= {200, 503}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
