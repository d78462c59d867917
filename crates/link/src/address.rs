//! Where an appliance is.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The port an appliance listens on when none is named.
pub const DEFAULT_PORT: u16 = 8443;

/// An appliance's host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or an IP address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is no address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Unencrypted links do not exist.
    #[error("{0:?} asks for an unencrypted link, which jumpdeck does not make; use https://")]
    Unencrypted(String),
    /// Something else is wrong with it.
    #[error("{0:?} is no appliance address; it should look like https://support.example.com:8443")]
    Malformed(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        let rest = match text.split_once("://") {
            None => text,
            Some(("https" | "wss", rest)) => rest,
            Some(("http" | "ws", _)) => return Err(AddressError::Unencrypted(text.to_owned())),
            Some(_) => return Err(malformed()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = split_port(authority).ok_or_else(malformed)?;
        let plain = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ', '[', ']']);
        if !plain {
            return Err(malformed());
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) => digits.parse().map_err(|_| malformed())?,
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, rest) = bracketed.split_once(']')?;
        return match rest {
            "" => Some((host, None)),
            _ => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    match authority.matches(':').count() {
        0 => Some((authority, None)),
        1 => authority.split_once(':').map(|(host, port)| (host, Some(port))),
        _ => Some((authority, None)),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "https://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    fn parse(text: &str) -> Result<(String, u16), AddressError> {
        text.parse::<Address>().map(|a| (a.host, a.port))
    }

    #[test]
    fn names_ports_and_ipv6_are_understood() {
        assert_eq!(parse("https://a.example:99/"), Ok(("a.example".into(), 99)));
        assert_eq!(parse("a.example"), Ok(("a.example".into(), 8443)));
        assert_eq!(parse("wss://[::1]:7"), Ok(("::1".into(), 7)));
        assert_eq!(parse("::1"), Ok(("::1".into(), 8443)));
    }

    #[test]
    fn unencrypted_and_malformed_addresses_are_refused() {
        assert!(matches!(parse("http://a"), Err(AddressError::Unencrypted(_))));
        for bad in ["", "ftp://a", "https://a:b", "https://a/b", "a:99999", "https://[::1"] {
            assert!(matches!(parse(bad), Err(AddressError::Malformed(_))), "{bad}");
        }
    }
}
