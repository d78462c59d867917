//! The vocabulary on jumpdeck's wire.
//!
//! Everything that travels between a console, an appliance and an agent is named here: ids,
//! control messages, data and credit frames, limits, refusals, and the handshake that opens a
//! link. `docs/protocol.md` tells the same for readers who write in another language.
//!
//! No decisions live here (see `jumpdeck-policy`) and no state (see `jumpdeck-appliance`).

pub mod agent;
pub mod argument;
pub mod audit;
pub mod backoff;
pub mod channel;
pub mod configuration;
pub mod control;
pub mod endpoint;
pub mod frame;
pub mod handshake;
pub mod history;
pub mod ids;
pub mod inventory;
pub mod item;
pub mod journal;
pub mod jump_method;
pub mod limits;
pub mod log;
pub mod messagepack;
pub mod modes;
mod place;
pub mod preferences;
pub mod private_file;
pub mod queue;
pub mod refusal;
pub mod rep;
pub mod rights;
pub mod script;
pub mod session;
pub mod session_policy;
pub mod silence;
pub mod stream;
pub mod text;
mod tuning;
pub mod wake;

pub use control::{Control, Never, Outcome};
pub use frame::{Frame, FrameError};
pub use ids::*;
pub use refusal::{Refusal, RefusalCode};

/// The protocol generation this build speaks. A peer with another one is refused with
/// [`RefusalCode::VersionMismatch`].
pub const PROTOCOL: u16 = 1;

/// The version of this build, as shown to people.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
