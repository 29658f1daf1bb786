//! The core library under one name: re-exports of every crate of the toolchain.
