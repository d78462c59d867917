//! The store: the World and what happened, durable. An edit is a function over a [`Draft`]; it is
//! answered once it is on the disk. Nothing outside this crate knows what keeps it.
#![allow(missing_docs, reason = "the appliance's own crate; comments stand where there is a why")]

mod backend;
mod codec;
mod draft;
mod error;
mod resumed;
mod sessions;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;

pub use backend::{BackendError, Queries};
pub use draft::{AuditRecord, Draft, History, Lived, Seen};
pub use error::StoreError;
pub use resumed::{NewSession, OpenSession, Tally};
pub use sessions::{SessionFilter, SessionWord, StoredSession};
pub use store::{Opened, Store};

use jumpdeck_protocol::{Timestamp, UserId};

/// A session of the past: whose it was, when it began, and when it ended.
pub type Past = (UserId, Timestamp, Option<Timestamp>);
