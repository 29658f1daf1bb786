/* KTRR and CTRR: the memory controller's range as a loader leaves it, the kernel's lock-down, and reading back. */
#include "contract.h"

#define KTRR_LOCK S3_4_C15_C2_2
#define KTRR_LOWER S3_4_C15_C2_3
#define KTRR_UPPER S3_4_C15_C2_4
#define CTRR_CTL S3_4_C15_C2_5

#if defined(KTRR) || defined(CTRR)
static void lock_mmu(uint64_t begin, uint64_t end) {
    CHECK_EQ(read_sysreg(KTRR_LOCK), 0, "the MMU's range is not locked yet");
    write_sysreg(KTRR_LOWER, begin);
    write_sysreg(KTRR_UPPER, end);
#ifdef CTRR
    write_sysreg(CTRR_CTL, 3);
#endif
    write_sysreg(KTRR_LOCK, 1);
    isb();
    flush_tlb();
    CHECK_EQ(read_sysreg(KTRR_LOWER), begin, "KTRR_LOWER reads back");
    CHECK_EQ(read_sysreg(KTRR_UPPER), end, "KTRR_UPPER reads back");
    CHECK_EQ(read_sysreg(KTRR_LOCK), 1, "KTRR_LOCK reads back");
}

void contract_locks(void) {
    check_begin("lock-down");
    uint64_t begin = dt_need("/chosen/memory-map", "TrustCache", 0) & ~(BIG_PAGE - 1);
#if defined(FILESET)
    uint64_t tree = virt_to_phys((void *)boot_args.device_tree);
    if (tree < begin)
        begin = tree & ~(BIG_PAGE - 1);
#endif
    uint64_t last = virt_to_phys(data_start) - 1; /* __LAST is the page before __DATA */
#if XNU < 7195
    /* DRAM base as the kernel has it on these chips. */
    uint64_t dram = boot_args.phys_base & ~0x1fffffffUL;
    uint64_t base = dt_need("/arm-io", "ranges", 1) + dt_need("/arm-io/mcc", "reg", 0);
    volatile uint8_t *mcc = map_device(base, 0x4000);
    CHECK_EQ(*(volatile uint32_t *)(mcc + 0x780) & 1, 0, "the memory cache is on");
    CHECK_EQ(*(volatile uint32_t *)(mcc + 0x7e4), (begin - dram) >> 14, "the range's first page, as the loader left it");
    CHECK_EQ(*(volatile uint32_t *)(mcc + 0x7e8), (last - dram) >> 14, "the range's last page");
    CHECK_EQ(*(volatile uint32_t *)(mcc + 0x7ec) & 1, 0, "the range is not locked yet");
    *(volatile uint32_t *)(mcc + 0x7ec) = 1;
    CHECK_EQ(*(volatile uint32_t *)(mcc + 0x7ec) & 1, 1, "the range's lock");
    *(volatile uint32_t *)(mcc + 0x7e4) = 0;
    CHECK_EQ(*(volatile uint32_t *)(mcc + 0x7e4), (begin - dram) >> 14, "which keeps it");
#else
    static const char amcc[] = "/chosen/lock-regs/amcc", plane[] = "/chosen/lock-regs/amcc/amcc-ctrr-a";
    uint64_t dram = dt_need("/chosen", "dram-base", 0), size = dt_need(amcc, "aperture-size", 0);
    CHECK_EQ(dt_need(amcc, "aperture-count", 0), 1, "aperture-count");
    unsigned shift = (unsigned)dt_need(plane, "page-size-shift", 0);
    volatile uint8_t *aperture = map_device(dt_need(amcc, "aperture-phys-addr", 0), size);
    for (uint64_t i = 0; i < dt_need(amcc, "plane-count", 0); i++) {
        volatile uint8_t *registers = aperture + (i ? i * dt_need(amcc, "plane-stride", 0) : 0);
        uint64_t lower = dt_need(plane, "lower-limit-reg-offset", 0), upper = dt_need(plane, "upper-limit-reg-offset", 0);
        CHECK(lower + 4 <= size && upper + 4 <= size, "the limits' registers are in the aperture");
        CHECK_EQ(*(volatile uint32_t *)(registers + lower), (begin - dram) >> shift, "the lower limit");
        CHECK_EQ(*(volatile uint32_t *)(registers + upper), (last - dram) >> shift, "the upper limit");
        uint64_t lock = dt_need(plane, "lock-reg-offset", 0), mask = dt_need(plane, "lock-reg-mask", 0);
        CHECK_EQ(*(volatile uint32_t *)(registers + lock) & mask, 0, "the range is not locked yet");
        *(volatile uint32_t *)(registers + lock) = (uint32_t)dt_need(plane, "lock-reg-value", 0);
        CHECK_EQ(*(volatile uint32_t *)(registers + lock) & mask, dt_need(plane, "lock-reg-value", 0), "the lock reads back");
    }
#endif
#ifdef KTRR
    /* The MMU's range stops before __LAST. */
    lock_mmu(begin, virt_to_phys(last_start) - 1);
#else
    lock_mmu(begin, last);
#endif
    uint64_t enforced = 0;
    argument("contract-locks", &enforced);
    volatile uint8_t *text = (volatile uint8_t *)text_start;
    uint64_t alias = IO_WINDOW + 0x140000000UL;
    map_page(alias, virt_to_phys((void *)text), KERNEL_RW);
    uint64_t old = probe_read(alias);
    probe_write(alias, old);
    CHECK_EQ(faulted, enforced, "a store into the locked range faults where locks are enforced");
    uint64_t data = new_page();
    *(uint32_t *)phys_to_virt(data) = 0xd65f03c0; /* ret */
    map_page(alias, data, VALID_PAGE | SHARED | AF | UXN | AP_RO);
    __asm__ volatile("dsb sy; ic iallu; dsb sy; isb" ::: "memory");
    probe_execute(alias);
    CHECK_EQ(faulted, enforced, "and so does the execution of anything outside it");
}
#else
void contract_locks(void) {}
#endif
