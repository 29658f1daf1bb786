//! Address translation and the slow path of memory accesses.
//!
//! [`walk`] reads the tables; this module chooses the regime and the context, turns walk faults into exceptions, fills the
//! soft TLB and performs what its fast path cannot: devices, misaligned and page-crossing accesses, watched pages,
//! pages with translated code.

use mem::{Access, CODE_PAGE, Size};

use crate::Cpu;
use crate::access::{Int, Kind};
use crate::exception::Exception;
use crate::state::pending;
use crate::tlb::{ENTRIES, Entry, Invalidate, PRIVILEGED, PRIVILEGED_PAN, Space, USER, Walk, Which};

pub mod overlay;
pub mod walk;

use walk::{Actor, Fault, HCR_E2H, HCR_TGE, Intent, Regime, Walker, fsc, perm};

/// The bits of HCR_EL2 that change translation: VM, PTW, DC, TGE, E2H.
const HCR_TRANSLATION: u64 = 1 | 1 << 2 | 1 << 12 | 1 << 27 | 1 << 34;

/// SCTLR_ELx.A.
const SCTLR_A: u64 = 1 << 1;

/// The data abort of a misaligned access.
pub fn alignment_fault(va: u64, write: bool) -> Exception {
    Exception::data_abort(fsc::ALIGNMENT | u32::from(write) << 6, va)
}

/// Where one access inside one page goes.
#[derive(Clone, Copy, Debug)]
struct Target {
    pa: u64,
    device: bool,
}

impl Cpu {
    /// Whether EL2 exists and is enabled in the current security state.
    pub fn el2_enabled(&self) -> bool {
        // Without EL3, or with SCR_EL3.NS or EEL2 set. EL3's own accesses do not ask.
        self.model.has_el2 && (!self.model.has_el3 || self.sys.scr & (1 | 1 << 18) != 0)
    }

    /// HCR_EL2 as it takes effect: zero when EL2 is absent or disabled.
    pub fn hcr(&self) -> u64 {
        if self.el2_enabled() { self.sys.hcr } else { 0 }
    }

    /// Whether HCR_EL2.E2H and TGE are both in effect: EL0 belongs to a host at EL2.
    pub fn in_host(&self) -> bool {
        self.hcr() & (HCR_E2H | HCR_TGE) == HCR_E2H | HCR_TGE
    }

    /// The translation regime of `el`.
    pub fn regime_of(&self, el: u8) -> Regime {
        match el {
            3 => Regime::El3,
            2 if self.sys.hcr & HCR_E2H != 0 => Regime::El20,
            2 => Regime::El2,
            0 if self.in_host() => Regime::El20,
            _ => Regime::El10,
        }
    }

    /// The translation regime now.
    pub fn regime(&self) -> Regime {
        self.regime_of(self.state.el)
    }

    /// Reader of the tables in guest memory.
    pub fn walker(&self) -> Walker<'_> {
        Walker { sys: &self.sys, model: &self.model, memory: self.io.bus.memory(), el2: self.el2_enabled() }
    }

    /// SCTLR of the EL that controls the current regime.
    pub fn sctlr(&self) -> u64 {
        self.sys.sctlr[self.regime().controlling_el()]
    }

    /// The current ASID of a regime.
    pub(crate) fn asid_of(&self, regime: Regime) -> u16 {
        if !regime.has_two_halves() {
            return 0;
        }
        let el = regime.controlling_el();
        let tcr = self.sys.tcr[el];
        let ttbr = if tcr >> 22 & 1 != 0 { self.sys.ttbr1[el] } else { self.sys.ttbr0[el] };
        let asid = (ttbr >> 48) as u16;
        if tcr >> 36 & 1 != 0 { asid } else { asid & 0xff }
    }

    /// To be called when a register that changes translation was written, or the regime changed.
    pub(crate) fn update_translation(&mut self) {
        self.state.pac_context = 0;
        let regime = self.regime();
        let walker = self.walker();
        let (stage1, stage2) = (walker.stage1_on(regime), walker.stage2_on(regime));
        let halves = [walker.half(regime, 0), walker.half(regime, 1 << 55)];
        let mut shift = 16;
        if stage1 {
            let used = if regime.has_two_halves() { &halves[..] } else { &halves[..1] };
            shift = used.iter().fold(shift, |s, h| s.min(h.granule));
        }
        if stage2 {
            shift = shift.min(match self.sys.vtcr >> 14 & 3 {
                0 => 12,
                1 => 16,
                _ => 14,
            });
        }
        if !stage1 && !stage2 {
            shift = 12;
        }
        let el = regime.controlling_el();
        let asid = self.asid_of(regime);
        let spaces = [0u8, 1].map(|half| {
            let of_half = halves[usize::from(half)];
            Space {
                regime,
                half,
                table: if stage1 { of_half.ttbr & 0xffff_ffff_fffe } else { 0 },
                tcr: if stage1 { tcr_fields(self.sys.tcr[el], regime, half) } else { 0 },
                sctlr: self.sys.sctlr[el] & (1 | 1 << 19),
                mair: self.sys.mair[el],
                hcr: if regime == Regime::El10 { self.hcr() & HCR_TRANSLATION } else { 0 },
                vttbr: if stage2 { self.sys.vttbr } else { 0 },
                vtcr: if stage2 { self.sys.vtcr } else { 0 },
                page_shift: shift,
                overlay: if regime == Regime::El10 { self.sys.overlay } else { overlay::Overlay::default() },
            }
        });
        self.tlb.choose(spaces, asid);
        self.state.page_shift = shift;
        self.state.page_mask = u64::MAX << shift;
        self.update_view();
    }

    /// To be called when EL (within a regime), PAN or UAO changed.
    pub(crate) fn update_view(&mut self) {
        self.state.tables = self.tlb.tables(self.view(Kind::NORMAL));
        self.state.unprivileged_tables = self.tlb.tables(self.view(Kind::UNPRIVILEGED));
    }

    /// Who a data access of this kind is made as.
    fn view(&self, kind: Kind) -> usize {
        let el = self.state.el;
        let user = el == 0 || kind.has(Kind::UNPRIVILEGED) && self.unprivileged_means_user();
        match (user, self.state.pan != 0 && self.regime().has_two_halves()) {
            (true, _) => USER,
            (false, false) => PRIVILEGED,
            (false, true) => PRIVILEGED_PAN,
        }
    }

    /// LDTR and STTR act as EL0 at EL1, and at EL2 when it hosts EL0; PSTATE.UAO switches that off.
    fn unprivileged_means_user(&self) -> bool {
        self.state.uao == 0 && (self.state.el == 1 || self.state.el == 2 && self.in_host())
    }

    /// Performs an invalidation of the soft TLB on this CPU.
    pub fn invalidate(&mut self, what: Invalidate) {
        self.tlb.invalidate(what);
        self.state.pending |= pending::CONTEXT;
    }

    /// Tells the CPU that the page at `pa` now holds translated code: stores to it must take the slow path.
    pub fn protect_code(&mut self, pa: u64) {
        let page = pa & !(CODE_PAGE - 1);
        if let Some(host) = self.io.bus.memory().host(page, CODE_PAGE) {
            self.tlb.protect(host.as_ptr() as u64, CODE_PAGE);
        }
    }

    /// Drops write entries after other CPUs marked code pages.
    pub fn protect_all_code(&mut self) {
        self.tlb.protect_all();
    }

    /// What the soft TLB knows, or the tables say, of the page of `va`.
    fn resolve(&mut self, va: u64, kind: Kind, intent: Intent) -> Result<Walk, Fault> {
        let half = (va >> 55 & 1) as usize;
        let view = if intent == Intent::Fetch { self.fetch_view() } else { self.view(kind) };
        let need = match intent {
            Intent::Read => perm::READ,
            Intent::Write => perm::WRITE,
            Intent::Fetch => perm::EXECUTE,
        };
        let page = va & self.state.page_mask;
        if let Some(walk) = self.tlb.walk(half, view, page)
            && walk.rights & need != 0
            && (intent != Intent::Fetch) != walk.fetch_only
        {
            return Ok(walk);
        }
        let actor = Actor { user: view == USER, pan: view == PRIVILEGED_PAN };
        let leaf = self.walker().translate(va, self.regime(), actor, intent)?;
        let shift = self.state.page_shift;
        let walk = Walk {
            page,
            pa: leaf.pa & self.state.page_mask,
            rights: leaf.rights(actor),
            device: leaf.device,
            guarded: leaf.guarded,
            fetch_only: intent == Intent::Fetch,
        };
        // In the upper half the views with and without PAN share arrays: what PAN would change stays out.
        if !(half == 1 && view != USER && leaf.user_accessible) && leaf.shift >= shift {
            let canonical = ((va << 8) as i64 >> 8) as u64;
            let block = (canonical & !((1 << leaf.shift) - 1), 1 << leaf.shift);
            if self.tlb.remember(half, view, walk, block, leaf.not_global) {
                self.update_view();
            }
            Ok(walk)
        } else {
            Ok(Walk { page: crate::tlb::NO_TAG, ..walk })
        }
    }

    /// Instruction fetches ignore PAN.
    fn fetch_view(&self) -> usize {
        match (self.state.el == 0, self.state.pan != 0 && self.regime().has_two_halves()) {
            (true, _) => USER,
            (false, false) => PRIVILEGED,
            (false, true) => PRIVILEGED_PAN,
        }
    }

    fn data_fault(&mut self, fault: Fault, va: u64, kind: Kind, write: bool) -> Exception {
        self.note_stage2(fault);
        let cm = kind.has(Kind::CACHE);
        // Atomics report a write only when the read would have been allowed: they probe with a read first.
        let iss = fault.fsc | u32::from(write || cm) << 6 | u32::from(fault.s1ptw) << 7 | u32::from(cm) << 8;
        let mut e = Exception::data_abort(iss, va);
        if fault.stage2 {
            e = e.to(2);
            e.stage2 = true;
        }
        e
    }

    fn note_stage2(&mut self, fault: Fault) {
        if fault.stage2 {
            self.sys.hpfar_pending = fault.ipa >> 8 & !0xf;
        }
    }

    fn target(&mut self, va: u64, kind: Kind, write: bool) -> Result<Target, Exception> {
        let intent = if write { Intent::Write } else { Intent::Read };
        let walk = self.resolve(va, kind, intent).map_err(|f| self.data_fault(f, va, kind, write))?;
        let pa = walk.pa | va & !self.state.page_mask;
        if walk.page != crate::tlb::NO_TAG {
            self.fill_data(va, walk, kind, write);
        }
        Ok(Target { pa, device: walk.device })
    }

    /// Makes the page hit next time, if it may.
    fn fill_data(&mut self, va: u64, walk: Walk, kind: Kind, write: bool) {
        let size = 1u64 << self.state.page_shift;
        let memory = self.io.bus.memory();
        let host = if write { memory.host_for_write(walk.pa, size) } else { memory.host(walk.pa, size) };
        let Some(host) = host else { return };
        if self.watched(walk.page, size) {
            return;
        }
        // Misaligned accesses to device memory fault. With the MMU off all memory is device memory and engines know; else
        // such pages of RAM stay out, so that translated code need not ask.
        if walk.device && self.walker().stage1_on(self.regime()) {
            return;
        }
        if write {
            let memory = self.io.bus.memory();
            let mut at = walk.pa;
            while at < walk.pa + size {
                if memory.is_code(at) {
                    return;
                }
                at += CODE_PAGE;
            }
        }
        let entry = Entry { tag: walk.page, addend: (host.as_ptr() as u64).wrapping_sub(walk.page) };
        let which = if write { Which::Write } else { Which::Read };
        self.tlb.fill((va >> 55 & 1) as usize, self.view(kind), which, entry, walk.device);
    }

    /// A misaligned access inside a page that the soft TLB knows as normal memory.
    #[inline]
    fn hit_misaligned(&self, va: u64, kind: Kind, size: u64, write: bool) -> Option<*mut u8> {
        let page = va & self.state.page_mask;
        if va.wrapping_add(size - 1) & self.state.page_mask != page || self.sctlr() & SCTLR_A != 0 {
            return None;
        }
        let half = (va >> 55 & 1) as usize;
        let tables =
            if kind.has(Kind::UNPRIVILEGED) { &self.state.unprivileged_tables } else { &self.state.tables };
        let index = (va >> self.state.page_shift) as usize & (ENTRIES - 1);
        let arrays = tables[half].0;
        // SAFETY: the pointer names arrays this CPU owns; the index is in range.
        let (entry, device) = unsafe {
            let entry = if write {
                (&raw const (*arrays).write[index]).read()
            } else {
                (&raw const (*arrays).read[index]).read()
            };
            (entry, (&raw const (*arrays).device[index]).read())
        };
        let bit = if write { 2 } else { 1 };
        (entry.tag == page && device & bit == 0).then(|| va.wrapping_add(entry.addend) as *mut u8)
    }

    /// Checks alignment as far as it does not depend on the memory's type; true when `va` is aligned.
    fn check_alignment(&self, va: u64, kind: Kind, size: u64, write: bool) -> Result<bool, Exception> {
        if va & (size - 1) == 0 || kind.has(Kind::CACHE) {
            return Ok(true);
        }
        let strict = kind.has(Kind::ATOMIC) || kind.has(Kind::ORDERED);
        // FEAT_LSE2 lets ordered and LSE accesses be misaligned inside sixteen bytes (SCTLR_ELx.nAA clear still faults
        // beyond that); compare-and-swap on the host needs alignment, so atomics stay strict.
        let allowed = kind.has(Kind::ORDERED)
            && !kind.has(Kind::ATOMIC)
            && self.model.features.lse2
            && va & 15 <= 16 - size;
        if strict && !allowed || self.sctlr() & SCTLR_A != 0 {
            return Err(alignment_fault(va, write));
        }
        Ok(false)
    }

    /// Loads `size` bytes (1, 2, 4, 8 or 16) without the fast path.
    #[cold]
    #[inline(never)]
    pub fn load_slow(&mut self, va: u64, kind: Kind, size: u64) -> Result<u128, Exception> {
        let aligned = self.check_alignment(va, kind, size, false)?;
        if !aligned {
            if let Some(p) = self.hit_misaligned(va, kind, size, false) {
                // SAFETY: a hit names `size` bytes of guest RAM inside one page.
                return Ok(unsafe { read_host(p, size) });
            }
            let page = 1u64 << self.state.page_shift;
            let left = page - (va & (page - 1));
            if left < size {
                return self.load_across(va, kind, size, left);
            }
        }
        let target = self.target(va, kind, false)?;
        if !aligned && target.device {
            return Err(alignment_fault(va, false));
        }
        self.check_watchpoints(va, size, false)?;
        self.read_physical(target.pa, size).map_err(|()| self.external(va, kind, false))
    }

    /// Stores `size` bytes (1, 2, 4, 8 or 16) without the fast path.
    #[cold]
    #[inline(never)]
    pub fn store_slow(&mut self, va: u64, kind: Kind, size: u64, value: u128) -> Result<(), Exception> {
        let aligned = self.check_alignment(va, kind, size, true)?;
        if !aligned {
            if let Some(p) = self.hit_misaligned(va, kind, size, true) {
                // SAFETY: a hit names `size` bytes of guest RAM inside one page.
                unsafe { write_host(p, size, value) };
                return Ok(());
            }
            let page = 1u64 << self.state.page_shift;
            let left = page - (va & (page - 1));
            if left < size {
                return self.store_across(va, kind, size, left, value);
            }
        }
        let target = self.target(va, kind, true)?;
        if !aligned && target.device {
            return Err(alignment_fault(va, true));
        }
        self.check_watchpoints(va, size, true)?;
        self.write_physical(target.pa, size, value).map_err(|()| self.external(va, kind, true))
    }

    fn load_across(&mut self, va: u64, kind: Kind, size: u64, left: u64) -> Result<u128, Exception> {
        let next = va.wrapping_add(left);
        let (first, second) = (self.target(va, kind, false)?, self.target(next, kind, false)?);
        if first.device || second.device {
            return Err(alignment_fault(va, false));
        }
        self.check_watchpoints(va, size, false)?;
        let mut value = 0;
        for n in 0..size {
            let pa = if n < left { first.pa + n } else { second.pa + (n - left) };
            let byte =
                self.read_physical(pa, 1).map_err(|()| self.external(va.wrapping_add(n), kind, false))?;
            value |= byte << (8 * n);
        }
        Ok(value)
    }

    fn store_across(
        &mut self,
        va: u64,
        kind: Kind,
        size: u64,
        left: u64,
        value: u128,
    ) -> Result<(), Exception> {
        let next = va.wrapping_add(left);
        let (first, second) = (self.target(va, kind, true)?, self.target(next, kind, true)?);
        if first.device || second.device {
            return Err(alignment_fault(va, true));
        }
        self.check_watchpoints(va, size, true)?;
        for n in 0..size {
            let pa = if n < left { first.pa + n } else { second.pa + (n - left) };
            self.write_physical(pa, 1, value >> (8 * n) & 0xff)
                .map_err(|()| self.external(va.wrapping_add(n), kind, true))?;
        }
        Ok(())
    }

    /// A synchronous external abort.
    fn external(&self, va: u64, kind: Kind, write: bool) -> Exception {
        let cm = kind.has(Kind::CACHE);
        Exception::data_abort(fsc::EXTERNAL | u32::from(write || cm) << 6 | u32::from(cm) << 8, va)
    }

    fn read_physical(&mut self, pa: u64, size: u64) -> Result<u128, ()> {
        if let Some(p) = self.io.bus.memory().host(pa, size) {
            // SAFETY: `host` vouches for `size` bytes.
            return Ok(unsafe { read_host(p.as_ptr(), size) });
        }
        if size == 16 {
            return Ok(self.read_physical(pa, 8)? | self.read_physical(pa + 8, 8)? << 64);
        }
        self.sync_clock();
        self.note_progress();
        let access = Access { cpu: self.index, size: Size::from_bytes(size).ok_or(())? };
        let value = self.io.bus.read_device(pa, access).map_err(|_| ())?;
        self.trace_device(pa, size, value, false);
        Ok(value.into())
    }

    fn write_physical(&mut self, pa: u64, size: u64, value: u128) -> Result<(), ()> {
        let memory = self.io.bus.memory();
        // Writes to ROM go to the device that lies over it: a flash takes them as commands.
        if let Some(p) = memory.host_for_write(pa, size) {
            // SAFETY: `host_for_write` vouches for `size` bytes.
            unsafe { write_host(p.as_ptr(), size, value) };
            if memory.note_write(pa, size) {
                self.state.pending |= pending::CODE;
            }
            return Ok(());
        }
        if size == 16 {
            self.write_physical(pa, 8, value & u128::from(u64::MAX))?;
            return self.write_physical(pa + 8, 8, value >> 64);
        }
        self.sync_clock();
        self.note_progress();
        let access = Access { cpu: self.index, size: Size::from_bytes(size).ok_or(())? };
        let before = (self.io.lines.get(), self.io.bus.memory().code_epoch());
        self.io.bus.write(pa, value as u64, access).map_err(|_| ())?;
        self.trace_device(pa, size, value as u64 & access.size.mask(), true);
        // A device may have raised or lowered a wire, or written to memory that holds code.
        let after = (self.io.lines.get(), self.io.bus.memory().code_epoch());
        if after.0 != before.0 {
            self.state.pending |= pending::INTERRUPT;
        }
        if after.1 != before.1 {
            self.state.pending |= pending::CODE;
        }
        Ok(())
    }

    /// Raises the fault that a write of `size` bytes would raise, and writes nothing.
    pub(crate) fn probe_write(&mut self, va: u64, kind: Kind, size: u64) -> Result<(), Exception> {
        self.check_alignment(va, kind, size, true)?;
        self.target(va, kind, true).map(|_| ())
    }

    /// What a cache instruction by address checks: that `va` translates, and that EL0 may read it.
    pub(crate) fn probe_cache(&mut self, va: u64) -> Result<(), Exception> {
        if self.state.el == 0 {
            return self.target(va, Kind::CACHE, false).map(|_| ());
        }
        let found = self.walker().look_up(va, self.regime(), false, Intent::Read);
        found.map(|_| ()).map_err(|f| self.data_fault(f, va, Kind::CACHE, false))
    }

    /// What DC ZVA checks before it writes.
    pub(crate) fn probe_zero(&mut self, va: u64) -> Result<(), Exception> {
        let target = self.target(va, Kind::NORMAL, true)?;
        if target.device { Err(alignment_fault(va, true)) } else { Ok(()) }
    }

    /// The physical address to fetch from at `va`, and whether the page is guarded (FEAT_BTI). Guarded pages, and pages with
    /// breakpoints or hooks, do not get into the soft TLB: [`Cpu::fetch_hit`] never knows them.
    pub fn fetch_address(&mut self, va: u64) -> Result<(u64, bool), Exception> {
        let half = (va >> 55 & 1) as usize;
        if va & 3 != 0 {
            return Err(Exception::pc_alignment(va));
        }
        let walk = self.resolve(va, Kind::NORMAL, Intent::Fetch).map_err(|fault| {
            self.note_stage2(fault);
            if fault.guarded_executes {
                return Exception::guarded_abort(fault.fsc, va);
            }
            let mut e = Exception::instruction_abort(fault.fsc | u32::from(fault.s1ptw) << 7, va);
            if fault.stage2 {
                e = e.to(2);
                e.stage2 = true;
            }
            e
        })?;
        if walk.page != crate::tlb::NO_TAG && !walk.guarded && !self.stops_in_page(va) {
            let entry = Entry { tag: walk.page, addend: walk.pa.wrapping_sub(walk.page) };
            self.tlb.fill(half, self.fetch_view(), Which::Fetch, entry, false);
        }
        Ok((walk.pa | va & !self.state.page_mask, walk.guarded))
    }

    /// Numbers that stand for what fetches of the lower and the upper half hit in the soft TLB: as long as a half's number is
    /// the same, so is every translation that [`Cpu::fetch_hit`] has ever given for it. 0 = nothing.
    pub fn fetch_serials(&self) -> [u64; 2] {
        self.tlb.fetch_serials(self.fetch_view())
    }

    /// The physical address to fetch from, when the soft TLB knows it (never so for guarded pages).
    #[inline(always)]
    pub fn fetch_hit(&self, va: u64) -> Option<u64> {
        let arrays = self.state.tables[(va >> 55 & 1) as usize].0;
        let index = (va >> self.state.page_shift) as usize & (ENTRIES - 1);
        // SAFETY: the pointer names arrays this CPU owns; the index is in range.
        let entry = unsafe { (&raw const (*arrays).fetch[index]).read() };
        (entry.tag == va & (self.state.page_mask | 3)).then(|| va.wrapping_add(entry.addend))
    }

    /// The instruction word at physical address `pa`.
    pub fn fetch_word(&mut self, pa: u64, va: u64) -> Result<u32, Exception> {
        self.read_physical(pa, 4).map(|w| w as u32).map_err(|()| {
            // Counted, or vectors outside memory would keep an engine busy for ever.
            self.state.instructions += 1;
            Exception::instruction_abort(fsc::EXTERNAL, va)
        })
    }

    /// Physical address of `va` for a debugger: no permission checks, no side effects.
    pub fn debug_translate(&self, va: u64) -> Option<u64> {
        self.walker().look_up(va, self.regime(), false, Intent::Read).ok().map(|leaf| leaf.pa)
    }

    /// Whether SCTLR_ELx.SA or SA0 checks SP at this EL.
    pub(crate) fn sp_alignment_checked(&self) -> bool {
        let bit = if self.state.el == 0 { 4 } else { 3 };
        self.sctlr() >> bit & 1 != 0
    }
}

/// The bits of TCR that matter to one half.
fn tcr_fields(tcr: u64, regime: Regime, half: u8) -> u64 {
    if !regime.has_two_halves() {
        return tcr;
    }
    // IPS for both; TxSZ, EPD, TG, TBI, HPD, TBID, E0PD for each.
    let mask = if half == 0 {
        7 << 32 | 0xffff | 1 << 37 | 1 << 41 | 1 << 51 | 1 << 55
    } else {
        7 << 32 | 0xffbf_0000 | 1 << 38 | 1 << 42 | 1 << 52 | 1 << 56
    };
    tcr & mask
}

/// # Safety
/// `p` must be valid for reading `size` bytes of guest RAM.
unsafe fn read_host(p: *const u8, size: u64) -> u128 {
    // SAFETY: the caller vouches for `size` bytes.
    unsafe {
        match size {
            1 => u8::read(p).wide(),
            2 => u16::read(p).wide(),
            4 => u32::read(p).wide(),
            8 => u64::read(p).wide(),
            _ => u128::read(p),
        }
    }
}

/// # Safety
/// `p` must be valid for writing `size` bytes of guest RAM.
unsafe fn write_host(p: *mut u8, size: u64, value: u128) {
    // SAFETY: the caller vouches for `size` bytes.
    unsafe {
        match size {
            1 => u8::write(p, value as u8),
            2 => u16::write(p, value as u16),
            4 => u32::write(p, value as u32),
            8 => u64::write(p, value as u64),
            _ => u128::write(p, value),
        }
    }
}
