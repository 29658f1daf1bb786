//! The one error type of the tools: a line for the user and an exit status.

use std::fmt;

/// What a tool's fallible functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Exit statuses of failures, the same in all tools (see [`crate::EXIT_STATUS`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// The input does not hold what was asked for.
    NotFound = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The input is damaged.
    Damaged = 3,
    /// Reading or writing failed.
    Io = 4,
    /// Recognised, but encrypted or of a kind that is not supported.
    Unsupported = 5,
}

/// A failure, as the user is told of it: `tool: file: what is wrong, where, and what to do`.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: String,
    closed_pipe: bool,
}

impl Error {
    /// A failure with its exit status. Keep the message to one line; name the file, the offset or field, the remedy.
    pub fn new(code: Code, message: impl fmt::Display) -> Self {
        Error { code, message: one_line(&message.to_string()), closed_pipe: false }
    }

    /// Wrong usage: exit status 2.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    /// `file` does not hold what was asked for: exit status 1.
    pub fn not_found(file: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format_args!("{file}: {message}"))
    }

    /// `file` is damaged: exit status 3.
    pub fn damaged(file: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(Code::Damaged, format_args!("{file}: {message}"))
    }

    /// `file` is encrypted or of an unsupported kind: exit status 5.
    pub fn unsupported(file: impl fmt::Display, message: impl fmt::Display) -> Self {
        Self::new(Code::Unsupported, format_args!("{file}: {message}"))
    }

    /// Reading or writing `file` failed: exit status 4, or success if it is the reader of our pipe that went away.
    pub fn io(file: impl fmt::Display, error: std::io::Error) -> Self {
        let closed_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Error { closed_pipe, ..Self::new(Code::Io, format_args!("{file}: {error}")) }
    }

    /// The exit status.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Whether this is a write to a pipe that nobody reads any more, which counts as success.
    pub fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }
}

/// Names and texts from firmware end up in messages: no control character reaches the terminal.
fn one_line(s: &str) -> String {
    s.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_one_line_and_sends_no_escape_to_the_terminal() {
        let e = Error::damaged("a\nb", "bad name \x1b[2J");
        assert!(!e.to_string().contains(['\n', '\x1b']), "{e}");
    }

    #[test]
    fn only_a_broken_pipe_is_a_closed_pipe() {
        assert!(Error::io("-", std::io::ErrorKind::BrokenPipe.into()).is_closed_pipe());
        assert!(!Error::io("-", std::io::ErrorKind::NotFound.into()).is_closed_pipe());
    }
}
