/* The header of a Linux Image (Documentation/arch/arm64/booting.rst) and the entry. */
        .section .text.start, "ax"
        .globl  start
start:
        b       entry
        .long   0
        .quad   0x80000                 /* offset from the start of RAM, which is where this is linked */
        .quad   image_size
        .quad   2                       /* little-endian, 4 KiB pages */
        .quad   0, 0, 0
        .ascii  "ARM\x64"
        .long   0
entry:
        msr     daifset, #15
        mov     x19, x0
        ldr     x9, =stack_top
        mov     sp, x9
        ldr     x9, =vectors
        msr     vbar_el1, x9
        mov     x9, #(3 << 20)
        msr     cpacr_el1, x9
        isb
        ldr     x9, =bss_start
        ldr     x10, =bss_end
1:      cmp     x9, x10
        b.hs    2f
        stp     xzr, xzr, [x9], #16
        b       1b
2:      bl      mmu_start
        mov     x0, x19
        bl      main
        ldr     w0, =0x84000008         /* PSCI SYSTEM_OFF */
        hvc     #0
        b       .

        .section .bss.stack, "aw", %nobits
        .balign 16
        .space  0x10000
stack_top:
