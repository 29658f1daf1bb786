/* Vectors. */
#include "speed.h"
#include <arm_neon.h>

/* Blending of pixels with saturation, a 16-bit filter, sums of differences. */
u64 run_neon_integer(unsigned scale) {
    u8 *a = ARENA, *b = ARENA + 0x10000, *out = ARENA + 0x20000;
    u64 state = 31, sum = 0;
    for (unsigned i = 0; i < 0x20000; i++)
        a[i] = (u8)(next_random(&state) >> 56);
    for (unsigned round = 0; round < 60 * scale; round++) {
        uint8x8_t weight = vdup_n_u8((u8)(round * 5)), rest = vdup_n_u8((u8)(255 - round * 5));
        uint32x4_t total = vdupq_n_u32(0);
        for (unsigned i = 0; i < 0x10000; i += 16) {
            uint8x16_t x = vld1q_u8(a + i), y = vld1q_u8(b + i);
            uint16x8_t low = vmlal_u8(vmull_u8(vget_low_u8(x), weight), vget_low_u8(y), rest);
            uint16x8_t high = vmlal_u8(vmull_u8(vget_high_u8(x), weight), vget_high_u8(y), rest);
            uint8x16_t mixed = vcombine_u8(vrshrn_n_u16(low, 8), vrshrn_n_u16(high, 8));
            mixed = vqaddq_u8(mixed, vshrq_n_u8(vabdq_u8(x, y), 2));
            mixed = vbslq_u8(vcgtq_u8(x, y), mixed, vminq_u8(mixed, y));
            vst1q_u8(out + i, mixed);
            total = vpadalq_u16(total, vpaddlq_u8(mixed));
        }
        const int16_t *samples = (const int16_t *)a;
        int32x4_t filter = vdupq_n_s32(0);
        for (unsigned i = 0; i < 0x7f00; i += 8) {
            int16x8_t s = vld1q_s16(samples + i), t = vld1q_s16(samples + i + 1);
            filter = vmlal_s16(filter, vget_low_s16(s), vget_low_s16(t));
            filter = vmlsl_high_s16(filter, s, t);
            filter = vaddw_s16(filter, vqdmulh_s16(vget_high_s16(s), vget_low_s16(t)));
        }
        sum = fold(sum, vaddvq_u32(total) + (u32)vaddvq_s32(filter) + out[round % 0x10000]);
    }
    return sum;
}

/* Products of 64 x 64 matrices by element, and a dot product. */
u64 run_neon_float(unsigned scale) {
    enum { N = 64 };
    float *a = (float *)ARENA, *b = a + N * N, *c = b + N * N;
    u64 state = 37, sum = 0;
    for (unsigned i = 0; i < 2 * N * N; i++)
        a[i] = (float)(int)(next_random(&state) >> 48) * 0x1p-20f;
    for (unsigned round = 0; round < 45 * scale; round++) {
        for (unsigned i = 0; i < N; i += 4)
            for (unsigned j = 0; j < N; j += 4) {
                float32x4_t r0 = vdupq_n_f32(0), r1 = r0, r2 = r0, r3 = r0;
                for (unsigned k = 0; k < N; k += 4)
                    for (unsigned l = 0; l < 4; l++) {
                        float32x4_t v = vld1q_f32(b + (k + l) * N + j);
                        r0 = vfmaq_n_f32(r0, v, a[i * N + k + l]);
                        r1 = vfmaq_n_f32(r1, v, a[(i + 1) * N + k + l]);
                        r2 = vfmaq_n_f32(r2, v, a[(i + 2) * N + k + l]);
                        r3 = vfmaq_n_f32(r3, v, a[(i + 3) * N + k + l]);
                    }
                vst1q_f32(c + i * N + j, r0), vst1q_f32(c + (i + 1) * N + j, r1);
                vst1q_f32(c + (i + 2) * N + j, r2), vst1q_f32(c + (i + 3) * N + j, r3);
            }
        float64x2_t dot = vdupq_n_f64(0);
        for (unsigned i = 0; i < N * N; i += 4) {
            float32x4_t v = vld1q_f32(c + i), w = vsubq_f32(vmulq_f32(v, v), vld1q_f32(a + i));
            dot = vaddq_f64(dot, vcvt_f64_f32(vget_low_f32(vmaxq_f32(v, w))));
            dot = vfmaq_f64(dot, vcvt_high_f64_f32(w), dot);
            if (vgetq_lane_f64(dot, 0) > 1e6)
                dot = vdivq_f64(dot, vdupq_n_f64(1e6));
        }
        union { double d; u64 u; } v = {.d = vaddvq_f64(dot)};
        sum = fold(sum, v.u);
        a[round % (N * N)] += 0.125f;
    }
    return sum;
}

/* Transposition, tables and reversals. */
u64 run_neon_permute(unsigned scale) {
    u8 *data = ARENA;
    u64 state = 41, sum = 0;
    for (unsigned i = 0; i < 0x4000; i++)
        data[i] = (u8)(next_random(&state) >> 56);
    uint8x16_t table = vld1q_u8(data), mask = vdupq_n_u8(15);
    for (unsigned round = 0; round < 350 * scale; round++) {
        uint8x16_t total = vdupq_n_u8(0);
        for (unsigned i = 0; i < 0x4000; i += 64) {
            uint8x16x4_t x = vld1q_u8_x4(data + i);
            uint8x16_t p = vzip1q_u8(x.val[0], x.val[1]), q = vzip2q_u8(x.val[0], x.val[1]);
            uint16x8_t r = vtrn1q_u16(vreinterpretq_u16_u8(p), vreinterpretq_u16_u8(x.val[2]));
            uint32x4_t s = vuzp2q_u32(vreinterpretq_u32_u8(q), vreinterpretq_u32_u8(x.val[3]));
            uint8x16_t t = vqtbl1q_u8(table, vandq_u8(vreinterpretq_u8_u16(r), mask));
            t = veorq_u8(t, vextq_u8(vrev64q_u8(x.val[3]), vreinterpretq_u8_u32(s), 5));
            t = vaddq_u8(t, vcntq_u8(vreinterpretq_u8_u32(s)));
            total = veorq_u8(vaddq_u8(total, t), vdupq_laneq_u8(x.val[1], 3));
            uint8x16x2_t pairs = vld2q_u8(data + i);
            total = vsubq_u8(total, vaddq_u8(pairs.val[0], pairs.val[1]));
        }
        table = vaddq_u8(table, total);
        sum = fold(sum, vgetq_lane_u64(vreinterpretq_u64_u8(total), 1) + vaddvq_u8(total));
    }
    return sum;
}
