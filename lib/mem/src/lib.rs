//! Guest memory: RAM, the physical map, and the device trait.
