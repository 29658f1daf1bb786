//! Apple's page permissions: what APRR, SPRR and KTRR make of a descriptor's.
//!
//! APRR (A11, A12) masks: four bits of a register, chosen by AP, PXN and UXN, say what is left of the descriptor's rights.
//! SPRR (A13 on) replaces: the four bits, chosen by AP, UXN and PXN, are the rights, for guarded mode and outside it.
//! KTRR and CTRR, when enforced, take writes away from a range of physical memory, and execution at EL1 from all other.
//! Sources: XNU osfmk/arm64/proc_reg.h and amcc_rorgn.c (xnu-7195), Asahi Linux docs/hw/cpu/sprr-gxf.md.
//!
//! Not here: APRR's registers for just-in-time compilers (storage), and locks that keep registers from being written.

use super::walk::perm;
use crate::Cpu;
use crate::model::Permissions;
use crate::reg::pack;

/// APRR_EL0, APRR_EL1.
const APRR_EL0: u16 = pack(3, 4, 15, 2, 0);
const APRR_EL1: u16 = pack(3, 4, 15, 2, 1);
/// KTRR and CTRR: lock, first and last page, CTRR's control.
const KTRR_LOCK: u16 = pack(3, 4, 15, 2, 2);
const KTRR_LOWER: u16 = pack(3, 4, 15, 2, 3);
const KTRR_UPPER: u16 = pack(3, 4, 15, 2, 4);
const CTRR_CONTROL: u16 = pack(3, 4, 15, 2, 5);
/// SPRR_CONFIG_EL1: bit 0 enables.
const SPRR_CONFIG: u16 = pack(3, 6, 15, 1, 0);
/// SPRR's permissions of EL0.
const SPRR_EL0: u16 = pack(3, 6, 15, 1, 5);

/// A page of KTRR's bounds.
const KTRR_PAGE: u64 = 0x4000;

/// How the four bits are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Kind {
    #[default]
    Arm,
    Aprr,
    Sprr,
}

/// What changes the permissions of the EL1&0 regime now. Part of a soft TLB context's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Overlay {
    kind: Kind,
    el0: u64,
    el1: u64,
    guarded: bool,
    /// First and last byte of locked memory; nothing when the last comes before the first.
    locked: Option<(u64, u64)>,
}

/// The permission bits of a descriptor, those of table descriptors included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    /// AP[2:1].
    pub ap: u32,
    /// UXN.
    pub uxn: bool,
    /// PXN.
    pub pxn: bool,
}

/// Rights of EL0 and of EL1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub user: u8,
    pub privileged: u8,
    /// SPRR forbids execution outside guarded mode, but allows it inside: such a fetch is an entry of its own.
    pub only_guarded_executes: bool,
}

/// SPRR: rights outside guarded mode.
fn outside(entry: u8) -> u8 {
    match (entry & 3, entry >> 2) {
        (1, 2) => perm::EXECUTE,
        (1, _) => perm::READ | perm::EXECUTE,
        (2, _) => perm::READ,
        // What guarded mode executes is not written from outside.
        (3, 1) => 0,
        (3, _) => perm::READ | perm::WRITE,
        _ => 0,
    }
}

/// SPRR: rights in guarded mode.
fn inside(entry: u8) -> u8 {
    match entry >> 2 {
        1 => perm::READ | perm::EXECUTE,
        2 => perm::READ,
        3 => perm::READ | perm::WRITE,
        _ => 0,
    }
}

/// APRR's bits: 0 execute, 1 write, 2 read.
fn aprr_rights(entry: u8) -> u8 {
    let bit = |n: u32, right: u8| if entry >> n & 1 != 0 { right } else { 0 };
    bit(0, perm::EXECUTE) | bit(1, perm::WRITE) | bit(2, perm::READ)
}

impl Overlay {
    /// Applies APRR or SPRR to what Arm says of a page.
    pub(super) fn apply(&self, bits: Bits, user: u8, privileged: u8) -> Rights {
        let (uxn, pxn) = (u32::from(bits.uxn), u32::from(bits.pxn));
        let entry = |register: u64, index: u32| (register >> (4 * index) & 15) as u8;
        match self.kind {
            Kind::Arm => Rights { user, privileged, only_guarded_executes: false },
            Kind::Aprr => {
                let index = bits.ap << 2 | pxn << 1 | uxn;
                Rights {
                    user: user & aprr_rights(entry(self.el0, index)),
                    privileged: privileged & aprr_rights(entry(self.el1, index)),
                    only_guarded_executes: false,
                }
            }
            Kind::Sprr => {
                let index = bits.ap << 2 | uxn << 1 | pxn;
                let (el0, el1) = (entry(self.el0, index), entry(self.el1, index));
                let privileged = if self.guarded { inside(el1) } else { outside(el1) };
                let guarded_executes = !self.guarded && inside(el1) & perm::EXECUTE != 0;
                Rights {
                    user: outside(el0),
                    privileged,
                    only_guarded_executes: guarded_executes && privileged & perm::EXECUTE == 0,
                }
            }
        }
    }

    /// What a lock leaves of the rights to `pa`; `mmu`: translation is on.
    pub(super) fn lock(&self, pa: u64, mmu: bool, rights: Rights) -> Rights {
        let Some((first, last)) = self.locked else { return rights };
        let mut rights = rights;
        if pa >= first && pa <= last {
            rights.user &= !perm::WRITE;
            rights.privileged &= !perm::WRITE;
        } else if mmu {
            rights.privileged &= !perm::EXECUTE;
        }
        rights
    }
}

/// Whether a write of this register may change the overlay.
pub(crate) fn is_source(model: &crate::Model, reg: u16) -> bool {
    matches!(
        reg,
        APRR_EL0 | APRR_EL1 | KTRR_LOCK | KTRR_LOWER | KTRR_UPPER | CTRR_CONTROL | SPRR_CONFIG | SPRR_EL0
    ) || matches!(model.permissions, Permissions::Sprr { el1 } if reg == el1)
}

impl Cpu {
    /// To be called when a register that [`is_source`] names changed, or guarded mode was entered or left.
    pub(crate) fn update_overlay(&mut self) {
        let stored = |reg: u16| self.sys.other.get(&reg).copied().unwrap_or(0);
        let guarded = self.state.guarded != 0;
        let (kind, el0, el1) = match self.model.permissions {
            Permissions::Aprr => (Kind::Aprr, stored(APRR_EL0), stored(APRR_EL1)),
            Permissions::Sprr { el1 } if stored(SPRR_CONFIG) & 1 != 0 => {
                (Kind::Sprr, stored(SPRR_EL0), stored(el1))
            }
            _ => (Kind::Arm, 0, 0),
        };
        let control =
            !matches!(self.model.permissions, Permissions::Sprr { .. }) || stored(CTRR_CONTROL) != 0;
        let locked = (self.sys.enforce_locks && stored(KTRR_LOCK) & 1 != 0 && control)
            .then(|| (stored(KTRR_LOWER) & !(KTRR_PAGE - 1), stored(KTRR_UPPER) | (KTRR_PAGE - 1)));
        let overlay = Overlay { kind, el0, el1, guarded: guarded && kind == Kind::Sprr, locked };
        if overlay != self.sys.overlay {
            self.sys.overlay = overlay;
            self.update_translation();
            self.state.pending |= crate::state::pending::CONTEXT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rights of a page by Arm's rules for EL1&0.
    fn arm(bits: Bits) -> (u8, u8) {
        let rw = perm::READ | if bits.ap & 2 == 0 { perm::WRITE } else { 0 };
        let user = if bits.ap & 1 != 0 { rw } else { 0 };
        let pxn = bits.pxn || user & perm::WRITE != 0;
        let x = |never: bool| if never { 0 } else { perm::EXECUTE };
        (user | x(bits.uxn), rw | x(pxn))
    }

    #[test]
    fn aprr_as_the_hardware_resets_it_takes_nothing_away() {
        let overlay = Overlay {
            kind: Kind::Aprr,
            el0: 0x4545_0101_6767_0101,
            el1: 0x4455_4455_6666_6677,
            ..Overlay::default()
        };
        for n in 0..16 {
            let bits = Bits { ap: n >> 2, uxn: n & 1 != 0, pxn: n & 2 != 0 };
            let (user, privileged) = arm(bits);
            let got = overlay.apply(bits, user, privileged);
            // Where EL0 may write, Arm forbids EL1 to execute; APRR's register does not repeat it.
            assert_eq!((got.user, got.privileged), (user, privileged), "{n}");
        }
    }

    #[test]
    fn aprr_of_a_running_kernel_hides_page_tables_from_it() {
        let running = Overlay {
            kind: Kind::Aprr,
            el0: 0x4545_0000_6767_0001,
            el1: 0x4455_4054_6666_6477,
            ..Overlay::default()
        };
        // PPL's data: AP 00, PXN, executable for EL0.
        let ppl = Bits { ap: 0, uxn: false, pxn: true };
        let (user, privileged) = arm(ppl);
        assert_eq!(running.apply(ppl, user, privileged).privileged, perm::READ);
        let kernel = Bits { ap: 0, uxn: true, pxn: true };
        let (user, privileged) = arm(kernel);
        assert_eq!(running.apply(kernel, user, privileged).privileged, perm::READ | perm::WRITE);
    }

    #[test]
    fn sprr_replaces_the_rights_by_mode() {
        // Index 1: writable in guarded mode, readable outside (1110); index 8: executable in guarded mode only (0100).
        let mut overlay = Overlay { kind: Kind::Sprr, el1: 0xe << 4 | 4 << 32, ..Overlay::default() };
        let data = Bits { ap: 0, uxn: false, pxn: true };
        let code = Bits { ap: 2, uxn: false, pxn: false };
        let (read, write, execute) = (perm::READ, perm::WRITE, perm::EXECUTE);
        assert_eq!(overlay.apply(data, 7, 7).privileged, read);
        let outside = overlay.apply(code, 7, 7);
        assert_eq!((outside.privileged, outside.user, outside.only_guarded_executes), (0, 0, true));
        overlay.guarded = true;
        assert_eq!(overlay.apply(data, 0, 0).privileged, read | write);
        let inside = overlay.apply(code, 0, 0);
        assert_eq!((inside.privileged, inside.only_guarded_executes), (read | execute, false));
    }

    #[test]
    fn every_sprr_entry_reads_as_the_table_says() {
        let text = |rights: u8| {
            let bit = |right: u8, c: char| if rights & right != 0 { c } else { '-' };
            [bit(perm::READ, 'r'), bit(perm::WRITE, 'w'), bit(perm::EXECUTE, 'x')].iter().collect::<String>()
        };
        let table = [
            ("---", "---"),
            ("r-x", "---"),
            ("r--", "---"),
            ("rw-", "---"),
            ("---", "r-x"),
            ("r-x", "r-x"),
            ("r--", "r-x"),
            ("---", "r-x"),
            ("---", "r--"),
            ("--x", "r--"),
            ("r--", "r--"),
            ("rw-", "r--"),
            ("---", "rw-"),
            ("r-x", "rw-"),
            ("r--", "rw-"),
            ("rw-", "rw-"),
        ];
        for (entry, (el, gl)) in table.iter().enumerate() {
            assert_eq!(
                (&*text(outside(entry as u8)), &*text(inside(entry as u8))),
                (*el, *gl),
                "{entry:04b}"
            );
        }
    }

    #[test]
    fn a_lock_protects_its_range_and_confines_the_kernels_execution() {
        let overlay = Overlay { locked: Some((0x8000, 0xbfff)), ..Overlay::default() };
        let all = Rights { user: 7, privileged: 7, only_guarded_executes: false };
        let inside = overlay.lock(0xbfff, true, all);
        assert_eq!((inside.user & perm::WRITE, inside.privileged), (0, perm::READ | perm::EXECUTE));
        let outside = overlay.lock(0xc000, true, all);
        assert_eq!((outside.user, outside.privileged), (7, perm::READ | perm::WRITE));
        assert_eq!(overlay.lock(0xc000, false, all), all);
    }
}
