/* Read-modify-write, the old way and the new. */
#include "speed.h"

static u64 word __attribute__((aligned(64)));
static u32 lock __attribute__((aligned(64)));

u64 run_exclusives(unsigned scale) {
    for (u64 i = 0; i < 2500000ull * scale; i++) {
        u64 old;
        u32 failed, held;
        asm volatile("1: ldxr %0, [%2]\n add %0, %0, %3\n stxr %w1, %0, [%2]\n cbnz %w1, 1b" : "=&r"(old), "=&r"(failed) : "r"(&word), "r"(i) : "memory");
        asm volatile("1: ldaxr %w0, [%2]\n cbnz %w0, 1b\n stxr %w1, %w3, [%2]\n cbnz %w1, 1b" : "=&r"(held), "=&r"(failed) : "r"(&lock), "r"(1) : "memory");
        word ^= old >> 3;
        asm volatile("stlr wzr, [%0]" ::"r"(&lock) : "memory");
    }
    return word;
}

u64 run_lse(unsigned scale) {
    u64 sum = 0;
    for (u64 i = 0; i < 3000000ull * scale; i++) {
        u64 old;
        asm volatile("ldaddal %1, %0, [%2]" : "=r"(old) : "r"(i), "r"(&word) : "memory");
        sum += old;
        old = sum;
        asm volatile("casal %0, %1, [%2]" : "+r"(old) : "r"(sum ^ i), "r"(&word) : "memory");
        asm volatile("swpa %1, %0, [%2]" : "=r"(old) : "r"(old + 1), "r"(&word) : "memory");
        asm volatile("stset %1, [%0]" ::"r"(&word), "r"(i & 0xff) : "memory");
        asm volatile("dmb ish" ::: "memory");
        sum ^= old;
    }
    return sum;
}
