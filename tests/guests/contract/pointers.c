/* Pointers that the kernel has to rebase itself: threaded chains (arm64e, iOS 12 to 14) and chained fixups (filesets). The
 * packer writes the chains; a loader leaves them alone. Elsewhere plain pointers, which a loader slides. */
#include "contract.h"

/* Four pointers into the kernel, filled by the packer: see tests/guests/src/contract.rs. */
uint64_t chained[4] __attribute__((section(".data"))) = {1, 2, 3, 4};
const volatile uint32_t thread_starts[4] __attribute__((section(".rodata"))) = {0x7ead5001, 0xffffffff, 0xffffffff, 0xffffffff};

static uint64_t text_pointer(const uint8_t *base, uint64_t offset) { return (uint64_t)base + offset; }

#ifdef THREADED
/* XNU osfmk/arm/arm_init.c: bit 63 authenticated, 62 bind, 51-61 steps to the next; not authenticated: low 43 bits,
 * sign-extended, and bits 43-50 as the top byte. */
static void rebase(void) {
    CHECK_EQ(thread_starts[0] & 1, 1, "the chains' step is 8");
    for (unsigned i = 1; i < 4 && thread_starts[i] != 0xffffffff; i++) {
        uint64_t *at = (uint64_t *)(text_start + thread_starts[i]);
        for (;;) {
            uint64_t v = *at, slide = (uint64_t)text_start - LINK_ADDRESS, next = v >> 51 & 0x7ff;
            CHECK_EQ(v >> 62 & 1, 0, "no bind in a kernel's chain");
            if (v >> 63)
                *at = (v & 0xffffffff) + LINK_ADDRESS + slide;
            else
                *at = ((v << 13 & 0xff00000000000000UL) | (((int64_t)(v << 21) >> 21) & 0x00ffffffffffffffUL)) + slide;
            if (!next)
                break;
            at += next;
        }
    }
}
#elif defined(FILESET)
static uint32_t u32(const uint8_t *at) { return *(const uint32_t *)at; }
/* XNU osfmk/mach/dyld_kernel_fixups.h: format 8, target in 30 bits from the collection's base, next in 12 bits of 4. */
static void rebase(void) {
    uint64_t base = (uint64_t)text_start - (LINK_BASE_INNER - LINK_ADDRESS);
    __asm__("" : "+r"(base)); /* the compiler takes text_start for an object that begins there */
    const uint8_t *collection = (const uint8_t *)base;
    CHECK_EQ(u32(collection), 0xfeedfacf, "the collection's header");
    CHECK_EQ(u32(collection + 12), 0xc, "which is a fileset's");
    const uint8_t *command = collection + 32, *fixups = 0;
    uint64_t linkedit = 0, linkedit_offset = 0, slide = 0;
    for (unsigned n = u32(collection + 16); n; n--, command += u32(command + 4)) {
        if (u32(command) == 0x19 && memcmp(command + 8, "__TEXT\0", 7) == 0)
            slide = (uint64_t)collection - *(const uint64_t *)(command + 24);
        if (u32(command) == 0x19 && memcmp(command + 8, "__LINKEDIT", 10) == 0) {
            linkedit = *(const uint64_t *)(command + 24);
            linkedit_offset = *(const uint64_t *)(command + 40);
        }
        if (u32(command) == 0x80000034)
            fixups = (const uint8_t *)(linkedit + slide + u32(command + 8) - linkedit_offset);
    }
    CHECK(fixups, "LC_DYLD_CHAINED_FIXUPS");
    CHECK_EQ(u32(fixups), 0, "the fixups' version");
    const uint8_t *starts = fixups + u32(fixups + 4);
    for (unsigned s = 0; s < u32(starts); s++) {
        uint32_t offset = u32(starts + 4 + 4 * s);
        if (!offset)
            continue;
        const uint8_t *segment = starts + offset;
        unsigned page_size = *(const uint16_t *)(segment + 4), pages = *(const uint16_t *)(segment + 20);
        CHECK_EQ(*(const uint16_t *)(segment + 6), 8, "the pointers' format");
        for (unsigned p = 0; p < pages; p++) {
            unsigned first = *(const uint16_t *)(segment + 22 + 2 * p);
            if (first == 0xffff)
                continue;
            uint8_t *at = (uint8_t *)collection + *(const uint64_t *)(segment + 8) + (uint64_t)p * page_size + first;
            for (;;) {
                uint64_t v = *(uint64_t *)at, next = v >> 51 & 0xfff;
                *(uint64_t *)at = (uint64_t)collection + (v & 0x3fffffff);
                if (!next)
                    break;
                at += next * 4;
            }
        }
    }
}
#else
static void rebase(void) {}
#endif

void contract_pointers(void) {
    check_begin("pointers");
    rebase();
    CHECK_EQ(chained[0], text_pointer(text_start, 0), "pointer to __TEXT");
    CHECK_EQ(chained[1], text_pointer(text_exec_start, 4), "pointer into __TEXT_EXEC");
    CHECK_EQ(chained[2], text_pointer(data_start, 8), "pointer into __DATA");
    CHECK_EQ(chained[3], text_pointer(data_const_start, 0), "pointer to __DATA_CONST");
    /* The header says where the kernel is: arm_vm_init reads segments from it. */
    CHECK_EQ(*(const uint32_t *)text_start, 0xfeedfacf, "the kernel's Mach-O header is at __TEXT");
    const uint8_t *command = text_start + 32;
    bool found = false;
    for (unsigned n = *(const uint32_t *)(text_start + 16); n; n--, command += *(const uint32_t *)(command + 4))
        if (*(const uint32_t *)command == 0x19 && memcmp(command + 8, "__LAST\0", 7) == 0) {
            found = true;
            uint64_t vmaddr = *(const uint64_t *)(command + 24);
#ifdef FILESET
            vmaddr += (uint64_t)text_start - LINK_BASE_INNER; /* the kernel slides its own commands */
#endif
            CHECK_EQ(vmaddr, (uint64_t)last_start, "__LAST in the header is where it is");
        }
    CHECK(found, "__LAST in the header");
}
