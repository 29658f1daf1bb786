/* A kernel that stumbles where XNU does: each obstacle on the way to launchd that a loader or a machine must clear is asked for,
 * and what is missing has the consequence that it has there, with XNU's own words where it has some:
 *
 *   no CPU "running"            panic (osfmk/arm64/machine_routines.c)
 *   KTRR registers not storage  panic (here; XNU's page faults fail)
 *   timer not on FIQ            waits for ever
 *   no chip-epoch               AppleImage4's error, then a wait without end
 *   rd=md0, no ramdisk          panic (iokit/bsddev/IOKitBSDInit.cpp)
 *   secure-root-prefix          waits for ever
 *   launchd missing, no Mach-O, or for another CPU   panic (bsd/kern/kern_exec.c)
 *
 * The rest of it is the demo kernel's. Facts: xnu-4903.221.2. */
#include "obstacles.h"

__attribute__((used)) const char version[] =
    "Darwin Kernel Version 18.2.0: the obstacle kernel of xnuboot; root:xnu-4903.232.2~obstacles/RELEASE_ARM64_T8010";

struct boot_args boot_args;

void *phys_to_virt(uint64_t pa) { return (void *)(pa - boot_args.phys_base + boot_args.virt_base); }

/* The panic log: embedded_panic_header of osfmk/kern/debug.h, packed, then the text. */
static uint8_t *log_ram;
static uint64_t log_size, log_at;
#define LOG_TEXT 0x40

static bool argument(const char *name) {
    size_t n = strlen(name);
    for (const char *p = boot_args.command_line; *p;) {
        const char *end = p;
        while (*end && *end != ' ')
            end++;
        if ((size_t)(end - p) >= n && !memcmp(p, name, n) && (p[n] == '=' || p + n == end))
            return true;
        p = *end ? end + 1 : end;
    }
    return false;
}

static void put32(uint64_t at, uint32_t v) {
    for (int i = 0; i < 4; i++)
        log_ram[at + i] = (uint8_t)(v >> (8 * i));
}

void panic_text(const char *text) {
    for (; *text; text++) {
        if (!argument("silent-panic"))
            console_put(*text);
        if (log_ram && LOG_TEXT + log_at < log_size && log_at < PAGE - LOG_TEXT - 1)
            log_ram[LOG_TEXT + log_at++] = (uint8_t)*text;
    }
}

void panic_hex(uint64_t v) {
    char text[19] = "0x0000000000000000";
    for (int i = 17; i > 1; i--, v >>= 4)
        text[i] = "0123456789abcdef"[v & 15];
    panic_text(text);
}

static void find_log(void) {
    struct node pram;
    uint64_t range[2];
    uint32_t length;
    const uint8_t *value;
    if (!dt_find("/pram", &pram) || !(value = dt_property(pram, "reg", &length)) || length != sizeof range)
        return;
    memcpy(range, value, sizeof range);
    if (range[0] && range[1] >= PAGE) {
        log_ram = map_device(range[0]);
        log_size = range[1];
    }
}

void panic_begin(const char *message, const void *caller) {
    panic_text("panic(cpu 0 caller ");
    panic_hex((uint64_t)caller);
    panic_text("): \"");
    panic_text(message);
    panic_text("\"");
}

void panic_end(void) {
    panic_text("\nDebugger message: panic\nKernel version: ");
    panic_text(version);
    panic_text("\nPanicked task 0xffffffe000000000: 1 threads: pid 0: kernel_task\nPanicked thread: 0x0, backtrace: 0x0, tid: 1\n");
    uint64_t *fp = __builtin_frame_address(0);
    for (int i = 0; i < 8 && fp && !((uint64_t)fp & 15) && fp[1]; i++, fp = (uint64_t *)fp[0]) {
        panic_text("\t\t  lr: ");
        panic_hex(fp[1]);
        panic_text("  fp: ");
        panic_hex(fp[0]);
        panic_text("\n");
    }
    if (log_ram) {
        put32(0x14, LOG_TEXT);
        put32(0x18, (uint32_t)log_at);
        put32(0, 0x46554e4b);
    }
    __asm__ volatile("msr daifset, #15");
    for (;;)
        __asm__ volatile("wfi");
}

static __attribute__((noreturn, noinline)) void panic(const char *message) {
    panic_begin(message, __builtin_return_address(0));
    panic_end();
}

/* As XNU waits for its clock: FIQ open, IRQ closed. */
static __attribute__((noinline)) void wait_for_timer(uint64_t milliseconds) {
    ticks = 0;
    write_sysreg(cntp_tval_el0, read_sysreg(cntfrq_el0) / 1000 * milliseconds);
    write_sysreg(cntp_ctl_el0, 1);
    __asm__ volatile("msr daifclr, #1");
    while (!ticks)
        __asm__ volatile("wfi");
    __asm__ volatile("msr daifset, #1");
}

static __attribute__((noreturn, noinline)) void wait_for_ever(const char *every_minute) {
    for (;;) {
        wait_for_timer(60000);
        print("%s", every_minute);
    }
}

static __attribute__((noinline)) void check_cpus(void) {
    struct node cpu;
    uint32_t length;
    const char *state = dt_find("/cpus/cpu0", &cpu) ? dt_property(cpu, "state", &length) : 0;
    if (!state)
        panic("unable to retrieve state for cpu");
    if (strcmp(state, "running"))
        panic("unable to determine boot cpu!");
}

/* S3_4_C15_C2_3 and C2_4: the range's limits (pexpert/pexpert/arm64/T8010.h, osfmk/arm64/proc_reg.h). */
static __attribute__((noinline)) void check_ktrr(void) {
    uint64_t lower = boot_args.phys_base, upper = boot_args.top_of_kernel_data, l, u;
    __asm__ volatile("msr s3_4_c15_c2_3, %0; msr s3_4_c15_c2_4, %1; isb" ::"r"(lower), "r"(upper));
    __asm__ volatile("mrs %0, s3_4_c15_c2_3; mrs %1, s3_4_c15_c2_4" : "=r"(l), "=r"(u));
    if (l != lower || u != upper)
        panic("rorgn: KTRR limits do not read back");
}

static __attribute__((noinline)) void check_image4(void) {
    struct node chosen;
    uint32_t length = 0;
    if (!dt_find("/chosen", &chosen))
        panic("no /chosen");
    if (!dt_property(chosen, "chip-epoch", &length)) {
        print("AppleImage4: failed to read chip-epoch: 0x60\n");
        wait_for_ever("busy timeout[0], (60s): 'AppleImage4'\n");
    }
    if (length != 4) {
        print("AppleImage4: failed to read chip-epoch: 0x54\n");
        wait_for_ever("busy timeout[0], (60s): 'AppleImage4'\n");
    }
}

static bool find_ramdisk(void) {
    struct node map;
    uint32_t length;
    const uint8_t *value;
    uint64_t range[2];
    if (!dt_find("/chosen/memory-map", &map) || !(value = dt_property(map, "RAMDisk", &length)) || length != 16)
        return false;
    memcpy(range, value, sizeof range);
    return hfs_mount(phys_to_virt(range[0]), range[1]);
}

static void start_launchd(void) {
    struct file file;
    uint32_t head[2] = {0, 0};
    if (!hfs_open("/sbin/launchd", &file))
        panic("Process 1 exec of /sbin/launchd failed, errno 2");
    if (hfs_read(&file, 0, head, sizeof head) != sizeof head || head[0] != 0xfeedfacf)
        panic("Process 1 exec of /sbin/launchd failed, errno 8");
    if (head[1] != 0x0100000c)
        panic("Process 1 exec of /sbin/launchd failed, errno 86");
}

static __attribute__((noreturn)) void power_off(void) {
    register uint64_t x0 __asm__("x0") = 0x84000008; /* PSCI SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(x0)::"memory");
    for (;;)
        __asm__ volatile("wfi");
}

void kernel_main(const struct boot_args *handed_over) {
    struct node root;
    uint32_t length;
    memcpy(&boot_args, handed_over, sizeof boot_args);
    boot_args.command_line[BOOT_LINE_LENGTH - 1] = 0;
    console_init();
    print("%s\n", version);
    find_log();
    check_cpus();
    check_ktrr();
    wait_for_timer(10);
    print("scheduler: timer taken as FIQ\n");
    if (argument("bad-pointer"))
        *(volatile uint32_t *)0xfffffff8deadb000UL = 1;
    check_image4();
    print("AppleImage4: started\n");
    if (argument("wait")) {
        wait_for_timer(30000);
        print("waited 30 s\n");
    }
    if (!find_ramdisk()) {
        if (argument("rd"))
            panic("IOFindBSDRoot: specified root memory device, md0, has not been configured");
        wait_for_ever("Still waiting for root device\n");
    }
    if (dt_find("", &root) && dt_property(root, "secure-root-prefix", &length))
        wait_for_ever("");
    print("BSD root: md0, major 2, minor 0\n");
    start_launchd();
    print("launchd: started\n");
    power_off();
}
