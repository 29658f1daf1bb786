/* Entry and vectors. The page of the reset vector holds the entry too, as in XNU: a loader computes one from the other. */
        .section .text.start, "ax"
        .balign 0x1000
        .globl  low_reset_vector, start
low_reset_vector:
        b       reset
        .balign 0x200                   /* this CPU's own exceptions before it has vectors: they stay here */
        .rept   4
        b       .
        .balign 0x80
        .endr
reset:  /* a waiting CPU, released: MMU off, at the page of the entry */
        msr     oslar_el1, xzr
        msr     daifset, #15
        adrp    x9, low_vectors
        add     x9, x9, :lo12:low_vectors
        msr     vbar_el1, x9
        adrp    x9, secondary_stack_top
        add     x9, x9, :lo12:secondary_stack_top
        mov     sp, x9
        adrp    x10, slide_word
        ldr     x19, [x10, :lo12:slide_word]
        mov     x0, x19
        bl      mmu_on
        mov     x9, sp
        add     sp, x9, x19
        b       secondary_main

        .balign 8
start:  b       start_first_cpu

        .balign 0x1000
start_first_cpu:
        adrp    x9, entry_state
        add     x9, x9, :lo12:entry_state
        stp     x0, x1, [x9]
        stp     x2, x3, [x9, #0x10]
        mrs     x10, currentel
        mrs     x11, spsel
        stp     x10, x11, [x9, #0x20]
        mrs     x10, daif
        mrs     x11, sctlr_el1
        stp     x10, x11, [x9, #0x30]
        mrs     x10, cpacr_el1
        mrs     x11, tpidrro_el0
        stp     x10, x11, [x9, #0x40]
        adr     x10, start
        mrs     x11, vbar_el1
        stp     x10, x11, [x9, #0x50]
        msr     oslar_el1, xzr
        msr     daifset, #15
        adrp    x9, low_vectors
        add     x9, x9, :lo12:low_vectors
        msr     vbar_el1, x9
        msr     tpidrro_el0, xzr
        msr     spsel, #1
        mov     x19, x0
        adrp    x9, exception_stack_top
        add     x9, x9, :lo12:exception_stack_top
        mov     sp, x9
        mov     x0, x19
        bl      bootstrap               /* returns virtual minus physical */
        mov     x20, x0
        adrp    x10, slide_word
        str     x20, [x10, :lo12:slide_word]
        bl      mmu_on
        /* pc is a virtual address from here on, so are those that are made of it. Exceptions on SP_EL1, threads on SP_EL0. */
        adrp    x9, exception_stack_top
        add     x9, x9, :lo12:exception_stack_top
        mov     sp, x9
        msr     spsel, #0
        adrp    x9, thread_stack_top
        add     x9, x9, :lo12:thread_stack_top
        mov     sp, x9
        mov     x29, xzr
        add     x0, x19, x20            /* boot_args by its virtual address */
        b       kernel_main

/* void mmu_on(uint64_t slide): tables, vectors by their virtual address, and only then SCTLR; returns at the virtual address. */
        .globl  mmu_on
mmu_on: mov     x21, x30
        mov     x22, x0
        bl      set_tables
        adrp    x9, vectors
        add     x9, x9, :lo12:vectors
        add     x9, x9, x22
        msr     vbar_el1, x9
        isb
        adrp    x10, sctlr_word
        ldr     x11, [x10, :lo12:sctlr_word]
        msr     sctlr_el1, x11
        isb
        add     x21, x21, x22
        ret     x21

/* An exception before the MMU is on ends here, as in XNU: silence unless the emulator looks. */
        .balign 0x1000
        .globl  low_vectors
low_vectors:
        .rept   16
        b       .
        .balign 0x80
        .endr

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
        mrs     x1, elr_el1
        stp     x30, x1, [sp, #0xf0]
        mrs     x1, spsr_el1
        mrs     x2, esr_el1
        stp     x1, x2, [sp, #0x100]
        mrs     x1, far_el1
        str     x1, [sp, #0x110]
        .endm

        .macro  vector number
        .balign 0x80
        msr     spsel, #1
        save
        mov     x1, #\number
        b       trapped
        .endm

        .section .text, "ax"
        .balign 0x800
        .globl  vectors
vectors:
        vector  0
        vector  1
        vector  2
        vector  3
        vector  4
        vector  5
        vector  6
        vector  7
        vector  8
        vector  9
        vector  10
        vector  11
        vector  12
        vector  13
        vector  14
        vector  15

        .balign 0x80
trapped:
        mov     x0, sp
        bl      trap
        ldr     x1, [sp, #0xf8]
        msr     elr_el1, x1
        ldr     x1, [sp, #0x100]
        msr     spsr_el1, x1
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
        ldr     x30, [sp, #0xf0]
        ldp     x0, x1, [sp]
        add     sp, sp, #0x120
        eret

/* Accesses that may fault: then the trap handler goes on at probe_return with the fault noted. */
        .globl  probe_read_, probe_write_, probe_unprivileged_, probe_execute_, probe_return
probe_read_:
        ldr     x0, [x0]
        ret
probe_write_:
        str     x1, [x0]
        ret
probe_unprivileged_:
        ldtr    x0, [x0]
        ret
probe_execute_:
        mov     x9, x30
        blr     x0
        mov     x30, x9
        ret
probe_return:
        ret

/* uint64_t user_enter(uint64_t pc, uint64_t *saved): EL0 at pc with nothing; comes back by user_leave. */
        .globl  user_enter, user_leave
user_enter:
        stp     x19, x20, [sp, #-0x60]!
        stp     x21, x22, [sp, #0x10]
        stp     x23, x24, [sp, #0x20]
        stp     x25, x26, [sp, #0x30]
        stp     x27, x28, [sp, #0x40]
        stp     x29, x30, [sp, #0x50]
        mov     x9, sp
        str     x9, [x1]
        msr     daifset, #15
        msr     elr_el1, x0
        mov     x9, #0x3c0              /* EL0, all masked: nothing disturbs the test */
        msr     spsr_el1, x9
        eret
user_leave:                             /* x0: value, x1: saved stack pointer of SP_EL0 */
        msr     spsel, #0
        mov     sp, x1
        ldp     x21, x22, [sp, #0x10]
        ldp     x23, x24, [sp, #0x20]
        ldp     x25, x26, [sp, #0x30]
        ldp     x27, x28, [sp, #0x40]
        ldp     x29, x30, [sp, #0x50]
        ldp     x19, x20, [sp], #0x60
        ret

/* What runs at EL0: reads the counter and the identity of nothing, adds, calls. Copied to a page of its own. */
        .globl  user_code, user_code_end
        .balign 16
user_code:
        mrs     x1, cntvct_el0
        mrs     x2, cntvct_el0
        cmp     x2, x1
        mov     x0, #0x2a
        csel    x0, xzr, x0, lo
        svc     #0x80
        b       .
user_code_end:

        .section .data, "aw"
        .balign 8
        .globl  entry_state, slide_word, sctlr_word
entry_state:
        .space  96, 0xee
slide_word:
        .quad   1
sctlr_word:
        .quad   1

        .section .bss.stack, "aw", %nobits
        .balign 16
        .space  0x4000
exception_stack_top:
        .space  0x8000
thread_stack_top:
        .space  0x4000
secondary_stack_top:
