/* Exception vectors at their virtual address, and the way to EL0 and back. */
        .macro  save
        sub     sp, sp, #0x120
        stp     x0, x1, [sp, #0x00]
        stp     x2, x3, [sp, #0x10]
        stp     x4, x5, [sp, #0x20]
        stp     x6, x7, [sp, #0x30]
        stp     x8, x9, [sp, #0x40]
        stp     x10, x11, [sp, #0x50]
        stp     x12, x13, [sp, #0x60]
        stp     x14, x15, [sp, #0x70]
        stp     x16, x17, [sp, #0x80]
        stp     x18, x19, [sp, #0x90]
        stp     x20, x21, [sp, #0xa0]
        stp     x22, x23, [sp, #0xb0]
        stp     x24, x25, [sp, #0xc0]
        stp     x26, x27, [sp, #0xd0]
        stp     x28, x29, [sp, #0xe0]
        mrs     x1, sp_el0
        stp     x30, x1, [sp, #0xf0]
        mrs     x1, elr_el1
        mrs     x2, spsr_el1
        stp     x1, x2, [sp, #0x100]
        mrs     x1, esr_el1
        mrs     x2, far_el1
        stp     x1, x2, [sp, #0x110]
        mov     x0, sp
        .endm

        .macro  vector handler
        .balign 0x80
        b       \handler
        .endm

        .section .text, "ax"
        .balign 0x800
        .globl  vectors
vectors:
        .rept   4                       /* current EL with SP_EL0: not used by this kernel */
        vector  bad_entry
        .endr
        vector  sync_entry              /* current EL with SP_EL1 */
        vector  bad_entry
        vector  fiq_entry
        vector  bad_entry
        vector  user_sync_entry         /* EL0 */
        vector  bad_entry
        vector  fiq_entry
        vector  bad_entry
        .rept   4                       /* AArch32 */
        vector  bad_entry
        .endr

sync_entry:
        save
        bl      kernel_trap
        b       return_from_trap
user_sync_entry:
        save
        bl      user_trap
        b       return_from_trap
fiq_entry:
        save
        bl      fiq_trap
        b       return_from_trap
bad_entry:
        save
        bl      bad_trap
        b       .

return_from_trap:
        ldp     x1, x2, [sp, #0x100]
        msr     elr_el1, x1
        msr     spsr_el1, x2
        ldp     x30, x1, [sp, #0xf0]
        msr     sp_el0, x1
        ldp     x0, x1, [sp, #0x00]
        ldp     x2, x3, [sp, #0x10]
        ldp     x4, x5, [sp, #0x20]
        ldp     x6, x7, [sp, #0x30]
        ldp     x8, x9, [sp, #0x40]
        ldp     x10, x11, [sp, #0x50]
        ldp     x12, x13, [sp, #0x60]
        ldp     x14, x15, [sp, #0x70]
        ldp     x16, x17, [sp, #0x80]
        ldp     x18, x19, [sp, #0x90]
        ldp     x20, x21, [sp, #0xa0]
        ldp     x22, x23, [sp, #0xb0]
        ldp     x24, x25, [sp, #0xc0]
        ldp     x26, x27, [sp, #0xd0]
        ldp     x28, x29, [sp, #0xe0]
        add     sp, sp, #0x120
        eret

/* void user_enter(pc, sp, uint64_t *kernel_sp): runs EL0 code; returns when user_leave is called. */
        .globl  user_enter
user_enter:
        stp     x29, x30, [sp, #-0x60]!
        stp     x19, x20, [sp, #0x10]
        stp     x21, x22, [sp, #0x20]
        stp     x23, x24, [sp, #0x30]
        stp     x25, x26, [sp, #0x40]
        stp     x27, x28, [sp, #0x50]
        mov     x9, sp
        str     x9, [x2]
        msr     elr_el1, x0
        msr     sp_el0, x1
        mov     x9, #0x300              /* EL0t, IRQ and FIQ open would need 0; debug and SError masked */
        msr     spsr_el1, x9
        /* Nothing of the kernel's is left in the registers. */
        mov     x0, xzr
        mov     x1, xzr
        mov     x2, xzr
        mov     x3, xzr
        mov     x4, xzr
        mov     x9, xzr
        mov     x30, xzr
        mov     x29, xzr
        eret

/* void user_leave(kernel_sp): back to whoever called user_enter. */
        .globl  user_leave
user_leave:
        mov     sp, x0
        ldp     x19, x20, [sp, #0x10]
        ldp     x21, x22, [sp, #0x20]
        ldp     x23, x24, [sp, #0x30]
        ldp     x25, x26, [sp, #0x40]
        ldp     x27, x28, [sp, #0x50]
        ldp     x29, x30, [sp], #0x60
        ret

/* Tries to read a word where nothing is mapped; kernel_trap sends it to the second return. */
        .globl  probe_read, probe_failed
probe_read:
        ldr     x0, [x0]
        ret
probe_failed:
        mov     x0, #-1
        ret
