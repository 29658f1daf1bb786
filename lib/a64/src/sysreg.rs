//! System registers by encoding and by name.

mod names;

use core::fmt;

/// A system register's encoding: `op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2`, bits 20:5 of MRS and MSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SysReg(pub u16);

/// Every named system register with its encoding, by rising encoding: Arm's, and Apple's IMPLEMENTATION DEFINED ones.
/// Where two share an encoding (DBGDTRRX_EL0 is read, DBGDTRTX_EL0 written) the one that is read is listed.
pub static SYSREGS: &[(u16, &str)] = names::REGISTERS;

impl SysReg {
    /// The register of these five fields.
    pub const fn new(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> SysReg {
        SysReg(((op0 & 3) << 14 | (op1 & 7) << 11 | (crn & 15) << 7 | (crm & 15) << 3 | op2 & 7) as u16)
    }

    /// The register that an MRS, MSR (register) or SYS word names.
    pub const fn of(word: u32) -> SysReg {
        SysReg((word >> 5) as u16)
    }

    /// op0, op1, CRn, CRm, op2.
    pub const fn fields(self) -> [u32; 5] {
        let n = self.0 as u32;
        [n >> 14, n >> 11 & 7, n >> 7 & 15, n >> 3 & 15, n & 7]
    }

    /// Its name, if it has one.
    pub fn name(self) -> Option<&'static str> {
        let at = SYSREGS.binary_search_by_key(&self.0, |r| r.0).ok()?;
        SYSREGS.get(at).map(|r| r.1)
    }

    /// The register called `name` (either case), also in the form S3_0_C15_C2_1.
    pub fn named(name: &str) -> Option<SysReg> {
        let known = SYSREGS.iter().find(|r| r.1.eq_ignore_ascii_case(name)).map(|r| SysReg(r.0));
        known.or_else(|| SysReg::generic(name))
    }

    fn generic(name: &str) -> Option<SysReg> {
        const MOST: [u32; 5] = [3, 7, 15, 15, 7];
        let mut fields = [0; 5];
        let mut parts = name.split('_');
        for (n, (field, most)) in fields.iter_mut().zip(MOST).enumerate() {
            let prefix = match n {
                0 => "Ss",
                2 | 3 => "Cc",
                _ => "",
            };
            let part = parts.next()?;
            let digits = if prefix.is_empty() { part } else { part.strip_prefix(|c| prefix.contains(c))? };
            *field = digits.parse().ok().filter(|&n| n <= most)?;
        }
        let [op0, op1, crn, crm, op2] = fields;
        parts.next().is_none().then(|| SysReg::new(op0, op1, crn, crm, op2))
    }
}

impl fmt::Display for SysReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => {
                let [op0, op1, crn, crm, op2] = self.fields();
                write!(f, "S{op0}_{op1}_C{crn}_C{crm}_{op2}")
            }
        }
    }
}

/// The name of a SYS operation (`dc zva` and the like) and whether it takes a register.
pub(crate) fn operation(encoding: u16) -> Option<(&'static str, bool)> {
    let at = names::OPERATIONS.binary_search_by_key(&encoding, |o| o.0).ok()?;
    names::OPERATIONS.get(at).map(|o| (o.1, o.2))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;

    #[test]
    fn registers_are_found_by_encoding_and_by_name() {
        assert_eq!(SysReg(0xc000).name(), Some("MIDR_EL1"));
        assert_eq!(SysReg::named("ttbr1_el1"), Some(SysReg::new(3, 0, 2, 0, 1)));
        assert_eq!(SysReg::named("APCTL_EL1"), Some(SysReg::new(3, 4, 15, 0, 4)));
        assert_eq!(SysReg::named("S3_6_c15_c12_4"), SysReg::named("APSTS_EL1"));
        assert_eq!(SysReg::named("S3_6_C15_C12_9"), None);
        assert_eq!(SysReg::new(3, 2, 15, 7, 3).to_string(), "S3_2_C15_C7_3");
    }

    #[test]
    fn tables_are_sorted_and_names_unique() {
        assert!(SYSREGS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(names::OPERATIONS.is_sorted_by(|a, b| a.0 < b.0));
        let names: std::collections::BTreeSet<_> = SYSREGS.iter().map(|r| r.1).collect();
        assert_eq!(names.len(), SYSREGS.len());
        assert_eq!(operation(SysReg::new(1, 3, 7, 4, 1).0), Some(("dc zva", true)));
        assert_eq!(operation(SysReg::new(1, 0, 8, 7, 0).0), Some(("tlbi vmalle1", false)));
    }
}
