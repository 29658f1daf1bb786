//! What `LC_CODE_SIGNATURE` leads to, read by the rules of `cs_validate_csblob`: what this accepts, XNU accepts.

use crate::bytes::{View, index};
use crate::{CdHash, Digest, Error, Result};

pub(crate) const MAGIC_SUPERBLOB: u32 = 0xfade_0cc0;
pub(crate) const MAGIC_DIRECTORY: u32 = 0xfade_0c02;
pub(crate) const MAGIC_REQUIREMENTS: u32 = 0xfade_0c01;
pub(crate) const MAGIC_ENTITLEMENTS: u32 = 0xfade_7171;
pub(crate) const MAGIC_ENTITLEMENTS_DER: u32 = 0xfade_7172;
pub(crate) const MAGIC_CONSTRAINT: u32 = 0xfade_8181;
pub(crate) const MAGIC_WRAPPER: u32 = 0xfade_0b01;

/// Slots of a super blob; those below 0x1000 other than 0 are special slots of the directories too.
pub(crate) mod slot {
    pub(crate) const DIRECTORY: u32 = 0;
    pub(crate) const INFO: u32 = 1;
    pub(crate) const REQUIREMENTS: u32 = 2;
    pub(crate) const RESOURCES: u32 = 3;
    pub(crate) const ENTITLEMENTS: u32 = 5;
    pub(crate) const ENTITLEMENTS_DER: u32 = 7;
    pub(crate) const ALTERNATE: u32 = 0x1000;
    pub(crate) const ALTERNATE_END: u32 = 0x1005;
    pub(crate) const CMS: u32 = 0x10000;
}

/// Flags of a code directory.
pub mod flags {
    /// `CS_ADHOC`: no certificate signed it.
    pub const ADHOC: u32 = 0x2;
    /// `CS_GET_TASK_ALLOW`.
    pub const GET_TASK_ALLOW: u32 = 0x4;
    /// `CS_HARD`: invalid pages are not loaded.
    pub const HARD: u32 = 0x100;
    /// `CS_KILL`: the process dies when it becomes invalid.
    pub const KILL: u32 = 0x200;
    /// `CS_RESTRICT`.
    pub const RESTRICT: u32 = 0x800;
    /// `CS_ENFORCEMENT`.
    pub const ENFORCEMENT: u32 = 0x1000;
    /// `CS_REQUIRE_LV`: only libraries of the same team or of the platform.
    pub const LIBRARY_VALIDATION: u32 = 0x2000;
    /// `CS_RUNTIME`: hardened runtime.
    pub const RUNTIME: u32 = 0x10000;
    /// `CS_LINKER_SIGNED`: made by a linker.
    pub const LINKER_SIGNED: u32 = 0x20000;

    /// All that have names, as `codesign -o` spells them.
    pub const NAMES: &[(&str, u32)] = &[
        ("adhoc", ADHOC),
        ("get-task-allow", GET_TASK_ALLOW),
        ("hard", HARD),
        ("kill", KILL),
        ("restrict", RESTRICT),
        ("enforcement", ENFORCEMENT),
        ("library", LIBRARY_VALIDATION),
        ("runtime", RUNTIME),
        ("linker-signed", LINKER_SIGNED),
    ];
}

/// What a slot is called.
pub fn slot_name(slot: u32) -> String {
    match slot {
        0 => "code directory".into(),
        1 => "Info.plist".into(),
        2 => "requirements".into(),
        3 => "resources".into(),
        4 => "application".into(),
        5 => "entitlements".into(),
        6 => "representation".into(),
        7 => "entitlements (DER)".into(),
        8 => "launch constraint (self)".into(),
        9 => "launch constraint (parent)".into(),
        10 => "launch constraint (responsible)".into(),
        11 => "library constraint".into(),
        0x1000..=0x1004 => format!("alternate code directory {}", slot & 7),
        0x10000 => "CMS signature".into(),
        0x10001 => "identification".into(),
        0x10002 => "ticket".into(),
        n => format!("slot {n:#x}"),
    }
}

/// A part of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blob<'a> {
    /// Its slot.
    pub slot: u32,
    /// Its magic number.
    pub magic: u32,
    /// Where in the signature.
    pub offset: u32,
    /// All of it, with its header of 8 bytes.
    pub bytes: &'a [u8],
}

impl<'a> Blob<'a> {
    /// What is in it, without magic and length.
    pub fn contents(&self) -> &'a [u8] {
        self.bytes.get(8..).unwrap_or_default()
    }
}

/// A code directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory<'a> {
    /// The slot that it was in.
    pub slot: u32,
    /// Version, such as 0x20400.
    pub version: u32,
    /// Flags: see [`flags`].
    pub flags: u32,
    /// Identifier.
    pub identifier: String,
    /// Team, if there is one.
    pub team: Option<String>,
    /// How its hashes are made.
    pub digest: Digest,
    /// The page size as a power of two.
    pub page_shift: u8,
    /// Bytes of the file that the pages cover.
    pub code_limit: u64,
    /// Number of page hashes.
    pub code_slots: u32,
    /// Number of special slots.
    pub special_slots: u32,
    /// Platform of platform binaries, 0 for others.
    pub platform: u8,
    /// Offset and length of the executable segment in the file, and its flags (version 0x20400 on).
    pub exec_segment: Option<(u64, u64, u64)>,
    hashes: u32,
    bytes: &'a [u8],
}

impl<'a> Directory<'a> {
    fn parse(slot: u32, bytes: &'a [u8]) -> Result<Directory<'a>> {
        let v = View::new(bytes, "a code directory");
        let refuse = |offset: u64, what: String| Error::Refused { offset, what };
        let version = v.be32(8)?;
        let (hashes, ident) = (v.be32(16)?, v.be32(20)?);
        let (special_slots, code_slots) = (v.be32(24)?, v.be32(28)?);
        let (size, number, platform, page_shift) = (v.u8(36)?, v.u8(37)?, v.u8(38)?, v.u8(39)?);
        if !matches!(page_shift, 12 | 14) {
            return Err(refuse(39, format!("pages of 2^{page_shift} bytes (4096 and 16384 are known)")));
        }
        let digest =
            Digest::from_number(number).ok_or_else(|| refuse(37, format!("digest number {number}")))?;
        if usize::from(size) != digest.size() {
            return Err(refuse(36, format!("a {digest} of {size} bytes")));
        }
        let size = u64::from(size);
        if u64::from(hashes) / size < u64::from(special_slots) {
            return Err(refuse(24, format!("{special_slots} special slots do not fit before {hashes:#x}")));
        }
        if (v.bytes.len() as u64).saturating_sub(hashes.into()) / size < u64::from(code_slots)
            || v.bytes.len() < index(hashes.into())
        {
            return Err(refuse(28, format!("{code_slots} page hashes do not fit behind {hashes:#x}")));
        }
        let text = |offset: u32, what: &str| -> Result<String> {
            let rest = bytes.get(index(offset.into())..).unwrap_or_default();
            let end = rest.iter().position(|&b| b == 0);
            let end = end.ok_or_else(|| refuse(offset.into(), format!("the {what} has no end")))?;
            Ok(String::from_utf8_lossy(rest.get(..end).unwrap_or_default()).into_owned())
        };
        let team = if version >= 0x2_0200 { v.be32(48)? } else { 0 };
        let limit64 = if version >= 0x2_0300 { v.be64(56)? } else { 0 };
        let exec_segment = match version >= 0x2_0400 {
            true => Some((v.be64(64)?, v.be64(72)?, v.be64(80)?)),
            false => None,
        };
        Ok(Directory {
            slot,
            version,
            flags: v.be32(12)?,
            identifier: if ident == 0 { String::new() } else { text(ident, "identifier")? },
            team: if team == 0 { None } else { Some(text(team, "team")?) },
            digest,
            page_shift,
            code_limit: if limit64 != 0 { limit64 } else { v.be32(32)?.into() },
            code_slots,
            special_slots,
            platform,
            exec_segment,
            hashes,
            bytes,
        })
    }

    /// Its cdhash.
    pub fn cdhash(&self) -> CdHash {
        let hash = self.digest.hash(self.bytes);
        let mut bytes = [0; 20];
        for (to, from) in bytes.iter_mut().zip(hash) {
            *to = from;
        }
        CdHash { bytes, digest: self.digest }
    }

    /// The stored hash of a page.
    pub fn page_hash(&self, page: u32) -> Option<&'a [u8]> {
        let size = self.digest.size();
        let at = index(self.hashes.into()).checked_add(index(page.into()).checked_mul(size)?)?;
        self.bytes.get(at..at.checked_add(size)?).filter(|_| page < self.code_slots)
    }

    /// The stored hash of a special slot (1 is Info.plist); `None` when there is no such slot.
    pub fn special_hash(&self, slot: u32) -> Option<&'a [u8]> {
        let size = self.digest.size();
        if slot == 0 || slot > self.special_slots {
            return None;
        }
        let at = index(self.hashes.into()).checked_sub(index(slot.into()).checked_mul(size)?)?;
        self.bytes.get(at..at.checked_add(size)?)
    }
}

/// A signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature<'a> {
    blobs: Vec<Blob<'a>>,
    directories: Vec<Directory<'a>>,
    best: usize,
}

impl<'a> Signature<'a> {
    /// Reads a signature: a super blob, or a bare code directory. Padding may follow.
    ///
    /// # Errors
    /// XNU refuses it: the reasons are those of `cs_validate_csblob`.
    pub fn parse(data: &'a [u8]) -> Result<Signature<'a>> {
        let v = View::new(data, "the code signature");
        let refuse = |offset: u64, what: String| Error::Refused { offset, what };
        let (magic, len) = (v.be32(0)?, v.be32(4)?);
        if len < 8 {
            return Err(v.bad(4, "the length of the code signature", len));
        }
        let v = View::new(v.slice(0, len.into())?, v.what);
        let blob = |slot: u32, offset: u32| -> Result<Blob<'a>> {
            let at = u64::from(offset);
            let (magic, len) = (v.be32(at)?, v.be32(at.saturating_add(4))?);
            if len < 8 {
                return Err(v.bad(at.saturating_add(4), "the length of a blob", len));
            }
            Ok(Blob { slot, magic, offset, bytes: v.slice(at, len.into())? })
        };
        let mut blobs = Vec::new();
        match magic {
            MAGIC_DIRECTORY => blobs.push(blob(slot::DIRECTORY, 0)?),
            MAGIC_SUPERBLOB => {
                let count = v.be32(8)?;
                // Signatures have a dozen at most; more would only cost time.
                if count > 1024 || u64::from(count) > (v.bytes.len() as u64).saturating_sub(12) / 8 {
                    return Err(v.bad(8, "the number of blobs", count));
                }
                for i in 0..u64::from(count) {
                    let at = i.saturating_mul(8).saturating_add(12);
                    blobs.push(blob(v.be32(at)?, v.be32(at.saturating_add(4))?)?);
                }
            }
            other => return Err(v.bad(0, "the magic number of a code signature", other)),
        }
        let mut directories: Vec<Directory<'a>> = Vec::new();
        let mut seen = Vec::new();
        for b in &blobs {
            let wanted = match b.slot {
                slot::DIRECTORY | slot::ALTERNATE..slot::ALTERNATE_END => MAGIC_DIRECTORY,
                slot::ENTITLEMENTS => MAGIC_ENTITLEMENTS,
                slot::ENTITLEMENTS_DER => MAGIC_ENTITLEMENTS_DER,
                8..=11 => MAGIC_CONSTRAINT,
                _ => continue,
            };
            let at = u64::from(b.offset);
            if b.magic != wanted {
                let what = format!("the {} has the magic number {:#x}", slot_name(b.slot), b.magic);
                return Err(refuse(at, what));
            }
            if wanted == MAGIC_DIRECTORY {
                let d = Directory::parse(b.slot, b.bytes)?;
                if directories.iter().any(|o| o.digest == d.digest) {
                    return Err(refuse(at, format!("a second code directory with {}", d.digest)));
                }
                directories.push(d);
            } else if seen.contains(&b.slot) {
                return Err(refuse(at, format!("a second blob for {}", slot_name(b.slot))));
            }
            seen.push(b.slot);
        }
        let best = (0..directories.len()).max_by_key(|&i| directories.get(i).map(|d| d.digest));
        let best = best.ok_or_else(|| refuse(0, "there is no code directory".into()))?;
        Ok(Signature { blobs, directories, best })
    }

    /// All parts, in the order of the index.
    pub fn blobs(&self) -> &[Blob<'a>] {
        &self.blobs
    }

    /// The part in a slot.
    pub fn blob(&self, slot: u32) -> Option<&Blob<'a>> {
        self.blobs.iter().find(|b| b.slot == slot)
    }

    /// The code directories.
    pub fn directories(&self) -> &[Directory<'a>] {
        &self.directories
    }

    /// The code directory that XNU takes: the one with the strongest digest.
    #[expect(clippy::indexing_slicing, reason = "`parse` made sure that it is there")]
    pub fn best(&self) -> &Directory<'a> {
        &self.directories[self.best]
    }

    /// The cdhash of the code directory that XNU takes.
    pub fn cdhash(&self) -> CdHash {
        self.best().cdhash()
    }

    /// The text of the entitlements, if there are any.
    pub fn entitlements(&self) -> Option<String> {
        self.blob(slot::ENTITLEMENTS).map(|b| String::from_utf8_lossy(b.contents()).into_owned())
    }

    /// Whether a certificate signed it: its CMS part is not empty.
    pub fn has_certificate(&self) -> bool {
        self.blob(slot::CMS).is_some_and(|b| !b.contents().is_empty())
    }

    /// Compares all hashes with the code and the other parts. `code` is the slice that the signature is in.
    ///
    /// # Errors
    /// A directory covers more than there is, or has too few page hashes.
    pub fn check(&self, code: &[u8]) -> Result<Check> {
        let mut check = Check::default();
        for d in &self.directories {
            let refuse = |offset: u64, what: String| Error::Refused { offset, what };
            let covered = code.get(..index(d.code_limit)).ok_or_else(|| {
                refuse(32, format!("the code limit {:#x} is beyond the end of the file", d.code_limit))
            })?;
            let page = 1usize << d.page_shift;
            let pages = covered.len().div_ceil(page);
            if pages != index(d.code_slots.into()) {
                return Err(refuse(28, format!("{} page hashes for {pages} pages", d.code_slots)));
            }
            for (i, page) in (0u32..).zip(covered.chunks(page)) {
                check.pages = check.pages.saturating_add(1);
                if d.page_hash(i) != Some(d.digest.hash(page).as_slice()) {
                    check.bad_pages.push((d.digest, i));
                }
            }
            // Eleven special slots have a meaning.
            for s in 1..=16 {
                let stored = d.special_hash(s);
                let set = stored.is_some_and(|h| h.iter().any(|&b| b != 0));
                let state = match (self.blob(s), set) {
                    (None, false) => continue,
                    (None, true) => SlotState::Outside,
                    (Some(b), _) if stored == Some(d.digest.hash(b.bytes).as_slice()) => SlotState::Good,
                    (Some(_), _) => SlotState::Differs,
                };
                check.slots.push(Slot { digest: d.digest, slot: s, state });
            }
        }
        Ok(check)
    }
}

/// What [`Signature::check`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// Page hashes compared, of all directories.
    pub pages: u32,
    /// Pages that differ.
    pub bad_pages: Vec<(Digest, u32)>,
    /// Special slots that are set.
    pub slots: Vec<Slot>,
}

/// What was found of a special slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Of which directory.
    pub digest: Digest,
    /// Its number.
    pub slot: u32,
    /// What was found.
    pub state: SlotState,
}

/// How a special slot fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// The hash is that of the part in the signature.
    Good,
    /// It is not.
    Differs,
    /// What was hashed is a file outside, such as Info.plist: not checked. For entitlements XNU refuses this.
    Outside,
}

impl Check {
    /// Whether nothing differs.
    pub fn is_good(&self) -> bool {
        self.bad_pages.is_empty()
            && self.slots.iter().all(|s| match s.state {
                SlotState::Good => true,
                SlotState::Differs => false,
                SlotState::Outside => !matches!(s.slot, slot::ENTITLEMENTS | slot::ENTITLEMENTS_DER),
            })
    }
}
