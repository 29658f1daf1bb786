//! Entry and return.

use super::*;
use crate::reg::*;
use crate::sys::Sys;

/// EC of an ESR value.
fn class(esr: u64) -> u64 {
    esr >> 26
}

#[test]
fn svc_at_el1_uses_the_vector_of_the_selected_stack_pointer() {
    for (spsel, vector) in [(0u32, 0x000), (1, 0x200)] {
        let mut g = Guest::new("a10", 1, &a64!(; svc 0x1234; brk 0));
        g.handler(&reporting());
        g.cpu.set_el(1, spsel as u8);
        assert_eq!(g.finish(), vector);
        assert_eq!(g.cpu.sys.esr[1], 0x15 << 26 | 1 << 25 | 0x1234);
        assert_eq!(g.cpu.sys.elr[1], RAM + 4);
        assert_eq!(g.cpu.sys.spsr[1], 0x3c4 | u64::from(spsel));
    }
}

#[test]
fn eret_goes_to_el0_and_svc_comes_back_by_the_lower_vector() {
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(
            ; adr x1, >user
            ; msr sr(ELR_EL1), x1
            ; mov x2, 0x8000
            ; msr sr(SP_EL0), x2
            ; movz x3, 0xf000, lsl 16 // NZCV all set, EL0, unmasked
            ; msr sr(SPSR_EL1), x3
            ; mov sp, x0
            ; eret
            ; user:
            ; mov x5, sp
            ; svc 7
        ),
    );
    g.handler(&reporting());
    assert_eq!(g.finish(), 0x400);
    assert_eq!(g.cpu.state.x[5], 0x8000);
    assert_eq!(g.cpu.sys.spsr[1], 0xf000_0000);
    assert_eq!(class(g.cpu.sys.esr[1]), 0x15);
    assert_eq!((g.cpu.state.el, g.cpu.state.daif), (1, 0x3c0));
}

#[test]
fn an_illegal_return_sets_il_and_the_next_instruction_reports_it() {
    // To EL2, which this model has not; AArch32; EL0 with SP_ELx; EL1 with bit 1.
    for spsr in [0x9u64, 0x10, 0x1, 0x6] {
        let mut g = Guest::new("a10", 1, &a64!(; adr x1, >there; msr sr(ELR_EL1), x1; eret; there: ; nop));
        g.handler(&reporting());
        g.cpu.sys.spsr[1] = spsr | 0x3c0;
        assert_eq!(g.finish(), 0x200, "SPSR {spsr:#x}");
        assert_eq!(class(g.cpu.sys.esr[1]), 0x0e);
        assert_eq!(g.cpu.sys.elr[1], RAM + 12);
        assert_eq!(g.cpu.sys.spsr[1] >> 20 & 1, 1);
        assert_eq!(g.cpu.state.il, 0);
    }
}

#[test]
fn undefined_words_and_brk_report_their_own_address() {
    for (word, esr) in [(0u32, 1 << 25), (0xd420_0000 | 0xabc << 5, 0x3c << 26 | 1 << 25 | 0xabc)] {
        let mut g = Guest::new("a10", 1, &word.to_le_bytes());
        g.handler(&reporting());
        g.finish();
        assert_eq!((g.cpu.sys.esr[1], g.cpu.sys.elr[1]), (esr, RAM));
    }
}

#[test]
fn fp_is_trapped_by_cpacr_and_works_after_it_is_enabled() {
    let mut g = Guest::new("cortex-a72", 1, &a64!(; fmov d0, 1.0; mov x0, 77; hlt 0xf000));
    // The handler enables FP and returns.
    g.handler(&a64!(; mov x9, 0x300000; msr sr(CPACR_EL1), x9; isb; eret));
    assert_eq!(g.finish(), 77);
    assert_eq!(g.cpu.sys.esr[1], 0x07 << 26 | 1 << 25 | 0x1e << 20);
    assert_eq!(g.cpu.state.d(0), 1f64.to_bits());
}

#[test]
fn el0_may_not_touch_el1_registers() {
    let program = a64!(; mrs x0, sr(SCTLR_EL1));
    let mut g = Guest::new("a10", 1, &a64!(; eret));
    g.handler(&reporting());
    g.code(RAM + 0x100, &program);
    g.cpu.sys.elr[1] = RAM + 0x100;
    g.cpu.sys.spsr[1] = 0x3c0;
    assert_eq!(g.finish(), 0x400);
    assert_eq!(g.cpu.sys.esr[1], 1 << 25);
}

#[test]
fn a_misaligned_stack_pointer_is_reported_when_checked() {
    let mut g = Guest::new("a10", 1, &a64!(; mov x1, 8; mov sp, x1; ldr x0, [sp]));
    g.handler(&reporting());
    g.cpu.sys.sctlr[1] |= 1 << 3;
    g.finish();
    assert_eq!((class(g.cpu.sys.esr[1]), g.cpu.sys.elr[1]), (0x26, RAM + 8));
}

#[test]
fn a_branch_to_an_odd_address_is_a_pc_alignment_fault_there() {
    let mut g = Guest::new("a10", 1, &a64!(; mov x1, 0x40000000; add x1, x1, 2; br x1));
    g.handler(&reporting());
    g.finish();
    assert_eq!(class(g.cpu.sys.esr[1]), 0x22);
    assert_eq!((g.cpu.sys.far[1], g.cpu.sys.elr[1]), (RAM + 2, RAM + 2));
}

#[test]
fn pan_is_set_on_entry_when_span_is_clear() {
    for (span, pan) in [(0u64, 1u8), (1, 0)] {
        let mut g = Guest::new("a10", 1, &a64!(; svc 0));
        g.handler(&reporting());
        g.cpu.sys.sctlr[1] = g.cpu.sys.sctlr[1] & !(1 << 23) | span << 23;
        g.finish();
        assert_eq!(g.cpu.state.pan, pan);
    }
}

#[test]
fn a_load_from_nowhere_is_an_external_abort() {
    let mut g = Guest::new("a10", 1, &a64!(; mov x1, 0x1000; ldr x0, [x1]));
    g.handler(&reporting());
    g.finish();
    assert_eq!(g.cpu.sys.esr[1], 0x25 << 26 | 1 << 25 | 0x10);
    assert_eq!(g.cpu.sys.far[1], 0x1000);
}

#[test]
fn with_the_mmu_off_a_misaligned_access_faults_as_device_memory() {
    let mut g = Guest::new("a10", 1, &a64!(; mov x1, 0x40000000; ldr x0, [x1, 0x100]; ldur x0, [x1, 1]));
    g.handler(&reporting());
    g.finish();
    assert_eq!(g.cpu.sys.esr[1] & 0x3f, 0x21);
    assert_eq!((g.cpu.sys.far[1], g.cpu.sys.elr[1]), (RAM + 1, RAM + 8));
}

#[test]
fn exclusives_succeed_once_and_clrex_opens_the_monitor() {
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(
            ; mov x1, 0x40000000
            ; add x1, x1, 0x800
            ; mov x2, 5
            ; ldxr x3, [x1]
            ; stxr w4, x2, [x1]
            ; stxr w5, x2, [x1]
            ; ldxr x3, [x1]
            ; clrex
            ; stxr w6, x2, [x1]
            ; hlt 0xf000
        ),
    );
    g.finish();
    let x = &g.cpu.state.x;
    assert_eq!((x[4], x[5], x[6], x[3]), (0, 1, 1, 5));
}

#[test]
fn code_that_the_guest_rewrites_takes_effect() {
    // The subroutine is `mov x0, 1; ret`; it is called, its first word replaced by `mov x0, 2`, and called again.
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(
            ; bl >sub
            ; mov x10, x0
            ; adr x1, >sub
            ; movz w2, 0xd280, lsl 16
            ; movk w2, 0x0040
            ; str w2, [x1]
            ; ic ivau, x1
            ; dsb sy
            ; isb
            ; bl >sub
            ; hlt 0xf000
            ; sub:
            ; mov x0, 1
            ; ret
        ),
    );
    assert_eq!((g.finish(), g.cpu.state.x[10]), (2, 1));
}

#[test]
fn apples_registers_store_and_unknown_ones_read_zero_into_xt() {
    let hid4 = pack(3, 0, 15, 4, 0);
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(
            ; mov x1, 0x800
            ; msr sr(hid4), x1
            ; mrs x2, sr(hid4)
            ; mov x3, 99
            ; mrs x3, sr(pack(3, 7, 15, 11, 3))
            ; hlt 0xf000
        ),
    );
    g.finish();
    assert_eq!((g.cpu.state.x[2], g.cpu.state.x[3]), (0x800, 0));
}

#[test]
fn guarded_mode_is_entered_and_left() {
    let entry = pack(3, 6, 15, 8, 1);
    let mut g = Guest::new(
        "a13",
        1,
        &a64!(
            ; adr x1, >guarded
            ; msr sr(entry), x1
            ; .u32 0x00201423 // genter #3
            ; mov x0, 5
            ; hlt 0xf000
            ; guarded:
            ; mrs x5, sr(ESR_EL1)
            ; mrs x6, sr(ELR_EL1)
            ; .u32 0x00201400 // gexit
        ),
    );
    g.cpu.sys.elr[1] = 0xaaaa;
    assert_eq!(g.finish(), 5);
    assert_eq!((g.cpu.state.x[5], g.cpu.state.x[6]), (3, RAM + 12));
    assert_eq!(g.cpu.sys.elr[1], 0xaaaa);
}

#[test]
fn keys_are_named_by_their_own_registers() {
    assert_eq!(Sys::key_slot(APIAKEYLO_EL1), Some((0, 0)));
    assert_eq!(Sys::key_slot(APDBKEYHI_EL1), Some((3, 64)));
    assert_eq!(Sys::key_slot(APGAKEYHI_EL1), Some((4, 64)));
    assert_eq!(Sys::key_slot(TCR_EL1), None);
}

#[test]
fn vectors_that_cannot_be_fetched_do_not_hold_the_engine() {
    let mut g = Guest::new("a10", 1, &a64!(; br xzr));
    g.cpu.sys.vbar = [0; 4];
    assert_eq!(g.engine.run(&mut g.cpu, 1000), Stop::Budget);
    g.cpu.set_breakpoint(RAM, true);
    assert_eq!(g.engine.run(&mut g.cpu, 1000), Stop::Budget, "with a debugger neither");
}

#[test]
fn a_store_to_rom_leaves_it_alone() {
    let rom = Region { base: 0, len: 0x1_0000 };
    let memory = Arc::new(Memory::with_rom(&[Region { base: RAM, len: 1 << 20 }], &[rom]).unwrap());
    memory.write_bytes(0x100, &7u32.to_le_bytes()).unwrap();
    let bus = Arc::new(Bus::ram(Arc::clone(&memory)));
    let io = Connections::new(bus, Arc::new(Clock::counted(1_000_000, 1_000_000)), Lines::new());
    let mut cpu = Cpu::new(Arc::new(Model::named("a10").unwrap()), 0, 0, io);
    cpu.start_at(RAM, 1);
    // Once before and once after the soft TLB has met the page. No device lies over this ROM: an external abort.
    for _ in 0..2 {
        assert!(cpu.store::<u32>(0x100, 8, crate::access::Kind::NORMAL).is_err());
        assert_eq!(cpu.load::<u32>(0x100, crate::access::Kind::NORMAL).unwrap(), 7);
    }
}
