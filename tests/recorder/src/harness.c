/* Runs instructions one by one in a Linux process and writes down what they did.
 *
 * Usage: harness INPUT OUTPUT. INPUT: count, code length (u32 each), the code, then `count` states. OUTPUT: `count`
 * results. CODE, WINDOW and WINDOW_LEN come from the compiler's command line.
 *
 * The code area holds one slot per test, filled with BRK around the tested words. Every test ends in a signal; the
 * handler writes down the interrupted context, puts the window back, loads the next test's state into the same
 * context and returns. Nothing else touches the registers between two tests.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct state {
    uint64_t x[31], sp, pc, nzcv;
    uint32_t fpsr, fpcr;
    uint64_t v[32][2];
};

struct result {
    struct state state;
    /* Signal that ended the test; range of the window that changed, its bytes (at most the room there is). */
    uint32_t signal, first, len, spare;
    uint8_t bytes[1024];
};

static uint8_t pattern[WINDOW_LEN];
static struct state *tests;
static struct result *results;
static uint32_t count, next;
static int out;

static void finish(void) {
    const char *p = (const char *)results;
    size_t left = count * sizeof *results;
    while (left > 0) {
        ssize_t n = write(out, p, left);
        if (n <= 0)
            _exit(3);
        p += n;
        left -= n;
    }
    _exit(0);
}

static struct fpsimd_context *fpsimd(ucontext_t *uc) {
    struct _aarch64_ctx *head = (void *)uc->uc_mcontext.__reserved;
    while (head->magic != FPSIMD_MAGIC)
        head = (void *)((char *)head + head->size);
    return (void *)head;
}

static void compare_window(struct result *r) {
    uint8_t *window = (uint8_t *)WINDOW;
    if (memcmp(window, pattern, WINDOW_LEN) == 0)
        return;
    uint32_t first = 0, last = WINDOW_LEN - 1;
    while (window[first] == pattern[first])
        first++;
    while (window[last] == pattern[last])
        last--;
    r->first = first;
    r->len = last - first + 1;
    memcpy(r->bytes, window + first, r->len < sizeof r->bytes ? r->len : sizeof r->bytes);
    memcpy(window + first, pattern + first, r->len);
}

static void handler(int signal, siginfo_t *info, void *context) {
    ucontext_t *uc = context;
    struct fpsimd_context *fp = fpsimd(uc);
    (void)info;
    if (next > 0) {
        struct result *r = &results[next - 1];
        for (int i = 0; i < 31; i++)
            r->state.x[i] = uc->uc_mcontext.regs[i];
        r->state.sp = uc->uc_mcontext.sp;
        r->state.pc = uc->uc_mcontext.pc;
        r->state.nzcv = uc->uc_mcontext.pstate & 0xf0000000;
        r->state.fpsr = fp->fpsr;
        r->state.fpcr = fp->fpcr;
        memcpy(r->state.v, fp->vregs, sizeof r->state.v);
        r->signal = signal;
        compare_window(r);
    }
    if (next == count)
        finish();
    const struct state *t = &tests[next++];
    for (int i = 0; i < 31; i++)
        uc->uc_mcontext.regs[i] = t->x[i];
    uc->uc_mcontext.sp = t->sp;
    uc->uc_mcontext.pc = t->pc;
    uc->uc_mcontext.pstate = (uc->uc_mcontext.pstate & ~0xf0000c00ull) | t->nzcv;
    fp->fpsr = t->fpsr;
    fp->fpcr = t->fpcr;
    memcpy(fp->vregs, t->v, sizeof t->v);
}

static void *map(uint64_t at, size_t len) {
    void *p = mmap((void *)at, len, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
    if (p == MAP_FAILED)
        _exit(4);
    return p;
}

static void read_all(int fd, void *to, size_t len) {
    char *p = to;
    while (len > 0) {
        ssize_t n = read(fd, p, len);
        if (n <= 0)
            _exit(5);
        p += n;
        len -= n;
    }
}

int main(int argc, char **argv) {
    uint32_t head[2];
    int in = argc == 3 ? open(argv[1], O_RDONLY) : -1;
    if (in < 0)
        return 2;
    out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);
    read_all(in, head, sizeof head);
    count = head[0];
    size_t code_len = (head[1] + 0xffff) & ~0xffff;
    read_all(in, map(CODE, code_len), head[1]);
    __builtin___clear_cache((char *)CODE, (char *)CODE + code_len);
    tests = map(0, count * sizeof *tests);
    read_all(in, tests, count * sizeof *tests);
    results = map(0, count * sizeof *results);
    map(WINDOW, WINDOW_LEN);
    for (uint64_t i = 0; i < WINDOW_LEN / 8; i++) {
        uint64_t x = (i + 1) * 0x9e3779b97f4a7c15ull;
        x ^= x >> 29;
        memcpy(pattern + 8 * i, &x, 8);
    }
    memcpy((void *)WINDOW, pattern, WINDOW_LEN);

    stack_t stack = {.ss_sp = map(0, 1 << 18), .ss_size = 1 << 18};
    sigaltstack(&stack, NULL);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 4; i++)
        sigaction((int[]){SIGTRAP, SIGILL, SIGSEGV, SIGBUS}[i], &action, NULL);
    __asm__ volatile("brk #0");
    return 1;
}
