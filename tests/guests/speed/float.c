/* Scalar floating point. */
#include "speed.h"

static u64 bits(double x) {
    union { double d; u64 u; } v = {.d = x};
    return v.u;
}

static double root(double x) {
    asm("fsqrt %d0, %d0" : "+w"(x));
    return x;
}

/* Five bodies that attract each other, and a corner of the Mandelbrot set. */
u64 run_double(unsigned scale) {
    static const double start[5][7] = {{0, 0, 0, 0, 0, 0, 39.5}, {4.8, -1.2, -0.1, 0.6, 2.8, -0.02, 0.038}, {8.3, 4.1, -0.4, -1.0, 1.8, 0.008, 0.011},
                                       {12.9, -15.1, -0.2, 1.1, 0.9, -0.01, 0.0017}, {15.4, -25.9, 0.2, 1.0, 0.6, -0.03, 0.002}};
    double body[5][7];
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 7; k++)
            body[i][k] = start[i][k];
    for (u64 step = 0; step < 16000ull * scale; step++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                double dx = body[i][0] - body[j][0], dy = body[i][1] - body[j][1], dz = body[i][2] - body[j][2];
                double square = dx * dx + dy * dy + dz * dz, force = 0.001 / (square * root(square));
                body[i][3] -= dx * body[j][6] * force, body[i][4] -= dy * body[j][6] * force, body[i][5] -= dz * body[j][6] * force;
                body[j][3] += dx * body[i][6] * force, body[j][4] += dy * body[i][6] * force, body[j][5] += dz * body[i][6] * force;
            }
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 3; k++)
                body[i][k] += 0.001 * body[i][k + 3];
    }
    u64 sum = 0, inside = 0;
    for (int i = 0; i < 5; i++)
        sum = fold(sum, bits(body[i][0]) ^ bits(body[i][4]));
    for (unsigned y = 0; y < 12 * scale; y++)
        for (unsigned x = 0; x < 128; x++) {
            double cx = -0.8 + x * 0.003, cy = 0.05 + y % 128 * 0.003, zx = 0, zy = 0;
            unsigned n = 0;
            for (; n < 300 && zx * zx + zy * zy < 4; n++) {
                double t = zx * zx - zy * zy + cx;
                zy = 2 * zx * zy + cy, zx = t;
            }
            inside += n;
        }
    return fold(sum, inside);
}

/* A recursive filter and a polynomial in single precision, with fused and separate operations, minima and maxima. */
u64 run_single(unsigned scale) {
    float y1 = 0, y2 = 0, level = 0;
    u64 sum = 0, state = 17;
    for (u64 i = 0; i < 2500000ull * scale; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        float x = (float)(int)(state >> 40) * 0x1p-24f;
        float y = 0.2f * x + 1.6f * y1 - 0.75f * y2;
        y2 = y1, y1 = y;
        float p = __builtin_fmaf(__builtin_fmaf(__builtin_fmaf(0.0083f, x, -0.1667f), x, 0.5f), x, 1.0f);
        float m = y > p ? y : p;
        level = level * 0.999f + (m < 0 ? -m : m) * 0.001f;
        if (level > 0.9f)
            level -= 0.5f, sum++;
    }
    return fold(sum, bits(level + y1));
}

/* Conversions, rounding and comparing. */
u64 run_convert(unsigned scale) {
    u64 sum = 0, state = 23;
    for (u64 i = 0; i < 2000000ull * scale; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        double d = (double)(long)state * 0x1p-40;
        float f = (float)d;
        sum += (u64)(long)d + (u32)(int)f;
        sum ^= bits(__builtin_floor(d) + __builtin_trunc((double)f));
        double a = __builtin_fabs(d);
        if (a > 1000.0 && d != (double)f)
            sum += (u64)(a * 0.5);
    }
    return sum;
}
