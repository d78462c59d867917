//! Reads MessagePack as this project writes it: maps with named fields, enums by their variant's name.
//!
//! `rmp-serde` writes it, and could read it. But it makes its whole reader anew for each type, and
//! there are hundreds: that was the longest part of a build. Here a type costs only the calls for what
//! it may be. The bytes may come from anybody: nothing is taken that does not stand there, and nesting
//! ends somewhere.

use rmp_serde::decode::Error;
use serde::Deserialize;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use std::io;

/// How deep values may stand in one another.
const DEPTH: u16 = 256;

/// Reads one value. What follows it is not looked at.
///
/// # Errors
/// When the bytes are no such value.
pub fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Error> {
    T::deserialize(&mut Reader { rest: bytes, depth: DEPTH })
}

/// What has not been read yet.
struct Reader<'de> {
    rest: &'de [u8],
    depth: u16,
}

/// The beginning of a value.
#[derive(Clone, Copy)]
enum Head<'de> {
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
    fn head(&mut self) -> Result<Head<'de>, Error> {
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
    fn skip(&mut self) -> Result<(), Error> {
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
    const fn back_to(&mut self, rest: &'de [u8]) {
        self.rest = rest;
    }

    fn deeper<T>(
        &mut self,
        left: u32,
        read: impl FnOnce(&mut Several<'_, 'de>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.depth = self.depth.checked_sub(1).ok_or(Error::DepthLimitExceeded)?;
        let mut several = Several { reader: self, left };
        let value = read(&mut several)?;
        let left = several.left;
        self.depth += 1;
        if left > 0 { Err(Error::LengthMismatch(left)) } else { Ok(value) }
    }
}

fn ended() -> Error {
    Error::InvalidDataRead(io::ErrorKind::UnexpectedEof.into())
}

/// Not what was expected.
fn unlike(head: Head<'_>, expected: &dyn de::Expected) -> Error {
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

fn text<'de, V: Visitor<'de>>(bytes: &'de [u8], visitor: V) -> Result<V::Value, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => visitor.visit_borrowed_str(text),
        Err(error) => {
            visitor.visit_borrowed_bytes::<Error>(bytes).map_err(|_| Error::Utf8Error(error))
        }
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let before = self.rest;
        match self.head()? {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f32(value),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Text(bytes) => text(bytes, visitor),
            Head::Binary(bytes) => visitor.visit_borrowed_bytes(bytes),
            Head::Array(_) => {
                self.back_to(before);
                self.deserialize_seq(visitor)
            }
            Head::Map(_) => {
                self.back_to(before);
                self.deserialize_map(visitor)
            }
            head @ Head::Extension => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Bool(value) => visitor.visit_bool(value),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::F32(value) => visitor.visit_f32(value),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Text(bytes) => text(bytes, visitor),
            Head::Binary(bytes) => visitor.visit_borrowed_bytes(bytes),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let before = self.rest;
        match self.head()? {
            Head::Text(bytes) => text(bytes, visitor),
            Head::Binary(bytes) => visitor.visit_borrowed_bytes(bytes),
            // As bytes are written that nobody called bytes.
            Head::Array(_) => {
                self.back_to(before);
                self.deserialize_seq(visitor)
            }
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let before = self.rest;
        if let Head::Nil = self.head()? {
            return visitor.visit_none();
        }
        self.back_to(before);
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Nil | Head::Array(0) => visitor.visit_unit(),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Array(count) => self.deeper(count, |several| visitor.visit_seq(several)),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Map(count) => self.deeper(count, |several| visitor.visit_map(several)),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let before = self.rest;
        let filled = match self.head()? {
            Head::Map(1) => true,
            Head::Text(_) | Head::Unsigned(_) => {
                self.back_to(before);
                false
            }
            head => return Err(unlike(head, &visitor)),
        };
        self.depth = self.depth.checked_sub(1).ok_or(Error::DepthLimitExceeded)?;
        let value = visitor.visit_enum(Variant { reader: self, filled })?;
        self.depth += 1;
        Ok(value)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.head()? {
            Head::Text(bytes) => text(bytes, visitor),
            Head::Unsigned(value) => visitor.visit_u64(value),
            head => Err(unlike(head, &visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// The values of an array, or the pairs of a map.
struct Several<'r, 'de> {
    reader: &'r mut Reader<'de>,
    left: u32,
}

impl Several<'_, '_> {
    const fn next(&mut self) -> bool {
        let any = self.left > 0;
        self.left = self.left.saturating_sub(1);
        any
    }
}

impl<'de> SeqAccess<'de> for &mut Several<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.next() { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

impl<'de> MapAccess<'de> for &mut Several<'_, 'de> {
    type Error = Error;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.next() { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

/// A variant of an enum, and whether it has something in it.
struct Variant<'r, 'de> {
    reader: &'r mut Reader<'de>,
    filled: bool,
}

impl Variant<'_, '_> {
    fn must_be_filled(&self, expected: &'static str) -> Result<(), Error> {
        if self.filled {
            return Ok(());
        }
        Err(de::Error::invalid_type(de::Unexpected::UnitVariant, &expected))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = seed.deserialize(&mut *self.reader)?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if !self.filled {
            return Ok(());
        }
        match self.reader.head()? {
            Head::Nil => Ok(()),
            head => Err(unlike(head, &"a variant without content")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.must_be_filled("a variant with a value")?;
        seed.deserialize(self.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.must_be_filled("a variant with values")?;
        self.reader.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.must_be_filled("a variant with fields")?;
        self.reader.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests;
