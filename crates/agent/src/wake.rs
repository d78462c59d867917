//! Calls a sleeping neighbour: the magic packet, broadcast on every network of this machine.

use jumpdeck_protocol::wake::{Mac, SecureOn, magic_packet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use sysinfo::Networks;

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
    let Ok(networks) = Networks::new_with_refreshed_list() else {
        return Vec::new();
    };
    let all = networks.iter().flat_map(|(_, data)| data.ip_networks());
    let mut addresses: Vec<_> = all
        .filter_map(|network| match network.addr {
            IpAddr::V4(own) if !own.is_loopback() => Some(broadcast_of(own, network.prefix)),
            _ => None,
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// The last address of the network that an address is in.
fn broadcast_of(own: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    // A network of one or two addresses has none for all; the one for every network does.
    if prefix >= 31 { Ipv4Addr::BROADCAST } else { Ipv4Addr::from(u32::from(own) | host) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MAC: Mac = Mac([2, 0, 0, 0, 1, 44]);

    #[test]
    fn the_broadcast_address_is_the_last_of_its_network() {
        let last = |own: [u8; 4], prefix| broadcast_of(own.into(), prefix).octets();
        assert_eq!(last([10, 1, 2, 3], 24), [10, 1, 2, 255]);
        assert_eq!(last([172, 16, 5, 1], 12), [172, 31, 255, 255]);
        assert_eq!(last([10, 1, 2, 3], 32), [255; 4]);
    }

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
