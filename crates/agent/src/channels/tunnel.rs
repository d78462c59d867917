//! A way to a port of this machine, for a rep's own programs.

use super::{Channel, output};
use jumpdeck_protocol::session::ExitStatus;
use jumpdeck_protocol::{Refusal, RefusalCode};
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
        |error: std::io::Error| RefusalCode::ConnectFailed.because(detail(&error.to_string()));
    connecting.map_err(late)?.map_err(failed)
}

async fn connect_to_own(port: u16) -> std::io::Result<TcpStream> {
    let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => stream,
        Err(error) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.map_err(|_| error)?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Starts the task that passes on what comes either way.
pub(super) fn serve(channel: Arc<Channel>, errors: Arc<Channel>, stream: TcpStream) {
    let all = channel.all.clone();
    all.serve(async move {
        tokio::select! {
            () = run(&channel, stream) => {}
            () = channel.until_closed() => return,
        }
        errors.finish(ExitStatus::Code(0));
        channel.finish(ExitStatus::Code(0));
    });
}

async fn run(channel: &Channel, stream: TcpStream) {
    let (from, to) = stream.into_split();
    // The end of the input goes on as the end of what is sent: the half is dropped.
    let input = output::write(channel, to);
    let output = output::read(channel, from);
    let mut input = std::pin::pin!(input);
    let mut output = std::pin::pin!(output);
    let mut written = false;
    loop {
        tokio::select! {
            () = &mut output => return,
            () = &mut input, if !written => written = true,
        }
    }
}
