//! Loads and stores of structures: LD1 to LD4, ST1 to ST4, whole, of one lane, and replicated. Arm manual C7.2.
//!
//! One lookup in the soft TLB covers all bytes; what crosses a page, or is not aligned where it must be, goes to the executor.
//! Structures of two and four are taken apart with unpacking and shuffles, those of three with a table of byte shuffles.

use a64::{Op, Word};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::vex::{self, Constant, POOL, Rm};
use super::{Emitter, Flags, x64};
use crate::decode::Context;
use crate::regs::{RAX, RCX, SP, host, slot};

/// What moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Registers one after another, or one set of registers of structures.
    Whole {
        registers: u8,
    },
    Lane(u8),
    Replicate,
}

/// The new base address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Post {
    None,
    /// Behind the bytes.
    Behind,
    Register(u8),
}

/// A structure load or store.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    load: bool,
    kind: Kind,
    /// Elements of a structure.
    elements: u8,
    /// log2 of the bytes of an element.
    size: u8,
    q: bool,
    rt: u8,
    rn: u8,
    post: Post,
}

/// What has an operation of its own.
pub fn decode(context: &Context, op: Op, w: Word) -> Option<Structure> {
    if context.mode.fp_trapped() {
        return None;
    }
    let s = Structure {
        load: w.bit(22),
        kind: Kind::Replicate,
        elements: (w.bits(13, 13) << 1 | w.bits(21, 21)) as u8 + 1,
        size: w.bits(11, 10) as u8,
        q: w.q(),
        rt: w.rt() as u8,
        rn: w.rn() as u8,
        post: match (w.bit(23), w.rm()) {
            (false, _) => Post::None,
            (true, 31) => Post::Behind,
            (true, m) => Post::Register(m as u8),
        },
    };
    match op {
        Op::LdStructMultiple | Op::StStructMultiple => {
            let (registers, elements) = match w.bits(15, 12) {
                0b0000 => (1, 4),
                0b0010 => (4, 1),
                0b0100 => (1, 3),
                0b0110 => (3, 1),
                0b0111 => (1, 1),
                0b1000 => (1, 2),
                0b1010 => (2, 1),
                _ => return None,
            };
            (s.q || s.size < 3 || elements == 1).then_some(Structure {
                kind: Kind::Whole { registers },
                elements,
                ..s
            })
        }
        Op::LdStructSingle | Op::StStructSingle => {
            let (q, low, size) = (w.bits(30, 30), w.bits(12, 12), w.bits(11, 10));
            let (size, index) = match w.bits(15, 14) {
                0 => (0, q << 3 | low << 2 | size),
                1 => (1, q << 2 | low << 1 | size >> 1),
                _ if size & 1 == 0 => (2, q << 1 | low),
                _ => (3, q),
            };
            Some(Structure { kind: Kind::Lane(index as u8), size, ..s })
        }
        Op::LdStructReplicate => Some(s),
        _ => None,
    }
}

/// Byte shuffles for structures of three elements, by log2 of the element's bytes. For loads [3 * register + block of 16
/// bytes], for stores nine later [3 * block + register].
pub const THREES: [u128; 72] = {
    let mut out = [0; 72];
    let mut n = 0;
    while n < out.len() {
        let (size, store, first, second) = (n / 18, n / 9 % 2 == 1, n / 3 % 3, n % 3);
        let mut byte = 0;
        while byte < 16 {
            let from = if store {
                // Byte `byte` of block `first`: is it of register `second`?
                let at = 16 * first + byte;
                let element = at >> size;
                if element % 3 == second { (element / 3) << size | at & ((1 << size) - 1) } else { 0x80 }
            } else {
                // Byte `byte` of register `first`: is it in block `second`?
                let element = (byte >> size) * 3 + first;
                let at = element << size | byte & ((1 << size) - 1);
                if at / 16 == second { at % 16 } else { 0x80 }
            };
            out[n] |= (from as u128) << (8 * byte);
            byte += 1;
        }
        n += 1;
    }
    out
};

impl Structure {
    fn bytes(self) -> u8 {
        let width = if self.q { 16 } else { 8 };
        match self.kind {
            Kind::Whole { registers } => registers * self.elements * width,
            _ => self.elements << self.size,
        }
    }

    /// The vector registers that it names.
    pub fn vectors(self) -> Vec<u8> {
        let registers = match self.kind {
            Kind::Whole { registers } => registers * self.elements,
            _ => self.elements,
        };
        (0..registers).map(|n| self.register(n)).collect()
    }

    /// Register `n` of it.
    fn register(self, n: u8) -> u8 {
        (self.rt + n) & 31
    }
}

impl Emitter<'_> {
    pub(super) fn structure(&mut self, s: Structure) {
        let slow = self.asm.new_dynamic_label();
        self.check_sp(s.rn, slow);
        let aligned = self.sp_aligned;
        self.load(RAX, s.rn);
        if self.mode.strict() && s.size > 0 {
            x64!(self; test al, BYTE (1 << s.size) - 1; jnz =>slow);
        }
        let lookup = self.look_up(slow, !s.load, s.bytes().into(), 1);
        match (s.kind, s.load) {
            (Kind::Whole { registers }, _) if s.elements == 1 => {
                for n in 0..registers {
                    self.whole(s, s.register(n), n);
                }
            }
            (Kind::Whole { .. }, true) => match s.elements {
                2 => self.load_twos(s),
                3 => self.load_threes(s),
                _ => self.load_fours(s),
            },
            (Kind::Whole { .. }, false) => match s.elements {
                2 => self.store_twos(s),
                3 => self.store_threes(s),
                _ => self.store_fours(s),
            },
            (Kind::Lane(lane), load) => {
                for n in 0..s.elements {
                    let offset = (n << s.size) as i8;
                    if load {
                        self.load_lane(s, s.register(n), lane, offset);
                    } else {
                        self.store_lane(s, s.register(n), lane, offset);
                    }
                }
            }
            (Kind::Replicate, _) => {
                for n in 0..s.elements {
                    let insn = vex::PBROADCAST[usize::from(s.size & 3)];
                    self.v(insn, 0, 0, Rm::Rax((n << s.size) as i8));
                    self.structure_result(s, n, 0);
                }
            }
        }
        self.move_base(s, aligned);
        self.looked_up(lookup);
        self.flags = Flags::Slot;
    }

    fn move_base(&mut self, s: Structure, aligned: bool) {
        match (s.post, host(s.rn)) {
            (Post::None, _) => return,
            (Post::Behind, Some(h)) => x64!(self; add Rq(h), BYTE s.bytes() as i8),
            (Post::Behind, None) => x64!(self; add QWORD [BYTE rbp + slot(s.rn)], BYTE i32::from(s.bytes())),
            (Post::Register(m), n) => {
                let m = self.read(m, RCX);
                match n {
                    Some(h) => x64!(self; add Rq(h), Rq(m)),
                    None => x64!(self; add [BYTE rbp + slot(s.rn)], Rq(m)),
                }
            }
        }
        if s.rn == SP {
            self.sp_aligned = aligned && s.post == Post::Behind && s.bytes().is_multiple_of(16);
        }
    }

    /// Ends a loaded register in `h`.
    fn structure_result(&mut self, s: Structure, n: u8, h: u8) {
        let v = s.register(n);
        let d = self.target_v(v, h);
        if s.q {
            self.copy_v(d, h);
        } else {
            self.v(vex::MOVQ, d, 0, h);
        }
        self.write_v(v, d);
        if !s.q {
            self.zeros.note(v, true);
        }
    }

    /// Register `v` as a whole, from or to block `n`.
    fn whole(&mut self, s: Structure, v: u8, n: u8) {
        let at = Rm::Rax((n * if s.q { 16 } else { 8 }) as i8);
        if s.load {
            let d = self.target_v(v, 0);
            self.v(if s.q { vex::MOVDQU } else { vex::MOVQ }, d, 0, at);
            self.write_v(v, d);
            if !s.q {
                self.zeros.note(v, true);
            }
        } else {
            let h = self.read_v(v, 0);
            if s.q {
                self.store_v(at, h);
            } else {
                self.store_low(at, h);
            }
        }
    }

    /// The shuffle that brings even elements to the low half and odd ones to the upper half.
    fn sort(&self, size: u8) -> Rm {
        self.pool(if size == 0 { Constant::Sort8 } else { Constant::Sort16 })
    }

    fn load_twos(&mut self, s: Structure) {
        let sort = self.sort(s.size);
        self.v(vex::MOVDQU, 0, 0, Rm::Rax(0));
        if !s.q {
            match s.size {
                2 => self.vi(vex::PSHUFD, 0, 0, 0, 0xd8),
                _ => self.v(vex::PSHUFB, 0, 0, sort),
            }
            self.vshift(vex::PSRLDQ, 1, 0, 8);
            self.structure_result(s, 0, 0);
            self.structure_result(s, 1, 1);
            return;
        }
        self.v(vex::MOVDQU, 1, 0, Rm::Rax(16));
        match s.size {
            2 => {
                self.vi(vex::SHUFPS, 2, 0, 1, 0x88);
                self.vi(vex::SHUFPS, 3, 0, 1, 0xdd);
            }
            size => {
                if size < 2 {
                    self.v(vex::PSHUFB, 0, 0, sort);
                    self.v(vex::PSHUFB, 1, 1, sort);
                }
                self.v(vex::PUNPCKL[3], 2, 0, 1);
                self.v(vex::PUNPCKH[3], 3, 0, 1);
            }
        }
        self.structure_result(s, 0, 2);
        self.structure_result(s, 1, 3);
    }

    fn store_twos(&mut self, s: Structure) {
        let size = usize::from(s.size & 3);
        let (a, b) = (self.read_v(s.register(0), 1), self.src(s.register(1)));
        self.v(vex::PUNPCKL[size], 0, a, b);
        if s.q {
            self.v(vex::PUNPCKH[size], 2, a, b);
            self.store_v(Rm::Rax(16), 2);
        }
        self.store_v(Rm::Rax(0), 0);
    }

    /// A shuffle of [`THREES`].
    fn threes(&self, s: Structure, first: u8, second: u8) -> Rm {
        let index = 18 * usize::from(s.size & 3)
            + if s.load { 0 } else { 9 }
            + 3 * usize::from(first)
            + usize::from(second);
        Rm::Pool(self.thunks.pool + 16 * (POOL.len() + index))
    }

    fn load_threes(&mut self, s: Structure) {
        // Without Q there are 24 bytes: the second block has zeros above.
        let blocks = if s.q { 3 } else { 2 };
        for register in 0..3 {
            for block in 0..blocks {
                let shuffle = self.threes(s, register, block);
                let whole = s.q || block == 0;
                self.v(if whole { vex::MOVDQU } else { vex::MOVQ }, 0, 0, Rm::Rax(16 * block as i8));
                if block == 0 {
                    self.v(vex::PSHUFB, 1, 0, shuffle);
                } else {
                    self.v(vex::PSHUFB, 0, 0, shuffle);
                    self.v(vex::POR, 1, 1, 0);
                }
            }
            self.structure_result(s, register, 1);
        }
    }

    fn store_threes(&mut self, s: Structure) {
        for block in 0..if s.q { 3 } else { 2 } {
            for register in 0..3 {
                let shuffle = self.threes(s, block, register);
                let v = self.read_v(s.register(register), 1);
                if register == 0 {
                    self.v(vex::PSHUFB, 0, v, shuffle);
                } else {
                    self.v(vex::PSHUFB, 1, v, shuffle);
                    self.v(vex::POR, 0, 0, 1);
                }
            }
            let at = Rm::Rax(16 * block as i8);
            if s.q || block == 0 {
                self.store_v(at, 0);
            } else {
                self.store_low(at, 0);
            }
        }
    }

    /// Makes words of the first, second, third and fourth elements in a block of 16 bytes.
    fn gather(&mut self, s: Structure, h: u8) {
        match s.size {
            0 => {
                let order = self.pool(Constant::Transpose8);
                self.v(vex::PSHUFB, h, h, order);
            }
            1 => {
                let order = self.pool(Constant::Interleave16);
                self.v(vex::PSHUFB, h, h, order);
            }
            _ => {}
        }
    }

    fn load_fours(&mut self, s: Structure) {
        if s.size == 3 {
            for half in 0..2u8 {
                let at = 16 * half as i8;
                self.v(vex::MOVDQU, 0, 0, Rm::Rax(at));
                self.v(vex::PUNPCKL[3], 1, 0, Rm::Rax(at + 32));
                self.v(vex::PUNPCKH[3], 2, 0, Rm::Rax(at + 32));
                self.structure_result(s, 2 * half, 1);
                self.structure_result(s, 2 * half + 1, 2);
            }
            return;
        }
        // Blocks of words of each element are a matrix to be transposed.
        for (h, at) in [(0, 0), (1, 16)] {
            self.v(vex::MOVDQU, h, 0, Rm::Rax(at));
            self.gather(s, h);
        }
        if !s.q {
            self.v(vex::PUNPCKL[2], 2, 0, 1);
            self.v(vex::PUNPCKH[2], 3, 0, 1);
            self.vshift(vex::PSRLDQ, 0, 2, 8);
            self.vshift(vex::PSRLDQ, 1, 3, 8);
            for (n, h) in [2, 0, 3, 1].into_iter().enumerate() {
                self.structure_result(s, n as u8, h);
            }
            return;
        }
        // What is interleaved of the high words of the first pair waits in its third register.
        self.v(vex::PUNPCKH[2], 3, 0, 1);
        self.v(vex::PUNPCKL[2], 2, 0, 1);
        self.write_v(s.register(2), 3);
        for (h, at) in [(1, 32), (3, 48)] {
            self.v(vex::MOVDQU, h, 0, Rm::Rax(at));
            self.gather(s, h);
        }
        self.v(vex::PUNPCKL[2], 0, 1, 3);
        self.v(vex::PUNPCKH[2], 1, 1, 3);
        self.v(vex::PUNPCKL[3], 3, 2, 0);
        self.v(vex::PUNPCKH[3], 2, 2, 0);
        self.structure_result(s, 0, 3);
        self.structure_result(s, 1, 2);
        let high = self.read_v(s.register(2), 2);
        self.v(vex::PUNPCKL[3], 3, high, 1);
        self.v(vex::PUNPCKH[3], 1, high, 1);
        self.structure_result(s, 2, 3);
        self.structure_result(s, 3, 1);
    }

    fn store_fours(&mut self, s: Structure) {
        let mut at = 0;
        let halves: &[_] = if s.q { &[vex::PUNPCKL, vex::PUNPCKH] } else { &[vex::PUNPCKL] };
        for unpack in halves {
            let size = usize::from(s.size & 3).max(2);
            let (v0, v1) = (self.read_v(s.register(0), 2), self.src(s.register(1)));
            self.v(unpack[size], 0, v0, v1);
            let (v2, v3) = (self.read_v(s.register(2), 2), self.src(s.register(3)));
            self.v(unpack[size], 1, v2, v3);
            if size == 3 {
                self.store_v(Rm::Rax(at), 0);
                self.store_v(Rm::Rax(at + 16), 1);
            } else {
                for (insn, at) in [(vex::PUNPCKL[3], at), (vex::PUNPCKH[3], at + 16)] {
                    self.v(insn, 2, 0, 1);
                    let order = match s.size {
                        0 => Some(Constant::Transpose8),
                        1 => Some(Constant::Sort16),
                        _ => None,
                    };
                    if let Some(order) = order {
                        let order = self.pool(order);
                        self.v(vex::PSHUFB, 2, 2, order);
                    }
                    self.store_v(Rm::Rax(at), 2);
                }
            }
            at += 32;
        }
    }

    /// An element of memory to a lane of guest vector register `v`. Spoils rcx.
    fn load_lane(&mut self, s: Structure, v: u8, lane: u8, offset: i8) {
        match s.size {
            0 => x64!(self; movzx ecx, BYTE [BYTE rax + offset]),
            1 => x64!(self; movzx ecx, WORD [BYTE rax + offset]),
            2 => x64!(self; mov ecx, [BYTE rax + offset]),
            _ => x64!(self; mov rcx, [BYTE rax + offset]),
        }
        match self.src(v) {
            Rm::State(at) => {
                let at = at + (i32::from(lane) << s.size);
                match s.size {
                    0 => x64!(self; mov [rbp + at], cl),
                    1 => x64!(self; mov [rbp + at], cx),
                    2 => x64!(self; mov [rbp + at], ecx),
                    _ => x64!(self; mov [rbp + at], rcx),
                }
            }
            Rm::X(d) => self.insert_general(d, RCX, s.size, lane),
            Rm::Pool(_) | Rm::Rax(_) => {}
        }
        self.zeros.forget(v);
    }

    /// A lane of guest vector register `v` to memory. Spoils rcx.
    fn store_lane(&mut self, s: Structure, v: u8, lane: u8, offset: i8) {
        match self.src(v) {
            Rm::State(at) => {
                let at = at + (i32::from(lane) << s.size);
                match s.size {
                    0 => x64!(self; movzx ecx, BYTE [rbp + at]),
                    1 => x64!(self; movzx ecx, WORD [rbp + at]),
                    2 => x64!(self; mov ecx, [rbp + at]),
                    _ => x64!(self; mov rcx, [rbp + at]),
                }
            }
            Rm::X(h) => self.extract_lane(RCX, h, s.size, lane, 0),
            Rm::Pool(_) | Rm::Rax(_) => {}
        }
        match s.size {
            0 => x64!(self; mov [BYTE rax + offset], cl),
            1 => x64!(self; mov [BYTE rax + offset], cx),
            2 => x64!(self; mov [BYTE rax + offset], ecx),
            _ => x64!(self; mov [BYTE rax + offset], rcx),
        }
    }
}
