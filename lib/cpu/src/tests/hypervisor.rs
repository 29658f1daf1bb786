//! EL2 and EL3: calls, routing, stage 2, VHE.

use super::paging::Builder;
use super::*;
use crate::access::Kind;
use crate::reg::*;

/// A guest at EL1 below an EL2 that the program's tests configure.
fn below_el2(program: &[u8]) -> Guest {
    let g = Guest::new("max", 1, program);
    g.handler(&reporting());
    g
}

#[test]
fn hvc_and_smc_go_to_their_levels() {
    let mut g = below_el2(&a64!(; hvc 5));
    assert_eq!(g.finish(), 0x400);
    assert_eq!((g.cpu.state.el, g.cpu.sys.esr[2], g.cpu.sys.elr[2]), (2, 0x16 << 26 | 1 << 25 | 5, RAM + 4));
    let mut g = below_el2(&a64!(; smc 6));
    assert_eq!(g.finish(), 0x400);
    assert_eq!((g.cpu.state.el, g.cpu.sys.esr[3], g.cpu.sys.elr[3]), (3, 0x17 << 26 | 1 << 25 | 6, RAM + 4));
    let mut g = below_el2(&a64!(; smc 6));
    g.cpu.sys.hcr |= 1 << 19;
    g.finish();
    assert_eq!((g.cpu.state.el, g.cpu.sys.elr[2]), (2, RAM), "HCR_EL2.TSC: the SMC has not been executed");
}

#[test]
fn without_el2_and_el3_both_calls_are_undefined_unless_apple() {
    let mut g = Guest::new("cortex-a72", 1, &[]);
    g.cpu.model = Arc::new(Model::named("cortex-a72").unwrap().with_levels(false, false));
    g.cpu.reset();
    g.cpu.start_at(RAM, 1);
    g.cpu.sys.vbar[1] = VECTORS;
    g.code(RAM, &a64!(; smc 0));
    g.handler(&reporting());
    g.finish();
    assert_eq!(g.cpu.sys.esr[1], 1 << 25);
    let mut g = Guest::new("a10", 1, &a64!(; mov x0, 9; smc 0; hlt 0xf000));
    assert_eq!(g.finish(), 0);
}

#[test]
fn imo_takes_interrupts_to_el2_whatever_el1_masks() {
    let mut g = below_el2(&a64!(; spin: ; b <spin));
    g.cpu.write_system(HCR_EL2, g.cpu.sys.hcr | 1 << 4);
    g.lines.raise(mem::IRQ);
    assert_eq!(g.finish(), 0x480);
    assert_eq!(g.cpu.state.el, 2);
}

#[test]
fn a_virtual_interrupt_reaches_el1() {
    let mut g = below_el2(&a64!(; msr daifclr, 2; spin: ; b <spin));
    g.cpu.sys.hcr |= 1 << 4 | 1 << 7;
    assert_eq!(g.finish(), 0x280);
    assert_eq!(g.cpu.state.el, 1);
}

#[test]
fn stage_2_translates_and_its_faults_go_to_el2_with_the_ipa() {
    // What the faulting instruction is, and ISS[24:14] for it: ISV, SAS, SSE, SRT, SF, AR.
    let cases = [
        (a64!(; ldr x3, [x1, 0x1000]), 1 << 24 | 3 << 22 | 3 << 16 | 1 << 15),
        (a64!(; ldrsb w4, [x1, x5]), 1 << 24 | 1 << 21 | 4 << 16),
        (a64!(; ldarh w6, [x7]), 1 << 24 | 1 << 22 | 6 << 16 | 1 << 14),
        (a64!(; ldr x3, [x7], 8), 0),
        (a64!(; ldp x3, x4, [x7]), 0),
        (a64!(; ldxr x3, [x7]), 0),
    ];
    for (access, syndrome) in cases {
        stage_2_fault(&access, syndrome);
    }
}

/// Reads a mapped address, then the unmapped 0x8000_1000 by `access`, which finds it in X7 and 0x1000 in X5.
fn stage_2_fault(access: &[u8], syndrome: u64) {
    let mut g = below_el2(&a64!(; mov x1, 0x80000000; ldr x2, [x1, 8]; mov x5, 0x1000; add x7, x1, x5));
    g.code(RAM + 16, access);
    // IPA space of 40 bits, 4 KiB pages, first level 1 (SL0 = 1): identity for RAM, one page at 0x8000_0000.
    let mut second = Builder::new(&g.memory, 12, 39, TABLES);
    let rwx = 1 << 10 | 3 << 6 | 0xf << 2;
    for at in (0..0x4_0000).step_by(0x1000) {
        second.map(RAM + at, RAM + at, rwx, 3);
    }
    second.map(0x8000_0000, RAM + 0x3000, rwx, 3);
    g.memory.write_u64(RAM + 0x3008, 42).unwrap();
    g.cpu.sys.vttbr = second.root;
    g.cpu.sys.vtcr = (64 - 39) | 1 << 6 | 2 << 16;
    g.cpu.sys.hcr |= 1;
    g.cpu.update_translation();
    assert_eq!(g.finish(), 0x400);
    assert_eq!((g.cpu.state.el, g.cpu.state.x[2]), (2, 42));
    assert_eq!(g.cpu.sys.esr[2], 0x24 << 26 | 1 << 25 | 0x07 | syndrome);
    assert_eq!((g.cpu.sys.far[2], g.cpu.sys.hpfar), (0x8000_1000, 0x8_0001 << 4));
}

#[test]
fn with_vhe_el1_names_reach_el2_registers() {
    let mut g = Guest::new(
        "max",
        2,
        &a64!(
            ; mov x1, 0x5800
            ; msr sr(VBAR_EL1), x1
            ; mrs x2, sr(VBAR_EL2)
            ; mov x1, 0x6800
            ; msr sr(VBAR_EL12), x1
            ; hlt 0xf000
        ),
    );
    g.cpu.write_system(HCR_EL2, 1 << 34 | 1 << 27);
    g.finish();
    assert_eq!((g.cpu.state.x[2], g.cpu.sys.vbar[1], g.cpu.sys.vbar[2]), (0x5800, 0x6800, 0x5800));
}

#[test]
fn a_host_at_el2_serves_its_own_el0() {
    let mut g = Guest::new("max", 2, &a64!(; eret));
    g.handler(&reporting());
    g.code(RAM + 0x100, &a64!(; svc 1));
    g.cpu.write_system(HCR_EL2, 1 << 34 | 1 << 27 | 1 << 31);
    g.cpu.sys.elr[2] = RAM + 0x100;
    g.cpu.sys.spsr[2] = 0x3c0;
    assert_eq!(g.finish(), 0x400);
    assert_eq!((g.cpu.state.el, g.cpu.sys.esr[2] >> 26), (2, 0x15));
}

#[test]
fn el2_translates_with_one_table_and_no_user() {
    let mut g = Guest::new("cortex-a72", 2, &[]);
    let mut table = Builder::new(&g.memory, 12, 39, TABLES);
    table.map(RAM, RAM, 1 << 10, 3);
    table.map(RAM + 0x1000, RAM, 1 << 10 | 1 << 7, 3);
    g.cpu.sys.ttbr0[2] = table.root;
    g.cpu.sys.tcr[2] = (64 - 39) | 2 << 16;
    g.cpu.sys.mair[2] = 0xff;
    g.cpu.write_system(SCTLR_EL2, 0x30c5_1835);
    assert!(g.cpu.load::<u64>(RAM, Kind::NORMAL).is_ok());
    assert_eq!(g.cpu.store(RAM + 0x1000, 1u64, Kind::NORMAL).unwrap_err().iss, 0x4f);
    assert_eq!(g.cpu.load::<u64>(1 << 63, Kind::NORMAL).unwrap_err().iss, 0x04);
}

#[test]
fn trapped_registers_report_the_instruction() {
    let mut g = below_el2(&a64!(; msr sr(TTBR0_EL1), x7));
    g.cpu.sys.hcr |= 1 << 26;
    g.finish();
    let iss = 3 << 20 | 2 << 10 | 7 << 5;
    assert_eq!((g.cpu.state.el, g.cpu.sys.esr[2]), (2, 0x18 << 26 | 1 << 25 | iss));
}

/// Firmware that would answer every call.
#[derive(Debug)]
struct Eager;

impl Firmware for Eager {
    fn call(&self, cpu: &mut Cpu, conduit: Conduit) -> bool {
        if matches!(conduit, Conduit::Hlt(_)) {
            return Exit.call(cpu, conduit);
        }
        cpu.state.set_x(0, 99);
        true
    }
}

#[test]
fn firmware_answers_hvc_only_where_there_is_no_el2() {
    for (el2, expected) in [(true, 0x400), (false, 99)] {
        let mut g = below_el2(&a64!(; hvc 0; hlt 0xf000));
        g.cpu.model = Arc::new(Model::named("max").unwrap().with_levels(el2, false));
        g.cpu.io.firmware = Some(Arc::new(Eager));
        g.cpu.reset();
        g.cpu.start_at(RAM, 1);
        g.cpu.sys.vbar = [0, VECTORS, VECTORS, VECTORS];
        assert_eq!(g.finish(), expected);
    }
}

#[test]
fn the_virtual_interface_of_a_gicv3_stores_and_counts_its_empty_list_registers() {
    let mut g = Guest::new(
        "max",
        2,
        &a64!(
            ; mov x1, 0x4000000000000000
            ; msr sr(ICH_LR0_EL2), x1
            ; mrs x2, sr(ICH_ELRSR_EL2)
            ; mrs x3, sr(ICH_LR0_EL2)
            ; hlt 0xf000
        ),
    );
    g.cpu.sys.gic_version = 1;
    g.handler(&reporting());
    g.finish();
    assert_eq!((g.cpu.state.x[2], g.cpu.state.x[3]), (0xe, 1 << 62));
}
