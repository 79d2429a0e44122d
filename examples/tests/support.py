"""Runs the real issuer for tests, with a database of its own."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("TEST_BIN_DIR", EXAMPLES.parent / "target" / "debug"))
PASSWORD = "correct horse battery staple"


def free_ports(count: int) -> list[int]:
    """Returns free ports. All are bound before the first is released, so that no port is returned twice."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(port: int):
    for _ in range(1200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on port {port}")


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
        wait_for(self.port)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0
        self.dir.cleanup()
