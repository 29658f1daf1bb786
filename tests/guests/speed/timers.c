/* Interrupts, the counter, and a device's registers. */
#include "speed.h"

void (*irq_handler)(void);
static volatile u64 taken;

/* The virtual timer's interrupt, PPI 27, through a GICv3. */
static void take_timer(void) {
    u64 id = READ("s3_0_c12_c12_0");
    WRITE("cntv_ctl_el0", 0);
    WRITE("s3_0_c12_c12_1", id);
    taken += id;
}

static void gic_start(void) {
    volatile u32 *distributor = (u32 *)0x8000000, *redistributor = (u32 *)0x80a0000, *private = (u32 *)0x80b0000;
    distributor[0] = 0x12;                /* affinity routing, group 1 */
    redistributor[5] &= ~2u;              /* GICR_WAKER: awake */
    while (redistributor[5] & 4)
        ;
    private[0x80 / 4] = ~0u;              /* group 1 */
    private[0x100 / 4] = 1 << 27;
    WRITE("s3_0_c12_c12_5", READ("s3_0_c12_c12_5") | 1); /* ICC_SRE_EL1 */
    asm volatile("isb");
    WRITE("s3_0_c4_c6_0", 0xff);          /* ICC_PMR_EL1 */
    WRITE("s3_0_c12_c12_7", 1);           /* ICC_IGRPEN1_EL1 */
    asm volatile("isb");
}

/* Timers that are due when they are set. */
u64 run_interrupts(unsigned scale) {
    irq_handler = take_timer;
    taken = 0;
    gic_start();
    asm volatile("msr daifclr, #2" ::: "memory");
    for (u64 i = 0; i < 30000ull * scale; i++) {
        u64 before = taken;
        WRITE("cntv_cval_el0", 0);
        WRITE("cntv_ctl_el0", 1);
        asm volatile("isb");
        while (taken == before)
            ;
    }
    asm volatile("msr daifset, #2" ::: "memory");
    return taken;
}

/* Reads of the counter and of registers that kernels read all the time. */
u64 run_counter(unsigned scale) {
    u64 sum = 0, last = 0, backwards = 0;
    WRITE("tpidr_el1", 5);
    for (u64 i = 0; i < 1000000ull * scale; i++) {
        u64 now = READ("cntvct_el0");
        backwards += now < last;
        last = now;
        WRITE("tpidr_el0", i);
        sum += READ("tpidr_el1") + READ("tpidr_el0");
        asm volatile("msr daifset, #2\n msr daifclr, #0" ::: "memory");
        sum ^= READ("daif") + READ("sp_el0") * 0;
    }
    return fold(sum, backwards);
}

u64 run_devices(unsigned scale) {
    volatile u32 *uart = (u32 *)0x9000000;
    u64 sum = 0;
    for (u64 i = 0; i < 600000ull * scale; i++) {
        uart[0x24 / 4] = (u32)(i & 63); /* UARTIBRD: remembered, no more */
        sum = fold(sum, (uart[0x18 / 4] & 0x20) + uart[0x24 / 4]);
    }
    return sum;
}
