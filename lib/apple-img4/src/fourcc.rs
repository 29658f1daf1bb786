//! Four-character codes.

use core::fmt;

/// A four-character code: `krnl`, `MANB`, `DGST`…
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FourCc(pub [u8; 4]);

impl FourCc {
    /// The code as the number of a private tag: big-endian.
    pub fn number(self) -> u32 {
        u32::from_be_bytes(self.0)
    }

    /// The code of a private tag's number.
    pub fn from_number(number: u32) -> FourCc {
        FourCc(number.to_be_bytes())
    }

    /// As text, if all four bytes are printable ASCII.
    pub fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(&self.0).ok().filter(|s| s.bytes().all(|b| (b' '..=b'~').contains(&b)))
    }
}

impl fmt::Display for FourCc {
    /// Printable bytes as they are, others as `\xNN`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(s) => f.pad(s),
            None => self.0.escape_ascii().try_for_each(|b| fmt::Write::write_char(f, b.into())),
        }
    }
}

impl fmt::Debug for FourCc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}
