/* The demo's first program, /sbin/launchd on its ramdisk: static, no library, talks to the kernel by system calls. */
#include <stddef.h>
#include <stdint.h>

static long call(long number, long a, long b, long c) {
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x16 __asm__("x16") = number;
    long failed;
    __asm__ volatile("svc #0x80\n\tcset %1, cs" : "+r"(x0), "=r"(failed) : "r"(x1), "r"(x2), "r"(x16) : "memory", "cc");
    return failed ? -x0 : x0;
}

static void say(const char *text) {
    size_t n = 0;
    while (text[n])
        n++;
    call(4, 1, (long)text, (long)n);
}

/* Floating point at EL0: a square root by Newton's method. */
static unsigned root_times_1000(unsigned n) {
    double x = n;
    for (int i = 0; i < 20; i++)
        x = (x + n / x) / 2;
    return (unsigned)(x * 1000);
}

static void say_number(unsigned n) {
    char text[12];
    int i = 11;
    text[i] = 0;
    do
        text[--i] = (char)('0' + n % 10);
    while (n /= 10);
    say(text + i);
}

__attribute__((section(".text.start"), noreturn)) void start(void) {
    static char line[128];
    say("launchd: hello from EL0, pid ");
    say_number((unsigned)call(20, 0, 0, 0));
    say("; 1000 * sqrt(2) = ");
    say_number(root_times_1000(2));
    say("\n");
    long fd = call(5, (long)"/private/etc/fstab", 0, 0);
    if (fd >= 0) {
        long n = call(3, fd, (long)line, sizeof line - 1);
        line[n > 0 ? n : 0] = 0;
        say("launchd: /private/etc/fstab: ");
        say(line);
        call(6, fd, 0, 0);
    }
    say("launchd: a file that is not there: errno ");
    say_number((unsigned)-call(5, (long)"/nowhere", 0, 0));
    say("\nlaunchd: type a line: ");
    long n = call(3, 0, (long)line, sizeof line - 1);
    if (n > 0) {
        if (line[n - 1] == '\n')
            n--;
        line[n] = 0;
        say("launchd: you typed \"");
        say(line);
        say("\"\n");
    } else {
        say("\nlaunchd: nobody typed\n");
    }
    call(1, 0, 0, 0);
    for (;;)
        ;
}
