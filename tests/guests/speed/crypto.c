/* Instructions for cryptography and checksums. */
#include "speed.h"
#include <arm_acle.h>
#include <arm_neon.h>

/* AES-128 in counter mode, eleven round keys of no particular schedule, with a GHASH-like product. */
u64 run_aes(unsigned scale) {
    u64 state = 43;
    uint8x16_t keys[11], sum = vdupq_n_u8(0);
    uint64x2_t counter = vdupq_n_u64(1);
    for (int i = 0; i < 11; i++)
        keys[i] = vreinterpretq_u8_u64(vcombine_u64(vcreate_u64(next_random(&state)), vcreate_u64(next_random(&state))));
    for (u64 i = 0; i < 500000ull * scale; i++) {
        counter = vaddq_u64(counter, vcombine_u64(vcreate_u64(1), vcreate_u64(i)));
        uint8x16_t block = vreinterpretq_u8_u64(counter);
        for (int round = 0; round < 9; round++)
            block = vaesmcq_u8(vaeseq_u8(block, keys[round]));
        block = veorq_u8(vaeseq_u8(block, keys[9]), keys[10]);
        sum = veorq_u8(sum, block);
        poly128_t product = vmull_p64(vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0), 0x87c3a5e1f0d2b697ull);
        sum = veorq_u8(sum, vreinterpretq_u8_p128(product));
        if (!(i & 15))
            sum = vaesimcq_u8(vaesdq_u8(sum, keys[3]));
    }
    return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0) ^ vgetq_lane_u64(vreinterpretq_u64_u8(sum), 1);
}

u64 run_sha256(unsigned scale) {
    static const u32 constants[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
        0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d,
        0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
        0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
        0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32x4_t abcd = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a}, efgh = {0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint32x4_t m[4] = {abcd, efgh, abcd, efgh};
    for (u64 i = 0; i < 120000ull * scale; i++) {
        uint32x4_t a = abcd, e = efgh;
        m[0] = vaddq_u32(m[0], vdupq_n_u32((u32)i));
        for (int round = 0; round < 16; round++) {
            uint32x4_t words = vaddq_u32(m[round & 3], vld1q_u32(constants + 4 * round)), before = a;
            a = vsha256hq_u32(a, e, words);
            e = vsha256h2q_u32(e, before, words);
            m[round & 3] = vsha256su1q_u32(vsha256su0q_u32(m[round & 3], m[(round + 1) & 3]), m[(round + 2) & 3], m[(round + 3) & 3]);
        }
        abcd = vaddq_u32(abcd, a), efgh = vaddq_u32(efgh, e);
    }
    return vgetq_lane_u64(vreinterpretq_u64_u32(abcd), 0) ^ vgetq_lane_u64(vreinterpretq_u64_u32(efgh), 1);
}

u64 run_crc(unsigned scale) {
    u32 a = 0, b = 0;
    u64 state = 47;
    for (u64 i = 0; i < 2500000ull * scale; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        a = __crc32cd(a, state);
        b = __crc32w(b, (u32)(state >> 32));
        a = __crc32cb(a, (u8)b);
    }
    return (u64)a << 32 | b;
}
