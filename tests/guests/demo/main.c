/* The story that the demo kernel tells on its console, in order. */
#include "demo.h"

/* What kernels are recognised by; this one speaks the boot protocol of iOS 12 on an A10. */
__attribute__((used)) const char version[] =
    "Darwin Kernel Version 18.2.0: the demo kernel of xnuboot; root:xnu-4903.232.2~demo/RELEASE_ARM64_T8010";

struct boot_args boot_args;

void *phys_to_virt(uint64_t pa) { return (void *)(pa - boot_args.phys_base + boot_args.virt_base); }

static void show_range(const char *name, const uint8_t *value, uint32_t length) {
    uint64_t range[2];
    if (length != sizeof range)
        return;
    memcpy(range, value, sizeof range);
    print("  %s at 0x%lx, 0x%lx bytes\n", name, range[0], range[1]);
}

/* Bars in the colours of old test cards, and a frame: something to see in a screenshot. */
static void draw(void) {
    static const uint32_t colours[] = {0xffffff, 0xffff00, 0x00ffff, 0x00ff00, 0xff00ff, 0xff0000, 0x0000ff, 0x202020};
    if (!boot_args.video.base || (boot_args.video.depth & 0xff) != 32)
        return;
    /* The framebuffer lies outside [physBase, physBase + memSize): it is mapped page by page. */
    uint64_t rows = boot_args.video.height, width = boot_args.video.width, stride = boot_args.video.row_bytes;
    uint64_t pages = (rows * stride + PAGE - 1) / PAGE;
    if (pages > 1900 || stride % 4 || width * 4 > stride)
        return;
    uint8_t *screen = map_device(boot_args.video.base);
    for (uint64_t i = 1; i < pages; i++)
        map_device(boot_args.video.base + i * PAGE);
    for (uint64_t y = 0; y < rows; y++)
        for (uint64_t x = 0; x < width; x++) {
            bool edge = x < 4 || y < 4 || x + 4 >= width || y + 4 >= rows;
            *(volatile uint32_t *)(screen + y * stride + x * 4) = edge ? 0xffffff : colours[x * 8 / width];
        }
    print("screen: %lux%lu at 0x%lx, drawn\n", width, rows, boot_args.video.base);
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

static void show_boot_args(void) {
    const struct boot_args *a = &boot_args;
    print("boot_args: revision %u, version %u\n", a->revision, a->version);
    print("  virtBase 0x%lx, physBase 0x%lx, memSize 0x%lx, topOfKernelData 0x%lx\n", a->virt_base, a->phys_base,
          a->mem_size, a->top_of_kernel_data);
    print("  device tree at 0x%lx, 0x%x bytes\n", a->device_tree, a->device_tree_length);
    print("  command line \"%s\"\n", a->command_line);
}

static __attribute__((noreturn)) void power_off(void) {
    register uint64_t x0 __asm__("x0") = 0x84000008; /* PSCI SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(x0)::"memory");
    for (;;)
        __asm__ volatile("wfi");
}

void kernel_main(const struct boot_args *handed_over) {
    memcpy(&boot_args, handed_over, sizeof boot_args);
    boot_args.command_line[BOOT_LINE_LENGTH - 1] = 0;
    console_init();
    print("%s\n", version);
    print("cpu: MIDR 0x%lx, MPIDR 0x%lx, EL%lu, MMU on with 16 KiB pages\n", read_sysreg(midr_el1),
          read_sysreg(mpidr_el1), read_sysreg(currentel) >> 2);
    show_boot_args();
    struct node map;
    if (dt_find("/chosen/memory-map", &map)) {
        print("memory map of the device tree:\n");
        dt_each_property(map, show_range);
    }
    draw();
    timer_show();
    exceptions_show();
    if (find_ramdisk()) {
        char text[256];
        struct file motd;
        print("ramdisk: HFS+ mounted\n");
        if (hfs_open("/private/etc/motd", &motd)) {
            size_t n = hfs_read(&motd, 0, text, sizeof text - 1);
            text[n] = 0;
            print("ramdisk: /private/etc/motd: %s", text);
        }
        int status = user_run("/sbin/launchd");
        print("launchd ended with status %d\n", (unsigned)status);
    } else {
        print("ramdisk: none, or no HFS+ volume on it\n");
    }
    print("demo kernel: powering off\n");
    power_off();
}
