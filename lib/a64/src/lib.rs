//! The A64 instruction set as data: decode table, system registers, disassembly text.
