//! Resumable byte streams. Offsets are absolute: a sender keeps what was not acknowledged, a
//! receiver knows what it has, and the one who comes back says where it stands.
//!
//! Pure state; who owns it does the reading and writing.

mod receive;
mod send;

pub use receive::{Accept, ReceiveStream};
pub use send::SendStream;

use thiserror::Error;

/// What a peer did that a stream does not allow. The link is ended for it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum StreamError {
    /// An acknowledgement of bytes that were never sent.
    #[error("bytes up to {received} acknowledged, but only {sent} were sent")]
    AcknowledgedUnsent {
        /// What the peer says it has.
        received: u64,
        /// What was sent.
        sent: u64,
    },
    /// Bytes past the granted window.
    #[error("bytes up to {end} sent, but only {limit} were allowed")]
    WindowExceeded {
        /// Where the message ended.
        end: u64,
        /// What was allowed.
        limit: u64,
    },
}
