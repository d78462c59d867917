//! The SSH front door: `ssh rep@appliance` is the console, and `ssh rep@appliance VERB …` a verb.
//!
//! It is in the appliance's own process. Each rep has a console of their own in it, with a link
//! that never leaves the process; what goes wrong in one ends its connection and no other.

mod caller;
mod channel;
mod host_key;
mod pace;
mod refusal;
mod seat;
mod shown;

pub use host_key::HostKey;

use crate::link::Here;
use caller::Caller;
use jumpdeck_appliance::{Admission, Appliance, AuthenticatedRep, Limits, Turn, source};
use jumpdeck_console::core::inventory::Pool;
use jumpdeck_link as link;
use jumpdeck_protocol::backoff;
use russh::server::{Config, run_stream};
use russh::{Disconnect, MethodKind, MethodSet, SshId};
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// The port it listens on if nothing else is said.
pub const DEFAULT_PORT: u16 = 2222;

/// Time to prove who one is.
const GRACE: Duration = Duration::from_secs(60);
/// Connections that may be proving themselves at once; more wait, and more than that are closed.
const UNPROVEN: Limits = Limits { at_once: 128, each_at_once: 16, queue: 512, each_queue: 128 };
/// File descriptors of one connection.
const DESCRIPTORS: usize = 2;
/// Reps who may be in at once, if nothing else is said.
pub const MOST: usize = 500;
/// What a rep gets wrong before the connection is closed.
const TRIES: usize = 6;
/// How long a wrong proof takes to be refused.
const REFUSAL: Duration = Duration::from_millis(500);
/// How often a silent client is asked whether it is still there, and how often it may not answer.
const ALIVE: (Duration, usize) = (Duration::from_secs(30), 3);
/// Bytes that a client may send ahead on each channel.
const WINDOW: u32 = 256 * 1024;
/// Messages of a channel that may wait for the reader.
const WAITING: usize = 32;
/// Messages that may wait between a channel and its connection's socket: what waits there is shown
/// after Ctrl-C.
const PASSING: usize = 1;
/// How long a connection that ends here may take to say so.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long a stopping appliance waits for its guests at most.
const LEAVING: Duration = Duration::from_secs(4);
/// How many who cannot be served may be told so at once; the others are just cut off.
const FAREWELLS: usize = 64;
/// What a client reads that cannot be served.
const CROWDED: &str = "too many logins at the moment; try again in a few seconds";
/// What every client reads when the appliance ends.
const STOPPED: &str = "the appliance was stopped";
/// Time to look at the door again after the system ran out of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// What the front door is made of.
pub struct Door {
    appliance: Arc<Appliance>,
    /// Where other programs reach the appliance.
    url: String,
    /// The port it listens on.
    port: u16,
    /// Keys, prefix and theme are here.
    config_dir: PathBuf,
    ssh: Arc<Config>,
    unproven: Arc<Admission<IpAddr>>,
    /// Those who are sent away and hear why.
    farewells: Semaphore,
    inside: Arc<Semaphore>,
    /// What the consoles hold together.
    pool: Arc<Pool>,
    stopping: watch::Receiver<bool>,
}

impl Door {
    /// A door of this appliance, which others reach at that address and which listens on this port,
    /// with this key, through which `most` reps fit.
    pub fn new(
        appliance: Arc<Appliance>,
        (url, port): (String, u16),
        config_dir: PathBuf,
        key: HostKey,
        most: usize,
    ) -> Arc<Self> {
        let stopping = appliance.stopping();
        Arc::new(Self {
            appliance,
            url,
            port,
            config_dir,
            ssh: Arc::new(config(key)),
            unproven: Admission::new(UNPROVEN),
            farewells: Semaphore::new(FAREWELLS),
            inside: Arc::new(Semaphore::new(most)),
            pool: Arc::default(),
            stopping,
        })
    }

    /// Lets reps in until the appliance stops. Those who are in then hear of it, and leave their
    /// terminals as they found them.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        let mut guests = JoinSet::new();
        self.welcome(listener, &mut guests).await;
        let gone = async { while guests.join_next().await.is_some() {} };
        let _ = timeout(LEAVING, gone).await;
    }

    async fn welcome(self: &Arc<Self>, listener: TcpListener, guests: &mut JoinSet<()>) {
        let mut stopping = self.stopping.clone();
        loop {
            while guests.try_join_next().is_some() {}
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((stream, from)) => self.answer(stream, from, guests),
                Err(error) => {
                    tracing::warn!(%error, "an SSH connection could not be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn answer(self: &Arc<Self>, stream: TcpStream, from: SocketAddr, guests: &mut JoinSet<()>) {
        let from_ip = from.ip().to_canonical();
        let open: Option<Vec<_>> = (0..DESCRIPTORS).map(|_| self.appliance.connection()).collect();
        // Without a file descriptor to spare nothing can be said.
        let Some(open) = open else {
            tracing::warn!(%from, "there are too many connections; an SSH connection was closed");
            return;
        };
        let place = self.unproven.enter(source(from_ip));
        let door = Arc::clone(self);
        guests.spawn(async move {
            let turn = match place {
                Some(place) => door.in_time(place.turn()).await.flatten(),
                None => None,
            };
            match turn {
                Some(turn) => Box::pin(door.host(stream, from_ip, turn)).await,
                None => door.send_away(stream, from).await,
            }
            drop(open);
        });
    }

    /// Tells a client that it cannot be served.
    async fn send_away(&self, stream: TcpStream, from: SocketAddr) {
        tracing::info!(%from, "too many are proving themselves; an SSH connection was refused");
        if let Ok(_saying) = self.farewells.try_acquire() {
            refusal::send_away(stream, Disconnect::TooManyConnections, CROWDED).await;
        }
    }

    /// Serves a connection to its end.
    async fn host(self: Arc<Self>, stream: TcpStream, from: IpAddr, unproven: Turn<IpAddr>) {
        let Ok((stream, _closing)) = Closing::of(stream) else {
            return;
        };
        let proven = Arc::new(Notify::new());
        let config = Arc::clone(&self.ssh);
        let caller = Caller::new(Arc::clone(&self), from, Arc::clone(&proven));
        let starting = Box::pin(run_stream(config, stream, caller));
        let Some(Ok(mut session)) = self.in_time(starting).await else {
            return;
        };
        let handle = session.handle();
        let why = tokio::select! {
            ended = &mut session => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "an SSH connection ended");
                }
                return;
            }
            why = self.over(&proven, unproven) => why,
        };
        // Anyone who does not hear it is cut off.
        let _ = timeout(FAREWELL, hang_up(&handle, why)).await;
        let _ = timeout(FAREWELL, &mut session).await;
    }

    /// What a stranger is waited for; nothing if it takes too long or the appliance stops.
    async fn in_time<T>(&self, step: impl Future<Output = T>) -> Option<T> {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            done = timeout(GRACE, step) => done.ok(),
            _ = stopping.wait_for(|stop| *stop) => None,
        }
    }

    /// Waits until a connection has to end from here, and says why.
    async fn over(&self, proven: &Notify, unproven: Turn<IpAddr>) -> &'static str {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            proof = timeout(GRACE, proven.notified()) => match proof {
                Ok(()) => drop(unproven),
                Err(_) => return "nobody proved who they are in time",
            },
            _ = stopping.wait_for(|stop| *stop) => return STOPPED,
        }
        drop(stopping.wait_for(|stop| *stop).await);
        // Consoles say so first.
        sleep(FAREWELL).await;
        STOPPED
    }

    /// Whether nobody else fits in.
    fn is_full(&self) -> bool {
        self.inside.available_permits() == 0
    }

    /// A place among those who are in; nothing if there is none left.
    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.inside).try_acquire_owned().ok()
    }

    /// The appliance for somebody who is in.
    fn here(&self, entrance: AuthenticatedRep) -> Here {
        let (appliance, url) = (Arc::clone(&self.appliance), self.url.clone());
        Here { appliance, entrance, url, ssh_port: self.port }
    }
}

async fn hang_up(handle: &russh::server::Handle, why: &str) {
    // The connection may be gone already.
    drop(handle.disconnect(Disconnect::ByApplication, why.to_owned(), "en".to_owned()).await);
}

fn config(key: HostKey) -> Config {
    let methods = [MethodKind::PublicKey, MethodKind::KeyboardInteractive, MethodKind::Password];
    // Nobody's rekeying is the same moment as everybody else's.
    let jitter = Duration::from_secs(backoff::random() % 600);
    let limits = russh::Limits {
        rekey_time_limit: Duration::from_secs(3600) + jitter,
        ..russh::Limits::default()
    };
    Config {
        server_id: SshId::Standard(Cow::Borrowed(refusal::GREETING)),
        methods: MethodSet::from(methods.as_slice()),
        auth_rejection_time: REFUSAL,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key.0],
        limits,
        window_size: WINDOW,
        channel_buffer_size: WAITING,
        max_auth_attempts: TRIES,
        inactivity_timeout: None,
        keepalive_interval: Some(ALIVE.0),
        keepalive_max: ALIVE.1,
        event_buffer_size: PASSING,
        ..Config::default()
    }
}

/// Closes a connection when it is dropped: the library's task ends only with its socket.
struct Closing(std::net::TcpStream);

impl Closing {
    fn of(stream: TcpStream) -> io::Result<(TcpStream, Self)> {
        // The library does so only for the sockets that it accepts itself.
        link::tune(&stream)?;
        let stream = stream.into_std()?;
        let copy = stream.try_clone()?;
        Ok((TcpStream::from_std(stream)?, Self(copy)))
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_appliance::{ApplianceRole, DataDir, SystemClock};
    use russh::client::{self, Handler};
    use russh::keys::PublicKeyOrCertificate;
    use tokio::io::AsyncReadExt;

    /// A client that believes any host.
    struct Trusting;

    impl Handler for Trusting {
        type Error = russh::Error;

        async fn check_server_key(
            &mut self,
            _: &PublicKeyOrCertificate,
        ) -> Result<bool, Self::Error> {
            Ok(true)
        }
    }

    async fn door() -> (Arc<Door>, SocketAddr, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path()).unwrap();
        let clock = Arc::new(SystemClock);
        let appliance = Appliance::open(&data, ApplianceRole::Server, clock).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let key = HostKey::open(&data).unwrap();
        let place = ("https://appliance".to_owned(), address.port());
        let door = Door::new(appliance, place, dir.path().to_owned(), key, MOST);
        tokio::spawn(Arc::clone(&door).serve(listener));
        (door, address, dir)
    }

    #[tokio::test]
    async fn whoever_proves_nothing_is_cut_off_in_time_and_leaves_room() {
        let (door, address, _dir) = door().await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let config = Arc::new(client::Config::default());
        let polite = client::connect(config, address, Trusting).await.unwrap();
        assert_eq!(door.unproven.len(), 2);
        // From here on a minute passes as soon as nobody has anything to do.
        tokio::time::pause();
        let mut greeting = Vec::new();
        silent.read_to_end(&mut greeting).await.unwrap();
        assert!(greeting.starts_with(b"SSH-2.0-jumpdeck"));
        while !polite.is_closed() {
            sleep(PAUSE).await;
        }
        while !door.unproven.is_empty() {
            sleep(PAUSE).await;
        }
    }

    #[tokio::test]
    async fn whoever_does_not_fit_is_told_why() {
        let (door, address, _dir) = door().await;
        let mut waiting = Vec::new();
        for _ in 0..UNPROVEN.each_queue {
            waiting.push(TcpStream::connect(address).await.unwrap());
        }
        let mut late = TcpStream::connect(address).await.unwrap();
        let mut said = Vec::new();
        late.read_to_end(&mut said).await.unwrap();
        let said = String::from_utf8_lossy(&said);
        assert!(said.starts_with("SSH-2.0-jumpdeck\r\n"), "{said}");
        assert!(said.contains(CROWDED), "{said}");
        assert_eq!(door.unproven.len(), UNPROVEN.each_queue);
    }

    #[tokio::test]
    async fn nothing_piles_up_in_a_socket_or_on_the_way_to_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (stream, _closing) = Closing::of(stream).unwrap();
        assert!(stream.nodelay().unwrap());
        #[cfg(target_os = "linux")]
        {
            let unsent = socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap();
            assert!((1..=64 * 1024).contains(&unsent), "{unsent}");
        }
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::create(dir.path()).unwrap();
        let appliance =
            Appliance::open(&data, ApplianceRole::Server, Arc::new(SystemClock)).unwrap();
        assert_eq!(config(HostKey::open(&data).unwrap()).event_buffer_size, PASSING);
        drop(appliance);
    }

    #[tokio::test]
    async fn a_connection_is_cut_off_although_somebody_still_holds_its_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let (mut held, closing) = Closing::of(stream).unwrap();
        drop(closing);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
        assert_eq!(held.read(&mut [0; 1]).await.unwrap(), 0);
    }
}
