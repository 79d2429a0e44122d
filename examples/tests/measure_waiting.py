"""Measures what verifiers that wait for revocations cost the issuer (docs/BENCHMARKS.md).

    TEST_BIN_DIR=target/release python examples/tests/measure_waiting.py [VERIFIERS]

Opens a connection for each verifier, from as many loopback addresses as are needed, since one address may hold 256. Each asks for
revocations again and again, as a verifier does. The figures: the memory of the issuer for each that waits, the part of a core that all of
them cost while nothing is revoked, and the time from the answer to a revoking request until the last of them has read the revocation.
"""

import asyncio
import json
import os
import resource
import sys
import time
from pathlib import Path

from support import ORDERS
from test_end_to_end import OrdersIssuer

PER_ADDRESS = 250
CALM_SECONDS = 45


def memory_kib(process: int) -> int:
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1])


def cpu_seconds(process: int) -> float:
    user, system = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Verifier:
    """Reads the feed on one connection for ever, and notes when it first reads a revocation."""

    def __init__(self):
        self.cursor = None
        self.told_at = None
        self.told = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self, port: int, number: int):
        address = f"127.0.{1 + number // PER_ADDRESS}.1"
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        while True:
            after = f"?after={self.cursor}" if self.cursor else ""
            writer.write(f"GET /revocations{after} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            assert head.startswith("http/1.1 200"), head
            length = int(head.split("content-length:")[1].split()[0])
            answer = json.loads(await reader.readexactly(length))
            self.cursor = answer["cursor"]
            self.ready.set()
            if answer["revoked"] and self.told_at is None:
                self.told_at = time.monotonic()
                self.told.set()


async def measure(issuer: OrdersIssuer, count: int):
    process = issuer.process.pid
    token = (await asyncio.to_thread(issuer.token, "grant_type=client_credentials", "scope=orders:read"))["access_token"]
    before = memory_kib(process)
    verifiers = [Verifier() for _ in range(count)]
    tasks = [asyncio.create_task(verifier.run(issuer.port, number)) for number, verifier in enumerate(verifiers)]
    await asyncio.wait([asyncio.create_task(verifier.ready.wait()) for verifier in verifiers])
    await asyncio.sleep(2)
    print(f"{count} verifiers wait: {(memory_kib(process) - before) / count:.1f} KiB each")
    spent = cpu_seconds(process)
    await asyncio.sleep(CALM_SECONDS)
    print(f"calm for {CALM_SECONDS} s: {100 * (cpu_seconds(process) - spent) / CALM_SECONDS:.1f} % of a core")
    assert not any(task.done() for task in tasks), "a verifier stopped"

    # On a connection of its own, and timed here, because starting curl takes as long as the news.
    reader, writer = await asyncio.open_connection("127.0.0.1", issuer.port)
    form = f"client_id=shop&client_secret={issuer.secret}&token={token}"
    head = f"POST /revoke HTTP/1.1\r\nHost: localhost:{issuer.port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    writer.write(f"{head}Content-Length: {len(form)}\r\n\r\n{form}".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    revoked = time.monotonic()
    _, late = await asyncio.wait([asyncio.create_task(verifier.told.wait()) for verifier in verifiers], timeout=10)
    assert not late, f"{len(late)} verifiers were not told within 10 s"
    times = sorted(1000 * (verifier.told_at - revoked) for verifier in verifiers)
    print(f"told of a revocation: half after {times[count // 2]:.0f} ms, all after {times[-1]:.0f} ms")
    print(f"afterwards: {memory_kib(process) / 1024:.0f} MiB")
    for task in tasks:
        task.cancel()


def main(count: int):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    issuer = OrdersIssuer(SIGNET_MAX_CONNECTIONS=str(count + 100))
    issuer.cli("resource", "edit", ORDERS, "--token-lifetime", "600")
    asyncio.run(measure(issuer, count))
    issuer.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
