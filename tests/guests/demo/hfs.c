/* Finds files on an HFS+ volume in memory: the leaves of the catalog are read in order, which needs no key comparison. */
#include "demo.h"

static const uint8_t *volume;
static uint64_t volume_size, block_size;
static struct file catalog;
static uint32_t node_size, first_leaf, total_nodes;

static uint64_t be(const uint8_t *at, unsigned bytes) {
    uint64_t v = 0;
    while (bytes--)
        v = v << 8 | *at++;
    return v;
}

static struct file fork(const uint8_t *at) { return (struct file){be(at, 8), at + 16}; }

size_t hfs_read(const struct file *f, uint64_t offset, void *to, size_t length) {
    if (offset >= f->size)
        return 0;
    if (length > f->size - offset)
        length = f->size - offset;
    size_t done = 0;
    for (unsigned i = 0; i < 8 && done < length; i++) {
        uint64_t start = be(f->extents + i * 8, 4) * block_size, size = be(f->extents + i * 8 + 4, 4) * block_size;
        if (offset >= size) {
            offset -= size;
            continue;
        }
        size_t part = size - offset < length - done ? size - offset : length - done;
        if (start + offset + part > volume_size)
            break;
        memcpy((uint8_t *)to + done, volume + start + offset, part);
        done += part;
        offset = 0;
    }
    return done;
}

bool hfs_mount(const uint8_t *image, uint64_t size) {
    const uint8_t *header = image + 1024;
    if (size < 2048 || header[0] != 'H' || (header[1] != '+' && header[1] != 'X'))
        return false;
    volume = image;
    volume_size = size;
    block_size = be(header + 40, 4);
    catalog = fork(header + 272);
    uint8_t node[14 + 106];
    if (hfs_read(&catalog, 0, node, sizeof node) != sizeof node)
        return false;
    first_leaf = (uint32_t)be(node + 14 + 10, 4);
    node_size = (uint32_t)be(node + 14 + 18, 2);
    total_nodes = (uint32_t)be(node + 14 + 22, 4);
    return node_size >= 512;
}

/* The record of `name` in folder `parent`; 0 if there is none. */
static const uint8_t *record(uint32_t parent, const char *name, size_t length) {
    static uint8_t node[0x8000];
    if (node_size > sizeof node)
        return 0;
    for (uint32_t n = first_leaf, seen = 0; n && seen < total_nodes; seen++, n = (uint32_t)be(node, 4)) {
        if (hfs_read(&catalog, (uint64_t)n * node_size, node, node_size) != node_size)
            return 0;
        uint32_t count = (uint32_t)be(node + 10, 2);
        for (uint32_t i = 0; i < count && (i + 2) * 2 < node_size; i++) {
            uint32_t at = (uint32_t)be(node + node_size - 2 * (i + 1), 2);
            if (at + 8 + 2 * length + 248 > node_size && at + 8 > node_size)
                return 0;
            const uint8_t *key = node + at;
            if (be(key + 2, 4) != parent || be(key + 6, 2) != length)
                continue;
            size_t same = 0;
            while (same < length && be(key + 8 + 2 * same, 2) == (uint8_t)name[same])
                same++;
            const uint8_t *data = key + 2 + be(key, 2);
            if (same == length && data < node + node_size - 2)
                return data;
        }
    }
    return 0;
}

bool hfs_open(const char *path, struct file *f) {
    uint32_t folder = 2;
    while (*path == '/') {
        path++;
        size_t length = 0;
        while (path[length] && path[length] != '/')
            length++;
        const uint8_t *r = record(folder, path, length);
        if (!r)
            return false;
        path += length;
        if (be(r, 2) == 1) {
            folder = (uint32_t)be(r + 8, 4);
        } else if (be(r, 2) == 2 && !*path) {
            static uint8_t forks[8][80];
            static unsigned used;
            uint8_t *kept = forks[used++ % 8];
            memcpy(kept, r + 88, 80);
            *f = fork(kept);
            return true;
        } else {
            return false;
        }
    }
    return false;
}
