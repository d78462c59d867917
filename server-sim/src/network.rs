//! The simulated machines' networks: who sleeps there, and what wakes them.

use jumpdeck_protocol::wake::SecureOn;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

/// A hardware address.
pub type Mac = [u8; 6];

/// Who sleeps.
#[derive(Debug, Default)]
pub struct Network {
    asleep: Mutex<HashMap<Mac, oneshot::Sender<()>>>,
    password: Option<Mac>,
}

impl Network {
    /// A network whose machines want this SecureOn password, if any.
    ///
    /// # Errors
    /// When the password is not six bytes in hexadecimal.
    pub fn new(password_text: &str) -> Result<Self, String> {
        Ok(Self { asleep: Mutex::default(), password: password(password_text)? })
    }

    /// Falls asleep. The receiver is answered when a magic packet comes.
    pub(crate) fn sleep(&self, mac: Mac) -> oneshot::Receiver<()> {
        let (wake, woken) = oneshot::channel();
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner).insert(mac, wake);
        woken
    }

    /// A packet came. Returns whether it woke somebody.
    pub fn hear(&self, packet: &[u8]) -> bool {
        let Some(magic) = Magic::read(packet) else {
            return false;
        };
        if self.password.is_some() && self.password != magic.password {
            return false;
        }
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        asleep.remove(&magic.mac).is_some_and(|wake| wake.send(()).is_ok())
    }

    /// Listens for magic packets until the socket fails.
    pub async fn listen(&self, socket: &UdpSocket) -> std::io::Result<()> {
        let mut packet = [0; 256];
        loop {
            let (length, _) = socket.recv_from(&mut packet).await?;
            self.hear(packet.get(..length).unwrap_or_default());
        }
    }
}

/// What a magic packet says: six bytes of ones, the address sixteen times, maybe a password.
struct Magic {
    mac: Mac,
    password: Option<Mac>,
}

impl Magic {
    fn read(packet: &[u8]) -> Option<Self> {
        let rest = packet.strip_prefix(&[0xff; 6])?;
        let (addresses, password) = rest.split_at_checked(96)?;
        let mac: Mac = addresses.get(..6)?.try_into().ok()?;
        let password = match password.len() {
            0 => None,
            6 => Some(password.try_into().ok()?),
            _ => return None,
        };
        addresses.chunks(6).all(|address| address == mac).then_some(Self { mac, password })
    }
}

/// A wake-up password, or nothing.
pub(crate) fn password(text: &str) -> Result<Option<Mac>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let password: SecureOn =
        text.parse().map_err(|error| format!("the wake-up password {text:?}: {error}"))?;
    Ok(Some(password.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEPER: Mac = [2, 0, 0, 0, 1, 44];

    fn magic(mac: Mac, password: &[u8]) -> Vec<u8> {
        [&[0xff; 6][..], &mac.repeat(16), password].concat()
    }

    #[test]
    fn a_magic_packet_wakes_the_machine_it_names_and_no_other() {
        let network = Network::new("").unwrap();
        let mut woken = network.sleep(SLEEPER);
        assert!(!network.hear(&magic([2, 0, 0, 0, 1, 45], &[])));
        assert!(!network.hear(&magic(SLEEPER, &[])[..101]), "a packet cut short");
        assert!(woken.try_recv().is_err());
        assert!(network.hear(&magic(SLEEPER, &[])));
        assert!(woken.try_recv().is_ok());
        assert!(!network.hear(&magic(SLEEPER, &[])), "nobody sleeps there any more");
    }

    #[test]
    fn a_machine_with_a_password_wants_it() {
        let network = Network::new("01:02:03:04:05:06").unwrap();
        let _woken = network.sleep(SLEEPER);
        assert!(!network.hear(&magic(SLEEPER, &[])));
        assert!(!network.hear(&magic(SLEEPER, &[1, 2, 3, 4, 5, 7])));
        assert!(network.hear(&magic(SLEEPER, &[1, 2, 3, 4, 5, 6])));
        assert!(Network::new("12345").is_err() && Network::new("zz:02:03:04:05:06").is_err());
    }
}
