/* Page tables. The first map is XNU's: blocks from the header (or, in a fileset, from the link address) to the end of
 * memory, as many as fit, once at their physical and once at their virtual addresses; up to iOS 13 the tables are written
 * at topOfKernelData. Afterwards single pages are added. */
#include "contract.h"

#define TABLE 3UL
#define BLOCK_ENTRY 1UL
#define L1_ENTRIES(tsz) (1UL << (64 - (tsz) - L1_SHIFT))

static uint64_t *virtual_l1, *physical_l1;
static uint8_t tables[48][1UL << 14] __attribute__((aligned(16384)));
static unsigned used_tables;
#if XNU >= 7195
static uint8_t boot_tables[8][1UL << 14] __attribute__((aligned(16384), section(".bss.boot")));
#endif
/* MAIR: 0 write-back, 1 device, 2 normal without cache. */
#define MAIR 0x4400ffUL
#define TCR                                                                                                            \
    ((2UL << 32) | (TG1 << 30) | (3UL << 28) | (1UL << 26) | (1UL << 24) | (T1SZ << 16) | (TG0 << 14) | (3UL << 12) |  \
     (1UL << 10) | (1UL << 8) | T0SZ | (1UL << 37))
/* SA, SA0, nTWE, UCI, DZE, I, C, M, RES1 bits; the keys with pointer authentication. */
#define SCTLR_BASE 0x3454593dUL
#ifdef PAC
#define SCTLR_KEYS ((1UL << 31) | (1UL << 30) | (1UL << 27) | (1UL << 13))
#else
#define SCTLR_KEYS 0UL
#endif

extern uint64_t sctlr_word, slide_word;

static unsigned l1_index(uint64_t va, uint64_t tsz) { return va >> L1_SHIFT & (L1_ENTRIES(tsz) - 1); }
static unsigned l2_index(uint64_t va) { return va >> L2_SHIFT & (ENTRIES - 1); }

/* One of the two maps of the bootstrap; takes tables for its second level from *next. */
static void map_blocks(uint64_t *l1, uint64_t tsz, uint64_t va, uint64_t pa, uint64_t count, uint8_t **next) {
    for (; count; count--, va += BLOCK, pa += BLOCK) {
        uint64_t *entry = &l1[l1_index(va, tsz)];
        if (!*entry) {
            *next += PAGE;
            *entry = (uint64_t)*next | TABLE;
        }
        uint64_t *l2 = (uint64_t *)(*entry & 0xfffffffff000UL & ~(PAGE - 1));
        l2[l2_index(va)] = (pa & ~(BLOCK - 1)) | SHARED | AF | BLOCK_ENTRY;
    }
}

uint64_t bootstrap(const struct boot_args *args) {
    uint64_t base = (uint64_t)text_start;
#ifdef FILESET
    /* XNU: in a collection the base is the link address, slid as this header is; the first command must be a segment. */
    const uint32_t *header = (const uint32_t *)text_start;
    if (header[6] >> 31 && header[8] == 0x19)
        base = base - *(const uint64_t *)(text_start + 0x38) + LINK_ADDRESS;
    else
        for (;;)
            ;
#endif
    uint64_t count = (args->phys_base + args->mem_size - base) >> L2_SHIFT;
#if XNU < 7195
    uint8_t *free = (uint8_t *)args->top_of_kernel_data;
#else
    uint8_t *free = boot_tables[0];
#endif
    for (unsigned i = 0; i < 8 * PAGE / 8; i++)
        ((volatile uint64_t *)free)[i] = 0;
    physical_l1 = (uint64_t *)free;
    virtual_l1 = (uint64_t *)(free + PAGE);
    free += PAGE;
    map_blocks(physical_l1, T0SZ, base, base, count, &free);
    map_blocks(virtual_l1, T1SZ, base - args->phys_base + args->virt_base, base, count, &free);
    sctlr_word = SCTLR_BASE | SCTLR_KEYS;
    return args->virt_base - args->phys_base;
}

/* With the MMU off, so addresses of variables are physical. */
void set_tables(void) {
    write_sysreg(mair_el1, MAIR);
    write_sysreg(tcr_el1, TCR);
    write_sysreg(ttbr0_el1, physical_l1);
    write_sysreg(ttbr1_el1, virtual_l1);
    __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; ic iallu; isb" ::: "memory");
}

uint64_t kernel_ttbr0(void) { return (uint64_t)physical_l1; }
uint64_t kernel_ttbr1(void) { return (uint64_t)virtual_l1; }
uint64_t virt_to_phys(const void *p) { return (uint64_t)p - slide_word; }
void *phys_to_virt(uint64_t pa) { return (void *)(pa + slide_word); }

void flush_tlb(void) { __asm__ volatile("dsb sy; tlbi vmalle1is; dsb sy; isb" ::: "memory"); }

uint64_t new_page(void) {
    if (used_tables == sizeof tables / sizeof tables[0])
        check_failed("tables of the test kernel", used_tables, 0);
    return virt_to_phys(tables[used_tables++]);
}

static void map_in(uint64_t l1_pa, uint64_t tsz, uint64_t va, uint64_t entry) {
    uint64_t *table = phys_to_virt(l1_pa);
    uint64_t *slot = &table[l1_index(va, tsz)];
    for (unsigned level = 2; level <= 3; level++) {
        if (!*slot)
            *slot = new_page() | TABLE;
        table = phys_to_virt(*slot & 0xfffffffff000UL & ~(PAGE - 1));
        slot = level == 2 ? &table[l2_index(va)] : &table[va >> PAGE_SHIFT & (ENTRIES - 1)];
    }
    *slot = entry;
    flush_tlb();
}

void map_page(uint64_t va, uint64_t pa, uint64_t attributes) { map_in(kernel_ttbr1(), T1SZ, va, pa | attributes); }

void map_user(uint64_t va, uint64_t pa, uint64_t attributes) {
    static uint64_t l1;
    if (!l1) {
        l1 = new_page();
        write_sysreg(ttbr0_el1, l1 | 1UL << 48); /* ASID 1 */
        isb();
    }
    map_in(l1, T0SZ, va, pa | attributes);
}

static void *map_range(uint64_t pa, uint64_t size, uint64_t attributes) {
    static uint64_t next = IO_WINDOW;
    uint64_t va = next, first = pa & ~(PAGE - 1);
    for (uint64_t at = first; at < pa + size; at += PAGE, next += PAGE)
        map_page(next, at, attributes);
    return (void *)(va + (pa - first));
}

void *map_device(uint64_t pa, uint64_t size) { return map_range(pa, size, ATTR_DEVICE | KERNEL_RW); }
void *map_memory(uint64_t pa, uint64_t size) { return map_range(pa, size, ATTR_NORMAL | KERNEL_RW); }

#ifdef SPRR
/* Under SPRR no page is both written and executed: the kernel's block becomes pages, other blocks become data. */
void split_kernel_blocks(void) {
    uint64_t *l2 = 0;
    uint64_t block = (uint64_t)text_start & ~(BLOCK - 1);
    for (uint64_t va = block; va < boot_args.virt_base + boot_args.mem_size; va += BLOCK) {
        uint64_t *l1 = phys_to_virt(kernel_ttbr1());
        l2 = phys_to_virt(l1[l1_index(va, T1SZ)] & 0xfffffffff000UL & ~(PAGE - 1));
        uint64_t *entry = &l2[l2_index(va)];
        if ((*entry & 3) != BLOCK_ENTRY)
            continue;
        if (va != block) {
            *entry |= PXN | UXN;
            continue;
        }
        uint64_t table = new_page(), *l3 = phys_to_virt(table);
        for (unsigned i = 0; i < ENTRIES; i++) {
            uint64_t at = va + i * PAGE;
            bool text = at >= (uint64_t)text_exec_start && at < (uint64_t)last_start;
            l3[i] = virt_to_phys((void *)at) | VALID_PAGE | SHARED | AF | UXN | (text ? AP_RO : PXN);
        }
        *entry = table | TABLE;
    }
    flush_tlb();
}
#endif
