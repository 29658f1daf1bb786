/* Page tables: 16 KiB granule, 39-bit halves (T0SZ = T1SZ = 25), three levels from L1, as XNU has them on A9 and later. */
#include "demo.h"

#define ENTRIES 2048
#define VALID 1UL
#define TABLE 3UL
#define PAGE_ENTRY 3UL
#define ATTR(n) ((uint64_t)(n) << 2)
#define AP_EL0 (1UL << 6)
#define AP_RO (1UL << 7)
#define SHARED (3UL << 8)
#define AF (1UL << 10)
#define NG (1UL << 11)
#define PXN (1UL << 53)
#define UXN (1UL << 54)

/* MAIR: 0 write-back, 1 device nGnRnE. */
#define MAIR 0x00ffUL
/* TCR: TG1 = 16K (1), TG0 = 16K (2), inner shareable, write-back walks, 40-bit addresses. */
#define TCR ((2UL << 32) | (1UL << 30) | (3UL << 28) | (1UL << 26) | (1UL << 24) | (25UL << 16) | \
             (2UL << 14) | (3UL << 12) | (1UL << 10) | (1UL << 8) | 25UL)

#define DEVICES 0xfffffff400000000UL

typedef uint64_t table[ENTRIES] __attribute__((aligned(16384)));
static table kernel_l1, kernel_l2, kernel_l3, device_l3, boot_l1, boot_l2, user_l1, user_l2, user_l3;

extern const uint8_t text_start[], text_exec_start[], text_exec_end[], data_start[], kernel_end[];

static unsigned l1(uint64_t va) { return va >> 36 & 7; }
static unsigned l2(uint64_t va) { return va >> 25 & (ENTRIES - 1); }
static unsigned l3(uint64_t va) { return va >> 14 & (ENTRIES - 1); }

/* Runs before the MMU is on: addresses of variables are physical here. Returns virtual minus physical. */
uint64_t mmu_bootstrap(const struct boot_args *args) {
    uint64_t physical_text = (uint64_t)text_start;
    /* All RAM from physBase as write-back memory, never executable... */
    uint64_t first = args->virt_base, last = args->virt_base + args->mem_size;
    kernel_l1[l1(first)] = (uint64_t)kernel_l2 | TABLE;
    for (uint64_t va = first; va < last; va += BLOCK)
        kernel_l2[l2(va)] = (args->phys_base + (va - first)) | ATTR(0) | SHARED | AF | PXN | UXN | VALID;
    /* ...but the block of the kernel in pages, so that its text cannot be written and its data not be run. */
    uint64_t block = physical_text & ~(BLOCK - 1);
    uint64_t slide = args->virt_base - args->phys_base;
    kernel_l2[l2(block + slide)] = (uint64_t)kernel_l3 | TABLE;
    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t pa = block + i * PAGE;
        uint64_t entry = pa | ATTR(0) | SHARED | AF | UXN | PAGE_ENTRY;
        if (pa >= (uint64_t)text_exec_start && pa < (uint64_t)text_exec_end)
            entry |= AP_RO;
        else if (pa >= physical_text && pa < (uint64_t)data_start)
            entry |= AP_RO | PXN;
        else
            entry |= PXN;
        kernel_l3[i] = entry;
    }
    kernel_l2[l2(DEVICES)] = (uint64_t)device_l3 | TABLE;
    /* The identity map carries the code over the moment when the MMU comes on. */
    boot_l1[l1(physical_text)] = (uint64_t)boot_l2 | TABLE;
    boot_l2[l2(physical_text)] = block | ATTR(0) | SHARED | AF | VALID;
    write_sysreg(mair_el1, MAIR);
    write_sysreg(tcr_el1, TCR);
    write_sysreg(ttbr0_el1, (uint64_t)boot_l1);
    write_sysreg(ttbr1_el1, (uint64_t)kernel_l1);
    __asm__ volatile("dsb sy; tlbi vmalle1; dsb sy; isb" ::: "memory");
    return slide;
}

static uint64_t virt_to_phys(const void *p) { return (uint64_t)p - boot_args.virt_base + boot_args.phys_base; }

void *map_device(uint64_t pa) {
    static unsigned used;
    uint64_t va = DEVICES + used * PAGE;
    device_l3[used++] = (pa & ~(PAGE - 1)) | ATTR(1) | AF | PXN | UXN | PAGE_ENTRY;
    dsb();
    isb();
    return (void *)(va + (pa & (PAGE - 1)));
}

bool map_user(uint64_t va, void *page, bool writable, bool executable) {
    if (va >> 36)
        return false;
    static uint64_t block = ~0UL;
    if (block == ~0UL)
        block = va & ~(BLOCK - 1);
    if ((va & ~(BLOCK - 1)) != block)
        return false; /* one block of 32 MiB is all that this kernel gives a program */
    user_l1[l1(va)] = virt_to_phys(user_l2) | TABLE;
    user_l2[l2(va)] = virt_to_phys(user_l3) | TABLE;
    user_l3[l3(va)] = virt_to_phys(page) | ATTR(0) | SHARED | AF | NG | AP_EL0 | (writable ? 0 : AP_RO) | PXN |
                      (executable ? 0 : UXN) | PAGE_ENTRY;
    dsb();
    return true;
}

void use_user_map(void) {
    write_sysreg(ttbr0_el1, virt_to_phys(user_l1) | 1UL << 48); /* ASID 1 */
    __asm__ volatile("isb; tlbi vmalle1; dsb sy; isb" ::: "memory");
}
