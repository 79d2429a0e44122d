//! Gives the server one heap for all its threads, so that it gives memory back after many sign-ins
//! ([ADR 14](../../../../docs/adr/0014-the-server-starts-itself-again.md)).

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The variable by which glibc learns how many heaps there are at most. It reads the variable when the process starts.
const VARIABLE: &str = "MALLOC_ARENA_MAX";

/// Replaces this process by the same program with one heap. Does nothing if the environment says already how many heaps there are, so that
/// the operator decides, or if the C library is another one. The process then stays as it is; so it does if its file was removed meanwhile.
pub fn ensure() {
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into_os_string());
    // `exec` returns only if it fails. The server works with more heaps, too.
    let _ = Command::new(program).arg0(name).args(arguments).env(VARIABLE, "1").exec();
}
