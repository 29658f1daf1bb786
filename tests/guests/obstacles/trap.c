/* Exceptions of the obstacle kernel: the timer's FIQ counts, everything else is a panic with the state, as XNU words it
 * (osfmk/arm64/sleh.c, panic_with_thread_kernel_state). */
#include "obstacles.h"

volatile unsigned ticks;

void fiq_trap(struct frame *f) {
    (void)f;
    write_sysreg(cntp_ctl_el0, 2);
    ticks++;
}

void kernel_trap(struct frame *f) {
    panic_begin("Kernel data abort.", __builtin_return_address(0));
    panic_text(" (saved state: 0x0)\n\t  x0: ");
    panic_hex(f->x[0]);
    panic_text(" x1:  ");
    panic_hex(f->x[1]);
    panic_text("\n\t  lr:  ");
    panic_hex(f->x[30]);
    panic_text("  sp:  ");
    panic_hex(f->sp_el0);
    panic_text("\n\t  pc:  ");
    panic_hex(f->elr);
    panic_text(" cpsr: ");
    panic_hex(f->spsr);
    panic_text("  esr: ");
    panic_hex(f->esr);
    panic_text("  far: ");
    panic_hex(f->far);
    panic_end();
}

void bad_trap(struct frame *f) { kernel_trap(f); }

void user_trap(struct frame *f) { kernel_trap(f); }

void timer_show(void) {}
