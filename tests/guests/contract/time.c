/* The generic timer as a FIQ: CNTP up to iOS 13, CNTV from iOS 14 on; in a virtual machine by way of a GICv3. */
#include "contract.h"

#if XNU < 7195
#define TVAL cntp_tval_el0
#define CTL cntp_ctl_el0
#define OTHER_CTL cntv_ctl_el0
#define OTHER_TVAL cntv_tval_el0
#define COUNT cntpct_el0
#else
#define TVAL cntv_tval_el0
#define CTL cntv_ctl_el0
#define OTHER_CTL cntp_ctl_el0
#define OTHER_TVAL cntp_tval_el0
#define COUNT cntvct_el0
#endif

extern void (*volatile fiq_handler)(void);

#ifdef VMAPPLE
#define ICC_PMR S3_0_C4_C6_0
#define ICC_IAR0 S3_0_C12_C8_0
#define ICC_EOIR0 S3_0_C12_C8_1
#define ICC_BPR0 S3_0_C12_C8_3
#define ICC_CTLR S3_0_C12_C12_4
#define ICC_SRE S3_0_C12_C12_5
#define ICC_IGRPEN0 S3_0_C12_C12_6
static volatile uint64_t acknowledged;

/* The distributor and this CPU's redistributor, as XNU's pe_init_fiq sets them up. */
static void gic_set_up(void) {
    uint64_t base = dt_need("/arm-io", "ranges", 1);
    uint64_t dist = base + dt_need("/arm-io/gic", "reg", 0), redist = base + dt_need("/arm-io/gic", "reg", 2);
    uint64_t size = dt_need("/arm-io/gic", "reg", 3);
    volatile uint8_t *d = map_device(dist, 0x10000), *r = 0;
    uint64_t self = read_sysreg(mpidr_el1) & 0xffff;
    for (uint64_t at = 0; at < size && !r; at += 0x20000) {
        volatile uint8_t *one = map_device(redist + at, 0x20000);
        uint64_t typer = *(volatile uint64_t *)(one + 8);
        if ((typer >> 32 & 0xffff) == self)
            r = one;
        else
            CHECK_EQ(typer & 0x10, 0, "a redistributor for this CPU before the last");
    }
    CHECK(r, "a redistributor");
    volatile uint32_t *waker = (volatile uint32_t *)(r + 0x14);
    *waker &= ~2U;
    for (unsigned i = 0; *waker & 4; i++)
        CHECK(i < 1000, "the redistributor wakes");
    *(volatile uint32_t *)(r + 0x10080) = 0x81ffffff;
    *(volatile uint32_t *)(r + 0x10100) = 1 << 27;
    CHECK_EQ(*(volatile uint32_t *)(r + 0x10100) >> 27 & 1, 1, "interrupt 27 is enabled");
    write_sysreg(ICC_SRE, read_sysreg(ICC_SRE) | 1);
    isb();
    CHECK_EQ(read_sysreg(ICC_SRE) & 1, 1, "ICC_SRE_EL1.SRE");
    write_sysreg(ICC_BPR0, 0);
    write_sysreg(ICC_PMR, 0xff);
    write_sysreg(ICC_CTLR, read_sysreg(ICC_CTLR) & ~2UL);
    *(volatile uint32_t *)d |= 1;
    write_sysreg(ICC_IGRPEN0, 1);
    isb();
}
#endif

static void on_fiq(void) {
    if ((read_sysreg(CTL) & 5) == 5) {
#ifdef VMAPPLE
        acknowledged = read_sysreg(ICC_IAR0);
#endif
        write_sysreg(CTL, 2);
#ifdef VMAPPLE
        write_sysreg(ICC_EOIR0, acknowledged);
        isb();
#endif
    }
}

void contract_timer(void) {
    check_begin("timer");
    uint64_t rate = read_sysreg(cntfrq_el0);
    CHECK(rate >= 1000000 && rate <= 1000000000, "CNTFRQ");
#ifdef VMAPPLE
    gic_set_up();
#endif
    uint64_t first = read_sysreg(cntpct_el0), second = read_sysreg(cntvct_el0);
    CHECK(second - first < rate, "both counters agree: CNTVOFF is 0");
    unsigned before = fiqs;
    fiq_handler = on_fiq;
    write_sysreg(OTHER_CTL, 2); /* masked: XNU leaves the timer that it does not use so */
    uint64_t start = read_sysreg(COUNT);
    write_sysreg(TVAL, rate / 1000);
    write_sysreg(CTL, 1);
    isb();
    __asm__ volatile("dsb sy; wfi"); /* FIQ is masked: a pending one wakes all the same */
    CHECK(read_sysreg(COUNT) - start >= rate / 1000, "WFI does not end before the timer");
    CHECK_EQ(read_sysreg(CTL) & 7, 5, "the timer's condition is met");
    CHECK_EQ(read_sysreg(isr_el1) & 0x40, 0x40, "FIQ is pending");
    CHECK_EQ(fiqs, before, "no FIQ is taken while masked");
    __asm__ volatile("msr daifclr, #1; isb; msr daifset, #1" ::: "memory");
    CHECK_EQ(fiqs, before + 1, "the timer's interrupt is a FIQ");
    CHECK_EQ(irqs, 0, "and no IRQ");
#ifdef VMAPPLE
    CHECK_EQ(acknowledged, 27, "ICC_IAR0 says which");
    CHECK_EQ(read_sysreg(ICC_IAR0), 1023, "and nothing is left");
#endif
    /* A wait of half a minute: IOKit's, which an emulator may skip. */
    start = read_sysreg(COUNT);
    write_sysreg(TVAL, rate * 30);
    write_sysreg(CTL, 1);
    isb();
    while (!(read_sysreg(CTL) & 4))
        __asm__ volatile("dsb sy; wfi");
    CHECK(read_sysreg(COUNT) - start >= rate * 30, "30 seconds pass");
    write_sysreg(CTL, 2);
    isb();
#ifndef VMAPPLE
    /* The other timer reaches FIQ as well. */
    before = fiqs;
    write_sysreg(OTHER_TVAL, 100);
    write_sysreg(OTHER_CTL, 1);
    isb();
    while (!(read_sysreg(OTHER_CTL) & 4))
        ;
    CHECK_EQ(read_sysreg(isr_el1) & 0x40, 0x40, "the other timer is a FIQ too");
    write_sysreg(OTHER_CTL, 2);
    isb();
    CHECK_EQ(read_sysreg(isr_el1) & 0xc0, 0, "nothing is pending");
#endif
}
