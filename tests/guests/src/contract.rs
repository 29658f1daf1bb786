//! The boot contract: nine kernels, one for each train and shape of XNU, packed as Apple packs them.
//!
//! The kernels are `contract/` beside this crate. Each is put into a Mach-O of its shape (static with kexts in a segment
//! of their own, static with threaded pointers, fileset), with a device tree of its chip, a ramdisk and a trust cache into
//! an IPSW. A machine that boots one prints `contract: ok`; one that does not keep the contract, what is wrong.

mod image;

use crate::demo::{self, Error, Result};
use crate::manifest::Product;
use crate::symbols::Symbols;
use image::{Image, Section, Segment};

/// One of the kernels, with the machine that it is for.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// Name: `a7` … `a14`, `m1`, `vmapple`.
    pub name: &'static str,
    /// XNU's major version.
    pub xnu: u32,
    /// What it stands for.
    pub summary: &'static str,
    product: Product,
    shape: Shape,
    /// `cpusubtype`.
    subtype: u32,
    /// Second CPU: cluster's letter if it has one, and `reg`.
    second: (Option<&'static str>, u32),
    binary: &'static [u8],
    symbols: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Split,
    Threaded,
    Fileset,
}

/// arm64e with kernel pointer authentication ABI 0.
const ARM64E: u32 = 0xc000_0002;

const fn product(
    kind: &'static str,
    board: &'static str,
    family: &'static str,
    platform: &'static str,
    chip: u32,
    version: &'static str,
    build: &'static str,
) -> Product {
    Product { kind, board, family, platform, chip, version, build }
}

macro_rules! contract {
    ($name:literal, $xnu:literal, $shape:ident, $subtype:expr, $second:expr, $product:expr, $summary:literal) => {
        Contract {
            name: $name,
            xnu: $xnu,
            summary: $summary,
            product: $product,
            shape: Shape::$shape,
            subtype: $subtype,
            second: $second,
            binary: include_bytes!(concat!("../bin/contract-", $name, ".bin")),
            symbols: include_str!(concat!("../bin/contract-", $name, ".sym")),
        }
    };
}

/// All of them, the oldest chip first.
#[rustfmt::skip]
pub const CONTRACTS: &[Contract] = &[
    contract!("a7", 4570, Split, 0, (None, 1),
        product("iPhone6,2", "n53ap", "iphone6", "s5l8960x", 0x8960, "11.4", "15F79"),
        "iOS 11 on A7: pages of 4 KiB, KPP's monitor calls"),
    contract!("a9", 4903, Split, 0, (None, 1),
        product("iPhone8,1", "n71ap", "iphone8", "s8000", 0x8000, "12.1", "16B92"),
        "iOS 12 on A9: pages of 16 KiB, KPP"),
    contract!("a10", 4903, Split, 0, (None, 1),
        product("iPhone9,1", "d10ap", "iphone9", "t8010", 0x8010, "12.1", "16B92"),
        "iOS 12 on A10: KTRR, PAN"),
    contract!("a11", 6153, Split, 0, (Some("P"), 4),
        product("iPhone10,3", "d22ap", "iphone10b", "t8015", 0x8015, "13.3", "17C54"),
        "iOS 13 on A11: APRR, fast IPIs, efficiency cores"),
    contract!("a12", 7195, Threaded, ARM64E, (Some("P"), 0x100),
        product("iPhone11,2", "d321ap", "iphone11", "t8020", 0x8020, "14.0", "18A373"),
        "iOS 14 on A12: threaded pointers, pointer authentication, CTRR by lock-regs, virtual timer"),
    contract!("a13", 8019, Fileset, ARM64E, (Some("P"), 0x100),
        product("iPhone12,1", "n104ap", "iphone12", "t8030", 0x8030, "15.0", "19A346"),
        "iOS 15 on A13: fileset, SPRR and guarded mode, UART by its FIFO"),
    contract!("a14", 10002, Fileset, ARM64E, (Some("P"), 0x100),
        product("iPhone13,2", "d53gap", "iphone13", "t8101", 0x8101, "17.0", "21A329"),
        "iOS 17 on A14: APSTS, guarded mode's second bank, boot_args of 1024 bytes"),
    contract!("m1", 11417, Fileset, ARM64E, (Some("P"), 0x100),
        product("MacBookAir10,1", "j313ap", "mac13g", "t8103", 0x8103, "15.4", "24E248"),
        "macOS 15 on M1: linked in the macOS range, console by phandle"),
    contract!("vmapple", 8792, Fileset, ARM64E, (None, 1),
        product("VirtualMac2,1", "vma2macosap", "vma2", "vmapple2", 0xfe00, "13.0", "22A380"),
        "macOS 13 in a virtual machine: GICv3, PL011, hypercalls"),
];

impl Contract {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Contract> {
        CONTRACTS.iter().find(|c| c.name == name)
    }

    /// The kernelcache, unwrapped.
    pub fn kernel(&self) -> Vec<u8> {
        let symbols = Symbols::parse(self.symbols);
        let memory = crate::macho::image(self.binary);
        match self.shape {
            Shape::Split => self.split(&symbols, &memory),
            Shape::Threaded => self.threaded(&symbols, &memory),
            Shape::Fileset => self.fileset(&symbols, &memory),
        }
    }

    /// The kernel's own segments, with the pointers in `chained` as `word` says: pointer number and target.
    fn segments(&self, symbols: &Symbols, memory: &[u8], word: impl Fn(usize, u64) -> u64) -> Vec<Segment> {
        let at = |name: &str| symbols.address(name);
        let base = at("text_start");
        let targets = [base, at("text_exec_start") + 4, at("data_start") + 8, at("data_const_start")];
        let mut memory = memory.to_vec();
        for (n, target) in targets.into_iter().enumerate() {
            let place = (at("chained") - base) as usize + 8 * n;
            memory[place..place + 8].copy_from_slice(&word(n, target).to_le_bytes());
        }
        let segment = |name, from: u64, to: u64, protection| {
            let end = ((to - base) as usize).min(memory.len());
            let data = memory.get((from - base) as usize..end).unwrap_or_default().to_vec();
            Segment { name, vmaddr: from, vmsize: to - from, data, protection, sections: Vec::new() }
        };
        vec![
            segment("__TEXT", base, at("data_const_start"), 5),
            segment("__DATA_CONST", at("data_const_start"), at("text_exec_start"), 3),
            segment("__TEXT_EXEC", at("text_exec_start"), at("last_start"), 5),
            segment("__LAST", at("last_start"), at("data_start"), 5),
            segment("__DATA", at("data_start"), at("kernel_end"), 3),
        ]
    }

    fn image(&self, filetype: u32, flags: u32) -> Image {
        let mut uuid = *b"xnuboot contract";
        uuid[15] = self.xnu as u8;
        Image { filetype, subtype: self.subtype, flags, uuid, ..Image::default() }
    }

    /// Kexts in `__PRELINK_TEXT`, 48 MiB below; plain pointers, listed as local relocations for who slides the kernel.
    fn split(&self, symbols: &Symbols, memory: &[u8]) -> Vec<u8> {
        let mut segments = self.segments(symbols, memory, |_, target| target);
        let base = symbols.address("text_start");
        let end = symbols.address("kernel_end");
        let kexts = [b"kext".repeat(0x1000), vec![0; 0x4000]].concat();
        segments.push(Segment::new("__PRELINK_TEXT", base - 0x300_0000, kexts, 5));
        let info = b"<dict><key>_PrelinkInfoDictionary</key><array></array></dict>\0".to_vec();
        let mut info = Segment::new("__PRELINK_INFO", end, info, 3);
        info.sections.push(Section { name: "__info", vmaddr: end, size: info.data.len() as u64 });
        let linkedit = end + 0x4000;
        segments.push(info);
        let mut image = self.image(2, 0x20_0001);
        image.relocations = (0..4).map(|n| (symbols.address("chained") + 8 * n - base) as u32).collect();
        image.entry = Some(symbols.address("start"));
        image.segments = segments;
        image.linkedit(linkedit).to_bytes()
    }

    /// Kexts merged into the kernel's segments, of which there are none; pointers in a threaded chain.
    fn threaded(&self, symbols: &Symbols, memory: &[u8]) -> Vec<u8> {
        let base = symbols.address("text_start");
        let word = |n: usize, target: u64| {
            let next = u64::from(n < 3) << 51;
            match n {
                // An authenticated one: offset from the header, diversity 0x1234, key IA.
                1 => 1 << 63 | next | 0x1234 << 32 | (target - base),
                // The low 43 bits, and the top byte above them.
                _ => next | target >> 56 << 43 | target & ((1 << 43) - 1),
            }
        };
        let mut segments = self.segments(symbols, memory, word);
        let starts = symbols.address("thread_starts");
        let place = (starts - base) as usize;
        let table = [1, (symbols.address("chained") - base) as u32, u32::MAX, u32::MAX];
        for (n, word) in table.into_iter().enumerate() {
            segments[0].data[place + 4 * n..place + 4 * n + 4].copy_from_slice(&word.to_le_bytes());
        }
        segments[0].sections.push(Section { name: "__thread_starts", vmaddr: starts, size: 16 });
        let end = symbols.address("kernel_end");
        segments.push(Segment::empty("__PRELINK_TEXT", base - 0x300_0000, 5));
        segments.push(Segment::empty("__PLK_TEXT_EXEC", end, 5));
        let mut image = self.image(2, 0x20_0001);
        image.entry = Some(symbols.address("start"));
        image.segments = segments;
        image.linkedit(end).to_bytes()
    }

    /// A collection: its header a page before the kernel's, the kernel as its only entry, chained fixups.
    fn fileset(&self, symbols: &Symbols, memory: &[u8]) -> Vec<u8> {
        let inner_base = symbols.address("text_start");
        let base = inner_base - 0x4000;
        // 64_KERNEL_CACHE: target in 30 bits, next in units of 4 bytes at bit 51.
        let word = |n: usize, target: u64| (target - base) | (u64::from(n < 3) * 2) << 51;
        let segments = self.segments(symbols, memory, word);
        let end = symbols.address("kernel_end");
        let mut outer = self.image(0xc, 1);
        outer.entry = Some(symbols.address("start"));
        outer.segments = vec![Segment::new("__TEXT", base, vec![0; 0x4000], 5)];
        let names = ["__PRELINK_TEXT", "__DATA_CONST", "__TEXT_EXEC", "__LINKINFO", "__DATA"];
        for (segment, name) in segments.iter().zip(names) {
            outer.segments.push(Segment { name, ..segment.clone() });
        }
        outer.fixups = Some(image::Fixups { base, place: symbols.address("chained"), segment: 5 });
        outer.fileset = Some(("com.apple.kernel", inner_base));
        let outer = outer.linkedit(end);
        let mut inner = self.image(2, 0x8000_0001);
        inner.entry = Some(symbols.address("start"));
        inner.segments = segments;
        outer.with_inner(&inner, inner_base)
    }

    /// The device tree, as a boot loader finds it: nothing filled in.
    ///
    /// # Errors
    /// Only a defect of this workspace gives one.
    pub fn device_tree(&self) -> Result<Vec<u8>> {
        let virtual_machine = self.name == "vmapple";
        let first = if self.second.0.is_some() { r#"cluster-type = "E"; cluster-id = u32(0);"# } else { "" };
        let second = match self.second.0 {
            Some(letter) => format!(r#"cluster-type = "{letter}"; cluster-id = u32(1);"#),
            None => String::new(),
        };
        let devices = if virtual_machine {
            include_str!("../contract/devices-virtual.txt")
        } else {
            include_str!("../contract/devices-io.txt")
        };
        let text = include_str!("../contract/tree.txt")
            .replace("@devices@", devices)
            .replace("@board@", &self.product.board.to_uppercase())
            .replace("@model@", self.product.kind)
            .replace("@platform@", if virtual_machine { "vmapple" } else { self.product.platform })
            .replace("@first@", first)
            .replace("@second@", &second)
            .replace("@reg@", &self.second.1.to_string())
            .replace(
                "@ranges@",
                if virtual_machine { "0 0 0x70000000" } else { "0 0x200000000 0x100000000" },
            );
        Ok(apple_dt::compile(&text)?.to_bytes())
    }

    /// The parts as they lie in its IPSW.
    ///
    /// # Errors
    /// Only a defect of this workspace gives one.
    pub fn parts(&self) -> Result<demo::Parts> {
        demo::pack("contract", &self.kernel(), &self.device_tree()?, &demo::small_ramdisk("contract")?)
    }

    /// The IPSW.
    ///
    /// # Errors
    /// Only a defect of this workspace gives one.
    pub fn ipsw(&self) -> Result<Vec<u8>> {
        demo::archive(&self.product, &self.parts()?, None)
    }
}

/// Writes every IPSW into a folder.
///
/// # Errors
/// What writing says.
pub fn write_all(folder: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for contract in CONTRACTS {
        std::fs::write(folder.join(format!("contract-{}.ipsw", contract.name)), contract.ipsw()?)?;
    }
    Ok::<(), Error>(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_is_a_mach_o_of_its_shape_and_the_same_each_time() {
        for contract in CONTRACTS {
            let kernel = contract.kernel();
            assert!(kernel == contract.kernel(), "{}", contract.name);
            let word = |at: usize| u32::from_le_bytes(kernel[at..at + 4].try_into().unwrap());
            assert_eq!(word(0), 0xfeed_facf);
            assert_eq!(word(12), if contract.shape == Shape::Fileset { 0xc } else { 2 }, "{}", contract.name);
            assert_eq!(word(8), contract.subtype);
            assert!(contract.device_tree().unwrap().len() > 1000);
        }
    }
}
