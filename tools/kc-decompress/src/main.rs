//! Entry point; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    cli::main(&kc_decompress::DOC, kc_decompress::run)
}
