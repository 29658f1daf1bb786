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
