/* The order of things, and how a check fails. */
#include "contract.h"

__attribute__((used)) const char version[] = "Darwin Kernel Version " NAME(DARWIN) ".0.0: the contract kernel of xnuboot; root:xnu-" NAME(
    XNU) ".0.0~contract/RELEASE_ARM64_" SOC_TEXT;

struct boot_args boot_args;
unsigned checks;
static const char *area;

void power_off(void) {
    register uint64_t x0 __asm__("x0") = 0x84000008; /* PSCI SYSTEM_OFF */
    __asm__ volatile("hvc #0" : "+r"(x0)::"memory");
    for (;;)
        __asm__ volatile("wfi");
}

void check_begin(const char *name) {
    area = name;
    print("contract: %s\n", name);
}

void check_failed(const char *what, uint64_t got, uint64_t wanted) {
    print("contract: FAILED: %s: %s: 0x%lx, not 0x%lx\n", area ? area : "console", what, got, wanted);
    power_off();
    for (;;)
        ;
}

void kernel_main(const struct boot_args *handed_over) {
    memcpy(&boot_args, handed_over, sizeof boot_args);
    console_init();
    print("%s\n", version);
    contract_entry();
    contract_boot_args();
    contract_tree();
    contract_placement();
    contract_pointers();
    contract_mmu();
    contract_timer();
    contract_apple();
    contract_locks();
    contract_cpus();
    contract_screen();
    print("contract: %u checks\n", checks);
    print("contract: ok\n");
    power_off();
}
