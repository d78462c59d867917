//! Control messages: requests, replies and notices in MessagePack.
//!
//! Maps have named fields, and a reader ignores those it does not know, so that an old agent
//! keeps working with a new appliance. A request whose body is unknown is still recognised as a
//! request, so that it can be answered with a refusal instead of silence.

use crate::agent::{FromAgent, ToAgent};
use crate::handshake::{AgentProof, AgentWelcome, Challenge, Hello, RepLogin, RepWelcome};
use crate::rep::{FromRep, ToRep};
use crate::{Refusal, RequestId, frame, messagepack};
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A control message. `Q` are the requests this direction carries, `A` the answers, `N` the
/// notices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control<Q, A, N> {
    /// Wants a [`Control::Reply`] with the same id.
    Request {
        /// Chosen by the sender, unique among its open requests.
        id: RequestId,
        /// What is asked.
        body: Q,
    },
    /// Answers a request.
    Reply {
        /// The request's id.
        id: RequestId,
        /// The answer or the refusal.
        body: Outcome<A>,
    },
    /// Needs no answer.
    Notice {
        /// What is said.
        body: N,
    },
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome<A> {
    /// It was done.
    Ok(A),
    /// It was not done, and why.
    Refused(Refusal),
}

impl<A> From<Result<A, Refusal>> for Outcome<A> {
    fn from(result: Result<A, Refusal>) -> Self {
        match result {
            Ok(answer) => Self::Ok(answer),
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

impl<A> From<Outcome<A>> for Result<A, Refusal> {
    fn from(outcome: Outcome<A>) -> Self {
        match outcome {
            Outcome::Ok(answer) => Ok(answer),
            Outcome::Refused(refusal) => Err(refusal),
        }
    }
}

/// A direction that carries no requests (or no answers) says so with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Never {}

/// What a control message turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Received<Q, A, N> {
    /// A message this build knows.
    Known(Control<Q, A, N>),
    /// A request this build does not know: refuse it.
    UnknownRequest(RequestId),
    /// A notice or reply this build does not know: pass over it.
    UnknownOther,
}

/// A control message that cannot be read.
#[derive(Debug, Error)]
#[error("a control message that cannot be read: {}", crate::text::clean(&.0.to_string()))]
pub struct ControlError(#[from] rmp_serde::decode::Error);

/// What goes over the wire as one message. The types that do are listed at the end of this file, so
/// that reading and writing them is compiled once, here, and not in every crate that talks.
pub trait Wire: Sized {
    /// Ready to be sent as one WebSocket message.
    fn encode(&self) -> Bytes;

    /// Reads the body of a control frame.
    ///
    /// # Errors
    /// [`ControlError`] when the bytes are not that message.
    fn decode(body: &[u8]) -> Result<Self, ControlError>;
}

macro_rules! wire {
    ($($message:ty),* $(,)?) => {
        $(impl Wire for $message {
            fn encode(&self) -> Bytes {
                // Serialization of our own plain types into memory has no way to fail; an empty
                // body would be refused by the peer as unreadable.
                frame::control(&rmp_serde::to_vec_named(self).unwrap_or_default())
            }

            fn decode(body: &[u8]) -> Result<Self, ControlError> {
                Ok(messagepack::from_slice(body)?)
            }
        })*
    };
}

/// Writes a message, ready to be sent as one WebSocket message.
pub fn encode(message: &impl Wire) -> Bytes {
    message.encode()
}

/// Reads the body of a control frame.
///
/// # Errors
/// [`ControlError`] when the bytes are not even a control message of unknown kind.
pub fn decode<Q, A, N>(body: &[u8]) -> Result<Received<Q, A, N>, ControlError>
where
    Control<Q, A, N>: Wire,
{
    match Control::decode(body) {
        Ok(known) => Ok(Received::Known(known)),
        Err(reason) => match Control::<Whatever, Whatever, Whatever>::decode(body) {
            Ok(Control::Request { id, .. }) => Ok(Received::UnknownRequest(id)),
            Ok(_) => Ok(Received::UnknownOther),
            Err(_) => Err(reason),
        },
    }
}

/// A body that is not looked at.
#[derive(Debug, Deserialize)]
#[serde(from = "IgnoredAny")]
struct Whatever;

impl From<IgnoredAny> for Whatever {
    fn from(_: IgnoredAny) -> Self {
        Self
    }
}

impl Serialize for Whatever {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

wire!(
    FromRep,
    ToRep,
    FromAgent,
    ToAgent,
    Control<Whatever, Whatever, Whatever>,
    Never,
    Hello,
    Challenge,
    AgentProof,
    AgentWelcome,
    RepLogin,
    RepWelcome,
);
