/* What the files of the obstacle kernel share beyond the demo's. */
#ifndef OBSTACLES_H
#define OBSTACLES_H

#include "../demo/demo.h"

/* main.c: a panic in parts, on the console and in the panic log. */
void panic_begin(const char *message, const void *caller);
void panic_text(const char *text);
void panic_hex(uint64_t value);
void panic_end(void) __attribute__((noreturn));

/* trap.c */
extern volatile unsigned ticks; /* timer interrupts taken as FIQ */

#endif
