//! Guest words to operations. What has no operation of its own becomes [`Ir::Exec`].

use a64::{Op, Word, decode_bit_masks};
use cpu::exec::Decoded;
use cpu::{Cpu, Model, Pac};
use mem::CODE_PAGE;

use crate::emit::{atomic, crypto, fp, pointer, structures, system, vector};
use crate::ir::{Access, Address, Data, Factors, Ir, Logic, Operand, Select, Unary};
use crate::mode::Mode;
use crate::regs::ZR;
use crate::schedule::schedule;

/// Instructions in a block at most.
const LONGEST: u64 = 64;

/// What decoding knows besides the word.
pub struct Context<'a> {
    /// What the guest's CPU has.
    pub model: &'a Model,
    pub mode: Mode,
    /// FEAT_BTI: indirect branches leave BTYPE.
    pub bti: bool,
    /// There is no pointer authentication: its hints are NOPs.
    pub no_pac: bool,
    /// CTR_EL0.
    pub ctr: u64,
}

/// The operations of the block at `pc`, whose first word is at physical address `pa`, and its words. None: not RAM.
pub fn block(cpu: &Cpu, pc: u64, pa: u64, mode: Mode) -> Option<(Vec<Ir>, Vec<u32>)> {
    let memory = cpu.io.bus.memory();
    let page = pa & !(CODE_PAGE - 1);
    if !memory.contains(page, CODE_PAGE) {
        return None;
    }
    let features = cpu.model.features;
    let context = Context {
        model: &cpu.model,
        mode,
        bti: features.bti,
        no_pac: cpu.model.pac == Pac::Absent,
        ctr: cpu.model.ids.ctr,
    };
    let count = LONGEST.min((page + CODE_PAGE - pa) / 4);
    let (mut ops, mut words) = (Vec::new(), Vec::new());
    for n in 0..count {
        let word = memory.read_u32(pa + 4 * n).ok()?;
        let at = pc.wrapping_add(4 * n);
        let mut op = one(&context, word, at);
        if let Some(Ir::Const { rd, value }) = ops.last().copied() {
            // A constant that is made of two instructions.
            let merged = match op {
                Ir::Movk { sf, rd: r, shift, imm } if r == rd => {
                    let value = value & !(0xffff << shift) | u64::from(imm) << shift;
                    Some((r, if sf { value } else { value & 0xffff_ffff }))
                }
                Ir::AddSub { sf: true, sub: false, flags: false, rd: to, rn, b: Operand::Imm(imm) }
                    if rn == rd && to < 31 =>
                {
                    Some((to, value.wrapping_add(imm)))
                }
                _ => None,
            };
            if let Some((to, value)) = merged {
                if to == rd {
                    ops.pop();
                    ops.push(Ir::Nop);
                }
                op = Ir::Const { rd: to, value };
            }
        }
        if let [.., copy, first] = ops.as_slice()
            && let Some(both) = crypto::fuse_sha256(copy, first, &op)
            && let Some(last) = ops.last_mut()
        {
            *last = both;
            op = Ir::Nop;
        }
        if let Some(last) = ops.last_mut()
            && let Some(both) = crypto::fuse(last, &op)
        {
            *last = both;
            op = Ir::Nop;
        }
        ops.push(op);
        words.push(word);
        if op.ends() || is_loop(&op, pc) {
            break;
        }
    }
    schedule(&mut ops);
    Some((ops, words))
}

/// A conditional branch to the block's own start: the block is a loop, and what follows is another block.
fn is_loop(op: &Ir, start: u64) -> bool {
    matches!(op, Ir::BCond { target, .. } | Ir::Cbz { target, .. } | Ir::Tbz { target, .. } if *target == start)
}

/// Register number where 31 is the zero register.
fn z(n: usize) -> u8 {
    if n == 31 { ZR } else { n as u8 }
}

fn exec(model: &Model, word: u32) -> Ir {
    let decoded = Decoded::of(model, word);
    use Op::*;
    // What may change the mode, or what the next instruction is, or translations.
    let ends = matches!(
        decoded.op,
        Msr | MsrImm
            | Sys
            | Eret
            | Eretaa
            | Eretab
            | Wfi
            | Wfe
            | Svc
            | Hvc
            | Smc
            | Brk
            | Hlt
            | Udf
            | Braa
            | Brab
            | Braaz
            | Brabz
            | Blraa
            | Blrab
            | Blraaz
            | Blrabz
            | Retaa
            | Retab
            | Genter
            | Gexit
            | AtAs1elx
            | Drps
            | Dcps1
            | Dcps2
            | Dcps3
    );
    Ir::Exec { decoded, ends }
}

fn one(context: &Context, word: u32, pc: u64) -> Ir {
    let encoding = a64::decode(word).filter(|e| context.model.has(e.feature) || e.is_hint());
    let Some(encoding) = encoding else {
        // Undefined on this CPU.
        return Ir::Exec { decoded: Decoded::of(context.model, word), ends: true };
    };
    if encoding.feature == a64::Feature::Apple {
        return exec(context.model, word);
    }
    let w = Word(word);
    integer(context, encoding.op, w, pc)
        .or_else(|| access(context, encoding.op, w, pc))
        .or_else(|| system::decode(context.mode, encoding.op, w).map(Ir::System))
        .or_else(|| atomic::decode(encoding.op, w).map(Ir::Atomic))
        .or_else(|| pointer::decode(context, encoding.op, w).map(Ir::Pointer))
        .or_else(|| vector::decode(context, encoding.op, w).map(Ir::Vector))
        .or_else(|| fp::decode(context, encoding.op, w).map(Ir::Float))
        .or_else(|| structures::decode(context, encoding.op, w).map(Ir::Structure))
        .or_else(|| crypto::decode(context, encoding.op, w).map(Ir::Crypto))
        .unwrap_or_else(|| exec(context.model, word))
}

fn shifted(w: Word) -> Option<Operand> {
    let amount = w.imms() as u8;
    if !w.sf() && amount > 31 {
        return None;
    }
    Some(match (w.rm(), amount) {
        (31, _) => Operand::Reg(ZR),
        (m, 0) => Operand::Reg(z(m)),
        (m, n) => Operand::Shifted(z(m), w.bits(23, 22) as u8, n),
    })
}

fn extended(w: Word) -> Option<Operand> {
    let (option, amount) = (w.option() as u8, w.bits(12, 10) as u8);
    if amount > 4 {
        return None;
    }
    Some(match (option, amount) {
        (3 | 7, 0) => Operand::Reg(z(w.rm())),
        (3 | 7, n) => Operand::Shifted(z(w.rm()), 0, n),
        _ => Operand::Extended(z(w.rm()), option, amount),
    })
}

fn integer(context: &Context, op: Op, w: Word, pc: u64) -> Option<Ir> {
    let sf = w.sf();
    let (rd, rn, rm) = (z(w.rd()), z(w.rn()), z(w.rm()));
    let (sd, sn) = (w.rd() as u8, w.rn() as u8);
    let imm = Operand::Imm(if w.bit(22) { w.imm12() << 12 } else { w.imm12() });
    let mask = || {
        decode_bit_masks(w.n(), w.imms(), w.immr(), true, if sf { 64 } else { 32 })
            .map(|(m, _)| Operand::Imm(m))
    };
    let add = |sub, flags, rd, rn, b| Ir::AddSub { sf, sub, flags, rd, rn, b };
    let logic = |op, invert, flags, rd, b| Ir::Logic { sf, op, invert, flags, rd, rn, b };
    let select = |kind| Ir::Select { sf, kind, rd, rn, rm, cond: w.cond() as u8 };
    let ccmp = |sub, b| Ir::Ccmp { sf, sub, rn, b, cond: w.cond() as u8, nzcv: w.nzcv() as u8 };
    let mul = |factors, sub| Ir::Mul { sf, factors, sub, rd, rn, rm, ra: z(w.ra()) };
    let unary = |op| Ir::Unary { sf, op, rd, rn };
    let shift = |kind| Ir::Shift { sf, kind, rd, rn, rm };
    let carry = |sub, flags| Ir::AddCarry { sf, sub, flags, rd, rn, rm };
    let wide = |value: u64| Ir::Const { rd, value: if sf { value } else { value & 0xffff_ffff } };
    let hw = w.bits(22, 21) * 16;
    let bits_valid =
        || decode_bit_masks(w.n(), w.imms(), w.immr(), false, if sf { 64 } else { 32 }).is_some();
    let (immr, imms) = (w.immr() as u8, w.imms() as u8);
    let branch = |offset: i64| pc.wrapping_add_signed(offset);
    Some(match op {
        Op::AddImm => add(false, false, sd, sn, imm),
        Op::SubImm => add(true, false, sd, sn, imm),
        Op::AddsImm => add(false, true, rd, sn, imm),
        Op::SubsImm => add(true, true, rd, sn, imm),
        Op::AddShift => add(false, false, rd, rn, shifted(w)?),
        Op::SubShift => add(true, false, rd, rn, shifted(w)?),
        Op::AddsShift => add(false, true, rd, rn, shifted(w)?),
        Op::SubsShift => add(true, true, rd, rn, shifted(w)?),
        Op::AddExt => add(false, false, sd, sn, extended(w)?),
        Op::SubExt => add(true, false, sd, sn, extended(w)?),
        Op::AddsExt => add(false, true, rd, sn, extended(w)?),
        Op::SubsExt => add(true, true, rd, sn, extended(w)?),
        Op::AndImm => logic(Logic::And, false, false, sd, mask()?),
        Op::OrrImm => logic(Logic::Or, false, false, sd, mask()?),
        Op::EorImm => logic(Logic::Xor, false, false, sd, mask()?),
        Op::AndsImm => logic(Logic::And, false, true, rd, mask()?),
        Op::AndShift => logic(Logic::And, false, false, rd, shifted(w)?),
        Op::BicShift => logic(Logic::And, true, false, rd, shifted(w)?),
        Op::OrrShift => logic(Logic::Or, false, false, rd, shifted(w)?),
        Op::OrnShift => logic(Logic::Or, true, false, rd, shifted(w)?),
        Op::EorShift => logic(Logic::Xor, false, false, rd, shifted(w)?),
        Op::EonShift => logic(Logic::Xor, true, false, rd, shifted(w)?),
        Op::AndsShift => logic(Logic::And, false, true, rd, shifted(w)?),
        Op::BicsShift => logic(Logic::And, true, true, rd, shifted(w)?),
        Op::Movz | Op::Movn | Op::Movk if !sf && hw > 16 => return None,
        Op::Movz => wide(w.imm16() << hw),
        Op::Movn => wide(!(w.imm16() << hw)),
        Op::Movk => Ir::Movk { sf, rd, shift: hw as u8, imm: w.imm16() as u16 },
        Op::Adr => Ir::Const { rd, value: branch(w.simm21()) },
        Op::Adrp => Ir::Const { rd, value: (pc & !0xfff).wrapping_add_signed(w.simm21() << 12) },
        Op::Adc => carry(false, false),
        Op::Sbc => carry(true, false),
        Op::Adcs => carry(false, true),
        Op::Sbcs => carry(true, true),
        Op::Ubfm if bits_valid() => Ir::Extract { sf, signed: false, rd, rn, immr, imms },
        Op::Sbfm if bits_valid() => Ir::Extract { sf, signed: true, rd, rn, immr, imms },
        Op::Bfm if bits_valid() => Ir::Insert { sf, rd, rn, immr, imms },
        Op::Extr if sf || imms < 32 => Ir::Extr { sf, rd, rn, rm, by: imms },
        Op::Csel => select(Select::Plain),
        Op::Csinc => select(Select::Increment),
        Op::Csinv => select(Select::Invert),
        Op::Csneg => select(Select::Negate),
        Op::CcmnReg => ccmp(false, Operand::Reg(rm)),
        Op::CcmpReg => ccmp(true, Operand::Reg(rm)),
        Op::CcmnImm => ccmp(false, Operand::Imm(w.rm() as u64)),
        Op::CcmpImm => ccmp(true, Operand::Imm(w.rm() as u64)),
        Op::Lslv => shift(0),
        Op::Lsrv => shift(1),
        Op::Asrv => shift(2),
        Op::Rorv => shift(3),
        Op::Madd => mul(Factors::Whole, false),
        Op::Msub => mul(Factors::Whole, true),
        Op::Smaddl => mul(Factors::SignedLow, false),
        Op::Smsubl => mul(Factors::SignedLow, true),
        Op::Umaddl => mul(Factors::UnsignedLow, false),
        Op::Umsubl => mul(Factors::UnsignedLow, true),
        Op::Smulh => Ir::MulHigh { signed: true, rd, rn, rm },
        Op::Umulh => Ir::MulHigh { signed: false, rd, rn, rm },
        Op::Udiv => Ir::Div { sf, signed: false, rd, rn, rm },
        Op::Sdiv => Ir::Div { sf, signed: true, rd, rn, rm },
        Op::Rbit => unary(Unary::Rbit),
        Op::Rev16 => unary(Unary::Rev16),
        Op::Rev32 => unary(Unary::Rev32),
        Op::Rev => unary(Unary::Rev),
        Op::Clz => unary(Unary::Clz),
        Op::Cls => unary(Unary::Cls),
        Op::Crc32cb | Op::Crc32ch | Op::Crc32cw | Op::Crc32cx => {
            Ir::Crc32c { rd, rn, rm, size: w.bits(11, 10) as u8 }
        }
        Op::Crc32b | Op::Crc32h | Op::Crc32w | Op::Crc32x => {
            Ir::Crc32 { rd, rn, rm, size: w.bits(11, 10) as u8 }
        }
        Op::B => Ir::B { target: branch(w.simm26()), link: false },
        Op::Bl => Ir::B { target: branch(w.simm26()), link: true },
        Op::BCond => match w.bits(3, 0) as u8 {
            14 | 15 => Ir::B { target: branch(w.simm19()), link: false },
            cond => Ir::BCond { cond, target: branch(w.simm19()) },
        },
        Op::Cbz => Ir::Cbz { sf, nonzero: false, rt: rd, target: branch(w.simm19()) },
        Op::Cbnz => Ir::Cbz { sf, nonzero: true, rt: rd, target: branch(w.simm19()) },
        Op::Tbz | Op::Tbnz => Ir::Tbz {
            nonzero: op == Op::Tbnz,
            rt: rd,
            bit: (w.bits(31, 31) << 5 | w.bits(23, 19)) as u8,
            target: branch(w.simm14()),
        },
        Op::Ret => Ir::Indirect { rn, link: false, btype: 0 },
        Op::Br => Ir::Indirect { rn, link: false, btype: u8::from(context.bti) },
        Op::Blr => Ir::Indirect { rn, link: true, btype: if context.bti { 2 } else { 0 } },
        Op::Retaa | Op::Retab if context.mode.pac_is_nothing() => {
            Ir::Indirect { rn: 30, link: false, btype: 0 }
        }
        Op::Braa | Op::Brab | Op::Braaz | Op::Brabz if context.mode.pac_is_nothing() => {
            Ir::Indirect { rn, link: false, btype: u8::from(context.bti) }
        }
        Op::Blraa | Op::Blrab | Op::Blraaz | Op::Blrabz if context.mode.pac_is_nothing() => {
            Ir::Indirect { rn, link: true, btype: if context.bti { 2 } else { 0 } }
        }
        Op::Pacia
        | Op::Pacib
        | Op::Pacda
        | Op::Pacdb
        | Op::Paciza
        | Op::Pacizb
        | Op::Pacdza
        | Op::Pacdzb
        | Op::Autia
        | Op::Autib
        | Op::Autda
        | Op::Autdb
        | Op::Autiza
        | Op::Autizb
        | Op::Autdza
        | Op::Autdzb
            if context.mode.pac_is_nothing() =>
        {
            Ir::Nop
        }
        Op::Pacia1716
        | Op::Pacib1716
        | Op::Autia1716
        | Op::Autib1716
        | Op::Paciasp
        | Op::Pacibsp
        | Op::Paciaz
        | Op::Pacibz
        | Op::Autiasp
        | Op::Autibsp
        | Op::Autiaz
        | Op::Autibz
            if context.no_pac || context.mode.pac_is_nothing() =>
        {
            Ir::Nop
        }
        Op::Xpaclri if context.no_pac => Ir::Nop,
        Op::Mrs
            if cpu::reg::of_word(w.0) == cpu::reg::CTR_EL0
                && context.mode.el() == 1
                && context.mode.plain() =>
        {
            Ir::Const { rd, value: context.ctr }
        }
        // Blocks of 64 bytes, not prohibited.
        Op::Mrs if cpu::reg::of_word(w.0) == cpu::reg::DCZID_EL0 && context.mode.zeroes() => {
            Ir::Const { rd, value: 4 }
        }
        Op::Mrs if cpu::reg::of_word(w.0) == cpu::reg::CURRENTEL && context.mode.el() > 0 => {
            Ir::Const { rd, value: u64::from(context.mode.el()) << 2 }
        }
        // One host thread runs all CPUs, so no barrier is needed; and what an ISB waits for has already happened.
        Op::Dmb
        | Op::Dsb
        | Op::Isb
        | Op::Nop
        | Op::Bti
        | Op::Hint
        | Op::Csdb
        | Op::Psb
        | Op::Tsb
        | Op::Dgh
        | Op::Clrbhb
        | Op::Esb
        | Op::Sb
        | Op::PrfmImm
        | Op::PrfmReg
        | Op::PrfmLiteral
        | Op::Prfum => Ir::Nop,
        _ => return None,
    })
}

fn access(context: &Context, op: Op, w: Word, pc: u64) -> Option<Ir> {
    use Op::*;
    let vector = w.bit(26);
    if vector && context.mode.fp_trapped() {
        return None;
    }
    let rn = w.rn() as u8;
    let size = if vector { (w.bits(23, 23) << 2 | w.size()) as u8 } else { w.size() as u8 };
    // Index forms with an extension from bytes or halves are not allocated.
    let index = || {
        (w.option() & 2 != 0)
            .then(|| Address::Index(rn, z(w.rm()), w.option() as u8, if w.bit(12) { size } else { 0 }))
    };
    let address = match op {
        LdrImmUnsigned | StrImmUnsigned | LdrsImmUnsigned | LdrFpImmUnsigned | StrFpImmUnsigned => {
            Address::Offset(rn, (w.imm12() << size) as i64)
        }
        Ldur | Stur | Ldurs | LdurFp | SturFp | Ldtr | Sttr | Ldtrs | Ldapur | Ldapurs | Stlur => {
            Address::Offset(rn, w.simm9())
        }
        LdrImmPre | StrImmPre | LdrsImmPre | LdrFpImmPre | StrFpImmPre => Address::Pre(rn, w.simm9()),
        LdrImmPost | StrImmPost | LdrsImmPost | LdrFpImmPost | StrFpImmPost => Address::Post(rn, w.simm9()),
        LdrReg | StrReg | LdrsReg | LdrFpReg | StrFpReg => index()?,
        LdpOffset | LdpPre | LdpPost | Ldnp | LdpswOffset | LdpswPre | LdpswPost | StpOffset | StpPre
        | StpPost | Stnp | LdpFpOffset | LdpFpPre | LdpFpPost | LdnpFp | StpFpOffset | StpFpPre
        | StpFpPost | StnpFp => {
            return pair(w, vector);
        }
        LdrLiteral | LdrsLiteral | LdrFpLiteral => {
            let size = match (vector, w.size()) {
                (true, n) => n as u8 + 2,
                (false, 1) => 3,
                (false, _) => 2,
            };
            let data = if vector {
                Data::Vector(w.rt() as u8, None)
            } else {
                Data::General(z(w.rt()), None, if op == LdrsLiteral { 2 } else { 0 })
            };
            let address = Address::Absolute(pc.wrapping_add_signed(w.simm19()));
            return Some(Ir::Access(Access { load: true, data, size, address, aligned: false }));
        }
        Ldar | Ldlar | Ldapr | Stlr | Stllr => {
            let access = Access {
                load: matches!(op, Ldar | Ldlar | Ldapr),
                data: Data::General(z(w.rt()), None, 0),
                size: w.size() as u8,
                address: Address::Offset(rn, 0),
                aligned: true,
            };
            return Some(Ir::Access(access));
        }
        _ => return None,
    };
    if size > 4 {
        return None;
    }
    let writes_back = matches!(address, Address::Pre(..) | Address::Post(..));
    let (load, data) = if vector {
        (w.bit(22), Data::Vector(w.rt() as u8, None))
    } else {
        let sign = match w.bits(23, 22) {
            2 => 2,
            3 => 1,
            _ => 0,
        };
        if writes_back && w.rt() == w.rn() && w.rt() != 31 {
            return None;
        }
        (w.bits(23, 22) != 0, Data::General(z(w.rt()), None, sign))
    };
    let aligned = matches!(op, Ldapur | Ldapurs | Stlur);
    let access = Access { load, data, size, address, aligned };
    Some(if matches!(op, Ldtr | Sttr | Ldtrs) { Ir::Unprivileged(access) } else { Ir::Access(access) })
}

fn pair(w: Word, vector: bool) -> Option<Ir> {
    let opc = w.size() as u8;
    let size = if vector {
        opc + 2
    } else if opc & 2 != 0 {
        3
    } else {
        2
    };
    if size > 4 {
        return None;
    }
    let rn = w.rn() as u8;
    let offset = w.simm7() << size;
    let address = match w.bits(24, 23) {
        1 => Address::Post(rn, offset),
        3 => Address::Pre(rn, offset),
        _ => Address::Offset(rn, offset),
    };
    let load = w.bit(22);
    let data = if vector {
        Data::Vector(w.rt() as u8, Some(w.rt2() as u8))
    } else {
        let back = w.bit(23) && rn != 31 && (w.rt() == w.rn() || w.rt2() == w.rn());
        if back {
            return None;
        }
        Data::General(z(w.rt()), Some(z(w.rt2())), if opc == 1 { 2 } else { 0 })
    };
    Some(Ir::Access(Access { load, data, size, address, aligned: false }))
}
