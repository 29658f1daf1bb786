//! The user's terminal: raw while the guest owns it, and put back whatever happens.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Bytes that the host takes for itself: Ctrl-A and what follows.
pub const ESCAPE: u8 = 0x01;

/// Where typed bytes come from.
#[derive(Debug)]
pub struct Keyboard {
    file: File,
    /// Settings to go back to; None when it is no terminal.
    before: Option<Termios>,
}

impl Keyboard {
    /// Standard input, or the controlling terminal when standard input carries the image. None: there is nothing
    /// that could be typed.
    pub fn open(stdin_is_taken: bool) -> Option<Self> {
        if !stdin_is_taken {
            let fd = io::stdin().as_fd().try_clone_to_owned().ok()?;
            return Some(Self { file: fd.into(), before: None });
        }
        // Only when a person is watching: a pipeline in a script has no one to type.
        if !io::stdout().is_terminal() {
            return None;
        }
        let file = File::options().read(true).write(true).open("/dev/tty").ok()?;
        Some(Self { file, before: None })
    }

    /// Whether a person types.
    pub fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }

    /// Gives every key to us: no echo, no line editing, no signals. Output processing stays as it is.
    pub fn raw(&mut self) -> io::Result<()> {
        if !self.is_terminal() || self.before.is_some() {
            return Ok(());
        }
        let before = tcgetattr(&self.file)?;
        let mut raw = before.clone();
        let output = raw.output_modes;
        raw.make_raw();
        // A guest's newline comes with its own carriage return or with none: let the terminal add one.
        raw.output_modes = output;
        tcsetattr(&self.file, OptionalActions::Drain, &raw)?;
        self.before = Some(before);
        Ok(())
    }

    /// Puts the terminal back.
    pub fn cooked(&mut self) {
        if let Some(before) = self.before.take() {
            // There is nobody to tell if the terminal is gone.
            let _ = tcsetattr(&self.file, OptionalActions::Drain, &before);
        }
    }

    /// The file to wait on and to read.
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.cooked();
    }
}
