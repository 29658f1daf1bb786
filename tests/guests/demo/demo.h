/* The demo kernel: the smallest program that is a kernel in the sense of Apple's boot protocol. It is started as XNU is
 * (xnu: osfmk/arm64/start.s and pexpert/pexpert/arm64/boot.h, tag xnu-4903.221.2) and uses what a loader and a machine
 * must offer XNU: boot_args, device tree, memory map, ramdisk, 16 KiB pages, UART, timer FIQ, exceptions, EL0. */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 0x4000UL
#define BLOCK 0x2000000UL /* what an L2 entry maps with 16 KiB pages: 32 MiB */
#define BOOT_LINE_LENGTH 256

/* boot_args of iOS 12 and before. */
struct boot_args {
    uint16_t revision, version;
    uint64_t virt_base, phys_base, mem_size, top_of_kernel_data;
    struct {
        uint64_t base, display, row_bytes, width, height, depth;
    } video;
    uint32_t machine_type;
    uint64_t device_tree; /* a kernel virtual address */
    uint32_t device_tree_length;
    char command_line[BOOT_LINE_LENGTH];
    uint64_t boot_flags, mem_size_actual;
};

/* What an exception saves, in the order of trap.S. */
struct frame {
    uint64_t x[31], sp_el0, elr, spsr, esr, far;
};

/* main.c */
extern struct boot_args boot_args;
void *phys_to_virt(uint64_t pa);

/* console.c */
void console_init(void);
void console_put(char c);
int console_get(void); /* waits; -1 when the other end has hung up */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* devicetree.c */
struct node {
    const uint8_t *at;
};
bool dt_find(const char *path, struct node *found);
const void *dt_property(struct node node, const char *name, uint32_t *length);
uint64_t dt_number(struct node node, const char *name, unsigned index, unsigned bytes);
void dt_each_property(struct node node, void (*each)(const char *name, const uint8_t *value, uint32_t length));

/* mmu.c */
void *map_device(uint64_t pa);
bool map_user(uint64_t va, void *page, bool writable, bool executable);
void use_user_map(void);

/* trap.c */
void timer_show(void);
void exceptions_show(void);

/* hfs.c */
struct file {
    uint64_t size;
    const uint8_t *extents;
};
bool hfs_mount(const uint8_t *volume, uint64_t size);
bool hfs_open(const char *path, struct file *file);
size_t hfs_read(const struct file *file, uint64_t offset, void *to, size_t length);

/* user.c */
int user_run(const char *path);
void system_call(struct frame *frame);

/* start.S, trap.S */
void user_enter(uint64_t pc, uint64_t sp, uint64_t *kernel_sp);
void user_leave(uint64_t kernel_sp) __attribute__((noreturn));
extern uint64_t user_kernel_sp;

/* string.c */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

#define read_sysreg(name) \
    ({ uint64_t v_; __asm__ volatile("mrs %0, " #name : "=r"(v_)); v_; })
#define write_sysreg(name, value) __asm__ volatile("msr " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb() __asm__ volatile("dsb sy" ::: "memory")

#endif
