//! The three kinds of binary messages, told apart by their first byte.
//!
//! ```text
//! control  01 | MessagePack
//! data     02 | channel u64 | offset u64 | bytes
//! credit   03 | channel u64 | received u64 | limit u64
//! ```
//! Numbers are big-endian. A relay passes data and credit on unchanged.

use crate::{ChannelId, limits};
use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;

const CONTROL: u8 = 1;
const DATA: u8 = 2;
const CREDIT: u8 = 3;
const DATA_HEADER: usize = 17;
const CREDIT_LENGTH: usize = 25;

/// One binary message of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A MessagePack map, see [`crate::control`].
    Control(Bytes),
    /// Bytes of a channel's stream.
    Data {
        /// The channel they belong to.
        channel: ChannelId,
        /// Where in the stream the first byte stands.
        offset: u64,
        /// 1 to [`limits::DATA_PAYLOAD`] bytes.
        bytes: Bytes,
    },
    /// What the receiver of a stream has and will take.
    Credit {
        /// The channel whose stream (the one towards the sender of this) is meant.
        channel: ChannelId,
        /// Everything before this offset has arrived.
        received: u64,
        /// Nothing at or past this offset may be sent yet.
        limit: u64,
    },
}

/// Why a binary message is none of the three kinds.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FrameError {
    /// No byte at all.
    #[error("an empty message")]
    Empty,
    /// The first byte names no kind.
    #[error("unknown kind of message {0}")]
    Kind(u8),
    /// Shorter or longer than its kind allows.
    #[error("a message of {0} bytes, which its kind does not allow")]
    Length(usize),
    /// The stream would pass the last offset there is.
    #[error("a stream offset past the end of the number space")]
    Offset,
}

impl Frame {
    /// Reads a message. Never panics, whatever the bytes.
    ///
    /// # Errors
    /// [`FrameError`] says what is wrong with the bytes.
    pub fn decode(message: Bytes) -> Result<Self, FrameError> {
        let length = message.len();
        match *message.first().ok_or(FrameError::Empty)? {
            CONTROL => Ok(Self::Control(message.slice(1..))),
            DATA => {
                if length <= DATA_HEADER || length > DATA_HEADER + limits::DATA_PAYLOAD {
                    return Err(FrameError::Length(length));
                }
                let offset = number(&message, 9)?;
                let payload =
                    u64::try_from(length - DATA_HEADER).map_err(|_| FrameError::Offset)?;
                offset.checked_add(payload).ok_or(FrameError::Offset)?;
                Ok(Self::Data {
                    channel: ChannelId(number(&message, 1)?),
                    offset,
                    bytes: message.slice(DATA_HEADER..),
                })
            }
            CREDIT if length == CREDIT_LENGTH => Ok(Self::Credit {
                channel: ChannelId(number(&message, 1)?),
                received: number(&message, 9)?,
                limit: number(&message, 17)?,
            }),
            CREDIT => Err(FrameError::Length(length)),
            other => Err(FrameError::Kind(other)),
        }
    }

    /// The message as it goes over the wire.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Control(body) => control(body),
            Self::Data { channel, offset, bytes } => data(*channel, *offset, bytes),
            Self::Credit { channel, received, limit } => credit(*channel, *received, *limit),
        }
    }
}

/// A control message around its MessagePack body.
pub fn control(body: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(1 + body.len());
    message.put_u8(CONTROL);
    message.put_slice(body);
    message.freeze()
}

/// A data message.
pub fn data(channel: ChannelId, offset: u64, payload: &[u8]) -> Bytes {
    let mut message = BytesMut::with_capacity(DATA_HEADER + payload.len());
    message.put_u8(DATA);
    message.put_u64(channel.0);
    message.put_u64(offset);
    message.put_slice(payload);
    message.freeze()
}

/// A credit message.
pub fn credit(channel: ChannelId, received: u64, limit: u64) -> Bytes {
    let mut message = BytesMut::with_capacity(CREDIT_LENGTH);
    message.put_u8(CREDIT);
    message.put_u64(channel.0);
    message.put_u64(received);
    message.put_u64(limit);
    message.freeze()
}

fn number(message: &[u8], at: usize) -> Result<u64, FrameError> {
    message
        .get(at..at + 8)
        .and_then(|eight| eight.try_into().ok())
        .map(u64::from_be_bytes)
        .ok_or(FrameError::Length(message.len()))
}
