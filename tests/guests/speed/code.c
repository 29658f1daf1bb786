/* Code that has never run, and code that changes. */
#include "speed.h"

void synchronise_code(void *start, size_t size) {
    for (u8 *line = start; line < (u8 *)start + size; line += 64)
        asm volatile("dc cvau, %0" ::"r"(line) : "memory");
    asm volatile("dsb ish" ::: "memory");
    for (u8 *line = start; line < (u8 *)start + size; line += 64)
        asm volatile("ic ivau, %0" ::"r"(line) : "memory");
    asm volatile("dsb ish\n isb" ::: "memory");
}

#define RETURN 0xd65f03c0u

/* A function of straight code, loads, stores and short branches over x0, x1 (data) and x2 to x7, all at random. */
static u32 *generate(u32 *at, u64 *state) {
    for (unsigned i = 0; i < 24; i++) {
        u64 r = next_random(state);
        u32 d = 2 + (r >> 8 & 3), n = 2 + (r >> 16 & 3), m = r >> 24 & 3 ? 2 + (r >> 26 & 3) : 0;
        switch (r & 7) {
        case 0: *at++ = 0x8b000000 | m << 16 | n << 5 | d; break;                              /* add */
        case 1: *at++ = 0xca000000 | m << 16 | (r >> 32 & 31) << 10 | n << 5 | d; break;       /* eor, shifted */
        case 2: *at++ = 0x91000000 | (r >> 32 & 0xfff) << 10 | n << 5 | d; break;              /* add immediate */
        case 3: *at++ = 0xf9400000 | (r >> 32 & 63) << 10 | 1 << 5 | d; break;                 /* ldr */
        case 4: *at++ = 0xf9000000 | (r >> 32 & 63) << 10 | 1 << 5 | n; break;                 /* str */
        case 5: *at++ = 0x9b007c00 | m << 16 | n << 5 | d; break;                              /* mul */
        case 6: *at++ = 0xb4000000 | 2 << 5 | n, *at++ = 0xaa000000 | m << 16 | n << 5 | d; break; /* cbz over orr */
        case 7: *at++ = 0xeb00001f | m << 16 | n << 5, *at++ = 0x9a800000 | n << 16 | (r >> 40 & 13) << 12 | d << 5 | d; break; /* cmp, csel */
        }
    }
    *at++ = 0x8b000000 | 2 << 16; /* add x0, x0, x2 */
    *at++ = 0xca000000 | 3 << 16; /* eor x0, x0, x3 */
    *at++ = RETURN;
    return at;
}

static u64 call(u32 *code, u64 argument, u64 *data) {
    register u64 x0 asm("x0") = argument;
    register u64 *x1 asm("x1") = data;
    asm volatile("mov x2, #3\n mov x3, #5\n mov x4, x0\n mov x5, #9\n blr %2" : "+r"(x0), "+r"(x1) : "r"(code) : "x2", "x3", "x4", "x5", "x6", "x7", "x30", "cc", "memory");
    return x0;
}

/* Functions that run twice each and are then replaced: what translating costs. */
u64 run_cold(unsigned scale) {
    u64 *data = (u64 *)ARENA, state = 53, sum = 0;
    u32 *area = (u32 *)(ARENA + 0x100000);
    for (unsigned i = 0; i < 64; i++)
        data[i] = i;
    for (unsigned round = 0; round < scale; round++) {
        static u32 *starts[4000];
        u32 *at = area;
        for (unsigned i = 0; i < 4000; i++)
            starts[i] = at, at = generate(at, &state);
        synchronise_code(area, (size_t)((u8 *)at - (u8 *)area));
        for (unsigned pass = 0; pass < 2; pass++)
            for (unsigned i = 0; i < 4000; i++)
                sum = call(starts[i], sum, data);
    }
    return sum;
}

/* One instruction of a small function is changed before each 20 calls, as a just-in-time compiler patches its code. */
u64 run_patched(unsigned scale) {
    u64 *data = (u64 *)ARENA, sum = 0;
    u32 *code = (u32 *)(ARENA + 0x100000);
    code[0] = 0x91000400, code[1] = 0xca000000 | 4 << 16 | 7 << 10, code[2] = RETURN;
    for (u64 i = 0; i < 6000ull * scale; i++) {
        code[0] = 0x91000000 | (i & 0xfff) << 10; /* add x0, x0, #i */
        synchronise_code(code, 12);
        for (unsigned n = 0; n < 20; n++)
            sum = call(code, sum, data);
    }
    return sum;
}
