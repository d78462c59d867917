//! Scripts that are handed to a console that runs already: a socket for each console, which only
//! its user can reach.

use super::dirs::Places;
use anyhow::Context;
use jumpdeck_console::core::Welcome;
use jumpdeck_protocol::private_file;
use jumpdeck_protocol::script::{LONGEST, Script};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of a path that fit into a socket's address.
const LONGEST_PATH: usize = 107;

/// What is handed over.
#[derive(Debug, Serialize, Deserialize)]
struct Handed {
    /// The appliance that is meant, by its address; nothing: the user's own.
    appliance: Option<String>,
    /// The rep who is meant; nothing: any rep.
    user: Option<String>,
    script: String,
}

/// What the console says to that.
#[derive(Debug, Serialize, Deserialize)]
struct HandoffAnswer {
    taken: bool,
}

/// Where a console takes scripts. The socket goes with it.
pub struct Counter {
    path: PathBuf,
    /// The scripts that come.
    pub scripts: UnboundedReceiver<Script>,
}

impl Drop for Counter {
    fn drop(&mut self) {
        // Whatever is left is no console, which the one who looks finds out.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Where the sockets of the consoles on this data directory stand.
fn folder(places: &Places) -> anyhow::Result<PathBuf> {
    Ok(places.data_path()?.join("run").join("consoles"))
}

/// Opens the place where this console takes scripts.
///
/// # Errors
/// When its socket cannot be made.
pub fn open(places: &Places, welcome: &Welcome) -> anyhow::Result<Counter> {
    let folder = folder(places)?;
    private_file::create_dir(&folder)?;
    let path = folder.join(format!("{}.sock", std::process::id()));
    let short = ShortPath::of(&path).with_context(|| path.display().to_string())?;
    let listener = UnixListener::bind(&short.path).with_context(|| path.display().to_string())?;
    let appliance = (!welcome.embedded).then(|| welcome.url.clone());
    let user = welcome.username.clone();
    let (send, scripts) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let taking = async {
                let handed: Handed = read(&mut stream).await?;
                let same = handed.appliance == appliance
                    && handed.user.as_ref().is_none_or(|wanted| *wanted == user);
                let script = handed.script.parse().ok().filter(|_| same);
                let taken = script.is_some_and(|script| send.send(script).is_ok());
                write(&mut stream, &HandoffAnswer { taken }).await
            };
            // Anyone who says nothing sensible is not waited for.
            let _ = timeout(PATIENCE, taking).await;
            if send.is_closed() {
                return;
            }
        }
    });
    Ok(Counter { path, scripts })
}

/// Hands a script to a console of this appliance and rep. Returns whether one took it.
///
/// # Errors
/// When the folder of the sockets cannot be read.
pub async fn hand_over(
    places: &Places,
    appliance: Option<&str>,
    user: Option<&str>,
    script: &Script,
) -> anyhow::Result<bool> {
    let folder = match std::fs::read_dir(folder(places)?) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let own = |text: &str| text.to_owned();
    let handed =
        Handed { appliance: appliance.map(own), user: user.map(own), script: script.to_string() };
    // The one that was opened last comes first.
    let mut sockets: Vec<_> = folder
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((std::fs::metadata(&path).and_then(|about| about.modified()).ok()?, path))
        })
        .collect();
    sockets.sort();
    for (_, path) in sockets.iter().rev() {
        if let Ok(Ok(true)) = timeout(PATIENCE, offer(path, &handed)).await {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A path by which a socket is reached however long its own is: a socket's address holds only 107
/// bytes. Linux alone has one.
struct ShortPath {
    path: PathBuf,
    /// The path goes through it.
    _folder: Option<File>,
}

impl ShortPath {
    fn of(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= LONGEST_PATH || cfg!(not(target_os = "linux")) {
            return Ok(Self { path: path.to_owned(), _folder: None });
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let folder = File::open(folder)?;
        let through = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
        Ok(Self { path: through.join(name), _folder: Some(folder) })
    }
}

async fn offer(path: &Path, handed: &Handed) -> io::Result<bool> {
    let short = ShortPath::of(path)?;
    let mut stream = match UnixStream::connect(&short.path).await {
        Ok(stream) => stream,
        Err(error) => {
            if error.kind() == io::ErrorKind::ConnectionRefused {
                // Its console is gone.
                let _ = std::fs::remove_file(path);
            }
            return Err(error);
        }
    };
    write(&mut stream, handed).await?;
    let answer: HandoffAnswer = read(&mut stream).await?;
    Ok(answer.taken)
}

async fn write(stream: &mut UnixStream, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

async fn read<T: for<'a> Deserialize<'a>>(stream: &mut UnixStream) -> io::Result<T> {
    let most = u64::try_from(LONGEST * 2).unwrap_or(u64::MAX);
    let mut line = String::new();
    BufReader::new(stream.take(most)).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_socket_is_reached_however_long_its_path_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("d".repeat(150)).join("e".repeat(150));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("1.sock");
        let listener = UnixListener::bind(ShortPath::of(&path).unwrap().path).unwrap();
        let handed = Handed { appliance: None, user: None, script: String::new() };
        let taking = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _: Handed = read(&mut stream).await.unwrap();
            write(&mut stream, &HandoffAnswer { taken: true }).await.unwrap();
        };
        let (taken, ()) = tokio::join!(offer(&path, &handed), taking);
        assert!(taken.unwrap());
    }
}
