/* Pages: permissions, access flag, PAN, EL0, both sizes of page, and the instructions that a pmap uses. */
#include "contract.h"

#define TEST_VA (IO_WINDOW + 0x100000000UL)
#define USER_VA 0x100000000UL
extern const uint8_t user_code[], user_code_end[];

static uint64_t translate(uint64_t va, bool write) {
    if (write)
        __asm__ volatile("at s1e1w, %0; isb" ::"r"(va) : "memory");
    else
        __asm__ volatile("at s1e1r, %0; isb" ::"r"(va) : "memory");
    return read_sysreg(par_el1);
}

void contract_mmu(void) {
    check_begin("memory");
    CHECK_EQ(read_sysreg(sctlr_el1) & 1, 1, "the MMU is on");
    uint64_t page = new_page();
    volatile uint64_t *direct = phys_to_virt(page);
    *direct = 0x1122334455667788;
    map_page(TEST_VA, page, KERNEL_RW);
    CHECK_EQ(probe_read(TEST_VA), 0x1122334455667788, "a second address for a page");
    CHECK_EQ(translate(TEST_VA + 8, true) & 0xfffffffff001, page & 0xfffffffff000, "AT S1E1W");
    probe_write(TEST_VA, 5);
    CHECK_EQ(*direct, 5, "a store through it");
    /* A read-only page. */
    map_page(TEST_VA, page, KERNEL_RW | AP_RO);
    probe_write(TEST_VA, 6);
    CHECK(faulted, "a store to a read-only page faults");
    CHECK_EQ(last_fault.esr >> 26, 0x25, "as a data abort at this EL");
    CHECK_EQ(last_fault.esr & 0x7f, 0x4f, "a permission fault of level 3, by a write");
    CHECK_EQ(last_fault.far, TEST_VA, "FAR");
    CHECK_EQ(*direct, 5, "and does not store");
    CHECK_EQ(translate(TEST_VA, true) & 1, 1, "AT S1E1W fails");
    CHECK_EQ(translate(TEST_VA, false) & 1, 0, "AT S1E1R does not");
    /* XNU keeps the access flag in software: arm_fast_fault. */
    map_page(TEST_VA, page, KERNEL_RW & ~AF);
    probe_read(TEST_VA);
    CHECK(faulted, "a page without access flag faults");
    CHECK_EQ(last_fault.esr & 0x3f, 0x0b, "an access flag fault of level 3");
    map_page(TEST_VA, page, 0);
    probe_read(TEST_VA);
    CHECK_EQ(last_fault.esr & 0x3f, 0x07, "a translation fault of level 3");
    probe_read(IO_WINDOW + (1UL << 33));
    CHECK((last_fault.esr & 0x3c) == 0x04, "a translation fault where there is no table");
    map_page(TEST_VA, page, KERNEL_RW);
    probe_execute(TEST_VA);
    CHECK(faulted, "a page with PXN is not executed");
    CHECK_EQ(last_fault.esr >> 26, 0x21, "an instruction abort at this EL");
    CHECK_EQ(last_fault.esr & 0x3f, 0x0f, "a permission fault of level 3");
    /* DC ZVA clears 64 bytes, as the kernel's bzero takes for granted. */
    uint64_t *line = phys_to_virt(page);
    for (unsigned i = 0; i < 24; i++)
        line[i] = ~0UL;
    __asm__ volatile("dc zva, %0" ::"r"(line + 8) : "memory");
    CHECK_EQ(line[7] & line[16], ~0UL, "DC ZVA touches 64 bytes");
    CHECK_EQ(line[8] | line[15], 0, "DC ZVA clears 64 bytes");
    /* EL0. */
    uint64_t code = new_page(), data = new_page();
    memcpy(phys_to_virt(code), user_code, (size_t)(user_code_end - user_code));
    __asm__ volatile("dsb sy; ic iallu; dsb sy; isb" ::: "memory");
    *(uint64_t *)phys_to_virt(data) = 77;
    map_user(USER_VA, code, VALID_PAGE | SHARED | AF | NG | AP_EL0 | AP_RO | PXN);
    map_user(USER_VA + PAGE, data, VALID_PAGE | SHARED | AF | NG | AP_EL0 | PXN | UXN);
    write_sysreg(cntkctl_el1, 0x3);
    isb();
    CHECK_EQ(user_run(USER_VA), 0x2a, "a program at EL0 reads the counter and calls the kernel");
    CHECK(!faulted, "and does not fault");
#ifdef PAN
    CHECK_EQ(read_sysreg(S3_0_C4_C2_3) >> 22 & 1, 1, "an exception sets PAN: SCTLR_EL1.SPAN is 0");
    __asm__ volatile(".inst 0xd500409f"); /* msr pan, #0 */
#endif
    user_run(USER_VA + PAGE);
    CHECK(faulted && last_fault.esr >> 26 == 0x20, "a page with UXN is not executed at EL0");
#ifdef PAN
    __asm__ volatile(".inst 0xd500409f");
#endif
    CHECK_EQ(probe_unprivileged(USER_VA + PAGE), 77, "LDTR reads a program's page");
    probe_unprivileged((uint64_t)phys_to_virt(data));
    CHECK(faulted, "LDTR does not read the kernel's");
    CHECK_EQ(probe_read(USER_VA + PAGE), 77, "the kernel reads a program's page");
#ifdef PAN
    __asm__ volatile(".inst 0xd500419f"); /* msr pan, #1 */
    probe_read(USER_VA + PAGE);
    bool denied = faulted;
    uint64_t esr = last_fault.esr;
    CHECK_EQ(probe_unprivileged(USER_VA + PAGE), 77, "LDTR is not subject to PAN");
    __asm__ volatile(".inst 0xd500409f"); /* msr pan, #0 */
    CHECK(denied, "PAN keeps the kernel off a program's page");
    CHECK_EQ(esr & 0x3f, 0x0f, "with a permission fault");
    CHECK_EQ(probe_read(USER_VA + PAGE), 77, "until it is off again");
#endif
    /* Exclusives, as XNU's locks use them. */
    uint64_t *lock = phys_to_virt(page), value;
    uint32_t status;
    __asm__ volatile("ldaxr %0, [%2]; add %0, %0, #1; stlxr %w1, %0, [%2]" : "=&r"(value), "=&r"(status) : "r"(lock) : "memory");
    CHECK_EQ(status, 0, "an exclusive store after its load succeeds");
    __asm__ volatile("clrex; stlxr %w0, %1, [%2]" : "=&r"(status) : "r"(value), "r"(lock) : "memory");
    CHECK_EQ(status, 1, "and fails without one");
}
