//! Entry point; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    cli::main(&rd_extract::DOC, rd_extract::run)
}
