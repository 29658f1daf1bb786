//! The bytes of catalog and attribute records.

use super::super::header::EPOCH;
use super::Object;
use crate::Kind;

/// Where a fork's contents were put.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub(super) size: u64,
    pub(super) start: u32,
    pub(super) blocks: u32,
}

impl Place {
    /// The 80 bytes of a fork record.
    pub(super) fn fork(&self, clump: u32) -> Vec<u8> {
        let mut f = Vec::with_capacity(80);
        f.extend_from_slice(&self.size.to_be_bytes());
        f.extend_from_slice(&clump.to_be_bytes());
        f.extend_from_slice(&self.blocks.to_be_bytes());
        if self.blocks > 0 {
            f.extend_from_slice(&self.start.to_be_bytes());
            f.extend_from_slice(&self.blocks.to_be_bytes());
        }
        f.resize(80, 0);
        f
    }
}

/// Seconds since 1970 as an HFS+ date; later dates than there are become the last one, earlier ones none.
pub(super) fn date(seconds: i64) -> u32 {
    u32::try_from(seconds.saturating_add(EPOCH).clamp(0, u32::MAX.into())).unwrap_or(0)
}

/// The key of a catalog record.
pub(super) fn catalog_key(parent: u32, name: &[u16]) -> Vec<u8> {
    let mut k = Vec::with_capacity(name.len().saturating_mul(2).saturating_add(8));
    k.extend_from_slice(&(name.len() as u16).saturating_mul(2).saturating_add(6).to_be_bytes());
    k.extend_from_slice(&parent.to_be_bytes());
    name_into(&mut k, name);
    k
}

fn name_into(out: &mut Vec<u8>, name: &[u16]) {
    out.extend_from_slice(&(name.len() as u16).to_be_bytes());
    out.extend(name.iter().flat_map(|u| u.to_be_bytes()));
}

/// The record that leads from an object's number to its name.
pub(super) fn thread(folder: bool, parent: u32, name: &[u16]) -> Vec<u8> {
    let mut t = if folder { vec![0, 3, 0, 0] } else { vec![0, 4, 0, 0] };
    t.extend_from_slice(&parent.to_be_bytes());
    name_into(&mut t, name);
    t
}

/// What folder and file records begin with, up to byte 48.
pub(super) struct Common {
    pub(super) folder: bool,
    pub(super) flags: u16,
    /// Folder: number of entries. Linked file: its first link.
    pub(super) count: u32,
    pub(super) id: u32,
    pub(super) created: u32,
    pub(super) modified: u32,
    pub(super) changed: u32,
    pub(super) accessed: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// BSD flags.
    pub(super) bsd: u32,
    /// Type and permissions.
    pub(super) mode: u16,
    pub(super) special: u32,
}

impl Common {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut r = Vec::with_capacity(248);
        r.extend_from_slice(&(if self.folder { 1u16 } else { 2 }).to_be_bytes());
        r.extend_from_slice(&self.flags.to_be_bytes());
        for field in [
            self.count,
            self.id,
            self.created,
            self.modified,
            self.changed,
            self.accessed,
            0,
            self.uid,
            self.gid,
        ] {
            r.extend_from_slice(&field.to_be_bytes());
        }
        r.push((self.bsd >> 16 & 0xff) as u8);
        r.push((self.bsd & 0xff) as u8);
        r.extend_from_slice(&self.mode.to_be_bytes());
        r.extend_from_slice(&self.special.to_be_bytes());
        r
    }
}

/// Finder information, text encoding and the word after it: bytes 48 to 88.
pub(super) fn finder(out: &mut Vec<u8>, info: &[u8; 32], last: u32) {
    out.extend_from_slice(info);
    out.extend_from_slice(&0u32.to_be_bytes());
    out.extend_from_slice(&last.to_be_bytes());
}

/// Finder information with a file type and creator.
pub(super) fn type_creator(both: &[u8; 8]) -> [u8; 32] {
    let mut info = [0; 32];
    for (to, from) in info.iter_mut().zip(both) {
        *to = *from;
    }
    info
}

/// The Finder information of an object.
pub(super) fn finder_of(o: &Object) -> [u8; 32] {
    match o.kind {
        Kind::Symlink => type_creator(b"slnkrhap"),
        _ => o.finder,
    }
}

/// The type bits of a mode.
pub(super) fn type_bits(kind: Kind) -> u16 {
    match kind {
        Kind::Fifo => 0o010_000,
        Kind::CharDevice => 0o020_000,
        Kind::Directory | Kind::DirectoryLink => 0o040_000,
        Kind::BlockDevice => 0o060_000,
        Kind::File => 0o100_000,
        Kind::Symlink => 0o120_000,
        Kind::Socket => 0o140_000,
    }
}

/// The key of an attribute record.
pub(super) fn attribute_key(file: u32, name: &[u16]) -> Vec<u8> {
    let mut k = Vec::with_capacity(name.len().saturating_mul(2).saturating_add(14));
    k.extend_from_slice(&(name.len() as u16).saturating_mul(2).saturating_add(12).to_be_bytes());
    k.extend_from_slice(&[0, 0]);
    k.extend_from_slice(&file.to_be_bytes());
    k.extend_from_slice(&0u32.to_be_bytes());
    name_into(&mut k, name);
    k
}

/// An attribute whose value is in its record.
pub(super) fn attribute_inline(value: &[u8]) -> Vec<u8> {
    let mut r = vec![0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0];
    r.extend_from_slice(&(value.len() as u32).to_be_bytes());
    r.extend_from_slice(value);
    if r.len() % 2 == 1 {
        r.push(0);
    }
    r
}

/// An attribute whose value is in blocks of its own.
pub(super) fn attribute_fork(place: &Place) -> Vec<u8> {
    let mut r = vec![0, 0, 0, 0x20, 0, 0, 0, 0];
    r.extend(place.fork(0));
    r
}
