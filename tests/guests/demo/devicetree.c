/* Reads Apple's device tree in place (xnu: pexpert/gen/device_tree.c): a node is {u32 properties, u32 children}, then the
 * properties {char name[32], u32 length, value padded to 4}, then the children. */
#include "demo.h"

struct property {
    char name[32];
    uint32_t length;
    uint8_t value[];
};

static const uint8_t *tree_end(void) { return (const uint8_t *)boot_args.device_tree + boot_args.device_tree_length; }

static uint32_t word(const uint8_t *at) {
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}

static const struct property *first(struct node n) { return (const struct property *)(n.at + 8); }

static const struct property *next(const struct property *p) {
    return (const struct property *)((const uint8_t *)p + 36 + ((p->length + 3) & ~3U));
}

/* The byte behind a node and all its children; 0 if the tree is cut. */
static const uint8_t *behind(struct node n, unsigned depth) {
    const struct property *p = first(n);
    for (uint32_t i = word(n.at); i; i--, p = next(p))
        if ((const uint8_t *)p + 36 > tree_end())
            return 0;
    const uint8_t *at = (const uint8_t *)p;
    for (uint32_t i = word(n.at + 4); i; i--) {
        if (depth > 16 || at + 8 > tree_end() || !(at = behind((struct node){at}, depth + 1)))
            return 0;
    }
    return at;
}

const void *dt_property(struct node n, const char *name, uint32_t *length) {
    const struct property *p = first(n);
    for (uint32_t i = word(n.at); i; i--, p = next(p)) {
        if ((const uint8_t *)p + 36 > tree_end())
            return 0;
        if (strcmp(p->name, name) == 0) {
            *length = p->length;
            return p->value;
        }
    }
    return 0;
}

void dt_each_property(struct node n, void (*each)(const char *, const uint8_t *, uint32_t)) {
    const struct property *p = first(n);
    for (uint32_t i = word(n.at); i && (const uint8_t *)p + 36 <= tree_end(); i--, p = next(p))
        each(p->name, p->value, p->length);
}

uint64_t dt_number(struct node n, const char *name, unsigned index, unsigned bytes) {
    uint32_t length;
    const uint8_t *value = dt_property(n, name, &length);
    uint64_t number = 0;
    if (value && (index + 1) * bytes <= length)
        memcpy(&number, value + index * bytes, bytes);
    return number;
}

bool dt_find(const char *path, struct node *found) {
    struct node n = {(const uint8_t *)boot_args.device_tree};
    while (*path == '/') {
        path++;
        size_t length = 0;
        while (path[length] && path[length] != '/')
            length++;
        const struct property *p = first(n);
        for (uint32_t i = word(n.at); i; i--)
            p = next(p);
        const uint8_t *at = (const uint8_t *)p;
        uint32_t left = word(n.at + 4);
        for (;; left--) {
            if (!left || at + 8 > tree_end())
                return false;
            uint32_t name_length;
            const char *name = dt_property((struct node){at}, "name", &name_length);
            if (name && strlen(name) == length && memcmp(name, path, length) == 0)
                break;
            if (!(at = behind((struct node){at}, 0)))
                return false;
        }
        n.at = at;
        path += length;
    }
    *found = n;
    return true;
}
