//! A way to a port of this machine, for a rep's own programs.

use super::{AgentChannel, output};
use jumpdeck_link::why;
use jumpdeck_protocol::session::ExitStatus;
use jumpdeck_protocol::{Refusal, RefusalCode};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the port may take. It is on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connects to a port of this machine and of no other, whichever of its own addresses listens.
pub(super) async fn connect(port: u16) -> Result<TcpStream, Refusal> {
    let detail = |why: &str| format!("port {port} of the machine: {why}");
    let connecting = timeout(PATIENCE, connect_to_own(port)).await;
    let late = |_| RefusalCode::ConnectTimeout.because(detail("it does not answer"));
    let failed =
        |error: io::Error| RefusalCode::ConnectFailed.because(detail(&why::network(&error)));
    connecting.map_err(late)?.map_err(failed)
}

async fn connect_to_own(port: u16) -> io::Result<TcpStream> {
    let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => stream,
        Err(error) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| error)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Starts the task that passes on what comes either way.
pub(super) fn serve(
    channel: Arc<AgentChannel>,
    errors: Arc<AgentChannel>,
    port: u16,
    stream: TcpStream,
) {
    let all = channel.all.clone();
    all.serve(async move {
        let ended = tokio::select! {
            ended = run(&channel, stream) => ended,
            () = channel.until_closed() => return,
        };
        let status = match ended {
            Ok(()) => ExitStatus::Code(0),
            Err(error) => {
                let why = why::network(&error);
                let words = format!("jumpdeck: port {port} of the machine: {why}\n");
                errors.state().output.write(words.as_bytes());
                errors.pump();
                ExitStatus::Code(255)
            }
        };
        errors.finish(status);
        channel.finish(status);
    });
}

/// Passes on until the port has said everything; an error if it was cut off.
async fn run(channel: &AgentChannel, stream: TcpStream) -> io::Result<()> {
    let (from, to) = stream.into_split();
    // The end of the input goes on as the end of what is sent: the half is dropped.
    let mut input = std::pin::pin!(output::write(channel, to));
    let mut output = std::pin::pin!(output::read(channel, from));
    let mut failed = None;
    let mut written = false;
    let read = loop {
        tokio::select! {
            read = &mut output => break read,
            kind = &mut input, if !written => (failed, written) = (kind, true),
        }
    };
    read?;
    match failed {
        // Anyone who had said everything closes, and takes no more.
        None | Some(io::ErrorKind::BrokenPipe) => Ok(()),
        Some(kind) => Err(kind.into()),
    }
}
