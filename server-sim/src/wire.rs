//! A stream that misbehaves when it is told to: lost, cut, silent, slow.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// After this many bytes, both ways together, nothing goes any more and both ends know it.
    Drop {
        /// Bytes.
        after: u64,
    },
    /// The message that is being sent after this many bytes is sent in part only.
    Cut {
        /// Bytes sent.
        after: u64,
    },
    /// After this many bytes nothing arrives any more, and nobody is told.
    HalfOpen {
        /// Bytes.
        after: u64,
    },
    /// No more than this is read.
    Slow {
        /// Bytes a second.
        rate: u64,
    },
    /// Everything is sent so much later.
    Delay {
        /// Milliseconds.
        millis: u64,
    },
}

impl FromStr for WireFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no fault of a wire; there are drop:BYTES, cut:BYTES, half-open:BYTES, \
                 slow:BYTES_A_SECOND and delay:MILLISECONDS"
            )
        };
        let (kind, number) = text.split_once(':').ok_or_else(wrong)?;
        let number = number.parse().map_err(|_| wrong())?;
        match kind {
            "drop" => Ok(Self::Drop { after: number }),
            "cut" => Ok(Self::Cut { after: number }),
            "half-open" => Ok(Self::HalfOpen { after: number }),
            "slow" => Ok(Self::Slow { rate: number }),
            "delay" => Ok(Self::Delay { millis: number }),
            _ => Err(wrong()),
        }
    }
}

/// How often a slow stream reads, each second.
const SIPS: u64 = 20;

/// A stream, and what is wrong with it.
#[derive(Debug)]
pub struct FaultyWire<S> {
    stream: S,
    fault: Option<WireFault>,
    passed: u64,
    pause: Option<Pin<Box<Sleep>>>,
    torn: bool,
}

impl<S> FaultyWire<S> {
    /// A stream with this fault, or without one.
    pub const fn new(stream: S, fault: Option<WireFault>) -> Self {
        Self { stream, fault, passed: 0, pause: None, torn: false }
    }

    fn is_torn(&self) -> bool {
        self.torn || matches!(self.fault, Some(WireFault::Drop { after }) if self.passed >= after)
    }

    const fn is_silent(&self) -> bool {
        matches!(self.fault, Some(WireFault::HalfOpen { after }) if self.passed >= after)
    }

    /// Waits until the pause is over; begins one of this length if none is under way.
    fn pause(&mut self, length: Duration, context: &mut Context<'_>) -> Poll<()> {
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(length)));
        pause.as_mut().poll(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FaultyWire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_torn() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.is_silent() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let outcome = match self.fault {
            Some(WireFault::Slow { rate }) => {
                if self.pause(Duration::from_millis(1000 / SIPS), context).is_pending() {
                    return Poll::Pending;
                }
                let most = usize::try_from((rate / SIPS).max(1)).unwrap_or(usize::MAX);
                let mut sip = vec![0; most.min(buffer.remaining())];
                let mut sip = ReadBuf::new(&mut sip);
                let outcome = Pin::new(&mut self.stream).poll_read(context, &mut sip);
                buffer.put_slice(sip.filled());
                outcome
            }
            _ => Pin::new(&mut self.stream).poll_read(context, buffer),
        };
        if outcome.is_ready() {
            self.pause = None;
            self.passed += (buffer.filled().len() - before) as u64;
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FaultyWire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_torn() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.is_silent() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let mut allowed = bytes;
        match self.fault {
            Some(WireFault::Cut { after }) if self.passed + bytes.len() as u64 > after => {
                let part = usize::try_from(after - self.passed.min(after)).unwrap_or(0);
                allowed = bytes.get(..part.max(1)).unwrap_or(bytes);
                self.torn = true;
            }
            Some(WireFault::Delay { millis }) => {
                if self.pause(Duration::from_millis(millis), context).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
            }
            _ => {}
        }
        let outcome = Pin::new(&mut self.stream).poll_write(context, allowed);
        if let Poll::Ready(Ok(written)) = &outcome {
            self.passed += *written as u64;
        }
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_silent() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, timeout};

    fn wire(fault: &str) -> (FaultyWire<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(64 * 1024);
        (FaultyWire::new(near, Some(fault.parse().unwrap())), far)
    }

    #[tokio::test]
    async fn a_cut_wire_sends_a_part_and_then_nothing() {
        let (mut near, mut far) = wire("cut:10");
        near.write_all(b"12345").await.unwrap();
        assert!(near.write_all(b"67890abc").await.is_err());
        drop(near);
        let mut arrived = Vec::new();
        far.read_to_end(&mut arrived).await.unwrap();
        assert_eq!(arrived, b"1234567890");
    }

    #[tokio::test]
    async fn a_dropped_wire_fails_both_ways() {
        let (mut near, mut far) = wire("drop:4");
        near.write_all(b"1234").await.unwrap();
        far.write_all(b"unread").await.unwrap();
        assert!(near.write_all(b"5").await.is_err());
        assert!(near.read_u8().await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_open_wire_takes_everything_and_gives_nothing() {
        let (mut near, mut far) = wire("half-open:0");
        near.write_all(b"lost").await.unwrap();
        far.write_all(b"unheard").await.unwrap();
        let minute = Duration::from_secs(60);
        assert!(timeout(minute, near.read_u8()).await.is_err());
        assert!(timeout(minute, far.read_u8()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_wire_takes_its_time_and_a_late_one_too() {
        let (mut near, mut far) = wire("slow:1000");
        far.write_all(&[7; 2000]).await.unwrap();
        let began = Instant::now();
        near.read_exact(&mut [0; 2000]).await.unwrap();
        assert!((1900..2200).contains(&began.elapsed().as_millis()));
        let (mut near, _far) = wire("delay:250");
        let began = Instant::now();
        near.write_all(b"late").await.unwrap();
        assert!((250..260).contains(&began.elapsed().as_millis()));
    }

    #[test]
    fn a_fault_nobody_knows_is_refused_with_those_there_are() {
        let said = "bent:3".parse::<WireFault>().unwrap_err();
        assert!(said.contains("half-open:BYTES"), "{said}");
        assert!("drop".parse::<WireFault>().is_err() && "slow:fast".parse::<WireFault>().is_err());
    }
}
