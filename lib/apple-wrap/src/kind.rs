//! What a piece of firmware is, by its content.

use crate::{fat, tree, u32_le};
use std::fmt;

/// What some bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A 64-bit Mach-O: `cf fa ed fe`.
    MachO,
    /// A 32-bit Mach-O: `ce fa ed fe`.
    MachO32,
    /// A fat ("universal") file: `ca fe ba be`, big-endian.
    Fat,
    /// Apple's device tree. It has no magic: recognised by its structure.
    AppleDeviceTree,
    /// A trust cache of version 0, 1 or 2: recognised by its size agreeing with its count.
    TrustCache,
    /// A packed boot image: a flattened device tree with `/images`.
    BootImage,
    /// Any other flattened device tree: `d0 0d fe ed`.
    FlatDeviceTree,
    /// A zip archive, such as an IPSW.
    Zip,
    /// HFS+ (`H+` at 1024).
    HfsPlus,
    /// HFSX (`HX` at 1024).
    Hfsx,
    /// The old HFS (`BD` at 1024).
    Hfs,
    /// An APFS container (`NXSB` at 32).
    Apfs,
    /// A GUID partition table.
    Gpt,
    /// An Apple partition map.
    Apm,
    /// A UDIF disk image (`koly` 512 bytes before the end).
    Udif,
    /// An encrypted UDIF disk image (`encrcdsa`, or `cdsaencr` at its end).
    EncryptedUdif,
    /// Apple encrypted archive: `AEA1`.
    Aea,
    /// Image3.
    Img3,
    /// An Image4 payload.
    Im4p,
    /// An Image4 manifest.
    Im4m,
    /// Image4 restore information.
    Im4r,
    /// An Image4 file.
    Img4,
    /// LZSS with Apple's header: `complzss`.
    CompLzss,
    /// LZFSE or LZVN: `bvx-`, `bvx1`, `bvx2`, `bvxn`.
    Lzfse,
    /// LZBITMAP: `ZBM`.
    LzBitmap,
    /// A boot picture: `iBootIm`.
    IBootIm,
    /// A property list, XML or binary.
    Plist,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Apple's chunked xz: `pbzx`.
    Pbzx,
    /// A Linux arm64 `Image`.
    LinuxImage,
    /// An ELF file.
    Elf,
    /// None of these.
    Unknown,
}

impl Kind {
    /// The name the field uses.
    pub fn name(self) -> &'static str {
        match self {
            Kind::MachO => "Mach-O",
            Kind::MachO32 => "Mach-O (32-bit)",
            Kind::Fat => "fat Mach-O",
            Kind::AppleDeviceTree => "Apple device tree",
            Kind::TrustCache => "trust cache",
            Kind::BootImage => "packed boot image",
            Kind::FlatDeviceTree => "flattened device tree",
            Kind::Zip => "zip",
            Kind::HfsPlus => "HFS+",
            Kind::Hfsx => "HFSX",
            Kind::Hfs => "HFS",
            Kind::Apfs => "APFS",
            Kind::Gpt => "GPT",
            Kind::Apm => "Apple partition map",
            Kind::Udif => "UDIF",
            Kind::EncryptedUdif => "encrypted UDIF",
            Kind::Aea => "AEA",
            Kind::Img3 => "IMG3",
            Kind::Im4p => "IM4P",
            Kind::Im4m => "IM4M",
            Kind::Im4r => "IM4R",
            Kind::Img4 => "IMG4",
            Kind::CompLzss => "complzss",
            Kind::Lzfse => "LZFSE",
            Kind::LzBitmap => "LZBITMAP",
            Kind::IBootIm => "iBootIm",
            Kind::Plist => "property list",
            Kind::Gzip => "gzip",
            Kind::Xz => "xz",
            Kind::Pbzx => "pbzx",
            Kind::LinuxImage => "Linux Image",
            Kind::Elf => "ELF",
            Kind::Unknown => "unknown",
        }
    }

    /// By what it is recognised.
    pub fn mark(self) -> &'static str {
        match self {
            Kind::MachO => "starts cf fa ed fe",
            Kind::MachO32 => "starts ce fa ed fe",
            Kind::Fat => "starts ca fe ba be, then a small number of slices",
            Kind::AppleDeviceTree => {
                "counts of properties and children that fit, and properties with printable names"
            }
            Kind::TrustCache => "a version of 0 to 2, and a number of entries that fits the size",
            Kind::BootImage => "starts d0 0d fe ed, and has a node called images",
            Kind::FlatDeviceTree => "starts d0 0d fe ed",
            Kind::Zip => "starts PK",
            Kind::HfsPlus => "has H+ at 1024",
            Kind::Hfsx => "has HX at 1024",
            Kind::Hfs => "has BD at 1024",
            Kind::Apfs => "has NXSB at 32",
            Kind::Gpt => "has EFI PART in its second block",
            Kind::Apm => "starts ER, and has PM at 512",
            Kind::Udif => "has koly 512 bytes before its end",
            Kind::EncryptedUdif => "starts encrcdsa, or ends cdsaencr",
            Kind::Aea => "starts AEA1",
            Kind::Img3 => "starts 3gmI",
            Kind::Im4p => "a DER sequence whose first string is IM4P",
            Kind::Im4m => "a DER sequence whose first string is IM4M",
            Kind::Im4r => "a DER sequence whose first string is IM4R",
            Kind::Img4 => "a DER sequence whose first string is IMG4",
            Kind::CompLzss => "starts complzss",
            Kind::Lzfse => "starts bvx",
            Kind::LzBitmap => "starts ZBM",
            Kind::IBootIm => "starts iBootIm",
            Kind::Plist => "starts bplist0, or as an XML property list does",
            Kind::Gzip => "starts 1f 8b 08",
            Kind::Xz => "starts fd 7zXZ",
            Kind::Pbzx => "starts pbzx",
            Kind::LinuxImage => "has ARMd at 56",
            Kind::Elf => "starts 7f ELF",
            Kind::Unknown => "no known mark at its start, at its end or where file systems have theirs",
        }
    }

    /// Whether [`crate::open`] takes it off.
    pub fn is_wrapper(self) -> bool {
        matches!(self, Kind::Img4 | Kind::Im4p | Kind::Img3 | Kind::CompLzss | Kind::Lzfse | Kind::Fat)
    }

    /// Whether it is a disk image that [`crate::open`] leaves for a file system reader.
    pub fn is_disk(self) -> bool {
        use Kind::{Apfs, Apm, Gpt, HfsPlus, Hfsx, Udif};
        matches!(self, HfsPlus | Hfsx | Apfs | Gpt | Apm | Udif)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Recognises bytes by their content. All of a file should be given: UDIF is known by its last 512 bytes, a trust
/// cache by its size. With less, the kinds that start with a magic number are still found.
pub fn sniff(data: &[u8]) -> Kind {
    let at = |offset: usize, magic: &[u8]| data.get(offset..).is_some_and(|d| d.starts_with(magic));
    let start = |magic: &[u8]| data.starts_with(magic);
    let trailer = data.len().saturating_sub(512);
    match apple_img4::sniff(data) {
        Some(apple_img4::Im4p::MAGIC) => return Kind::Im4p,
        Some(apple_img4::Img4::MAGIC) => return Kind::Img4,
        Some(apple_img4::Im4m::MAGIC) => return Kind::Im4m,
        Some(apple_img4::Im4r::MAGIC) => return Kind::Im4r,
        _ => {}
    }
    // Before the magic numbers of compressed data: with such data a compressed disk image starts.
    if at(trailer, b"koly\0\0\0\x04\0\0\x02\0") {
        Kind::Udif
    } else if start(b"\xcf\xfa\xed\xfe") {
        Kind::MachO
    } else if start(b"\xce\xfa\xed\xfe") {
        Kind::MachO32
    } else if start(b"complzss") {
        Kind::CompLzss
    } else if [b"bvx-", b"bvx1", b"bvx2", b"bvxn"].iter().any(|m| start(*m)) {
        Kind::Lzfse
    } else if start(b"ZBM\x09") {
        Kind::LzBitmap
    } else if fat::looks_fat(data) {
        Kind::Fat
    } else if start(b"3gmI") {
        Kind::Img3
    } else if start(b"iBootIm\0") {
        Kind::IBootIm
    } else if start(b"PK\x03\x04") || start(b"PK\x05\x06") {
        Kind::Zip
    } else if start(b"\xd0\x0d\xfe\xed") {
        if is_boot_image(data) { Kind::BootImage } else { Kind::FlatDeviceTree }
    } else if start(b"encrcdsa") || at(data.len().saturating_sub(8), b"cdsaencr") {
        Kind::EncryptedUdif
    } else if start(b"AEA1") {
        Kind::Aea
    } else if start(b"\x1f\x8b\x08") {
        Kind::Gzip
    } else if start(b"\xfd7zXZ\0") {
        Kind::Xz
    } else if start(b"pbzx") {
        Kind::Pbzx
    } else if start(b"\x7fELF") {
        Kind::Elf
    } else if at(56, b"ARM\x64") {
        Kind::LinuxImage
    } else if start(b"bplist0") || is_xml_plist(data) {
        Kind::Plist
    } else if at(trailer, b"koly") {
        Kind::Udif
    } else if at(1024, b"H+") {
        Kind::HfsPlus
    } else if at(1024, b"HX") {
        Kind::Hfsx
    } else if at(1024, b"BD") {
        Kind::Hfs
    } else if at(32, b"NXSB") {
        Kind::Apfs
    } else if at(512, b"EFI PART") || at(4096, b"EFI PART") {
        Kind::Gpt
    } else if start(b"ER") && at(512, b"PM") {
        Kind::Apm
    } else if is_trust_cache(data) {
        Kind::TrustCache
    } else if tree::looks_like_tree(data) {
        Kind::AppleDeviceTree
    } else {
        Kind::Unknown
    }
}

/// A node called `images` in the structure block: `FDT_BEGIN_NODE` and the name, on a 4-byte boundary.
fn is_boot_image(data: &[u8]) -> bool {
    let field = |at| crate::u32_be(data, at).and_then(|v| usize::try_from(v).ok());
    let (Some(total), Some(structure)) = (field(4), field(8)) else {
        return false;
    };
    // A tree is some kilobytes; a damaged size must not make this read a whole ramdisk.
    let end = total.min(data.len()).min(1 << 20);
    let block = data.get(structure..end).unwrap_or_default();
    block.chunks_exact(4).zip(1usize..).any(|(token, words)| {
        token == [0, 0, 0, 1]
            && words.checked_mul(4).and_then(|at| block.get(at..)).is_some_and(|d| d.starts_with(b"images\0"))
    })
}

fn is_xml_plist(data: &[u8]) -> bool {
    let head = data.get(..data.len().min(512)).unwrap_or_default();
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    head.starts_with(b"<plist")
        || head.starts_with(b"<!DOCTYPE plist")
        || (head.starts_with(b"<?xml") && head.windows(6).any(|w| w == b"plist " || w == b"<plist"))
}

fn is_trust_cache(data: &[u8]) -> bool {
    let entry: u64 = match u32_le(data, 0) {
        Some(0) => 20,
        Some(1) => 22,
        Some(2) => 24,
        _ => return false,
    };
    let Some(count) = u32_le(data, 20) else {
        return false;
    };
    let size = u64::from(count).saturating_mul(entry).saturating_add(24);
    let named = data.get(4..20).is_some_and(|uuid| uuid.iter().any(|b| *b != 0));
    // Version 0 and no entries would take 24 zero bytes for one.
    size == data.len() as u64 && (named || count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(len: usize, at: usize, magic: &[u8]) -> Vec<u8> {
        let mut v = vec![0; len];
        v[at..at + magic.len()].copy_from_slice(magic);
        v
    }

    #[test]
    fn every_kind_is_recognised_by_its_mark() {
        let im = |magic: &[u8]| [b"\x30\x82\x10\x00\x16\x04", magic].concat();
        let cases: &[(Kind, Vec<u8>)] = &[
            (Kind::MachO, with(64, 0, b"\xcf\xfa\xed\xfe")),
            (Kind::MachO32, with(64, 0, b"\xce\xfa\xed\xfe")),
            (Kind::Im4p, im(b"IM4P")),
            (Kind::Im4m, im(b"IM4M")),
            (Kind::Im4r, im(b"IM4R")),
            (Kind::Img4, im(b"IMG4")),
            (Kind::Img3, with(64, 0, b"3gmI")),
            (Kind::CompLzss, with(64, 0, b"complzss")),
            (Kind::Lzfse, with(64, 0, b"bvx2")),
            (Kind::Lzfse, with(64, 0, b"bvx-")),
            (Kind::Zip, with(64, 0, b"PK\x03\x04")),
            (Kind::Udif, with(4096, 4096 - 512, b"koly")),
            (Kind::Udif, with(512, 0, b"koly")),
            (Kind::EncryptedUdif, with(4096, 0, b"encrcdsa")),
            (Kind::EncryptedUdif, with(4096, 4088, b"cdsaencr")),
            (Kind::HfsPlus, with(4096, 1024, b"H+")),
            (Kind::Hfsx, with(4096, 1024, b"HX")),
            (Kind::Hfs, with(4096, 1024, b"BD")),
            (Kind::Apfs, with(4096, 32, b"NXSB")),
            (Kind::Gpt, with(4096, 512, b"EFI PART")),
            (Kind::Aea, with(64, 0, b"AEA1")),
            (Kind::IBootIm, with(64, 0, b"iBootIm\0")),
            (Kind::Plist, b"<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC>".to_vec()),
            (Kind::Plist, b"bplist00".to_vec()),
            (Kind::Gzip, with(64, 0, b"\x1f\x8b\x08")),
            (Kind::LinuxImage, with(64, 56, b"ARM\x64")),
            (Kind::FlatDeviceTree, with(64, 0, b"\xd0\x0d\xfe\xed")),
            (Kind::Unknown, vec![0; 4096]),
            (Kind::Unknown, Vec::new()),
        ];
        for (kind, bytes) in cases {
            assert_eq!(sniff(bytes), *kind, "{:?}", &bytes[..bytes.len().min(16)]);
        }
    }

    #[test]
    fn a_flattened_tree_with_images_is_a_packed_boot_image() {
        let mut fit = Vec::new();
        for w in [0xd00dfeedu32, 72, 40, 72, 0, 17, 16, 0, 0, 0, 1, 0, 1] {
            fit.extend(w.to_be_bytes());
        }
        fit.extend(b"images\0\0");
        for w in [2u32, 2, 9] {
            fit.extend(w.to_be_bytes());
        }
        assert_eq!(sniff(&fit), Kind::BootImage);
        fit[54] = b'z';
        assert_eq!(sniff(&fit), Kind::FlatDeviceTree);
    }

    #[test]
    fn a_trust_cache_is_known_by_its_exact_size() {
        let mut tc = with(24 + 2 * 22, 0, &[1, 0, 0, 0]);
        tc[4] = 7;
        tc[20] = 2;
        assert_eq!(sniff(&tc), Kind::TrustCache);
        tc.push(0);
        assert_eq!(sniff(&tc), Kind::Unknown);
    }

    #[test]
    fn a_disk_image_that_starts_with_compressed_data_is_a_disk_image() {
        let mut dmg = with(4096, 4096 - 512, b"koly\0\0\0\x04\0\0\x02\0");
        dmg[..4].copy_from_slice(b"bvx2");
        assert_eq!(sniff(&dmg), Kind::Udif);
        dmg[4096 - 512] = 0;
        assert_eq!(sniff(&dmg), Kind::Lzfse);
    }

    #[test]
    fn a_java_class_is_not_a_fat_file() {
        assert_eq!(
            sniff(b"\xca\xfe\xba\xbe\0\0\0\x34\0\x1d\x0a\0\x06\0\x0f\x09\0\x10\0\0\0\0\0\0\0\0"),
            Kind::Unknown
        );
    }
}
