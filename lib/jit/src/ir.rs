//! The operations between decoding and emission: one for each guest instruction, with typed operands.
//!
//! Register numbers are 0 to 30, 31 = SP, 32 = zero register. `sf` = 64-bit form.

use cpu::exec::Decoded;

use crate::emit::pointer::{BRANCHES, Pointer};
use crate::emit::system::System;

/// Second operand of integer operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    Imm(u64),
    Reg(u8),
    /// Register, 0 LSL 1 LSR 2 ASR 3 ROR, amount above 0.
    Shifted(u8, u8, u8),
    /// Register, option (UXTB to SXTX), left shift.
    Extended(u8, u8, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    And,
    Or,
    Xor,
}

/// What the other register of a conditional select goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    Plain,
    Increment,
    Invert,
    Negate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Rbit,
    Rev16,
    Rev32,
    Rev,
    Clz,
    Cls,
}

/// Multiplications: what is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factors {
    Whole,
    SignedLow,
    UnsignedLow,
}

/// Address of a memory access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Base and offset.
    Offset(u8, i64),
    /// Base is changed by the offset before the access.
    Pre(u8, i64),
    /// Base is changed by the offset after the access.
    Post(u8, i64),
    /// Base plus an index with option and shift.
    Index(u8, u8, u8, u8),
    /// A constant.
    Absolute(u64),
}

/// Registers of an access: general ones or vector ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Data {
    /// General register and its pair; sign extension: 0 none, 1 to 32 bits, 2 to 64 bits.
    General(u8, Option<u8>, u8),
    /// Vector register and its pair.
    Vector(u8, Option<u8>),
}

/// A load or store of one register or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub load: bool,
    pub data: Data,
    /// log2 of the bytes of each register.
    pub size: u8,
    pub address: Address,
    /// Must be aligned to its size (ordered accesses).
    pub aligned: bool,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub enum Ir {
    Nop,
    Const {
        rd: u8,
        value: u64,
    },
    Movk {
        sf: bool,
        rd: u8,
        shift: u8,
        imm: u16,
    },
    AddSub {
        sf: bool,
        sub: bool,
        flags: bool,
        rd: u8,
        rn: u8,
        b: Operand,
    },
    Logic {
        sf: bool,
        op: Logic,
        invert: bool,
        flags: bool,
        rd: u8,
        rn: u8,
        b: Operand,
    },
    AddCarry {
        sf: bool,
        sub: bool,
        flags: bool,
        rd: u8,
        rn: u8,
        rm: u8,
    },
    /// SBFM (`signed`) and UBFM.
    Extract {
        sf: bool,
        signed: bool,
        rd: u8,
        rn: u8,
        immr: u8,
        imms: u8,
    },
    /// BFM.
    Insert {
        sf: bool,
        rd: u8,
        rn: u8,
        immr: u8,
        imms: u8,
    },
    Extr {
        sf: bool,
        rd: u8,
        rn: u8,
        rm: u8,
        by: u8,
    },
    Select {
        sf: bool,
        kind: Select,
        rd: u8,
        rn: u8,
        rm: u8,
        cond: u8,
    },
    Ccmp {
        sf: bool,
        sub: bool,
        rn: u8,
        b: Operand,
        cond: u8,
        nzcv: u8,
    },
    Shift {
        sf: bool,
        kind: u8,
        rd: u8,
        rn: u8,
        rm: u8,
    },
    Mul {
        sf: bool,
        factors: Factors,
        sub: bool,
        rd: u8,
        rn: u8,
        rm: u8,
        ra: u8,
    },
    MulHigh {
        signed: bool,
        rd: u8,
        rn: u8,
        rm: u8,
    },
    Div {
        sf: bool,
        signed: bool,
        rd: u8,
        rn: u8,
        rm: u8,
    },
    Unary {
        sf: bool,
        op: Unary,
        rd: u8,
        rn: u8,
    },
    /// CRC32C of 1 << `size` bytes.
    Crc32c {
        rd: u8,
        rn: u8,
        rm: u8,
        size: u8,
    },
    Access(Access),
    /// An access as if from EL0 (LDTR, STTR).
    Unprivileged(Access),
    Atomic(crate::emit::atomic::Atomic),
    System(System),
    Pointer(Pointer),
    B {
        target: u64,
        link: bool,
    },
    BCond {
        cond: u8,
        target: u64,
    },
    Cbz {
        sf: bool,
        nonzero: bool,
        rt: u8,
        target: u64,
    },
    Tbz {
        nonzero: bool,
        rt: u8,
        bit: u8,
        target: u64,
    },
    /// BR, BLR, RET; `btype` is stored when the target is not in the table of translated ones.
    Indirect {
        rn: u8,
        link: bool,
        btype: u8,
    },
    /// CRC32 of 1 << `size` bytes.
    Crc32 {
        rd: u8,
        rn: u8,
        rm: u8,
        size: u8,
    },
    /// An operation of the vector unit: integers and moves, floating point, cryptography.
    Vector(crate::emit::vector::Vector),
    Float(crate::emit::fp::Float),
    Crypto(crate::emit::crypto::Crypto),
    /// A load or store of structures.
    Structure(crate::emit::structures::Structure),
    /// The interpreter's executor does it. `ends`: and the block ends there.
    Exec {
        decoded: Decoded,
        ends: bool,
    },
}

impl Ir {
    /// The condition that the operation evaluates.
    pub fn cond(&self) -> Option<u8> {
        match *self {
            Ir::Select { cond, .. } | Ir::Ccmp { cond, .. } | Ir::BCond { cond, .. } => Some(cond),
            Ir::Float(f) => f.cond(),
            _ => None,
        }
    }

    /// Whether it reads NZCV.
    pub fn reads_flags(&self) -> bool {
        self.cond().is_some() || matches!(self, Ir::AddCarry { .. } | Ir::System(System::ReadFlags { .. }))
    }

    /// Whether all of NZCV is new after it.
    pub fn writes_flags(&self) -> bool {
        match self {
            Ir::AddSub { flags, .. } | Ir::Logic { flags, .. } | Ir::AddCarry { flags, .. } => *flags,
            Ir::Float(f) => f.writes_flags(),
            Ir::Ccmp { .. } | Ir::System(System::WriteFlags { .. }) => true,
            _ => false,
        }
    }

    /// Whether it may raise an exception or otherwise show the state to Rust code.
    pub fn observes(&self) -> bool {
        match self {
            Ir::Access(_)
            | Ir::Structure(_)
            | Ir::Unprivileged(_)
            | Ir::Atomic(_)
            | Ir::Pointer(_)
            | Ir::Exec { .. } => true,
            Ir::System(s) => s.observes(),
            _ => false,
        }
    }

    /// Whether the block may be left at it.
    pub fn leaves(&self) -> bool {
        matches!(
            self,
            Ir::B { .. }
                | Ir::BCond { .. }
                | Ir::Cbz { .. }
                | Ir::Tbz { .. }
                | Ir::Indirect { .. }
                | Ir::Pointer(Pointer { kind: BRANCHES.., .. })
                | Ir::Exec { ends: true, .. }
        )
    }

    /// Whether nothing follows it in a block.
    pub fn ends(&self) -> bool {
        matches!(
            self,
            Ir::B { .. }
                | Ir::Indirect { .. }
                | Ir::Pointer(Pointer { kind: BRANCHES.., .. })
                | Ir::Exec { ends: true, .. }
        )
    }

    /// Whether there is host code for it, a little longer than usual, that leaves EFLAGS alone.
    pub fn can_keep_eflags(&self) -> bool {
        matches!(
            self,
            Ir::AddSub { flags: false, .. }
                | Ir::Extract { .. }
                | Ir::Logic { op: Logic::Or | Logic::Xor, flags: false, rn: crate::regs::ZR, .. }
        )
    }

    /// Whether the host code for it leaves EFLAGS alone.
    pub fn keeps_eflags(&self) -> bool {
        match self {
            Ir::Nop
            | Ir::Const { .. }
            | Ir::Select { .. }
            | Ir::BCond { .. }
            | Ir::B { .. }
            | Ir::Shift { kind: 0..=2, .. } => true,
            Ir::AddSub { sub, flags: false, b, .. } => match b {
                Operand::Imm(_) => true,
                Operand::Reg(_) => !sub,
                Operand::Shifted(_, 0, n) => !sub && *n <= 3,
                _ => false,
            },
            // Moves.
            Ir::Logic { op: Logic::Or | Logic::Xor, flags: false, rn: crate::regs::ZR, b, .. } => {
                matches!(b, Operand::Imm(_) | Operand::Reg(_) | Operand::Shifted(_, 3, _))
            }
            // Extensions. (SXTW has no 32-bit form, and of UXTW both forms are a move.)
            Ir::Extract { immr: 0, imms: 7 | 15, .. } => true,
            Ir::Extract { immr: 0, imms: 31, sf, signed, .. } => *sf || !*signed,
            Ir::System(s) => s.keeps_eflags(),
            Ir::Vector(v) => v.keeps_eflags(),
            Ir::Float(f) => f.keeps_eflags(),
            Ir::Crypto(_) => true,
            _ => false,
        }
    }
}
