//! Ad-hoc signatures.
//!
//! Each slice gets a code directory of version 0x20400 for each digest, requirements (none, in an empty list), the
//! entitlements in both forms and an empty CMS part, as `codesign -s -` writes them. `LC_CODE_SIGNATURE` goes into the
//! room behind the load commands, `__LINKEDIT` grows over the signature. Nothing else of the file changes.

use crate::bytes::index;
use crate::macho::{EXECUTE, LC_CODE_SIGNATURE};
use crate::signature::{
    MAGIC_DIRECTORY, MAGIC_ENTITLEMENTS, MAGIC_ENTITLEMENTS_DER, MAGIC_REQUIREMENTS, MAGIC_SUPERBLOB,
    MAGIC_WRAPPER, flags, slot,
};
use crate::{Digest, Entitlements, Error, MachO, Result, Signature, Slice};

/// Length of a code directory's header, version 0x20400.
const HEADER: usize = 88;
const VERSION: u32 = 0x2_0400;
/// Signatures and the data before them are aligned to this, as `codesign` does.
const ALIGN: u64 = 16;

/// How to sign. The same choices and the same file give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// Identifier, such as `com.apple.ls`.
    pub identifier: String,
    /// Page size as a power of two: 12 (the default) or 14.
    pub page_shift: u8,
    /// Digests of the code directories: SHA-256 alone by default. The first goes into slot 0.
    pub digests: Vec<Digest>,
    /// Flags beside `CS_ADHOC`: see [`flags`].
    pub flags: u32,
    /// Team identifier.
    pub team: Option<String>,
    /// Entitlements.
    pub entitlements: Option<Entitlements>,
    /// Contents of `Info.plist`; without it those of the section `__TEXT,__info_plist`, where there is one.
    pub info: Option<Vec<u8>>,
    /// Contents of `_CodeSignature/CodeResources`.
    pub resources: Option<Vec<u8>>,
    /// A compiled requirements blob, with its magic number; an empty list by default.
    pub requirements: Option<Vec<u8>>,
}

impl Signer {
    /// SHA-256 over pages of 4 KiB, no entitlements.
    pub fn new(identifier: &str) -> Signer {
        Signer {
            identifier: identifier.into(),
            page_shift: 12,
            digests: vec![Digest::Sha256],
            flags: 0,
            team: None,
            entitlements: None,
            info: None,
            resources: None,
            requirements: None,
        }
    }

    /// A signer that keeps what a signature says: identifier, team, flags, digests, page size, entitlements,
    /// requirements.
    ///
    /// # Errors
    /// Its entitlements cannot be read.
    pub fn like(signature: &Signature<'_>) -> Result<Signer> {
        let best = signature.best();
        let mut signer = Signer::new(&best.identifier);
        signer.team.clone_from(&best.team);
        signer.page_shift = best.page_shift;
        signer.flags = best.flags & !flags::LINKER_SIGNED;
        signer.digests = signature.directories().iter().map(|d| d.digest).collect();
        signer.requirements = signature.blob(slot::REQUIREMENTS).map(|b| b.bytes.to_vec());
        if let Some(b) = signature.blob(slot::ENTITLEMENTS).filter(|b| !b.contents().is_empty()) {
            signer.entitlements = Some(Entitlements::parse(b.contents())?);
        }
        Ok(signer)
    }

    /// The file with every slice signed; signatures that were there are replaced.
    ///
    /// # Errors
    /// The file is no Mach-O, cannot be signed (an object file, no `__LINKEDIT`, no room for the load command), or the
    /// choices make no sense.
    pub fn sign(&self, file: &[u8]) -> Result<Vec<u8>> {
        self.sign_with(file, |_| Ok(self.clone()))
    }

    /// As [`Signer::sign`], with a signer of its own for each slice.
    ///
    /// # Errors
    /// As [`Signer::sign`], and what `choose` gives.
    pub fn sign_with(&self, file: &[u8], choose: impl Fn(&Slice<'_>) -> Result<Signer>) -> Result<Vec<u8>> {
        let parsed = MachO::parse(file)?;
        let mut signed = Vec::new();
        for slice in parsed.slices() {
            let one = choose(slice)?.slice(slice);
            signed.push(one.map_err(|e| match e {
                Error::Invalid(why) if parsed.is_fat() => Error::Invalid(format!("{}: {why}", slice.name())),
                e => e,
            })?);
        }
        let Some(fat) = parsed.fat else {
            return signed.pop().ok_or_else(|| Error::Invalid("there is nothing to sign".into()));
        };
        let too_large = || Error::Invalid("the signed file is too large for its fat header".into());
        let entry = if fat.wide { 32u64 } else { 20 };
        let mut at = (signed.len() as u64).saturating_mul(entry).saturating_add(8);
        let mut out = file.get(..8).unwrap_or_default().to_vec();
        let mut places = Vec::new();
        for (slice, bytes) in parsed.slices().iter().zip(&signed) {
            at = at.checked_next_multiple_of(1 << slice.align).ok_or_else(too_large)?;
            let len = bytes.len() as u64;
            out.extend_from_slice(&slice.cpu_type.to_be_bytes());
            out.extend_from_slice(&slice.cpu_subtype.to_be_bytes());
            if fat.wide {
                out.extend_from_slice(&at.to_be_bytes());
                out.extend_from_slice(&len.to_be_bytes());
            } else {
                for n in [at, len] {
                    out.extend_from_slice(&u32::try_from(n).map_err(|_| too_large())?.to_be_bytes());
                }
            }
            out.extend_from_slice(&slice.align.to_be_bytes());
            if fat.wide {
                out.extend_from_slice(&[0; 4]);
            }
            places.push(at);
            at = at.saturating_add(len);
        }
        for (at, bytes) in places.into_iter().zip(&signed) {
            out.resize(index(at), 0);
            out.extend_from_slice(bytes);
        }
        Ok(out)
    }

    fn slice(&self, slice: &Slice<'_>) -> Result<Vec<u8>> {
        self.validate()?;
        let invalid = |what: String| Err(Error::Invalid(what));
        if slice.file_type == crate::macho::OBJECT {
            return invalid("an object file is not signed: link it first".into());
        }
        let Some(linkedit) = slice.segment(b"__LINKEDIT") else {
            return invalid("there is no __LINKEDIT segment for the signature".into());
        };
        let end = linkedit.fileoff.saturating_add(linkedit.filesize);
        if end > slice.bytes().len() as u64 {
            return Err(Error::Truncated { offset: linkedit.fileoff, what: "__LINKEDIT" });
        }
        let code_end = match slice.signature {
            // The old signature is cut off.
            Some(s) if u64::from(s.offset) < linkedit.fileoff => {
                return invalid(format!("its signature at {:#x} is outside of __LINKEDIT", s.offset));
            }
            Some(s) => {
                let sig_end = u64::from(s.offset).saturating_add(s.size.into());
                if end > sig_end
                    && slice.up_to(end).get(index(sig_end)..).is_some_and(|r| r.iter().any(|&b| b != 0))
                {
                    return invalid(format!("other data of __LINKEDIT follow its signature at {sig_end:#x}"));
                }
                s.offset.into()
            }
            None => end,
        };
        let behind = slice.bytes().get(index(end)..).unwrap_or_default();
        if slice.signature.is_none() && behind.iter().any(|&b| b != 0) {
            return invalid(format!("{} bytes behind __LINKEDIT would not be signed", behind.len()));
        }
        if slice.segments.iter().any(|s| s.fileoff.saturating_add(s.filesize) > end && s.filesize > 0) {
            return invalid("__LINKEDIT is not the last segment of the file".into());
        }
        let limit = code_end.next_multiple_of(ALIGN);
        let mut file = slice.up_to(code_end).to_vec();
        file.resize(index(limit), 0);

        let plan = Plan::new(self, slice, limit)?;
        let size = plan.size()?.next_multiple_of(ALIGN as u32);
        let Ok(offset) = u32::try_from(limit) else {
            return invalid("it is larger than a Mach-O can be".into());
        };
        let command = command(slice)?;
        let mut put = |at: u64, bytes: &[u8]| {
            let at = index(at);
            if let Some(to) = file.get_mut(at..at.saturating_add(bytes.len())) {
                to.copy_from_slice(bytes);
            }
        };
        for (i, v) in (0u64..).zip([LC_CODE_SIGNATURE, 16, offset, size]) {
            put(command.saturating_add(i.saturating_mul(4)), &v.to_le_bytes());
        }
        if slice.signature.is_none() {
            let sizes = slice.commands.iter().fold(16u32, |n, c| n.saturating_add(c.size));
            put(16, &(slice.commands.len() as u32).saturating_add(1).to_le_bytes());
            put(20, &sizes.to_le_bytes());
        }
        let filesize = limit.saturating_add(size.into()).saturating_sub(linkedit.fileoff);
        // Arm pages of Apple's have 16 KiB.
        let page = if slice.cpu_type & 0xff == 12 { 0x4000 } else { 0x1000 };
        let vmsize = filesize.next_multiple_of(page);
        let vmend = linkedit.vmaddr.saturating_add(vmsize);
        if slice.segments.iter().any(|s| {
            s.command != linkedit.command
                && s.vmsize > 0
                && s.vmaddr < vmend
                && s.vmaddr.saturating_add(s.vmsize) > linkedit.vmaddr
        }) {
            return invalid("__LINKEDIT cannot grow: another segment lies behind it in memory".into());
        }
        if slice.wide {
            put(linkedit.command.saturating_add(32), &vmsize.to_le_bytes());
            put(linkedit.command.saturating_add(48), &filesize.to_le_bytes());
        } else {
            for (at, v) in [(28, vmsize), (36, filesize)] {
                let v = u32::try_from(v).map_err(|_| Error::Invalid("__LINKEDIT is too large".into()))?;
                put(linkedit.command.saturating_add(at), &v.to_le_bytes());
            }
        }
        let signature = plan.signature(&file)?;
        file.extend_from_slice(&signature);
        file.resize(index(limit.saturating_add(size.into())), 0);
        Ok(file)
    }

    fn validate(&self) -> Result<()> {
        let invalid = |what: String| Err(Error::Invalid(what));
        let text = |what: &str, s: &str| match s.is_empty() || s.len() > 1024 || s.contains('\0') {
            true => invalid(format!("the {what} has 1 to 1024 bytes and no NUL")),
            false => Ok(()),
        };
        text("identifier", &self.identifier)?;
        self.team.as_deref().map_or(Ok(()), |t| text("team identifier", t))?;
        if !matches!(self.page_shift, 12 | 14) {
            return invalid("pages have 4096 or 16384 bytes".into());
        }
        let twice = self.digests.iter().enumerate().any(|(i, d)| self.digests.iter().take(i).any(|o| o == d));
        if self.digests.is_empty() || twice {
            return invalid("one or several different digests are needed".into());
        }
        if let Some(r) = &self.requirements
            && r.get(..4) != Some(&MAGIC_REQUIREMENTS.to_be_bytes())
        {
            return invalid("the requirements are not compiled (magic fade0c01)".into());
        }
        Ok(())
    }
}

/// Where the load command goes.
fn command(slice: &Slice<'_>) -> Result<u64> {
    if let Some(s) = slice.signature {
        return Ok(s.command);
    }
    let header = if slice.wide { 32u64 } else { 28 };
    let at = slice.commands.last().map_or(header, |c| c.offset.saturating_add(c.size.into()));
    let first = slice
        .segments
        .iter()
        .flat_map(|s| [s.first_section, Some(s.fileoff).filter(|&o| o > 0 && s.filesize > 0)])
        .flatten()
        .min();
    let room = slice.bytes().get(index(at)..index(at.saturating_add(16))).unwrap_or_default();
    if first.is_some_and(|f| f < at.saturating_add(16)) || room.len() < 16 || room.iter().any(|&b| b != 0) {
        let left = first.unwrap_or(at).saturating_sub(at);
        return Err(Error::Invalid(format!(
            "there are {left} bytes behind its load commands, 16 are needed: link it with -headerpad 0x100"
        )));
    }
    Ok(at)
}

/// The parts of a signature, before the pages are hashed.
struct Plan<'a> {
    signer: &'a Signer,
    limit: u64,
    exec: (u64, u64, u64),
    info: Option<&'a [u8]>,
    /// Parts beside the directories: slot and bytes.
    parts: Vec<(u32, Vec<u8>)>,
    special: u32,
}

fn part(magic: u32, contents: &[u8]) -> Vec<u8> {
    let mut b = magic.to_be_bytes().to_vec();
    b.extend_from_slice(&(contents.len() as u32).saturating_add(8).to_be_bytes());
    b.extend_from_slice(contents);
    b
}

impl<'a> Plan<'a> {
    fn new(signer: &'a Signer, slice: &Slice<'a>, limit: u64) -> Result<Plan<'a>> {
        let empty = || part(MAGIC_REQUIREMENTS, &[0; 4]);
        let mut parts = vec![(slot::REQUIREMENTS, signer.requirements.clone().unwrap_or_else(empty))];
        if let Some(e) = &signer.entitlements {
            parts.push((slot::ENTITLEMENTS, part(MAGIC_ENTITLEMENTS, e.xml())));
            parts.push((slot::ENTITLEMENTS_DER, part(MAGIC_ENTITLEMENTS_DER, &e.der())));
        }
        let mut special = parts.iter().map(|p| p.0).max().unwrap_or(0);
        if signer.resources.is_some() {
            special = special.max(slot::RESOURCES);
        }
        parts.push((slot::CMS, part(MAGIC_WRAPPER, &[])));
        let main = slice.file_type == EXECUTE;
        let text = slice.segment(b"__TEXT");
        let exec_flags = Entitlements::exec_flags(signer.entitlements.as_ref(), main);
        Ok(Plan {
            signer,
            limit,
            exec: (text.map_or(0, |t| t.fileoff), text.map_or(0, |t| t.filesize), exec_flags),
            info: signer.info.as_deref().or_else(|| slice.section("__TEXT", "__info_plist")),
            parts,
            special,
        })
    }

    fn pages(&self) -> u64 {
        self.limit.div_ceil(1 << self.signer.page_shift)
    }

    /// Where the page hashes of a directory start.
    fn hashes(&self, digest: Digest) -> usize {
        let text = |s: &str| s.len().saturating_add(1);
        HEADER
            .saturating_add(text(&self.signer.identifier))
            .saturating_add(self.signer.team.as_deref().map_or(0, text))
            .saturating_add(index(self.special.into()).saturating_mul(digest.size()))
    }

    fn directory_size(&self, digest: Digest) -> usize {
        index(self.pages()).saturating_mul(digest.size()).saturating_add(self.hashes(digest))
    }

    /// Bytes of the whole signature.
    fn size(&self) -> Result<u32> {
        let directories = self.signer.digests.iter().map(|&d| self.directory_size(d));
        let all = directories.chain(self.parts.iter().map(|p| p.1.len()));
        let size = all.fold(12usize, |n, p| n.saturating_add(p).saturating_add(8));
        u32::try_from(size)
            .ok()
            .filter(|&n| n < u32::MAX - 64)
            .ok_or_else(|| Error::Invalid("the signature would be too large".into()))
    }

    fn signature(&self, code: &[u8]) -> Result<Vec<u8>> {
        let mut parts: Vec<(u32, Vec<u8>)> = Vec::new();
        for (i, &digest) in (0u32..).zip(&self.signer.digests) {
            let slot =
                if i == 0 { slot::DIRECTORY } else { slot::ALTERNATE.saturating_add(i).saturating_sub(1) };
            parts.push((slot, self.directory(digest, code)));
        }
        parts.extend(self.parts.iter().cloned());
        // In the order of their slots, as codesign has them.
        parts.sort_by_key(|p| p.0);
        let mut at = (parts.len() as u32).saturating_mul(8).saturating_add(12);
        let mut out = Vec::new();
        for v in [MAGIC_SUPERBLOB, self.size()?, parts.len() as u32] {
            out.extend_from_slice(&v.to_be_bytes());
        }
        for (slot, bytes) in &parts {
            out.extend_from_slice(&slot.to_be_bytes());
            out.extend_from_slice(&at.to_be_bytes());
            at = at.saturating_add(bytes.len() as u32);
        }
        for (_, bytes) in &parts {
            out.extend_from_slice(bytes);
        }
        Ok(out)
    }

    fn directory(&self, digest: Digest, code: &[u8]) -> Vec<u8> {
        let s = self.signer;
        let team = match &s.team {
            Some(_) => HEADER.saturating_add(s.identifier.len()).saturating_add(1) as u32,
            None => 0,
        };
        let mut d = Vec::with_capacity(self.directory_size(digest));
        for v in [
            MAGIC_DIRECTORY,
            self.directory_size(digest) as u32,
            VERSION,
            s.flags | flags::ADHOC,
            self.hashes(digest) as u32,
            HEADER as u32,
            self.special,
            self.pages() as u32,
            self.limit as u32,
        ] {
            d.extend_from_slice(&v.to_be_bytes());
        }
        d.extend_from_slice(&[digest.size() as u8, digest.number(), 0, s.page_shift]);
        for v in [0, 0, team, 0] {
            // A spare word, no scatter, the team, another spare word.
            d.extend_from_slice(&v.to_be_bytes());
        }
        for v in [0, self.exec.0, self.exec.1, self.exec.2] {
            // No code limit beyond 32 bits; the executable segment.
            d.extend_from_slice(&v.to_be_bytes());
        }
        for text in [Some(&s.identifier), s.team.as_ref()].into_iter().flatten() {
            d.extend_from_slice(text.as_bytes());
            d.push(0);
        }
        for slot in (1..=self.special).rev() {
            let hash = match slot {
                slot::INFO => self.info.map(|i| digest.hash(i)),
                slot::RESOURCES => s.resources.as_deref().map(|r| digest.hash(r)),
                _ => self.parts.iter().find(|p| p.0 == slot).map(|p| digest.hash(&p.1)),
            };
            d.extend(hash.unwrap_or_else(|| vec![0; digest.size()]));
        }
        for page in code.chunks(1 << s.page_shift) {
            d.extend(digest.hash(page));
        }
        d
    }
}

#[cfg(test)]
mod tests;
