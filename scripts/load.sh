#!/usr/bin/env bash
# Measures the real server under load, on SQLite and on a PostgreSQL server that it starts: tokens per CPU-second, memory and start
# time. It also measures the bare cryptography of this machine, for comparison. docs/BENCHMARKS.md contains the results. Words select what is
# measured, such as `refresh`, `password`, `memory` (the memory under bursts of sign-ins), `import` or `large`.
set -euo pipefail
cd "$(dirname "$0")/.."

install_packages() { echo "please install: $*" >&2; exit 1; }
. scripts/postgres.sh
trap stop_postgres EXIT

cargo bench --workspace --no-run --bench load
start_postgres
cargo bench --workspace --bench load -- "$@"
