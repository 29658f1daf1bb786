//! The digests of code directories.

use sha2::Digest as _;
use std::fmt;

/// How the hashes of a code directory are made (`CS_HASHTYPE_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// SHA-1, number 1.
    Sha1,
    /// SHA-256 cut to 20 bytes, number 3. Ranked below the whole one.
    Sha256Truncated,
    /// SHA-256, number 2.
    Sha256,
    /// SHA-384, number 4.
    Sha384,
}

impl Digest {
    /// The digest with this number.
    pub fn from_number(n: u8) -> Option<Digest> {
        Some(match n {
            1 => Digest::Sha1,
            2 => Digest::Sha256,
            3 => Digest::Sha256Truncated,
            4 => Digest::Sha384,
            _ => return None,
        })
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            Digest::Sha1 => 1,
            Digest::Sha256 => 2,
            Digest::Sha256Truncated => 3,
            Digest::Sha384 => 4,
        }
    }

    /// Bytes of a hash in a slot.
    pub fn size(self) -> usize {
        match self {
            Digest::Sha1 | Digest::Sha256Truncated => 20,
            Digest::Sha256 => 32,
            Digest::Sha384 => 48,
        }
    }

    /// The usual name, such as `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Digest::Sha1 => "sha1",
            Digest::Sha256 => "sha256",
            Digest::Sha256Truncated => "sha256-truncated",
            Digest::Sha384 => "sha384",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Digest> {
        let name = name.to_ascii_lowercase().replace(['-', '_'], "");
        [Digest::Sha1, Digest::Sha256, Digest::Sha256Truncated, Digest::Sha384]
            .into_iter()
            .find(|d| d.name().replace('-', "") == name)
    }

    /// The hash of `data`: [`Digest::size`] bytes.
    pub fn hash(self, data: &[u8]) -> Vec<u8> {
        let mut hash = match self {
            Digest::Sha1 => sha1::Sha1::digest(data).to_vec(),
            Digest::Sha256 | Digest::Sha256Truncated => sha2::Sha256::digest(data).to_vec(),
            Digest::Sha384 => sha2::Sha384::digest(data).to_vec(),
        };
        hash.truncate(self.size());
        hash
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
