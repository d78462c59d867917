//! A simulated fleet: Jump Clients that speak the real agent protocol over real TLS sockets.
//!
//! Each has its own key, enrols, proves itself, measures when watched, and answers on a small
//! shell of its own. The same seed makes the same fleet.

mod client;
mod identity;
mod shell;

pub use identity::{Fleet, Simulated};

use jumpdeck_protocol::link::client_config;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Clients that connect at the same time.
const CONNECTING: usize = 64;

/// How many clients of a running fleet are linked.
#[derive(Clone, Debug, Default)]
pub struct Linked(Arc<AtomicUsize>);

impl Linked {
    /// The number now.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn remove(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs a fleet until the future is dropped. `from` is the local address to connect from, if it
/// matters.
///
/// # Errors
/// When TLS cannot be used at all.
pub async fn run(fleet: Fleet, linked: Linked, from: Option<SocketAddr>) -> anyhow::Result<()> {
    let shared = Arc::new(client::Shared {
        tls: client_config()?,
        door: Semaphore::new(CONNECTING),
        address: fleet.url.parse()?,
        fingerprint: fleet.fingerprint.clone(),
        from,
        linked,
    });
    let mut clients = JoinSet::new();
    for simulated in fleet.clients() {
        clients.spawn(client::keep_linked(Arc::clone(&shared), simulated));
    }
    while clients.join_next().await.is_some() {}
    // Every client was refused for good; there is nothing left to do but to stay.
    tokio::time::sleep(Duration::MAX).await;
    Ok(())
}
