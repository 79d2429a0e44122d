"""Runs the real issuer for tests, with a database of its own, and the example services that verify its tokens."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("TEST_BIN_DIR", EXAMPLES.parent / "target" / "debug"))
PASSWORD = "correct horse battery staple"
ORDERS = "https://orders.example"
# The services keep the keys for this many seconds, so that tests of rotation take seconds and not minutes.
JWKS_MAX_AGE = 2
LEEWAY = 30
# How long the issuer asks to keep a revocation, in seconds: the longest life of a token, the leeway, and clock_skew, which is 0 in tests.
KEEP_FOR = 3600 + LEEWAY
# These options make the Java programs start in half the time.
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar"]


def curl(*args: str) -> tuple[int, dict[str, str], str]:
    """Sends a request and returns the status, the headers and the body of the answer."""
    out = subprocess.run(["curl", "-sS", "-i", "--max-time", "20", *args], capture_output=True, text=True, check=True).stdout
    head, _, body = out.partition("\n\n") if "\r\n\r\n" not in out else out.partition("\r\n\r\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body


def free_ports(count: int) -> list[int]:
    """Returns free ports. All are bound before the first is released, so that no port is returned twice."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(port: int, process: subprocess.Popen):
    """Waits until the process listens on the port."""
    for _ in range(1200):
        assert process.poll() is None, f"{process.args} ended with status {process.returncode}"
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


@contextmanager
def started(command: list, cwd: Path, env: dict[str, str], port: int):
    """Runs a program that listens on the port, and stops it at the end."""
    with subprocess.Popen(command, cwd=cwd, env=os.environ | env) as process:
        try:
            wait_for(port, process)
            yield
        finally:
            process.kill()


@contextmanager
def running_services(issuer: str, names: tuple = (), jwks_max_age: int = JWKS_MAX_AGE):
    """Runs all services, or those with `names`, and yields their URLs by name."""
    env = {"ISSUER": issuer, "AUDIENCE": ORDERS, "JWKS_MAX_AGE": str(jwks_max_age)}
    commands = {
        "rust": ([BIN / "orders-axum"], EXAMPLES),
        "python": ([sys.executable, "-m", "uvicorn", "main:app", "--log-level", "warning"], EXAMPLES / "orders-fastapi"),
        "node": (["node", "main.js"], EXAMPLES / "orders-node"),
        "go": ([BIN / "orders-go"], EXAMPLES),
        "spring": ([*JAVA, "target/orders-spring.jar"], EXAMPLES / "orders-spring"),
    }
    with ExitStack() as stack:
        urls = {}
        for port, (name, (command, cwd)) in zip(free_ports(len(commands)), commands.items()):
            if names and name not in names:
                continue
            settings = {"LISTEN": f"127.0.0.1:{port}", "PORT": str(port), "UVICORN_PORT": str(port)}
            stack.enter_context(started(command, cwd, env | settings, port))
            urls[name] = f"http://127.0.0.1:{port}"
        yield urls


class Issuer:
    """The constructor creates the database, so that `cli` works at once; `serve` starts the server."""

    def __init__(self, **settings: str):
        self.dir = tempfile.TemporaryDirectory(prefix="signet-e2e-")
        [self.port] = free_ports(1)
        self.url = f"http://localhost:{self.port}"
        self.env = os.environ | {"SIGNET_LISTEN": f"127.0.0.1:{self.port}"} | settings
        self.cli("migrate")

    def cli(self, *args: str, stdin: str = ""):
        command = [BIN / "signet", *args, "--json"]
        out = subprocess.run(command, cwd=self.dir.name, env=self.env, input=stdin, capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def serve(self):
        self.process = subprocess.Popen([BIN / "signet", "serve"], cwd=self.dir.name, env=self.env, stdout=subprocess.DEVNULL)
        wait_for(self.port, self.process)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0
        self.dir.cleanup()


def answers(services, token: str | None, method: str = "GET", path: str = "/orders") -> dict[str, tuple[int, str]]:
    """Sends the same request to each service, and returns the status and the challenge of each answer."""
    found = {}
    for name, url in services.items():
        args = ["-X", method]
        if token is not None:
            args += ["-H", f"Authorization: Bearer {token}"]
        if method == "POST":
            args += ["-H", "Content-Type: application/json", "-d", '{"item": "tea"}']
        status, headers, _ = curl(*args, url + path)
        found[name] = (status, headers.get("www-authenticate", ""))
    return found


def assert_all(services, token, status, challenge="", **request):
    found = answers(services, token, **request)
    wrong = {name: answer for name, answer in found.items() if answer[0] != status or challenge not in answer[1]}
    assert not wrong, f"{status} {challenge} was expected, but: {wrong}"


def until_all_refuse(services, token: str, seconds: float):
    """Waits until every service refuses the token, for `seconds` at most."""
    deadline = time.monotonic() + seconds
    while {status for status, _ in answers(services, token).values()} != {401}:
        assert time.monotonic() < deadline, answers(services, token)
        time.sleep(0.05)
    assert_all(services, token, 401, "invalid_token")
