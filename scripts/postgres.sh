# Defines start_postgres, which starts a separate PostgreSQL server for tests on a free port and exports TEST_POSTGRES_URL, and
# stop_postgres, which stops it and deletes its data. Other scripts source this file. They must call stop_postgres in a trap on
# EXIT, and define install_packages, which start_postgres calls if PostgreSQL is not installed.

find_postgres() {
  local candidate
  for candidate in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V -r) "$(dirname "$(command -v pg_ctl || echo /nowhere/pg_ctl)")"; do
    [ -x "$candidate/initdb" ] && { echo "$candidate"; return; }
  done
  return 1
}

as_database_user() {
  # PostgreSQL refuses to run as root.
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
  local bin port
  bin=$(find_postgres) || { install_packages postgresql; bin=$(find_postgres); }
  POSTGRES_DIR=$(mktemp -d /tmp/signet-postgres.XXXXXX)
  chmod 755 "$POSTGRES_DIR"
  [ "$(id -u)" = 0 ] && chown postgres "$POSTGRES_DIR"
  POSTGRES_BIN=$bin
  (cd / && as_database_user "$bin/initdb" -D "$POSTGRES_DIR/data" -U signet -A trust >"$POSTGRES_DIR.log" 2>&1)
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  # The test data need not survive a crash. So turn fsync off, because waiting for the disk would slow the tests down.
  (cd / && as_database_user "$bin/pg_ctl" -D "$POSTGRES_DIR/data" -w -l "$POSTGRES_DIR/data/log" \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=400" start >>"$POSTGRES_DIR.log" 2>&1)
  export TEST_POSTGRES_URL="postgres://signet@127.0.0.1:$port/postgres"
}

stop_postgres() {
  [ -n "${POSTGRES_DIR:-}" ] || return 0
  (cd / && as_database_user "$POSTGRES_BIN/pg_ctl" -D "$POSTGRES_DIR/data" -m immediate stop >/dev/null 2>&1) || true
  rm -rf "$POSTGRES_DIR" "$POSTGRES_DIR.log"
}
