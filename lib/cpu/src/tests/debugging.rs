//! Software step, breakpoints, watchpoints, and an outside debugger.

use super::*;
use crate::debug::Watch;
use crate::reg::*;

/// Returns to EL0 at RAM + 0x100 with SPSR `spsr`.
fn at_el0(model: &str, program: &[u8], spsr: u64) -> Guest {
    let mut g = Guest::new(model, 1, &a64!(; eret));
    g.code(RAM + 0x100, program);
    g.handler(&reporting());
    g.cpu.sys.elr[1] = RAM + 0x100;
    g.cpu.sys.spsr[1] = spsr;
    g.cpu.sys.os_lock = false;
    g
}

#[test]
fn software_step_runs_one_instruction_of_el0() {
    let mut g = at_el0("a10", &a64!(; mov x1, 1; mov x1, 2), 1 << 21);
    g.cpu.sys.mdscr = 1;
    assert_eq!(g.finish(), 0x400);
    assert_eq!(g.cpu.sys.esr[1] >> 26, 0x32);
    assert_eq!(g.cpu.sys.esr[1] & 0x3f, 0x22);
    assert_eq!((g.cpu.sys.elr[1], g.cpu.state.x[1]), (RAM + 0x104, 1));
}

#[test]
fn stepping_an_svc_takes_the_svc_and_then_the_step() {
    let mut g = at_el0("a10", &a64!(; svc 3), 1 << 21);
    g.cpu.sys.mdscr = 1;
    g.finish();
    assert_eq!(g.cpu.sys.esr[1] >> 26, 0x15);
    assert_eq!(g.cpu.sys.spsr[1] >> 21 & 1, 0, "the step is now pending on return");
}

#[test]
fn a_hardware_breakpoint_stops_before_its_instruction() {
    let mut g = at_el0("a10", &a64!(; mov x1, 1; mov x1, 2), 0);
    g.cpu.sys.mdscr = 1 << 15;
    // EL0 only: PMC = 2, all bytes.
    g.cpu.sys.breakpoints[0] = (RAM + 0x104, 1 | 2 << 1 | 0xf << 5);
    assert_eq!(g.finish(), 0x400);
    assert_eq!((g.cpu.sys.esr[1] >> 26, g.cpu.sys.elr[1], g.cpu.state.x[1]), (0x30, RAM + 0x104, 1));
}

#[test]
fn a_watchpoint_catches_the_bytes_it_names_and_no_others() {
    let program = a64!(
        ; mov x1, 0x40000000
        ; add x1, x1, 0x800
        ; strb w1, [x1]
        ; strb w1, [x1, 1]
        ; ldrb w2, [x1, 2]
        ; strb w1, [x1, 2]
    );
    let mut g = at_el0("a10", &program, 0);
    g.cpu.sys.mdscr = 1 << 15;
    g.cpu.write_system(pack(2, 0, 0, 0, 6), RAM + 0x800);
    // Stores by EL0 to byte 2.
    g.cpu.write_system(pack(2, 0, 0, 0, 7), 1 | 2 << 1 | 2 << 3 | 4 << 5);
    assert_eq!(g.finish(), 0x400);
    assert_eq!(g.cpu.sys.esr[1] >> 26, 0x34);
    assert_eq!((g.cpu.sys.far[1], g.cpu.sys.elr[1]), (RAM + 0x802, RAM + 0x114));
    assert_eq!(g.memory.read_u32(RAM + 0x800).unwrap() & 0xff_0000, 0, "the store did not happen");
}

#[test]
fn a_debuggers_breakpoint_stops_once_and_lets_go_on() {
    let mut g = Guest::new("a10", 1, &a64!(; mov x1, 1; mov x1, 2; mov x0, 3; hlt 0xf000));
    let before = g.memory.read_vec(RAM, 16).unwrap();
    g.cpu.set_breakpoint(RAM + 4, true);
    assert_eq!(g.run(), Stop::Breakpoint);
    assert_eq!((g.cpu.state.pc, g.cpu.state.x[1]), (RAM + 4, 1));
    assert_eq!(g.memory.read_vec(RAM, 16).unwrap(), before, "guest memory is untouched");
    g.cpu.set_step(true);
    assert_eq!(g.run(), Stop::Step);
    assert_eq!((g.cpu.state.pc, g.cpu.state.x[1]), (RAM + 8, 2));
    assert_eq!(g.finish(), 3);
}

#[test]
fn a_debuggers_watchpoint_stops_before_the_access() {
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(; mov x1, 0x40000000; add x1, x1, 0x800; str x1, [x1, 8]; str x1, [x1, 16]; mov x0, 3; hlt 0xf000),
    );
    let watch = Watch { address: RAM + 0x810, len: 4, read: false, write: true };
    g.cpu.set_watch(watch, true);
    let hit = Stop::Watchpoint { address: RAM + 0x810, write: true };
    assert_eq!(g.run(), hit);
    assert_eq!((g.cpu.state.pc, g.memory.read_u64(RAM + 0x810).unwrap()), (RAM + 12, 0));
    g.cpu.set_step(true);
    assert_eq!(g.run(), hit, "a step does not pass a watchpoint either");
    g.cpu.set_watch(watch, false);
    g.cpu.set_step(true);
    assert_eq!(g.run(), Stop::Step);
    assert_eq!((g.cpu.state.pc, g.memory.read_u64(RAM + 0x810).unwrap()), (RAM + 16, RAM + 0x800));
    assert_eq!(g.finish(), 3);
}

#[test]
fn a_breakpoint_taken_away_and_set_again_is_reported_again() {
    let mut g =
        Guest::new("a10", 1, &a64!(; mov x1, 3; again: ; subs x1, x1, 1; b.ne <again; mov x0, 3; hlt 0xf000));
    g.cpu.set_breakpoint(RAM + 4, true);
    assert_eq!(g.run(), Stop::Breakpoint);
    g.cpu.set_breakpoint(RAM + 4, false);
    // Nothing debugs now, so nothing notices that the address is passed.
    g.cpu.set_breakpoint(RAM + 8, true);
    assert_eq!(g.run(), Stop::Breakpoint);
    g.cpu.clear_debugger();
    g.cpu.set_breakpoint(RAM + 4, true);
    assert_eq!(g.run(), Stop::Breakpoint);
    assert_eq!((g.cpu.state.pc, g.cpu.state.x[1]), (RAM + 4, 2));
    g.cpu.clear_debugger();
    assert_eq!(g.finish(), 3);
}

#[test]
fn interrupts_wait_while_a_debugger_steps() {
    let mut g = Guest::new("a10", 1, &a64!(; msr daifclr, 15; mov x1, 1; mov x0, 3; hlt 0xf000));
    g.cpu.io.lines.raise(mem::FIQ);
    for n in 1..3 {
        g.cpu.set_step(true);
        assert_eq!((g.run(), g.cpu.state.pc), (Stop::Step, RAM + 4 * n));
    }
    g.handler(&reporting());
    assert_eq!(g.finish(), 0x300, "the FIQ is taken when the guest runs on");
}

#[test]
fn the_os_lock_can_be_released_by_the_guest() {
    let mut g = Guest::new(
        "a10",
        1,
        &a64!(; mrs x2, sr(OSLSR_EL1); msr sr(OSLAR_EL1), xzr; mrs x3, sr(OSLSR_EL1); hlt 0xf000),
    );
    g.finish();
    assert_eq!((g.cpu.state.x[2], g.cpu.state.x[3]), (0xa, 8));
}
