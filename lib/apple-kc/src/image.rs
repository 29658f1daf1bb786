//! The Mach-O of a kernel: header, load commands, and what follows from them.

use crate::error::Error;
use crate::segment::{Section, Segment};
use crate::symbols::{Symbols, Symtab};
use crate::version::Version;
use crate::{KC_BASE_ALIGN, Result};
use goblin::container::Endian;
use goblin::mach::constants::S_ZEROFILL;
use goblin::mach::cputype;
use goblin::mach::load_command::{CommandVariant, LoadCommand};

pub(crate) const CPU_TYPE_ARM64: u32 = cputype::CPU_TYPE_ARM64;
const MH_MAGIC_64: u32 = goblin::mach::header::MH_MAGIC_64;
const MH_MAGIC: u32 = goblin::mach::header::MH_MAGIC;
const MH_FILESET: u32 = 0xc;
pub(crate) const HEADER_SIZE: usize = 32;
pub(crate) const SEGMENT_COMMAND_SIZE: usize = 72;
pub(crate) const SECTION_SIZE: usize = 80;
/// `ARM_THREAD_STATE64`: x0…x28, fp, lr, sp, then pc at this offset of the command.
const ARM_THREAD_STATE64: u32 = 6;
const THREAD_PC: usize = 0x110;
/// A fileset has one command for each of its few hundred kexts; this is far beyond any.
const MAX_COMMANDS: u32 = 8192;
const MAX_SECTIONS: u32 = 1024;
/// The kernel's own entry in a fileset.
const KERNEL_ENTRY: &str = "com.apple.kernel";

/// How kernel and kexts are laid out in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A kernel alone, without kexts.
    Plain,
    /// iOS 11 and before, and older SoCs later: each kext keeps its own Mach-O inside `__PRELINK_TEXT`.
    Split,
    /// iOS 12 (A12) on: kexts are merged into the kernel's segments; pointers may be threaded chains.
    Merged,
    /// iOS 15 (arm64e) and macOS 11 on: `MH_FILESET`, one `LC_FILESET_ENTRY` for each kext.
    Fileset,
}

impl Layout {
    /// A word for listings.
    pub fn name(self) -> &'static str {
        match self {
            Layout::Plain => "plain",
            Layout::Split => "static, split",
            Layout::Merged => "static, merged",
            Layout::Fileset => "fileset",
        }
    }
}

/// The instruction set the kernel was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// Up to A11.
    Arm64,
    /// A12 on: pointer authentication.
    Arm64e,
}

impl Arch {
    /// Apple's name.
    pub fn name(self) -> &'static str {
        match self {
            Arch::Arm64 => "arm64",
            Arch::Arm64e => "arm64e",
        }
    }
}

/// One `LC_FILESET_ENTRY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesetEntry {
    /// Bundle identifier, such as `com.apple.kernel`.
    pub name: String,
    /// Virtual address of its Mach-O header.
    pub vmaddr: u64,
    /// File offset of its Mach-O header.
    pub fileoff: u64,
}

/// What a kernel's Mach-O says about itself. Owns no file bytes.
#[derive(Debug, Clone)]
pub struct KernelCache {
    /// Layout, decided by content.
    pub layout: Layout,
    /// Instruction set.
    pub arch: Arch,
    /// `cpusubtype` with its capability bits (0xc0000002 is arm64e with kernel pointer authentication ABI 0).
    pub cpusubtype: u32,
    /// `filetype`: 2 `MH_EXECUTE`, 0xc `MH_FILESET`.
    pub filetype: u32,
    /// Header flags.
    pub flags: u32,
    /// `LC_UUID`.
    pub uuid: Option<[u8; 16]>,
    /// Virtual address of the first instruction, from `LC_UNIXTHREAD`.
    pub entry: Option<u64>,
    /// All segments in file order, also those of size 0.
    pub segments: Vec<Segment>,
    /// Kexts of a fileset.
    pub fileset: Vec<FilesetEntry>,
    /// The version string taken apart.
    pub version: Option<Version>,
    /// `LC_SOURCE_VERSION` as `A.B.C.D.E`.
    pub source_version: Option<String>,
    /// `LC_BUILD_VERSION` or `LC_VERSION_MIN_IPHONEOS`: platform number (2 is iOS), lowest version.
    pub build_version: Option<(u32, String)>,
    /// `LC_SYMTAB`, where the symbols are.
    pub symtab: Option<Symtab>,
    /// `LC_DYLD_CHAINED_FIXUPS`: file offset and size.
    pub chained_fixups: Option<(u32, u32)>,
    /// Virtual address behind `__LAST`, with which the kernel's read-only part ends: in a fileset, of the kernel inside.
    pub read_only_end: Option<u64>,
    /// Whether the file is shorter than its segments claim (the header can still be read).
    pub truncated: bool,
    /// Load commands that make no sense, which [`KernelCache::look`] passes over.
    pub damage: Vec<Error>,
}

impl KernelCache {
    /// Reads a bare 64-bit Mach-O.
    ///
    /// A file that is shorter than its segments say is accepted (`truncated` is set), so that the head of a cache can
    /// be looked at; [`KernelCache::check_complete`] is for those who want to load it.
    ///
    /// # Errors
    /// Not a Mach-O, not arm64, or load commands that contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<KernelCache> {
        let kernel = Self::look(bytes)?;
        kernel.damage.first().cloned().map_or(Ok(kernel), Err)
    }

    /// As [`KernelCache::parse`], but passes over segment commands that make no sense and keeps what is wrong with them in
    /// [`KernelCache::damage`]: for those who want to see as much as there is, and load nothing.
    ///
    /// # Errors
    /// Not a Mach-O, not arm64, or a list of load commands that cannot be walked.
    pub fn look(bytes: &[u8]) -> Result<KernelCache> {
        let mut kernel = Self::parse_header(bytes, 0)?;
        if kernel.loaded().next().is_none() {
            return Err(Error::NoSegments);
        }
        kernel.truncated = kernel.segments.iter().any(|s| s.data(bytes).is_none());
        kernel.layout = kernel.find_layout();
        // A fileset's own header mostly says all that is needed; what it does not say is in the kernel's.
        let inner = kernel.fileset_entry(KERNEL_ENTRY).and_then(|e| kernel.inner(bytes, e).ok());
        if kernel.entry.is_none() {
            kernel.entry = inner.as_ref().and_then(|i| i.entry);
        }
        let last = inner.as_ref().and_then(|i| i.segment("__LAST")).or_else(|| kernel.segment("__LAST"));
        kernel.read_only_end = last.and_then(|s| s.vmaddr.checked_add(s.vmsize));
        kernel.version = inner.and_then(|i| i.find_version(bytes)).or_else(|| kernel.find_version(bytes));
        Ok(kernel)
    }

    /// Reads the Mach-O of a fileset's entry. Its segments' file offsets are those of the whole file.
    ///
    /// # Errors
    /// As for [`KernelCache::parse`].
    pub fn inner(&self, bytes: &[u8], entry: &FilesetEntry) -> Result<KernelCache> {
        let truncated =
            Error::Truncated { offset: entry.fileoff, what: "a fileset entry", len: bytes.len() as u64 };
        let at = usize::try_from(entry.fileoff).map_err(|_| truncated)?;
        let mut image = Self::parse_header(bytes, at)?;
        if let Some(e) = image.damage.first() {
            return Err(e.clone());
        }
        image.truncated = image.segments.iter().any(|s| s.data(bytes).is_none());
        image.layout = image.find_layout();
        Ok(image)
    }

    /// Reads the header at an offset, and its load commands.
    fn parse_header(bytes: &[u8], at: usize) -> Result<KernelCache> {
        let len = bytes.len() as u64;
        let image = bytes.get(at..).unwrap_or_default();
        match u32_le(image, 0) {
            Some(MH_MAGIC_64) => {}
            Some(MH_MAGIC) => return Err(Error::Arm32),
            _ => return Err(Error::NotMachO(image.iter().take(8).copied().collect())),
        }
        let header = |field| {
            u32_le(image, field).ok_or(Error::Truncated { offset: at as u64, what: "the Mach-O header", len })
        };
        let cpu = header(4)?;
        if cpu != CPU_TYPE_ARM64 {
            return Err(Error::WrongCpu(cpu));
        }
        let mut kernel = KernelCache {
            layout: Layout::Plain,
            cpusubtype: header(8)?,
            arch: if header(8)? & 0xff_ffff == 2 { Arch::Arm64e } else { Arch::Arm64 },
            filetype: header(12)?,
            flags: header(24)?,
            uuid: None,
            entry: None,
            segments: Vec::new(),
            fileset: Vec::new(),
            version: None,
            source_version: None,
            build_version: None,
            symtab: None,
            chained_fixups: None,
            read_only_end: None,
            truncated: false,
            damage: Vec::new(),
        };
        kernel.read_commands(bytes, at, header(16)?, header(20)?)?;
        Ok(kernel)
    }

    fn read_commands(&mut self, bytes: &[u8], at: usize, count: u32, size: u32) -> Result<()> {
        let len = bytes.len() as u64;
        let start = at.saturating_add(HEADER_SIZE);
        if count > MAX_COMMANDS {
            let offset = (at as u64).saturating_add(16);
            return Err(Error::TooMany { offset, what: "load commands", count: count.into() });
        }
        let area = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size))
            .and_then(|end| bytes.get(start..end))
            .ok_or(Error::Truncated { offset: start as u64, what: "the load commands", len })?;
        let mut rest = area;
        for _ in 0..count {
            let done = area.len().saturating_sub(rest.len());
            let offset = start.saturating_add(done) as u64;
            let cmdsize = u32_le(rest, 4).ok_or(Error::Truncated { offset, what: "a load command", len })?;
            if cmdsize < 8 || cmdsize % 4 != 0 {
                return Err(Error::BadField {
                    offset: offset.saturating_add(4),
                    what: "cmdsize",
                    value: cmdsize.into(),
                });
            }
            let Some((command, next)) = rest.split_at_checked(cmdsize as usize) else {
                return Err(Error::Truncated { offset, what: "a load command", len });
            };
            if let Err(e) = self.read_command(command, offset) {
                self.damage.push(e);
            }
            rest = next;
        }
        Ok(())
    }

    fn read_command(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let damaged = Error::BadField {
            offset,
            what: "a load command too short for its kind",
            value: u32_le(bytes, 0).unwrap_or(0).into(),
        };
        // goblin sees exactly this command's bytes, so nothing it reads can lie outside.
        let command = match LoadCommand::parse(bytes, &mut 0, Endian::Little) {
            Ok(c) => c.command,
            // Kinds that nothing here needs may be damaged without harm; a segment may not.
            Err(_) if u32_le(bytes, 0) == Some(0x19) => return Err(damaged),
            Err(_) => return Ok(()),
        };
        match command {
            CommandVariant::Segment64(s) => {
                let segment = Segment {
                    name: fixed_name(&s.segname),
                    vmaddr: s.vmaddr,
                    vmsize: s.vmsize,
                    fileoff: s.fileoff,
                    filesize: s.filesize,
                    maxprot: s.maxprot,
                    initprot: s.initprot,
                    sections: read_sections(bytes, s.nsects),
                };
                if segment.sections.len() as u64 != u64::from(s.nsects) {
                    self.damage.push(Error::BadField {
                        offset: offset.saturating_add(0x40),
                        what: "nsects (more than its command holds)",
                        value: s.nsects.into(),
                    });
                }
                if s.vmaddr.checked_add(s.vmsize).is_none() {
                    let at = offset.saturating_add(0x20);
                    return Err(Error::BadField { offset: at, what: "vmsize", value: s.vmsize });
                }
                if s.filesize > s.vmsize && s.vmsize != 0 {
                    let at = offset.saturating_add(0x30);
                    return Err(Error::BadField {
                        offset: at,
                        what: "filesize (larger than vmsize)",
                        value: s.filesize,
                    });
                }
                self.segments.push(segment);
            }
            CommandVariant::Uuid(u) => self.uuid = Some(u.uuid),
            CommandVariant::Unixthread(t) if self.entry.is_none() && t.flavor == ARM_THREAD_STATE64 => {
                self.entry = Some(u64_le(bytes, THREAD_PC).ok_or(damaged)?);
            }
            CommandVariant::Symtab(s) => {
                self.symtab =
                    Some(Symtab { symoff: s.symoff, nsyms: s.nsyms, stroff: s.stroff, strsize: s.strsize });
            }
            CommandVariant::SourceVersion(v) => {
                let v = v.version;
                let parts = [v >> 40, (v >> 30) & 0x3ff, (v >> 20) & 0x3ff, (v >> 10) & 0x3ff, v & 0x3ff];
                self.source_version = Some(parts.map(|p| p.to_string()).join("."));
            }
            CommandVariant::BuildVersion(v) => {
                self.build_version = Some((v.platform, nibble_version(v.minos)))
            }
            CommandVariant::VersionMinIphoneos(v) => {
                self.build_version = Some((2, nibble_version(v.version)))
            }
            CommandVariant::DyldChainedFixups(d) => self.chained_fixups = Some((d.dataoff, d.datasize)),
            CommandVariant::FilesetEntry(e) => self.fileset.push(FilesetEntry {
                name: c_string(bytes, e.entry_id as usize),
                vmaddr: e.vmaddr,
                fileoff: e.fileoff,
            }),
            _ => {}
        }
        Ok(())
    }

    fn find_layout(&self) -> Layout {
        if self.filetype == MH_FILESET || !self.fileset.is_empty() {
            return Layout::Fileset;
        }
        if self.segment("__PRELINK_TEXT").is_some_and(|s| s.filesize > 0) {
            return Layout::Split;
        }
        let info = self.segment("__PRELINK_INFO");
        let merged = self.has_thread_starts()
            || info.is_some_and(|s| s.section("__kmod_info").or(s.section("__kmod_start")).is_some());
        if merged { Layout::Merged } else { Layout::Plain }
    }

    fn find_version(&self, bytes: &[u8]) -> Option<Version> {
        let text = self.segment("__TEXT");
        let constants = text.and_then(|s| s.section("__const")).and_then(|s| s.data(bytes));
        constants
            .and_then(Version::find)
            .or_else(|| text.and_then(|s| s.data(bytes)).and_then(Version::find))
            .or_else(|| Version::find(bytes))
    }

    /// The first segment of this name.
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|s| s.name == name)
    }

    /// Segments that occupy memory (`__PAGEZERO` and empty placeholders do not).
    pub fn loaded(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|s| s.vmsize != 0 && s.name != "__PAGEZERO")
    }

    /// Whether pointers are threaded chains that the kernel itself resolves (`__TEXT,__thread_starts`).
    pub fn has_thread_starts(&self) -> bool {
        self.segment("__TEXT").is_some_and(|s| s.section("__thread_starts").is_some_and(|s| s.size > 0))
    }

    /// The section `__SEGMENT,__section`.
    pub fn section(&self, segment: &str, section: &str) -> Option<&Section> {
        self.segments.iter().filter(|s| s.name == segment).find_map(|s| s.section(section))
    }

    /// Whether there are no symbols, as in every release kernel of the last years.
    pub fn stripped(&self) -> bool {
        self.symtab.is_none_or(|s| s.nsyms == 0)
    }

    /// The symbols, none if stripped. Entries that do not lie in the file end it.
    pub fn symbols<'a>(&self, bytes: &'a [u8]) -> Symbols<'a> {
        Symbols::new(bytes, self.symtab)
    }

    /// The fileset entry of this bundle identifier.
    pub fn fileset_entry(&self, name: &str) -> Option<&FilesetEntry> {
        self.fileset.iter().find(|e| e.name == name)
    }

    /// The physical address of a virtual one, if the base of the collection is loaded at `phys_base`.
    pub fn phys(&self, vmaddr: u64, phys_base: u64) -> Option<u64> {
        vmaddr.checked_sub(self.kc_base())?.checked_add(phys_base)
    }

    /// The bytes of an address that is in the file: those from it to the end of its segment's file part.
    pub fn bytes_at<'a>(&self, bytes: &'a [u8], vmaddr: u64) -> Option<&'a [u8]> {
        let segment = self.segment_at(vmaddr)?;
        let within = usize::try_from(vmaddr.checked_sub(segment.vmaddr)?).ok()?;
        segment.data(bytes)?.get(within..)
    }

    /// Lowest address that is loaded. Often `__PRELINK_TEXT`, far below `__TEXT`.
    pub fn lowest_vmaddr(&self) -> u64 {
        self.loaded().map(|s| s.vmaddr).min().unwrap_or(0)
    }

    /// First address after everything that is loaded.
    pub fn highest_vmaddr(&self) -> u64 {
        self.loaded().map(Segment::vmend).max().unwrap_or(0)
    }

    /// The address that the Mach-O header has in memory: the link address, 0xfffffff007004000 on most iPhones.
    pub fn header_vmaddr(&self) -> u64 {
        let header = self.loaded().find(|s| s.fileoff == 0 && s.filesize > 0);
        header.or(self.segment("__TEXT")).map_or_else(|| self.lowest_vmaddr(), |s| s.vmaddr)
    }

    /// Lowest address rounded down to 32 MiB: what iBoot makes congruent with physical memory.
    pub fn kc_base(&self) -> u64 {
        self.lowest_vmaddr() & !KC_BASE_ALIGN.wrapping_sub(1)
    }

    /// The segment an address is in.
    pub fn segment_at(&self, vmaddr: u64) -> Option<&Segment> {
        self.loaded().find(|s| s.contains(vmaddr))
    }

    /// Checks what a loader relies on: every segment's bytes are in the file, and the entry is in a segment.
    ///
    /// # Errors
    /// The first segment that the file is too short for, or an entry outside every segment.
    pub fn check_complete(&self, bytes: &[u8]) -> Result<()> {
        if let Some(s) = self.segments.iter().find(|s| s.data(bytes).is_none()) {
            return Err(Error::Truncated { offset: s.fileoff, what: "a segment", len: bytes.len() as u64 });
        }
        match self.entry {
            Some(pc) if self.segment_at(pc).is_none() => {
                Err(Error::BadField { offset: 0, what: "the entry point (in no segment)", value: pc })
            }
            _ => Ok(()),
        }
    }
}

/// The sections of a segment's command: as many as it says, or as it has room for.
fn read_sections(command: &[u8], count: u32) -> Vec<Section> {
    let records = command.get(SEGMENT_COMMAND_SIZE..).unwrap_or_default().chunks_exact(SECTION_SIZE);
    records
        .take(count.min(MAX_SECTIONS) as usize)
        .map(|r| {
            let flags = u32_le(r, 64).unwrap_or(0);
            Section {
                name: fixed_name(r.get(..16).unwrap_or_default()),
                addr: u64_le(r, 32).unwrap_or(0),
                size: u64_le(r, 40).unwrap_or(0),
                offset: if flags & 0xff == S_ZEROFILL { 0 } else { u32_le(r, 48).unwrap_or(0) },
                flags,
            }
        })
        .collect()
}

/// A 16-byte name field; unprintable bytes are shown escaped, since they come from strangers.
fn fixed_name(field: &[u8]) -> String {
    let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
    field.get(..end).unwrap_or_default().escape_ascii().to_string()
}

fn c_string(bytes: &[u8], at: usize) -> String {
    fixed_name(bytes.get(at..).unwrap_or_default())
}

/// X.Y.Z packed as xxxx.yy.zz.
fn nibble_version(v: u32) -> String {
    let (x, y, z) = (v >> 16, (v >> 8) & 0xff, v & 0xff);
    if z == 0 { format!("{x}.{y}") } else { format!("{x}.{y}.{z}") }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(crate) fn u64_le(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests;
