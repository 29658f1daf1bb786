//! Keys that the user gives, and AES-CBC with them.

use crate::{Error, Result};
use aes::cipher::{Block, BlockModeDecrypt, KeyIvInit};
use std::fmt;

/// An initialisation vector and an AES key of 128, 192 or 256 bits.
///
/// These are the device's own key's *results* for an image, as published by people who have such a device; what a
/// keybag inside the file holds is something else and is of no use without it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    iv: [u8; 16],
    key: Vec<u8>,
    /// The digits did not say which part comes first.
    either_order: bool,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("bits", &self.bits()).finish_non_exhaustive()
    }
}

impl Key {
    /// A key of its parts.
    ///
    /// # Errors
    /// A key that has not 16, 24 or 32 bytes.
    pub fn new(iv: [u8; 16], key: &[u8]) -> Result<Key> {
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(Error::BadKey("of the wrong length"));
        }
        Ok(Key { iv, key: key.to_vec(), either_order: false })
    }

    /// Reads hexadecimal digits: IV and key as one run, IV first, as img4 tools take it (96 digits for AES-256, 80
    /// for AES-192, 64 for AES-128), or with `:`, `,`, `-` or a blank between them, the shorter one being the IV. One
    /// run in the other order is understood too, when the decrypted bytes show that it is meant.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Key> {
        let text = text.trim();
        if let Some((a, b)) = text.split_once([':', ',', '-', ' ']) {
            let (a, b) = (digits(a)?, digits(b)?);
            let (iv, key) = if a.len() <= b.len() { (a, b) } else { (b, a) };
            let iv = iv.try_into().map_err(|_| Error::BadKey("without an IV of 32 digits"))?;
            return Key::new(iv, &key);
        }
        let bytes = digits(text)?;
        let Some((iv, key)) = bytes.split_first_chunk::<16>() else {
            return Err(Error::BadKey("too short"));
        };
        Ok(Key { either_order: true, ..Key::new(*iv, key)? })
    }

    /// Bits of the key.
    pub fn bits(&self) -> usize {
        self.key.len().saturating_mul(8)
    }

    /// The key, and if its order is not known, the other reading of it.
    pub(crate) fn candidates(&self) -> Vec<Key> {
        let mut all = vec![Key { either_order: false, ..self.clone() }];
        if self.either_order {
            let joined = [&self.iv[..], &self.key].concat();
            if let Some((key, iv)) = joined.split_last_chunk::<16>() {
                all.push(Key { iv: *iv, key: key.to_vec(), either_order: false });
            }
        }
        all
    }

    /// AES-CBC without padding, over whole blocks; bytes after the last whole block stay.
    pub(crate) fn decrypt(&self, data: &mut [u8]) {
        match self.key.len() {
            16 => cbc::<cbc::Decryptor<aes::Aes128>>(&self.key, &self.iv, data),
            24 => cbc::<cbc::Decryptor<aes::Aes192>>(&self.key, &self.iv, data),
            _ => cbc::<cbc::Decryptor<aes::Aes256>>(&self.key, &self.iv, data),
        }
    }
}

fn cbc<C: BlockModeDecrypt + KeyIvInit>(key: &[u8], iv: &[u8], data: &mut [u8]) {
    // The constructor of Key made the lengths right.
    if let Ok(mut cipher) = C::new_from_slices(key, iv) {
        let (blocks, _) = Block::<C>::slice_as_chunks_mut(data);
        cipher.decrypt_blocks(blocks);
    }
}

fn digits(text: &str) -> Result<Vec<u8>> {
    let text = text.trim();
    let text = text.strip_prefix("0x").unwrap_or(text);
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if !text.len().is_multiple_of(2) || text.len() > 256 {
        return Err(Error::BadKey("of the wrong length"));
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [h, l] => Some(digit(*h)? << 4 | digit(*l)?),
            _ => None,
        })
        .collect::<Option<Vec<u8>>>()
        .ok_or(Error::BadKey("not hexadecimal"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_and_separators_are_understood() {
        let (iv, key) = ("00112233445566778899aabbccddeeff", "f".repeat(64));
        let a = Key::parse(&format!("{iv}{key}")).unwrap();
        assert_eq!((a.bits(), a.iv[1]), (256, 0x11));
        assert_eq!(a.candidates()[1].iv, [0xff; 16]);
        assert_eq!(Key::parse(&format!("{iv}:{key}")).unwrap(), Key::parse(&format!("{key},{iv}")).unwrap());
        assert_eq!(Key::parse(&iv.repeat(2)).unwrap().bits(), 128);
        for bad in ["", "00", "zz", &format!("{iv}{key}00"), &format!("{iv}:00"), &"g".repeat(96)] {
            assert!(matches!(Key::parse(bad), Err(Error::BadKey(_))), "{bad}");
        }
    }

    #[test]
    fn the_key_is_not_shown_in_debug_output() {
        let key = Key::new([0; 16], &[0xab; 32]).unwrap();
        assert!(!format!("{key:?}").contains("171"));
    }
}
