//! Entry point; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    cli::main(&xnu_run::DOC, xnu_run::run)
}
