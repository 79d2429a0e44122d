#!/usr/bin/env bash
# Lets schemathesis send requests to every route of the REST API, made from docs/openapi.json: none may be answered with a 5xx, outside the
# document, or without a token. It leaves out the route that would disable its own client.
# The number of examples per route is the first argument (100 by default; scripts/test.sh takes 10). The second argument is the URL of an
# empty database, instead of a SQLite file.
set -euo pipefail
cd "$(dirname "$0")/.."

examples="${1:-100}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
venv="$CARGO_TARGET_DIR/schemathesis"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install -q "schemathesis>=4,<5"
cargo build -q -p signet-issuer

folder="$(mktemp -d)"
database="${2:-sqlite:$folder/signet.db}"
signet() { "$CARGO_TARGET_DIR/debug/signet" --database-url "$database" --keys-dir "$folder/keys" --listen "127.0.0.1:$port" "$@"; }
port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
url="http://localhost:$port"
# A service client makes the requests, since the sign-in of a user would grow too old.
secret="$(signet --json client add --id fuzzer --name Fuzzer --grant client_credentials --resource "$url" \
  --scope admin --scope admin:read --scope admin:users | python3 -c 'import json, sys; print(json.load(sys.stdin)["client_secret"])')"
signet serve >"$folder/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 100); do curl -sf "$url/health/ready" >/dev/null && break; sleep 0.1; done
token() {
  curl -sf -u "fuzzer:$secret" -d grant_type=client_credentials -d "scope=admin admin:read admin:users" "$url/token" \
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'
}
# Two tokens at the beginning, because the requests change the secret too.
first="$(token)"
second="$(token)"

# Sends requests with the token $1 to the operations that the other arguments select.
fuzz() {
  local token="$1"
  shift
  "$venv/bin/schemathesis" run docs/openapi.json --url "$url" --header "Authorization: Bearer $token" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,ignored_auth,unsupported_method \
    --phases examples,coverage,fuzzing --suppress-health-check all --max-examples "$examples" --no-color "$@"
}
fuzz "$first" --exclude-operation-id ClientEdit --exclude-operation-id ClientRemove --exclude-operation-id ClientSetEnabled_disable \
  --exclude-operation-id KeyRevoke
# These may take the access of this script away, so they come last.
fuzz "$second" --include-operation-id ClientEdit --include-operation-id KeyRevoke --include-operation-id ClientRemove
