/* Translation tables: 4 KiB pages, 39 bits. The first GiB is devices, RAM is blocks of 2 MiB, then come an arena in pages
 * and what belongs to EL0. */
#include "speed.h"

typedef u64 table[512] __attribute__((aligned(4096)));

/* Two address spaces share all but EL0's part. */
static table top[2], ram, paged_middle, paged_leaves[32], user_middle[2], user_leaves[2];

enum {
    TABLE = 3, BLOCK = 1, PAGE = 3, DEVICE = 0 << 2, NORMAL = 1 << 2, INNER_SHAREABLE = 3 << 8, ACCESSED = 1 << 10,
    USER = 1 << 6, READ_ONLY = 1 << 7, NOT_GLOBAL = 1 << 11, PXN = 1ull << 53, UXN = 1ull << 54,
};

void mmu_start(void) {
    for (u64 *word = (u64 *)USER_MEMORY; word < (u64 *)(USER_MEMORY + 0x200000); word++)
        *word = 0;
    for (u64 i = 0; i < 512; i++)
        ram[i] = (0x40000000 + (i << 21)) | BLOCK | NORMAL | INNER_SHAREABLE | ACCESSED | UXN;
    for (u64 t = 0; t < 32; t++) {
        paged_middle[t] = (u64)paged_leaves[t] | TABLE;
        for (u64 i = 0; i < 512; i++)
            paged_leaves[t][i] = ((u64)ARENA + (t << 21) + (i << 12)) | PAGE | NORMAL | INNER_SHAREABLE | ACCESSED | UXN | PXN;
    }
    for (unsigned space = 0; space < 2; space++) {
        top[space][0] = BLOCK | DEVICE | ACCESSED | UXN | PXN;
        top[space][1] = (u64)ram | TABLE;
        top[space][2] = (u64)paged_middle | TABLE;
        top[space][3] = (u64)user_middle[space] | TABLE;
        user_middle[space][0] = (u64)user_leaves[space] | TABLE;
        user_leaves[space][0] = (u64)mmu_user_code() | PAGE | NORMAL | INNER_SHAREABLE | ACCESSED | USER | READ_ONLY | NOT_GLOBAL | PXN;
        for (unsigned page = 0; page < USER_PAGES; page++)
            mmu_user_page(space, page, USER_MEMORY + ((u64)space << 20) + ((u64)page << 12));
    }
    WRITE("mair_el1", 0xff00);
    /* T0SZ 25, 4 KiB, write-back inner shareable; the upper half off; 40 bits of physical address; 16-bit ASIDs. */
    WRITE("tcr_el1", 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2ull << 32 | 1ull << 36);
    WRITE("ttbr0_el1", (u64)top[0] | 1ull << 48);
    asm volatile("dsb ish\n tlbi vmalle1\n dsb ish\n isb" ::: "memory");
    WRITE("sctlr_el1", READ("sctlr_el1") | 0x1005);
    asm volatile("isb" ::: "memory");
}

void mmu_user_page(unsigned space, unsigned page, u64 pa) {
    u64 *leaf = &user_leaves[space][(USER_DATA >> 12 & 511) + page];
    *leaf = pa ? pa | PAGE | NORMAL | INNER_SHAREABLE | ACCESSED | USER | NOT_GLOBAL | PXN | UXN : 0;
}

void mmu_switch(unsigned space) {
    WRITE("ttbr0_el1", (u64)top[space] | (u64)(space + 1) << 48);
    asm volatile("isb" ::: "memory");
}

u8 *mmu_user_code(void) {
    static u8 code[4096] __attribute__((aligned(4096)));
    return code;
}

/* Pages that come and go: each is mapped, written, removed with its TLB entry, and found absent by the MMU. */
u64 run_mmu(unsigned scale) {
    u64 sum = 0;
    for (u64 i = 0; i < 22000ull * scale; i++) {
        u64 page = i % USER_PAGES, va = USER_DATA + (page << 12);
        mmu_user_page(0, page, (u64)ARENA + (i * 37 % 4096 << 12));
        asm volatile("dsb ishst" ::: "memory");
        volatile u64 *word = (u64 *)va;
        word[3] = i;
        sum = fold(sum, word[3] + word[4]);
        mmu_user_page(0, page, 0);
        asm volatile("dsb ishst\n tlbi vae1is, %0\n dsb ish\n isb" ::"r"(va >> 12 | 1ull << 48) : "memory");
        asm volatile("at s1e1r, %0\n isb" ::"r"(va) : "memory");
        sum += READ("par_el1") & 1;
    }
    for (unsigned page = 0; page < USER_PAGES; page++)
        mmu_user_page(0, page, USER_MEMORY + ((u64)page << 12));
    asm volatile("dsb ish\n tlbi vmalle1is\n dsb ish\n isb" ::: "memory");
    return sum;
}

/* Two address spaces in turn, 16 pages touched in each, as a kernel that switches between processes does. */
u64 run_asids(unsigned scale) {
    u64 sum = 0;
    for (u64 i = 0; i < 30000ull * scale; i++) {
        mmu_switch(i & 1);
        for (unsigned page = 0; page < 16; page++) {
            volatile u64 *word = (u64 *)(USER_DATA + ((u64)page << 12));
            word[1] += i;
            sum += word[1];
        }
    }
    mmu_switch(0);
    return sum;
}
