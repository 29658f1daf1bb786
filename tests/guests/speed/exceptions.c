/* Exceptions: system calls from EL0, and faults that a kernel mends. */
#include "speed.h"

extern const u8 user_syscalls[], user_touch[], user_end[];
void fatal(u64 esr, u64 elr);

static u64 left, faults;

/* `frame` has x0 to x18, x29, x30, SP_EL0, ELR and SPSR. Gives 1 if EL0 is to be left. */
u64 handle_exception(u64 *frame, u64 esr, u64 far) {
    switch (esr >> 26) {
    case 0x15: /* SVC */
        if (frame[8] == 0) {
            left = frame[0];
            return 1;
        }
        frame[0] = fold(frame[0], frame[1] + READ("tpidr_el0"));
        return 0;
    case 0x25: /* data abort at EL1: skip the instruction */
        faults = fold(faults, far + (esr & 0x3f));
        frame[22] += 4;
        return 0;
    case 0x00: /* undefined instruction */
    case 0x3c: /* BRK */
        faults = fold(faults, esr);
        frame[22] += 4;
        return 0;
    default:
        fatal(esr, frame[22]);
        return 0;
    }
}

static void put_user_code(void) {
    const u8 *from = user_syscalls;
    for (u8 *to = mmu_user_code(); from < user_end; from++)
        *to++ = *from;
    synchronise_code(mmu_user_code(), 4096);
}

u64 run_syscalls(unsigned scale) {
    put_user_code();
    WRITE("tpidr_el0", 7);
    enter_user(USER_CODE, 300000ull * scale);
    u64 sum = left;
    for (unsigned i = 0; i < 20000 * scale; i++) {
        enter_user(USER_CODE + (u64)(user_touch - user_syscalls), USER_DATA);
        sum = fold(sum, left);
    }
    return sum;
}

u64 run_faults(unsigned scale) {
    faults = 0;
    for (u64 i = 0; i < 100000ull * scale; i++) {
        asm volatile("ldr xzr, [%0]" ::"r"(0x140000000ull + i * 8) : "memory");
        asm volatile("brk #7" ::: "memory");
        asm volatile("udf #3" ::: "memory");
    }
    return faults;
}
