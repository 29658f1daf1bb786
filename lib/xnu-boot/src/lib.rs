//! What XNU wants of its loader: `boot_args`, the place of everything in memory, the content of the device tree.
//!
//! All decisions of a boot are taken here and written down in a [`Plan`] before anything is mapped or copied; who
//! runs the machine carries the plan out and decides nothing. Nothing here does input or output, and nothing here
//! emulates.
//!
//! Facts come from XNU's own source at its release tags (`apple-oss-distributions/xnu`, named where they are used) and,
//! for what iBoot does, from loaders that boot real kernels (`TrungNguyen1909/qemu-t8030`,
//! `ChefKissInc/QEMUAppleSilicon`) and from `AsahiLinux/m1n1`.
//!
//! ```
//! use xnu_boot::{Inputs, Kernel, Options, Plan};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let kernel_bytes = apple_kc::test_support::tiny_kernel();
//! let tree = apple_dt::compile(r#"
//!     /apple-dt/ 1;
//!     device-tree {
//!         compatible = "AppleARM"; model = "demo";
//!         chosen { }
//!         cpus { cpu0 { reg = u32(0); state = "running"; } }
//!         arm-io { device_type = "t8015-io"; ranges = u64(0 0x200000000 0x100000000);
//!                  uart0 { compatible = "uart-1,samsung"; reg = u64(0x2e600000 0x4000); } }
//!     }"#)?;
//! let inputs = Inputs { device_tree: Some(&tree), ..Inputs::new(Kernel::recognise(&kernel_bytes)?) };
//! let plan = Plan::new(&inputs, &Options::default())?;
//! assert_eq!(plan.phys_base % 0x200_0000, plan.virt_base % 0x200_0000);
//! println!("{plan}");
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used))]

mod arguments;
mod boot_args;
mod error;
mod fill;
mod plan;
mod preset;
mod soc;
mod train;
mod trust_cache;
mod virtual_tree;

pub use arguments::{merge_arguments, without_argument};
pub use boot_args::{BootArgs, LINE_LENGTHS, Video};
pub use error::{Error, ErrorKind};
pub use fill::{Fill, TIMEBASE, random_seed};
pub use plan::{
    BOOT_ARGS_SIZE, Framebuffer, Inputs, Kernel, LinuxImage, Load, Options, Plan, Range, Region, Screen,
    Source,
};
pub use preset::{PRESETS, Preset};
pub use soc::Soc;
pub use train::Train;
pub use trust_cache::wrap_trust_cache;

/// The result of this crate's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;
