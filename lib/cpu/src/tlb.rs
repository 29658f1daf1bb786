//! The soft TLB: guest virtual page to host pointer, in tables that translated code can read inline.
//!
//! Shape (jit-design.md 5.3): 2^12 entries of 16 bytes `{tag, addend}`, one array each for reads, writes and
//! instruction fetches. An access hits when `va & (page mask | size - 1) == tag`; the host address is `va + addend`
//! (for fetches `va + addend` is the *physical* address). A page that is no RAM, holds translated code (writes) or
//! is watched is absent, so the fast path needs no further check.
//!
//! A *context* is everything that gives an address its meaning: regime, TTBR, the fields of TCR, ASID, who asks. Each
//! remembered context keeps its own arrays, so that an ASID or TCR change is a change of pointer, not a flush, and
//! kernel entries survive a change of user. TLBI finds the contexts it concerns; one that is not in use is only
//! marked stale and cleared when it comes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mmu::overlay::Overlay;
use crate::mmu::walk::Regime;

/// Blocks remembered in each context; a guest that maps more loses its cached pages now and then.
const BLOCKS: usize = 4096;

/// Entries of each array.
pub const ENTRIES: usize = 1 << 12;

/// A tag that no address can equal (pages are aligned, this is not).
pub const NO_TAG: u64 = u64::MAX;

/// Contexts remembered.
const CONTEXTS: usize = 24;

/// Walk results remembered in each context, for the accesses that the arrays cannot serve.
const WALKS: usize = 512;

/// One translation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    /// Virtual page address, or [`NO_TAG`].
    pub tag: u64,
    /// Host address (fetch: physical address) minus virtual address, wrapping.
    pub addend: u64,
}

impl Entry {
    /// An entry that never hits.
    pub const NONE: Entry = Entry { tag: NO_TAG, addend: 0 };
}

/// The arrays of one context.
#[derive(Debug)]
#[repr(C)]
pub struct Arrays {
    /// Pages that may be read.
    pub read: [Entry; ENTRIES],
    /// Pages that may be written.
    pub write: [Entry; ENTRIES],
    /// Pages that may be executed.
    pub fetch: [Entry; ENTRIES],
    /// Bit 0: the read entry is device memory (misaligned accesses fault), bit 1: the write entry is.
    pub device: [u8; ENTRIES],
}

/// Pointer to the arrays in use, as kept in [`crate::State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Tables(pub *mut Arrays);

impl Tables {
    /// No arrays: only before the first context is chosen.
    pub const fn none() -> Tables {
        Tables(std::ptr::null_mut())
    }
}

// SAFETY: the pointer names arrays owned by the same `Cpu` and is only followed through it.
unsafe impl Send for Tables {}
// SAFETY: as above; sharing a `&Cpu` gives no access through the pointer.
unsafe impl Sync for Tables {}

impl Arrays {
    /// Empty arrays, made on the heap (200 KiB are too much for a stack).
    fn boxed() -> Box<Arrays> {
        let mut arrays = Box::<Arrays>::new_uninit();
        let p = arrays.as_mut_ptr();
        for i in 0..ENTRIES {
            // SAFETY: `p` is valid for writes of a whole `Arrays`, `i` is in range; each element is written once.
            unsafe {
                (&raw mut (*p).read[i]).write(Entry::NONE);
                (&raw mut (*p).write[i]).write(Entry::NONE);
                (&raw mut (*p).fetch[i]).write(Entry::NONE);
                (&raw mut (*p).device[i]).write(0);
            }
        }
        // SAFETY: every element of the four arrays was written above, and there is nothing else in it.
        unsafe { arrays.assume_init() }
    }
}

/// Notes that `index` was filled. Forgetting single entries leaves their note behind, so the log is thinned now and then.
fn log(filled: &mut Vec<u16>, index: usize, entries: usize) {
    if filled.len() >= 2 * entries {
        filled.sort_unstable();
        filled.dedup();
    }
    filled.push(index as u16);
}

/// Which array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Read,
    Write,
    Fetch,
}

/// What gives addresses of one half their meaning, apart from ASID and from who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Space {
    pub regime: Regime,
    /// 1 for addresses with bit 55 set.
    pub half: u8,
    /// Table base.
    pub table: u64,
    /// The fields of TCR that matter to this half.
    pub tcr: u64,
    /// M and WXN.
    pub sctlr: u64,
    pub mair: u64,
    /// The bits of HCR_EL2 that matter, VTTBR and VTCR when stage 2 is on.
    pub hcr: u64,
    pub vttbr: u64,
    pub vtcr: u64,
    /// Page size of the arrays.
    pub page_shift: u32,
    /// Apple's page permissions.
    pub overlay: Overlay,
}

/// Who asks: the third part of a context's identity.
pub(crate) const USER: usize = 0;
pub(crate) const PRIVILEGED: usize = 1;
pub(crate) const PRIVILEGED_PAN: usize = 2;

/// A remembered walk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// Virtual page, or [`NO_TAG`].
    pub page: u64,
    /// Physical page.
    pub pa: u64,
    /// `walk::perm` bits for the context's actor.
    pub rights: u8,
    pub device: bool,
    pub guarded: bool,
    /// Found by an instruction fetch, for which memory attributes and the top byte count differently.
    pub fetch_only: bool,
}

const NO_WALK: Walk =
    Walk { page: NO_TAG, pa: 0, rights: 0, device: false, guarded: false, fetch_only: false };

#[derive(Debug)]
struct Context {
    space: Space,
    view: usize,
    asid: u16,
    /// Holds entries that belong to `asid` only. A kernel half without any serves every ASID.
    has_not_global: bool,
    /// Holds entries that belong to every ASID.
    has_global: bool,
    arrays: Box<Arrays>,
    /// Indexes filled since the last clearing, for read, write, fetch.
    filled: [Vec<u16>; 3],
    walks: Box<[Walk]>,
    walked: Vec<u16>,
    /// Blocks (larger than a page) that pages here come from: base to size.
    blocks: BTreeMap<u64, u64>,
    /// To be cleared before use.
    stale: bool,
    /// Write entries to be cleared before use.
    stale_writes: bool,
    /// When it was last chosen.
    used: u64,
    /// Changes whenever an entry for fetches is dropped.
    serial: u64,
}

/// A number never given before.
fn fresh_serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Context {
    fn array(&mut self, which: Which) -> &mut [Entry; ENTRIES] {
        match which {
            Which::Read => &mut self.arrays.read,
            Which::Write => &mut self.arrays.write,
            Which::Fetch => &mut self.arrays.fetch,
        }
    }

    fn clear_array(&mut self, which: Which) {
        if which == Which::Fetch && !self.filled[which as usize].is_empty() {
            self.serial = fresh_serial();
        }
        let mut filled = std::mem::take(&mut self.filled[which as usize]);
        let array = self.array(which);
        for &i in &filled {
            array[usize::from(i) % ENTRIES] = Entry::NONE;
        }
        filled.clear();
        self.filled[which as usize] = filled;
    }

    fn clear(&mut self) {
        for which in [Which::Read, Which::Write, Which::Fetch] {
            self.clear_array(which);
        }
        for i in std::mem::take(&mut self.walked) {
            self.walks[usize::from(i) % WALKS] = NO_WALK;
        }
        self.blocks.clear();
        self.has_not_global = false;
        self.has_global = false;
        self.stale = false;
        self.stale_writes = false;
    }

    /// Removes what is known of the page of `va` (top byte ignored).
    fn forget(&mut self, va: u64) {
        if self.stale {
            return;
        }
        let shift = self.space.page_shift;
        // Untagged, then sign-extended from bit 55: the form pages are logged in.
        let va = ((va << 8) as i64 >> 8) as u64;
        if let Some((&base, &size)) = self.blocks.range(..=va).next_back()
            && va - base < size
        {
            let pages = size >> shift;
            if pages > 64 {
                self.clear();
                return;
            }
            self.blocks.remove(&base);
            for page in 0..pages {
                self.forget_page(base + (page << shift));
            }
            return;
        }
        self.forget_page(va);
    }

    fn forget_page(&mut self, va: u64) {
        let index = (va >> self.space.page_shift) as usize;
        self.arrays.read[index % ENTRIES] = Entry::NONE;
        self.arrays.write[index % ENTRIES] = Entry::NONE;
        if self.arrays.fetch[index % ENTRIES].tag != NO_TAG {
            self.arrays.fetch[index % ENTRIES] = Entry::NONE;
            self.serial = fresh_serial();
        }
        self.walks[index % WALKS] = NO_WALK;
    }

    /// Removes write entries that point into `[host, host + len)`.
    fn forget_writes(&mut self, host: u64, len: u64) {
        let page = 1u64 << self.space.page_shift;
        let array = &mut self.arrays.write;
        self.filled[Which::Write as usize].retain(|&i| {
            let entry = &mut array[usize::from(i) % ENTRIES];
            let start = entry.tag.wrapping_add(entry.addend);
            let hit = entry.tag != NO_TAG && start < host + len && host < start.wrapping_add(page);
            if hit {
                *entry = Entry::NONE;
            }
            !hit
        });
    }
}

/// What an invalidation concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalidate {
    /// Everything of a regime.
    Regime(Regime),
    /// Everything.
    All,
    /// Everything of one ASID.
    Asid(Regime, u16),
    /// One address, of one ASID and global, or of all ASIDs. `pages` pages of the smallest kind from there.
    Address {
        /// Regime.
        regime: Regime,
        /// First address.
        va: u64,
        /// Bytes, at least one page.
        len: u64,
        /// The ASID, or None for all.
        asid: Option<u16>,
    },
}

/// The contexts a CPU remembers.
#[derive(Debug)]
pub struct Tlb {
    contexts: Vec<Context>,
    /// Arrays that stay empty: what a half points to until its first page is filled in.
    empty: Box<Arrays>,
    /// The spaces of the two halves now, and the ASID.
    spaces: [Space; 2],
    asid: u16,
    /// Indexes of the contexts for each half and view.
    chosen: [[Option<usize>; 3]; 2],
    clock: u64,
}

impl Tlb {
    /// Nothing remembered.
    pub(crate) fn new() -> Tlb {
        Tlb {
            contexts: Vec::new(),
            empty: Arrays::boxed(),
            spaces: [Space::default(); 2],
            asid: 0,
            chosen: [[None; 3]; 2],
            clock: 0,
        }
    }

    /// Makes `spaces` and `asid` current. Cheap when they already are.
    pub(crate) fn choose(&mut self, spaces: [Space; 2], asid: u16) {
        if self.spaces == spaces && self.asid == asid {
            return;
        }
        self.spaces = spaces;
        self.asid = asid;
        for half in 0..2 {
            for view in 0..3 {
                self.chosen[half][view] = self.find(half, view);
            }
        }
    }

    /// The upper half has no user pages worth a view for PAN: pages that PAN could hide are not cached there.
    fn view_of(half: usize, view: usize) -> usize {
        if half == 1 && view == PRIVILEGED_PAN { PRIVILEGED } else { view }
    }

    fn find(&mut self, half: usize, view: usize) -> Option<usize> {
        let view = Self::view_of(half, view);
        let space = &self.spaces[half];
        let asid = self.asid;
        let found = self.contexts.iter().position(|c| {
            c.view == view
                && (c.asid == asid || half == 1 && !c.has_not_global)
                && c.space.half == space.half
                && c.space == *space
        })?;
        self.clock += 1;
        let context = self.contexts.get_mut(found)?;
        context.used = self.clock;
        if context.stale {
            context.clear();
        } else if context.stale_writes {
            context.clear_array(Which::Write);
            context.stale_writes = false;
        }
        Some(found)
    }

    /// Pointers for a view of both halves.
    pub(crate) fn tables(&mut self, view: usize) -> [Tables; 2] {
        [0, 1].map(|half| {
            let arrays = match self.chosen[half][view].and_then(|i| self.contexts.get_mut(i)) {
                Some(context) => &mut context.arrays,
                None => &mut self.empty,
            };
            Tables(&raw mut **arrays)
        })
    }

    /// The serials of both halves for a view; 0 for a half that has no context yet.
    pub(crate) fn fetch_serials(&self, view: usize) -> [u64; 2] {
        [0, 1].map(|half| {
            self.chosen[half][view].and_then(|i| self.contexts.get(i)).map_or(0, |context| context.serial)
        })
    }

    fn in_use(&self, index: usize) -> bool {
        self.chosen.iter().flatten().any(|c| *c == Some(index))
    }

    /// The context for a half and view, made if need be; true when pointers changed.
    fn context(&mut self, half: usize, view: usize) -> (usize, bool) {
        if let Some(index) = self.chosen[half][view] {
            return (index, false);
        }
        let stored = Self::view_of(half, view);
        if let Some(index) = self.chosen[half][stored] {
            self.chosen[half][view] = Some(index);
            return (index, true);
        }
        self.clock += 1;
        let victim =
            (0..self.contexts.len()).filter(|&i| !self.in_use(i)).min_by_key(|&i| self.contexts[i].used);
        let index = match victim {
            Some(index) if self.contexts.len() >= CONTEXTS => {
                let context = &mut self.contexts[index];
                context.clear();
                context.space = self.spaces[half];
                context.view = stored;
                context.asid = self.asid;
                context.used = self.clock;
                index
            }
            _ => {
                self.contexts.push(Context {
                    space: self.spaces[half],
                    view: stored,
                    asid: self.asid,
                    has_not_global: false,
                    has_global: false,
                    arrays: Arrays::boxed(),
                    filled: Default::default(),
                    walks: vec![NO_WALK; WALKS].into_boxed_slice(),
                    walked: Vec::new(),
                    blocks: BTreeMap::new(),
                    stale: false,
                    stale_writes: false,
                    used: self.clock,
                    serial: fresh_serial(),
                });
                self.contexts.len() - 1
            }
        };
        self.chosen[half][view] = Some(index);
        self.chosen[half][stored] = Some(index);
        (index, true)
    }

    /// A remembered walk.
    pub(crate) fn walk(&self, half: usize, view: usize, page: u64) -> Option<Walk> {
        let context = self.contexts.get(self.chosen[half][view]?)?;
        let index = (page >> context.space.page_shift) as usize % WALKS;
        context.walks.get(index).copied().filter(|w| w.page == page)
    }

    /// Remembers a walk; `block` is the base and size of what the page is part of. True when pointers changed.
    pub(crate) fn remember(
        &mut self,
        half: usize,
        view: usize,
        walk: Walk,
        block: (u64, u64),
        not_global: bool,
    ) -> bool {
        let (index, changed) = self.context(half, view);
        let asid = self.asid;
        let Some(context) = self.contexts.get_mut(index) else { return changed };
        if block.1 > 1 << context.space.page_shift {
            if context.blocks.len() >= BLOCKS {
                context.clear();
            }
            context.blocks.insert(block.0, block.1);
        }
        if not_global {
            context.has_not_global = true;
            context.asid = asid;
        } else {
            context.has_global = true;
        }
        let slot = (walk.page >> context.space.page_shift) as usize % WALKS;
        if let Some(old) = context.walks.get_mut(slot) {
            if old.page == NO_TAG {
                log(&mut context.walked, slot, WALKS);
            }
            *old = walk;
        }
        changed
    }

    /// Fills an entry of the context that [`Tlb::remember`] was just called for.
    pub(crate) fn fill(&mut self, half: usize, view: usize, which: Which, entry: Entry, device: bool) {
        let Some(context) = self.chosen[half][view].and_then(|i| self.contexts.get_mut(i)) else { return };
        let index = (entry.tag >> context.space.page_shift) as usize % ENTRIES;
        let slot = &mut context.array(which)[index];
        let was_empty = slot.tag == NO_TAG;
        let replaced = !was_empty && slot.tag != entry.tag;
        *slot = entry;
        if replaced && which == Which::Fetch {
            context.serial = fresh_serial();
        }
        if was_empty {
            log(&mut context.filled[which as usize], index, ENTRIES);
        }
        let bit = match which {
            Which::Read => 1,
            Which::Write => 2,
            Which::Fetch => 0,
        };
        let flags = &mut context.arrays.device[index];
        *flags = if device { *flags | bit } else { *flags & !bit };
    }

    fn clear_or_mark(&mut self, concerned: impl Fn(&Context) -> bool) {
        for index in 0..self.contexts.len() {
            let in_use = self.in_use(index);
            let Some(context) = self.contexts.get_mut(index) else { continue };
            if !context.stale && concerned(context) {
                if in_use { context.clear() } else { context.stale = true }
            }
        }
    }

    /// Performs an invalidation.
    pub(crate) fn invalidate(&mut self, what: Invalidate) {
        match what {
            Invalidate::All => self.clear_or_mark(|_| true),
            Invalidate::Regime(regime) => self.clear_or_mark(|c| c.space.regime == regime),
            Invalidate::Asid(regime, asid) => {
                self.clear_or_mark(|c| c.space.regime == regime && c.asid == asid && c.has_not_global);
            }
            Invalidate::Address { regime, va, len, asid } => {
                let half = (va >> 55 & 1) as u8;
                for context in &mut self.contexts {
                    let space = &context.space;
                    let ours = space.regime == regime
                        && (space.half == half || !regime.has_two_halves())
                        && asid.is_none_or(|asid| context.asid == asid || context.has_global);
                    if !ours || context.stale {
                        continue;
                    }
                    let page = 1u64 << space.page_shift;
                    let first = va & !(page - 1);
                    let pages = (len + (va - first)).div_ceil(page);
                    if pages > 256 {
                        context.clear();
                    } else {
                        for n in 0..pages {
                            context.forget(first.wrapping_add(n * page));
                        }
                    }
                }
            }
        }
    }

    /// Drops write entries for a piece of host memory that now holds translated code.
    pub(crate) fn protect(&mut self, host: u64, len: u64) {
        for index in 0..self.contexts.len() {
            let in_use = self.in_use(index);
            let Some(context) = self.contexts.get_mut(index) else { continue };
            if in_use { context.forget_writes(host, len) } else { context.stale_writes = true }
        }
    }

    /// Drops all write entries.
    pub(crate) fn protect_all(&mut self) {
        for index in 0..self.contexts.len() {
            let in_use = self.in_use(index);
            let Some(context) = self.contexts.get_mut(index) else { continue };
            if in_use { context.clear_array(Which::Write) } else { context.stale_writes = true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(half: u8, table: u64) -> Space {
        Space { half, table, page_shift: 14, ..Space::default() }
    }

    fn walk(page: u64) -> Walk {
        Walk { page, pa: 0, rights: 7, device: false, guarded: false, fetch_only: false }
    }

    /// Fills one read entry for `va` and says at what index.
    fn fill(tlb: &mut Tlb, half: usize, view: usize, va: u64, not_global: bool) {
        tlb.remember(half, view, walk(va), (va, 1 << 14), not_global);
        tlb.fill(half, view, Which::Read, Entry { tag: va, addend: 1 << 20 }, false);
    }

    fn hits(tlb: &mut Tlb, half: usize, view: usize, va: u64) -> bool {
        let arrays = tlb.tables(view)[half].0;
        // SAFETY: the pointer was just made from arrays that `tlb` owns.
        unsafe { (*arrays).read[(va >> 14) as usize % ENTRIES].tag == va }
    }

    #[test]
    fn two_processes_keep_their_pages_over_a_change_of_asid() {
        let mut tlb = Tlb::new();
        let (a, b) = ([space(0, 0x1000), space(1, 0x9000)], [space(0, 0x2000), space(1, 0x9000)]);
        tlb.choose(a, 1);
        fill(&mut tlb, 0, USER, 0x4000, true);
        fill(&mut tlb, 1, PRIVILEGED, 0xffff_ffff_f000_0000, false);
        tlb.choose(b, 2);
        assert!(!hits(&mut tlb, 0, USER, 0x4000));
        assert!(hits(&mut tlb, 1, PRIVILEGED, 0xffff_ffff_f000_0000), "global kernel pages survive");
        tlb.choose(a, 1);
        assert!(hits(&mut tlb, 0, USER, 0x4000));
    }

    #[test]
    fn a_kernel_half_with_private_pages_belongs_to_its_asid() {
        let mut tlb = Tlb::new();
        let a = [space(0, 0x1000), space(1, 0x9000)];
        tlb.choose(a, 1);
        fill(&mut tlb, 1, PRIVILEGED, 0xffff_ffff_f000_0000, true);
        tlb.choose(a, 2);
        assert!(!hits(&mut tlb, 1, PRIVILEGED, 0xffff_ffff_f000_0000));
    }

    #[test]
    fn an_invalidation_reaches_contexts_that_are_not_in_use() {
        let mut tlb = Tlb::new();
        let (a, b) = ([space(0, 0x1000), space(1, 0x9000)], [space(0, 0x2000), space(1, 0x9000)]);
        for what in [
            Invalidate::All,
            Invalidate::Regime(Regime::El10),
            Invalidate::Asid(Regime::El10, 1),
            Invalidate::Address { regime: Regime::El10, va: 0x4000, len: 1, asid: Some(1) },
            Invalidate::Address { regime: Regime::El10, va: 0x4000, len: 1, asid: None },
        ] {
            tlb.choose(a, 1);
            fill(&mut tlb, 0, USER, 0x4000, true);
            tlb.choose(b, 2);
            tlb.invalidate(what);
            tlb.choose(a, 1);
            assert!(!hits(&mut tlb, 0, USER, 0x4000), "{what:?}");
        }
        fill(&mut tlb, 0, USER, 0x4000, true);
        tlb.invalidate(Invalidate::Asid(Regime::El10, 2));
        assert!(hits(&mut tlb, 0, USER, 0x4000), "another ASID keeps its own");
    }

    #[test]
    fn invalidating_any_page_of_a_block_forgets_all_of_it() {
        let mut tlb = Tlb::new();
        tlb.choose([space(0, 0x1000), space(1, 0x9000)], 1);
        for page in 0..4u64 {
            tlb.remember(0, USER, walk(page << 14), (0, 1 << 25), true);
            tlb.fill(0, USER, Which::Read, Entry { tag: page << 14, addend: 0 }, false);
        }
        tlb.invalidate(Invalidate::Address { regime: Regime::El10, va: 3 << 14, len: 1, asid: Some(1) });
        assert!((0..4).all(|page| !hits(&mut tlb, 0, USER, page << 14)));
    }

    #[test]
    fn more_contexts_than_remembered_are_still_right() {
        let mut tlb = Tlb::new();
        for n in 0..100u64 {
            tlb.choose([space(0, n << 12), space(1, 0x9000)], n as u16);
            assert!(!hits(&mut tlb, 0, USER, 0x4000));
            fill(&mut tlb, 0, USER, 0x4000, true);
            assert!(hits(&mut tlb, 0, USER, 0x4000));
        }
        assert!(tlb.contexts.len() <= CONTEXTS);
    }
}
