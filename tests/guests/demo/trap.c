/* Exceptions: the timer's FIQ, and two faults of our own making. */
#include "demo.h"

static volatile unsigned ticks;
static uint64_t interval;
static volatile struct {
    uint64_t esr, far, elr;
} last;

extern const char probe_failed[];
uint64_t probe_read(uint64_t va);

void fiq_trap(struct frame *f) {
    (void)f;
    if ((read_sysreg(cntp_ctl_el0) & 5) == 5) {
        ticks++;
        write_sysreg(cntp_tval_el0, interval);
    }
}

void kernel_trap(struct frame *f) {
    last.esr = f->esr;
    last.far = f->far;
    last.elr = f->elr;
    switch (f->esr >> 26) {
    case 0x3c: /* BRK */
        f->elr += 4;
        return;
    case 0x25: /* data abort at this level */
        if (f->elr == (uint64_t)probe_read) {
            f->elr = (uint64_t)probe_failed;
            return;
        }
    }
    print("panic: exception at 0x%lx: ESR 0x%lx FAR 0x%lx\n", f->elr, f->esr, f->far);
    for (;;)
        __asm__ volatile("wfi");
}

void bad_trap(struct frame *f) {
    print("panic: unexpected exception at 0x%lx: ESR 0x%lx SPSR 0x%lx\n", f->elr, f->esr, f->spsr);
}

void user_trap(struct frame *f) {
    if (f->esr >> 26 == 0x15) {
        system_call(f);
        return;
    }
    print("launchd died at 0x%lx: ESR 0x%lx FAR 0x%lx\n", f->elr, f->esr, f->far);
    user_leave(user_kernel_sp);
}

void timer_show(void) {
    struct node cpu;
    uint64_t frequency = read_sysreg(cntfrq_el0);
    if (dt_find("/cpus/cpu0", &cpu))
        frequency = dt_number(cpu, "timebase-frequency", 0, 4);
    interval = frequency / 100;
    uint64_t start = read_sysreg(cntpct_el0);
    write_sysreg(cntp_tval_el0, interval);
    write_sysreg(cntp_ctl_el0, 1);
    __asm__ volatile("msr daifclr, #1");
    while (ticks < 3)
        __asm__ volatile("wfi");
    __asm__ volatile("msr daifset, #1");
    write_sysreg(cntp_ctl_el0, 2);
    uint64_t spent = read_sysreg(cntpct_el0) - start;
    print("timer: %lu Hz, %u ticks of 10 ms taken as FIQ, %s\n", frequency, ticks,
          spent >= 3 * interval ? "none too early" : "TOO EARLY");
}

void exceptions_show(void) {
    __asm__ volatile("brk #0x7e57");
    print("exception: BRK at 0x%lx, ESR 0x%lx\n", last.elr, last.esr);
    uint64_t nowhere = 0xfffffff8deadb000UL;
    uint64_t value = probe_read(nowhere);
    print("exception: data abort, FAR 0x%lx, ESR 0x%lx, %s\n", last.far, last.esr,
          value == ~0UL && last.far == nowhere ? "recovered" : "NOT TAKEN");
}
