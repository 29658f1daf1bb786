/* The Samsung UART that the device tree names, polled as XNU 4903 does, and a small printf. */
#include <stdarg.h>

#include "demo.h"

enum { UTRSTAT = 0x10, UMSTAT = 0x1c, UTXH = 0x20, URXH = 0x24 };
#define RX_READY 1U
#define TX_EMPTY 4U
#define CTS 1U

static volatile uint8_t *uart;

static uint32_t get(unsigned reg) { return *(volatile uint32_t *)(uart + reg); }
static void put(unsigned reg, uint32_t value) { *(volatile uint32_t *)(uart + reg) = value; }

void console_init(void) {
    struct node io, port;
    if (!dt_find("/arm-io", &io) || !dt_find("/arm-io/uart0", &port))
        return;
    uint32_t length;
    const char *kind = dt_property(port, "compatible", &length);
    if (!kind || strcmp(kind, "uart-1,samsung") != 0)
        return;
    uint64_t pa = dt_number(io, "ranges", 1, 8) + dt_number(port, "reg", 0, 8);
    uart = map_device(pa);
    print("console: uart0 (%s) at 0x%lx, found in the device tree\n", kind, pa);
}

void console_put(char c) {
    if (!uart)
        return;
    while (!(get(UTRSTAT) & TX_EMPTY))
        ;
    put(UTXH, (uint8_t)c);
}

int console_get(void) {
    while (uart) {
        if (get(UTRSTAT) & RX_READY)
            return (int)(get(URXH) & 0xff);
        if (!(get(UMSTAT) & CTS))
            return -1; /* nobody at the other end */
        __asm__ volatile("yield");
    }
    return -1;
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
        console_put(digits[--i]);
}

void print(const char *f, ...) {
    va_list ap;
    va_start(ap, f);
    for (; *f; f++) {
        if (*f == '\n')
            console_put('\r');
        if (*f != '%') {
            console_put(*f);
            continue;
        }
        bool is_long = false;
        if (*++f == 'l') {
            is_long = true;
            f++;
        }
        switch (*f) {
        case 's':
            for (const char *s = va_arg(ap, const char *); *s; s++)
                console_put(*s);
            break;
        case 'c':
            console_put((char)va_arg(ap, int));
            break;
        case 'u':
        case 'd':
            put_number(is_long ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t), 10);
            break;
        case 'x':
            put_number(is_long ? va_arg(ap, uint64_t) : va_arg(ap, uint32_t), 16);
            break;
        default:
            console_put(*f);
        }
    }
    va_end(ap);
}
