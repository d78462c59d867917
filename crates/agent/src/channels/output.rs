//! From a program into its channel, and from the channel into the program.

use super::AgentChannel;
use super::state::ChannelInput;
use futures_util::FutureExt;
use jumpdeck_protocol::{frame, limits};
use std::io;
use std::process::ExitStatus as ProcessStatus;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Reads the program's output until it ends, no faster than it is taken. Says how it ended.
pub(super) async fn read(
    channel: &AgentChannel,
    mut from: impl AsyncRead + Unpin,
) -> io::Result<()> {
    let mut buffer = vec![0; limits::DATA_CHUNK];
    loop {
        let room = room(channel).await.min(buffer.len());
        let Some(space) = buffer.get_mut(..room) else {
            return Ok(());
        };
        let (count, ended) = gather(&mut from, space).await;
        let read = buffer.get(..count).unwrap_or_default();
        channel.look_at_echo();
        channel.state().output.write(read);
        channel.pump();
        if let Some(ended) = ended {
            return ended;
        }
    }
}

/// Waits for output, and takes along what is there already: a terminal gives little at a time,
/// and few large messages are cheaper than many small ones. Returns how much was read, and how it
/// ended, if that was the end.
async fn gather(
    from: &mut (impl AsyncRead + Unpin),
    space: &mut [u8],
) -> (usize, Option<io::Result<()>>) {
    let mut filled = 0;
    loop {
        let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
            return (filled, None);
        };
        let read =
            if filled == 0 { Some(from.read(rest).await) } else { from.read(rest).now_or_never() };
        match read {
            Some(Ok(0)) => return (filled, Some(Ok(()))),
            // A terminal reports an error, not an end, once its last program is gone.
            Some(Err(error)) => return (filled, Some(Err(error))),
            Some(Ok(count)) => filled += count,
            None => return (filled, None),
        }
    }
}

/// Waits until output may be read, and says how much.
async fn room(channel: &AgentChannel) -> usize {
    loop {
        match channel.state().output.room() {
            0 => channel.starved.store(true, Ordering::Relaxed),
            room => {
                channel.starved.store(false, Ordering::Relaxed);
                return room;
            }
        }
        channel.room.notified().await;
    }
}

/// Writes the console's input to the program until it ends. Returns what kept it from taking
/// more, if something did.
pub(super) async fn write(
    channel: &AgentChannel,
    mut to: impl AsyncWrite + Unpin,
) -> Option<io::ErrorKind> {
    let mut failed = None;
    loop {
        let next = channel.state().next_input();
        match next {
            ChannelInput::End => return failed,
            ChannelInput::Wait => channel.input.notified().await,
            ChannelInput::Bytes(bytes) => {
                channel.look_at_echo();
                // A program that closed its input gets no more; what is still sent is dropped.
                if let Err(error) = to.write_all(&bytes).await {
                    failed.get_or_insert(error.kind());
                }
                let credit = channel.used(bytes.len());
                if let (Some((received, limit)), Some(outbox)) =
                    (credit, channel.all.lock().outbox.clone())
                {
                    outbox.push(channel.lane, frame::credit(channel.id, received, limit));
                }
            }
        }
    }
}

/// How a process ended, in the protocol's words.
pub(super) fn status(status: ProcessStatus) -> jumpdeck_protocol::session::ExitStatus {
    use std::os::unix::process::ExitStatusExt;
    match status.code() {
        Some(code) => jumpdeck_protocol::session::ExitStatus::Code(code),
        None => jumpdeck_protocol::session::ExitStatus::Signal(status.signal().unwrap_or(0)),
    }
}
