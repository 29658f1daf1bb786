//! The models' identity values.

use super::{Features, Ids, Model, Pac, Permissions};
use crate::reg::pack;

/// Names that [`Model::named`] knows.
pub const NAMES: &[&str] = &[
    "a7",
    "a8",
    "a9",
    "a10",
    "a11",
    "a12",
    "a13",
    "a14",
    "m1",
    "vmapple",
    "cortex-a53",
    "cortex-a72",
    "neoverse-n1",
    "max",
];

/// 64-byte lines everywhere, log2 of words; physically indexed; IDC and DIC clear.
const CTR: u64 = 0x8444_c004;

/// 32 KiB L1 data and instruction, 1 MiB L2, all with 64-byte lines.
const CCSIDR: [u64; 3] = [0x700f_e01a, 0x201f_e01a, 0x703f_e03a];

/// CSV2 and CSV3: no speculation, so nothing leaks through it.
const CSV: u64 = 1 << 56 | 1 << 60;

/// Armv8.0 with AES, SHA-1 and SHA-256 and all three granules, as every model here has at least.
fn v8_0() -> Ids {
    Ids {
        pfr0: 0x11 | CSV,
        pfr1: 0,
        dfr0: 6 | 1 << 8 | 5 << 12 | 3 << 20 | 1 << 28,
        isar0: 2 << 4 | 1 << 8 | 1 << 12,
        isar1: 0,
        isar2: 0,
        mmfr0: 2 | 2 << 4 | 1 << 20,
        mmfr1: 0,
        mmfr2: 0,
        aidr: 0,
        ctr: CTR,
        clidr: 0x0a20_0023,
        ccsidr: CCSIDR,
    }
}

/// CRC32, RDM, PAN, LORegions, VHE, HPD and 16-bit VMIDs on top; LSE apart.
fn v8_1(mut ids: Ids, lse: bool) -> Ids {
    ids.isar0 |= 1 << 16 | 1 << 28 | if lse { 2 << 20 } else { 0 };
    ids.mmfr1 |= 2 << 4 | 1 << 8 | 1 << 12 | 1 << 16 | 1 << 20;
    ids.dfr0 = ids.dfr0 & !0xf00 | 4 << 8;
    ids
}

/// RAS, FP16, UAO, PAN2, XNX, DC CVAP.
fn v8_2(mut ids: Ids) -> Ids {
    ids.pfr0 |= 1 << 28 | 1 << 16 | 1 << 20;
    ids.isar1 |= 1;
    ids.mmfr1 = ids.mmfr1 & !(15 << 20) & !(15 << 12) | 2 << 20 | 2 << 12 | 1 << 28;
    ids.mmfr2 |= 1 | 1 << 4 | 1 << 12;
    ids.dfr0 = ids.dfr0 & !0xf | 8;
    ids
}

/// JSCVT, FCMA, LDAPR; PAuth is set by the model's algorithm.
fn v8_3(mut ids: Ids) -> Ids {
    ids.isar1 |= 1 << 12 | 1 << 16 | 1 << 20;
    ids
}

/// DotProd, FHM, FlagM, SHA-512, SHA3, TLBI range and outer shareable, LDAPUR, DIT, LSE2, TTST.
fn v8_4(mut ids: Ids) -> Ids {
    ids.pfr0 |= 1 << 48;
    ids.isar0 = ids.isar0 & !(15 << 12) | 2 << 12 | 1 << 32 | 1 << 44 | 1 << 48 | 1 << 52 | 2 << 56;
    ids.isar1 = ids.isar1 & !(15 << 20) | 2 << 20;
    ids.mmfr2 |= 1 << 28 | 1 << 32;
    ids
}

/// FlagM2, FRINTTS, SB, PredRes, SSBS, BTI, DC CVADP, RNDR, E0PD, SM3, SM4, BF16, I8MM.
fn v8_5(mut ids: Ids) -> Ids {
    ids.isar0 = ids.isar0 & !(15 << 52) | 2 << 52 | 1 << 36 | 1 << 40 | 1 << 60;
    ids.isar1 = ids.isar1 & !15 | 2 | 1 << 32 | 1 << 36 | 1 << 40 | 1 << 44 | 1 << 52;
    ids.pfr1 |= 1 | 2 << 4;
    ids.mmfr2 |= 1 << 60;
    ids
}

/// What A14 and M1 have of 8.5: FlagM2, FRINTTS, SB, PredRes, SSBS, DC CVADP, E0PD; no BTI.
fn apple_8_5(mut ids: Ids) -> Ids {
    ids.isar0 = ids.isar0 & !(15 << 52) | 2 << 52;
    ids.isar1 = ids.isar1 & !15 | 2 | 1 << 32 | 1 << 36 | 1 << 40;
    ids.pfr1 |= 2 << 4;
    ids.mmfr2 |= 1 << 60;
    ids
}

fn pa_range(mut ids: Ids, range: u64) -> Ids {
    ids.mmfr0 = ids.mmfr0 & !15 | range;
    ids
}

fn debug(mut ids: Ids, breakpoints: u64, watchpoints: u64) -> Ids {
    ids.dfr0 = ids.dfr0 & !0xf0_f000 | (breakpoints - 1) << 12 | (watchpoints - 1) << 20;
    ids
}

fn model(name: &'static str, midr: u64, ids: Ids) -> Model {
    Model {
        name,
        midr,
        ids,
        features: Features::default(),
        has_el2: true,
        has_el3: true,
        pa_bits: 40,
        apple: false,
        guarded: false,
        permissions: Permissions::Arm,
        efficiency_midr: None,
        pac: Pac::Absent,
        resets: &[],
    }
}

/// Apple's MIDR: implementer 0x61, revision B1.
const fn apple_midr(part: u64) -> u64 {
    0x61 << 24 | 1 << 20 | 0xf << 16 | part << 4 | 1
}

/// Apple: implementer 0x61, B1; no EL2, no EL3 (KPP's monitor is firmware of ours), 6 breakpoints, 2 watchpoints.
fn apple(name: &'static str, part: u64, ids: Ids, resets: &'static [(u16, u64)]) -> Model {
    let mut m = model(name, apple_midr(part), debug(ids, 6, 2));
    m.has_el2 = false;
    m.has_el3 = false;
    m.apple = true;
    m.resets = resets;
    m
}

/// APRR_EL0 and APRR_EL1 as the hardware resets them (xnu-machine.md 6.3).
const APRR: [(u16, u64); 2] =
    [(pack(3, 4, 15, 2, 0), 0x4545_0101_6767_0101), (pack(3, 4, 15, 2, 1), 0x4455_4455_6666_6677)];
const A11: &[(u16, u64)] = &APRR;
/// APCTL_EL1: M key valid.
const A12: &[(u16, u64)] = &[APRR[0], APRR[1], (pack(3, 4, 15, 0, 4), 2)];
/// APCTL_EL1: M key valid; APCFG_EL1: keys on at EL1.
const A13: &[(u16, u64)] = &[(pack(3, 4, 15, 0, 4), 2), (pack(3, 4, 15, 0, 6), 2)];
/// SPRR's permission register of EL1 as the emulators of the A13 have it, and as Asahi Linux found it on the M1.
const SPRR_A13: Permissions = Permissions::Sprr { el1: pack(3, 6, 15, 3, 0) };
const SPRR_M1: Permissions = Permissions::Sprr { el1: pack(3, 6, 15, 1, 6) };

pub(super) fn build(name: &str) -> Option<Model> {
    // Apple's A7 and A8 have no 16 KiB kernels, but the hardware translates all three granules.
    let apple_8_0 = || pa_range(v8_0(), 2);
    let apple_8_1 = || pa_range(v8_1(v8_0(), false), 2);
    let apple_8_2 = || pa_range(v8_2(v8_1(v8_0(), true)), 2);
    Some(match name {
        "a7" => apple("a7", 1, apple_8_0(), &[]),
        "a8" => apple("a8", 2, apple_8_0(), &[]),
        "a9" => apple("a9", 4, apple_8_0(), &[]),
        "a10" => apple("a10", 6, apple_8_1(), &[]),
        "a11" => {
            let mut m = apple("a11", 8, apple_8_2(), A11);
            m.efficiency_midr = Some(apple_midr(9));
            m.permissions = Permissions::Aprr;
            m
        }
        "a12" => {
            let mut m = apple("a12", 0xb, v8_3(apple_8_2()), A12);
            m.ids.isar1 |= 1 << 8 | 1 << 28;
            m.pac = Pac::Hash;
            m.efficiency_midr = Some(apple_midr(0xc));
            m.permissions = Permissions::Aprr;
            m
        }
        "a13" => {
            let mut m = apple("a13", 0x12, v8_4(v8_3(apple_8_2())), A13);
            m.ids.isar1 |= 1 << 8 | 1 << 28;
            m.pac = Pac::Hash;
            m.guarded = true;
            m.efficiency_midr = Some(apple_midr(0x13));
            m.permissions = SPRR_A13;
            m
        }
        // APSTS says that keys are valid; nothing is said in APCTL.
        "a14" | "m1" => {
            let (name, part, efficiency) =
                if name == "a14" { ("a14", 0x21, 0x20) } else { ("m1", 0x23, 0x22) };
            let mut m = apple(name, part, apple_8_5(v8_4(v8_3(apple_8_2()))), &[]);
            m.ids.isar1 |= 1 << 8 | 1 << 28;
            m.pac = Pac::Hash;
            m.guarded = true;
            m.efficiency_midr = Some(apple_midr(efficiency));
            m.permissions = SPRR_M1;
            m
        }
        // What Apple's hypervisor shows on an M1: no guarded mode, keys by hypercall.
        "vmapple" => {
            let mut m = apple("vmapple", 0x23, apple_8_5(v8_4(v8_3(apple_8_2()))), &[]);
            m.ids.isar1 |= 1 << 8 | 1 << 28;
            m.pac = Pac::Hash;
            m
        }
        "cortex-a53" => {
            let mut m = model("cortex-a53", 0x410f_d034, debug(v8_0(), 6, 4));
            // No 16 KiB granule.
            m.ids.mmfr0 &= !(15 << 20);
            m.ids.isar0 |= 1 << 16;
            m
        }
        "cortex-a72" => {
            let mut m = model("cortex-a72", 0x410f_d083, pa_range(debug(v8_0(), 6, 4), 4));
            m.ids.mmfr0 &= !(15 << 20);
            m.ids.isar0 |= 1 << 16;
            m
        }
        "neoverse-n1" => {
            let mut m = model("neoverse-n1", 0x414f_d0c1, pa_range(debug(v8_2(v8_1(v8_0(), true)), 6, 4), 5));
            m.ids.isar0 |= 1 << 44;
            m.ids.isar1 |= 1 << 20;
            m.ids.pfr1 |= 2 << 4;
            m
        }
        "max" => {
            let ids = v8_5(v8_4(v8_3(v8_2(v8_1(v8_0(), true)))));
            let mut m = model("max", 0x000f_0510, pa_range(debug(ids, 6, 4), 5));
            m.ids.isar1 |= 1 << 4 | 1 << 24;
            m.pac = Pac::Qarma5;
            m
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_name_builds_and_knows_itself() {
        for name in NAMES {
            let m = Model::named(name);
            assert_eq!(m.map(|m| m.name), Some(*name));
        }
        assert!(Model::named("a6").is_none());
    }

    #[test]
    fn apples_a10_has_pan_but_no_lse() {
        let m = Model::named("a10").unwrap();
        assert!(m.features.pan);
        assert_eq!(m.ids.isar0 >> 20 & 15, 0);
        assert_eq!((m.midr, m.pa_bits), (0x611f_0061, 40));
    }

    #[test]
    fn what_a_generation_lacks_is_not_there() {
        use a64::Feature::*;
        let has = |name: &str, feature| Model::named(name).unwrap().has(feature);
        for feature in [Lse, Crc32, Rdm, Fp16, Pauth, Lrcpc, DotProd, Jscvt, Sha3, FlagM, Bti] {
            assert!(!has("a7", feature), "{feature:?}");
            assert!(has("max", feature), "{feature:?}");
        }
        assert!(has("a7", Aes) && has("a7", AdvSimd) && has("a7", Apple) && !has("cortex-a53", Apple));
        assert!(has("a10", Crc32) && !has("a10", Lse) && has("a11", Lse) && !has("a11", Pauth));
        assert!(has("a12", Pauth) && !has("a12", DotProd) && has("a13", DotProd) && !has("a13", Sb));
        assert!(has("a14", Sb) && !has("a14", Bti));
    }

    #[test]
    fn efficiency_cores_have_their_own_part_number() {
        let part = |m: Model| m.midr >> 4 & 0xfff;
        let a11 = Model::named("a11").unwrap();
        assert_eq!((part(a11.clone()), part(a11.efficiency())), (8, 9));
        assert_eq!(part(Model::named("a10").unwrap().efficiency()), 6);
    }

    #[test]
    fn another_pac_algorithm_shows_in_the_id_registers() {
        let m = Model::named("max").unwrap().with_pac(Pac::Qarma3);
        assert_eq!((m.ids.isar1 >> 4 & 0xff, m.ids.isar2 >> 12 & 15), (0, 1));
    }
}
