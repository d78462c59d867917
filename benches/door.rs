//! The SSH front door with many reps: memory, frames, bytes.
//!
//! `-- 25000 100` measures with another number of items and of consoles.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that fails stops"
)]

mod common;

use common::{Home, Served, fill, kib, quantile};
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::terminal::Terminal;
use russh::client::{Config, Handle, Handler, connect};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelMsg, client::Msg};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// Items and consoles, unless other numbers are given.
const ITEMS: usize = 25_000;
const CONSOLES: usize = 100;
/// How long everybody scrolls, and the pause between two keys of one rep.
const SCROLLING: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);
const SIZE: Size = Size { columns: 120, rows: 40 };

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let items = numbers.next().unwrap_or(ITEMS);
    let consoles = numbers.next().unwrap_or(CONSOLES);
    let home = Home::new();
    let served = Served::start(&home);
    fill(&served, items);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure(&served, items, consoles));
}

struct Trusting;

impl Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// A rep's console, and what came of it.
struct Rep {
    _link: Handle<Trusting>,
    channel: Channel<Msg>,
    terminal: Terminal,
    bytes: usize,
}

impl Rep {
    async fn log_in(served: &Served) -> Self {
        let config = Arc::new(Config { nodelay: true, ..Config::default() });
        let mut link = connect(config, &served.ssh, Trusting).await.unwrap();
        let proof = link.authenticate_password("admin", &served.password).await.unwrap();
        assert!(proof.success());
        let channel = link.channel_open_session().await.unwrap();
        let (columns, rows) = (SIZE.columns.into(), SIZE.rows.into());
        channel.request_pty(false, "xterm-256color", columns, rows, 0, 0, &[]).await.unwrap();
        channel.request_shell(false).await.unwrap();
        Self { _link: link, channel, terminal: Terminal::new(SIZE), bytes: 0 }
    }

    /// Takes in what comes until nothing does for a while. Returns when the first of it came.
    async fn settle(&mut self, quiet: Duration) -> Option<Instant> {
        let mut first = None;
        while let Ok(Some(message)) = timeout(quiet, self.channel.wait()).await {
            if let ChannelMsg::Data { data } = message {
                first.get_or_insert_with(Instant::now);
                self.bytes += data.len();
                self.terminal.take(&data);
            }
        }
        first
    }

    async fn until(&mut self, wanted: &str) {
        while !self.terminal.text().replace(',', "").contains(wanted) {
            let message = timeout(Duration::from_secs(60), self.channel.wait()).await;
            match message.unwrap().unwrap() {
                ChannelMsg::Data { data } => {
                    self.bytes += data.len();
                    self.terminal.take(&data);
                }
                ChannelMsg::Close => panic!("the console ended:\n{}", self.terminal.text()),
                _ => {}
            }
        }
    }
}

/// Resident memory in KiB.
fn resident(served: &Served) -> f64 {
    kib(served.child.id(), "VmRSS") as f64
}

async fn measure(served: &Served, items: usize, consoles: usize) {
    // What the first one makes is there for all.
    let first = enter(served, items, &mut Vec::new()).await;
    println!("first frame at 120×40: {first} bytes (with a few more until the list stands)");
    let before = resident(served);
    let mut reps = Vec::new();
    for _ in 0..consoles {
        enter(served, items, &mut reps).await;
    }
    for rep in &mut reps {
        rep.settle(Duration::from_millis(50)).await;
    }
    let each = (resident(served) - before) / consoles as f64 / 1024.0;
    println!("{consoles} consoles idle, {items} items: {each:.2} MiB each");
    one_alone(reps.first_mut().unwrap()).await;
    let mut delays = scroll(reps).await;
    let (p50, p99) = (quantile(&mut delays, 0.5), quantile(&mut delays, 0.99));
    println!("{consoles} consoles scrolling: frame p50 {p50:.1} ms, p99 {p99:.1} ms");
}

/// Bytes of a rep's keys on the channel.
async fn one_alone(rep: &mut Rep) {
    for (what, keys) in [("a row down", "j".repeat(40)), ("a search", "/one-0012".into())] {
        rep.settle(Duration::from_millis(200)).await;
        let mut each = Vec::new();
        for key in keys.bytes() {
            let before = rep.bytes;
            rep.channel.data(&[key][..]).await.unwrap();
            rep.settle(Duration::from_millis(80)).await;
            each.push(rep.bytes - before);
        }
        let mean = each.iter().sum::<usize>() / each.len();
        println!("{what}: {mean} bytes for each key ({:?}…)", each.get(..10).unwrap_or(&each));
    }
    rep.channel.data(&b"\x1b"[..]).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    rep.channel.data(&b"\x1b"[..]).await.unwrap();
    rep.settle(Duration::from_millis(300)).await;
}

/// Everybody scrolls; the milliseconds from a key to the frame that shows it.
async fn scroll(reps: Vec<Rep>) -> Vec<f64> {
    let tasks: Vec<_> = reps
        .into_iter()
        .enumerate()
        .map(|(number, mut rep)| {
            tokio::spawn(async move {
                sleep(PAUSE.mul_f64(number as f64 / CONSOLES as f64)).await;
                let (until, mut delays) = (Instant::now() + SCROLLING, Vec::new());
                while Instant::now() < until {
                    let pressed = Instant::now();
                    rep.channel.data(&b"j"[..]).await.unwrap();
                    let came = rep.settle(PAUSE).await.unwrap();
                    delays.push((came - pressed).as_secs_f64() * 1000.0);
                }
                delays
            })
        })
        .collect();
    let mut delays = Vec::new();
    for task in tasks {
        delays.extend(task.await.unwrap());
    }
    delays
}

/// One more rep, who waits until the list is whole. Returns the bytes of the first frame.
async fn enter(served: &Served, items: usize, reps: &mut Vec<Rep>) -> usize {
    let mut rep = Rep::log_in(served).await;
    rep.until("jumpdeck").await;
    let first = rep.bytes;
    rep.until(&format!("{items} items")).await;
    reps.push(rep);
    first
}
