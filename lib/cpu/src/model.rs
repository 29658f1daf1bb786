//! CPU models: identity registers and the features they promise.
//!
//! A model's ID registers are composed field by field from what this crate implements, so that a guest that looks
//! finds exactly what it may use. AArch32 is never offered, not even where the real processor has it.
//! Sources: Arm manual D24.2 for the fields, Arm's technical reference manuals for the identity values of Arm's
//! cores, xnu-machine.md 7 for Apple's (headers of XNU, LLVM's processor list).

mod table;

pub use table::NAMES;

/// How pointer authentication codes are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pac {
    /// The instructions do not exist (hint forms are NOPs).
    #[default]
    Absent,
    /// The instructions exist and change nothing.
    Off,
    /// A fast hash of our own: the IMPLEMENTATION DEFINED algorithm.
    Hash,
    /// The architecture's QARMA5.
    Qarma5,
    /// The architecture's QARMA3.
    Qarma3,
}

/// How a descriptor's permission bits are read on Apple's cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Permissions {
    /// As Arm says.
    #[default]
    Arm,
    /// As Arm says, masked by the APRR registers (A11, A12).
    Aprr,
    /// SPRR (A13 and later): the bits are an index into a register; the register of EL1 is the one with this encoding.
    Sprr {
        /// Encoding of the permission register of EL1 and GL1: sources differ by chip.
        el1: u16,
    },
}

/// The identity registers of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// ID_AA64PFR0_EL1.
    pub pfr0: u64,
    /// ID_AA64PFR1_EL1.
    pub pfr1: u64,
    /// ID_AA64DFR0_EL1.
    pub dfr0: u64,
    /// ID_AA64ISAR0_EL1.
    pub isar0: u64,
    /// ID_AA64ISAR1_EL1.
    pub isar1: u64,
    /// ID_AA64ISAR2_EL1.
    pub isar2: u64,
    /// ID_AA64MMFR0_EL1.
    pub mmfr0: u64,
    /// ID_AA64MMFR1_EL1.
    pub mmfr1: u64,
    /// ID_AA64MMFR2_EL1.
    pub mmfr2: u64,
    /// AIDR_EL1.
    pub aidr: u64,
    /// CTR_EL0.
    pub ctr: u64,
    /// CLIDR_EL1.
    pub clidr: u64,
    /// CCSIDR_EL1 for L1 data, L1 instruction and L2, in CSSELR_EL1 order 0, 1, 2.
    pub ccsidr: [u64; 3],
}

/// Features that change what the processor core does. Instruction sets alone are not listed: see [`Model::has`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// PSTATE.PAN exists.
    pub pan: bool,
    /// PSTATE.UAO exists.
    pub uao: bool,
    /// EL2 may run with HCR_EL2.E2H.
    pub vhe: bool,
    /// TCR hierarchical permission disables.
    pub hpd: bool,
    /// Stage 2 execute-never by EL.
    pub xnx: bool,
    /// Unaligned atomics inside 16 bytes.
    pub lse2: bool,
    /// BTYPE and guarded pages.
    pub bti: bool,
    /// PSTATE.SSBS.
    pub ssbs: bool,
    /// PSTATE.DIT.
    pub dit: bool,
    /// TCR.E0PD.
    pub e0pd: bool,
    /// Small translation tables: TxSZ up to 48.
    pub ttst: bool,
    /// RNDR.
    pub rndr: bool,
    /// Failed authentication faults at once.
    pub fpac: bool,
    /// LORegions registers exist.
    pub lor: bool,
    /// RAS registers exist.
    pub ras: bool,
    /// 16-bit VMIDs.
    pub vmid16: bool,
}

/// A processor that can be modelled.
#[derive(Clone, Debug)]
pub struct Model {
    /// Name on the command line.
    pub name: &'static str,
    /// MIDR_EL1.
    pub midr: u64,
    /// ID registers; the EL2 and EL3 fields of PFR0 are filled in from `has_el2` and `has_el3` when read.
    pub ids: Ids,
    /// What follows from them.
    pub features: Features,
    /// Whether EL2 exists.
    pub has_el2: bool,
    /// Whether EL3 exists.
    pub has_el3: bool,
    /// Physical address bits.
    pub pa_bits: u32,
    /// Whether Apple's IMPLEMENTATION DEFINED registers and instructions exist.
    pub apple: bool,
    /// Apple's guarded execution (GXF) exists: A13 and later.
    pub guarded: bool,
    /// What Apple's cores have besides Arm's page permissions.
    pub permissions: Permissions,
    /// MIDR_EL1 of the efficiency cores of the same chip, where it differs.
    pub efficiency_midr: Option<u64>,
    /// Pointer authentication.
    pub pac: Pac,
    /// Reset values of IMPLEMENTATION DEFINED registers that are not zero.
    pub resets: &'static [(u16, u64)],
}

const fn field(register: u64, shift: u32) -> u64 {
    register >> shift & 15
}

impl Model {
    /// The model called `name` (see [`NAMES`]).
    pub fn named(name: &str) -> Option<Model> {
        let mut model = table::build(name)?;
        model.derive();
        Some(model)
    }

    /// Fills in what follows from the ID registers.
    fn derive(&mut self) {
        let ids = &self.ids;
        self.features = Features {
            pan: field(ids.mmfr1, 20) != 0,
            uao: field(ids.mmfr2, 4) != 0,
            vhe: field(ids.mmfr1, 8) != 0,
            hpd: field(ids.mmfr1, 12) != 0,
            xnx: field(ids.mmfr1, 28) != 0,
            lse2: field(ids.mmfr2, 32) != 0,
            bti: field(ids.pfr1, 0) != 0,
            ssbs: field(ids.pfr1, 4) != 0,
            dit: field(ids.pfr0, 48) != 0,
            e0pd: field(ids.mmfr2, 60) != 0,
            ttst: field(ids.mmfr2, 28) != 0,
            rndr: field(ids.isar0, 60) != 0,
            fpac: field(ids.isar1, 4).max(field(ids.isar1, 8)).max(field(ids.isar2, 12)) >= 4,
            lor: field(ids.mmfr1, 16) != 0,
            ras: field(ids.pfr0, 28) != 0,
            vmid16: field(ids.mmfr1, 4) == 2,
        };
        self.pa_bits = match field(ids.mmfr0, 0) {
            0 => 32,
            1 => 36,
            2 => 40,
            3 => 42,
            4 => 44,
            _ => 48,
        };
    }

    /// The same model with another algorithm for pointer authentication codes; the ID registers follow.
    #[must_use]
    pub fn with_pac(mut self, pac: Pac) -> Model {
        if self.pac == Pac::Absent {
            return self;
        }
        let level =
            field(self.ids.isar1, 4).max(field(self.ids.isar1, 8)).max(field(self.ids.isar2, 12)).max(1);
        self.ids.isar1 &= !0xff00_0ff0;
        self.ids.isar2 &= !0xff00;
        match pac {
            Pac::Absent | Pac::Off => {}
            Pac::Hash => self.ids.isar1 |= level << 8 | 1 << 28,
            Pac::Qarma5 => self.ids.isar1 |= level << 4 | 1 << 24,
            Pac::Qarma3 => self.ids.isar2 |= level << 12 | 1 << 8,
        }
        self.pac = pac;
        self.derive();
        self
    }

    /// The same model with or without EL2 and EL3.
    #[must_use]
    pub fn with_levels(mut self, el2: bool, el3: bool) -> Model {
        self.has_el2 = el2;
        self.has_el3 = el3;
        self
    }

    /// The same model without Apple's page permissions: descriptors mean what Arm says.
    #[must_use]
    pub fn with_arm_permissions(mut self) -> Model {
        self.permissions = Permissions::Arm;
        self
    }

    /// The model of the chip's efficiency cores.
    #[must_use]
    pub fn efficiency(mut self) -> Model {
        if let Some(midr) = self.efficiency_midr {
            self.midr = midr;
        }
        self
    }

    /// Whether instructions of this feature exist. What does not is undefined, in the hint space a NOP.
    pub fn has(&self, feature: a64::Feature) -> bool {
        use a64::Feature::*;
        let ids = &self.ids;
        let at_least = |register: u64, shift: u32, level: u64| field(register, shift) >= level;
        // 15 in the fields for floating-point means that there is none.
        let fp = |shift: u32| field(ids.pfr0, shift) != 15;
        match feature {
            Base => true,
            Fp => fp(16),
            AdvSimd => fp(20),
            Fp16 => fp(16) && at_least(ids.pfr0, 16, 1),
            Ras => at_least(ids.pfr0, 28, 1),
            Aes => at_least(ids.isar0, 4, 1),
            Sha1 => at_least(ids.isar0, 8, 1),
            Sha256 => at_least(ids.isar0, 12, 1),
            Sha512 => at_least(ids.isar0, 12, 2),
            Crc32 => at_least(ids.isar0, 16, 1),
            Lse => at_least(ids.isar0, 20, 2),
            Rdm => at_least(ids.isar0, 28, 1),
            Sha3 => at_least(ids.isar0, 32, 1),
            Sm3 => at_least(ids.isar0, 36, 1),
            Sm4 => at_least(ids.isar0, 40, 1),
            DotProd => at_least(ids.isar0, 44, 1),
            Fhm => at_least(ids.isar0, 48, 1),
            FlagM => at_least(ids.isar0, 52, 1),
            FlagM2 => at_least(ids.isar0, 52, 2),
            Jscvt => at_least(ids.isar1, 12, 1),
            Fcma => at_least(ids.isar1, 16, 1),
            Lrcpc => at_least(ids.isar1, 20, 1),
            Lrcpc2 => at_least(ids.isar1, 20, 2),
            Frintts => at_least(ids.isar1, 32, 1),
            Sb => at_least(ids.isar1, 36, 1),
            Bf16 => at_least(ids.isar1, 44, 1),
            I8mm => at_least(ids.isar1, 52, 1),
            Bti => at_least(ids.pfr1, 0, 1),
            Lor => at_least(ids.mmfr1, 16, 1),
            Pauth => self.pac != Pac::Absent,
            Apple => self.apple,
        }
    }

    /// Highest implemented EL.
    pub fn highest(&self) -> u8 {
        match (self.has_el3, self.has_el2) {
            (true, _) => 3,
            (false, true) => 2,
            (false, false) => 1,
        }
    }

    /// Whether the model translates with granules of `1 << shift` bytes.
    pub fn has_granule(&self, shift: u32) -> bool {
        match shift {
            12 => field(self.ids.mmfr0, 28) != 15,
            14 => field(self.ids.mmfr0, 20) != 0,
            _ => field(self.ids.mmfr0, 24) != 15,
        }
    }

    /// Hardware breakpoints.
    pub fn breakpoints(&self) -> usize {
        field(self.ids.dfr0, 12) as usize + 1
    }

    /// Hardware watchpoints.
    pub fn watchpoints(&self) -> usize {
        field(self.ids.dfr0, 20) as usize + 1
    }
}
