/* Arithmetic without memory, and numbers of many words. */
#include "speed.h"

u64 run_integer(unsigned scale) {
    u64 a = 0x9e3779b97f4a7c15ull, b = 0xbf58476d1ce4e5b9ull, c = 1, sum = 0;
    u32 w = 12345;
    for (u64 i = 0; i < 8000000ull * scale; i++) {
        a += 0x9e3779b97f4a7c15ull;
        b = (b ^ b >> 30) * 0x94d049bb133111ebull + a;
        c = (c << 13 | c >> 51) ^ b;
        w = w * 1664525 + 1013904223 + (u32)(c >> 7 & 0xff);
        sum += c ^ w;
        sum += __builtin_clzll(b | 1) + (int)(w << 3) / 7;
        if (sum & 0x10000)
            a ^= sum & 0xff00ff;
    }
    return sum;
}

enum { WORDS = 32 };

/* Montgomery multiplication of 2,048-bit numbers: long multiplication with carries and high halves. */
static void multiply(u64 *out, const u64 *x, const u64 *y, const u64 *modulus, u64 inverse) {
    u64 t[WORDS + 2] = {0};
    for (int i = 0; i < WORDS; i++) {
        unsigned __int128 carry = 0;
        for (int j = 0; j < WORDS; j++) {
            carry += (unsigned __int128)x[i] * y[j] + t[j];
            t[j] = (u64)carry, carry >>= 64;
        }
        carry += t[WORDS];
        t[WORDS] = (u64)carry, t[WORDS + 1] = (u64)(carry >> 64);
        u64 m = t[0] * inverse;
        carry = (unsigned __int128)m * modulus[0] + t[0], carry >>= 64;
        for (int j = 1; j < WORDS; j++) {
            carry += (unsigned __int128)m * modulus[j] + t[j];
            t[j - 1] = (u64)carry, carry >>= 64;
        }
        carry += t[WORDS];
        t[WORDS - 1] = (u64)carry;
        t[WORDS] = t[WORDS + 1] + (u64)(carry >> 64);
    }
    for (int j = 0; j < WORDS; j++)
        out[j] = t[j];
}

u64 run_bignum(unsigned scale) {
    u64 x[WORDS], y[WORDS], modulus[WORDS], state = 88172645463325252ull, sum = 0;
    for (int i = 0; i < WORDS; i++)
        x[i] = next_random(&state), y[i] = next_random(&state), modulus[i] = next_random(&state);
    modulus[0] |= 1;
    u64 inverse = 1;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - modulus[0] * inverse;
    for (u64 i = 0; i < 9000ull * scale; i++)
        multiply(x, x, y, modulus, -inverse);
    for (int i = 0; i < WORDS; i++)
        sum = fold(sum, x[i]);
    return sum;
}
