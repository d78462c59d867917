//! An argument of a program: bytes, most often text.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Write};

/// An argument, unchanged. As text it goes over the wire as text, which older peers read; else as
/// bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Argument(Vec<u8>);

impl Argument {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As text, with `\xe4` for what is none.
    pub fn shown(&self) -> String {
        let mut shown = String::with_capacity(self.0.len());
        for chunk in self.0.utf8_chunks() {
            shown.push_str(chunk.valid());
            for byte in chunk.invalid() {
                // Writing to a `String` does not fail.
                let _ = write!(shown, "\\x{byte:02x}");
            }
        }
        shown
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown(), f)
    }
}

impl From<Vec<u8>> for Argument {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => to.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Argument;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or bytes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Argument, E> {
                Ok(Argument::from(text))
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Argument, E> {
                Ok(Argument(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Argument, E> {
                Ok(Argument(bytes))
            }
        }
        from.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_as_it_always_did_and_bytes_come_back() {
        let text = vec!["ls".to_owned(), "ß".to_owned()];
        let arguments: Vec<_> = text.iter().cloned().map(Argument::from).collect();
        assert_eq!(rmp_serde::to_vec(&text).unwrap(), rmp_serde::to_vec(&arguments).unwrap());
        let bytes = Argument::from(b"a\xe4b".to_vec());
        let again = rmp_serde::from_slice(&rmp_serde::to_vec(&bytes).unwrap()).unwrap();
        assert_eq!(bytes, again);
        assert_eq!(bytes.shown(), "a\\xe4b");
    }
}
