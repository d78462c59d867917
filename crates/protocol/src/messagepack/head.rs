//! The beginnings of MessagePack's values, and what is in them.

use rmp_serde::decode::Error;
use serde::de;
use std::io;

/// What has not been read yet.
pub(super) struct Reader<'de> {
    pub rest: &'de [u8],
    pub depth: u16,
}

/// The beginning of a value.
#[derive(Clone, Copy)]
pub(super) enum Head<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Text(&'de [u8]),
    Binary(&'de [u8]),
    /// So many values follow.
    Array(u32),
    /// So many pairs follow.
    Map(u32),
    /// Nothing that is written here.
    Extension,
}

impl<'de> Reader<'de> {
    fn take(&mut self, count: usize) -> Result<&'de [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(ended)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number of so many bytes, the highest first.
    fn number(&mut self, bytes: usize) -> Result<u64, Error> {
        Ok(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The same, below zero if its highest bit is set.
    fn signed(&mut self, bytes: usize) -> Result<i64, Error> {
        let unused = 64 - 8 * u32::try_from(bytes).unwrap_or(8);
        Ok(self.number(bytes)?.wrapping_shl(unused).cast_signed().wrapping_shr(unused))
    }

    /// As many bytes as the number before them says, which has so many bytes itself.
    fn counted(&mut self, width: usize) -> Result<&'de [u8], Error> {
        let count = self.number(width)?;
        self.take(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// How many values or pairs follow.
    fn count(&mut self, width: usize) -> Result<u32, Error> {
        // At most four bytes are asked for.
        Ok(u32::try_from(self.number(width)?).unwrap_or(u32::MAX))
    }

    fn extension(&mut self, length: usize) -> Result<Head<'de>, Error> {
        // Its kind stands before it.
        self.take(length.saturating_add(1)).map(|_| Head::Extension)
    }

    /// Reads the beginning of a value, and all of it if that is no array and no map.
    pub(super) fn head(&mut self) -> Result<Head<'de>, Error> {
        let first = self.take(1)?.first().copied().unwrap_or_default();
        let low = usize::from(first);
        Ok(match first {
            0x00..=0x7f => Head::Unsigned(first.into()),
            0x80..=0x8f => Head::Map((first & 0x0f).into()),
            0x90..=0x9f => Head::Array((first & 0x0f).into()),
            0xa0..=0xbf => Head::Text(self.take(low & 0x1f)?),
            0xc0 => Head::Nil,
            0xc1 => return Err(Error::Uncategorized("a byte that begins nothing".to_owned())),
            0xc2 | 0xc3 => Head::Bool(first == 0xc3),
            0xc4..=0xc6 => Head::Binary(self.counted(1 << (low - 0xc4))?),
            0xc7..=0xc9 => {
                let length = self.number(1 << (low - 0xc7))?;
                self.extension(usize::try_from(length).unwrap_or(usize::MAX))?
            }
            0xca => Head::F32(f32::from_bits(self.count(4)?)),
            0xcb => Head::F64(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => Head::Unsigned(self.number(1 << (low - 0xcc))?),
            0xd0..=0xd3 => Head::Signed(self.signed(1 << (low - 0xd0))?),
            0xd4..=0xd8 => self.extension(1 << (low - 0xd4))?,
            0xd9..=0xdb => Head::Text(self.counted(1 << (low - 0xd9))?),
            0xdc | 0xdd => Head::Array(self.count(2 << (low - 0xdc))?),
            0xde | 0xdf => Head::Map(self.count(2 << (low - 0xde))?),
            0xe0..=0xff => Head::Signed(i64::from(first.cast_signed())),
        })
    }

    /// Passes over a value, however deep.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let mut left = 1_u64;
        while left > 0 {
            left -= 1;
            left += match self.head()? {
                Head::Array(count) => u64::from(count),
                Head::Map(count) => 2 * u64::from(count),
                _ => 0,
            };
        }
        Ok(())
    }

    /// Takes the beginning of an array or a map back, so that it is read as what is asked for.
    pub(super) const fn back_to(&mut self, rest: &'de [u8]) {
        self.rest = rest;
    }
}

fn ended() -> Error {
    Error::InvalidDataRead(io::ErrorKind::UnexpectedEof.into())
}

/// Not what was expected.
pub(super) fn unlike(head: Head<'_>, expected: &dyn de::Expected) -> Error {
    let found = match head {
        Head::Nil => de::Unexpected::Unit,
        Head::Bool(value) => de::Unexpected::Bool(value),
        Head::Unsigned(value) => de::Unexpected::Unsigned(value),
        Head::Signed(value) => de::Unexpected::Signed(value),
        Head::F32(value) => de::Unexpected::Float(value.into()),
        Head::F64(value) => de::Unexpected::Float(value),
        // It may be a secret.
        Head::Text(_) => de::Unexpected::Other("text"),
        Head::Binary(_) => de::Unexpected::Other("bytes"),
        Head::Array(_) => de::Unexpected::Seq,
        Head::Map(_) => de::Unexpected::Map,
        Head::Extension => de::Unexpected::Other("an extension"),
    };
    de::Error::invalid_type(found, expected)
}
