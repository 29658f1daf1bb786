/* Runs the programs that the boot arguments name (`speed=NAME,NAME`), or all, and prints for each a line when it starts and
 * one with its checksum when it is done: whoever started the machine holds the watch. */
#include "speed.h"

static const struct {
    const char *name;
    program run;
} programs[] = {
    {"integer", run_integer},
    {"bignum", run_bignum},
    {"branches", run_branches},
    {"sort", run_sort},
    {"dispatch", run_dispatch},
    {"calls", run_calls},
    {"memory", run_memory},
    {"pages", run_pages},
    {"copies", run_copies},
    {"bytes", run_bytes},
    {"double", run_double},
    {"single", run_single},
    {"convert", run_convert},
    {"neon-integer", run_neon_integer},
    {"neon-float", run_neon_float},
    {"neon-permute", run_neon_permute},
    {"aes", run_aes},
    {"sha256", run_sha256},
    {"crc", run_crc},
    {"exclusives", run_exclusives},
    {"lse", run_lse},
    {"cold", run_cold},
    {"patched", run_patched},
    {"syscalls", run_syscalls},
    {"faults", run_faults},
    {"mmu", run_mmu},
    {"asids", run_asids},
    {"interrupts", run_interrupts},
    {"counter", run_counter},
    {"devices", run_devices},
};

static volatile u32 *const uart = (u32 *)0x9000000;

void print(const char *text) {
    for (; *text; text++) {
        while (uart[6] & 1 << 5)
            ;
        uart[0] = (u8)*text;
    }
}

static void print_hex(u64 value) {
    char text[17] = {0};
    for (int i = 0; i < 16; i++)
        text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
    print(text);
}

void fatal(u64 esr, u64 elr) {
    print("unexpected exception: esr ");
    print_hex(esr);
    print(" elr ");
    print_hex(elr);
    print("\n");
    asm volatile("hvc #0" : : "r"((u64)0) : "memory");
    for (;;)
        ;
}

static int equal(const u8 *text, const char *word) {
    while (*word)
        if (*text++ != (u8)*word++)
            return 0;
    return 1;
}

/* The rest of a boot argument that starts with `key`: the tree is searched for its bytes, no more is needed. */
static const u8 *argument(const u8 *tree, const char *key) {
    if (tree[0] != 0xd0 || tree[1] != 0x0d)
        return NULL;
    u32 size = (u32)tree[4] << 24 | tree[5] << 16 | tree[6] << 8 | tree[7];
    for (u32 i = 0; i + 64 < size; i++)
        if (equal(tree + i, key))
            for (const char *c = key;; c++)
                if (!*c)
                    return tree + i + (c - key);
    return NULL;
}

static int chosen(const u8 *list, const char *name) {
    size_t length = 0;
    while (name[length])
        length++;
    for (const u8 *word = list; word && *word > ' '; word++) {
        if (equal(word, name) && (word[length] <= ' ' || word[length] == ','))
            return 1;
        while (*word > ' ' && *word != ',')
            word++;
        if (*word != ',')
            break;
    }
    return !list;
}

void main(const u8 *tree) {
    const u8 *list = argument(tree, "speed=");
    const u8 *text = argument(tree, "scale=");
    unsigned scale = 0;
    for (; text && *text >= '0' && *text <= '9'; text++)
        scale = scale * 10 + (*text - '0');
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (!chosen(list, programs[i].name))
            continue;
        print(programs[i].name);
        print(" starts\n");
        u64 sum = programs[i].run(scale ? scale : 8);
        print(programs[i].name);
        print(" ");
        print_hex(sum);
        print("\n");
    }
    print("all done\n");
}
