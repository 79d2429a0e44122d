//! Only the owner can read the SQLite file, and readers cannot write to it. A database that is locked or not there is reported as such.

use crate::cli::Signet;

#[test]
fn a_database_server_that_is_not_there_is_named() {
    // Bound, so that nobody else takes it, and not listening.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let nobody = socket.local_addr().unwrap();
    let url = format!("postgres://signet:sek@{nobody}/signet");
    let out = Signet::new().run_with(&[("SIGNET_DATABASE_URL", &url)], &["migrate"], "");
    assert!(!out.success && out.stderr.contains(&format!("no connection to PostgreSQL at {nobody}")), "{}", out.stderr);
    assert!(!out.stderr.contains("sek"), "{}", out.stderr);
}
