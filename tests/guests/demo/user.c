/* Loads a static Mach-O program from the ramdisk, runs it at EL0, and serves its system calls. Numbers, registers and the
 * carry flag as in XNU (x16, svc #0x80; bsd/kern/syscalls.master). */
#include "demo.h"

enum { SYS_exit = 1, SYS_read = 3, SYS_write = 4, SYS_open = 5, SYS_close = 6, SYS_getpid = 20 };
enum { ENOENT = 2, EBADF = 9, EFAULT = 14, EMFILE = 24, ENOSYS = 78 };
#define CARRY (1UL << 29)

uint64_t user_kernel_sp;
static int exit_status;
static struct {
    bool open;
    struct file file;
    uint64_t offset;
} files[4];

/* Program pages come from a pool in the kernel's data. */
static uint8_t pool[24][PAGE] __attribute__((aligned(16384)));
static unsigned pool_used;
static uint64_t user_low = ~0UL, user_high;

static bool user_range(uint64_t va, uint64_t length) {
    return va >= user_low && va <= user_high && length <= user_high - va;
}

static bool load_segment(const struct file *f, const uint8_t *command) {
    uint64_t vmaddr, vmsize, fileoff, filesize;
    uint32_t protection;
    memcpy(&vmaddr, command + 24, 8);
    memcpy(&vmsize, command + 32, 8);
    memcpy(&fileoff, command + 40, 8);
    memcpy(&filesize, command + 48, 8);
    memcpy(&protection, command + 60, 4);
    if (!protection)
        return true; /* __PAGEZERO */
    for (uint64_t at = 0; at < vmsize; at += PAGE) {
        if (pool_used == sizeof pool / PAGE)
            return false;
        uint8_t *page = pool[pool_used++];
        if (at < filesize)
            hfs_read(f, fileoff + at, page, filesize - at < PAGE ? filesize - at : PAGE);
        if (!map_user(vmaddr + at, page, protection & 2, protection & 4))
            return false;
        if (vmaddr + at < user_low)
            user_low = vmaddr + at;
        if (vmaddr + at + PAGE > user_high)
            user_high = vmaddr + at + PAGE;
    }
    return true;
}

int user_run(const char *path) {
    static uint8_t header[PAGE];
    struct file f;
    if (!hfs_open(path, &f)) {
        print("launchd: no %s on the ramdisk\n", path);
        return -1;
    }
    size_t have = hfs_read(&f, 0, header, sizeof header);
    uint32_t magic, count;
    memcpy(&magic, header, 4);
    memcpy(&count, header + 16, 4);
    if (have < 32 || magic != 0xfeedfacf) {
        print("launchd: %s is no 64-bit Mach-O\n", path);
        return -1;
    }
    uint64_t entry = 0;
    size_t at = 32;
    for (uint32_t i = 0; i < count && at + 72 <= have; i++) {
        uint32_t command, size;
        memcpy(&command, header + at, 4);
        memcpy(&size, header + at + 4, 4);
        if (command == 0x19 && !load_segment(&f, header + at)) {
            print("launchd: %s is too large for this kernel\n", path);
            return -1;
        }
        if (command == 5 && at + 0x118 <= have)
            memcpy(&entry, header + at + 0x110, 8);
        if (size < 8)
            break;
        at += size;
    }
    uint64_t stack = user_high;
    if (!map_user(stack, pool[pool_used++], true, false))
        return -1;
    user_high += PAGE;
    print("launchd: %s, %lu bytes, entry 0x%lx, going to EL0\n", path, f.size, entry);
    use_user_map();
    exit_status = -1;
    user_enter(entry, stack + PAGE, &user_kernel_sp);
    return exit_status;
}

static int64_t read_line(uint8_t *to, uint64_t length) {
    uint64_t n = 0;
    while (n < length) {
        int c = console_get();
        if (c < 0 || c == 4)
            break;
        if (c == '\r')
            c = '\n';
        if ((c == 0x7f || c == 8) && n) {
            n--;
            print("\b \b");
            continue;
        }
        if (c == '\n')
            console_put('\r');
        console_put((char)c); /* the echo */
        to[n++] = (uint8_t)c;
        if (c == '\n')
            break;
    }
    return (int64_t)n;
}

/* Result, or an errno as a negative number. */
static int64_t dispatch(uint64_t number, const uint64_t *x) {
    switch (number) {
    case SYS_exit:
        exit_status = (int)x[0];
        user_leave(user_kernel_sp);
    case SYS_getpid:
        return 1;
    case SYS_write:
        if (!user_range(x[1], x[2]))
            return -EFAULT;
        for (uint64_t i = 0; i < x[2]; i++) {
            char c = ((const char *)x[1])[i];
            if (c == '\n')
                console_put('\r');
            console_put(c);
        }
        return (int64_t)x[2];
    case SYS_read: {
        if (!user_range(x[1], x[2]))
            return -EFAULT;
        if (x[0] == 0)
            return read_line((uint8_t *)x[1], x[2]);
        uint64_t i = x[0] - 3;
        if (i >= 4 || !files[i].open)
            return -EBADF;
        size_t n = hfs_read(&files[i].file, files[i].offset, (void *)x[1], x[2]);
        files[i].offset += n;
        return (int64_t)n;
    }
    case SYS_open: {
        const char *path = (const char *)x[0];
        uint64_t length = 0;
        do {
            if (!user_range(x[0], length + 1))
                return -EFAULT;
        } while (path[length++]);
        for (unsigned i = 0; i < 4; i++)
            if (!files[i].open) {
                if (!hfs_open(path, &files[i].file))
                    return -ENOENT;
                files[i].open = true;
                files[i].offset = 0;
                return i + 3;
            }
        return -EMFILE;
    }
    case SYS_close:
        if (x[0] - 3 >= 4 || !files[x[0] - 3].open)
            return -EBADF;
        files[x[0] - 3].open = false;
        return 0;
    }
    return -ENOSYS;
}

void system_call(struct frame *f) {
    int64_t result = dispatch(f->x[16], f->x);
    f->spsr = result < 0 ? f->spsr | CARRY : f->spsr & ~CARRY;
    f->x[0] = (uint64_t)(result < 0 ? -result : result);
}
