//! The limit of open files. Each connection is an open file, and many systems allow a process only 1024 of them at first.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Settings;

/// Open files that are no connections of peers: the database, clients' URLs that are being fetched, the listener and the log.
const OTHERS: usize = 128;

/// Raises the limit of open files as far as the settings need it and the system allows it. Returns the number of connections that fit,
/// which is `max_connections` or less.
pub(super) fn connections_that_fit(settings: &Settings) -> usize {
    let beside = settings.health_connections + OTHERS;
    let needed = u64::try_from(settings.max_connections.saturating_add(beside)).unwrap_or(u64::MAX);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` means that there is no limit.
    if current.is_none_or(|current| current >= needed) {
        return settings.max_connections;
    }
    let possible = maximum.map_or(needed, |maximum| maximum.min(needed));
    let allowed = match setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum }) {
        Ok(()) => possible,
        Err(_) => current.unwrap_or(possible),
    };
    if allowed >= needed {
        return settings.max_connections;
    }
    let fitting = usize::try_from(allowed).unwrap_or(usize::MAX).saturating_sub(beside).max(1);
    tracing::warn!(
        "setting max_connections: the system allows this process {allowed} open files, which is enough for {fitting} connections, not for \
         {}; raise the limit (LimitNOFILE of systemd, ulimit -n)",
        settings.max_connections
    );
    fitting
}
