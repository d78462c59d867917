//! Wake-on-LAN: the magic packet (six bytes of ones, the hardware address sixteen times) and its
//! SecureOn password of six bytes.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mac(pub [u8; 6]);

/// A SecureOn password. It does not show in `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecureOn(pub [u8; 6]);

/// A text that is not six bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("six bytes in hexadecimal are needed, as in 01:23:45:67:89:ab")]
pub struct NotSixBytes;

impl FromStr for Mac {
    type Err = NotSixBytes;

    fn from_str(text: &str) -> Result<Self, NotSixBytes> {
        six(text).map(Self)
    }
}

impl FromStr for SecureOn {
    type Err = NotSixBytes;

    fn from_str(text: &str) -> Result<Self, NotSixBytes> {
        six(text).map(Self)
    }
}

/// Twelve digits, in pairs with `:` or `-` between them or without.
fn six(text: &str) -> Result<[u8; 6], NotSixBytes> {
    let text = text.trim();
    let is_plain = text.len() == 12;
    let pairs: Vec<&str> = if is_plain {
        (0..6).filter_map(|pair| text.get(pair * 2..pair * 2 + 2)).collect()
    } else {
        text.split([':', '-']).collect()
    };
    let byte = |pair: &&str| {
        let right = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
        right.then(|| u8::from_str_radix(pair, 16).ok()).flatten()
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NotSixBytes)
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.0.map(|byte| format!("{byte:02x}"));
        f.write_str(&pairs.join(":"))
    }
}

impl fmt::Debug for SecureOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecureOn(…)")
    }
}

/// The packet that wakes a machine.
pub fn magic_packet(mac: Mac, password: Option<SecureOn>) -> Vec<u8> {
    let mut packet = vec![0xff; 6];
    packet.extend_from_slice(&mac.0.repeat(16));
    packet.extend(password.into_iter().flat_map(|password| password.0));
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_the_usual_ways_and_no_other() {
        let mac = Mac([1, 0x23, 0x45, 0x67, 0x89, 0xab]);
        for text in ["01:23:45:67:89:ab", "01-23-45-67-89-AB", " 0123456789ab "] {
            assert_eq!(text.parse(), Ok(mac));
        }
        for text in ["", "01:23:45:67:89", "01:23:45:67:89:ab:cd", "+1:23:45:67:89:ab", "日本日本"]
        {
            assert_eq!(text.parse::<Mac>(), Err(NotSixBytes), "{text}");
        }
        assert_eq!(mac.to_string(), "01:23:45:67:89:ab");
    }

    #[test]
    fn a_magic_packet_is_as_long_as_it_should_be() {
        let mac = Mac([2, 0, 0, 0, 1, 44]);
        let plain = magic_packet(mac, None);
        assert_eq!((plain.len(), &plain[..6], &plain[96..]), (102, &[0xff; 6][..], &mac.0[..]));
        let password = SecureOn([1, 2, 3, 4, 5, 6]);
        assert_eq!(magic_packet(mac, Some(password))[102..], password.0);
        assert_eq!(format!("{password:?}"), "SecureOn(…)");
    }
}
