//! Loads and stores: a lookup in the soft TLB in line, the interpreter's executor when it misses.

use std::mem::offset_of;

use cpu::State;
use cpu::exec::Decoded;
use cpu::tlb::Arrays;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

use super::{Cold, Emitter, Flags, x64};
use crate::ir::{Access, Address, Data};
use crate::regs::{RAX, RCX, RDX, SP, ZR, field, host, slot};

const _: () = assert!(offset_of!(Arrays, read) == 0);
const WRITE: i32 = offset_of!(Arrays, write) as i32;

/// A lookup under way: where the slow path begins, and its record.
pub(super) struct Lookup {
    slow: DynamicLabel,
    record: usize,
}

impl Emitter<'_> {
    pub(super) fn decoded(&self) -> Decoded {
        Decoded::new(self.words.get(self.at).copied().unwrap_or(0))
    }

    /// Checks the alignment of SP if it is the base and the mode wants it.
    pub(super) fn check_sp(&mut self, base: u8, slow: DynamicLabel) {
        if base == SP && self.mode.sp_checked() && !self.sp_aligned {
            let h = self.read(SP, RAX);
            x64!(self; test Rb(h), BYTE 15; jnz =>slow);
            self.sp_aligned = true;
        }
    }

    /// The address to rax.
    pub(super) fn address(&mut self, address: Address) {
        match address {
            Address::Offset(base, offset) | Address::Pre(base, offset) => {
                let b = self.read(base, RAX);
                if offset == 0 {
                    self.copy(true, RAX, b);
                } else {
                    match i8::try_from(offset) {
                        Ok(short) => x64!(self; lea rax, [BYTE Rq(b) + short]),
                        Err(_) => x64!(self; lea rax, [Rq(b) + offset as i32]),
                    }
                }
            }
            Address::Post(base, _) => self.load(RAX, base),
            Address::Index(base, index, option, shift) => {
                let mut m = self.read(index, RCX);
                match option {
                    2 => {
                        x64!(self; mov ecx, Rd(m));
                        m = RCX;
                    }
                    6 => {
                        x64!(self; movsxd rcx, Rd(m));
                        m = RCX;
                    }
                    _ => {}
                }
                let b = self.read(base, RAX);
                match shift {
                    0 => x64!(self; lea rax, [Rq(b) + Rq(m)]),
                    1 => x64!(self; lea rax, [Rq(b) + Rq(m) * 2]),
                    2 => x64!(self; lea rax, [Rq(b) + Rq(m) * 4]),
                    3 => x64!(self; lea rax, [Rq(b) + Rq(m) * 8]),
                    _ => {
                        self.copy(true, RCX, m);
                        x64!(self; shl rcx, BYTE shift as i8; lea rax, [Rq(b) + rcx]);
                    }
                }
            }
            Address::Absolute(value) => self.immediate(RAX, value),
        }
    }

    /// Turns the guest address in rax into a host address for `bytes` bytes; `alignment` is what strict accesses must be
    /// aligned to. Spoils rcx and rdx. The slow path executes the whole instruction.
    pub(super) fn look_up(&mut self, slow: DynamicLabel, write: bool, bytes: u64, alignment: u64) -> Lookup {
        self.look_up_in(slow, write, bytes, alignment, false)
    }

    /// The same, in the tables for unprivileged accesses if `user`.
    fn look_up_in(
        &mut self,
        slow: DynamicLabel,
        write: bool,
        bytes: u64,
        alignment: u64,
        user: bool,
    ) -> Lookup {
        let half = (self.pc >> 55 & 1) as u8;
        let decoded = self.decoded();
        let record = self.record(decoded, half);
        let shift = self.mode.page_shift();
        let mask = -1i64 << shift;
        let place = if user { offset_of!(State, unprivileged_tables) } else { offset_of!(State, tables) };
        let tables = field(place + 8 * usize::from(half));
        x64!(self
            ; rorx rcx, rax, BYTE (shift - 4) as i8
            ; and ecx, 0xfff0
            ; add rcx, [DWORD rbp + tables]
        );
        let site = self.base + self.asm.offset().0 - 4;
        if let Some(record) = self.records.get_mut(record) {
            record.site = site;
            record.tables = place as u32;
        }
        if alignment > 1 {
            x64!(self; mov rdx, rax; and rdx, DWORD (mask | (alignment as i64 - 1)) as i32);
        } else if bytes == 1 {
            x64!(self; mov rdx, rax; and rdx, DWORD mask as i32);
        } else {
            // The last byte's page: a crossing access does not match.
            x64!(self; lea rdx, [BYTE rax + bytes as i8 - 1]; and rdx, DWORD mask as i32);
        }
        // Reads are most common and their array comes first: short displacements.
        match write {
            false => x64!(self; cmp rdx, [rcx]; jne =>slow; add rax, [BYTE rcx + 8]),
            true => x64!(self; cmp rdx, [rcx + WRITE]; jne =>slow; add rax, [rcx + WRITE + 8]),
        }
        Lookup { slow, record }
    }

    /// Ends an access: the slow path resumes here.
    pub(super) fn looked_up(&mut self, lookup: Lookup) {
        let resume = self.asm.new_dynamic_label();
        x64!(self; =>resume);
        self.cold.push(Cold::Exec { from: lookup.slow, resume, record: lookup.record, keep_va: true });
    }

    pub(super) fn access(&mut self, a: Access, user: bool) {
        let pair = matches!(a.data, Data::General(_, Some(_), _) | Data::Vector(_, Some(_)));
        let size = 1u64 << a.size;
        let bytes = if pair { 2 * size } else { size };
        let alignment = if a.aligned || self.mode.strict() { bytes } else { 1 };
        let slow = self.asm.new_dynamic_label();
        let base = match a.address {
            Address::Offset(b, _) | Address::Pre(b, _) | Address::Post(b, _) | Address::Index(b, ..) => b,
            Address::Absolute(_) => ZR,
        };
        self.check_sp(base, slow);
        let aligned = self.sp_aligned;
        self.address(a.address);
        let lookup = self.look_up_in(slow, !a.load, bytes, alignment, user);
        match (a.data, a.load) {
            (Data::General(rt, None, sign), true) => self.load_one(rt, a.size, sign),
            (Data::General(rt, None, _), false) => self.store_one(rt, a.size),
            (Data::General(rt, Some(rt2), sign), true) => {
                match (a.size, sign) {
                    (3, _) => x64!(self; mov rcx, [rax]; mov rdx, [rax + 8]),
                    (_, 0) => x64!(self; mov ecx, [rax]; mov edx, [rax + 4]),
                    _ => x64!(self; movsxd rcx, DWORD [rax]; movsxd rdx, DWORD [rax + 4]),
                }
                self.write(rt, RCX);
                self.write(rt2, RDX);
            }
            (Data::General(rt, Some(rt2), _), false) => {
                let (h, h2) = (self.read(rt, RCX), self.read(rt2, RDX));
                if a.size == 3 {
                    x64!(self; mov [rax], Rq(h); mov [rax + 8], Rq(h2));
                } else {
                    x64!(self; mov [rax], Rd(h); mov [rax + 4], Rd(h2));
                }
            }
            (Data::Vector(rt, second), true) => {
                self.load_vector(rt, a.size, 0);
                if let Some(rt2) = second {
                    self.load_vector(rt2, a.size, 1i8 << a.size);
                }
            }
            (Data::Vector(rt, second), false) => {
                self.store_vector(rt, a.size, 0);
                if let Some(rt2) = second {
                    self.store_vector(rt2, a.size, 1i8 << a.size);
                }
            }
        }
        if let Address::Pre(base, offset) | Address::Post(base, offset) = a.address {
            match host(base) {
                Some(h) => self.with_immediate(0, true, h, offset as i32),
                None => x64!(self; add QWORD [BYTE rbp + slot(base)], DWORD offset as i32),
            }
            if base == SP {
                self.sp_aligned = aligned && offset % 16 == 0;
            }
        }
        self.looked_up(lookup);
        self.flags = Flags::Slot;
    }

    fn load_one(&mut self, rt: u8, size: u8, sign: u8) {
        let d = self.target(rt, RCX);
        match (size, sign) {
            (0, 0) => x64!(self; movzx Rd(d), BYTE [rax]),
            (1, 0) => x64!(self; movzx Rd(d), WORD [rax]),
            (2, 0) => x64!(self; mov Rd(d), [rax]),
            (3, _) => x64!(self; mov Rq(d), [rax]),
            (0, 1) => x64!(self; movsx Rd(d), BYTE [rax]),
            (0, _) => x64!(self; movsx Rq(d), BYTE [rax]),
            (1, 1) => x64!(self; movsx Rd(d), WORD [rax]),
            (1, _) => x64!(self; movsx Rq(d), WORD [rax]),
            _ => x64!(self; movsxd Rq(d), DWORD [rax]),
        }
        self.write(rt, d);
    }

    fn store_one(&mut self, rt: u8, size: u8) {
        let h = self.read(rt, RCX);
        match size {
            0 => x64!(self; mov [rax], Rb(h)),
            1 => x64!(self; mov [rax], Rw(h)),
            2 => x64!(self; mov [rax], Rd(h)),
            _ => x64!(self; mov [rax], Rq(h)),
        }
    }

    fn load_vector(&mut self, rt: u8, size: u8, offset: i8) {
        let d = self.target_v(rt, 0);
        match size {
            0 => x64!(self; movzx ecx, BYTE [BYTE rax + offset]; vmovd Rx(d), ecx),
            1 => x64!(self; movzx ecx, WORD [BYTE rax + offset]; vmovd Rx(d), ecx),
            2 => x64!(self; vmovd Rx(d), DWORD [BYTE rax + offset]),
            3 => x64!(self; vmovq Rx(d), QWORD [BYTE rax + offset]),
            _ => x64!(self; vmovdqu Rx(d), [BYTE rax + offset]),
        }
        self.write_v(rt, d);
        if size < 4 {
            self.zeros.note(rt, size == 3);
        }
    }

    fn store_vector(&mut self, rt: u8, size: u8, offset: i8) {
        let h = self.read_v(rt, 0);
        match size {
            0 => x64!(self; vpextrb [BYTE rax + offset], Rx(h), 0),
            1 => x64!(self; vpextrw [BYTE rax + offset], Rx(h), 0),
            2 => x64!(self; vmovd DWORD [BYTE rax + offset], Rx(h)),
            3 => x64!(self; vmovq QWORD [BYTE rax + offset], Rx(h)),
            _ => x64!(self; vmovdqu [BYTE rax + offset], Rx(h)),
        }
    }
}
