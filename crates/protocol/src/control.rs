//! Control messages: requests, replies and notices in MessagePack.
//!
//! Maps have named fields, and a reader ignores those it does not know, so that an old agent
//! keeps working with a new appliance. A request whose body is unknown is still recognised as a
//! request, so that it can be answered with a refusal instead of silence.

use crate::{Refusal, RequestId, frame};
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
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

/// Writes a message, ready to be sent as one WebSocket message.
pub fn encode<T: Serialize>(message: &T) -> Bytes {
    // Serialization of our own plain types into memory has no way to fail; an empty body would
    // be refused by the peer as unreadable.
    let body = rmp_serde::to_vec_named(message).unwrap_or_default();
    frame::control(&body)
}

/// Reads the body of a control frame.
///
/// # Errors
/// [`ControlError`] when the bytes are not even a control message of unknown kind.
pub fn decode<Q, A, N>(body: &[u8]) -> Result<Received<Q, A, N>, ControlError>
where
    Q: DeserializeOwned,
    A: DeserializeOwned,
    N: DeserializeOwned,
{
    match rmp_serde::from_slice::<Control<Q, A, N>>(body) {
        Ok(known) => Ok(Received::Known(known)),
        Err(reason) => {
            match rmp_serde::from_slice::<Control<IgnoredAny, IgnoredAny, IgnoredAny>>(body) {
                Ok(Control::Request { id, .. }) => Ok(Received::UnknownRequest(id)),
                Ok(_) => Ok(Received::UnknownOther),
                Err(_) => Err(reason.into()),
            }
        }
    }
}

/// Reads one plain message of the handshake.
///
/// # Errors
/// [`ControlError`] when the bytes are not that message.
pub fn decode_plain<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    Ok(rmp_serde::from_slice(body)?)
}
