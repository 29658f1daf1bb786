//! The head of an Apple Encrypted Archive (`AEA1`): what it says without a key.
//!
//! Nothing is decrypted. Facts: `blacktop/ipsw:pkg/aea`, Apple's manual page aea(1).

use crate::bytes::{View, index};
use crate::source::read_up_to;
use crate::{Error, Result, Source};

/// The most authentication data that is read.
const MAX_AUTH: u32 = 1 << 20;

/// The head of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How it is protected, 0 to 5.
    pub profile: u32,
    /// Strength of the derivation of a key from a pass phrase.
    pub scrypt_strength: u8,
    /// What may be read without the key: names and values.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Head {
    /// Reads the head of an archive; `None` when it is none.
    pub fn read(source: &dyn Source) -> Result<Option<Head>> {
        let start = read_up_to(source, 0, 12)?;
        if !start.starts_with(b"AEA1") {
            return Ok(None);
        }
        let v = View::new(&start, 0, "the head of the AEA");
        let (word, len) = (v.le32(4)?, v.le32(8)?);
        if len > MAX_AUTH {
            let what = "the length of an AEA's authentication data";
            return Err(Error::Limit { offset: 8, what, value: len.into(), limit: MAX_AUTH.into() });
        }
        let data = read_up_to(source, 12, len.into())?;
        let v = View::new(&data, 12, "the authentication data of the AEA");
        v.slice(0, index(len.into()))?;
        let mut fields = Vec::new();
        let mut at = 0usize;
        while at < v.len() {
            let size = v.le32(at)?;
            let field = match index(size.into()).checked_sub(4) {
                Some(n) => v.slice(at.saturating_add(4), n)?,
                None => return Err(v.bad(at, "the length of a field of an AEA", size)),
            };
            let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
            let (name, value) = field.split_at(end);
            let value = value.get(1..).unwrap_or_default().to_vec();
            fields.push((String::from_utf8_lossy(name).into_owned(), value));
            at = at.saturating_add(index(size.into()));
        }
        Ok(Some(Head { profile: word & 0xff_ffff, scrypt_strength: (word >> 24) as u8, fields }))
    }

    /// What the profile means.
    pub fn profile_name(&self) -> &'static str {
        match self.profile {
            0 => "signed, not encrypted",
            1 => "encrypted with a symmetric key",
            2 => "encrypted with a symmetric key, signed",
            3 => "encrypted for a public key",
            4 => "encrypted for a public key, signed",
            5 => "encrypted with a pass phrase",
            _ => "of an unknown profile",
        }
    }

    /// The value of a field, when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let value = self.fields.iter().find(|f| f.0 == name)?;
        std::str::from_utf8(&value.1).ok()
    }

    /// What is needed to read it.
    pub fn missing(&self) -> String {
        match (self.text("com.apple.wkms.fcs-key-url"), self.text("com.apple.wkms.fcs-response")) {
            (Some(url), _) => format!("the key that Apple's server wraps for the device (fcs-key-url {url})"),
            (None, Some(_)) => "the key inside its fcs-response, which Apple's server unwraps".into(),
            _ if self.profile == 5 => "its pass phrase".into(),
            _ if self.profile == 0 => "a reader of signed archives".into(),
            _ => "its key, of which it says nothing".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bytes, Image};

    fn archive(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut auth = Vec::new();
        for (k, v) in fields {
            auth.extend((k.len() as u32 + v.len() as u32 + 5).to_le_bytes());
            auth.extend([k.as_bytes(), b"\0", v.as_bytes()].concat());
        }
        let mut a = b"AEA1\x01\0\0\x02".to_vec();
        a.extend((auth.len() as u32).to_le_bytes());
        [a, auth, vec![0x77; 4000]].concat()
    }

    #[test]
    fn the_head_names_profile_fields_and_what_is_missing() {
        let a = archive(&[
            ("com.apple.wkms.fcs-response", "{}"),
            ("com.apple.wkms.fcs-key-url", "https://k.example/1"),
        ]);
        let head = Head::read(&Bytes::new(a.clone())).unwrap().unwrap();
        assert_eq!((head.profile, head.scrypt_strength, head.fields.len()), (1, 2, 2));
        assert!(head.missing().contains("https://k.example/1"));
        let e = Image::open(Bytes::shared(a)).unwrap_err();
        assert_eq!(e.kind(), crate::ErrorKind::Unsupported);
        assert!(e.to_string().contains("symmetric") && e.to_string().contains("k.example"), "{e}");
        assert_eq!(Head::read(&Bytes::new(vec![0; 20])).unwrap(), None);
    }

    #[test]
    fn cut_or_false_lengths_are_refused() {
        let a = archive(&[("a", "b")]);
        for cut in 4..18 {
            assert!(Head::read(&Bytes::new(a[..cut].to_vec())).is_err(), "cut at {cut}");
        }
        for (at, value) in [(8, u32::MAX), (12, 3), (12, 200)] {
            let mut bad = a.clone();
            bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
            assert!(Head::read(&Bytes::new(bad)).is_err(), "{value} at {at}");
        }
    }
}
