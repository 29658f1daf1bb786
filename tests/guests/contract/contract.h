/* The boot contract, from the kernel's side: small kernels, one for each train and shape of XNU, that are started as XNU
 * is, behave as its start code, console, timer, lock-down and memory code do, and check everything that a loader and a
 * machine owe them. The last line is "contract: ok", or the first thing that is not as it should be.
 *
 * Facts: XNU's source at its release tags (osfmk/arm64/start.s, arm_vm_init.c, amcc_rorgn.c, locore.s, pexpert/arm/
 * pe_serial.c, pe_fiq.c, pe_identify_machine.c, pexpert/pexpert/arm64/boot.h). Nothing of it is copied. */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* XNU: the train; SOC and SOC_TEXT: the chip; what follows is derived where it can be. */
#if defined(KERNEL_A7)
#define XNU 4570
#define SOC_TEXT "S5L8960X"
#define PART 0x001
#define PAGE_SHIFT 12
#define KPP 1
#define PMGR_START 0x30000
#elif defined(KERNEL_A9)
#define XNU 4903
#define SOC_TEXT "S8000"
#define PART 0x004
#define KPP 1
#define PMGR_START 0xd4000
#elif defined(KERNEL_A10)
#define XNU 4903
#define SOC_TEXT "T8010"
#define PART 0x006
#define KTRR 1
#define PAN 1
#define PMGR_START 0xd4000
#elif defined(KERNEL_A11)
#define XNU 6153
#define SOC_TEXT "T8015"
#define PART 0x009 /* CPU 0 is an efficiency core */
#define KTRR 1
#define PAN 1
#define APRR 1
#define FAST_IPI 1
#define PMGR_START 0xd4000
#elif defined(KERNEL_A12)
#define XNU 7195
#define SOC_TEXT "T8020"
#define PART 0x00c
#define CTRR 1
#define PAN 1
#define APRR 1
#define PAC 1
#define FAST_IPI 1
#define THREADED 1
#define PMGR_START 0xd4000
#elif defined(KERNEL_A13)
#define XNU 8019
#define SOC_TEXT "T8030"
#define PART 0x013
#define CTRR 1
#define PAN 1
#define PAC 1
#define FAST_IPI 1
#define FILESET 1
#define SPRR 1
#define SPRR_EL1 S3_6_C15_C3_0
#define GL_SP S3_6_C15_C9_0
#define GL_VBAR S3_6_C15_C9_2
#define PMGR_START 0xd4000
#elif defined(KERNEL_A14)
#define XNU 10002
#define SOC_TEXT "T8101"
#define PART 0x020
#define CTRR 1
#define PAN 1
#define PAC 1
#define APSTS 1
#define FAST_IPI 1
#define FILESET 1
#define SPRR 1
#define SPRR_EL1 S3_6_C15_C1_6
#define GL_SP S3_6_C15_C10_0
#define GL_VBAR S3_6_C15_C10_2
#define PMGR_START 0x54000
#elif defined(KERNEL_M1)
#define XNU 11417
#define SOC_TEXT "T8103"
#define PART 0x022
#define CTRR 1
#define PAN 1
#define PAC 1
#define APSTS 1
#define FAST_IPI 1
#define FILESET 1
#define MAC 1
#define SPRR 1
#define SPRR_EL1 S3_6_C15_C1_6
#define GL_SP S3_6_C15_C10_0
#define GL_VBAR S3_6_C15_C10_2
#define PMGR_START 0x54000
#elif defined(KERNEL_VMAPPLE)
#define XNU 8792
#define SOC_TEXT "VMAPPLE"
#define PART 0x023
#define PAN 1
#define PAC 1
#define FILESET 1
#define MAC 1
#define VMAPPLE 1
#else
#error no kernel chosen
#endif

#ifndef PAGE_SHIFT
#define PAGE_SHIFT 14
#endif
#define PAGE (1UL << PAGE_SHIFT)
/* What placement is counted in, whatever the hardware's page. */
#define BIG_PAGE 0x4000UL
#if PAGE_SHIFT == 12
#define L1_SHIFT 30
#define L2_SHIFT 21
#define TG0 0UL
#define TG1 2UL
#else
#define L1_SHIFT 36
#define L2_SHIFT 25
#define TG0 2UL
#define TG1 1UL
#endif
#define ENTRIES (PAGE / 8)
#define BLOCK (1UL << L2_SHIFT)
#ifdef MAC
#define LINK_ADDRESS 0xfffffe0007004000UL
#define T1SZ 17UL
#define IO_WINDOW 0xfffffe4000000000UL
#else
#define LINK_ADDRESS 0xfffffff007004000UL
#define T1SZ 25UL
#define IO_WINDOW 0xfffffff400000000UL
#endif
#define T0SZ 25UL

#ifdef FILESET
#define LINK_BASE_INNER (LINK_ADDRESS + 0x4000) /* behind the collection's header */
#endif
#if !defined(FILESET) && !defined(THREADED)
#define KERNEL_SPLIT 1 /* kexts in a segment of their own, far below */
#endif
#if XNU == 4570
#define DARWIN 17
#elif XNU == 4903
#define DARWIN 18
#elif XNU == 6153
#define DARWIN 19
#elif XNU == 7195
#define DARWIN 20
#elif XNU == 8019
#define DARWIN 21
#elif XNU == 8792
#define DARWIN 22
#elif XNU == 10002
#define DARWIN 23
#else
#define DARWIN 24
#endif

#if XNU < 6153
#define BOOT_LINE_LENGTH 256
#elif XNU < 10002
#define BOOT_LINE_LENGTH 608
#else
#define BOOT_LINE_LENGTH 1024
#endif

struct boot_args {
    uint16_t revision, version;
    uint64_t virt_base, phys_base, mem_size, top_of_kernel_data;
    struct {
        uint64_t base, display, row_bytes, width, height, depth;
    } video;
    uint32_t machine_type;
    uint64_t device_tree;
    uint32_t device_tree_length;
    char command_line[BOOT_LINE_LENGTH];
    uint64_t boot_flags, mem_size_actual;
};

/* Registers at the first instruction, in the order in which start.S stores them. */
struct entry_state {
    uint64_t x0, x1, x2, x3, currentel, spsel, daif, sctlr, cpacr, tpidrro, pc, vbar;
};

struct frame {
    uint64_t x[31], elr, spsr, esr, far;
};

extern struct entry_state entry_state;
extern struct boot_args boot_args;
extern const uint8_t text_start[], data_const_start[], text_exec_start[], last_start[], data_start[], kernel_end[];

/* check.c: prints what is wrong and ends; counts what is right. */
void check_failed(const char *what, uint64_t got, uint64_t wanted) __attribute__((noreturn));
void check_begin(const char *area);
extern unsigned checks;
#define CHECK(condition, what) CHECK_EQ(!!(condition), 1, what)
#define CHECK_EQ(got, wanted, what)                                                                                    \
    do {                                                                                                               \
        uint64_t got_ = (uint64_t)(got), wanted_ = (uint64_t)(wanted);                                                 \
        checks++;                                                                                                      \
        if (got_ != wanted_)                                                                                           \
            check_failed(what, got_, wanted_);                                                                         \
    } while (0)

/* console.c */
void console_init(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* devicetree.c */
struct node {
    const uint8_t *at;
};
void dt_check(void);
bool dt_find(const char *path, struct node *found);
const void *dt_property(struct node node, const char *name, uint32_t *length);
uint64_t dt_number(struct node node, const char *name, unsigned index);
uint64_t dt_need(const char *path, const char *name, unsigned index);
bool dt_child(struct node node, unsigned index, struct node *child);
bool argument(const char *name, uint64_t *value);

/* mmu.c */
uint64_t bootstrap(const struct boot_args *args);
void mmu_on(uint64_t slide);
uint64_t kernel_ttbr0(void), kernel_ttbr1(void);
void *map_device(uint64_t pa, uint64_t size);
void *map_memory(uint64_t pa, uint64_t size); /* what the first map does not reach */
void map_page(uint64_t va, uint64_t pa, uint64_t attributes);
void map_user(uint64_t va, uint64_t pa, uint64_t attributes);
uint64_t virt_to_phys(const void *p);
void *phys_to_virt(uint64_t pa);
void flush_tlb(void);
uint64_t new_page(void); /* physical address of a zeroed page of ours */
#define VALID_PAGE 3UL
#define ATTR_NORMAL 0UL
#define ATTR_DEVICE (1UL << 2)
#define AP_EL0 (1UL << 6)
#define AP_RO (1UL << 7)
#define SHARED (3UL << 8)
#define AF (1UL << 10)
#define NG (1UL << 11)
#define PXN (1UL << 53)
#define UXN (1UL << 54)
#define KERNEL_RW (VALID_PAGE | SHARED | AF | PXN | UXN)

/* trap.c */
extern volatile unsigned fiqs, irqs;
struct fault {
    uint64_t esr, far, elr;
};
uint64_t probe_read(uint64_t va);
uint64_t probe_write(uint64_t va, uint64_t value);
uint64_t probe_unprivileged(uint64_t va);
uint64_t probe_execute(uint64_t va);
extern volatile struct fault last_fault;
extern volatile bool faulted;
uint64_t user_run(uint64_t pc); /* at EL0 until SVC; X0 there */

/* The areas. */
void contract_entry(void), contract_boot_args(void), contract_placement(void), contract_tree(void);
void contract_timer(void), contract_mmu(void), contract_locks(void), contract_apple(void), contract_cpus(void);
void contract_screen(void), contract_pointers(void);

/* start.S */
extern const char low_reset_vector[], start[];
void secondary_main(void);

/* string.c */
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);

#define NAME_(x) #x
#define NAME(x) NAME_(x)
#define read_sysreg(name)                                                                                              \
    ({ uint64_t v_; __asm__ volatile("mrs %0, " NAME(name) : "=r"(v_)); v_; })
#define write_sysreg(name, value) __asm__ volatile("msr " NAME(name) ", %0" ::"r"((uint64_t)(value)) : "memory")
#define isb() __asm__ volatile("isb" ::: "memory")
#define dsb() __asm__ volatile("dsb sy" ::: "memory")

#endif
