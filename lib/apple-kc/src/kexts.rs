//! The kexts of a cache: which there are, and where each has its Mach-O header.
//!
//! Three layouts keep them in three ways. Split caches have whole Mach-Os in `__PRELINK_TEXT` whose addresses only the
//! prelink information knows. Merged caches have two lists of pointers, `__kmod_info` and `__kmod_start`, to which the
//! prelink information refers by `ModuleIndex`; the headers are in `__TEXT_EXEC`, and every pointer, those in the
//! headers' own load commands too, may be tagged. Filesets have a load command for each. A list is given as far as it
//! can be read; what could not is said beside it.
//!
//! Facts: `apple-oss-distributions/xnu` `libkern/c++/OSKext.cpp`, `libkern/libkern/prelink.h`, `osfmk/mach/kmod.h`.

use crate::image::{FilesetEntry, KernelCache, Layout, u32_le, u64_le};
use crate::prelink::{Prelink, Value};
use crate::{Error, Result};

/// Offsets in a `kmod_info` of 64 bits, which is packed to four bytes.
const KMOD_NAME: usize = 16;
const KMOD_VERSION: usize = 80;
const KMOD_START: usize = 180;
const KMOD_STOP: usize = 188;
const KMOD_SIZE: usize = 196;
const KMOD_NAME_SIZE: usize = 64;
/// Caches have some hundreds.
const MAX_KEXTS: usize = 65_536;
/// More than any kext needs.
const MAX_LIBRARIES: usize = 256;

/// A kernel extension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kext {
    /// Bundle identifier.
    pub id: String,
    /// Bundle version.
    pub version: Option<String>,
    /// Where the bundle was when the cache was made (`_PrelinkBundlePath`).
    pub path: Option<String>,
    /// Its executable's path in the bundle.
    pub executable: Option<String>,
    /// Address of its Mach-O header; none for kexts without code and for the parts of the kernel that only have a name.
    pub vmaddr: Option<u64>,
    /// File offset of its Mach-O header.
    pub fileoff: Option<u64>,
    /// Bytes that its segments take in memory, without `__LINKEDIT`.
    pub size: u64,
    /// `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
    /// Address of its `kmod_info`.
    pub kmod_info: Option<u64>,
    /// Address of its start function.
    pub start: Option<u64>,
    /// Address of its stop function.
    pub stop: Option<u64>,
    /// Number in the lists of a merged cache.
    pub module: Option<u64>,
    /// Identifiers of the kexts it needs (`OSBundleLibraries`).
    pub libraries: Vec<String>,
}

impl Kext {
    /// Whether it has code of its own in the cache.
    pub fn has_code(&self) -> bool {
        self.fileoff.is_some()
    }
}

/// A list of kexts, as far as it can be read.
#[derive(Debug, Clone, Default)]
pub struct Kexts {
    /// The kexts, in the file's order.
    pub kexts: Vec<Kext>,
    /// How many there should be, by the sizes of the lists, where there are lists.
    pub declared: Option<u64>,
    /// What could not be read.
    pub problems: Vec<Error>,
}

impl Kexts {
    /// The kext of a bundle identifier, or of its last part if only one has that.
    ///
    /// # Errors
    /// None or several.
    pub fn find(&self, name: &str) -> Result<&Kext> {
        if let Some(kext) = self.kexts.iter().find(|k| k.id == name) {
            return Ok(kext);
        }
        let mut fitting = self.kexts.iter().filter(|k| k.id.rsplit('.').next() == Some(name));
        match (fitting.next(), fitting.next()) {
            (Some(kext), None) => Ok(kext),
            _ => Err(Error::NoSuchKext(name.to_string())),
        }
    }
}

/// Where a section's data should be, and what to say if it is not there.
fn truncated(bytes: &[u8], offset: u64, what: &'static str) -> Error {
    Error::Truncated { offset, what, len: bytes.len() as u64 }
}

impl KernelCache {
    /// The section of prelink information.
    fn prelink_bytes<'a>(&self, bytes: &'a [u8]) -> Result<Option<(&'a [u8], u64)>> {
        let Some(section) = self.section("__PRELINK_INFO", "__info").filter(|s| s.size > 0) else {
            return Ok(None);
        };
        let offset = u64::from(section.offset);
        let data = section.data(bytes).ok_or(truncated(
            bytes,
            offset,
            "the prelink information (__PRELINK_INFO,__info)",
        ))?;
        Ok(Some((data, offset)))
    }

    /// The prelink information; `None` for an image that has none.
    ///
    /// # Errors
    /// It lies outside the file, or cannot be read.
    pub fn prelink<'a>(&self, bytes: &'a [u8]) -> Result<Option<Prelink<'a>>> {
        self.prelink_bytes(bytes)?.map(|(data, offset)| Prelink::parse(data, offset)).transpose()
    }

    /// The kexts of the cache, as far as they can be read.
    ///
    /// # Errors
    /// An image that has no kexts, or nothing of whose lists can be read.
    pub fn kexts(&self, bytes: &[u8]) -> Result<Kexts> {
        let mut list = Kexts::default();
        let prelink = match self.prelink(bytes) {
            Ok(prelink) => prelink,
            Err(e) => {
                list.problems.push(e);
                None
            }
        };
        let infos: Vec<Value<'_>> = prelink
            .as_ref()
            .map(|p| p.root())
            .and_then(|root| root.get("_PrelinkInfoDictionary"))
            .map(|array| array.items().take(MAX_KEXTS).collect())
            .unwrap_or_default();
        // Every header is its own part of the file: together they cannot be longer than it. Texts may be shared, but
        // not by so many that they are longer than it either.
        let mut headers = Headers { bytes, left: bytes.len() as u64, text: bytes.len() };
        match self.layout {
            Layout::Fileset => self.fileset_kexts(&infos, &mut headers, &mut list),
            Layout::Merged => self.merged_kexts(&infos, &mut headers, &mut list),
            _ => list.kexts.extend(infos.iter().map(|info| self.split_kext(*info, &mut headers))),
        }
        if headers.left == 0 || headers.text == 0 || list.kexts.len() >= MAX_KEXTS {
            list.problems.push(Error::TooMany {
                offset: 0,
                what: "kext headers",
                count: list.kexts.len() as u64,
            });
        }
        if list.kexts.is_empty() && list.declared.is_none_or(|n| n == 0) {
            return Err(list.problems.pop().unwrap_or(match self.layout {
                Layout::Plain => Error::NoKexts("this is a kernel alone, not a cache"),
                _ => Error::NoKexts("the cache has no prelink information"),
            }));
        }
        Ok(list)
    }

    fn split_kext(&self, info: Value<'_>, headers: &mut Headers<'_>) -> Kext {
        let mut kext = headers.described(info);
        let number = |key| info.get(key).and_then(Value::integer).filter(|n| *n != 0);
        let load = number("_PrelinkExecutableLoadAddr");
        let source = number("_PrelinkExecutableSourceAddr");
        kext.kmod_info = number("_PrelinkKmodInfo");
        if let Some(vmaddr) = load.or(source) {
            // The image stands where it was put; that it is loaded elsewhere is possible on other architectures only.
            let place = source.and_then(|a| self.file_offset(a)).or_else(|| self.file_offset(vmaddr));
            headers.fill(self, &mut kext, vmaddr, place);
            if kext.size == 0 {
                kext.size = number("_PrelinkExecutableSize").unwrap_or(0);
            }
        }
        self.read_kmod(headers.bytes, &mut kext);
        kext
    }

    fn merged_kexts(&self, infos: &[Value<'_>], headers: &mut Headers<'_>, list: &mut Kexts) {
        let bytes = headers.bytes;
        let mut pointers = |name: &'static str, what| -> Vec<u64> {
            let Some(section) = self.section("__PRELINK_INFO", name).filter(|s| s.size >= 8) else {
                return Vec::new();
            };
            let count = section.size / 8;
            // The list of headers has one more, which is the end of the last.
            let count = if name == "__kmod_start" { count.saturating_sub(1) } else { count };
            list.declared = list.declared.max(Some(count));
            match section.data(bytes) {
                Some(data) => {
                    data.chunks_exact(8).filter_map(|p| u64_le(p, 0)).map(|p| self.untag(p)).collect()
                }
                None => {
                    list.problems.push(truncated(bytes, section.offset.into(), what));
                    Vec::new()
                }
            }
        };
        let modules = pointers("__kmod_info", "the list of kexts (__PRELINK_INFO,__kmod_info)");
        // One more than there are kexts: the last is the end of the last kext's code.
        let starts = pointers("__kmod_start", "the list of kext headers (__PRELINK_INFO,__kmod_start)");
        let fill = |headers: &mut Headers<'_>, kext: &mut Kext, module: u64| {
            let index = usize::try_from(module).unwrap_or(usize::MAX);
            kext.module = Some(module);
            kext.kmod_info = modules.get(index).copied();
            if let Some(start) = starts.get(index) {
                headers.fill(self, kext, *start, self.file_offset(*start));
            }
            self.read_kmod(bytes, kext);
        };
        if infos.is_empty() {
            for module in 0..modules.len() as u64 {
                let mut kext = Kext::default();
                fill(headers, &mut kext, module);
                if kext.id.is_empty() {
                    kext.id = format!("module-{module}");
                }
                list.kexts.push(kext);
            }
            return;
        }
        for info in infos {
            let mut kext = headers.described(*info);
            if let Some(module) = info.get("ModuleIndex").and_then(Value::integer) {
                fill(headers, &mut kext, module);
            }
            list.kexts.push(kext);
        }
    }

    fn fileset_kexts(&self, infos: &[Value<'_>], headers: &mut Headers<'_>, list: &mut Kexts) {
        list.declared = Some(self.fileset.len() as u64);
        let mut by_name: std::collections::HashMap<&str, Value<'_>> =
            infos.iter().filter_map(|i| Some((i.get("CFBundleIdentifier")?.text()?, *i))).collect();
        for entry in &self.fileset {
            let info = by_name.remove(entry.name.as_str());
            let mut kext = info.map(|i| headers.described(i)).unwrap_or_default();
            kext.id.clone_from(&entry.name);
            headers.fill(self, &mut kext, entry.vmaddr, Some(entry.fileoff));
            list.kexts.push(kext);
        }
        // Those without code are in the dictionary only.
        for info in infos {
            if info
                .get("CFBundleIdentifier")
                .and_then(Value::text)
                .is_some_and(|id| by_name.remove(id).is_some())
            {
                list.kexts.push(headers.described(*info));
            }
        }
    }

    /// Name, version, start and stop as the kext's `kmod_info` has them.
    fn read_kmod(&self, bytes: &[u8], kext: &mut Kext) {
        let at = kext.kmod_info.and_then(|a| self.bytes_at(bytes, a));
        let Some(info) = at.and_then(|b| b.get(..KMOD_SIZE)) else { return };
        let text = |at: usize| {
            let field = info.get(at..)?.get(..KMOD_NAME_SIZE)?;
            let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
            let text = field.get(..end)?.escape_ascii().to_string();
            (!text.is_empty()).then_some(text)
        };
        if kext.id.is_empty() {
            kext.id = text(KMOD_NAME).unwrap_or_default();
        }
        if kext.version.is_none() {
            kext.version = text(KMOD_VERSION);
        }
        let pointer = |at| u64_le(info, at).map(|p| self.untag(p)).filter(|p| *p != 0);
        kext.start = pointer(KMOD_START);
        kext.stop = pointer(KMOD_STOP);
    }

    /// The file offset of an address whose byte is in the file's part of a segment.
    pub fn file_offset(&self, vmaddr: u64) -> Option<u64> {
        let within = |s: &&crate::Segment| vmaddr >= s.vmaddr && vmaddr < s.vmaddr.saturating_add(s.filesize);
        let segment = self.segments.iter().find(within)?;
        segment.fileoff.checked_add(vmaddr.checked_sub(segment.vmaddr)?)
    }

    /// The Mach-O of a kext in the cache, with plain addresses in its load commands.
    ///
    /// # Errors
    /// A kext without code, or a damaged header.
    pub fn kext_image(&self, bytes: &[u8], kext: &Kext) -> Result<KernelCache> {
        let fileoff = kext.fileoff.ok_or_else(|| Error::NoExecutable(kext.id.clone()))?;
        let entry = FilesetEntry { name: kext.id.clone(), vmaddr: kext.vmaddr.unwrap_or(0), fileoff };
        let mut image = self.inner(bytes, &entry)?;
        for segment in &mut image.segments {
            segment.vmaddr = self.untag(segment.vmaddr);
            for section in &mut segment.sections {
                section.addr = self.untag(section.addr);
            }
        }
        Ok(image)
    }
}

/// Reads kexts' headers, and no more of them than the file can have.
struct Headers<'a> {
    bytes: &'a [u8],
    left: u64,
    /// Bytes of text that may still be taken over from the prelink information.
    text: usize,
}

impl Headers<'_> {
    /// Takes a text over, if there are not too many already.
    fn take(&mut self, text: &str) -> Option<String> {
        let cost = text.len().saturating_add(1);
        let left = self.text.checked_sub(cost);
        self.text = left.unwrap_or(0);
        left.map(|_| text.to_string())
    }

    /// What the prelink information says of a kext.
    fn described(&mut self, info: Value<'_>) -> Kext {
        let mut text = |key| info.get(key).and_then(Value::text).and_then(|t| self.take(t));
        let mut kext = Kext {
            id: text("CFBundleIdentifier").unwrap_or_default(),
            version: text("CFBundleVersion"),
            path: text("_PrelinkBundlePath"),
            executable: text("_PrelinkExecutableRelativePath"),
            ..Kext::default()
        };
        if kext.executable.is_none() {
            kext.executable = text("CFBundleExecutable");
        }
        if let Some(libraries) = info.get("OSBundleLibraries") {
            let names = libraries.entries().take(MAX_LIBRARIES);
            kext.libraries = names.filter_map(|(name, _)| self.take(name)).collect();
        }
        kext
    }

    fn fill(&mut self, cache: &KernelCache, kext: &mut Kext, vmaddr: u64, fileoff: Option<u64>) {
        kext.vmaddr = Some(vmaddr);
        let Some(at) = fileoff.and_then(|o| usize::try_from(o).ok()) else { return };
        // `sizeofcmds`, before any of them is looked at.
        let cost = at
            .checked_add(20)
            .and_then(|n| u32_le(self.bytes, n))
            .map_or(32, |n| u64::from(n).saturating_add(32));
        self.left = self.left.saturating_sub(cost);
        if self.left == 0 {
            return;
        }
        kext.fileoff = fileoff;
        match cache.kext_image(self.bytes, kext) {
            Ok(image) => {
                kext.uuid = image.uuid;
                let loaded = image.loaded().filter(|s| s.name != "__LINKEDIT");
                kext.size = loaded.fold(0u64, |sum, s| sum.saturating_add(s.vmsize));
            }
            Err(_) => kext.fileoff = None,
        }
    }
}

#[cfg(test)]
mod tests;
