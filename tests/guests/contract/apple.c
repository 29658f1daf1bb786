/* Apple's own: the monitor's call, implementation-defined registers, APRR, pointer authentication, SPRR and guarded mode,
 * the page compressor, and the hypercalls of virtual machines. */
#include "contract.h"

#define TEST_VA (IO_WINDOW + 0x180000000UL)
#define RETURN_INSTRUCTION 0xd65f03c0

static void read_modify_write_registers(void) {
#ifndef VMAPPLE
    /* What XNU's start code does to HID4 (EHID4 on efficiency cores): bits 11 and 44. */
    uint64_t old = read_sysreg(S3_0_C15_C4_0);
    write_sysreg(S3_0_C15_C4_0, old | 1UL << 11 | 1UL << 44);
    CHECK_EQ(read_sysreg(S3_0_C15_C4_0), old | 1UL << 11 | 1UL << 44, "HID4 reads back");
    /* An unknown register: the destination is written, with 0. */
    uint64_t x;
    __asm__ volatile("mov %0, #-1; mrs %0, S3_7_C15_C9_3" : "=&r"(x));
    CHECK_EQ(x, 0, "an unknown register of Apple's reads 0");
    write_sysreg(S3_1_C15_C0_0, 1UL << 11 | 1); /* PMCR0 */
    CHECK_EQ(read_sysreg(S3_1_C15_C0_0) >> 11 & 1, 0, "PMCR0 shows no interrupt");
    write_sysreg(S3_1_C15_C0_0, 0);
#endif
    write_sysreg(mdscr_el1, read_sysreg(mdscr_el1));
}

#ifdef KPP
static void monitor(void) {
    register uint64_t x0 __asm__("x0") = 0x800, x1 __asm__("x1") = 1, x2 __asm__("x2") = 2, x3 __asm__("x3") = 3;
    __asm__ volatile("smc #0x11" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3) : "memory");
    CHECK_EQ(x0, 0, "the monitor's call returns 0");
}
#endif

#ifdef APRR
#define APRR_EL0 S3_4_C15_C2_0
#define APRR_EL1 S3_4_C15_C2_1
#define APRR_EL0_RESET 0x4545010167670101UL
#define APRR_EL1_RESET 0x4455445566666677UL
/* In APRR_EL1, the entry for AP = 00, PXN, executable at EL0: the pages of PPL's data. */
#define PPL_RW 2

static void aprr(void) {
    uint64_t page = new_page();
    write_sysreg(APRR_EL1, APRR_EL1_RESET);
    write_sysreg(APRR_EL0, APRR_EL0_RESET);
    isb();
    CHECK_EQ(read_sysreg(APRR_EL1), APRR_EL1_RESET, "APRR_EL1 reads back");
    CHECK_EQ(read_sysreg(APRR_EL0), APRR_EL0_RESET, "APRR_EL0 reads back");
    map_page(TEST_VA, page, VALID_PAGE | SHARED | AF | PXN);
    probe_write(TEST_VA, 1);
    CHECK(!faulted, "a page of PPL's data is written with APRR as the hardware resets it");
    uint64_t sprr = 1;
    argument("contract-permissions", &sprr);
    write_sysreg(APRR_EL1, (APRR_EL1_RESET & ~(15UL << 4 * PPL_RW)) | 4UL << 4 * PPL_RW);
    isb();
    probe_write(TEST_VA, 2);
    CHECK_EQ(faulted, sprr, "and only read when APRR says so");
    CHECK_EQ(probe_read(TEST_VA), sprr ? 1 : 2, "which it still is");
    write_sysreg(APRR_EL1, APRR_EL1_RESET);
    isb();
    probe_write(TEST_VA, 3);
    CHECK(!faulted, "and written again");
}
#endif

#ifdef PAC
static uint64_t pacia(uint64_t pointer, uint64_t modifier) {
    register uint64_t x0 __asm__("x0") = pointer, x1 __asm__("x1") = modifier;
    __asm__ volatile(".inst 0xdac10020" : "+r"(x0) : "r"(x1));
    return x0;
}
static uint64_t autia(uint64_t pointer, uint64_t modifier) {
    register uint64_t x0 __asm__("x0") = pointer, x1 __asm__("x1") = modifier;
    __asm__ volatile(".inst 0xdac11020" : "+r"(x0) : "r"(x1));
    return x0;
}
static uint64_t xpaci(uint64_t pointer) {
    register uint64_t x0 __asm__("x0") = pointer;
    __asm__ volatile(".inst 0xdac143e0" : "+r"(x0));
    return x0;
}

static void pointer_authentication(void) {
    uint64_t mode = 0; /* 1: off */
    argument("contract-pac", &mode);
#ifdef VMAPPLE
    register uint64_t x0 __asm__("x0") = 0xc1000001, x1 __asm__("x1") = 0, x2 __asm__("x2") = 0, x3 __asm__("x3") = 0,
                         x4 __asm__("x4") = 0;
    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4)::"memory");
    CHECK_EQ(x0, 0, "the hypervisor tells its default keys");
    CHECK(x2 && x3, "which are some");
    uint64_t default_b = x2, default_user = x3;
    x0 = 0xc1000000;
    __asm__ volatile("hvc #0" : "+r"(x0)::"x1", "x2", "x3", "memory");
    CHECK_EQ(x0, 0, "the hypervisor sets the initial keys");
    x0 = 0xc1000003;
    x1 = default_b;
    __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1) : "memory");
    CHECK_EQ(x0, 0, "and the B keys");
    x0 = 0xc1000004;
    x1 = default_user;
    __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1) : "memory");
    CHECK_EQ(x0, 0, "and EL0's diversifier");
    x0 = 0xc10000f0;
    __asm__ volatile("hvc #0" : "+r"(x0)::"memory");
    CHECK((x0 & 0xffffffff) == 0xffffffff, "the probe says that the host is an old one");
    x0 = 0xc3000005;
    __asm__ volatile("hvc #0" : "+r"(x0)::"memory");
    CHECK_EQ(x0, ~0UL, "calls that are not there say so");
#elif defined(APSTS)
    CHECK_EQ(read_sysreg(S3_6_C15_C12_4) & 1, 1, "APSTS says that the M key is valid");
#else
    CHECK_EQ(read_sysreg(S3_4_C15_C0_4) & 2, 2, "APCTL says that the M key is valid");
    write_sysreg(S3_4_C15_C0_4, 0);
    CHECK_EQ(read_sysreg(S3_4_C15_C0_4) & 2, 2, "which cannot be written");
#endif
#ifndef VMAPPLE
    write_sysreg(S3_0_C2_C1_0, 0x1111222233334444);
    write_sysreg(S3_0_C2_C1_1, 0x5555666677778888);
    isb();
    CHECK_EQ(read_sysreg(S3_0_C2_C1_0), 0x1111222233334444, "APIAKey reads back");
#endif
    uint64_t pointer = (uint64_t)text_exec_start, code = pacia(pointer, 0x1234);
    CHECK_EQ(xpaci(code), pointer, "a code is stripped");
    CHECK_EQ(autia(code, 0x1234), pointer, "a signed pointer authenticates");
    if (mode != 1) {
        CHECK(code != pointer, "a pointer is signed");
        uint64_t bad = autia(code, 0x1235);
        CHECK(bad != pointer && bad >> 61 != 7, "a pointer with a wrong modifier is spoilt");
    }
    /* Keys off: XNU compares what it reads back, with SED and ITD as a core without AArch32 has them. */
    uint64_t on = read_sysreg(sctlr_el1);
    CHECK_EQ(on >> 31 & 1, 1, "SCTLR.EnIA is on");
    write_sysreg(sctlr_el1, on & ~(1UL << 31));
    isb();
    CHECK_EQ(read_sysreg(sctlr_el1), ((on & ~(1UL << 31)) | 1UL << 8 | 1UL << 7) & ~(1UL << 5), "SCTLR reads back");
    CHECK_EQ(pacia(pointer, 0x1234), pointer, "EnIA off: pointers stay");
    write_sysreg(sctlr_el1, on);
    isb();
    CHECK_EQ(pacia(pointer, 0x1234), code, "EnIA on: the same code as before");
}
#endif

#ifdef SPRR
#define SPRR_CONFIG S3_6_C15_C1_0
#define SPRR_EL0 S3_6_C15_C1_5
#define GXF_CONFIG S3_6_C15_C1_2
#define GXF_STATUS S3_6_C15_C8_0
#define GXF_ENTRY S3_6_C15_C8_1
#define GXF_ABORT S3_6_C15_C8_2
extern const char gxf_entry[], gxf_abort[], gxf_vectors[];
uint64_t guarded_call(uint64_t function, uint64_t argument);
extern volatile uint64_t gxf_seen[8];

/* Entries of SPRR_EL1 by AP, UXN, PXN, as XNU's abstract permissions are laid out (osfmk/arm64/proc_reg.h). */
static uint64_t entry(unsigned index, uint64_t value) { return value << 4 * index; }

static void guarded_mode(void) {
    uint64_t enforced = 1;
    argument("contract-permissions", &enforced);
    uint64_t page = new_page(), code = new_page();
    *(uint32_t *)phys_to_virt(code) = RETURN_INSTRUCTION;
    __asm__ volatile("dsb sy; ic iallu; dsb sy; isb" ::: "memory");
    /* PPL's data: AP 00, UXN 0, PXN 1: index 1, writable inside and readable outside. PPL's code: AP 10, neither: index 8,
     * executable inside only. The kernel's data: index 3; its text: index 10, and the blocks of the first map: index 0. */
    uint64_t words = entry(0, 5) | entry(1, 14) | entry(2, 5) | entry(3, 15) | entry(4, 15) | entry(5, 15) | entry(6, 15) |
                     entry(7, 15) | entry(8, 4) | entry(9, 5) | entry(10, 5) | entry(11, 10) | entry(12, 10) | entry(13, 10) |
                     entry(14, 10) | entry(15, 10);
    write_sysreg(SPRR_EL1, words);
    write_sysreg(SPRR_EL0, entry(13, 1) | entry(15, 2) | entry(7, 3) | entry(5, 3) | entry(14, 1));
    CHECK_EQ(read_sysreg(SPRR_EL1), words, "SPRR's permissions read back");
    write_sysreg(GXF_CONFIG, 1);
    write_sysreg(GXF_ENTRY, gxf_entry);
    write_sysreg(GXF_ABORT, gxf_abort);
    write_sysreg(GL_VBAR, gxf_vectors);
    uint64_t stack = new_page();
    write_sysreg(GL_SP, (uint64_t)phys_to_virt(stack) + PAGE);
    CHECK_EQ(read_sysreg(GXF_STATUS) & 1, 0, "not in guarded mode");
    uint64_t vbar = read_sysreg(vbar_el1);
    map_page(TEST_VA, page, VALID_PAGE | SHARED | AF | PXN);
    map_page(TEST_VA + PAGE, code, VALID_PAGE | SHARED | AF | AP_RO);
    extern void split_kernel_blocks(void);
    split_kernel_blocks();
    write_sysreg(SPRR_CONFIG, 1);
    isb();
    flush_tlb();
    /* Outside. */
    probe_read(TEST_VA);
    CHECK(!faulted, "PPL's data is read outside guarded mode");
    probe_write(TEST_VA, 1);
    CHECK_EQ(faulted, enforced, "and not written");
    /* Inside. */
    uint64_t result = guarded_call(1, TEST_VA);
    CHECK_EQ(result, 0x9a2ded, "guarded mode is entered and left");
    CHECK_EQ(gxf_seen[0] & 1, 1, "GXF_STATUS inside");
    CHECK_EQ(gxf_seen[1], (uint64_t)gxf_vectors, "the name VBAR_EL1 reaches guarded mode's own inside");
    CHECK_EQ(gxf_seen[2] & 0x3c0, 0x3c0, "everything is masked inside");
    CHECK(gxf_seen[3] > (uint64_t)phys_to_virt(stack) && gxf_seen[3] <= (uint64_t)phys_to_virt(stack) + PAGE, "SP inside is SP_GL1");
    CHECK_EQ(gxf_seen[4] & 31, 3, "ESR_GL1 has genter's number");
    CHECK_EQ(read_sysreg(vbar_el1), vbar, "VBAR_EL1 is the old one outside");
    CHECK_EQ(read_sysreg(GXF_STATUS) & 1, 0, "GXF_STATUS outside");
    CHECK_EQ(probe_read(TEST_VA), 0x9a2d, "PPL's data was written inside");
    if (enforced) {
        /* A branch to what only guarded mode executes arrives at its abort entry. */
        gxf_seen[5] = 0;
        probe_execute(TEST_VA + PAGE);
        CHECK(!faulted, "no abort outside");
        CHECK_EQ(gxf_seen[5], TEST_VA + PAGE, "FAR_GL1 of a branch into guarded mode's code");
        /* Faults inside are guarded mode's own. */
        gxf_seen[6] = 0;
        CHECK_EQ(guarded_call(2, IO_WINDOW + (1UL << 33)), 0x9a2ded, "a fault inside is handled inside");
        CHECK_EQ(gxf_seen[6], IO_WINDOW + (1UL << 33), "with its address in FAR there");
    }
    write_sysreg(SPRR_CONFIG, 0);
    isb();
    flush_tlb();
}
#endif

#if defined(PAC) && !defined(VMAPPLE)
/* wkdmc x0, x1 and wkdmd x0, x1. */
static uint64_t compress(void *page, void *to) {
    register uint64_t x0 __asm__("x0") = (uint64_t)page, x1 __asm__("x1") = (uint64_t)to;
    __asm__ volatile(".inst 0x00200820" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}
static uint64_t decompress(void *from, void *to) {
    register uint64_t x0 __asm__("x0") = (uint64_t)from, x1 __asm__("x1") = (uint64_t)to;
    __asm__ volatile(".inst 0x00200c20" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

static void compressor(void) {
    uint32_t *page = phys_to_virt(new_page()), *packed = phys_to_virt(new_page()), *back = phys_to_virt(new_page());
    for (unsigned i = 0; i < BIG_PAGE / 4; i++)
        page[i] = i % 5 ? 0xfffff000 + i % 64 * 8 : 0;
    uint64_t size = compress(page, packed);
    CHECK(size > 0 && size < BIG_PAGE / 64, "a page is compressed");
    CHECK_EQ(decompress(packed, back), 0, "and decompressed");
    CHECK_EQ(memcmp(page, back, BIG_PAGE), 0, "to what it was");
    memset(page, 0, BIG_PAGE);
    CHECK_EQ(compress(page, packed), 0, "a page of one value has no size");
}
#endif

void contract_apple(void) {
    check_begin("Apple's core");
    read_modify_write_registers();
#ifdef KPP
    monitor();
#endif
#ifdef APRR
    aprr();
#endif
#ifdef PAC
    pointer_authentication();
#endif
#ifdef SPRR
    guarded_mode();
#endif
#if defined(PAC) && !defined(VMAPPLE)
    compressor();
#endif
}
