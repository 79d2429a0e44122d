//! The binary `signet`.

fn main() -> std::process::ExitCode {
    signet_issuer::cli::main()
}
