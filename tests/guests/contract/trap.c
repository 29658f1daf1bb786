/* Exceptions: counted interrupts, faults that were asked for, and the end of everything else. */
#include "contract.h"

volatile unsigned fiqs, irqs;
volatile struct fault last_fault;
volatile bool faulted;
void (*volatile fiq_handler)(void);
static uint64_t user_sp;
extern const char probe_read_[], probe_return[];
uint64_t user_enter(uint64_t pc, uint64_t *saved);
void user_leave(uint64_t value, uint64_t saved) __attribute__((noreturn));

void trap(struct frame *f, unsigned vector) {
    switch (vector) {
    case 2: /* FIQ, kernel on SP_EL0 */
    case 6: /* FIQ, kernel on SP_EL1: another CPU's */
        fiqs++;
        if (fiq_handler)
            fiq_handler();
        return;
    case 1:
    case 5:
        irqs++;
        return;
    case 0: /* synchronous, kernel on SP_EL0: where XNU's threads run */
        if (f->esr >> 26 == 0x21 || (f->elr >= (uint64_t)probe_read_ && f->elr < (uint64_t)probe_return)) {
            last_fault = (struct fault){f->esr, f->far, f->elr};
            faulted = true;
            if (f->esr >> 26 == 0x21)
                f->elr = f->x[30]; /* a fetch: back to who called it */
            else
                f->elr = (uint64_t)probe_return;
            return;
        }
        break;
    case 8: /* synchronous from EL0 */
        if (f->esr >> 26 == 0x15)
            user_leave(f->x[0], user_sp);
        last_fault = (struct fault){f->esr, f->far, f->elr};
        faulted = true;
        user_leave(~0UL, user_sp);
    }
    print("contract: FAILED: exception by vector %u: ESR 0x%lx FAR 0x%lx ELR 0x%lx SPSR 0x%lx\n", vector, f->esr, f->far,
          f->elr, f->spsr);
    check_failed("an exception that nothing asked for", f->esr, 0);
}

uint64_t probe_read_f(uint64_t va) __asm__("probe_read_");
uint64_t probe_write_f(uint64_t va, uint64_t value) __asm__("probe_write_");
uint64_t probe_unprivileged_f(uint64_t va) __asm__("probe_unprivileged_");
uint64_t probe_execute_f(uint64_t va) __asm__("probe_execute_");

uint64_t probe_read(uint64_t va) {
    faulted = false;
    return probe_read_f(va);
}
uint64_t probe_write(uint64_t va, uint64_t value) {
    faulted = false;
    return probe_write_f(va, value);
}
uint64_t probe_unprivileged(uint64_t va) {
    faulted = false;
    return probe_unprivileged_f(va);
}
uint64_t probe_execute(uint64_t va) {
    faulted = false;
    return probe_execute_f(va);
}

uint64_t user_run(uint64_t pc) {
    faulted = false;
    return user_enter(pc, &user_sp);
}
