/* The serial console as each train finds and polls it, and a small printf. */
#include <stdarg.h>

#include "contract.h"

static volatile uint8_t *uart;
static uint32_t get(unsigned reg) { return *(volatile uint32_t *)(uart + reg); }
static void put(unsigned reg, uint32_t value) { *(volatile uint32_t *)(uart + reg) = value; }

#ifdef VMAPPLE
enum { DR = 0, FR = 0x18 };
static bool ready(void) { return !(get(FR) & 0x20); }
static void send(uint8_t c) { put(DR, c); }
static void set_up(void) {
    put(0x30, 0);
    put(0x04, 0);
    put(0x2c, 0x70);
    put(0x24, 13);
    put(0x28, 2);
    put(0x38, 0);
    put(0x44, 0x7ff);
    put(0x30, 0x301);
}
#else
enum { ULCON = 0, UCON = 4, UFCON = 8, UMCON = 0xc, UTRSTAT = 0x10, UFSTAT = 0x18, UTXH = 0x20, UBRDIV = 0x28 };
#if XNU < 8019
static bool ready(void) { return get(UTRSTAT) & 4; }
#else
static bool ready(void) { return !(get(UFSTAT) & 0x200); }
#endif
static void send(uint8_t c) { put(UTXH, c); }
static void set_up(void) {
    put(ULCON, 3);
    put(UCON, 0x405);
    put(UMCON, 0);
    put(UBRDIV, 12);
    put(UFCON, XNU < 8019 ? 3 : 7);
}
#endif

static void put_char(char c) {
    if (!uart)
        return;
    while (!ready())
        __asm__ volatile("wfe");
    send((uint8_t)c);
}

void console_init(void) {
    struct node io, port;
    uint32_t length;
    const char *kind;
    /* Silence is all that a kernel can say of these. */
    if (!dt_find("/arm-io", &io))
        return;
#if XNU >= 11215
    /* The console is the node of one phandle. */
    struct node defaults;
    if (!dt_find("/defaults", &defaults) || !dt_property(defaults, "serial-device", &length))
        return;
    uint64_t wanted = dt_number(defaults, "serial-device", 0);
    for (unsigned i = 0;; i++) {
        if (!dt_child(io, i, &port))
            return;
        if (dt_property(port, "AAPL,phandle", &length) && dt_number(port, "AAPL,phandle", 0) == wanted)
            break;
    }
#else
    if (!dt_find("/arm-io/uart0", &port))
        return;
#endif
    kind = dt_property(port, "compatible", &length);
#ifndef VMAPPLE
    if (!kind || strcmp(kind, "uart-1,samsung") != 0)
        return;
#endif
#if XNU >= 8792 && XNU < 10002 && !defined(VMAPPLE)
    uint64_t legacy = 0;
    argument("use-legacy-uart", &legacy);
    if (!legacy && !dt_property(port, "enable-legacy-serial", &length))
        return;
#elif XNU >= 10002 && XNU < 11215
    if (dt_property(port, "disable-legacy-uart", &length))
        return;
#endif
    uint64_t pa = dt_number(io, "ranges", 1) + dt_number(port, "reg", 0);
    uart = map_device(pa, dt_number(port, "reg", 1));
    set_up();
    print("console: %s at 0x%lx\n", kind ? kind : "?", pa);
}

static void put_number(uint64_t n, unsigned base) {
    char digits[20];
    unsigned i = 0;
    do {
        unsigned d = n % base;
        digits[i++] = (char)(d < 10 ? '0' + d : 'a' + d - 10);
        n /= base;
    } while (n);
    while (i)
        put_char(digits[--i]);
}

void print(const char *f, ...) {
    va_list ap;
    va_start(ap, f);
    for (; *f; f++) {
        if (*f == '\n')
            put_char('\r');
        if (*f != '%') {
            put_char(*f);
            continue;
        }
        bool is_long = *++f == 'l';
        f += is_long;
        switch (*f) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                put_char(*s);
            break;
        case 'u':
            put_number(is_long ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t), 10);
            break;
        case 'x':
            put_number(is_long ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t), 16);
            break;
        default:
            put_char(*f);
        }
    }
    va_end(ap);
}
