//! The AArch64 processor: state, exceptions, MMU and the reference interpreter.
