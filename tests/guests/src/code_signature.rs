//! An ad-hoc code signature for the demo's program, so that its cdhash in the trust cache is a true one.
//!
//! CodeDirectory version 0x20400 with SHA-256 page hashes, no entitlements (xnu: osfmk/kern/cs_blobs.h, tag
//! xnu-4903.221.2). All numbers are big-endian.

use sha2::{Digest, Sha256};

const LC_CODE_SIGNATURE: u32 = 0x1d;
const PAGE_SHIFT: u32 = 14;

/// A signed program.
#[derive(Debug)]
pub struct Signed {
    /// The file with its signature.
    pub file: Vec<u8>,
    /// First 20 bytes of the SHA-256 of the CodeDirectory.
    pub cdhash: [u8; 20],
}

/// Signs a thin 64-bit Mach-O made by [`crate::macho`], whose last segment is `__LINKEDIT` and whose header has room.
pub fn sign(mut file: Vec<u8>, identifier: &str) -> Signed {
    let code_limit = file.len().next_multiple_of(16);
    file.resize(code_limit, 0);
    let pages = code_limit.div_ceil(1 << PAGE_SHIFT);
    let directory_size = 88 + identifier.len() + 1 + pages * 32;
    let signature_size = (12 + 8 + directory_size).next_multiple_of(16);
    add_load_command(&mut file, code_limit as u32, signature_size as u32);

    let mut directory = Vec::new();
    for v in [
        0xfade_0c02u32, // CSMAGIC_CODEDIRECTORY
        directory_size as u32,
        0x20400,
        0x2, // CS_ADHOC
        88 + identifier.len() as u32 + 1,
        88,
        0,
        pages as u32,
        code_limit as u32,
    ] {
        directory.extend(v.to_be_bytes());
    }
    directory.extend([32, 2, 0, PAGE_SHIFT as u8]); // hash size, SHA-256, platform, page size
    directory.extend([0; 12]); // spare2, scatter, team
    directory.extend([0; 12]); // spare3, code limit 64
    let text_size = u64_at(&file, 32 + 72 + 48); // second segment command: __TEXT's size in the file
    for v in [0, text_size, 1] {
        directory.extend(v.to_be_bytes()); // executable segment: base, limit, main binary
    }
    directory.extend(identifier.as_bytes());
    directory.push(0);
    for page in file.chunks(1 << PAGE_SHIFT) {
        directory.extend(Sha256::digest(page));
    }
    let mut cdhash = [0; 20];
    for (to, from) in cdhash.iter_mut().zip(Sha256::digest(&directory)) {
        *to = from;
    }
    for v in [0xfade_0cc0u32, (12 + 8 + directory.len()) as u32, 1, 0, 20] {
        file.extend(v.to_be_bytes()); // CSMAGIC_EMBEDDED_SIGNATURE with one blob: the CodeDirectory
    }
    file.extend(&directory);
    file.resize(code_limit + signature_size, 0);
    Signed { file, cdhash }
}

/// Appends `LC_CODE_SIGNATURE` and lets `__LINKEDIT` reach over the signature.
fn add_load_command(file: &mut [u8], offset: u32, size: u32) {
    let (count, sizes) = (u32_at(file, 16), u32_at(file, 20));
    let mut at = 32;
    for _ in 0..count {
        if file.get(at + 8..at + 18) == Some(b"__LINKEDIT") {
            let start = u64_at(file, at + 40);
            let length = u64::from(offset) + u64::from(size) - start;
            put(file, at + 32, &length.next_multiple_of(0x4000).to_le_bytes());
            put(file, at + 48, &length.to_le_bytes());
        }
        at += u32_at(file, at + 4) as usize;
    }
    for (i, v) in [LC_CODE_SIGNATURE, 16, offset, size].into_iter().enumerate() {
        put(file, at + 4 * i, &v.to_le_bytes());
    }
    put(file, 16, &(count + 1).to_le_bytes());
    put(file, 20, &(sizes + 16).to_le_bytes());
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn u32_at(file: &[u8], at: usize) -> u32 {
    file.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

fn u64_at(file: &[u8], at: usize) -> u64 {
    u64::from(u32_at(file, at)) | u64::from(u32_at(file, at + 4)) << 32
}
