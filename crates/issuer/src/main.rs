//! The binary `signet`, which runs the command line.

use tikv_jemallocator::Jemalloc;

/// The allocator, which gives memory back to the system within seconds after a burst of requests
/// ([ADR 18](../../../docs/adr/0018-jemalloc-gives-memory-back.md)).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> std::process::ExitCode {
    signet_issuer::cli::main()
}
