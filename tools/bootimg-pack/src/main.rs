//! Entry point; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    cli::main(&bootimg_pack::DOC, bootimg_pack::run)
}
