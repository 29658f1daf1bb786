//! Device models, one file each; they know the bus, never the CPU.
