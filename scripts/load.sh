#!/usr/bin/env bash
# Load on the real server, beside the bare cryptography of this machine: tokens per CPU-second, memory, start time; on
# SQLite and on a PostgreSQL of its own. docs/BENCHMARKS.md holds what it printed.
set -euo pipefail
cd "$(dirname "$0")/.."

install_packages() { echo "please install: $*" >&2; exit 1; }
. scripts/postgres.sh
trap stop_postgres EXIT

cargo bench --workspace --no-run
start_postgres
cargo bench --workspace --bench load
