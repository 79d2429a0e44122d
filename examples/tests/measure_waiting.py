"""Measures what verifiers that wait for revocations cost the issuer (docs/BENCHMARKS.md).

    TEST_BIN_DIR=target/release python examples/tests/measure_waiting.py [VERIFIERS] [--entries N] [--postgres URL]

Opens a connection for each verifier, from as many loopback addresses as are needed, since one address may hold 256. Each asks for
revocations again and again, as a verifier does. The figures: the memory of the issuer for each that waits, the part of a core that all of
them cost while nothing is revoked, and the time from the answer to a revoking request until the last of them has read the revocation.

With `--entries`, that many revocations are written in one transaction first, and the time is told until the last verifier has read them all.
The issuer runs on SQLite, or in the empty database at the URL.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import sqlite3
import subprocess
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
        self.read = self.refused = 0
        self.read_at = self.told_at = None
        self.told = asyncio.Event()
        self.ready = asyncio.Event()

    async def run(self, port: int, number: int):
        address = f"127.0.{1 + number // PER_ADDRESS}.1"
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        while True:
            after = f"?after={self.cursor}" if self.cursor else ""
            writer.write(f"GET /revocations{after} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            body = await reader.readexactly(int(head.split("content-length:")[1].split()[0]))
            if head.startswith("http/1.1 503"):
                self.refused += 1
                await asyncio.sleep(int(head.split("retry-after:")[1].split()[0]) + random.uniform(0.1, 0.2))
                continue
            assert head.startswith("http/1.1 200"), head
            self.cursor, revoked = (answer := json.loads(body))["cursor"], answer["revoked"]
            self.ready.set()
            if revoked:
                self.read, self.read_at = self.read + len(revoked), time.monotonic()
                self.told_at = self.told_at or self.read_at
                self.told.set()


def write_entries(issuer: OrdersIssuer, count: int, postgres: str | None):
    """Writes revocations in one transaction. The node gives them their places as it does for those of the triggers of PostgreSQL."""
    random_bytes, now = ("uuid_send(gen_random_uuid())", "extract(epoch from now())::bigint") if postgres else ("randomblob(16)", "unixepoch()")
    numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    sql = f"INSERT INTO revocations (id, grant_id, at) {numbers} SELECT {random_bytes}, {random_bytes}, {now} FROM numbers"
    if postgres:
        subprocess.run(["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, postgres], check=True)
    else:
        [file] = Path(issuer.dir.name).glob("*.db")
        with sqlite3.connect(file, timeout=30) as database:
            database.execute(sql)


async def tell_entries(issuer: OrdersIssuer, verifiers: list[Verifier], count: int, postgres: str | None):
    written = time.monotonic()
    await asyncio.to_thread(write_entries, issuer, count, postgres)
    committed = time.monotonic()
    while any(verifier.read < count for verifier in verifiers):
        assert time.monotonic() < committed + 60, sorted(verifier.read for verifier in verifiers)
        await asyncio.sleep(0.01)
    times = sorted(verifier.read_at - committed for verifier in verifiers)
    refused = sum(verifier.refused for verifier in verifiers)
    print(f"{count} revocations at once, written in {committed - written:.1f} s: half of {len(verifiers)} have read all after", end=" ")
    print(f"{times[len(times) // 2]:.2f} s, all after {times[-1]:.2f} s; {refused} answers were 503")
    for verifier in verifiers:
        verifier.read = verifier.refused = 0
        verifier.told_at = None
        verifier.told.clear()


async def measure(issuer: OrdersIssuer, count: int, entries: int, postgres: str | None):
    process = issuer.process.pid
    token = (await asyncio.to_thread(issuer.token, "grant_type=client_credentials", "scope=orders:read"))["access_token"]
    before = memory_kib(process)
    verifiers = [Verifier() for _ in range(count)]
    tasks = [asyncio.create_task(verifier.run(issuer.port, number)) for number, verifier in enumerate(verifiers)]
    await asyncio.wait([asyncio.create_task(verifier.ready.wait()) for verifier in verifiers])
    await asyncio.sleep(2)
    print(f"{count} verifiers wait: {(memory_kib(process) - before) / count:.1f} KiB each")
    if entries:
        await tell_entries(issuer, verifiers, entries, postgres)
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
    _, late = await asyncio.wait([asyncio.create_task(verifier.told.wait()) for verifier in verifiers], timeout=20)
    assert not late, f"{len(late)} verifiers were not told within 20 s"
    times = sorted(1000 * (verifier.told_at - revoked) for verifier in verifiers)
    print(f"told of a revocation: half after {times[count // 2]:.0f} ms, all after {times[-1]:.0f} ms", end="; ")
    print(f"{max(verifier.read for verifier in verifiers)} entries were sent, {sum(verifier.refused for verifier in verifiers)} answers were 503")
    print(f"afterwards: {memory_kib(process) / 1024:.0f} MiB")
    for task in tasks:
        task.cancel()


def main(count: int, entries: int, postgres: str | None):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    database = {"SIGNET_DATABASE_URL": postgres} if postgres else {}
    issuer = OrdersIssuer(SIGNET_MAX_CONNECTIONS=str(count + 100), **database)
    issuer.cli("resource", "edit", ORDERS, "--token-lifetime", "600")
    asyncio.run(measure(issuer, count, entries, postgres))
    issuer.stop()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("verifiers", type=int, nargs="?", default=2000)
    arguments.add_argument("--entries", type=int, default=0)
    arguments.add_argument("--postgres", metavar="URL", help="the URL of an empty database")
    given = arguments.parse_args()
    main(given.verifiers, given.entries, given.postgres)
