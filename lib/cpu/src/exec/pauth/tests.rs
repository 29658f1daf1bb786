use std::sync::Arc;

use mem::{Bus, Clock, Lines, Memory, Region};

use super::*;
use crate::Connections;
use crate::model::Model;

/// A CPU at EL1 with every key enabled, 39-bit addresses in both halves, and tags ignored in the lower one.
fn cpu(name: &str, pac: Pac) -> Cpu {
    let memory = Arc::new(Memory::new(&[Region { base: 0, len: 0x10_000 }]).expect("RAM"));
    let bus = Arc::new(Bus::ram(memory));
    let io = Connections::new(bus, Arc::new(Clock::realtime(24_000_000)), Lines::new());
    let model = Model::named(name).expect("model").with_levels(false, false).with_pac(pac);
    let mut cpu = Cpu::new(Arc::new(model), 0, 0, io);
    cpu.state.el = 1;
    cpu.sys.sctlr[1] = 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13;
    cpu.sys.tcr[1] = 25 | 25 << 16 | 1 << 37;
    cpu.sys.keys = [1, 2, 3, 4, 5].map(|n: u128| n * 0x0123_4567_89ab_cdef_0011_2233_4455_6677);
    cpu
}

const USER: u64 = 0x0000_0012_3456_7890;
const KERNEL: u64 = 0xffff_fff0_0765_4320;

#[test]
fn a_signed_pointer_authenticates_and_strips_back() {
    for pac in [Pac::Hash, Pac::Qarma5, Pac::Qarma3] {
        for model in ["a12", "max"] {
            let cpu = cpu(model, pac);
            for ptr in [USER, KERNEL, 0xab00_0000_0000_1000, 0xffff_ff80_0000_0000] {
                for key in [Key::Ia, Key::Ib, Key::Da, Key::Db] {
                    let signed = add(&cpu, ptr, 0x1234, key).expect("signs");
                    assert_eq!(auth(&cpu, signed, 0x1234, key, false), Ok(ptr), "{pac:?} {model} {ptr:x}");
                    assert_eq!(strip(&cpu, signed, key.is_data()), ptr, "{pac:?} {model} {ptr:x}");
                }
            }
        }
    }
}

#[test]
fn another_modifier_or_key_does_not_authenticate() {
    let cpu = cpu("a12", Pac::Qarma5);
    let signed = add(&cpu, KERNEL, 1, Key::Ia).expect("signs");
    assert_ne!(signed, KERNEL);
    // Bit 61 is set and 62 clear for an A key: the address is not canonical any more.
    let bad = auth(&cpu, signed, 2, Key::Ia, false).expect("no FPAC here");
    assert_eq!((bad >> 61 & 3, bad << 3 >> 3), (1, KERNEL << 3 >> 3));
    let bad = auth(&cpu, signed, 1, Key::Ib, false).expect("no FPAC here");
    assert_eq!(bad >> 61 & 3, 2);
    let user = add(&cpu, USER, 1, Key::Da).expect("signs");
    let bad = auth(&cpu, user, 2, Key::Da, false).expect("no FPAC here");
    assert_eq!(bad, USER | 1 << 53);
}

#[test]
fn a_disabled_key_leaves_the_pointer_alone() {
    let mut cpu = cpu("a12", Pac::Qarma5);
    cpu.sys.sctlr[1] = 0;
    assert_eq!(add(&cpu, KERNEL, 1, Key::Ia), Ok(KERNEL));
    assert_eq!(auth(&cpu, KERNEL ^ 1 << 60, 1, Key::Ia, false), Ok(KERNEL ^ 1 << 60));
}

#[test]
fn off_signs_nothing_but_still_strips() {
    let cpu = cpu("a12", Pac::Off);
    assert_eq!(add(&cpu, KERNEL, 1, Key::Ia), Ok(KERNEL));
    assert_eq!(strip(&cpu, KERNEL ^ 1 << 60, false), KERNEL);
}

#[test]
fn without_the_feature_hints_are_nops_and_the_rest_is_undefined() {
    let mut cpu = cpu("a11", Pac::Off);
    cpu.state.x[30] = KERNEL;
    assert_eq!(execute(&mut cpu, Op::Paciasp, Word(0xd503_233f)), Ok(()));
    assert_eq!(cpu.state.x[30], KERNEL);
    assert_eq!(execute(&mut cpu, Op::Pacia, Word(0xdac1_0020)), Err(Exception::undefined()));
}

#[test]
fn one_source_instructions_pick_their_key_and_modifier() {
    let mut cpu = cpu("a12", Pac::Qarma5);
    (cpu.state.x[0], cpu.state.x[1]) = (USER, 77);
    let expect = add(&cpu, USER, 77, Key::Db).expect("signs");
    assert_eq!(execute(&mut cpu, Op::Pacdb, Word(0xdac1_0c20)), Ok(()));
    assert_eq!(cpu.state.x[0], expect);
    cpu.state.x[0] = USER;
    let expect = add(&cpu, USER, 0, Key::Ib).expect("signs");
    assert_eq!(execute(&mut cpu, Op::Pacizb, Word(0xdac1_27e0)), Ok(()));
    assert_eq!(cpu.state.x[0], expect);
}

/// What `qemu-system-aarch64` 7.2 (`-cpu max`, QARMA5, first version of the feature) answered to a small program of ours, for
/// several address sizes and tag settings. It and this file agree on 27,649 values of that program, but for pointers whose
/// bits 63 and 55 differ without tags, where QEMU takes the address size from the other half than the Arm manual.
#[test]
fn codes_are_those_of_another_implementation() {
    let mut cpu = cpu("max", Pac::Qarma5);
    let mut model = (*cpu.model).clone();
    model.ids.isar1 = model.ids.isar1 & !0xff0 | 1 << 4;
    model.features.fpac = false;
    cpu.model = Arc::new(model);
    let key = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
    cpu.sys.keys = [
        key(0x5555_6666_7777_8888, 0x1111_2222_3333_4444),
        key(0x0123_4567_89ab_cdef, 0xa5a5_b6b6_c7c7_d8d8),
        key(0x0f1e_2d3c_4b5a_6978, 0xfedc_ba98_7654_3210),
        key(0xdead_beef_cafe_babe, 0x1357_9bdf_0246_8ace),
        key(0x2718_2818_2845_9045, 0x3141_5926_5358_9793),
    ];
    let (none, tbi0, tbi1) = (25 | 16 << 16, 25 | 16 << 16 | 1 << 37, 20 | 32 << 16 | 1 << 38);
    // TCR_EL1, pointer, modifier, then PACIA, PACIB, PACDA, PACDB, and AUTIA of the first with another modifier.
    #[rustfmt::skip]
    let rows: [[u64; 8]; 6] = [
        [none, 0x75_fbde_15b0, 0x2a33_7357_ae2c_c59b,
            0x7547_8e75_fbde_15b0, 0xa139_a3f5_fbde_15b0, 0x1f40_23f5_fbde_15b0, 0x610e_a2f5_fbde_15b0, 0x2000_0075_fbde_15b0],
        [none, 0xffff_fffa_2752_9ad0, 0xe409_3df8_432a_8be5,
            0x659e_fffa_2752_9ad0, 0xf381_fffa_2752_9ad0, 0x3dfc_fffa_2752_9ad0, 0x52a1_fffa_2752_9ad0, 0xbfff_fffa_2752_9ad0],
        [tbi0, 0x3a_bdfb_5837, 0x9d8d_bb3a_5bde_4347,
            0x35_2cba_bdfb_5837, 0x59_0aba_bdfb_5837, 0x74_373a_bdfb_5837, 0x43_15ba_bdfb_5837, 0x20_003a_bdfb_5837],
        [tbi0, 0xffff_ff82_8c93_ce01, 0xdf9a_26c8_4703_49dd,
            0xb4d6_ff82_8c93_ce01, 0x5ac4_ff82_8c93_ce01, 0x42fd_ff82_8c93_ce01, 0x1aed_ff82_8c93_ce01, 0xbfff_ff82_8c93_ce01],
        [tbi1, 0x17_106f_cafa, 0x4698_99d6_0b3c_ebef,
            0x2c37_9017_106f_cafa, 0x3171_a017_106f_cafa, 0xa203_f017_106f_cafa, 0x2825_1017_106f_cafa, 0x2000_0017_106f_cafa],
        [tbi1, 0xffff_ffdb_e69d_89f8, 0x290c_a307_dedb_cceb,
            0xff81_de28_e69d_89f8, 0xffff_b8d9_e69d_89f8, 0xffac_2a31_e69d_89f8, 0xffd0_0384_e69d_89f8, 0xffbf_ffff_e69d_89f8],
    ];
    for [tcr, ptr, modifier, ia, ib, da, db, bad] in rows {
        cpu.sys.tcr[1] = tcr;
        for (key, expected) in [(Key::Ia, ia), (Key::Ib, ib), (Key::Da, da), (Key::Db, db)] {
            assert_eq!(add(&cpu, ptr, modifier, key), Ok(expected), "{ptr:x} {key:?}");
            // The last pointer is not canonical: its code is spoilt on purpose.
            let good = auth(&cpu, expected, modifier, key, false) == Ok(ptr);
            assert_eq!(good, strip(&cpu, ptr, false) == ptr, "{ptr:x} {key:?}");
        }
        assert_eq!(auth(&cpu, ia, modifier + 1, Key::Ia, false), Ok(bad), "{ptr:x}");
    }
}
