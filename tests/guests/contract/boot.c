/* What a loader owes: registers at the first instruction, boot_args, the device tree's content, the place of everything. */
#include "contract.h"

void contract_entry(void) {
    check_begin("entry");
    const struct entry_state *s = &entry_state;
    CHECK_EQ(s->currentel, 4, "CurrentEL is EL1");
    CHECK_EQ(s->x0, virt_to_phys((void *)(boot_args.virt_base - boot_args.phys_base + s->x0)), "x0 is a physical address");
    CHECK_EQ(s->x1 | s->x2 | s->x3, 0, "x1 to x3 are 0");
    CHECK_EQ(s->daif & 0x3c0, 0x3c0, "D, A, I, F are masked");
    CHECK_EQ(s->sctlr & 1, 0, "the MMU is off");
    CHECK_EQ(s->sctlr & 4, 0, "the data cache is off");
    CHECK_EQ(s->tpidrro, 0, "TPIDRRO_EL0 is 0");
    CHECK_EQ(s->pc, virt_to_phys(start), "the entry is LC_UNIXTHREAD's pc");
    CHECK_EQ(s->pc & ~0xfffUL, virt_to_phys(low_reset_vector), "the reset vector's page is the entry's");
#ifdef KPP
    CHECK_EQ(s->cpacr >> 20 & 3, 3, "CPACR_EL1.FPEN, which these kernels leave to the monitor");
    write_sysreg(cpacr_el1, s->cpacr);
#else
    write_sysreg(cpacr_el1, 3UL << 20);
#endif
    isb();
    uint64_t midr = read_sysreg(midr_el1);
    CHECK_EQ(midr >> 24, 0x61, "MIDR's implementer");
    CHECK_EQ(midr >> 4 & 0xfff, PART, "MIDR's part");
    CHECK_EQ(read_sysreg(mpidr_el1) >> 31, 1, "MPIDR bit 31");
    CHECK_EQ(read_sysreg(dczid_el0), 4, "DC ZVA clears 64 bytes");
    CHECK_EQ(read_sysreg(id_aa64mmfr0_el1) >> 20 & 15, 1, "pages of 16 KiB in ID_AA64MMFR0");
#ifdef PAN
    CHECK((read_sysreg(id_aa64mmfr1_el1) >> 20 & 15) >= 1, "PAN in ID_AA64MMFR1");
#else
    CHECK_EQ(read_sysreg(id_aa64mmfr1_el1) >> 20 & 15, 0, "no PAN in ID_AA64MMFR1");
#endif
#if defined(APRR) || defined(PAC)
    CHECK_EQ(read_sysreg(id_aa64isar0_el1) >> 20 & 15, 2, "LSE in ID_AA64ISAR0");
#else
    CHECK_EQ(read_sysreg(id_aa64isar0_el1) >> 20 & 15, 0, "no LSE in ID_AA64ISAR0");
#endif
    uint64_t isar1 = read_sysreg(id_aa64isar1_el1);
#ifdef PAC
    uint64_t pac_mode = 0;
    argument("contract-pac", &pac_mode);
    CHECK(pac_mode == 1 || isar1 >> 4 & 0xff, "pointer authentication in ID_AA64ISAR1");
#else
    CHECK_EQ(isar1 >> 4 & 0xff, 0, "no pointer authentication in ID_AA64ISAR1");
#endif
}

void contract_boot_args(void) {
    check_begin("boot_args");
    const struct boot_args *a = &boot_args;
    CHECK(a->revision >= 1 && a->revision <= 3, "Revision");
    CHECK(a->version >= 1 && a->version <= 3, "Version");
    uint64_t block = PAGE_SHIFT == 12 ? 2UL << 20 : 32UL << 20;
    CHECK_EQ(a->virt_base % block, a->phys_base % block, "virtBase and physBase agree modulo a block");
    CHECK_EQ(a->phys_base % BIG_PAGE, 0, "physBase is on a page");
    CHECK_EQ(a->mem_size % BIG_PAGE, 0, "memSize is whole pages");
    CHECK(a->mem_size >= 64UL << 20, "memSize");
    CHECK_EQ(a->top_of_kernel_data % BIG_PAGE, 0, "topOfKernelData is on a page");
    uint64_t end = a->phys_base + a->mem_size;
    CHECK(a->top_of_kernel_data > virt_to_phys(kernel_end) && a->top_of_kernel_data + (1UL << 20) <= end,
          "topOfKernelData is a physical address behind the kernel, with room behind it");
    CHECK_EQ(virt_to_phys(text_start) - a->phys_base + a->virt_base, (uint64_t)text_start, "VA = PA - physBase + virtBase");
    CHECK(entry_state.x0 >= a->phys_base && entry_state.x0 < end, "boot_args lie in memory");
    CHECK_EQ(entry_state.x0 % BIG_PAGE, 0, "boot_args begin a page");
    CHECK(a->device_tree >> 63 && a->device_tree % 4 == 0, "deviceTreeP is a virtual address");
    CHECK(a->device_tree_length > 100 && a->device_tree_length < 1U << 22, "deviceTreeLength");
    bool ended = false;
    for (unsigned i = 0; i < BOOT_LINE_LENGTH; i++)
        ended |= !a->command_line[i];
    CHECK(ended, "the command line ends with a NUL inside its field");
    CHECK(a->command_line[0] > ' ', "the command line is at 0x6c");
    uint64_t tail = (uint64_t)&a->boot_flags - (uint64_t)a;
    CHECK_EQ(tail, BOOT_LINE_LENGTH == 256 ? 0x170 : BOOT_LINE_LENGTH == 608 ? 0x2d0 : 0x470, "bootFlags' place");
    CHECK_EQ(a->boot_flags, 0, "bootFlags");
    CHECK(a->mem_size_actual == 0 || a->mem_size_actual >= a->mem_size, "memSizeActual");
    uint64_t ignored;
    CHECK(argument("rd", &ignored), "rd=md0 is in the boot arguments: this boot has a ramdisk");
    print("boot_args: \"%s\"\n", a->command_line);
}

static void check_text(const char *path, const char *name) {
    struct node n;
    uint32_t length;
    if (!dt_find(path, &n))
        check_failed(path, 0, 1);
    const char *text = dt_property(n, name, &length);
    if (!text)
        check_failed(name, 0, 1);
    CHECK(length > 1 && text[0] && !text[length - 1], name);
}

void contract_tree(void) {
    check_begin("device tree");
    struct node n, cpus, cpu;
    uint32_t length;
    dt_check();
    check_text("/", "compatible");
    check_text("/", "model");
    check_text("/", "target-type");
    check_text("/", "serial-number");
    dt_find("/", &n);
    CHECK(!dt_property(n, "secure-root-prefix", &length), "secure-root-prefix is gone");
    check_text("/arm-io", "device_type");
    /* chosen */
    CHECK(dt_find("/chosen", &n), "/chosen");
    const uint8_t *seed = dt_property(n, "random-seed", &length);
    CHECK(seed && length == 64, "64 bytes of random-seed");
    bool random = false;
    for (unsigned i = 0; i < 64; i++)
        random |= seed[i];
    CHECK(random, "random-seed is not 0");
    *(volatile uint8_t *)seed = 0; /* XNU clears it in place */
    CHECK_EQ(dt_need("/chosen", "debug-enabled", 0), 1, "debug-enabled");
    static const char words[][40] = {"chip-epoch", "security-domain", "certificate-production-status",
                                        "certificate-security-mode", "effective-production-status-ap"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        const void *value = dt_property(n, words[i], &length);
        CHECK(value && length == 4, words[i]);
    }
#if XNU >= 7195
    uint64_t base = dt_need("/chosen", "dram-base", 0), size = dt_need("/chosen", "dram-size", 0);
    CHECK(base <= boot_args.phys_base && base + size >= boot_args.phys_base + boot_args.mem_size, "dram-base, dram-size");
#endif
    CHECK(dt_find("/defaults", &n), "/defaults: pmap uses it unchecked");
    /* CPUs */
    CHECK(dt_find("/cpus", &cpus), "/cpus");
    unsigned running = 0;
    for (unsigned i = 0; dt_child(cpus, i, &cpu); i++) {
        const char *state = dt_property(cpu, "state", &length);
        CHECK(state && !state[length - 1], "a CPU's state");
        CHECK(dt_property(cpu, "reg", &length), "a CPU's reg");
        if (strcmp(state, "running") != 0)
            continue;
        running++;
        CHECK_EQ(read_sysreg(mpidr_el1) & 0xffff, dt_number(cpu, "reg", 0) & 0xffff, "MPIDR is the running CPU's reg");
        static const char rates[][24] = {"timebase-frequency", "bus-frequency",   "memory-frequency",
                                            "peripheral-frequency", "fixed-frequency", "clock-frequency"};
        for (unsigned j = 0; j < sizeof rates / sizeof rates[0]; j++) {
            CHECK(dt_property(cpu, rates[j], &length), rates[j]);
            CHECK(dt_number(cpu, rates[j], 0), rates[j]);
        }
        CHECK_EQ(dt_number(cpu, "timebase-frequency", 0), read_sysreg(cntfrq_el0), "CNTFRQ is the timebase");
    }
    CHECK_EQ(running, 1, "one CPU runs");
    /* panic log: mapped and cleared by the kernel, so it must be RAM above the kernel's */
    if (dt_find("/pram", &n)) {
        uint64_t pram = dt_number(n, "reg", 0), pram_size = dt_number(n, "reg", 1);
        CHECK(pram >= boot_args.phys_base + boot_args.mem_size, "the panic log is above memSize");
        CHECK_EQ(dt_need("/chosen", "embedded-panic-log-size", 0), pram_size, "the panic log's size");
        volatile uint64_t *log = map_device(pram, PAGE);
        *log = 0x46554e4b;
        CHECK_EQ(*log, 0x46554e4b, "the panic log is memory");
        *log = 0;
    }
}

struct range {
    uint64_t base, size;
};

static struct range in_map(const char *name) {
    return (struct range){dt_need("/chosen/memory-map", name, 0), dt_need("/chosen/memory-map", name, 1)};
}

void contract_placement(void) {
    check_begin("placement");
    struct range tree = in_map("DeviceTree"), args = in_map("BootArgs"), disk = in_map("RAMDisk"), trust = in_map("TrustCache");
    uint64_t lowest = virt_to_phys(text_start), end = virt_to_phys(kernel_end), top = boot_args.top_of_kernel_data;
    CHECK_EQ(args.base, entry_state.x0, "memory-map BootArgs is x0");
    CHECK_EQ(tree.base, virt_to_phys((void *)boot_args.device_tree), "memory-map DeviceTree is deviceTreeP");
    CHECK_EQ(tree.size, boot_args.device_tree_length, "memory-map DeviceTree's size");
    struct node n;
    uint32_t length;
    CHECK(dt_find("/chosen/memory-map", &n), "/chosen/memory-map");
    CHECK(!dt_property(n, "MemoryMapReserved-0", &length), "the pool of slots is gone");
#ifdef KERNEL_SPLIT
    struct range kexts = in_map("Kernel-__PRELINK_TEXT");
    CHECK_EQ(kexts.base, lowest - 0x3000000, "kexts lie below the kernel as they were linked");
    CHECK_EQ(*(volatile uint32_t *)map_memory(kexts.base, 4), 0x7478656b, "the kexts' bytes");
    lowest = kexts.base;
#elif defined(FILESET)
    lowest = LINK_ADDRESS - (uint64_t)LINK_BASE_INNER + lowest; /* the collection's header is in front */
    struct range text = in_map("Kernel-__TEXT");
    CHECK_EQ(text.base, lowest, "memory-map Kernel-__TEXT is the collection's header");
#else
    struct range text = in_map("Kernel-__TEXT");
    CHECK_EQ(text.base, lowest, "memory-map Kernel-__TEXT");
#endif
    CHECK(trust.base >= boot_args.phys_base && trust.base + trust.size <= lowest,
          "the trust cache is below the lowest segment: else the kernel's own memory is freed");
    const uint32_t *cache = map_memory(trust.base, trust.size);
    CHECK_EQ(cache[0], 1, "the trust cache holds one module");
    CHECK_EQ(cache[1], 8, "which begins behind the offsets");
    CHECK_EQ(cache[2], 1, "of version 1");
    CHECK(cache[7] >= 1 && trust.size >= 8 + 24 + 22 * cache[7], "with its entries");
    CHECK_EQ(disk.base % 0x1000, 0, "the ramdisk is on 4 KiB");
    CHECK_EQ(disk.size % 0x1000, 0, "the ramdisk's size is a multiple of 4 KiB");
    CHECK(disk.base >= end && disk.base + disk.size <= top, "the ramdisk is between the kernel and topOfKernelData");
    CHECK(args.base >= end && args.base + args.size <= top, "boot_args are between the kernel and topOfKernelData");
#if defined(FILESET) && !defined(VMAPPLE)
    if (tree.base < lowest) {
        CHECK(tree.base + tree.size <= trust.base, "a locked tree is below the trust cache");
        CHECK(trust.base - tree.base - tree.size < BIG_PAGE, "and right below it");
    } else
#endif
        CHECK(tree.base >= end && tree.base + tree.size <= top, "the tree is between the kernel and topOfKernelData");
    const uint8_t *volume = phys_to_virt(disk.base);
    CHECK(volume[1024] == 'H' && (volume[1025] == '+' || volume[1025] == 'X'), "the ramdisk is an HFS+ volume");
    /* What is not in the file is zero. Stacks and tables are in use; everything else of bss is not, yet. */
    extern const uint8_t bss_probe_start[], bss_probe_end[];
    CHECK(bss_probe_end - bss_probe_start >= 0x9000, "the probe of bss");
    bool zero = true;
    for (const uint8_t *p = bss_probe_start; p < bss_probe_end; p++)
        zero &= !*p;
    CHECK(zero, "memory behind a segment's bytes is zero");
    extern uint64_t data_probe;
    extern const uint64_t const_probe;
    CHECK_EQ(data_probe, 0x0123456789abcdef, "__DATA's bytes");
    CHECK_EQ(const_probe, 0xfedcba9876543210, "__DATA_CONST's bytes");
}
uint8_t bss_probe[0x9000] __attribute__((section(".bss.probe"), used));
uint64_t data_probe __attribute__((section(".data"))) = 0x0123456789abcdef;
const uint64_t const_probe __attribute__((section(".data_const"))) = 0xfedcba9876543210;
