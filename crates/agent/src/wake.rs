//! Calls a sleeping neighbour: the magic packet, broadcast on every network of this machine.

use if_addrs::IfAddr;
use jumpdeck_protocol::wake::{Mac, SecureOn, magic_packet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// The port that wake-ups go to: *discard*, by custom.
const PORT: u16 = 9;

/// Broadcasts the packet on every network. Returns on how many it was sent.
pub fn broadcast(mac: Mac, password: Option<SecureOn>) -> u32 {
    let mut sent = 0;
    for address in broadcast_addresses() {
        match send(mac, password, SocketAddr::from((address, PORT))) {
            Ok(()) => sent += 1,
            Err(error) => tracing::warn!(%address, %error, "a magic packet was not sent"),
        }
    }
    sent
}

/// Sends the packet to one address.
///
/// # Errors
/// What the system said.
pub fn send(mac: Mac, password: Option<SecureOn>, to: SocketAddr) -> io::Result<()> {
    let packet = magic_packet(mac, password);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_broadcast(true)?;
    let sent = socket.send_to(&packet, to)?;
    if sent == packet.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// The broadcast addresses of all networks but the loopback's.
fn broadcast_addresses() -> Vec<Ipv4Addr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "this machine's networks cannot be listed");
        Vec::new()
    });
    let mut addresses: Vec<_> = interfaces
        .into_iter()
        .filter_map(|interface| match interface.addr {
            IfAddr::V4(own) if !own.ip.is_loopback() => {
                // A network of one or two addresses has none for all; the one for every network
                // does.
                Some(own.broadcast.filter(|_| own.prefixlen < 31).unwrap_or(Ipv4Addr::BROADCAST))
            }
            _ => None,
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MAC: Mac = Mac([2, 0, 0, 0, 1, 44]);

    #[test]
    fn a_packet_arrives_as_it_should_with_and_without_secure_on() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let to = socket.local_addr().unwrap();
        for password in [None, Some(SecureOn([9, 8, 7, 6, 5, 4]))] {
            send(MAC, password, to).unwrap();
            let mut packet = [0; 200];
            let length = socket.recv(&mut packet).unwrap();
            assert_eq!(packet[..length], magic_packet(MAC, password));
        }
    }
}
