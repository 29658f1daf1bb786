//! The registers that instructions touch directly, laid out for translated code.
//!
//! `State` is `repr(C)` because generated code reaches every field by its offset; nothing here owns
//! anything or knows about system registers (those live in [`crate::Sys`]).
//! PSTATE follows the Arm manual, D1.4; each field is kept apart so that a test of one bit is one load.

use crate::tlb::Tables;

/// Register number that means "zero register" or "stack pointer", by instruction.
pub const SP: usize = 31;

/// Bits of [`State::pending`]: what makes an engine leave its fast loop before the next instruction.
pub mod pending {
    /// An interrupt mask or an interrupt source may have changed.
    pub const INTERRUPT: u32 = 1 << 0;
    /// `Cpu::stop` holds a reason to return to the caller.
    pub const STOP: u32 = 1 << 1;
    /// Translations or decoded instructions may be out of date.
    pub const CODE: u32 = 1 << 2;
    /// Single step, breakpoints or a debugger need the slow path.
    pub const DEBUG: u32 = 1 << 3;
    /// PSTATE.IL is set: the next instruction raises an Illegal Execution state exception.
    pub const ILLEGAL: u32 = 1 << 4;
    /// A context-changing write (SCTLR, TTBR, EL ...) happened: leave the current block.
    pub const CONTEXT: u32 = 1 << 5;
}

/// The local exclusive monitor: address, size and the value seen by the exclusive load.
///
/// A store exclusive succeeds when memory still holds that value, as fast emulators do.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Exclusive {
    /// Bytes the exclusive load read.
    pub value: u128,
    /// Virtual address, tag removed.
    pub address: u64,
    /// Bytes marked, 0 when the monitor is open.
    pub size: u64,
}

/// General, vector and process state of one CPU.
#[derive(Clone, Debug)]
#[repr(C, align(16))]
pub struct State {
    /// V0 to V31.
    pub v: [u128; 32],
    /// X0 to X30, and the stack pointer now selected in slot 31.
    pub x: [u64; 32],
    /// Address of the instruction being executed.
    pub pc: u64,
    /// Address of the instruction to execute next; the engine sets it to `pc + 4` first, branches replace it.
    pub next_pc: u64,
    /// Soft-TLB tables of the current data view: for addresses with bit 55 clear, and with it set.
    pub tables: [Tables; 2],
    /// Tables for unprivileged accesses (LDTR and STTR), same two halves.
    pub unprivileged_tables: [Tables; 2],
    /// Bits of a virtual address that name its page: the complement of the offset inside the smallest granule in use.
    pub page_mask: u64,
    /// log2 of that granule: 12, 14 or 16.
    pub page_shift: u32,
    /// Counts instructions since the CPU was made; engines keep it up at every exit.
    pub instructions: u64,
    /// A number for all that pointer authentication depends on besides pointer and modifier, a multiple of 16; 0 when it is
    /// not known. See [`crate::Cpu::pac_context`].
    pub pac_context: u64,
    /// The local exclusive monitor.
    pub exclusive: Exclusive,
    /// Condition flags in bits 31 (N), 30 (Z), 29 (C), 28 (V), as in `NZCV`.
    pub nzcv: u32,
    /// See [`pending`].
    pub pending: u32,
    /// FPCR.
    pub fpcr: u32,
    /// FPSR.
    pub fpsr: u32,
    /// PSTATE.{D,A,I,F} in bits 9 to 6, as in `DAIF`.
    pub daif: u32,
    /// PSTATE.EL, 0 to 3.
    pub el: u8,
    /// PSTATE.SP: 0 = SP_EL0, 1 = SP_ELx.
    pub spsel: u8,
    /// PSTATE.PAN.
    pub pan: u8,
    /// PSTATE.UAO.
    pub uao: u8,
    /// PSTATE.SSBS.
    pub ssbs: u8,
    /// PSTATE.DIT.
    pub dit: u8,
    /// PSTATE.TCO.
    pub tco: u8,
    /// PSTATE.BTYPE, 0 to 3, as set by the previous instruction.
    pub btype: u8,
    /// PSTATE.IL.
    pub il: u8,
    /// PSTATE.SS.
    pub ss: u8,
    /// 0 when FP and SIMD instructions may run at this EL; else the EL that traps them, 1 to 3.
    pub fp_trap: u8,
    /// 1 when EL0 or EL1 runs in Apple's guarded mode (GXF).
    pub guarded: u8,
}

impl Default for State {
    fn default() -> State {
        State {
            v: [0; 32],
            x: [0; 32],
            pc: 0,
            next_pc: 0,
            tables: [Tables::none(); 2],
            unprivileged_tables: [Tables::none(); 2],
            page_mask: !0xfff,
            page_shift: 12,
            instructions: 0,
            pac_context: 0,
            exclusive: Exclusive::default(),
            nzcv: 0,
            pending: 0,
            fpcr: 0,
            fpsr: 0,
            daif: 0x3c0,
            el: 1,
            spsel: 1,
            pan: 0,
            uao: 0,
            ssbs: 0,
            dit: 0,
            tco: 0,
            btype: 0,
            il: 0,
            ss: 0,
            fp_trap: 0,
            guarded: 0,
        }
    }
}

impl State {
    /// X register `n` (0 to 31), 31 being the zero register.
    #[inline(always)]
    pub fn x(&self, n: usize) -> u64 {
        let n = n & 31;
        if n == 31 { 0 } else { self.x[n] }
    }

    /// W register `n`, 31 being the zero register.
    #[inline(always)]
    pub fn w(&self, n: usize) -> u32 {
        self.x(n) as u32
    }

    /// X register `n`, or the current stack pointer for 31.
    #[inline(always)]
    pub fn xsp(&self, n: usize) -> u64 {
        self.x[n & 31]
    }

    /// Writes X register `n`; a write to 31 is dropped.
    #[inline(always)]
    pub fn set_x(&mut self, n: usize, value: u64) {
        let n = n & 31;
        if n != 31 {
            self.x[n] = value;
        }
    }

    /// Writes W register `n`: the upper half becomes zero.
    #[inline(always)]
    pub fn set_w(&mut self, n: usize, value: u32) {
        self.set_x(n, u64::from(value));
    }

    /// Writes X register `n`, or the current stack pointer for 31.
    #[inline(always)]
    pub fn set_xsp(&mut self, n: usize, value: u64) {
        self.x[n & 31] = value;
    }

    /// X or W by `sf`: the zero-extended value of register `n`, 31 = zero.
    #[inline(always)]
    pub fn r(&self, n: usize, sf: bool) -> u64 {
        let value = self.x(n);
        if sf { value } else { value & 0xffff_ffff }
    }

    /// Writes X or W by `sf` (a W write clears the upper half), 31 is dropped.
    #[inline(always)]
    pub fn set_r(&mut self, n: usize, sf: bool, value: u64) {
        self.set_x(n, if sf { value } else { value & 0xffff_ffff });
    }

    /// V register `n`, all 128 bits.
    #[inline(always)]
    pub fn q(&self, n: usize) -> u128 {
        self.v[n & 31]
    }

    /// Writes all 128 bits of V register `n`.
    #[inline(always)]
    pub fn set_q(&mut self, n: usize, value: u128) {
        self.v[n & 31] = value;
    }

    /// Low 64 bits of V register `n`.
    #[inline(always)]
    pub fn d(&self, n: usize) -> u64 {
        self.q(n) as u64
    }

    /// Writes the low 64 bits of V register `n` and clears the rest.
    #[inline(always)]
    pub fn set_d(&mut self, n: usize, value: u64) {
        self.set_q(n, u128::from(value));
    }

    /// Sets N, Z, C and V.
    #[inline(always)]
    pub fn set_nzcv(&mut self, n: bool, z: bool, c: bool, v: bool) {
        self.nzcv = u32::from(n) << 31 | u32::from(z) << 30 | u32::from(c) << 29 | u32::from(v) << 28;
    }

    /// PSTATE.C.
    #[inline(always)]
    pub fn carry(&self) -> bool {
        self.nzcv >> 29 & 1 != 0
    }

    /// Whether condition `cond` (0 to 15, as encoded) holds.
    #[inline(always)]
    pub fn holds(&self, cond: u32) -> bool {
        let (n, z) = (self.nzcv >> 31 & 1 != 0, self.nzcv >> 30 & 1 != 0);
        let (c, v) = (self.nzcv >> 29 & 1 != 0, self.nzcv >> 28 & 1 != 0);
        let base = match cond >> 1 & 7 {
            0 => z,
            1 => c,
            2 => n,
            3 => v,
            4 => c && !z,
            5 => n == v,
            6 => n == v && !z,
            _ => return true,
        };
        base != (cond & 1 != 0)
    }

    /// Replaces the address of the next instruction: what every taken branch does.
    #[inline(always)]
    pub fn branch(&mut self, target: u64) {
        self.next_pc = target;
    }

    /// Opens the local exclusive monitor.
    #[inline(always)]
    pub fn clear_exclusive(&mut self) {
        self.exclusive.size = 0;
    }

    /// PSTATE in the layout of SPSR_ELx for AArch64 state.
    pub fn spsr(&self) -> u64 {
        let mode = u64::from(self.el) << 2 | u64::from(self.spsel);
        u64::from(self.nzcv)
            | u64::from(self.tco) << 25
            | u64::from(self.dit) << 24
            | u64::from(self.uao) << 23
            | u64::from(self.pan) << 22
            | u64::from(self.ss) << 21
            | u64::from(self.il) << 20
            | u64::from(self.ssbs) << 12
            | u64::from(self.btype) << 10
            | u64::from(self.daif)
            | mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn register_31_is_zero_or_the_stack_pointer() {
        let mut state = State::default();
        state.set_x(31, 7);
        assert_eq!(state.xsp(31), 0);
        state.set_xsp(31, 9);
        assert_eq!((state.x(31), state.xsp(31)), (0, 9));
    }

    #[test]
    fn a_w_write_clears_the_upper_half() {
        let mut state = State::default();
        state.set_x(3, u64::MAX);
        state.set_w(3, 5);
        assert_eq!(state.x(3), 5);
    }

    #[test]
    fn every_condition_is_the_inverse_of_its_neighbour() {
        let mut state = State::default();
        for flags in 0..16u32 {
            state.nzcv = flags << 28;
            for cond in (0..14).step_by(2) {
                assert_ne!(state.holds(cond), state.holds(cond + 1), "flags {flags:x} condition {cond}");
            }
            assert!(state.holds(14) && state.holds(15));
        }
    }
}
