/* Programs that ask one thing each of an emulator, for machine `virt` with a GICv3, entered at EL1 by the Linux boot
 * protocol. Each does a fixed amount of work and gives a checksum of it, so that two machines that print the same have
 * done the same. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* One program. `scale` multiplies its work; 8 is about a second in QEMU 7.2. */
typedef u64 (*program)(unsigned scale);

u64 run_integer(unsigned), run_bignum(unsigned), run_sort(unsigned), run_branches(unsigned), run_dispatch(unsigned);
u64 run_calls(unsigned), run_memory(unsigned), run_pages(unsigned), run_copies(unsigned), run_bytes(unsigned);
u64 run_double(unsigned), run_single(unsigned), run_convert(unsigned);
u64 run_neon_integer(unsigned), run_neon_float(unsigned), run_neon_permute(unsigned);
u64 run_aes(unsigned), run_sha256(unsigned), run_crc(unsigned);
u64 run_exclusives(unsigned), run_lse(unsigned);
u64 run_cold(unsigned), run_patched(unsigned);
u64 run_syscalls(unsigned), run_faults(unsigned), run_mmu(unsigned), run_asids(unsigned);
u64 run_interrupts(unsigned), run_counter(unsigned), run_devices(unsigned);

/* Pseudo-random numbers: xorshift64*. */
static inline u64 next_random(u64 *state) {
    u64 x = *state;
    x ^= x >> 12, x ^= x << 25, x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

/* Folds a value into a checksum. */
static inline u64 fold(u64 sum, u64 value) {
    sum ^= value;
    sum *= 0x100000001b3ull;
    return sum ^ sum >> 29;
}

#define READ(name) ({ u64 v_; asm volatile("mrs %0, " name : "=r"(v_)); v_; })
#define WRITE(name, value) asm volatile("msr " name ", %0" : : "r"((u64)(value)) : "memory")

/* Free RAM, all mapped: 64 MiB at its own address, and the same again through pages of 4 KiB. */
#define ARENA ((u8 *)0x44000000)
#define ARENA_SIZE 0x4000000ul
#define PAGED ((u8 *)0x80000000)
/* A page that EL0 may run, as EL1 sees it, and where it is for EL0; then EL0's data. */
#define USER_CODE 0xc0000000ul
#define USER_DATA 0xc0010000ul
#define USER_PAGES 32
/* Where EL0's data is in RAM: above what boot loaders put there. */
#define USER_MEMORY 0x50000000ul

/* mmu.c */
void mmu_start(void);
/* Maps a page of EL0's data, or removes it with physical address 0, without telling the TLB. */
void mmu_user_page(unsigned space, unsigned page, u64 pa);
void mmu_switch(unsigned space);
u8 *mmu_user_code(void);

/* trap.S and exceptions.c */
extern void (*irq_handler)(void);
void enter_user(u64 pc, u64 argument);
void synchronise_code(void *start, size_t size);

/* main.c */
void print(const char *text);
