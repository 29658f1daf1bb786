//! The server's side of RFB, the protocol of VNC: a picture for one client, and its keys.
//!
//! [`Session`] takes what the client sent and gives what is to be sent to it; it does no input or output, so that whoever owns
//! sockets and pictures decides when. Versions 3.3, 3.7 and 3.8, no authentication (so: for loopback), encodings Raw and ZRLE,
//! pixels of 8, 16 and 32 bits with true colours. No cursor, no clipboard, no resizing.
//!
//! Source: RFC 6143.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects
    )
)]

mod keys;
mod pixel;
mod session;
mod zrle;

pub use keys::Keyboard;
pub use pixel::PixelFormat;
pub use session::{Event, Session};

/// What a client did that ends its session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Its first words are not those of RFB.
    #[error("no VNC client: it began with {0:?}")]
    Version(String),
    /// It chose a security type that was not offered.
    #[error("security type {0} was not offered")]
    Security(u8),
    /// An unknown message: its length is not known either.
    #[error("unknown message {0}")]
    Message(u8),
    /// Pixels that cannot be made.
    #[error("pixel format: {0}")]
    PixelFormat(&'static str),
    /// A message that is too long.
    #[error("{0} bytes of {1}")]
    TooLong(u64, &'static str),
}
