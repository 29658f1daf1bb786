//! Translation: granules, permissions, faults, invalidation.

use super::*;
use crate::access::Kind;
use crate::mmu::walk::{Actor, Intent, Regime};
use crate::reg::*;

/// Descriptor bits.
const AF: u64 = 1 << 10;
const NG: u64 = 1 << 11;
const USER: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const PXN: u64 = 1 << 53;
const UXN: u64 = 1 << 54;
/// MAIR index 1 is device memory, 0 is normal.
const DEVICE: u64 = 1 << 2;

/// Builds translation tables in guest RAM.
pub(super) struct Builder {
    memory: Arc<Memory>,
    granule: u32,
    input: u32,
    next: u64,
    pub(super) root: u64,
}

impl Builder {
    pub(super) fn new(memory: &Arc<Memory>, granule: u32, input: u32, at: u64) -> Builder {
        Builder { memory: Arc::clone(memory), granule, input, next: at + (1 << granule), root: at }
    }

    fn first_level(&self) -> u32 {
        4 - (self.input - self.granule).div_ceil(self.granule - 3)
    }

    /// Maps the block or page that ends at `level`.
    pub(super) fn map(&mut self, va: u64, pa: u64, attributes: u64, level: u32) {
        let stride = self.granule - 3;
        let mut table = self.root;
        let mut at = self.first_level();
        let va = va & ((1 << self.input) - 1);
        loop {
            let shift = self.granule + stride * (3 - at);
            let bits = if at == self.first_level() { self.input - shift } else { stride };
            let slot = table + (va >> shift & ((1 << bits) - 1)) * 8;
            if at == level {
                self.memory.write_u64(slot, pa | attributes | if level == 3 { 3 } else { 1 }).unwrap();
                return;
            }
            let entry = self.memory.read_u64(slot).unwrap();
            table = if entry & 1 == 0 {
                let new = self.next;
                self.next += 1 << self.granule;
                self.memory.write_u64(slot, new | 3).unwrap();
                new
            } else {
                entry & 0xffff_ffff_f000
            };
            at += 1;
        }
    }
}

/// TG0 and TG1 for a granule.
fn tcr(granule: u32, input: u32) -> u64 {
    let (tg0, tg1) = match granule {
        12 => (0u64, 2u64),
        14 => (2, 1),
        _ => (1, 3),
    };
    let tsz = u64::from(64 - input);
    tsz | tsz << 16 | tg0 << 14 | tg1 << 30 | 2 << 32
}

/// First virtual address of the upper half.
fn upper(input: u32) -> u64 {
    u64::MAX << input
}

/// A guest whose code runs translated: RAM's first pages at both the lower half (identity) and the upper half, both
/// privileged, executable; the caller adds more with the builders.
fn paged(granule: u32, input: u32, program: &[u8]) -> (Guest, Builder, Builder) {
    let mut g = Guest::new("max", 1, program);
    let mut low = Builder::new(&g.memory, granule, input, TABLES);
    let mut high = Builder::new(&g.memory, granule, input, TABLES + 0x10_0000);
    let page = 1u64 << granule;
    // Code and vectors: 128 KiB.
    for at in (0..0x2_0000).step_by(page as usize) {
        low.map(RAM + at, RAM + at, AF | UXN, 3);
        high.map(upper(input) + at, RAM + at, AF | UXN, 3);
    }
    g.cpu.sys.ttbr0[1] = low.root;
    g.cpu.sys.ttbr1[1] = high.root;
    g.cpu.sys.tcr[1] = tcr(granule, input);
    g.cpu.sys.mair[1] = 0x00ff;
    g.cpu.write_system(SCTLR_EL1, 0x30d5_0981);
    g.handler(&reporting());
    (g, low, high)
}

/// The ESR of a data abort at EL1 by reading (or writing) `va`, or None when it works.
fn touch(g: &mut Guest, va: u64, write: bool, kind: Kind) -> Option<u32> {
    let result = if write { g.cpu.store(va, 1u32, kind) } else { g.cpu.load::<u32>(va, kind).map(|_| ()) };
    result.err().map(|e| {
        assert_eq!(e.address, va);
        e.iss
    })
}

#[test]
fn code_runs_in_both_halves_with_every_granule() {
    for (granule, input) in
        [(12, 39), (12, 48), (12, 36), (14, 39), (14, 47), (14, 36), (16, 42), (16, 48), (12, 25)]
    {
        let (mut g, _, _) = if input == 25 {
            // RAM does not fit 25 bits: only the upper half is used.
            let (mut g, low, high) = paged(granule, 39, &a64!(; mov x0, 9; hlt 0xf000));
            let mut small = Builder::new(&g.memory, granule, input, TABLES + 0x20_0000);
            small.map(upper(25), RAM, AF | UXN, 3);
            g.cpu.write_system(TTBR1_EL1, small.root);
            g.cpu.write_system(TCR_EL1, tcr(granule, 39) & !(63 << 16) | (64 - 25) << 16);
            g.cpu.set_pc(upper(25));
            (g, low, high)
        } else {
            let (mut g, low, high) = paged(granule, input, &a64!(; mov x0, 9; hlt 0xf000));
            assert_eq!(g.finish(), 9, "lower half, granule {granule}, {input} bits");
            g.cpu.set_pc(upper(input));
            (g, low, high)
        };
        assert_eq!(g.finish(), 9, "upper half, granule {granule}, {input} bits");
    }
}

#[test]
fn faults_name_their_kind_and_level() {
    for granule in [12, 14] {
        let (mut g, mut low, _) = paged(granule, 39, &[]);
        let page = 1u64 << granule;
        let base = RAM + 0x40_0000;
        low.map(base, RAM, AF | UXN, 3);
        low.map(base + page, RAM, UXN, 3);
        low.map(base + 2 * page, RAM, AF | READ_ONLY | UXN, 3);
        low.map(base + 3 * page, 1 << 41, AF | UXN, 3);
        low.map(base + 4 * page, 0x1000_0000, AF | UXN, 3);
        let n = Kind::NORMAL;
        assert_eq!(touch(&mut g, base, true, n), None);
        assert_eq!(touch(&mut g, base + page, false, n), Some(0x0b), "access flag, level 3");
        assert_eq!(touch(&mut g, base + 2 * page, false, n), None);
        assert_eq!(touch(&mut g, base + 2 * page, true, n), Some(0x4f), "permission, level 3, write");
        assert_eq!(touch(&mut g, base + 3 * page, false, n), Some(0x03), "address size, level 3");
        assert_eq!(touch(&mut g, base + 4 * page, false, n), Some(0x10), "external");
        assert_eq!(touch(&mut g, base + 5 * page, true, n), Some(0x47), "translation, level 3");
        assert_eq!(touch(&mut g, 0x7000_0000_0000_0000, false, n), Some(0x04), "not canonical: level 0");
        assert_eq!(touch(&mut g, 1 << 40, false, n), Some(0x04), "beyond the input size: level 0");
        g.cpu.sys.tcr[1] |= 1 << 7;
        g.cpu.update_translation();
        assert_eq!(touch(&mut g, base, false, n), Some(0x04), "EPD0");
    }
}

#[test]
fn a_table_outside_ram_or_pointing_to_itself_is_a_fault_and_no_loop() {
    let (mut g, low, _) = paged(12, 48, &[]);
    g.memory.write_u64(low.root + 8, 0x1000 | 3).unwrap();
    assert_eq!(
        touch(&mut g, 1 << 39, false, Kind::NORMAL),
        Some(0x15),
        "external abort on the walk, level 1"
    );
    // The root as its own table at every level: the last level reads it as a page, which maps the table.
    g.memory.write_u64(low.root + 16, low.root | 3 | AF).unwrap();
    let va = 2 << 39 | 2 << 30 | 2 << 21 | 2 << 12;
    assert_eq!(touch(&mut g, va, false, Kind::NORMAL), None);
    g.cpu.write_system(TTBR0_EL1, 0xffff_ffff_f000);
    assert_eq!(touch(&mut g, RAM, false, Kind::NORMAL), Some(0x00), "base beyond the output size");
}

#[test]
fn unprivileged_accesses_see_what_el0_sees() {
    let (mut g, mut low, _) = paged(14, 39, &[]);
    let (user, kernel) = (RAM + 0x40_0000, RAM + 0x40_4000);
    low.map(user, RAM, AF | USER | UXN | PXN, 3);
    low.map(kernel, RAM, AF | UXN, 3);
    assert_eq!(touch(&mut g, user, true, Kind::UNPRIVILEGED), None);
    assert_eq!(touch(&mut g, kernel, false, Kind::UNPRIVILEGED), Some(0x0f));
    assert_eq!(touch(&mut g, kernel, false, Kind::NORMAL), None);
    g.cpu.state.pan = 1;
    g.cpu.update_view();
    assert_eq!(touch(&mut g, user, false, Kind::NORMAL), Some(0x0f), "PAN");
    assert_eq!(touch(&mut g, user, false, Kind::UNPRIVILEGED), None);
    g.cpu.state.uao = 1;
    g.cpu.update_view();
    assert_eq!(
        touch(&mut g, user, false, Kind::UNPRIVILEGED),
        Some(0x0f),
        "UAO makes it privileged, PAN applies"
    );
}

#[test]
fn pan_applies_in_the_upper_half_too() {
    let (mut g, _, mut high) = paged(12, 39, &[]);
    let va = upper(39) + 0x40_0000;
    high.map(va, RAM, AF | USER | UXN | PXN, 3);
    assert_eq!(touch(&mut g, va, false, Kind::NORMAL), None);
    g.cpu.state.pan = 1;
    g.cpu.update_view();
    assert_eq!(touch(&mut g, va, false, Kind::NORMAL), Some(0x0f));
    g.cpu.state.pan = 0;
    g.cpu.update_view();
    assert_eq!(touch(&mut g, va, false, Kind::NORMAL), None);
}

#[test]
fn execution_rights_follow_pxn_uxn_and_writability_by_el0() {
    let (g, mut low, _) = paged(12, 39, &[]);
    let base = RAM + 0x40_0000;
    let cases = [
        (AF, true, true),
        (AF | PXN, false, true),
        (AF | UXN, true, false),
        (AF | USER, false, true),
        (AF | USER | READ_ONLY, true, true),
    ];
    for (n, (attributes, kernel, user)) in cases.into_iter().enumerate() {
        let va = base + n as u64 * 0x1000;
        low.map(va, RAM, attributes, 3);
        for (actor_user, expected) in [(false, kernel), (true, user)] {
            let actor = Actor { user: actor_user, pan: false };
            let got = g.cpu.walker().translate(va, Regime::El10, actor, Intent::Fetch).is_ok();
            assert_eq!(got, expected, "case {n}, user {actor_user}");
        }
    }
    let mut g = g;
    g.cpu.write_system(SCTLR_EL1, 0x30d5_0981 | 1 << 19);
    let actor = Actor { user: false, pan: false };
    assert!(g.cpu.walker().translate(base, Regime::El10, actor, Intent::Fetch).is_err(), "WXN");
}

#[test]
fn hierarchical_permissions_apply_unless_disabled() {
    let (mut g, mut low, _) = paged(12, 39, &[]);
    let va = RAM + 0x4000_0000;
    low.map(va, RAM, AF | UXN, 3);
    let slot = low.root + (va >> 30) * 8;
    let table = g.memory.read_u64(slot).unwrap();
    // APTable: read-only below.
    g.memory.write_u64(slot, table | 1 << 62).unwrap();
    assert_eq!(touch(&mut g, va, true, Kind::NORMAL), Some(0x4f));
    let tcr = g.cpu.sys.tcr[1];
    g.cpu.write_system(TCR_EL1, tcr | 1 << 41);
    assert_eq!(touch(&mut g, va, true, Kind::NORMAL), None, "HPD0");
}

#[test]
fn blocks_map_all_their_bytes_and_one_tlbi_forgets_them() {
    for (granule, level, size) in [(12u32, 2u32, 1u64 << 21), (14, 2, 1 << 25), (12, 1, 1 << 30)] {
        let (mut g, mut low, _) = paged(granule, 39, &[]);
        let va = 4 * (1 << 30);
        low.map(va, RAM & !(size - 1), AF | UXN, level);
        let at = va + (RAM & (size - 1));
        assert_eq!(touch(&mut g, at + 0x123000, true, Kind::NORMAL), None, "granule {granule}");
        assert_eq!(g.memory.read_u32(RAM + 0x123000).unwrap(), 1);
        assert_eq!(touch(&mut g, at + 0x1f0000, false, Kind::NORMAL), None);
        low.map(va, 0, 0, level);
        g.memory.write_u64(low.root + (va >> if granule == 12 { 30 } else { 36 }) * 8, 0).unwrap();
        assert_eq!(touch(&mut g, at + 0x123000, false, Kind::NORMAL), None, "still remembered");
        g.cpu.invalidate(crate::tlb::Invalidate::Address {
            regime: Regime::El10,
            va: at + 0x1f0000,
            len: 1,
            asid: None,
        });
        assert!(
            touch(&mut g, at + 0x123000, false, Kind::NORMAL).is_some(),
            "granule {granule} level {level}"
        );
    }
}

#[test]
fn tlbi_instructions_make_a_change_visible() {
    let operand = |va: u64, asid: u64| va >> 12 & 0xfff_ffff_ffff | asid << 48;
    // (op1, CRm, op2) under CRn 8.
    let va = RAM + 0x40_0000;
    for (crm, op2, x1) in [
        (7u32, 0u32, 0u64),
        (3, 0, 0),
        (1, 0, 0),
        (7, 1, operand(va, 5)),
        (3, 1, operand(va, 5)),
        (7, 2, operand(0, 5)),
        (7, 3, operand(va, 0)),
        (7, 5, operand(va, 5)),
        (3, 7, operand(va, 0)),
        // Range, 4 KiB granule, two pages from va.
        (2, 1, va >> 12 | 1 << 46 | 5 << 48),
        (6, 3, va >> 12 | 1 << 46),
    ] {
        let word = 0xd508_0000u32 | 8 << 12 | crm << 8 | op2 << 5 | 1;
        let (mut g, mut low, _) =
            paged(12, 39, &a64!(; ldr w2, [x3]; str w4, [x5]; .u32 word; ldr w6, [x3]; hlt 0xf000));
        g.cpu.write_system(TTBR0_EL1, low.root | 5 << 48);
        low.map(va, RAM + 0x1000, AF | NG | UXN, 3);
        // The tables themselves, so that the program can change the low word of the page's descriptor.
        for at in (TABLES..TABLES + 0x8000).step_by(0x1000) {
            low.map(at, at, AF | UXN, 3);
        }
        let slot = (TABLES..TABLES + 0x8000)
            .step_by(8)
            .find(|&at| {
                g.memory.read_u64(at).unwrap() == (RAM + 0x1000) | AF | NG | UXN | 3
                    && at & 0xff8 == (va >> 12 & 511) * 8
            })
            .unwrap();
        g.memory.write_u32(RAM + 0x1000, 111).unwrap();
        g.memory.write_u32(RAM + 0x2000, 222).unwrap();
        let x = &mut g.cpu.state.x;
        x[1] = x1;
        x[3] = va;
        x[4] = (RAM + 0x2000) & 0xffff_ffff | AF | NG | 3;
        x[5] = slot;
        g.finish();
        assert_eq!((g.cpu.state.x[2], g.cpu.state.x[6]), (111, 222), "CRm {crm} op2 {op2}");
    }
}

#[test]
fn a_misaligned_access_may_cross_pages_and_faults_at_the_second() {
    let (mut g, mut low, _) = paged(12, 39, &[]);
    let va = RAM + 0x40_0000;
    low.map(va, RAM + 0x3000, AF | UXN, 3);
    low.map(va + 0x1000, RAM + 0x2000, AF | UXN, 3);
    g.cpu.store(va + 0xffd, 0x1122_3344_5566_7788u64, Kind::NORMAL).unwrap();
    assert_eq!(g.cpu.load::<u64>(va + 0xffd, Kind::NORMAL).unwrap(), 0x1122_3344_5566_7788);
    assert_eq!(g.memory.read_u32(RAM + 0x2000).unwrap(), 0x2233_4455);
    let e = g.cpu.load::<u64>(va + 0x1ffd, Kind::NORMAL).unwrap_err();
    assert_eq!((e.iss, e.address), (0x07, va + 0x2000));
}

#[test]
fn alignment_is_checked_for_devices_for_sctlr_a_and_for_exclusives() {
    let (mut g, mut low, _) = paged(12, 39, &[]);
    let (normal, device) = (RAM + 0x40_0000, RAM + 0x40_1000);
    low.map(normal, RAM + 0x3000, AF | UXN, 3);
    low.map(device, RAM + 0x3000, AF | UXN | DEVICE, 3);
    for _ in 0..2 {
        assert_eq!(touch(&mut g, normal + 1, false, Kind::NORMAL), None);
        assert_eq!(touch(&mut g, device, false, Kind::NORMAL), None);
        assert_eq!(touch(&mut g, device + 1, false, Kind::NORMAL), Some(0x21));
        assert_eq!(touch(&mut g, device + 1, true, Kind::NORMAL), Some(0x61));
    }
    assert_eq!(g.cpu.load_exclusive::<u32>(normal + 2).unwrap_err().iss, 0x21);
    g.cpu.write_system(SCTLR_EL1, 0x30d5_0983);
    assert_eq!(touch(&mut g, normal + 1, false, Kind::NORMAL), Some(0x21));
}

#[test]
fn top_byte_ignore_lets_tagged_pointers_through() {
    let (mut g, mut low, _) = paged(14, 39, &[]);
    let va = RAM + 0x40_0000;
    low.map(va, RAM + 0x4000, AF | UXN, 3);
    let tagged = va | 0xab << 56;
    assert_eq!(touch(&mut g, tagged, false, Kind::NORMAL), Some(0x04));
    let tcr = g.cpu.sys.tcr[1];
    g.cpu.write_system(TCR_EL1, tcr | 1 << 37);
    assert_eq!(touch(&mut g, tagged, true, Kind::NORMAL), None);
    low.map(va, 0, 0, 3);
    g.memory.write_u64(low.root, 0).unwrap();
    g.cpu.invalidate(crate::tlb::Invalidate::Address { regime: Regime::El10, va, len: 1, asid: None });
    low.map(va, RAM + 0x8000, AF | UXN, 3);
    g.memory.write_u32(RAM + 0x8000, 77).unwrap();
    assert_eq!(
        g.cpu.load::<u32>(tagged, Kind::NORMAL).unwrap_or(0),
        77,
        "the tagged entry went with the page"
    );
}

#[test]
fn at_answers_in_par() {
    let (mut g, mut low, _) = paged(
        12,
        39,
        &a64!(
            ; .u32 0xd5087801 // at s1e1r, x1
            ; mrs x2, sr(PAR_EL1)
            ; .u32 0xd5087821 // at s1e1w, x1
            ; mrs x3, sr(PAR_EL1)
            ; .u32 0xd5087841 // at s1e0r, x1
            ; mrs x4, sr(PAR_EL1)
            ; hlt 0xf000
        ),
    );
    let va = RAM + 0x40_0000;
    low.map(va, RAM + 0x5000, AF | READ_ONLY | UXN, 3);
    g.cpu.state.x[1] = va + 0x123;
    g.finish();
    let x = &g.cpu.state.x;
    assert_eq!(x[2], 0xff << 56 | (RAM + 0x5000) | 1 << 11);
    assert_eq!((x[3], x[4]), (1 | 0x0f << 1 | 1 << 11, 1 | 0x0f << 1 | 1 << 11));
}

#[test]
fn dc_zva_clears_its_block_and_faults_on_devices() {
    let (mut g, mut low, _) = paged(12, 39, &a64!(; .u32 0xd50b7421; hlt 0xf000));
    let va = RAM + 0x40_0000;
    low.map(va, RAM + 0x5000, AF | UXN, 3);
    g.memory.fill(RAM + 0x5000, 256, 0xff).unwrap();
    g.cpu.state.x[1] = va + 0x47;
    g.finish();
    let bytes = g.memory.read_vec(RAM + 0x5000, 256).unwrap();
    assert!(bytes.iter().enumerate().all(|(n, &b)| (b == 0) == (64..128).contains(&n)));
    low.map(va, RAM + 0x5000, AF | UXN | DEVICE, 3);
    g.cpu.invalidate(crate::tlb::Invalidate::All);
    g.cpu.set_pc(RAM);
    g.finish();
    assert_eq!((g.cpu.sys.esr[1], g.cpu.sys.far[1]), (0x25 << 26 | 1 << 25 | 0x61, va + 0x47));
}

#[test]
fn an_instruction_abort_reports_the_target() {
    let (mut g, _, _) = paged(14, 39, &a64!(; br x1));
    g.cpu.state.x[1] = RAM + 0x60_0000;
    assert_eq!(g.finish(), 0x200);
    assert_eq!(g.cpu.sys.esr[1], 0x21 << 26 | 1 << 25 | 0x07);
    assert_eq!((g.cpu.sys.far[1], g.cpu.sys.elr[1]), (RAM + 0x60_0000, RAM + 0x60_0000));
}

#[test]
fn a_guarded_page_wants_landing_pads() {
    for (first, taken) in
        [(0xd503_201fu32, true), (0xd503_245f, false), (0xd503_249f, true), (0xd503_24df, false)]
    {
        let (mut g, mut low, _) = paged(12, 39, &a64!(; blr x1));
        let va = RAM + 0x40_0000;
        low.map(va, RAM + 0x5000, AF | UXN | 1 << 50, 3);
        g.code(RAM + 0x5000, &a64!(; .u32 first; mov x0, 1; hlt 0xf000));
        g.cpu.state.x[1] = va;
        let x0 = g.finish();
        assert_eq!(x0 != 1, taken, "first word {first:#x}");
        if taken {
            assert_eq!(g.cpu.sys.esr[1], 0x0d << 26 | 1 << 25 | 2);
            assert_eq!((g.cpu.sys.elr[1], g.cpu.sys.spsr[1] >> 10 & 3), (va, 2));
        }
    }
}

#[test]
fn an_asid_switch_shows_the_other_process() {
    let (mut g, mut low, _) = paged(14, 39, &[]);
    let va = RAM + 0x40_0000;
    low.map(va, RAM + 0x4000, AF | NG | UXN, 3);
    let mut other = Builder::new(&g.memory, 14, 39, TABLES + 0x20_0000);
    other.map(va, RAM + 0x8000, AF | NG | UXN, 3);
    g.memory.write_u32(RAM + 0x4000, 1).unwrap();
    g.memory.write_u32(RAM + 0x8000, 2).unwrap();
    for _ in 0..3 {
        for (root, asid, value) in [(low.root, 1u64, 1), (other.root, 2, 2)] {
            g.cpu.write_system(TTBR0_EL1, root | asid << 48);
            assert_eq!(g.cpu.load::<u32>(va, Kind::NORMAL).unwrap(), value);
        }
    }
}
