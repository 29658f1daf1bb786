//! AArch64 as the remote protocol sees it: which registers there are, their numbers and their bytes.
//!
//! The two standard features `org.gnu.gdb.aarch64.core` and `.fpu` (GDB manual, "AArch64 Features"), and one of our own with
//! the system registers of [`crate::system`]. Numbers of core and FPU are GDB's; a system register's number is its
//! encoding, as QEMU and `gdbstub_arch` have it too, so one table serves all. `gdbstub_arch` is not used since it
//! describes every system register there is, which makes each `info registers` slow.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use gdbstub::arch::{Arch, RegId, Registers};

use crate::system;

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// X0 to X30.
    X(u8),
    /// The current stack pointer.
    Sp,
    /// Program counter.
    Pc,
    /// PSTATE in the layout of SPSR, 32 bits; GDB calls it `cpsr`.
    Cpsr,
    /// V0 to V31.
    V(u8),
    /// FPSR.
    Fpsr,
    /// FPCR.
    Fpcr,
    /// A system register, by its encoding.
    System(u16),
}

impl Register {
    /// Bytes on the wire.
    pub fn len(self) -> usize {
        match self {
            Register::Cpsr | Register::Fpsr | Register::Fpcr => 4,
            Register::V(_) => 16,
            _ => 8,
        }
    }
}

impl RegId for Register {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        let small = u8::try_from(id).unwrap_or(u8::MAX);
        let register = match id {
            0..=30 => Register::X(small),
            31 => Register::Sp,
            32 => Register::Pc,
            33 => Register::Cpsr,
            34..=65 => Register::V(small - 34),
            66 => Register::Fpsr,
            67 => Register::Fpcr,
            _ => Register::System(u16::try_from(id).ok().filter(|n| system::find(*n).is_some())?),
        };
        Some((register, NonZeroUsize::new(register.len())))
    }
}

/// What the `g` packet carries: core and FPU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoreRegisters {
    /// X0 to X30.
    pub x: [u64; 31],
    /// The current stack pointer.
    pub sp: u64,
    /// Program counter.
    pub pc: u64,
    /// See [`Register::Cpsr`].
    pub cpsr: u32,
    /// V0 to V31.
    pub v: [u128; 32],
    /// FPSR.
    pub fpsr: u32,
    /// FPCR.
    pub fpcr: u32,
}

impl Registers for CoreRegisters {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        self.pc
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        let mut put = |bytes: &[u8]| bytes.iter().for_each(|b| write_byte(Some(*b)));
        self.x.iter().for_each(|x| put(&x.to_le_bytes()));
        put(&self.sp.to_le_bytes());
        put(&self.pc.to_le_bytes());
        put(&self.cpsr.to_le_bytes());
        self.v.iter().for_each(|v| put(&v.to_le_bytes()));
        put(&self.fpsr.to_le_bytes());
        put(&self.fpcr.to_le_bytes());
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let mut rest = bytes;
        let wide = |rest: &mut &[u8]| take::<8>(rest).map(u64::from_le_bytes);
        for x in &mut self.x {
            *x = wide(&mut rest)?;
        }
        self.sp = wide(&mut rest)?;
        self.pc = wide(&mut rest)?;
        self.cpsr = take(&mut rest).map(u32::from_le_bytes)?;
        for v in &mut self.v {
            *v = take(&mut rest).map(u128::from_le_bytes)?;
        }
        self.fpsr = take(&mut rest).map(u32::from_le_bytes)?;
        self.fpcr = take(&mut rest).map(u32::from_le_bytes)?;
        Ok(())
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], ()> {
    let (bytes, after) = rest.split_first_chunk().ok_or(())?;
    *rest = after;
    Ok(*bytes)
}

/// AArch64.
#[derive(Debug)]
pub enum AArch64 {}

impl Arch for AArch64 {
    type Usize = u64;
    type Registers = CoreRegisters;
    type BreakpointKind = usize;
    type RegId = Register;

    fn target_description_xml() -> Option<&'static str> {
        static XML: OnceLock<String> = OnceLock::new();
        // Writing to a String cannot fail.
        Some(XML.get_or_init(|| describe().unwrap_or_default()))
    }
}

/// Fields of `cpsr` that a debugger shows by name: name, lowest and highest bit (Arm manual C5.2, SPSR_EL1).
const CPSR_FIELDS: &[(&str, u32, u32)] = &[
    ("SP", 0, 0),
    ("EL", 2, 3),
    ("nRW", 4, 4),
    ("F", 6, 6),
    ("I", 7, 7),
    ("A", 8, 8),
    ("D", 9, 9),
    ("BTYPE", 10, 11),
    ("SSBS", 12, 12),
    ("IL", 20, 20),
    ("SS", 21, 21),
    ("PAN", 22, 22),
    ("UAO", 23, 23),
    ("DIT", 24, 24),
    ("TCO", 25, 25),
    ("V", 28, 28),
    ("C", 29, 29),
    ("Z", 30, 30),
    ("N", 31, 31),
];

/// Views of a V register, widest element first: id of the vector type, element type, count.
const VECTORS: &[(&str, &str, u32)] = &[
    ("v2d", "ieee_double", 2),
    ("v2u", "uint64", 2),
    ("v2i", "int64", 2),
    ("v4f", "ieee_single", 4),
    ("v4u", "uint32", 4),
    ("v4i", "int32", 4),
    ("v8u", "uint16", 8),
    ("v8i", "int16", 8),
    ("v16u", "uint8", 16),
    ("v16i", "int8", 16),
    ("v1u", "uint128", 1),
    ("v1i", "int128", 1),
];

fn describe() -> Result<String, std::fmt::Error> {
    let mut xml = String::from(
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">\
         <target version=\"1.0\"><architecture>aarch64</architecture>\
         <feature name=\"org.gnu.gdb.aarch64.core\">",
    );
    xml.push_str("<flags id=\"cpsr_flags\" size=\"4\">");
    for (name, start, end) in CPSR_FIELDS {
        write!(xml, "<field name=\"{name}\" start=\"{start}\" end=\"{end}\"/>")?;
    }
    xml.push_str("</flags>");
    for n in 0..31 {
        write!(xml, "<reg name=\"x{n}\" bitsize=\"64\" type=\"int\" regnum=\"{n}\"/>")?;
    }
    xml.push_str(
        "<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\" regnum=\"31\"/>\
         <reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\" regnum=\"32\"/>\
         <reg name=\"cpsr\" bitsize=\"32\" type=\"cpsr_flags\" regnum=\"33\"/></feature>\
         <feature name=\"org.gnu.gdb.aarch64.fpu\">",
    );
    for (id, element, count) in VECTORS {
        write!(xml, "<vector id=\"{id}\" type=\"{element}\" count=\"{count}\"/>")?;
    }
    let parts: [(&str, &[&str]); 5] = [
        ("vnd", &["v2d", "v2u", "v2i"]),
        ("vns", &["v4f", "v4u", "v4i"]),
        ("vnh", &["v8u", "v8i"]),
        ("vnb", &["v16u", "v16i"]),
        ("vnq", &["v1u", "v1i"]),
    ];
    for (id, views) in parts {
        write!(xml, "<union id=\"{id}\">")?;
        for view in views {
            // Fields are f, u, s by element.
            let field = match view.chars().last() {
                Some('i') => 's',
                Some('u') => 'u',
                _ => 'f',
            };
            write!(xml, "<field name=\"{field}\" type=\"{view}\"/>")?;
        }
        xml.push_str("</union>");
    }
    xml.push_str("<union id=\"aarch64v\">");
    for (id, _) in parts {
        write!(xml, "<field name=\"{}\" type=\"{id}\"/>", id.trim_start_matches("vn"))?;
    }
    xml.push_str("</union>");
    for n in 0..32 {
        write!(xml, "<reg name=\"v{n}\" bitsize=\"128\" type=\"aarch64v\" regnum=\"{}\"/>", n + 34)?;
    }
    xml.push_str(
        "<reg name=\"fpsr\" bitsize=\"32\" type=\"int\" regnum=\"66\"/>\
         <reg name=\"fpcr\" bitsize=\"32\" type=\"int\" regnum=\"67\"/></feature>\
         <feature name=\"xnuboot.aarch64.system\">",
    );
    for r in system::REGISTERS {
        write!(
            xml,
            "<reg name=\"{}\" bitsize=\"64\" type=\"int\" regnum=\"{}\" group=\"system\" save-restore=\"no\"/>",
            r.name, r.encoding
        )?;
    }
    xml.push_str("</feature></target>");
    Ok(xml)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_survive_the_wire() {
        let mut registers =
            CoreRegisters { sp: 7, pc: 0xffff_fff0_0700_4000, cpsr: 0x6000_03c5, ..Default::default() };
        registers.x[30] = u64::MAX;
        registers.v[31] = 1 << 127;
        (registers.fpsr, registers.fpcr) = (0x10, 0x0300_0000);
        let mut bytes = Vec::new();
        registers.gdb_serialize(|b| bytes.extend(b));
        assert_eq!(bytes.len(), 33 * 8 + 4 + 32 * 16 + 8);
        let mut back = CoreRegisters::default();
        assert_eq!((back.gdb_deserialize(&bytes), &back), (Ok(()), &registers));
        for n in 0..bytes.len() {
            assert_eq!(back.gdb_deserialize(&bytes[..n]), Err(()), "{n} bytes are too few");
        }
    }

    #[test]
    fn numbers_are_those_of_the_description_and_no_others_exist() {
        let xml = AArch64::target_description_xml().unwrap();
        let mut described = std::collections::BTreeSet::new();
        for part in xml.split("regnum=\"").skip(1) {
            described.insert(part.split('"').next().unwrap().parse::<usize>().unwrap());
        }
        for id in 0..0x1_0010 {
            assert_eq!(Register::from_raw_id(id).is_some(), described.contains(&id), "{id:#x}");
        }
        assert!(Register::from_raw_id(usize::MAX).is_none());
    }

    #[test]
    fn the_description_closes_what_it_opens() {
        let xml = AArch64::target_description_xml().unwrap();
        for element in ["target", "feature", "union", "flags"] {
            assert_eq!(
                xml.matches(&format!("<{element} ")).count(),
                xml.matches(&format!("</{element}>")).count(),
                "{element}"
            );
        }
    }
}
