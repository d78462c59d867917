//! What values properties take, and what is said of those that do not fit.

use super::{ItemField, WrongValue};
use crate::{limits, text};

pub(super) fn wrong(field: ItemField, why: impl Into<String>) -> WrongValue {
    WrongValue { field, why: why.into() }
}

/// A text of so many characters, cleaned, without blanks around it.
pub(super) fn line(
    field: ItemField,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<Box<str>, WrongValue> {
    let text = text::clean(text.trim());
    let count = text.chars().count();
    if length.contains(&count) {
        return Ok(text.trim().into());
    }
    if count < *length.start() {
        return Err(wrong(field, "it cannot be empty"));
    }
    Err(wrong(field, format!("{count} characters are too many; {} fit", length.end())))
}

/// The same without blanks in it.
pub(super) fn word(
    field: ItemField,
    text: &str,
    length: std::ops::RangeInclusive<usize>,
) -> Result<Box<str>, WrongValue> {
    let text = line(field, text, length)?;
    if text.contains(char::is_whitespace) {
        return Err(wrong(field, "there is no blank in it"));
    }
    Ok(text)
}

/// A name or an address of a machine.
pub(super) fn host(field: ItemField, text: &str) -> Result<Box<str>, WrongValue> {
    let text = word(field, text, 1..=limits::FACT)?;
    let fits = |c: char| c.is_alphanumeric() || ".-_:[]%".contains(c);
    match text.chars().find(|c| !fits(*c)) {
        Some(other) => Err(wrong(field, format!("there is no {other:?} in a host's name"))),
        None => Ok(text),
    }
}

pub(super) fn number(
    field: ItemField,
    number: u32,
    range: std::ops::RangeInclusive<u32>,
) -> Result<u32, WrongValue> {
    if range.contains(&number) {
        return Ok(number);
    }
    Err(wrong(field, format!("it lies between {} and {}", range.start(), range.end())))
}

pub(super) fn known(field: ItemField, text: Box<str>) -> Result<Box<str>, WrongValue> {
    if field.words().contains(&&*text) {
        return Ok(text);
    }
    Err(wrong(field, format!("it is one of {}", field.words().join(", "))))
}

/// `local;remote` pairs of ports, with more after another semicolon.
pub(super) fn tunnels(field: ItemField, text: &str) -> Result<Box<str>, WrongValue> {
    let text = word(field, text, 1..=limits::COMMENTS)?;
    let ports: Vec<_> = text.split(';').map(str::parse::<u16>).collect();
    let are_ports = ports.iter().all(|port| matches!(port, Ok(1..)));
    if are_ports && ports.len() % 2 == 0 {
        return Ok(text);
    }
    Err(wrong(field, "they are pairs of a local and a remote port: 8080;80;8443;443"))
}
