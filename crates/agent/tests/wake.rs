//! The magic packet between two machines: network namespaces with a cable between them, where the
//! test may make those; else on the loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by unwrapping and indexing"
)]

use jumpdeck_agent::wake;
use jumpdeck_protocol::wake::{Mac, SecureOn, magic_packet};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

const SLEEPER: Mac = Mac([2, 0, 0, 0, 1, 44]);
const PASSWORD: SecureOn = SecureOn([0xde, 0xad, 0xbe, 0xef, 0, 1]);

/// Two namespaces with a cable between them; they go with the value.
struct Cable {
    names: [String; 2],
}

impl Cable {
    /// Lays the cable, if this machine lets us.
    fn lay() -> Option<Self> {
        let names = ["a", "b"].map(|end| format!("jumpdeck-{}-{end}", std::process::id()));
        let cable = Self { names };
        let [a, b] = &cable.names;
        let (near, far) = ("jd-near", "jd-far");
        let steps: [&[&str]; 7] = [
            &["netns", "add", a],
            &["netns", "add", b],
            &["-n", a, "link", "add", near, "type", "veth", "peer", "name", far, "netns", b],
            &["-n", a, "addr", "add", "10.77.0.1/24", "broadcast", "+", "dev", near],
            &["-n", b, "addr", "add", "10.77.0.2/24", "broadcast", "+", "dev", far],
            &["-n", a, "link", "set", near, "up"],
            &["-n", b, "link", "set", far, "up"],
        ];
        steps.iter().all(|step| ip(step)).then_some(cable)
    }

    /// Does something on a thread that is at one end.
    fn at<T: Send>(&self, end: usize, act: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.names[end]);
        std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                let space = File::open(path).unwrap();
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(space.as_fd(), network).unwrap();
                act()
            });
            there.join().unwrap()
        })
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).output().is_ok_and(|output| output.status.success())
}

/// The packets that a neighbour's network card would see.
fn captured(socket: &UdpSocket) -> Vec<u8> {
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut packet = [0; 256];
    let length = socket.recv(&mut packet).unwrap();
    packet[..length].to_vec()
}

#[test]
fn a_magic_packet_crosses_the_network_with_and_without_secure_on() {
    let Some(cable) = Cable::lay() else {
        eprintln!("no network namespaces can be made here: the loopback stands in for them");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        for password in [None, Some(PASSWORD)] {
            wake::send(SLEEPER, password, socket.local_addr().unwrap()).unwrap();
            assert_eq!(captured(&socket), magic_packet(SLEEPER, password));
        }
        return;
    };
    let socket = cable.at(1, || UdpSocket::bind("0.0.0.0:9").unwrap());
    for password in [None, Some(PASSWORD)] {
        let networks = cable.at(0, || wake::broadcast(SLEEPER, password));
        assert_eq!(networks, 1);
        let packet = captured(&socket);
        assert_eq!(packet, magic_packet(SLEEPER, password));
        assert_eq!(packet.len(), if password.is_some() { 108 } else { 102 });
    }
    let alone = cable.at(1, || wake::broadcast(SLEEPER, None));
    assert_eq!(alone, 1, "the other end can call as well");
}
