/* Exception vectors: a kernel's usual work of saving and restoring everything that C may change. */
        .macro  save
        sub     sp, sp, #0x110
        stp     x0, x1, [sp, #0x00]
        stp     x2, x3, [sp, #0x10]
        stp     x4, x5, [sp, #0x20]
        stp     x6, x7, [sp, #0x30]
        stp     x8, x9, [sp, #0x40]
        stp     x10, x11, [sp, #0x50]
        stp     x12, x13, [sp, #0x60]
        stp     x14, x15, [sp, #0x70]
        stp     x16, x17, [sp, #0x80]
        stp     x18, x29, [sp, #0x90]
        mrs     x16, sp_el0
        stp     x30, x16, [sp, #0xa0]
        mrs     x16, elr_el1
        mrs     x17, spsr_el1
        stp     x16, x17, [sp, #0xb0]
        .endm

        .macro  restore
        ldp     x16, x17, [sp, #0xb0]
        msr     elr_el1, x16
        msr     spsr_el1, x17
        ldp     x30, x16, [sp, #0xa0]
        msr     sp_el0, x16
        ldp     x0, x1, [sp, #0x00]
        ldp     x2, x3, [sp, #0x10]
        ldp     x4, x5, [sp, #0x20]
        ldp     x6, x7, [sp, #0x30]
        ldp     x8, x9, [sp, #0x40]
        ldp     x10, x11, [sp, #0x50]
        ldp     x12, x13, [sp, #0x60]
        ldp     x14, x15, [sp, #0x70]
        ldp     x16, x17, [sp, #0x80]
        ldp     x18, x29, [sp, #0x90]
        add     sp, sp, #0x110
        eret
        .endm

        .macro  vector to
        .balign 0x80
        b       \to
        .endm

        .section .text, "ax"
        .balign 0x800
        .globl  vectors
vectors:
        .rept   4
        vector  unexpected
        .endr
        vector  synchronous
        vector  interrupt
        vector  interrupt
        vector  unexpected
        vector  synchronous
        vector  interrupt
        vector  interrupt
        vector  unexpected
        .rept   4
        vector  unexpected
        .endr
        .balign 0x80

unexpected:
        mrs     x0, esr_el1
        mrs     x1, elr_el1
        bl      fatal

synchronous:
        save
        mrs     x1, esr_el1
        mov     x0, sp
        mrs     x2, far_el1
        bl      handle_exception
        cbnz    x0, leave_user
        restore

interrupt:
        save
        adrp    x0, irq_handler
        ldr     x0, [x0, :lo12:irq_handler]
        blr     x0
        restore

/* void enter_user(pc, argument): comes back when EL0 asks for it. */
        .globl  enter_user
enter_user:
        stp     x29, x30, [sp, #-0x60]!
        stp     x19, x20, [sp, #0x10]
        stp     x21, x22, [sp, #0x20]
        stp     x23, x24, [sp, #0x30]
        stp     x25, x26, [sp, #0x40]
        stp     x27, x28, [sp, #0x50]
        msr     elr_el1, x0
        msr     spsr_el1, xzr
        mov     x0, x1
        eret
leave_user:
        add     sp, sp, #0x110
        ldp     x19, x20, [sp, #0x10]
        ldp     x21, x22, [sp, #0x20]
        ldp     x23, x24, [sp, #0x30]
        ldp     x25, x26, [sp, #0x40]
        ldp     x27, x28, [sp, #0x50]
        ldp     x29, x30, [sp], #0x60
        ret

/* What EL0 runs. Position-independent: it is copied. */
        .globl  user_syscalls, user_touch, user_end
user_syscalls:                          /* x0 times: system call 1, which adds */
        mov     x19, x0
        mov     x1, #1
1:      mov     x8, #1
        mov     x0, x19
        svc     #0
        add     x1, x0, x1
        subs    x19, x19, #1
        b.ne    1b
        mov     x8, #0
        mov     x0, x1
        svc     #0
user_touch:                             /* x0 = data: reads and writes the first word of 16 pages, then leaves */
        mov     x2, #16
        mov     x1, xzr
1:      ldr     x3, [x0]
        add     x1, x1, x3
        str     x1, [x0, #8]
        add     x0, x0, #0x1000
        subs    x2, x2, #1
        b.ne    1b
        mov     x8, #0
        mov     x0, x1
        svc     #0
user_end:
