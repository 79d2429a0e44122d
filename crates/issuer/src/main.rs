//! The binary `signet`, which runs the command line.

fn main() -> std::process::ExitCode {
    signet_issuer::cli::main()
}
