//! Timers, interrupts, WFI and counters.

use super::*;
use crate::reg::*;

#[test]
fn a_timer_arrives_as_fiq_at_its_tick() {
    for (tval, ctl) in [(CNTP_TVAL_EL0, CNTP_CTL_EL0), (CNTV_TVAL_EL0, CNTV_CTL_EL0)] {
        let mut g = Guest::new(
            "a10",
            1,
            &a64!(
                ; mov x1, 300
                ; msr sr(tval), x1
                ; mov x1, 1
                ; msr sr(ctl), x1
                ; msr daifclr, 1
                ; spin:
                ; add x9, x9, 1
                ; b <spin
            ),
        );
        g.handler(&reporting());
        assert_eq!(g.finish(), 0x300);
        // One tick an instruction: two an iteration, counted from the write of TVAL.
        let spins = g.cpu.state.x[9];
        assert!((147..=149).contains(&spins), "{spins} iterations");
    }
}

#[test]
fn a_masked_interrupt_waits_but_ends_wfi() {
    let mut g = Guest::new("a10", 1, &a64!(; wfi; mov x0, 1; hlt 0xf000));
    assert_eq!(g.run(), Stop::Wfi);
    assert_eq!(g.run(), Stop::Exit(1), "an engine that is run again goes on behind the WFI");
    let mut g = Guest::new("a10", 1, &a64!(; wfi; mov x0, 1; hlt 0xf000));
    g.lines.raise(mem::FIQ);
    assert_eq!(g.run(), Stop::Exit(1));
}

#[test]
fn the_deadline_of_an_armed_timer_is_known_to_the_machine() {
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(; mov x1, 1000; msr sr(CNTV_CVAL_EL0), x1; mov x1, 1; msr sr(CNTV_CTL_EL0), x1; wfi; mov x0, 1; hlt 0xf000),
    );
    assert_eq!(g.run(), Stop::Wfi);
    assert_eq!(g.cpu.next_deadline(), Some(1000));
    g.cpu.io.clock.warp_to(1000);
    assert_eq!(g.run(), Stop::Exit(1));
    assert_ne!(g.lines.get() & mem::FIQ, 0);
}

#[test]
fn the_status_bit_shows_and_tval_counts_down() {
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(
            ; mov x1, 100
            ; msr sr(CNTP_TVAL_EL0), x1
            ; mov x1, 3
            ; msr sr(CNTP_CTL_EL0), x1
            ; mrs x2, sr(CNTP_CTL_EL0)
            ; mrs x3, sr(CNTP_TVAL_EL0)
            ; mov x1, 0
            ; msr sr(CNTP_CVAL_EL0), x1
            ; mrs x4, sr(CNTP_CTL_EL0)
            ; hlt 0xf000
        ),
    );
    g.finish();
    assert_eq!((g.cpu.state.x[2], g.cpu.state.x[3], g.cpu.state.x[4]), (3, 96, 7));
    assert_eq!(g.lines.get(), 0, "IMASK keeps the wire low");
}

#[test]
fn irq_and_fiq_use_their_vectors_and_masks() {
    for (wire, bit, vector) in [(mem::IRQ, 2u32, 0x280), (mem::FIQ, 1, 0x300), (mem::SERROR, 4, 0x380)] {
        let mut g = Guest::new("a10", 1, &a64!(; spin: ; b <spin));
        g.handler(&reporting());
        g.lines.raise(wire);
        assert_eq!(g.engine.run(&mut g.cpu, 100), Stop::Budget, "masked");
        g.cpu.state.daif &= !(bit << 6);
        assert_eq!(g.finish(), vector);
        assert_eq!(g.cpu.sys.elr[1], RAM);
    }
}

#[test]
fn the_cycle_counter_counts_instructions() {
    let mut g = Guest::new(
        "cortex-a72",
        1,
        &a64!(
            ; mov x1, 0x41 // E, LC
            ; msr sr(PMCR_EL0), x1
            ; mov x1, 0x80000000
            ; msr sr(PMCNTENSET_EL0), x1
            ; mrs x2, sr(PMCCNTR_EL0)
            ; nop
            ; nop
            ; mrs x3, sr(PMCCNTR_EL0)
            ; hlt 0xf000
        ),
    );
    g.finish();
    assert_eq!(g.cpu.state.x[3] - g.cpu.state.x[2], 3);
}

#[test]
fn budgets_are_kept_exactly() {
    let mut g = Guest::new("a10", 1, &a64!(; spin: ; add x0, x0, 1; b <spin));
    for _ in 0..5 {
        assert_eq!(g.engine.run(&mut g.cpu, 777), Stop::Budget);
    }
    assert_eq!(g.cpu.state.instructions, 5 * 777);
    assert_eq!(g.cpu.state.x[0], (5 * 777u64).div_ceil(2));
}

#[test]
fn polling_the_counter_at_el1_is_spinning_and_work_is_not() {
    // An idle loop: reads the counter, counts to 200 beside it.
    let mut idle = Guest::new(
        "a10",
        1,
        &a64!(; spin: ; mrs x1, sr(CNTPCT_EL0); mov x2, 100; more: ; sub x2, x2, 1; cbnz x2, <more; b <spin),
    );
    assert!(!idle.cpu.spins());
    for _ in 0..3 {
        idle.run();
    }
    assert!(idle.cpu.spins());
    // The same with a thread switch in each round.
    let mut busy = Guest::new(
        "a10",
        1,
        &a64!(; spin: ; mrs x1, sr(CNTPCT_EL0); msr sr(TPIDR_EL1), x1; mov x2, 100; more: ; sub x2, x2, 1; cbnz x2, <more; b <spin),
    );
    // Work that never looks at the time.
    let mut blind = Guest::new("a10", 1, &a64!(; spin: ; add x1, x1, 1; b <spin));
    for _ in 0..3 {
        busy.run();
        blind.run();
    }
    assert!(!busy.cpu.spins() && !blind.cpu.spins());
}
