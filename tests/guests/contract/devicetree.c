/* Apple's device tree as XNU walks it (pexpert/gen/device_tree.c): lengths are taken as they are, so a placeholder's bit 31
 * would lead astray; from iOS 14 on everything must lie inside deviceTreeP and deviceTreeLength. */
#include "contract.h"

struct property {
    char name[32];
    uint32_t length;
    uint8_t value[];
};

static const uint8_t *tree(void) { return (const uint8_t *)boot_args.device_tree; }
static const uint8_t *tree_end(void) { return tree() + boot_args.device_tree_length; }

static uint32_t word(const uint8_t *at) {
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}

static const struct property *first(struct node n) { return (const struct property *)(n.at + 8); }
static const struct property *next(const struct property *p) {
    return (const struct property *)((const uint8_t *)p + 36 + (((uint64_t)p->length + 3) & ~3UL));
}

static const uint8_t *children(struct node n) {
    const struct property *p = first(n);
    for (uint32_t i = word(n.at); i; i--)
        p = next(p);
    return (const uint8_t *)p;
}

static const uint8_t *behind(struct node n) {
    const uint8_t *at = children(n);
    for (uint32_t i = word(n.at + 4); i; i--)
        at = behind((struct node){at});
    return at;
}

/* Walks everything; returns the end. */
static const uint8_t *check_node(struct node n, unsigned depth) {
    CHECK(n.at + 8 <= tree_end(), "a node lies inside the device tree");
    CHECK(depth < 32, "the device tree's depth");
    const struct property *p = first(n);
    bool named = false;
    CHECK(word(n.at) > 0, "a node has properties: XNU ends its walk at one without");
    for (uint32_t i = word(n.at); i; i--) {
        CHECK((const uint8_t *)p + 36 <= tree_end(), "a property lies inside the device tree");
        CHECK_EQ(p->length >> 31, 0, "no placeholder is left in the device tree");
        CHECK(p->name[0] && !p->name[31], "a property's name");
        named |= strcmp(p->name, "name") == 0;
        p = next(p);
        CHECK((const uint8_t *)p <= tree_end(), "a property's value lies inside the device tree");
    }
    CHECK(named, "every node has a name: XNU's search stops at one without");
    const uint8_t *at = (const uint8_t *)p;
    for (uint32_t i = word(n.at + 4); i; i--)
        at = check_node((struct node){at}, depth + 1);
    return at;
}

void dt_check(void) {
    const uint8_t *end = check_node((struct node){tree()}, 0);
    CHECK(end <= tree_end() && tree_end() - end < (long)BIG_PAGE, "deviceTreeLength is the tree's");
}

const void *dt_property(struct node n, const char *name, uint32_t *length) {
    const struct property *p = first(n);
    for (uint32_t i = word(n.at); i; i--, p = next(p))
        if (strcmp(p->name, name) == 0) {
            *length = p->length;
            return p->value;
        }
    return 0;
}

/* The index-th number of a property of u64s, or its only u32. */
uint64_t dt_number(struct node n, const char *name, unsigned index) {
    uint32_t length;
    const uint8_t *value = dt_property(n, name, &length);
    uint64_t number = 0;
    if (value && length == 4 && index == 0)
        memcpy(&number, value, 4);
    else if (value && (index + 1) * 8 <= length)
        memcpy(&number, value + index * 8, 8);
    return number;
}

bool dt_child(struct node n, unsigned index, struct node *child) {
    if (index >= word(n.at + 4))
        return false;
    const uint8_t *at = children(n);
    while (index--)
        at = behind((struct node){at});
    child->at = at;
    return true;
}

bool dt_find(const char *path, struct node *found) {
    struct node n = {tree()};
    while (*path == '/' && path[1]) {
        path++;
        size_t length = 0;
        while (path[length] && path[length] != '/')
            length++;
        struct node child;
        for (unsigned i = 0;; i++) {
            uint32_t name_length;
            if (!dt_child(n, i, &child))
                return false;
            const char *name = dt_property(child, "name", &name_length);
            if (name && strlen(name) == length && memcmp(name, path, length) == 0)
                break;
        }
        n = child;
        path += length;
    }
    *found = n;
    return true;
}

/* A number that must be there. */
uint64_t dt_need(const char *path, const char *name, unsigned index) {
    struct node n;
    uint32_t length;
    if (!dt_find(path, &n))
        check_failed(path, 0, 1);
    if (!dt_property(n, name, &length))
        check_failed(name, 0, 1);
    return dt_number(n, name, index);
}

/* A boot argument's value: decimal or 0x; -1 for a bare flag. */
bool argument(const char *name, uint64_t *value) {
    size_t length = strlen(name);
    for (const char *at = boot_args.command_line; *at;) {
        while (*at == ' ')
            at++;
        if (memcmp(at, name, length) == 0 && (at[length] == '=' || at[length] == ' ' || !at[length])) {
            *value = ~0UL;
            if (at[length] == '=') {
                const char *d = at + length + 1;
                unsigned base = d[0] == '0' && d[1] == 'x' ? 16 : 10;
                d += base == 16 ? 2 : 0;
                for (*value = 0; *d && *d != ' '; d++)
                    *value = *value * base + (*d <= '9' ? *d - '0' : (*d | 32) - 'a' + 10);
            }
            return true;
        }
        while (*at && *at != ' ')
            at++;
    }
    return false;
}
