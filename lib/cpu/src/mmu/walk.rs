//! Page table walks: stage 1 of every regime, stage 2, and what they say about a page.
//!
//! A walk is bounded by the number of levels, reads tables only from RAM (a table elsewhere is an external abort on the walk,
//! as is one that wraps) and checks every output address against the implemented size. Arm manual D8; 52-bit
//! addresses, hardware update of access flag and dirty state and FEAT_S1PIE are not implemented and not advertised.

use mem::Memory;

use super::overlay::{Bits, Overlay, Rights};
use crate::model::Model;
use crate::sys::Sys;

/// A translation regime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Regime {
    /// EL1&0, with stage 2 when HCR_EL2 asks for it.
    #[default]
    El10,
    /// EL2&0: HCR_EL2.E2H is set.
    El20,
    /// EL2 without E2H.
    El2,
    /// EL3.
    El3,
}

impl Regime {
    /// The EL whose SCTLR, TCR, TTBR and MAIR control it.
    pub fn controlling_el(self) -> usize {
        match self {
            Regime::El10 => 1,
            Regime::El20 | Regime::El2 => 2,
            Regime::El3 => 3,
        }
    }

    /// Whether it has two halves of addresses and an EL0.
    pub fn has_two_halves(self) -> bool {
        matches!(self, Regime::El10 | Regime::El20)
    }
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Load.
    Read,
    /// Store.
    Write,
    /// Instruction fetch.
    Fetch,
}

/// Who makes an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// As EL0 does.
    pub user: bool,
    /// PSTATE.PAN applies (data accesses that are not as EL0).
    pub pan: bool,
}

/// Permission bits.
pub mod perm {
    /// May be read.
    pub const READ: u8 = 1;
    /// May be written.
    pub const WRITE: u8 = 2;
    /// May be executed.
    pub const EXECUTE: u8 = 4;
}

/// Why a walk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// DFSC or IFSC.
    pub fsc: u32,
    /// The fault is stage 2's.
    pub stage2: bool,
    /// Stage 2 faulted on a stage 1 table access.
    pub s1ptw: bool,
    /// Intermediate physical address, for stage 2 faults.
    pub ipa: u64,
    /// A fetch from what only Apple's guarded mode may execute.
    pub guarded_executes: bool,
}

/// Fault status codes; the level is added where the name says so.
pub mod fsc {
    /// Address size fault, + level.
    pub const ADDRESS_SIZE: u32 = 0x00;
    /// Translation fault, + level.
    pub const TRANSLATION: u32 = 0x04;
    /// Access flag fault, + level.
    pub const ACCESS_FLAG: u32 = 0x08;
    /// Permission fault, + level.
    pub const PERMISSION: u32 = 0x0c;
    /// Synchronous external abort.
    pub const EXTERNAL: u32 = 0x10;
    /// Synchronous external abort on a walk, + level.
    pub const EXTERNAL_WALK: u32 = 0x14;
    /// Alignment.
    pub const ALIGNMENT: u32 = 0x21;
}

impl Fault {
    fn stage1(fsc: u32) -> Fault {
        Fault { fsc, stage2: false, s1ptw: false, ipa: 0, guarded_executes: false }
    }
}

/// What the tables say about one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Physical address of the byte asked for.
    pub pa: u64,
    /// log2 of the size of the block or page of stage 1 (and not more than stage 2's).
    pub shift: u32,
    /// [`perm`] bits for EL0.
    pub user: u8,
    /// [`perm`] bits for the privileged EL, PAN not applied.
    pub privileged: u8,
    /// PAN takes the privileged data permissions away.
    pub user_accessible: bool,
    /// Device memory.
    pub device: bool,
    /// MAIR attribute byte, for PAR_EL1.
    pub attributes: u8,
    /// Shareability, for PAR_EL1.
    pub shareability: u8,
    /// Not global: belongs to the current ASID.
    pub not_global: bool,
    /// Guarded page (FEAT_BTI).
    pub guarded: bool,
    /// Level at which stage 1 ended.
    level: u32,
    /// Stage 2 took rights away: [`perm`] bits it leaves.
    stage2: u8,
    /// Level at which stage 2 ended, when there is one.
    stage2_level: u32,
    /// IPA, when there is a stage 2.
    ipa: u64,
    /// See [`Fault::guarded_executes`].
    only_guarded_executes: bool,
}

impl Leaf {
    /// The rights of `actor`, both stages and PAN considered.
    pub fn rights(&self, actor: Actor) -> u8 {
        self.stage1_rights(actor) & self.stage2
    }

    fn stage1_rights(&self, actor: Actor) -> u8 {
        match (actor.user, actor.pan && self.user_accessible) {
            (true, _) => self.user,
            (false, true) => self.privileged & perm::EXECUTE,
            (false, false) => self.privileged,
        }
    }

    /// Checks one access.
    pub fn check(&self, actor: Actor, intent: Intent) -> Result<(), Fault> {
        let need = match intent {
            Intent::Read => perm::READ,
            Intent::Write => perm::WRITE,
            Intent::Fetch => perm::EXECUTE,
        };
        if self.stage1_rights(actor) & need == 0 {
            let guarded_executes = self.only_guarded_executes && !actor.user && intent == Intent::Fetch;
            return Err(Fault { guarded_executes, ..Fault::stage1(fsc::PERMISSION + self.level) });
        }
        if self.stage2 & need == 0 {
            return Err(Fault {
                stage2: true,
                ipa: self.ipa,
                ..Fault::stage1(fsc::PERMISSION + self.stage2_level)
            });
        }
        Ok(())
    }
}

/// SCTLR_ELx.M.
const SCTLR_M: u64 = 1;
/// SCTLR_ELx.WXN.
const SCTLR_WXN: u64 = 1 << 19;

/// HCR_EL2.VM.
pub const HCR_VM: u64 = 1;
/// HCR_EL2.PTW.
pub const HCR_PTW: u64 = 1 << 2;
/// HCR_EL2.DC.
pub const HCR_DC: u64 = 1 << 12;
/// HCR_EL2.TGE.
pub const HCR_TGE: u64 = 1 << 27;
/// HCR_EL2.E2H.
pub const HCR_E2H: u64 = 1 << 34;

/// One half of a regime's addresses, as TCR describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Half {
    /// TTBR, with ASID.
    pub ttbr: u64,
    /// TxSZ.
    pub tsz: u32,
    /// log2 of the granule: 12, 14, 16.
    pub granule: u32,
    /// EPD: walks are disabled.
    pub disabled: bool,
    /// TBI for data accesses.
    pub ignore_top: bool,
    /// TBI for instruction fetches.
    pub ignore_top_fetch: bool,
    /// HPD: table permissions are ignored.
    pub flat_permissions: bool,
    /// E0PD: EL0 may not see this half.
    pub hidden_from_user: bool,
    /// Output address size in bits.
    pub output_bits: u32,
}

fn granule0(code: u64) -> u32 {
    match code & 3 {
        0 => 12,
        1 => 16,
        _ => 14,
    }
}

fn granule1(code: u64) -> u32 {
    match code & 3 {
        1 => 14,
        3 => 16,
        _ => 12,
    }
}

fn size_bits(code: u64) -> u32 {
    match code & 7 {
        0 => 32,
        1 => 36,
        2 => 40,
        3 => 42,
        4 => 44,
        _ => 48,
    }
}

/// Reads tables for one CPU.
#[derive(Clone, Copy, Debug)]
pub struct Walker<'a> {
    /// Registers that control translation.
    pub sys: &'a Sys,
    /// What is implemented.
    pub model: &'a Model,
    /// Where tables are.
    pub memory: &'a Memory,
    /// Whether EL2 is enabled in the current security state.
    pub el2: bool,
}

impl Walker<'_> {
    /// Whether stage 1 of `regime` is on.
    pub fn stage1_on(&self, regime: Regime) -> bool {
        let hcr = self.sys.hcr;
        if regime == Regime::El10 && self.el2 && (hcr & HCR_DC != 0 || hcr & (HCR_TGE | HCR_E2H) == HCR_TGE) {
            return false;
        }
        self.sys.sctlr[regime.controlling_el()] & SCTLR_M != 0
    }

    /// Whether `regime` has a stage 2 that is on.
    pub fn stage2_on(&self, regime: Regime) -> bool {
        regime == Regime::El10
            && self.el2
            && self.sys.hcr & (HCR_VM | HCR_DC) != 0
            && self.sys.hcr & HCR_TGE == 0
    }

    /// The half of `regime` that `va` lies in, by bit 55.
    pub fn half(&self, regime: Regime, va: u64) -> Half {
        let el = regime.controlling_el();
        let tcr = self.sys.tcr[el];
        let features = &self.model.features;
        let bit = |n: u32| tcr >> n & 1 != 0;
        if !regime.has_two_halves() {
            return Half {
                ttbr: self.sys.ttbr0[el],
                tsz: (tcr & 63) as u32,
                granule: granule0(tcr >> 14),
                disabled: false,
                ignore_top: bit(20),
                ignore_top_fetch: bit(20) && !bit(29),
                flat_permissions: features.hpd && bit(24),
                hidden_from_user: false,
                output_bits: size_bits(tcr >> 16).min(self.model.pa_bits),
            };
        }
        let output_bits = size_bits(tcr >> 32).min(self.model.pa_bits);
        if va >> 55 & 1 == 0 {
            Half {
                ttbr: self.sys.ttbr0[el],
                tsz: (tcr & 63) as u32,
                granule: granule0(tcr >> 14),
                disabled: bit(7),
                ignore_top: bit(37),
                ignore_top_fetch: bit(37) && !bit(51),
                flat_permissions: features.hpd && bit(41),
                hidden_from_user: features.e0pd && bit(55),
                output_bits,
            }
        } else {
            Half {
                ttbr: self.sys.ttbr1[el],
                tsz: (tcr >> 16 & 63) as u32,
                granule: granule1(tcr >> 30),
                disabled: bit(23),
                ignore_top: bit(38),
                ignore_top_fetch: bit(38) && !bit(52),
                flat_permissions: features.hpd && bit(42),
                hidden_from_user: features.e0pd && bit(56),
                output_bits,
            }
        }
    }

    /// Translates and checks one access.
    pub fn translate(&self, va: u64, regime: Regime, actor: Actor, intent: Intent) -> Result<Leaf, Fault> {
        let leaf = self.look_up(va, regime, actor.user, intent)?;
        leaf.check(actor, intent)?;
        Ok(leaf)
    }

    /// Stage 1 only, as AT S1Exx does.
    pub fn translate_stage1(
        &self,
        va: u64,
        regime: Regime,
        actor: Actor,
        intent: Intent,
    ) -> Result<Leaf, Fault> {
        let leaf = if self.stage1_on(regime) {
            self.stage1(va, regime, actor.user, intent)?
        } else {
            self.flat(va, regime, intent)?
        };
        leaf.check(actor, intent)?;
        Ok(leaf)
    }

    /// Translates without checking the rights of the access; `intent` matters for the top byte and for memory
    /// attributes with the MMU off.
    pub fn look_up(&self, va: u64, regime: Regime, user: bool, intent: Intent) -> Result<Leaf, Fault> {
        let mut leaf = if self.stage1_on(regime) {
            self.stage1(va, regime, user, intent)?
        } else {
            self.flat(va, regime, intent)?
        };
        if self.stage2_on(regime) {
            let ipa = leaf.pa;
            let second = self.stage2(ipa).map_err(|fsc| Fault { stage2: true, ipa, ..Fault::stage1(fsc) })?;
            leaf.pa = second.pa;
            leaf.shift = leaf.shift.min(second.shift);
            leaf.stage2 = second.user;
            leaf.stage2_level = second.level;
            leaf.ipa = ipa;
            leaf.device |= second.device;
        }
        Ok(leaf)
    }

    /// Stage 1 off: addresses are physical, data is Device-nGnRnE (or Normal with HCR_EL2.DC).
    fn flat(&self, va: u64, regime: Regime, intent: Intent) -> Result<Leaf, Fault> {
        let half = self.half(regime, va);
        let ignore = if intent == Intent::Fetch { half.ignore_top_fetch } else { half.ignore_top };
        let pa = if ignore { va << 8 >> 8 } else { va };
        if pa >> self.model.pa_bits != 0 {
            return Err(Fault::stage1(fsc::ADDRESS_SIZE));
        }
        let cached = self.sys.hcr & HCR_DC != 0 && self.el2 && regime == Regime::El10;
        let device = intent != Intent::Fetch && !cached;
        let all = Rights { user: 7, privileged: 7, only_guarded_executes: false };
        let rights = if regime == Regime::El10 { self.sys.overlay.lock(pa, false, all) } else { all };
        Ok(Leaf {
            pa,
            shift: 12,
            user: rights.user,
            privileged: rights.privileged,
            user_accessible: false,
            device,
            attributes: if device { 0 } else { 0xff },
            shareability: if cached { 0 } else { 2 },
            not_global: false,
            guarded: false,
            level: 0,
            stage2: 7,
            stage2_level: 0,
            ipa: 0,
            only_guarded_executes: false,
        })
    }

    fn stage1(&self, va: u64, regime: Regime, user: bool, intent: Intent) -> Result<Leaf, Fault> {
        let half = self.half(regime, va);
        let upper = regime.has_two_halves() && va >> 55 & 1 != 0;
        let translation = |level: u32| Fault::stage1(fsc::TRANSLATION + level);
        if half.disabled || user && half.hidden_from_user {
            return Err(translation(0));
        }
        let largest = match (self.model.features.ttst, half.granule) {
            (false, _) => 39,
            (true, 16) => 47,
            (true, _) => 48,
        };
        let tsz = half.tsz.min(largest);
        if tsz < 16 {
            return Err(translation(0));
        }
        let input = 64 - tsz;
        // All bits above the input size must equal bit 55; with the top byte ignored, only up to bit 55.
        let ignore = if intent == Intent::Fetch { half.ignore_top_fetch } else { half.ignore_top };
        let top = if ignore { 56 } else { 64 };
        let above = va >> input & (u64::MAX >> (64 - (top - input)));
        let expected = if upper { u64::MAX >> (64 - (top - input)) } else { 0 };
        if above != expected {
            return Err(translation(0));
        }

        let stride = half.granule - 3;
        let mut level = 4 - (input - half.granule).div_ceil(stride);
        let mut shift = half.granule + stride * (3 - level);
        // The first table may be smaller than a page; its alignment is its size, 64 bytes at least.
        let first_bits = input - shift;
        let align = (first_bits + 3).max(6).min(half.granule);
        let mut table = half.ttbr & 0xffff_ffff_fffe & !((1 << align) - 1);
        if table >> half.output_bits != 0 {
            return Err(Fault::stage1(fsc::ADDRESS_SIZE));
        }
        let mut index = va << tsz >> tsz >> shift;
        let (mut table_ro, mut table_nouser, mut table_uxn, mut table_pxn) = (false, false, false, false);
        let descriptor = loop {
            let entry = self.read_table(table + index * 8, level, regime)?;
            if entry & 1 == 0 || level == 3 && entry & 2 == 0 {
                return Err(translation(level));
            }
            if level == 3 || entry & 2 == 0 {
                let may_be_block = level == 2 || level == 1 && half.granule == 12;
                if level != 3 && !may_be_block {
                    return Err(translation(level));
                }
                break entry;
            }
            if !half.flat_permissions {
                table_nouser |= entry >> 61 & 1 != 0;
                table_ro |= entry >> 62 & 1 != 0;
                table_uxn |= entry >> 60 & 1 != 0;
                table_pxn |= entry >> 59 & 1 != 0;
            }
            table = entry & 0xffff_ffff_ffff & !((1 << half.granule) - 1);
            if table >> half.output_bits != 0 {
                return Err(Fault::stage1(fsc::ADDRESS_SIZE + level));
            }
            level += 1;
            shift -= stride;
            index = va >> shift & ((1 << stride) - 1);
        };
        let base = descriptor & 0xffff_ffff_ffff & !((1 << shift) - 1);
        if base >> half.output_bits != 0 {
            return Err(Fault::stage1(fsc::ADDRESS_SIZE + level));
        }
        if descriptor >> 10 & 1 == 0 {
            return Err(Fault::stage1(fsc::ACCESS_FLAG + level));
        }
        Ok(self.leaf(
            va,
            regime,
            descriptor,
            Shape { base, shift, level },
            Limits { ro: table_ro, nouser: table_nouser, uxn: table_uxn, pxn: table_pxn },
        ))
    }

    fn leaf(&self, va: u64, regime: Regime, descriptor: u64, shape: Shape, limits: Limits) -> Leaf {
        let el = regime.controlling_el();
        let bit = |n: u32| descriptor >> n & 1 != 0;
        let writable = !bit(7) && !limits.ro;
        let wxn = self.sys.sctlr[el] & SCTLR_WXN != 0;
        let two = regime.has_two_halves();
        let user_accessible = two && bit(6) && !limits.nouser;
        let uxn = bit(54) || limits.uxn;
        let pxn = two && (bit(53) || limits.pxn);
        let rw = perm::READ | if writable { perm::WRITE } else { 0 };
        let mut user = 0;
        if user_accessible {
            user |= rw;
        }
        if two && !uxn && !(wxn && user & perm::WRITE != 0) {
            user |= perm::EXECUTE;
        }
        let mut privileged = rw;
        let privileged_xn = if two { pxn || user & perm::WRITE != 0 } else { uxn };
        if !(privileged_xn || wxn && writable) {
            privileged |= perm::EXECUTE;
        }
        let attributes = (self.sys.mair[el] >> ((descriptor >> 2 & 7) * 8)) as u8;
        let pa = shape.base | va & ((1 << shape.shift) - 1);
        let mut rights = Rights { user, privileged, only_guarded_executes: false };
        if regime == Regime::El10 && self.sys.overlay != Overlay::default() {
            let ap = u32::from(!writable) << 1 | u32::from(user_accessible);
            rights = self.sys.overlay.apply(Bits { ap, uxn, pxn }, user, privileged);
            rights = self.sys.overlay.lock(pa, true, rights);
        }
        let Rights { user, privileged, only_guarded_executes } = rights;
        Leaf {
            pa,
            shift: shape.shift,
            user,
            privileged,
            user_accessible,
            device: attributes & 0xf0 == 0,
            attributes,
            shareability: (descriptor >> 8 & 3) as u8,
            not_global: two && bit(11),
            guarded: self.model.features.bti && bit(50),
            level: shape.level,
            stage2: 7,
            stage2_level: 0,
            ipa: 0,
            only_guarded_executes,
        }
    }

    /// A stage 1 descriptor, itself translated by stage 2.
    fn read_table(&self, ipa: u64, level: u32, regime: Regime) -> Result<u64, Fault> {
        let mut pa = ipa;
        if self.stage2_on(regime) {
            let second = self.stage2(ipa).map_err(|fsc| Fault {
                stage2: true,
                s1ptw: true,
                ipa,
                ..Fault::stage1(fsc)
            })?;
            if second.user & perm::READ == 0 || self.sys.hcr & HCR_PTW != 0 && second.device {
                let fault = Fault::stage1(fsc::PERMISSION + second.level);
                return Err(Fault { stage2: true, s1ptw: true, ipa, ..fault });
            }
            pa = second.pa;
        }
        self.memory.read_u64(pa).map_err(|_| Fault::stage1(fsc::EXTERNAL_WALK + level))
    }

    /// Stage 2; an error is a fault status code.
    fn stage2(&self, ipa: u64) -> Result<Leaf, u32> {
        let vtcr = self.sys.vtcr;
        if self.sys.hcr & (HCR_VM | HCR_DC) == 0 {
            return Err(fsc::TRANSLATION);
        }
        let granule = granule0(vtcr >> 14);
        let stride = granule - 3;
        let input = 64 - (vtcr & 63) as u32;
        let sl0 = (vtcr >> 6 & 3) as u32;
        let mut level = if granule == 12 { 2u32.wrapping_sub(sl0) } else { 3 - sl0 };
        let output_bits = size_bits(vtcr >> 16).min(self.model.pa_bits);
        if level > 3 || !(16..=48).contains(&input) || ipa >> input != 0 {
            return Err(fsc::TRANSLATION);
        }
        let mut shift = granule + stride * (3 - level);
        // Up to sixteen first tables may be concatenated.
        let Some(first_bits) = input.checked_sub(shift).filter(|&n| n >= 1 && n <= stride + 4) else {
            return Err(fsc::TRANSLATION);
        };
        let mut table = self.sys.vttbr & 0xffff_ffff_fffe & !((1 << (first_bits + 3).max(6)) - 1);
        if table >> output_bits != 0 {
            return Err(fsc::ADDRESS_SIZE);
        }
        let mut index = ipa >> shift;
        let descriptor = loop {
            let entry = self.memory.read_u64(table + index * 8).map_err(|_| fsc::EXTERNAL_WALK + level)?;
            if entry & 1 == 0 || level == 3 && entry & 2 == 0 {
                return Err(fsc::TRANSLATION + level);
            }
            if level == 3 || entry & 2 == 0 {
                if level != 3 && level != 2 && !(level == 1 && granule == 12) {
                    return Err(fsc::TRANSLATION + level);
                }
                break entry;
            }
            table = entry & 0xffff_ffff_ffff & !((1 << granule) - 1);
            if table >> output_bits != 0 {
                return Err(fsc::ADDRESS_SIZE + level);
            }
            level += 1;
            shift -= stride;
            index = ipa >> shift & ((1 << stride) - 1);
        };
        let base = descriptor & 0xffff_ffff_ffff & !((1 << shift) - 1);
        if base >> output_bits != 0 {
            return Err(fsc::ADDRESS_SIZE + level);
        }
        if descriptor >> 10 & 1 == 0 {
            return Err(fsc::ACCESS_FLAG + level);
        }
        let mut rights = 0;
        if descriptor >> 6 & 1 != 0 {
            rights |= perm::READ;
        }
        if descriptor >> 7 & 1 != 0 {
            rights |= perm::WRITE;
        }
        // XN[1:0] with FEAT_XNX separates ELs; both forms that let one EL execute are taken as executable there.
        if descriptor >> 54 & 1 == 0 || self.model.features.xnx && descriptor >> 53 & 3 == 3 {
            rights |= perm::EXECUTE;
        }
        let device = descriptor >> 4 & 3 == 0;
        Ok(Leaf {
            pa: base | ipa & ((1 << shift) - 1),
            shift,
            user: rights,
            privileged: rights,
            user_accessible: false,
            device,
            attributes: 0,
            shareability: 0,
            not_global: false,
            guarded: false,
            level,
            stage2: 7,
            stage2_level: 0,
            ipa: 0,
            only_guarded_executes: false,
        })
    }
}

/// Where a stage 1 walk ended.
struct Shape {
    base: u64,
    shift: u32,
    level: u32,
}

/// What table descriptors took away.
struct Limits {
    ro: bool,
    nouser: bool,
    uxn: bool,
    pxn: bool,
}
