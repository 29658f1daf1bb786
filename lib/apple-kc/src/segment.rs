//! Segments and sections of a Mach-O.

/// One `LC_SEGMENT_64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Name, up to 16 bytes, which need not be NUL-terminated in the file (`__PLK_DATA_CONST` fills all 16).
    pub name: String,
    /// Virtual address.
    pub vmaddr: u64,
    /// Bytes in memory; what the file does not fill is zero.
    pub vmsize: u64,
    /// Where its bytes are, from the start of the file (of the outer file in a fileset).
    pub fileoff: u64,
    /// How many bytes of it are in the file.
    pub filesize: u64,
    /// Most permissive protection: bit 0 read, 1 write, 2 execute.
    pub maxprot: u32,
    /// Protection at start, same bits.
    pub initprot: u32,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// One section of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Name, up to 16 bytes.
    pub name: String,
    /// Virtual address.
    pub addr: u64,
    /// Bytes.
    pub size: u64,
    /// Where its bytes are in the file.
    pub offset: u32,
    /// Section type and attributes (`mach-o/loader.h`).
    pub flags: u32,
}

impl Segment {
    /// The first address after the segment (saturating: damaged files may claim anything).
    pub fn vmend(&self) -> u64 {
        self.vmaddr.saturating_add(self.vmsize)
    }

    /// Whether the address lies in the segment.
    pub fn contains(&self, vmaddr: u64) -> bool {
        vmaddr >= self.vmaddr && vmaddr < self.vmend()
    }

    /// The segment's bytes in the file, or `None` if the file is too short for them.
    pub fn data<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        range(file, self.fileoff, self.filesize)
    }

    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// Protection as `r-x`.
    pub fn protection(&self) -> String {
        [(1, 'r'), (2, 'w'), (4, 'x')]
            .map(|(bit, c)| if self.initprot & bit != 0 { c } else { '-' })
            .iter()
            .collect()
    }
}

impl Section {
    /// The section's bytes in the file, or `None` if the file is too short for them.
    pub fn data<'a>(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        range(file, self.offset.into(), self.size)
    }
}

fn range(file: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = usize::try_from(offset.checked_add(size)?).ok()?;
    file.get(start..end)
}
