/* Loads and stores: near, far, over many pages, and in bulk. */
#include "speed.h"

struct node {
    struct node *next;
    u64 value[7];
};

/* A list in random order that fits a data cache, and scattered updates over 4 MiB. */
u64 run_memory(unsigned scale) {
    struct node *nodes = (struct node *)ARENA;
    u64 *words = (u64 *)(ARENA + 0x100000), state = 42, sum = 0;
    enum { NODES = 512 };
    static u16 order[NODES];
    for (unsigned i = 0; i < NODES; i++)
        order[i] = (u16)i;
    for (unsigned i = NODES - 1; i > 0; i--) {
        unsigned j = (unsigned)(next_random(&state) % (i + 1));
        u16 t = order[i];
        order[i] = order[j], order[j] = t;
    }
    for (unsigned i = 0; i < NODES; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
        nodes[order[i]].value[3] = next_random(&state);
    }
    for (unsigned i = 0; i < 0x80000; i++)
        words[i] = i;
    struct node *n = nodes;
    for (u64 i = 0; i < 8000000ull * scale; i++) {
        sum += n->value[3];
        n->value[4] = sum;
        n = n->next;
    }
    for (u64 i = 0; i < 2500000ull * scale; i++) {
        u64 r = next_random(&state);
        words[r & 0x7ffff] += r;
        sum ^= words[r >> 40 & 0x7ffff];
    }
    return sum;
}

/* One word in each of many 4 KiB pages: what a TLB holds, and what a walk costs. */
u64 run_pages(unsigned scale) {
    u64 sum = 0, state = 7;
    for (unsigned round = 0; round < 300 * scale; round++)
        for (unsigned page = 0; page < 2048; page++) {
            u64 *word = (u64 *)(PAGED + ((u64)page << 12) + (page * 64 & 0xfff));
            sum += *word;
            *word = sum + round;
        }
    for (u64 i = 0; i < 250000ull * scale; i++) {
        u64 r = next_random(&state);
        sum += *(volatile u64 *)(PAGED + (r & 0x3fff) * 4096 + (r >> 20 & 0xff8));
    }
    return sum;
}

/* As the C library has them: pairs of vector registers, a loop of 64 bytes, DC ZVA. */
static __attribute__((noinline)) void copy(void *to, const void *from, size_t size) {
    asm volatile("1: ldp q0, q1, [%1], #32\n ldp q2, q3, [%1], #32\n subs %2, %2, #64\n"
                 " stp q0, q1, [%0], #32\n stp q2, q3, [%0], #32\n b.ne 1b"
                 : "+r"(to), "+r"(from), "+r"(size)::"v0", "v1", "v2", "v3", "cc", "memory");
}

static __attribute__((noinline)) void copy_words(u64 *to, const u64 *from, size_t size) {
    for (size_t i = 0; i < size / 8; i += 4) {
        u64 a = from[i], b = from[i + 1], c = from[i + 2], d = from[i + 3];
        asm volatile("" ::: "memory");
        to[i] = a, to[i + 1] = b, to[i + 2] = c, to[i + 3] = d;
    }
}

static __attribute__((noinline)) void clear(u8 *at, size_t size) {
    for (u8 *end = at + size; at < end; at += 64)
        asm volatile("dc zva, %0" ::"r"(at) : "memory");
}

u64 run_copies(unsigned scale) {
    u64 *from = (u64 *)ARENA, *to = (u64 *)(ARENA + 0x200000), state = 3, sum = 0;
    for (unsigned i = 0; i < 0x10000; i++)
        from[i] = next_random(&state);
    for (unsigned round = 0; round < 3000 * scale; round++) {
        copy(to, from + round % 64 * 8, 0x8000);
        copy_words(to + 0x2000, from + round % 32 * 8, 0x4000);
        clear((u8 *)(to + 0x4000), 0x8000);
        for (unsigned i = 0; i < 60; i++)
            copy(to + 0x5000 + i * 16, from + i * 16 + round % 8, 192);
        sum = fold(sum, to[round % 0x1000] + to[0x2000 + round % 0x800] + to[0x5000 + round % 512]);
    }
    return sum;
}

/* Byte by byte: strings, tables, a checksum. */
u64 run_bytes(unsigned scale) {
    u8 *text = ARENA;
    u64 state = 5, sum = 0;
    for (unsigned i = 0; i < 0x10000; i++)
        text[i] = (u8)("etaoin shrdlu\n\0,."[next_random(&state) >> 60]);
    text[0xffff] = 0;
    static u32 counts[256];
    for (unsigned round = 0; round < 100 * scale; round++) {
        u32 a = 1, b = 0, words = 0;
        int inside = 0;
        for (unsigned i = 0; i < 0x10000; i++) {
            u8 c = text[i];
            counts[c]++;
            a += c, b += a;
            if (c == ' ' || c == '\n')
                inside = 0;
            else if (!inside)
                inside = 1, words++;
            text[i] = c ^ (c > 'm' ? 1 : 0);
        }
        sum = fold(sum, a + b + words + counts['e']);
    }
    return sum;
}
