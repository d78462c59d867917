//! The loop that drives an open link: one for agents, consoles and the appliance.

use super::outbox::Outbox;
use super::socket::Socket;
use crate::why;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use jumpdeck_protocol::control::Wire;
use jumpdeck_protocol::frame::{Frame, FrameError};
use jumpdeck_protocol::{backoff, control, limits};
use std::time::Duration;
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

/// How long the other side may take what was sent before the link was closed.
const FAREWELL: Duration = Duration::from_secs(10);
/// The longest wait for the other side's last bytes: on a link that can no longer be written, for
/// what has already arrived; on one closed by the side that was dialed, for the other's close.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a link is kept alive.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// Ping after about this long; never on the side that waits for the other's pings.
    pub ping: Option<Duration>,
    /// Silence after which the link is dead.
    pub silence: Duration,
}

/// Something that arrived.
#[derive(Debug)]
pub enum Incoming {
    /// A message, and the bytes it came as, for a relay to pass on.
    Frame(Frame, Bytes),
    /// The other side asks whether we are there. The answer is on its way.
    Ping,
    /// The answer to our ping, and how long it took.
    Pong(Duration),
}

/// Why a link ended.
#[derive(Debug, Error)]
pub enum LinkEnd {
    /// The other side closed it.
    #[error("the other side closed the link")]
    Closed,
    /// We closed it.
    #[error("the link was closed")]
    ClosedHere,
    /// Nothing was heard for too long.
    #[error("nothing was heard for {} s", .0.as_secs())]
    Silent(Duration),
    /// The peer did not take what was sent.
    #[error("the other side was too slow to take what was sent")]
    TooSlow,
    /// The peer broke the protocol.
    #[error("{0}")]
    Violation(String),
    /// The network failed.
    #[error("{}", why::link(.0))]
    Transport(tungstenite::Error),
}

impl From<tungstenite::Error> for LinkEnd {
    fn from(error: tungstenite::Error) -> Self {
        Self::Transport(error)
    }
}

impl From<FrameError> for LinkEnd {
    fn from(error: FrameError) -> Self {
        Self::Violation(error.to_string())
    }
}

/// WebSocket settings for links: small buffers, bounded messages.
pub fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(16 * 1024)
        .max_message_size(Some(limits::MESSAGE))
        .max_frame_size(Some(limits::MESSAGE))
}

/// Moves messages until the link ends. `take` gets what arrives, in order; it must not block.
pub async fn pump(
    socket: Socket,
    outbox: &Outbox,
    keep_alive: KeepAlive,
    mut take: impl FnMut(Incoming) -> Result<(), LinkEnd> + Send,
) -> LinkEnd {
    drive(socket, outbox, keep_alive, &mut take).await
}

type Take<'t> = &'t mut (dyn FnMut(Incoming) -> Result<(), LinkEnd> + Send);

async fn drive(socket: Socket, outbox: &Outbox, keep_alive: KeepAlive, take: Take<'_>) -> LinkEnd {
    let (sink, mut stream) = socket.split();
    let born = Instant::now();
    // Send first: polling the socket is slower. What ends the link comes before both, or a flood could
    // use up the task's budget each time.
    let ended = tokio::select! {
        biased;
        () = left(outbox) => Err(LinkEnd::ClosedHere),
        ended = write(sink, outbox, born, keep_alive.ping) => match ended {
            Err(end @ LinkEnd::Transport(_)) => {
                // Why the other side left may lie here, unread.
                let rest = read(&mut stream, born, keep_alive.silence, take);
                match timeout(LAST_WORDS, rest).await {
                    Ok(Err(broken @ LinkEnd::Violation(_))) => Err(broken),
                    _ => Err(end),
                }
            }
            // The side that was dialed sends no pings.
            Err(LinkEnd::ClosedHere) if keep_alive.ping.is_none() => {
                // A socket closed with unread input is reset, and what was sent may be lost.
                let unheard = async { while let Some(Ok(_)) = stream.next().await {} };
                let _ = timeout(LAST_WORDS, unheard).await;
                Err(LinkEnd::ClosedHere)
            }
            ended => ended,
        },
        ended = read(&mut stream, born, keep_alive.silence, take) => ended,
    };
    outbox.close();
    match ended {
        Err(end) => end,
        Ok(()) => LinkEnd::Closed,
    }
}

/// Resolves a while after the link was closed here, whether the other side takes what waits or not.
async fn left(outbox: &Outbox) {
    outbox.closed().await;
    sleep(FAREWELL).await;
}

async fn read(
    stream: &mut SplitStream<Socket>,
    born: Instant,
    silence: Duration,
    take: Take<'_>,
) -> Result<(), LinkEnd> {
    // One timer for the link, not one for each message.
    let mut dead = std::pin::pin!(sleep(silence));
    let mut heard = Instant::now();
    loop {
        let message = tokio::select! {
            biased;
            message = stream.next() => message,
            () = &mut dead => {
                let until = heard + silence;
                if until <= Instant::now() {
                    return Err(LinkEnd::Silent(silence));
                }
                dead.as_mut().reset(until);
                continue;
            }
        };
        heard = Instant::now();
        match message.ok_or(LinkEnd::Closed)?? {
            Message::Binary(bytes) => {
                take(Incoming::Frame(Frame::decode(bytes.clone())?, bytes))?;
            }
            Message::Pong(payload) => {
                if let Some(delay) = age(&payload, born) {
                    take(Incoming::Pong(delay))?;
                }
            }
            Message::Close(_) => return Ok(()),
            Message::Text(_) => return Err(LinkEnd::Violation("a text message".into())),
            Message::Ping(_) => take(Incoming::Ping)?,
            Message::Frame(_) => {}
        }
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    outbox: &Outbox,
    born: Instant,
    ping: Option<Duration>,
) -> Result<(), LinkEnd> {
    // Measured from the last ping, whatever else is sent: only a ping is sure to be answered.
    let due = |interval: Option<Duration>| interval.map(|i| Instant::now() + jittered(i));
    let mut next_ping = due(ping);
    let mut ping_time = std::pin::pin!(sleep_until(next_ping.unwrap_or(born)));
    loop {
        if next_ping.is_some_and(|at| at <= Instant::now()) || outbox.take_probe() {
            sink.send(Message::Ping(stamp(born))).await?;
            next_ping = due(ping);
            ping_time.as_mut().reset(next_ping.unwrap_or(born));
        }
        let mut wrote = false;
        while let Some(message) = outbox.pop() {
            sink.feed(Message::Binary(message)).await?;
            wrote = true;
        }
        if wrote {
            sink.flush().await?;
            continue;
        }
        if outbox.is_closed() {
            if outbox.overflowed() {
                return Err(LinkEnd::TooSlow);
            }
            sink.close().await?;
            return Err(LinkEnd::ClosedHere);
        }
        match next_ping {
            None => outbox.filled().await,
            // Whether it was the time or the outbox, the loop sees to both.
            Some(_) => tokio::select! {
                biased;
                () = outbox.filled() => {}
                () = &mut ping_time => {}
            },
        }
    }
}

/// Between three quarters of the interval and all of it.
fn jittered(interval: Duration) -> Duration {
    let quarter = u64::try_from(interval.as_millis() / 4).unwrap_or(0);
    interval.saturating_sub(Duration::from_millis(backoff::random() % (quarter + 1)))
}

fn stamp(born: Instant) -> Bytes {
    let micros = u64::try_from(born.elapsed().as_micros()).unwrap_or(0);
    Bytes::copy_from_slice(&micros.to_be_bytes())
}

fn age(payload: &[u8], born: Instant) -> Option<Duration> {
    let sent = Duration::from_micros(u64::from_be_bytes(payload.try_into().ok()?));
    born.elapsed().checked_sub(sent)
}

/// Sends one message of the handshake.
///
/// # Errors
/// When the network failed.
pub async fn write_plain(socket: &mut Socket, message: &impl Wire) -> Result<(), LinkEnd> {
    let bytes = control::encode(message);
    Ok(socket.send(Message::Binary(bytes)).await?)
}

/// Receives one message of the handshake.
///
/// # Errors
/// When the network failed, or what came is not that message.
pub async fn read_plain<T: Wire>(socket: &mut Socket) -> Result<T, LinkEnd> {
    let body = plain(socket).await?;
    T::decode(&body).map_err(|error| LinkEnd::Violation(error.to_string()))
}

async fn plain(socket: &mut Socket) -> Result<Bytes, LinkEnd> {
    let message = socket.next().await.ok_or(LinkEnd::Closed)??;
    let Message::Binary(bytes) = message else {
        return Err(match message {
            Message::Close(_) => LinkEnd::Closed,
            _ => LinkEnd::Violation("the handshake needs a binary message".into()),
        });
    };
    if bytes.len() > limits::HANDSHAKE_MESSAGE {
        return Err(LinkEnd::Violation("a handshake message that is too long".into()));
    }
    let Frame::Control(body) = Frame::decode(bytes)? else {
        return Err(LinkEnd::Violation("the handshake needs a control message".into()));
    };
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lane;
    use crate::{Role, agreed};
    use jumpdeck_protocol::rep::{ApplianceNotice, ToRep};

    #[tokio::test(start_paused = true)]
    async fn what_arrived_before_a_link_broke_is_still_read() {
        let (near, far) = tokio::io::duplex(64 * 1024);
        // Read from one pipe, written to another that is broken.
        let (broken, gone) = tokio::io::duplex(64);
        drop(gone);
        let near = tokio::io::join(near, broken);
        let near = agreed(near, Vec::new(), Role::Client).await;
        let mut far = agreed(far, Vec::new(), Role::Server).await;
        let why = control::encode(&ToRep::Notice { body: ApplianceNotice::Stopping });
        let outbox = Outbox::new();
        outbox.send(&ToRep::Notice { body: ApplianceNotice::Stopping });
        let saying = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            far.send(Message::Binary(why.clone())).await.unwrap();
            far.close(None).await.unwrap();
        };
        let keep_alive = KeepAlive { ping: None, silence: Duration::from_secs(300) };
        let mut heard = 0;
        let pumping = pump(near, &outbox, keep_alive, |_| {
            heard += 1;
            Ok(())
        });
        let (end, ()) = tokio::join!(pumping, saying);
        assert!(matches!(end, LinkEnd::Transport(_)), "{end}");
        assert_eq!(heard, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_was_dialed_and_closes_waits_until_its_last_words_were_taken() {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let near = agreed(near, Vec::new(), Role::Server).await;
        let mut far = agreed(far, Vec::new(), Role::Client).await;
        let outbox = Outbox::new();
        let keep_alive = KeepAlive { ping: None, silence: Duration::from_secs(300) };
        outbox.close();
        let pumping = pump(near, &outbox, keep_alive, |_| Ok(()));
        let taking = async {
            assert!(matches!(far.next().await, Some(Ok(Message::Close(_)))));
            tokio::time::sleep(Duration::from_millis(500)).await;
            drop(far);
            Instant::now()
        };
        let pumping = async { (pumping.await, Instant::now()) };
        let ((end, ended), taken) = tokio::join!(pumping, taking);
        assert!(matches!(end, LinkEnd::ClosedHere) && ended >= taken, "{end}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_that_always_has_something_to_say_still_pings() {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let near = agreed(near, Vec::new(), Role::Client).await;
        let mut far = agreed(far, Vec::new(), Role::Server).await;
        let outbox = Outbox::new();
        let chatter = outbox.clone();
        let keep_alive =
            KeepAlive { ping: Some(Duration::from_secs(120)), silence: Duration::from_secs(300) };
        let talking = async {
            loop {
                chatter.push(Lane::Interactive, Bytes::from_static(b"\x01statistics"));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let mut pings = 0;
        let listening = async {
            while pings < 3 {
                if let Some(Ok(Message::Ping(_))) = far.next().await {
                    pings += 1;
                }
            }
        };
        tokio::select! {
            end = pump(near, &outbox, keep_alive, |_| Ok(())) => panic!("{end}"),
            () = talking => {}
            () = listening => {}
        }
        assert_eq!(pings, 3);
    }
}
