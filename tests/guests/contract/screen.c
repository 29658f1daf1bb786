/* The framebuffer of boot_args: drawn by plain stores, as XNU's console does. */
#include "contract.h"

void contract_screen(void) {
    uint64_t wanted = 0;
    argument("contract-screen", &wanted);
    if (!wanted && !boot_args.video.base)
        return;
    check_begin("screen");
    uint64_t width = boot_args.video.width, height = boot_args.video.height, stride = boot_args.video.row_bytes;
    uint64_t base = boot_args.video.base, size = stride * height;
    CHECK(base, "Video.v_baseAddr");
    CHECK_EQ(boot_args.video.depth & 0xff, 32, "32 bits a pixel");
    CHECK(width && height && stride >= width * 4, "Video's sizes");
    CHECK(base >= boot_args.phys_base + boot_args.mem_size || base + size <= boot_args.phys_base,
          "the framebuffer is outside the kernel's memory, or it would be handed out");
    volatile uint8_t *screen = map_device(base, size > 8 * BIG_PAGE ? 8 * BIG_PAGE : size);
    uint64_t rows = (size > 8 * BIG_PAGE ? 8 * BIG_PAGE : size) / stride;
    for (uint64_t y = 0; y < rows; y++)
        for (uint64_t x = 0; x < width; x++)
            *(volatile uint32_t *)(screen + y * stride + x * 4) = (x / 8 + y / 8) % 2 ? 0x00ff9900 : 0x00003366;
    CHECK_EQ(*(volatile uint32_t *)screen, 0x00003366, "pixels are memory");
    print("screen: %lux%lu\n", width, height);
}
