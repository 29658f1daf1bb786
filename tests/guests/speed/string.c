/* What the compiler calls by itself. */
#include "speed.h"

void *memset(void *at, int value, size_t size) {
    for (u8 *p = at; size--; p++)
        *p = (u8)value;
    return at;
}

void *memcpy(void *to, const void *from, size_t size) {
    u8 *p = to;
    for (const u8 *q = from; size--;)
        *p++ = *q++;
    return to;
}
