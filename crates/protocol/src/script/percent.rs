//! Percent-encoding (RFC 3986, 2.1), strictly: what must be encoded, is.

use std::fmt::Write;

/// Something that is no percent-encoded text, and at which byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub at: usize,
    pub what: &'static str,
}

/// Reads a text.
pub(super) fn decode(text: &str) -> Result<String, Wrong> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().enumerate();
    while let Some((at, byte)) = rest.next() {
        match byte {
            b'%' => {
                let wrong = Wrong { at, what: "after % come two hexadecimal digits" };
                let mut digit =
                    || rest.next().and_then(|(_, digit)| char::from(digit).to_digit(16));
                let (high, low) = (digit().ok_or(wrong)?, digit().ok_or(wrong)?);
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
            }
            _ if is_plain(byte) => bytes.push(byte),
            b' ' => return Err(Wrong { at, what: "a blank is written %20" }),
            b'=' => return Err(Wrong { at, what: "here = is written %3D" }),
            _ => return Err(Wrong { at, what: "this character has to be percent-encoded" }),
        }
    }
    let text = String::from_utf8(bytes);
    let text = text.map_err(|_| Wrong { at: 0, what: "what is encoded is no UTF-8" })?;
    if text.chars().any(char::is_control) {
        return Err(Wrong { at: 0, what: "control characters mean nothing here" });
    }
    Ok(text)
}

/// What may stand for itself in a query, but for what separates pairs (RFC 3986, 3.4).
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'\'')
        || matches!(byte, b'(' | b')' | b'*' | b'+' | b',' | b';' | b':' | b'@' | b'/' | b'?')
}

/// Writes a text: everything but the unreserved characters is encoded (RFC 3986, 2.3).
pub(super) fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
