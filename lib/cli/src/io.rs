//! The tool's connection to the world: where it reads, writes and speaks.

use crate::{Common, Error, Input, Output, Progress, Result};
use std::fmt::Display;
use std::io::Write;
use std::path::Path;

/// Handed to every tool's `run`.
#[derive(Debug)]
pub struct Io {
    tool: &'static str,
    verbosity: i8,
    no_progress: bool,
}

impl Io {
    /// For `tool`, with the options the user gave.
    pub fn new(tool: &'static str, common: &Common) -> Io {
        let verbosity = if common.quiet { -1 } else { i8::try_from(common.verbose).unwrap_or(i8::MAX) };
        Io { tool, verbosity, no_progress: common.no_progress || common.quiet }
    }

    /// Opens an input: a path, or standard input for none or `-`.
    pub fn input(&self, path: Option<&Path>) -> Result<Input> {
        Input::open(path)
    }

    /// Opens an output for binary data: a path, or standard output (not a terminal) for none or `-`.
    pub fn output(&self, path: Option<&Path>) -> Result<Output> {
        Output::create(path, true)
    }

    /// Opens an output for text: like [`Io::output`], a terminal is welcome.
    pub fn text_output(&self, path: Option<&Path>) -> Result<Output> {
        Output::create(path, false)
    }

    /// Prints text that is the tool's result to standard output.
    pub fn print(&self, text: &str) -> Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| Error::io("standard output", e))
    }

    /// Tells the user something they should know even without `-v`; silent with `-q`.
    pub fn warn(&self, message: impl Display) {
        if self.verbosity >= 0 {
            eprintln!("{}: {message}", self.tool);
        }
    }

    /// Tells what is being done, with `-v`.
    pub fn verbose(&self, message: impl Display) {
        if self.verbosity >= 1 {
            eprintln!("{}: {message}", self.tool);
        }
    }

    /// Tells details, with `-vv`.
    pub fn debug(&self, message: impl Display) {
        if self.verbosity >= 2 {
            eprintln!("{}: {message}", self.tool);
        }
    }

    /// How often `-v` was given; -1 for `-q`.
    pub fn verbosity(&self) -> i8 {
        self.verbosity
    }

    /// A progress bar over `total` bytes; invisible off a terminal, with `--no-progress`, and for small amounts.
    pub fn progress(&self, what: &str, total: u64) -> Progress {
        Progress::new(what, total, !self.no_progress)
    }
}
