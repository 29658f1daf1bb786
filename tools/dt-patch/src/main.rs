//! Entry point; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    cli::main(&dt_patch::DOC, dt_patch::run)
}
