//! System instructions: hints, barriers, exception generation, PSTATE, MSR and MRS, SYS, Apple's own.
//!
//! Which register may be accessed where is in [`access`], what registers do in [`registers`], what SYS does in
//! [`maintenance`], Apple's instructions in [`apple`]. Arm manual C5 and D24.

use a64::{Op, Word};

use crate::Cpu;
use crate::cpu::Conduit;
use crate::engine::Stop;
use crate::exception::{Exception, Step, system_iss};
use crate::exec::pauth;
use crate::state::pending;

pub mod access;
pub mod apple;
pub mod maintenance;
pub mod registers;
mod wkdm;

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    match op {
        Op::Svc => {
            trap_guarded(cpu)?;
            Err(Exception::svc(w.imm16() as u32))
        }
        Op::Hvc => hvc(cpu, w.imm16() as u32),
        Op::Smc => smc(cpu, w.imm16() as u32),
        Op::Brk => Err(Exception::brk(w.imm16() as u32)),
        Op::Hlt => hlt(cpu, w.imm16() as u16),
        Op::Eret => {
            require_el1(cpu)?;
            let el = usize::from(cpu.state.el);
            cpu.exception_return(cpu.sys.elr[el]);
            Ok(())
        }
        Op::Eretaa | Op::Eretab => {
            require_el1(cpu)?;
            let el = usize::from(cpu.state.el);
            let key = if op == Op::Eretaa { pauth::Key::Ia } else { pauth::Key::Ib };
            let target = pauth::auth(cpu, cpu.sys.elr[el], cpu.state.xsp(31), key, true)?;
            cpu.exception_return(target);
            Ok(())
        }
        Op::Mrs => registers::mrs(cpu, w),
        Op::Msr => registers::msr(cpu, w),
        Op::MsrImm => msr_immediate(cpu, w),
        Op::Sys => maintenance::sys(cpu, w),
        Op::Sysl => maintenance::sysl(cpu, w),
        Op::Wfi => wfi(cpu),
        Op::Wfe => wfe(cpu),
        Op::Sev | Op::Sevl => {
            // One host thread runs all CPUs: the others look at their wires whenever they are scheduled.
            cpu.event = true;
            Ok(())
        }
        Op::Yield => {
            cpu.state.pending |= pending::INTERRUPT;
            Ok(())
        }
        Op::Isb => {
            cpu.state.pending |= pending::CONTEXT | pending::INTERRUPT;
            Ok(())
        }
        Op::Clrex => {
            cpu.state.clear_exclusive();
            Ok(())
        }
        Op::Dmb | Op::Dsb => {
            std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
            Ok(())
        }
        Op::Sb
        | Op::Nop
        | Op::Dgh
        | Op::Esb
        | Op::Psb
        | Op::Tsb
        | Op::Csdb
        | Op::Clrbhb
        | Op::Bti
        | Op::Hint => Ok(()),
        Op::Wkdmc | Op::Wkdmd | Op::Gexit | Op::Genter | Op::AtAs1elx | Op::Sdsb => {
            apple::execute(cpu, op, w)
        }
        // Debug state (DCPS, DRPS) is never entered, so these are undefined; UDF always is.
        _ => {
            cpu.note_undefined(w.0);
            Err(Exception::undefined())
        }
    }
}

fn require_el1(cpu: &Cpu) -> Step {
    if cpu.state.el == 0 { Err(Exception::undefined()) } else { Ok(()) }
}

/// Nothing traps SVC here; kept beside HVC and SMC so that the three read alike.
fn trap_guarded(_cpu: &Cpu) -> Step {
    Ok(())
}

/// Asks firmware; true when it handled the call.
fn firmware(cpu: &mut Cpu, conduit: Conduit) -> bool {
    let Some(firmware) = cpu.io.firmware.clone() else { return false };
    cpu.sync_clock();
    let handled = firmware.call(cpu, conduit);
    if handled {
        cpu.state.pending |= pending::INTERRUPT;
    }
    handled
}

fn hvc(cpu: &mut Cpu, imm: u32) -> Step {
    require_el1(cpu)?;
    // Firmware answers only where no EL2 of the guest's own would.
    if cpu.state.el < 3 && !cpu.el2_enabled() && firmware(cpu, Conduit::Hvc(imm as u16)) {
        return Ok(());
    }
    let disabled = match (cpu.model.has_el3, cpu.el2_enabled()) {
        (_, false) if cpu.state.el < 3 => true,
        (true, _) => cpu.sys.scr >> 8 & 1 == 0,
        (false, _) => cpu.sys.hcr >> 29 & 1 != 0,
    };
    if disabled || !cpu.model.has_el2 {
        return Err(Exception::undefined());
    }
    Err(Exception::hvc(imm))
}

fn smc(cpu: &mut Cpu, imm: u32) -> Step {
    require_el1(cpu)?;
    // HCR_EL2.TSC traps EL1's calls to a hypervisor first.
    if cpu.state.el == 1 && cpu.hcr() >> 19 & 1 != 0 {
        return Err(Exception::smc(imm).to(2));
    }
    if firmware(cpu, Conduit::Smc(imm as u16)) {
        return Ok(());
    }
    if cpu.model.has_el3 && cpu.sys.scr >> 7 & 1 == 0 {
        return Err(Exception::smc(imm));
    }
    if cpu.model.apple {
        // Kernels of SoCs with a monitor call it; without one they must not notice.
        cpu.state.set_x(0, 0);
        return Ok(());
    }
    Err(Exception::undefined())
}

fn hlt(cpu: &mut Cpu, imm: u16) -> Step {
    if firmware(cpu, Conduit::Hlt(imm)) {
        return Ok(());
    }
    Err(Exception::undefined())
}

/// Who traps WFI (`ti` 0) or WFE (1) at this EL.
fn wait_trap(cpu: &Cpu, ti: u32) -> Option<u8> {
    let el = cpu.state.el;
    if el == 0 && cpu.sctlr() >> (16 + 2 * ti) & 1 == 0 {
        let host = cpu.hcr() >> 27 & 1 != 0;
        return Some(if host { 2 } else { 1 });
    }
    if el < 2 && !cpu.in_host() && cpu.hcr() >> (13 + ti) & 1 != 0 {
        return Some(2);
    }
    if el < 3 && cpu.model.has_el3 && cpu.sys.scr >> (12 + ti) & 1 != 0 {
        return Some(3);
    }
    None
}

fn wfi(cpu: &mut Cpu) -> Step {
    cpu.sync_clock();
    cpu.update_timers();
    if cpu.has_wakeup() {
        return Ok(());
    }
    if let Some(target) = wait_trap(cpu, 0) {
        return Err(Exception::wfx(target, 0));
    }
    cpu.request_stop(Stop::Wfi);
    Ok(())
}

fn wfe(cpu: &mut Cpu) -> Step {
    if std::mem::take(&mut cpu.event) || cpu.has_wakeup() {
        return Ok(());
    }
    if let Some(target) = wait_trap(cpu, 1) {
        return Err(Exception::wfx(target, 1));
    }
    // The event stream or another CPU's SEV may come at any time: let others run and go on.
    cpu.request_stop(Stop::Yield);
    Ok(())
}

fn msr_immediate(cpu: &mut Cpu, w: Word) -> Step {
    let (op1, imm, op2) = (w.bits(18, 16), w.bits(11, 8), w.bits(7, 5));
    let features = cpu.model.features;
    let el = cpu.state.el;
    match (op1, op2) {
        (0, 3) if features.uao && el > 0 => cpu.state.uao = (imm & 1) as u8,
        (0, 4) if features.pan && el > 0 => cpu.state.pan = (imm & 1) as u8,
        (0, 5) if el > 0 => cpu.set_el(el, (imm & 1) as u8),
        (3, 1) if features.ssbs => cpu.state.ssbs = (imm & 1) as u8,
        (3, 2) if features.dit => cpu.state.dit = (imm & 1) as u8,
        (3, 6 | 7) => {
            if el == 0 && cpu.sctlr() >> 9 & 1 == 0 {
                let target = if cpu.hcr() >> 27 & 1 != 0 { 2 } else { 1 };
                return Err(Exception::system(target, system_iss(w.0)));
            }
            if op2 == 6 {
                cpu.state.daif |= imm << 6;
            } else {
                cpu.state.daif &= !(imm << 6);
            }
            cpu.update_debug();
            cpu.state.pending |= pending::INTERRUPT;
            return Ok(());
        }
        // Apple's kernels write PAN and others on cores without them.
        _ if cpu.model.apple && el > 0 => cpu.note_undefined(w.0),
        _ => {
            cpu.note_undefined(w.0);
            return Err(Exception::undefined());
        }
    }
    cpu.update_view();
    Ok(())
}
