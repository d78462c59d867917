//! Links as they are made and driven: TLS, WebSocket, handshake, and the loop that moves messages.
//!
//! The appliance accepts with the same loop and settings that agents and consoles dial with.

mod address;
mod dial;
mod outbox;
mod pump;
mod socket;
mod tls;
pub mod why;

pub use address::{Address, AddressError, DEFAULT_PORT};
pub use dial::{DialError, Dialed, Pin, connect, dial, dial_over};
pub use outbox::{Lane, Outbox};
pub use pump::{Incoming, KeepAlive, LinkEnd, pump, read_plain, settings, write_plain};
pub use socket::{Socket, Stream, agreed};
pub use tls::{binding, client_config, tune};
pub use tokio_tungstenite::tungstenite::protocol::Role;
