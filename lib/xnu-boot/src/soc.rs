//! Apple's chips, as far as the boot protocol differs between them.

use std::fmt;

/// A system on chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Soc {
    /// Apple's name, as in the kernel's version string: `T8015`.
    pub name: &'static str,
    /// The market's name: `A11`.
    pub market: &'static str,
    /// Order by age: 7 for A7 … 13 for A13; M1 counts as 14.
    pub generation: u8,
    /// Bytes of DRAM the devices have, which is what an unconfigured machine gets.
    #[serde(skip)]
    pub memory: u64,
}

const GIB: u64 = 1 << 30;

const fn soc(name: &'static str, market: &'static str, generation: u8, memory: u64) -> Soc {
    Soc { name, market, generation, memory }
}

/// Known chips. DRAM sizes are those of the smallest device, at least 2 GiB where the kernel does not mind.
const SOCS: &[Soc] = &[
    soc("S5L8960X", "A7", 7, GIB),
    soc("T7000", "A8", 8, GIB),
    soc("T7001", "A8X", 8, 2 * GIB),
    soc("S8000", "A9", 9, 2 * GIB),
    soc("S8003", "A9", 9, 2 * GIB),
    soc("S8001", "A9X", 9, 2 * GIB),
    soc("T8010", "A10", 10, 2 * GIB),
    soc("T8011", "A10X", 10, 4 * GIB),
    soc("T8012", "T2", 10, 2 * GIB),
    soc("T8015", "A11", 11, 2 * GIB),
    soc("T8020", "A12", 12, 3 * GIB),
    soc("T8027", "A12X", 12, 4 * GIB),
    soc("T8030", "A13", 13, 4 * GIB),
    soc("T8101", "A14", 14, 4 * GIB),
    soc("T8103", "M1", 14, 8 * GIB),
    soc("T6000", "M1 Pro", 14, 8 * GIB),
    soc("T6001", "M1 Max", 14, 8 * GIB),
    soc("T8110", "A15", 15, 4 * GIB),
    soc("T8112", "M2", 15, 8 * GIB),
    soc("T8120", "A16", 16, 4 * GIB),
    soc("T8130", "A17", 17, 4 * GIB),
    soc("T8140", "A18", 18, 4 * GIB),
    soc("VMAPPLE", "virtual", 14, 4 * GIB),
];

impl Soc {
    /// The chip of this name, in any case.
    pub fn by_name(name: &str) -> Option<Soc> {
        SOCS.iter().find(|s| s.name.eq_ignore_ascii_case(name)).copied()
    }

    /// The chip that a device tree is for, by `/arm-io` `device_type` (`t8015-io`).
    pub fn of_tree(tree: &apple_dt::Tree) -> Option<Soc> {
        let kind = tree.property("/arm-io", "device_type")?.str()?;
        Soc::by_name(kind.strip_suffix("-io").unwrap_or(kind))
    }

    /// Whether the hardware page is 4 KiB (A7, A8), and with it the unit of the bootstrap map 2 MiB.
    pub fn pages_of_4k(self) -> bool {
        self.generation < 9
    }

    /// Bytes that one L2 block of the bootstrap map covers (`osfmk/arm64/start.s`).
    pub fn block(self) -> u64 {
        if self.pages_of_4k() { 2 << 20 } else { 32 << 20 }
    }

    /// Whether the kernel keeps a token in RAM of `/stram` that tells the boot loader of a sleep, and panics without that
    /// node (`WITH_CLASSIC_S2R` in `pexpert/arm64/S5L8960X.h` and `T7000.h`, `osfmk/arm64/cpu.c`, xnu-4903.221.2).
    pub fn has_sleep_token(self) -> bool {
        self.generation < 9
    }

    /// Whether an EL3 monitor (KPP) is expected.
    pub fn has_kpp(self) -> bool {
        self.generation <= 9
    }

    /// Whether memory is locked by registers of the memory controller (KTRR on A10 and A11, CTRR later).
    pub fn has_ktrr(self) -> bool {
        self.generation >= 10 && !self.is_virtual()
    }

    /// Whether this is the machine of Apple's virtualization framework.
    pub fn is_virtual(self) -> bool {
        self.name == "VMAPPLE"
    }
}

impl fmt::Display for Soc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.market)
    }
}
