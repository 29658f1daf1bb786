//! When a guest does not boot: what it does instead, why, and what to try next.
//!
//! [`Watch`] looks at a running machine now and then and notices what never ends: an exception before the MMU is on, an
//! exception in the exception vectors, a loop that changes nothing, a device register asked again and again. [`Recorder`]
//! remembers the devices accessed last. [`Panic`] reads the kernel's own words from console or panic log, [`advice`] knows what
//! the usual ones mean. [`report`] puts all of it on one screen.
//!
//! Nothing here changes the guest, and nothing is certain: a report says what was seen and names the likely reason.
//! Facts: XNU's panic format (`osfmk/arm/model_dep.c`, `osfmk/kern/debug.h`, `osfmk/arm64/sleh.c` of xnu-4903 and xnu-8792), its
//! start code (`osfmk/arm64/start.s`), Arm's syndromes (Arm manual D24.2); what obstacles look like: each rule names it.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used))]

pub mod advice;
pub mod esr;
mod names;
mod panic;
mod recorder;
mod report;
mod watch;

pub use names::{Module, Names};
pub use panic::{Panic, panic_log};
pub use recorder::{Recent, Recorder};
pub use report::{Evidence, report};
pub use watch::{Finding, Watch};
