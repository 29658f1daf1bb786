//! Kernelcaches: fat slices, Mach-O layout, identification.
