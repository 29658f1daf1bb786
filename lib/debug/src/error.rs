//! What can go wrong between a debugger and us.

/// Failure of listening or of a session. The guest is never harmed by it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address that cannot be understood.
    #[error("{0:?} is no address to listen at: PORT, HOST:PORT or unix:PATH")]
    Address(String),
    /// Listening failed.
    #[error("{address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("connection: {0}")]
    Connection(#[from] std::io::Error),
    /// The client sent a packet longer than it was allowed.
    #[error("the client sent a packet of more than {most} bytes")]
    TooLong {
        /// The size that was announced.
        most: usize,
    },
    /// The client asks for answers and does not read them, or asks for one without end.
    #[error("the answer to a request would be longer than {most} bytes")]
    Flood {
        /// The limit.
        most: usize,
    },
    /// The client does not keep to the protocol.
    #[error("protocol: {0}")]
    Protocol(String),
}
