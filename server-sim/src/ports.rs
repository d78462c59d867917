//! Ports for appliances that tests and benches start and start again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Where the search begins: above what services are known by.
const FIRST: u16 = 20_000;

/// How many there are to try: they end below what Linux gives to outgoing connections (32,768).
const COUNT: u16 = 12_000;

/// How many this process has handed out or found taken.
static TRIED: AtomicU16 = AtomicU16::new(0);

/// A loopback address that nothing listens on, and that this process was not given before.
///
/// Its port is none that an outgoing connection is given by the system: with one of those, a
/// caller who redials while nobody listens can be connected to itself, and the port is taken.
///
/// # Errors
///
/// None of 12,000 ports is free.
pub fn free_address() -> std::io::Result<SocketAddr> {
    // Processes that run at the same time begin far from one another.
    let start = std::process::id().wrapping_mul(7_919) % u32::from(COUNT);
    for _ in 0..COUNT {
        let tried = u32::from(TRIED.fetch_add(1, Ordering::Relaxed));
        let offset = (start + tried) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or_default();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return listener.local_addr();
        }
    }
    Err(std::io::Error::other("none of 12,000 loopback ports is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_given_the_same_port_twice() {
        let first = free_address().unwrap();
        let second = free_address().unwrap();
        assert_ne!(first, second);
        assert!([first, second].iter().all(|address| address.port() < FIRST + COUNT));
    }
}
