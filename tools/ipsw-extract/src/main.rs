//! Entry point; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    cli::main(&ipsw_extract::DOC, ipsw_extract::run)
}
