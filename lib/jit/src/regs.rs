//! Where guest registers live while generated code runs.
//!
//! Ten general and twelve vector registers are pinned to host registers, chosen by how often compilers use them; the others
//! stay in `cpu::State`. rax, rcx, rdx and xmm0 to xmm3 are scratch, rbp points into the state, r15 is the budget.

/// Zero register, as a register number of the IR. 31 is the stack pointer.
pub const ZR: u8 = 32;
/// Stack pointer.
pub const SP: u8 = 31;

pub const RAX: u8 = 0;
pub const RCX: u8 = 1;
pub const RDX: u8 = 2;

/// Guest register and its host register.
pub const PINNED: [(u8, u8); 10] =
    [(0, 3), (1, 6), (2, 7), (3, 8), (4, 9), (5, 10), (8, 11), (19, 12), (20, 13), (SP, 14)];

/// Guest vector register and its host register.
pub const PINNED_V: [(u8, u8); 12] = [
    (0, 4),
    (1, 5),
    (2, 6),
    (3, 7),
    (4, 8),
    (5, 9),
    (6, 10),
    (7, 11),
    (16, 12),
    (17, 13),
    (18, 14),
    (19, 15),
];

/// Byte offset in `State` that rbp points to: all of X0 to SP are then within a signed byte.
pub const BIAS: i32 = std::mem::offset_of!(cpu::State, x) as i32 + 128;

/// Displacement from rbp of guest register `r`.
pub fn slot(r: u8) -> i8 {
    (i16::from(r & 31) * 8 - 128) as i8
}

/// Displacement from rbp of a field of `State`.
pub const fn field(offset: usize) -> i32 {
    offset as i32 - BIAS
}

/// Displacement from rbp of guest vector register `v`.
pub fn slot_v(v: u8) -> i32 {
    std::mem::offset_of!(cpu::State, v) as i32 + 16 * i32::from(v & 31) - BIAS
}

/// The host register that holds guest register `r`, if one does.
pub fn host(r: u8) -> Option<u8> {
    PINNED.iter().find(|p| p.0 == r).map(|p| p.1)
}

/// The host vector register that holds guest vector register `v`, if one does.
pub fn host_v(v: u8) -> Option<u8> {
    PINNED_V.iter().find(|p| p.0 == v).map(|p| p.1)
}
