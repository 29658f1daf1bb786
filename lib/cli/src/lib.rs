//! What every tool shares, so that all six behave alike: standard input and output by `-`, output files that
//! appear whole or not at all, progress on a terminal only, one-line errors with documented exit statuses,
//! completions and manual pages made from the same clap declarations as `--help`.
//!
//! It knows nothing of firmware, images or machines.
#![forbid(unsafe_code)]

mod error;
mod input;
mod io;
mod output;
pub mod pages;
mod progress;

pub use error::{Code, Error, Result};
pub use input::{Input, MAX_COMPONENT};
pub use io::Io;
pub use output::Output;
pub use progress::Progress;

use clap::{CommandFactory, Parser};
use std::process::ExitCode;

/// How a run that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Everything asked for was done: exit status 0.
    Done,
    /// The input was read well but does not hold what was asked for (nothing to patch, component absent):
    /// exit status 1. The tool has said so on standard error.
    NothingFound,
    /// Another status, documented in the tool's own manual page (a guest's exit code, 124 for a time-out).
    Code(u8),
}

/// Options that every tool has. Flatten it into the tool's `Args` and implement [`HasCommon`].
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Common {
    /// Say more on standard error: what was recognised, each edit with its reason. Twice says more.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Say nothing on standard error but errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Draw no progress bar even on a terminal.
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Print a completion script for the shell and exit.
    #[arg(long, value_name = "SHELL", exclusive = true)]
    pub completions: Option<clap_complete::Shell>,
}

/// Gives [`main`] the common options of a tool's arguments.
pub trait HasCommon {
    /// The flattened [`Common`].
    fn common(&self) -> &Common;
}

/// An example of a manual page and of `--help`. It is run by the test suite in a folder that holds the demo
/// files (`demo.ipsw` and what comes out of it), so it must work as written.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Shell command line.
    pub command: &'static str,
    /// What it does, one sentence.
    pub what: &'static str,
}

/// What a tool's manual page has beyond its options.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// Program name.
    pub name: &'static str,
    /// One line, no capital, no full stop: what the tool does.
    pub summary: &'static str,
    /// Examples, run as tests.
    pub examples: &'static [Example],
    /// Exit statuses beyond the common ones.
    pub exit_status: &'static [(u8, &'static str)],
    /// Other pages, such as `bootimg(5)`.
    pub see_also: &'static [&'static str],
}

/// Exit statuses common to all tools, as the manual pages list them.
pub const EXIT_STATUS: &[(u8, &str)] = &[
    (0, "done; also when the reader of a pipe went away"),
    (1, "the input holds nothing of what was asked for"),
    (2, "wrong usage"),
    (3, "the input is damaged"),
    (4, "input or output failed"),
    (5, "recognised, but encrypted or of an unsupported kind"),
];

/// The clap command of a tool with the examples and exit statuses of its page added to `--help`.
pub fn command<A: CommandFactory>(doc: &Doc) -> clap::Command {
    let mut help = String::new();
    if !doc.examples.is_empty() {
        help.push_str("Examples:\n");
        for e in doc.examples {
            help.push_str(&format!("  {}\n      {}\n", e.command, e.what));
        }
        help.push('\n');
    }
    help.push_str("Exit status:\n");
    for (code, what) in EXIT_STATUS.iter().chain(doc.exit_status) {
        help.push_str(&format!("  {code:<4} {what}\n"));
    }
    A::command()
        .name(doc.name)
        .version(env!("CARGO_PKG_VERSION"))
        .about(doc.summary)
        .max_term_width(100)
        .after_long_help(help)
        .after_help("'--help' shows examples and exit statuses.")
}

/// The body of every tool's `main`: parses the command line, runs, reports, and gives the exit status.
///
/// A closed pipe on standard output is success: `tool | head` is how people look at things.
pub fn main<A: Parser + HasCommon>(doc: &Doc, run: fn(A, &mut Io) -> Result<Status>) -> ExitCode {
    let matches = match command::<A>(doc).try_get_matches() {
        Ok(m) => m,
        Err(e) => {
            let code = if e.use_stderr() { 2 } else { 0 };
            // A closed pipe while printing help is no news to anyone.
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    let args = match A::from_arg_matches(&matches) {
        Ok(a) => a,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(2);
        }
    };
    let mut io = Io::new(doc.name, args.common());
    if let Some(shell) = args.common().completions {
        let script = pages::completions::<A>(doc, shell);
        return finish(doc, io.print(&script).map(|()| Status::Done));
    }
    finish(doc, run(args, &mut io))
}

fn finish(doc: &Doc, result: Result<Status>) -> ExitCode {
    match result {
        Ok(Status::Done) => ExitCode::SUCCESS,
        Ok(Status::NothingFound) => ExitCode::from(1),
        Ok(Status::Code(c)) => ExitCode::from(c),
        Err(e) if e.is_closed_pipe() => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{}: {e}", doc.name);
            ExitCode::from(e.code() as u8)
        }
    }
}
