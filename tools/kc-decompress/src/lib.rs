//! turn a kernelcache in any wrapping into a Mach-O

use cli::{Doc, Error, Io, Status};

/// Command line of `kc-decompress`.
#[derive(Debug, clap::Parser)]
pub struct Args {
    /// Options that every tool has.
    #[command(flatten)]
    pub common: cli::Common,
}

impl cli::HasCommon for Args {
    fn common(&self) -> &cli::Common {
        &self.common
    }
}

/// What the manual page adds to the options.
pub const DOC: Doc = Doc {
    name: "kc-decompress",
    summary: "turn a kernelcache in any wrapping into a Mach-O",
    examples: &[],
    exit_status: &[],
    see_also: &[],
};

/// Runs the tool.
pub fn run(_args: Args, _io: &mut Io) -> Result<Status, Error> {
    Err(Error::usage("not built yet"))
}
