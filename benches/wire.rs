//! What goes over the wire: parts of a snapshot, and output through the relay.
//! `cargo bench --bench wire`
//!
//! The control copies as many bytes as the snapshot has.
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

#[path = "common/items.rs"]
mod items;
#[path = "common/ratio.rs"]
mod ratio;

use criterion::{Criterion, Throughput, criterion_group};
use jumpdeck_appliance::{Appliance, ApplianceRole, DataDir, InstallerSpec, SystemClock};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::{self, Frame};
use jumpdeck_protocol::inventory::InventoryPart;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest, ToRep};
use jumpdeck_protocol::{ChannelId, Control, ItemId, Never, limits};
use jumpdeck_server_sim::{
    ConsoleHeard, ConsoleLogin, Fleet, FleetCounts, InstallerKeys, Scenario, SimulatedConsole,
};
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

fn part() -> InventoryPart {
    let items = items::items(&Scenario::load("office").unwrap(), limits::INVENTORY_CHUNK);
    InventoryPart { items, ..InventoryPart::default() }
}

fn snapshot(criterion: &mut Criterion) {
    let message = ToRep::Notice { body: ApplianceNotice::Inventory(part()) };
    let bytes = control::encode(&message);
    let mut group = criterion.benchmark_group("snapshot");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("control", |b| b.iter(|| black_box(bytes.to_vec())));
    group.bench_function("encode 500 items", |b| b.iter(|| control::encode(&message)));
    group.bench_function("decode 500 items", |b| {
        b.iter(|| {
            let Ok(Frame::Control(body)) = Frame::decode(bytes.clone()) else {
                panic!("a control frame");
            };
            let read = control::decode::<Never, RepReply, ApplianceNotice>(&body).unwrap();
            assert!(matches!(read, Received::Known(Control::Notice { .. })));
        });
    });
    group.finish();
}

/// Lines of a flood, and about how many bytes they are.
const LINES: usize = 10_000;
const BYTES: usize = LINES * 60;

fn relay(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("relay");
    group.throughput(Throughput::Bytes(BYTES as u64));
    let (mut near, mut far) = pair();
    group.bench_function("control", |b| {
        // As many bytes through a plain loopback connection.
        b.iter(|| {
            let sent = std::thread::scope(|scope| {
                scope.spawn(|| near.write_all(&vec![7; BYTES]).unwrap());
                far.read_exact(&mut vec![0; BYTES])
            });
            sent.unwrap();
        });
    });
    let message = frame::data(ChannelId(7), 0, &vec![7; limits::DATA_CHUNK]);
    group.bench_function("a frame of 32 KiB looked at", |b| {
        b.iter(|| Frame::decode(black_box(message.clone())).unwrap());
    });
    let (mut console, item) = runtime.block_on(house());
    let mut shell = runtime.block_on(console.start(item)).unwrap();
    let mut round = 0;
    group.bench_function("a flood through agent, appliance and console", |b| {
        b.iter(|| {
            round += 1;
            runtime.block_on(async {
                shell.enter(&console, &format!("flood {LINES}\recho end {round}\r"));
                shell.until(&mut console, &format!("\r\nend {round}\r\n")).await.unwrap();
                shell.forget();
            });
        });
    });
    group.finish();
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (near, listener.accept().unwrap().0)
}

/// An appliance in this process with one machine.
async fn house() -> (SimulatedConsole, ItemId) {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::create(dir.path()).unwrap();
    let appliance = Appliance::open(&data, ApplianceRole::Server, Arc::new(SystemClock)).unwrap();
    let listening = appliance.listen("127.0.0.1:0").await.unwrap();
    let password = appliance.settle().await.unwrap().admin_password.unwrap();
    appliance.choose_password("admin", password.clone()).await.unwrap();
    let url = format!("https://{}", listening.address);
    let spec = InstallerSpec { group: Some("Lab".into()), valid: 600, local: false };
    let key = appliance.create_installer(spec).await.unwrap().key;
    let fingerprint = appliance.fingerprint();
    tokio::spawn(async move {
        let _dir = dir;
        appliance.serve(listening).await;
    });
    let keys = InstallerKeys { others: vec![key], ..InstallerKeys::default() };
    let fleet = Fleet::new(Scenario::load("quiet").unwrap(), &url, &fingerprint, keys);
    let fleet = fleet.with_clients(1);
    let network = fleet.network().unwrap();
    tokio::spawn(fleet.run(Arc::new(FleetCounts::default()), network));
    let login = ConsoleLogin::with_password(&url, &fingerprint, "admin", &password);
    let mut console = SimulatedConsole::connect(&login).await.unwrap();
    console.request(RepRequest::Subscribe(request::Subscribe { have: None, presence: None }));
    let online = console.until(|heard| match heard {
        ConsoleHeard::Notice(ApplianceNotice::Presence { changes, .. }) => {
            changes.first().map(|presence| presence.item)
        }
        _ => None,
    });
    let item = online.await.unwrap();
    (console, item)
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

criterion_group! { name = benches; config = settings(); targets = snapshot, relay }

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    for group in ["snapshot", "relay"] {
        ratio::print(group, "control");
    }
}
