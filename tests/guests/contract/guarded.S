/* Guarded mode: entry, abort entry, vectors, and the call from outside. */
#include "contract_asm.h"
#ifdef SPRR
        .section .text, "ax"
/* uint64_t guarded_call(uint64_t function, uint64_t argument): genter #3. */
        .globl  guarded_call
guarded_call:
        .inst   0x00201423              /* genter #3 */
        ret

        .globl  gxf_entry
        .balign 0x80
gxf_entry:
        stp     x29, x30, [sp, #-16]!
        adrp    x9, gxf_seen
        add     x9, x9, :lo12:gxf_seen
        mrs     x10, S3_6_C15_C8_0
        mrs     x11, vbar_el1
        stp     x10, x11, [x9]
        mrs     x10, daif
        mov     x11, sp
        stp     x10, x11, [x9, #0x10]
        mrs     x10, esr_el1
        str     x10, [x9, #0x20]
        mrs     x12, elr_el1            /* a fault inside has these names too */
        mrs     x13, spsr_el1
        cmp     x0, #2
        b.eq    2f
        mov     x10, #0x9a2d
        str     x10, [x1]
        b       3f
2:      ldr     x10, [x1]               /* faults: gxf_vectors goes on behind it */
3:      mov     x0, #0x2ded
        movk    x0, #0x9a, lsl #16
        msr     elr_el1, x12
        msr     spsr_el1, x13
        ldp     x29, x30, [sp], #16
        .inst   0x00201400              /* gexit */

/* A branch to what only guarded mode executes: note where, return to the caller. */
        .globl  gxf_abort
        .balign 0x80
gxf_abort:
        adrp    x10, gxf_seen
        add     x10, x10, :lo12:gxf_seen
        mrs     x11, far_el1
        str     x11, [x10, #0x28]
        msr     elr_el1, x30
        .inst   0x00201400

        .balign 0x800
        .globl  gxf_vectors
gxf_vectors:
        .rept   4
        b       .
        .balign 0x80
        .endr
        mrs     x11, far_el1            /* synchronous, on guarded mode's own stack */
        str     x11, [x9, #0x30]
        mrs     x11, elr_el1
        add     x11, x11, #4
        msr     elr_el1, x11
        eret
        .balign 0x80
        .rept   11
        b       .
        .balign 0x80
        .endr

        .section .bss, "aw", %nobits
        .balign 8
        .globl  gxf_seen
gxf_seen:
        .space  64
#endif
