//! A way to a port of this machine, for a rep's own programs.

use super::{Channel, output};
use jumpdeck_protocol::session::ExitStatus;
use jumpdeck_protocol::{Refusal, RefusalCode};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream as Connecting};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long the port may take. It is on this machine.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connects to the port and starts the task that serves it. There is no process; 0 stands for none.
pub(super) fn open(
    channel: &Arc<Channel>,
    errors: &Arc<Channel>,
    port: u16,
) -> Result<u32, Refusal> {
    let failed = |error| RefusalCode::SpawnFailed.because(format!("port {port}: {error}"));
    let stream = connect(port).map_err(failed)?;
    channel.all.serve(serve(Arc::clone(channel), Arc::clone(errors), stream));
    Ok(0)
}

/// The port of this machine and of no other, whichever of its own addresses listens.
fn connect(port: u16) -> std::io::Result<TcpStream> {
    let own = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), (Ipv6Addr::LOCALHOST, port).into()];
    let connected = Connecting::connect_timeout(&own[0], PATIENCE)
        .or_else(|error| Connecting::connect_timeout(&own[1], PATIENCE).map_err(|_| error))?;
    connected.set_nodelay(true)?;
    connected.set_nonblocking(true)?;
    TcpStream::from_std(connected)
}

async fn serve(channel: Arc<Channel>, errors: Arc<Channel>, stream: TcpStream) {
    tokio::select! {
        () = run(&channel, stream) => {}
        () = channel.until_closed() => return,
    }
    errors.finish(ExitStatus::Code(0));
    channel.finish(ExitStatus::Code(0));
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
