/* Entry, as xnu-boot documents it: EL1, MMU off, DAIF masked, x0 = physical address of boot_args, pc = physical address
 * of this label, on a 4 KiB boundary (the reset vector of other CPUs is computed from it). */
        .section .text.start, "ax"
        .balign 0x1000
        .globl  start
start:
        msr     daifset, #15
        msr     oslar_el1, xzr
        msr     spsel, #1
        /* Everything here is pc-relative: these are physical addresses until the jump below. */
        adrp    x9, boot_stack_top
        add     x9, x9, :lo12:boot_stack_top
        mov     sp, x9
        mov     x19, x0
        adrp    x9, low_vectors
        add     x9, x9, :lo12:low_vectors
        msr     vbar_el1, x9
        mov     x9, #(3 << 20)          /* FP and SIMD at both levels */
        msr     cpacr_el1, x9
        isb
        mov     x0, x19
        bl      mmu_bootstrap           /* returns virtual minus physical */
        mov     x20, x0
        adrp    x9, vectors
        add     x9, x9, :lo12:vectors
        add     x9, x9, x20
        msr     vbar_el1, x9
        isb
        mrs     x10, sctlr_el1
        mov     x11, #0x1005            /* M, C, I */
        orr     x10, x10, x11
        msr     sctlr_el1, x10
        isb
        adr     x9, 1f
        add     x9, x9, x20
        br      x9
1:      mov     x9, sp
        add     sp, x9, x20
        add     x0, x19, x20            /* boot_args by its virtual address */
        mov     x29, xzr
        mov     x30, xzr
        bl      kernel_main
0:      wfi
        b       0b

/* An exception before the MMU is on ends here, as in XNU: silence unless the emulator looks. */
        .balign 0x800
low_vectors:
        .rept   16
        b       .
        .balign 0x80
        .endr

        .section .bss.stack, "aw", %nobits
        .balign 16
        .space  0x8000
boot_stack_top:
