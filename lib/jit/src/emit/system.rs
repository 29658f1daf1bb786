//! System registers that are plain values, interrupt masks, the counter, and maintenance by address.
//!
//! Only what cannot trap in the block's mode is here (see [`Mode::plain`] and its neighbours); all else is the
//! interpreter's executor, which knows every trap. A register here may not be one that a machine hooks.

use std::mem::offset_of;

use a64::{Op, Word};
use cpu::state::pending;
use cpu::{Cpu, State, Sys, reg};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::{Cold, Emitter, Flags, x64};
use crate::mode::Mode;
use crate::regs::{RAX, RCX, SP, ZR, field};
use crate::thunks::{LINES, NZCV};

/// A value of the CPU: bytes from the start of `State`, and how many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    offset: i32,
    bytes: u8,
}

/// One instruction. `rt` is a register number of the IR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Read {
        rt: u8,
        from: Place,
    },
    Write {
        rt: u8,
        to: Place,
    },
    ReadFlags {
        rt: u8,
    },
    WriteFlags {
        rt: u8,
    },
    /// CNTVCT, or CNTPCT.
    Counter {
        rt: u8,
        physical: bool,
    },
    /// MSR DAIFSet: bits of PSTATE.DAIF to set.
    Mask(u16),
    Unmask(u16),
    WriteMask {
        rt: u8,
    },
    /// MSR SPSel.
    SelectSp(u8),
    /// DC ZVA.
    Zero {
        rt: u8,
    },
    /// Maintenance by address of caches that do not exist: checks that the address is mapped.
    Probe {
        rt: u8,
    },
    /// CLREX.
    Clear,
}

const SYS: i32 = offset_of!(Cpu, sys) as i32 - offset_of!(Cpu, state) as i32;
const DAIF: i32 = field(offset_of!(State, daif));
const PENDING: i32 = field(offset_of!(State, pending));
const SPSEL: i32 = field(offset_of!(State, spsel));
/// SP_EL0; those of the ELs follow.
const STACKS: i32 = from_base(SYS + offset_of!(Sys, sp) as i32);

/// Displacement from rbp of what is `offset` bytes from the start of `State`.
const fn from_base(offset: i32) -> i32 {
    field(0) + offset
}

/// A word of `Sys`.
fn word(offset: usize, index: usize) -> Place {
    Place { offset: SYS + (offset + 8 * index) as i32, bytes: 8 }
}

/// Where a register is that can be read without further ado in this mode.
fn readable(mode: Mode, register: u16) -> Option<Place> {
    let at_el0 = match register {
        reg::TPIDR_EL0 => word(offset_of!(Sys, tpidr), 0),
        reg::TPIDRRO_EL0 => word(offset_of!(Sys, tpidrro), 0),
        _ if mode.el() != 1 || !mode.plain() => return None,
        reg::TPIDR_EL1 => word(offset_of!(Sys, tpidr), 1),
        reg::SP_EL0 => word(offset_of!(Sys, sp), 0),
        reg::ELR_EL1 => word(offset_of!(Sys, elr), 1),
        reg::SPSR_EL1 => word(offset_of!(Sys, spsr), 1),
        reg::ESR_EL1 => word(offset_of!(Sys, esr), 1),
        reg::FAR_EL1 => word(offset_of!(Sys, far), 1),
        reg::VBAR_EL1 => word(offset_of!(Sys, vbar), 1),
        reg::TTBR0_EL1 => word(offset_of!(Sys, ttbr0), 1),
        reg::TTBR1_EL1 => word(offset_of!(Sys, ttbr1), 1),
        reg::TCR_EL1 => word(offset_of!(Sys, tcr), 1),
        reg::SCTLR_EL1 => word(offset_of!(Sys, sctlr), 1),
        reg::MAIR_EL1 => word(offset_of!(Sys, mair), 1),
        reg::CONTEXTIDR_EL1 => word(offset_of!(Sys, contextidr), 1),
        reg::PAR_EL1 => word(offset_of!(Sys, par), 0),
        reg::CNTKCTL_EL1 => word(offset_of!(Sys, cntkctl), 0),
        reg::CNTFRQ_EL0 => word(offset_of!(Sys, cntfrq), 0),
        reg::DAIF => Place { offset: offset_of!(State, daif) as i32, bytes: 4 },
        reg::SPSEL => Place { offset: offset_of!(State, spsel) as i32, bytes: 1 },
        _ => return None,
    };
    Some(at_el0)
}

/// The same for writing: registers whose bits all store and mean nothing until something else happens.
fn writable(mode: Mode, register: u16) -> Option<Place> {
    match register {
        reg::TPIDR_EL0 => readable(mode, register),
        reg::TPIDR_EL1
        | reg::TPIDRRO_EL0
        | reg::SP_EL0
        | reg::ELR_EL1
        | reg::SPSR_EL1
        | reg::FAR_EL1
        | reg::PAR_EL1
            if mode.el() == 1 =>
        {
            readable(mode, register)
        }
        _ => None,
    }
}

const DC_ZVA: u16 = reg::pack(1, 3, 7, 4, 1);
/// IC IVAU, DC CVAC, CVAU, CVAP, CVADP, CIVAC.
const BY_ADDRESS: [u16; 6] = [
    reg::pack(1, 3, 7, 5, 1),
    reg::pack(1, 3, 7, 10, 1),
    reg::pack(1, 3, 7, 11, 1),
    reg::pack(1, 3, 7, 12, 1),
    reg::pack(1, 3, 7, 13, 1),
    reg::pack(1, 3, 7, 14, 1),
];

/// The operation of a system instruction, if it has one in this mode.
pub fn decode(mode: Mode, op: Op, w: Word) -> Option<System> {
    let rt = if w.rt() == 31 { ZR } else { w.rt() as u8 };
    let register = reg::of_word(w.0);
    let kernel = mode.el() == 1 && mode.plain();
    match op {
        Op::Mrs => match register {
            reg::NZCV => Some(System::ReadFlags { rt }),
            reg::CNTVCT_EL0 if mode.virtual_counter() => Some(System::Counter { rt, physical: false }),
            reg::CNTPCT_EL0 if mode.physical_counter() => Some(System::Counter { rt, physical: true }),
            _ => readable(mode, register).map(|from| System::Read { rt, from }),
        },
        Op::Msr => match register {
            reg::NZCV => Some(System::WriteFlags { rt }),
            reg::DAIF if kernel => Some(System::WriteMask { rt }),
            _ => writable(mode, register).map(|to| System::Write { rt, to }),
        },
        Op::MsrImm => {
            let imm = w.bits(11, 8) as u16;
            match (w.bits(18, 16), w.bits(7, 5)) {
                (3, 6) if kernel => Some(System::Mask(imm << 6)),
                (3, 7) if kernel => Some(System::Unmask(imm << 6)),
                (0, 5) if kernel => Some(System::SelectSp((imm & 1) as u8)),
                _ => None,
            }
        }
        Op::Sys => match register {
            DC_ZVA if mode.zeroes() && !mode.strict() => Some(System::Zero { rt }),
            _ if BY_ADDRESS.contains(&register) && mode.maintains() => Some(System::Probe { rt }),
            _ => None,
        },
        Op::Clrex => Some(System::Clear),
        _ => None,
    }
}

impl System {
    /// Whether it may raise an exception or leave the block.
    pub fn observes(&self) -> bool {
        matches!(
            self,
            System::Unmask(_) | System::WriteMask { .. } | System::Zero { .. } | System::Probe { .. }
        )
    }

    /// Whether the host code for it leaves EFLAGS alone.
    pub fn keeps_eflags(&self) -> bool {
        matches!(self, System::Read { .. } | System::Write { .. } | System::Clear)
    }
}

impl Emitter<'_> {
    pub(super) fn system(&mut self, s: System) {
        match s {
            System::Read { rt, from } => {
                let (d, at) = (self.target(rt, RAX), from_base(from.offset));
                match from.bytes {
                    1 => x64!(self; movzx Rd(d), BYTE [rbp + at]),
                    4 => x64!(self; mov Rd(d), [rbp + at]),
                    _ => x64!(self; mov Rq(d), [rbp + at]),
                }
                self.write(rt, d);
            }
            System::Write { rt, to } => {
                let (h, at) = (self.read(rt, RAX), from_base(to.offset));
                x64!(self; mov [rbp + at], Rq(h));
            }
            System::ReadFlags { rt } => {
                self.save_flags();
                x64!(self
                    ; movzx eax, WORD [BYTE rsp + NZCV]
                    ; mov ecx, crate::thunks::MASK
                    ; pext eax, eax, ecx
                    ; xor eax, 2
                    ; shl eax, 28
                );
                self.flags = Flags::Slot;
                self.write(rt, RAX);
            }
            System::WriteFlags { rt } => {
                self.load(RAX, rt);
                x64!(self
                    ; shr eax, 28
                    ; xor eax, 2
                    ; mov ecx, crate::thunks::MASK
                    ; pdep eax, eax, ecx
                    ; mov [BYTE rsp + NZCV], ax
                );
                self.flags = Flags::Slot;
            }
            System::Counter { rt, physical } => {
                let thunk = self.thunks.counter;
                let rest = self.rest as i32;
                x64!(self
                    ; mov eax, rest
                    ; mov ecx, i32::from(physical)
                    ; call extern thunk
                );
                self.write(rt, RAX);
            }
            System::Mask(bits) => x64!(self; or DWORD [rbp + DAIF], DWORD i32::from(bits)),
            System::Unmask(bits) => {
                x64!(self; and DWORD [rbp + DAIF], DWORD !i32::from(bits));
                self.notice_interrupts();
            }
            System::WriteMask { rt } => {
                self.load(RAX, rt);
                x64!(self; and eax, 0x3c0; mov [rbp + DAIF], eax);
                self.notice_interrupts();
            }
            System::SelectSp(which) => self.select_sp(which),
            System::Zero { rt } => {
                let slow = self.asm.new_dynamic_label();
                self.load(RAX, rt);
                x64!(self; and rax, BYTE -64);
                let lookup = self.look_up(slow, true, 1, 1);
                x64!(self
                    ; vpxor xmm0, xmm0, xmm0
                    ; vmovdqu [rax], xmm0
                    ; vmovdqu [BYTE rax + 16], xmm0
                    ; vmovdqu [BYTE rax + 32], xmm0
                    ; vmovdqu [BYTE rax + 48], xmm0
                );
                self.looked_up(lookup);
                self.flags = Flags::Slot;
            }
            System::Probe { rt } => {
                let slow = self.asm.new_dynamic_label();
                self.load(RAX, rt);
                let lookup = self.look_up(slow, false, 1, 1);
                self.looked_up(lookup);
                self.flags = Flags::Slot;
            }
            System::Clear => self.clear_exclusive(),
        }
    }

    /// Interrupts may be unmasked: leaves after this instruction if a wire is up.
    fn notice_interrupts(&mut self) {
        let from = self.asm.new_dynamic_label();
        x64!(self
            ; mov rax, [BYTE rsp + LINES]
            ; cmp DWORD [rax], BYTE 0
            ; jne =>from
        );
        self.cold.push(Cold::Interrupt { from, pc: self.pc.wrapping_add(4), unused: self.rest as i32 - 1 });
    }

    pub(super) fn raise_interrupt(&mut self) {
        x64!(self; or DWORD [rbp + PENDING], DWORD pending::INTERRUPT as i32);
    }

    /// Exchanges SP for that of EL0 or EL1. Only for EL1.
    fn select_sp(&mut self, which: u8) {
        let (same, done) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        let (old, new) = (STACKS + 8 * i32::from(which ^ 1), STACKS + 8 * i32::from(which));
        let h = self.read(SP, RAX);
        x64!(self
            ; cmp BYTE [rbp + SPSEL], BYTE which as i8
            ; je =>same
            ; mov BYTE [rbp + SPSEL], BYTE which as i8
            ; mov [rbp + old], Rq(h)
            ; mov rcx, [rbp + new]
        );
        self.write(SP, RCX);
        x64!(self
            ; jmp =>done
            ; =>same
            // The bank of the selected one is brought up to date, as the executor does.
            ; mov [rbp + new], Rq(h)
            ; =>done
        );
        self.sp_aligned = false;
    }
}
