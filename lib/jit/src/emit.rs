//! Writes x86-64 for a block of operations.
//!
//! Conventions: rax, rcx, rdx are scratch inside one operation. Guest NZCV is in the stack slot, in EFLAGS, or in both
//! ([`Flags`]); an operation that spoils EFLAGS first saves them if somebody still needs them. Code that is seldom
//! run (slow paths, side exits) comes after the block's own.

use std::mem::offset_of;

use cpu::State;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

use crate::Error;
use crate::block::Exit;
use crate::ir::Ir;
use crate::liveness;
use crate::mode::Mode;
use crate::regs::{RAX, SP, ZR, host, slot};
use crate::runtime::Record;
use crate::thunks::{Assembler, NZCV, Thunks};

mod alu;
pub mod atomic;
mod branch;
pub mod crypto;
pub mod fp;
mod integer;
mod layout;
mod memory;
pub mod pointer;
pub mod structures;
pub mod system;
pub mod vector;
pub mod vex;

/// What a host comparison left in EFLAGS, seen as guest flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// CF is the borrow: all conditions map one to one.
    Borrow,
    /// CF is the carry: `cmc` makes it [`Form::Borrow`].
    Carry,
    /// After a logical operation: C and V are clear, CF is too: `stc` makes it [`Form::Borrow`].
    Logic,
    /// After a comparison of floating-point numbers, as the host has it, or of the same exchanged: see `fp`.
    Float,
    FloatSwapped,
}

/// Where the guest's flags are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    Slot,
    Host(Form),
    Both,
}

/// Code to be put after the block.
enum Cold {
    /// Execute the record, then go on at `resume`.
    Exec { from: DynamicLabel, resume: DynamicLabel, record: usize, keep_va: bool },
    /// A floating-point result that is a NaN, or may be too small: see `fp`.
    Quiet(fp::Quiet),
    /// Leave for a known pc, giving back instructions that were not executed.
    Side { from: DynamicLabel, pc: u64, save: Option<Form>, unused: i32 },
    /// Leave for a known pc because an interrupt may be taken there.
    Interrupt { from: DynamicLabel, pc: u64, unused: i32 },
    /// Not chained: leave by this exit.
    Unlinked { from: DynamicLabel, exit: usize },
}

/// A block as code, with what belongs to it.
pub struct Code {
    pub bytes: Vec<u8>,
    pub entry: usize,
    pub exits: Vec<Exit>,
    pub records: Vec<Record>,
}

pub struct Emitter<'a> {
    asm: Assembler,
    base: usize,
    thunks: &'a Thunks,
    mode: Mode,
    /// pc of the block and its number.
    start: u64,
    index: u32,
    entry: DynamicLabel,
    /// Operation being emitted, its pc, and instructions from it to the end.
    at: usize,
    pc: u64,
    rest: u32,
    flags: Flags,
    /// The condition that the next operation evaluates.
    next: Option<u8>,
    /// Whether the flags after this operation are needed.
    live: bool,
    /// This operation must leave EFLAGS alone (see [`Ir::can_keep_eflags`]).
    keep: bool,
    /// SP is known to be aligned to 16.
    sp_aligned: bool,
    /// What this loop has in other host registers than usual, and where it begins again.
    exchanges: Vec<layout::Exchange>,
    again: DynamicLabel,
    /// What is known of the vector registers' upper parts.
    zeros: vex::Zeros,
    cold: Vec<Cold>,
    exits: Vec<Exit>,
    records: Vec<Record>,
    /// Where records are: generated code has their addresses.
    records_at: usize,
    exits_at: usize,
    words: &'a [u32],
}

/// Emits `x64!(self; instructions)`.
macro_rules! x64 {
    ($self:ident $($t:tt)*) => {
        dynasm!($self.asm ; .arch x64 $($t)*)
    };
}
pub(crate) use x64;

/// Emits a block, to be put at `base`.
pub fn block(
    ops: &[Ir],
    words: &[u32],
    pc: u64,
    mode: Mode,
    index: u32,
    base: usize,
    thunks: &Thunks,
) -> Result<Code, Error> {
    let mut asm = Assembler::new_with_capacity(base, 64 * ops.len() + 256, 0, 0, 0, 0, 0);
    let (entry, again) = (asm.new_dynamic_label(), asm.new_dynamic_label());
    // Enough that neither is ever moved: code holds pointers into them.
    let records: Vec<Record> = Vec::with_capacity(ops.len() + 1);
    let exits: Vec<Exit> = Vec::with_capacity(ops.len() + 3);
    let (records_at, exits_at) = (records.as_ptr() as usize, exits.as_ptr() as usize);
    let mut e = Emitter {
        asm,
        base,
        thunks,
        mode,
        start: pc,
        index,
        entry,
        at: 0,
        pc,
        rest: ops.len() as u32,
        flags: Flags::Slot,
        next: None,
        live: true,
        keep: false,
        sp_aligned: false,
        exchanges: layout::choose(ops, pc),
        again,
        zeros: vex::Zeros::default(),
        cold: Vec::new(),
        exits,
        records,
        records_at,
        exits_at,
        words,
    };
    let live = liveness::flags_after(ops);
    e.entry(ops.len() as i32);
    for (n, op) in ops.iter().enumerate() {
        e.at = n;
        e.pc = pc.wrapping_add(4 * n as u64);
        e.rest = (ops.len() - n) as u32;
        e.next = ops.get(n + 1).and_then(Ir::cond);
        e.live = live.get(n).copied().unwrap_or(true);
        e.operation(op);
    }
    if !ops.last().is_some_and(Ir::ends) {
        e.at = ops.len();
        e.save_flags();
        e.jump_out(pc.wrapping_add(4 * ops.len() as u64));
    }
    e.cold_code();
    let bytes = e.asm.finalize().map_err(|error| Error::Assembler(error.to_string()))?;
    Ok(Code { bytes, entry: base, exits: e.exits, records: e.records })
}

/// The stack slot's form of NZCV given as four bits.
fn image(nzcv: u8) -> i32 {
    let (n, z, c, v) = (nzcv >> 3 & 1, nzcv >> 2 & 1, nzcv >> 1 & 1, nzcv & 1);
    i32::from(n) << 15 | i32::from(z) << 14 | i32::from(c ^ 1) << 8 | i32::from(v)
}

impl Emitter<'_> {
    /// The budget check that every block begins with.
    fn entry(&mut self, len: i32) {
        let (entry, again, out) = (self.entry, self.again, self.asm.new_dynamic_label());
        x64!(self; =>entry);
        self.exchange_in();
        x64!(self
            ; =>again
            ; sub r15, BYTE len as i8
            ; js =>out
        );
        self.cold.push(Cold::Side { from: out, pc: self.start, save: None, unused: len });
    }

    fn operation(&mut self, op: &Ir) {
        self.keep = self.flags != Flags::Slot && self.live && op.can_keep_eflags();
        if !self.keep && !op.keeps_eflags() && !op.reads_flags() {
            // A comparison's flags would be lost: save them if they are needed at, after, or where a branch leads from here.
            if op.observes() || op.leaves() || self.live && !op.writes_flags() {
                self.save_flags();
            }
            if matches!(self.flags, Flags::Host(_) | Flags::Both) {
                self.flags = Flags::Slot;
            }
        }
        match *op {
            Ir::Nop => {}
            Ir::Const { rd, value } => self.constant(rd, value),
            Ir::Movk { sf, rd, shift, imm } => self.movk(sf, rd, shift, imm),
            Ir::AddSub { sf, sub, flags, rd, rn, b } => self.add_sub(sf, sub, flags, rd, rn, b),
            Ir::Logic { sf, op, invert, flags, rd, rn, b } => self.logic(sf, op, invert, flags, rd, rn, b),
            Ir::AddCarry { sf, sub, flags, rd, rn, rm } => self.add_carry(sf, sub, flags, rd, rn, rm),
            Ir::Extract { sf, signed, rd, rn, immr, imms } => self.extract(sf, signed, rd, rn, immr, imms),
            Ir::Insert { sf, rd, rn, immr, imms } => self.insert(sf, rd, rn, immr, imms),
            Ir::Extr { sf, rd, rn, rm, by } => self.extr(sf, rd, rn, rm, by),
            Ir::Select { sf, kind, rd, rn, rm, cond } => self.select(sf, kind, rd, rn, rm, cond),
            Ir::Ccmp { sf, sub, rn, b, cond, nzcv } => self.ccmp(sf, sub, rn, b, cond, nzcv),
            Ir::Shift { sf, kind, rd, rn, rm } => self.shift(sf, kind, rd, rn, rm),
            Ir::Mul { sf, factors, sub, rd, rn, rm, ra } => self.mul(sf, factors, sub, rd, rn, rm, ra),
            Ir::MulHigh { signed, rd, rn, rm } => self.mul_high(signed, rd, rn, rm),
            Ir::Div { sf, signed, rd, rn, rm } => self.div(sf, signed, rd, rn, rm),
            Ir::Unary { sf, op, rd, rn } => self.unary(sf, op, rd, rn),
            Ir::Crc32c { rd, rn, rm, size } => self.crc32c(rd, rn, rm, size),
            Ir::Access(access) => self.access(access, false),
            Ir::Unprivileged(access) => self.access(access, true),
            Ir::Atomic(a) => self.atomic(a),
            Ir::System(s) => self.system(s),
            Ir::Pointer(p) => self.pointer(p),
            Ir::B { target, link } => self.b(target, link),
            Ir::BCond { cond, target } => self.b_cond(cond, target),
            Ir::Cbz { sf, nonzero, rt, target } => self.cbz(sf, nonzero, rt, target),
            Ir::Tbz { nonzero, rt, bit, target } => self.tbz(nonzero, rt, bit, target),
            Ir::Indirect { rn, link, btype } => self.indirect(rn, link, btype),
            Ir::Crc32 { rd, rn, rm, size } => self.crc32(rd, rn, rm, size),
            Ir::Vector(v) => self.vector(v),
            Ir::Float(f) => self.float(f),
            Ir::Crypto(c) => self.crypto(c),
            Ir::Structure(s) => self.structure(s),
            Ir::Exec { decoded, ends } => self.exec(decoded, ends),
        }
    }

    /// Remembers an instruction for the interpreter's executor; its address is stable.
    fn record(&mut self, decoded: cpu::exec::Decoded, half: u8) -> usize {
        let group = decoded.word.0 >> 25 & 15;
        self.records.push(Record {
            handler: decoded.handler,
            op: decoded.op,
            word: decoded.word,
            pc: self.pc,
            rest: self.rest,
            // FP and SIMD, and system instructions, which may read FPSR.
            fp: matches!(group, 7 | 15 | 10 | 11),
            pure: false,
            half,
            tables: offset_of!(State, tables) as u32,
            pointer: None,
            site: 0,
        });
        self.records.len() - 1
    }

    /// The interpreter executes the instruction.
    fn exec(&mut self, decoded: cpu::exec::Decoded, ends: bool) {
        let record = self.record(decoded, 0);
        let address = self.records_at + record * size_of::<Record>();
        let thunk = self.thunks.exec;
        x64!(self
            ; mov rax, QWORD address as i64
            ; call extern thunk
        );
        self.flags = Flags::Slot;
        self.sp_aligned = false;
        self.zeros = vex::Zeros::default();
        if ends {
            // It came back, so it neither branched nor changed anything that others must know of.
            self.jump_out(self.pc.wrapping_add(4));
        }
    }

    /// Brings the flags to their slot, if only EFLAGS has them. Spoils rax.
    /// The slot is written as wide as it is read, so that the host forwards the store.
    fn save_flags(&mut self) {
        if let Flags::Host(form) = self.flags {
            self.save_form(form);
            // `cmc` and `stc` may have made another form of it; nobody looks at it any more.
            self.flags = Flags::Both;
        }
    }

    fn save_form(&mut self, form: Form) {
        match form {
            Form::Borrow => {}
            Form::Carry => x64!(self; cmc),
            Form::Logic => x64!(self; stc),
            Form::Float | Form::FloatSwapped => self.flags_of_float(form == Form::FloatSwapped),
        }
        x64!(self
            ; lahf
            ; seto al
            ; mov [BYTE rsp + NZCV], eax
        );
    }

    /// Brings the flags to EFLAGS for an operation that tests them; `carry`: it needs the carry. Spoils rax.
    fn want_flags(&mut self, carry: bool) {
        match self.flags {
            Flags::Both => {}
            Flags::Slot => {
                x64!(self
                    ; movzx eax, WORD [BYTE rsp + NZCV]
                    ; add al, 0x7f
                    ; sahf
                );
                self.flags = Flags::Both;
            }
            Flags::Host(Form::Carry) if carry => {
                x64!(self; cmc);
                self.flags = Flags::Host(Form::Borrow);
            }
            Flags::Host(Form::Logic) if carry => {
                x64!(self; stc);
                self.flags = Flags::Host(Form::Borrow);
            }
            Flags::Host(form @ (Form::Float | Form::FloatSwapped)) => {
                self.flags_of_float(form == Form::FloatSwapped);
                self.flags = Flags::Host(Form::Borrow);
            }
            Flags::Host(_) => {}
        }
    }

    /// Loads guest register `r` into scratch register `t`. Keeps EFLAGS.
    fn load(&mut self, t: u8, r: u8) {
        match host(r) {
            _ if r == ZR => x64!(self; mov Rd(t), 0),
            Some(h) => x64!(self; mov Rq(t), Rq(h)),
            None => x64!(self; mov Rq(t), [BYTE rbp + slot(r)]),
        }
    }

    /// The host register that has guest register `r`: its own or `t`.
    fn read(&mut self, r: u8, t: u8) -> u8 {
        match host(r) {
            Some(h) => h,
            None => {
                self.load(t, r);
                t
            }
        }
    }

    /// Where a result for guest register `rd` is best computed: its own host register or `t`.
    fn target(&self, rd: u8, t: u8) -> u8 {
        host(rd).unwrap_or(t)
    }

    /// Finishes a result in host register `h`: all 64 bits count.
    fn write(&mut self, rd: u8, h: u8) {
        if rd == SP {
            self.sp_aligned = false;
        }
        match host(rd) {
            _ if rd == ZR => {}
            Some(own) if own == h => {}
            Some(own) => x64!(self; mov Rq(own), Rq(h)),
            None => x64!(self; mov [BYTE rbp + slot(rd)], Rq(h)),
        }
    }

    /// Loads a constant. Keeps EFLAGS.
    fn immediate(&mut self, t: u8, value: u64) {
        if value <= u64::from(u32::MAX) {
            x64!(self; mov Rd(t), DWORD value as i32);
        } else if value as i64 >= i64::from(i32::MIN) && (value as i64) < 0 {
            x64!(self; mov Rq(t), DWORD value as i32);
        } else {
            x64!(self; mov Rq(t), QWORD value as i64);
        }
    }

    fn constant(&mut self, rd: u8, value: u64) {
        if rd == ZR {
            return;
        }
        match host(rd) {
            Some(h) => self.immediate(h, value),
            None if i64::from(value as i32) as u64 == value => {
                x64!(self; mov QWORD [BYTE rbp + slot(rd)], DWORD value as i32);
            }
            None => {
                self.immediate(RAX, value);
                self.write(rd, RAX);
            }
        }
    }

    /// Everything that was put off.
    fn cold_code(&mut self) {
        // Side exits make more of it, so this is a queue.
        let mut n = 0;
        while n < self.cold.len() {
            match self.cold[n] {
                Cold::Exec { from, resume, record, keep_va } => {
                    let address = self.records_at + record * size_of::<Record>();
                    let thunk = self.thunks.exec;
                    x64!(self; =>from);
                    if keep_va {
                        x64!(self; mov [BYTE rsp + crate::thunks::VA], rax);
                    }
                    self.exchange_out();
                    x64!(self
                        ; mov rax, QWORD address as i64
                        ; call extern thunk
                    );
                    self.exchange_in();
                    x64!(self; jmp =>resume);
                }
                Cold::Quiet(quiet) => self.quiet(quiet),
                Cold::Side { from, pc, save, unused } => {
                    x64!(self; =>from);
                    if let Some(form) = save {
                        self.save_form(form);
                    }
                    if unused != 0 {
                        x64!(self; add r15, DWORD unused);
                    }
                    if unused == self.words.len() as i32 {
                        // The entry's own: the budget is used up.
                        self.leave(pc);
                    } else {
                        self.jump_out(pc);
                    }
                }
                Cold::Interrupt { from, pc, unused } => {
                    x64!(self; =>from);
                    self.raise_interrupt();
                    if unused != 0 {
                        x64!(self; add r15, DWORD unused);
                    }
                    self.leave(pc);
                }
                Cold::Unlinked { from, exit } => {
                    let here = self.base + self.asm.offset().0;
                    let address = self.exits_at + exit * size_of::<Exit>();
                    let thunk = self.thunks.exit;
                    if let Some(exit) = self.exits.get_mut(exit) {
                        exit.stub = here;
                    }
                    x64!(self
                        ; =>from
                        ; mov rax, QWORD address as i64
                        ; jmp extern thunk
                    );
                }
            }
            n += 1;
        }
    }
}
