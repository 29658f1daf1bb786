//! What XNU wants of its loader: boot_args, memory layout, device tree content, load plan.
