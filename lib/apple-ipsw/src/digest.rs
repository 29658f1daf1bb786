//! The digests of BuildManifest.
//!
//! What is hashed is the whole IM4P file, with its four-letter type replaced by the component's `Img4PayloadType` if
//! it has one: DeviceTree and RestoreDeviceTree share a file and have two digests. SHA-384 (48 bytes) on A10 and
//! later, SHA-1 (20 bytes) on A7 to A9. This code finds right all 30 digests of the 27 files that could be had of an
//! iOS 11.2 IPSW (iPhone X, both boards); the SHA-1 form is from reading only. The Savage firmware there is no IM4P,
//! and its digest is the plain SHA-256. For other files that are no IM4P the rule is not known: a digest that fits is
//! reported, one that does not is no error.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384};

/// How a file compares with BuildManifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The digest is right.
    Match,
    /// BuildManifest has no digest for it.
    Absent,
    /// It is no IM4P, and its plain digest is another: not known what is hashed.
    NotComparable,
}

impl Verdict {
    /// A word or two for people.
    pub fn text(self) -> &'static str {
        match self {
            Verdict::Match => "digest ok",
            Verdict::Absent => "no digest",
            Verdict::NotComparable => "digest not comparable",
        }
    }
}

/// A digest that does not fit: algorithm, the one the file gives, the one it should be; in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which digest.
    pub algorithm: &'static str,
    /// What the file gives.
    pub is: String,
    /// What BuildManifest says.
    pub should: String,
}

/// How many bytes of the start of a file tell whether and where an IM4P has its type.
pub const HEAD: usize = 32;

/// Compares a file with its digest as its bytes pass, in order.
#[derive(Debug, Clone)]
pub struct DigestCheck {
    should: Vec<u8>,
    state: State,
    /// Where the type is and what to put there for the hash.
    retype: Option<(u64, [u8; 4])>,
    is_im4p: bool,
    at: u64,
}

#[derive(Debug, Clone)]
enum State {
    Sha1(Sha1),
    Sha256(Sha256),
    Sha384(Sha384),
    Unknown,
}

impl DigestCheck {
    /// For a file that starts with `head` ([`HEAD`] bytes, or the whole file if shorter).
    pub fn new(digest: &[u8], im4p_type: Option<&str>, head: &[u8]) -> DigestCheck {
        let state = match digest.len() {
            20 => State::Sha1(Sha1::new()),
            32 => State::Sha256(Sha256::new()),
            48 => State::Sha384(Sha384::new()),
            _ => State::Unknown,
        };
        let place = type_offset(head);
        let new = im4p_type.and_then(|t| <[u8; 4]>::try_from(t.as_bytes()).ok());
        DigestCheck {
            should: digest.to_vec(),
            state,
            retype: place.zip(new).map(|(p, t)| (p as u64, t)),
            is_im4p: place.is_some(),
            at: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, data: &[u8]) {
        match self.retype {
            Some((place, new)) if self.at < place + 4 && self.at + data.len() as u64 > place => {
                let mut changed = data.to_vec();
                for (i, b) in new.into_iter().enumerate() {
                    let target =
                        (place + i as u64).checked_sub(self.at).and_then(|t| usize::try_from(t).ok());
                    if let Some(byte) = target.and_then(|t| changed.get_mut(t)) {
                        *byte = b;
                    }
                }
                self.hash(&changed);
            }
            _ => self.hash(data),
        }
        self.at = self.at.saturating_add(data.len() as u64);
    }

    fn hash(&mut self, data: &[u8]) {
        match &mut self.state {
            State::Sha1(h) => h.update(data),
            State::Sha256(h) => h.update(data),
            State::Sha384(h) => h.update(data),
            State::Unknown => {}
        }
    }

    /// Whether the bytes were those of BuildManifest.
    pub fn finish(self) -> Result<Verdict, Mismatch> {
        let (algorithm, is) = match self.state {
            State::Sha1(h) => ("SHA-1", h.finalize().to_vec()),
            State::Sha256(h) => ("SHA-256", h.finalize().to_vec()),
            State::Sha384(h) => ("SHA-384", h.finalize().to_vec()),
            State::Unknown => return Ok(Verdict::NotComparable),
        };
        let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
        match is == self.should {
            true => Ok(Verdict::Match),
            false if !self.is_im4p => Ok(Verdict::NotComparable),
            false => Err(Mismatch { algorithm, is: hex(&is), should: hex(&self.should) }),
        }
    }
}

/// Where the four-letter type of an IM4P is: after the SEQUENCE header, `16 04 IM4P` and `16 04`.
pub fn type_offset(head: &[u8]) -> Option<usize> {
    const START: &[u8] = b"\x16\x04IM4P\x16\x04";
    if head.first() != Some(&0x30) {
        return None;
    }
    let header = match head.get(1)? {
        n @ 0x81..=0x88 => 2 + usize::from(n & 0x7f),
        _ => 2,
    };
    head.get(header..)?.starts_with(START).then_some(header + START.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The IM4P of the reference: type dtre, description "1", payload 01020304.
    const IM4P: &[u8] = &[
        0x30, 0x15, 0x16, 4, b'I', b'M', b'4', b'P', 0x16, 4, b'd', b't', b'r', b'e', 0x16, 1, b'1', 4, 4, 1,
        2, 3, 4,
    ];

    fn starts(check: DigestCheck, hex: &str) {
        let e = check.finish().unwrap_err();
        assert!(e.is.starts_with(hex), "{}", e.is);
    }

    #[test]
    fn an_im4p_is_hashed_whole_and_under_the_type_of_its_component() {
        let mut plain = DigestCheck::new(&[0; 48], None, IM4P);
        plain.update(IM4P);
        starts(plain, "4057dd4a8d16d1be");
        for cut in 0..IM4P.len() {
            let mut retyped = DigestCheck::new(&[0; 48], Some("rdtr"), IM4P);
            retyped.update(&IM4P[..cut]);
            retyped.update(&IM4P[cut..]);
            starts(retyped, "e065d31b19002244");
        }
    }

    #[test]
    fn the_length_of_the_digest_is_its_algorithm() {
        let digest = |bytes: &[u8]| {
            let mut c = DigestCheck::new(bytes, None, IM4P);
            c.update(IM4P);
            c.finish()
        };
        assert_eq!(digest(&Sha1::digest(IM4P)), Ok(Verdict::Match));
        assert_eq!(digest(&Sha256::digest(IM4P)), Ok(Verdict::Match));
        assert_eq!(digest(&Sha384::digest(IM4P)), Ok(Verdict::Match));
        assert_eq!(digest(&[0; 7]), Ok(Verdict::NotComparable));
        assert_eq!(digest(&[0; 20]).unwrap_err().algorithm, "SHA-1");
    }

    #[test]
    fn a_file_that_is_no_im4p_is_not_judged_by_a_digest_of_unknown_rule() {
        let mut c = DigestCheck::new(&[0; 48], None, b"koly");
        c.update(b"koly");
        assert_eq!(c.finish(), Ok(Verdict::NotComparable));
    }

    #[test]
    fn the_type_is_found_behind_every_length_of_header() {
        assert_eq!(type_offset(IM4P), Some(10));
        let long = [&[0x30, 0x83, 1, 0, 0][..], &IM4P[2..]].concat();
        assert_eq!(type_offset(&long), Some(13));
        assert_eq!(type_offset(b"0"), None);
        assert_eq!(type_offset(b"\x30\x15\x16\x04IMG4\x16\x04"), None);
    }
}
