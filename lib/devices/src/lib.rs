//! Device models, one file each.
//!
//! A device knows guest RAM and the bus that [`mem`] defines, the wires it drives, and nothing of CPUs,
//! boards or files of Apple's: where it is and what it is wired to, a board decides (crate `machine`).
//! Offsets and bit names are those of the device's manual or of the public drivers named in its file.
//!
//! A guest may do anything: whatever makes no sense is counted ([`mem::Device::stray`]), reads as zero and
//! writes nothing.
#![forbid(unsafe_code)]

pub mod aic;
pub mod amcc;
pub mod cpu_control;
pub mod dockchannel;
pub mod flash;
pub mod framebuffer;
pub mod fw_cfg;
pub mod gic;
pub mod gicv2;
pub mod gicv3;
pub mod pl011;
pub mod pl031;
pub mod pmgr;
pub mod registers;
pub mod s5l_uart;
pub mod serial;
pub mod unmapped;
pub mod virtio;

#[cfg(test)]
mod test_support;
