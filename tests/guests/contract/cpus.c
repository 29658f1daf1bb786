/* Another CPU: released from reset at the page of the entry, found running at its own MPIDR, signalled, and heard. */
#include "contract.h"

static volatile uint64_t alive, secondary_mpidr, secondary_sctlr;
static volatile unsigned heard;
extern void (*volatile fiq_handler)(void);
#define IPI_RR_GLOBAL S3_5_C15_C0_1
#define IPI_SR S3_5_C15_C1_1

static void on_ipi(void) {
#ifdef FAST_IPI
    if (read_sysreg(IPI_SR) & 1) {
        write_sysreg(IPI_SR, 1);
        isb();
        heard++;
    }
#endif
}

void secondary_main(void) {
    secondary_mpidr = read_sysreg(mpidr_el1);
    secondary_sctlr = read_sysreg(sctlr_el1);
    dsb();
    alive = 1;
    __asm__ volatile("msr daifclr, #1");
    for (;;)
        __asm__ volatile("wfi");
}

/* Waits for a word of another CPU: at most ten seconds of the counter. */
static bool wait_for(volatile uint64_t *word) {
    uint64_t start = read_sysreg(cntpct_el0), patience = read_sysreg(cntfrq_el0) * 10;
    while (!*word && read_sysreg(cntpct_el0) - start < patience)
        __asm__ volatile("yield");
    return *word;
}

void contract_cpus(void) {
    uint64_t count = 1;
    if (!argument("contract-cpus", &count) || count < 2)
        return;
    check_begin("CPUs");
    struct node cpus, cpu;
    uint32_t length;
    bool found = false;
    CHECK(dt_find("/cpus", &cpus), "/cpus");
    for (unsigned i = 0; dt_child(cpus, i, &cpu) && !found; i++)
        found = strcmp(dt_property(cpu, "state", &length), "waiting") == 0;
    CHECK(found, "a waiting CPU");
    uint64_t reg = dt_number(cpu, "reg", 0);
    fiq_handler = on_ipi;
#ifdef VMAPPLE
    uint64_t vector = virt_to_phys(low_reset_vector);
    register uint64_t x0 __asm__("x0") = 0xc4000003, x1 __asm__("x1") = reg, x2 __asm__("x2") = vector, x3 __asm__("x3") = 0;
    __asm__ volatile("hvc #0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3) : "memory");
    CHECK_EQ(x0, 0, "PSCI CPU_ON");
#else
    uint64_t soc = dt_need("/arm-io", "ranges", 1);
    volatile uint8_t *pmgr = map_device(soc + dt_need("/arm-io/pmgr", "reg", 0) + PMGR_START, 0x40);
    volatile uint8_t *control = map_device(dt_number(cpu, "cpu-impl-reg", 0), 0x1000);
    CHECK_EQ(*(volatile uint64_t *)control & 0xfffffffff000, virt_to_phys(low_reset_vector), "RVBAR is the entry's page");
    CHECK_EQ(*(volatile uint32_t *)(control + 0x100) & 0xff, 0, "the CPU is off");
    unsigned core = reg & 0xff, cluster = reg >> 8 & 7;
    *(volatile uint32_t *)(pmgr + 4) = 1U << (4 * cluster + core);
    *(volatile uint32_t *)(pmgr + 8 + 4 * cluster) = 1U << core;
#endif
    CHECK(wait_for(&alive), "the other CPU arrives");
    CHECK_EQ(secondary_mpidr & 0xffff, reg & 0xffff, "its MPIDR is the tree's reg");
    CHECK_EQ(secondary_sctlr & 1, 1, "its MMU is on");
    const char *kind = dt_property(cpu, "cluster-type", &length);
    (void)kind;
#ifdef FAST_IPI
    CHECK_EQ(secondary_mpidr >> 16 & 1, kind && kind[0] == 'P', "MPIDR says which are performance cores");
    write_sysreg(IPI_RR_GLOBAL, (reg & 0xff) | (reg >> 8 & 0xff) << 16);
    isb();
    uint64_t start = read_sysreg(cntpct_el0), patience = read_sysreg(cntfrq_el0) * 10;
    while (!heard && read_sysreg(cntpct_el0) - start < patience)
        __asm__ volatile("yield");
    CHECK_EQ(heard, 1, "it hears a fast IPI");
    /* And this one hears itself. */
    uint64_t self = read_sysreg(mpidr_el1);
    write_sysreg(IPI_RR_GLOBAL, (self & 0xff) | (self >> 8 & 0xff) << 16);
    isb();
    CHECK_EQ(read_sysreg(IPI_SR) & 1, 1, "IPI_SR shows a pending IPI");
    __asm__ volatile("msr daifclr, #1; isb; msr daifset, #1" ::: "memory");
    CHECK_EQ(heard, 2, "which is a FIQ");
    CHECK_EQ(read_sysreg(IPI_SR) & 1, 0, "and gone when cleared");
#endif
}
