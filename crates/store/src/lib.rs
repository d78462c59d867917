//! The store: the World and what happened, durable. An edit is a function over a [`Draft`]; it is
//! answered once it is on the disk. Nothing outside this crate knows what keeps it.
#![allow(missing_docs, reason = "the appliance's own crate; comments stand where there is a why")]

mod draft;
mod resumed;
mod sqlite;

pub use draft::{AuditRecord, Draft, History, Lived, Seen};
pub use resumed::{NewSession, Tally};
pub use sqlite::{OpenSession, Opened, Store, StoreError};

use jumpdeck_protocol::{Timestamp, UserId};

/// A session of the past: whose it was, when it began, and when it ended.
pub type Past = (UserId, Timestamp, Option<Timestamp>);
