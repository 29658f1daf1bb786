/* Branches: taken by pattern and by chance, through tables, calls and returns. */
#include "speed.h"

u64 run_branches(unsigned scale) {
    u64 sum = 0;
    for (u64 start = 1; start < 11000ull * scale; start++)
        for (u64 n = start; n != 1; sum++) {
            if (n & 1)
                n = 3 * n + 1;
            else
                n >>= 1;
            if (n < start && (n ^ start) & 0x40)
                sum += 3;
        }
    return sum;
}

static void sort(u32 *low, u32 *high) {
    while (low < high) {
        u32 pivot = low[(high - low) / 2], *i = low, *j = high;
        do {
            while (*i < pivot)
                i++;
            while (*j > pivot)
                j--;
            if (i <= j) {
                u32 t = *i;
                *i++ = *j, *j-- = t;
            }
        } while (i <= j);
        if (j - low < high - i)
            sort(low, j), low = i;
        else
            sort(i, high), high = j;
    }
}

u64 run_sort(unsigned scale) {
    u32 *numbers = (u32 *)ARENA;
    u64 state = 1234567, sum = 0;
    for (unsigned round = 0; round < 14 * scale; round++) {
        for (unsigned i = 0; i < 40000; i++)
            numbers[i] = (u32)next_random(&state);
        sort(numbers, numbers + 39999);
        for (unsigned i = 0; i < 40000; i += 997)
            sum = fold(sum, numbers[i]);
    }
    return sum;
}

/* An interpreter of byte code, as those of scripting languages are made: one indirect branch an instruction. */
u64 run_dispatch(unsigned scale) {
    static const void *const labels[] = {&&push, &&add, &&mul, &&xor, &&swap, &&load, &&store, &&loop, &&shift, &&end};
    static const u8 code[] = {5, 0, 0, 17, 1, 5, 1, 3, 0, 5, 2, 6, 1, 8, 3, 5, 0, 1, 4, 3, 6, 0, 5, 2, 0, 1, 1, 6, 2, 7, 9};
    u64 variables[4] = {1, 2, 3, 0}, stack[16] = {0}, *top = stack, left = 1100000ull * scale;
    const u8 *pc = code;
    goto *labels[*pc++];
push:
    *++top = *pc++;
    goto *labels[*pc++];
add:
    top--, *top += top[1];
    goto *labels[*pc++];
mul:
    top--, *top *= top[1] | 1;
    goto *labels[*pc++];
xor:
    top--, *top ^= top[1];
    goto *labels[*pc++];
swap: {
    u64 t = *top;
    *top = top[-1], top[-1] = t;
    goto *labels[*pc++];
}
load:
    *++top = variables[*pc++];
    goto *labels[*pc++];
store:
    variables[*pc++] = *top--;
    goto *labels[*pc++];
shift:
    *top = *top << *pc | *top >> 61, pc++;
    goto *labels[*pc++];
loop:
    top = stack + 4;
    pc = --left ? code : pc;
    goto *labels[*pc++];
end:
    return fold(fold(fold(0, variables[0]), variables[1]), variables[2]);
}

static __attribute__((noinline)) u64 fibonacci(unsigned n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

static __attribute__((noinline)) u64 twice(u64 x) { return x * 2 + 1; }
static __attribute__((noinline)) u64 half(u64 x) { return (x >> 1) ^ 0x55; }
static __attribute__((noinline)) u64 mixed(u64 x) { return x ^ x << 7; }
static __attribute__((noinline)) u64 both(u64 x) { return twice(half(x)) + mixed(x); }

u64 run_calls(unsigned scale) {
    u64 (*const methods[])(u64) = {twice, half, mixed, both};
    u64 x = 1, state = 99;
    for (unsigned i = 0; i < scale; i++)
        x += fibonacci(29);
    for (u64 i = 0; i < 1500000ull * scale; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        x = methods[state >> 33 & 3](x);
    }
    return x;
}
