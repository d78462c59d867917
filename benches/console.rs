//! The console over many items: searching, jumping, moving, drawing. `cargo bench --bench console`
//!
//! The control of each group is a scan for a byte that is not there, over as many bytes as 100,000
//! items have text: what the machine's memory allows at that moment.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench that fails stops"
)]

#[path = "common/items.rs"]
mod items;
#[path = "common/ratio.rs"]
mod ratio;

use criterion::{BatchSize, Criterion, criterion_group};
use fuzzy_matcher::FuzzyMatcher;
use fuzzy_matcher::skim::SkimMatcherV2;
use jumpdeck_console::core::inventory::{
    Familiar, Inventory, List, Look, Picture, Scope, like, matching,
};
use jumpdeck_console::core::{Console, Effect, Event, LinkEvent, Settings, Welcome, search};
use jumpdeck_console::view::{draw, theme::Theme};
use jumpdeck_protocol::inventory::{GroupView, InventoryPart, Position};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{JumpGroupId, Revision, Timestamp};
use jumpdeck_server_sim::Scenario;
use jumpdeck_terminal::key::Key;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// Bytes that the control scans: about the own texts of 100,000 items.
const CONTROL: usize = 5_500_000;

fn parts(count: usize) -> Vec<InventoryPart> {
    let scenario = Scenario::load("office").unwrap();
    let items = items::items(&scenario, count);
    let mut parts: Vec<_> = items
        .chunks(500)
        .map(|items| InventoryPart { items: items.to_vec(), ..InventoryPart::default() })
        .collect();
    let groups = (0..).zip(scenario.groups());
    let named = groups.map(|(id, name)| GroupView { id: JumpGroupId(id), name: name.into() });
    parts[0].groups = named.collect();
    parts[0].reset = true;
    parts.last_mut().unwrap().position =
        Some(Position { epoch: "e".into(), revision: Revision(1) });
    parts
}

fn inventory(items: usize) -> Inventory {
    let mut inventory = Inventory::default();
    parts(items).into_iter().for_each(|part| inventory.take(part));
    let order = inventory.picture().ordered().order();
    inventory.adopt(order);
    inventory
}

fn words(picture: Picture, scope: &Scope, text: &str) -> List {
    matching(picture, &Look::at(scope.clone(), text.parse().unwrap(), Timestamp(0)))
}

/// A console as its runner runs it, but searching in place.
struct Desk {
    console: Console,
    theme: Theme,
    terminal: Terminal<TestBackend>,
}

impl Desk {
    fn new(items: usize) -> Self {
        let size = Size { columns: 120, rows: 40 };
        let mut desk = Self {
            console: Console::new(Settings::default(), size, Timestamp(0)),
            theme: Theme::named("dark").unwrap(),
            terminal: Terminal::new(TestBackend::new(120, 40)).unwrap(),
        };
        let welcome = Welcome {
            username: "alice".into(),
            address: "here".into(),
            url: "https://here".into(),
            embedded: false,
            user: jumpdeck_protocol::UserId(1),
            first: None,
            idle_lock: None,
            plain: false,
        };
        desk.event(Event::Link(LinkEvent::Up(welcome)));
        for part in parts(items) {
            desk.event(Event::Link(LinkEvent::Notice(ApplianceNotice::Inventory(part))));
        }
        desk.frame();
        desk
    }

    fn event(&mut self, event: Event) {
        for effect in self.console.update(event) {
            if let Effect::Search(job) = effect {
                self.event(Event::Found(search::run(*job)));
            }
        }
    }

    fn frame(&mut self) {
        self.event(Event::Frame);
        let Self { console, theme, terminal } = self;
        terminal.draw(|frame| draw(console, theme, "14:03", frame)).unwrap();
    }

    fn press(&mut self, key: &str) {
        self.event(Event::Key(key.parse().unwrap_or_else(|_| Key::char('x'))));
        self.frame();
    }
}

fn control(criterion: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>) {
    let text = vec![b'a'; CONTROL];
    criterion.bench_function("control", |b| {
        b.iter(|| memchr::memchr(b'z', black_box(&text)));
    });
}

fn searching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("search");
    control(&mut group);
    for items in [100_000, 1_000_000] {
        let inventory = inventory(items);
        for query in ["e", "ber-web", "debian web", "10.20.3", "nothing-at-all"] {
            group.bench_function(format!("{items} {query}"), |b| {
                b.iter_batched(
                    || inventory.picture(),
                    |picture| words(picture, &Scope::All, query),
                    BatchSize::SmallInput,
                );
            });
        }
    }
    group.finish();
}

fn fuzzy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fuzzy");
    control(&mut group);
    let inventory = inventory(100_000);
    let all = words(inventory.picture(), &Scope::All, "");
    let names: Vec<String> = all.iter().map(|item| item.name().to_owned()).collect();
    for query in ["b", "berweb", "tlv0042"] {
        group.bench_function(format!("jump palette {query}"), |b| {
            let familiar = Familiar::default();
            let run = |picture| like(picture, query, &familiar);
            b.iter_batched(|| inventory.picture(), run, BatchSize::SmallInput);
        });
        group.bench_function(format!("fuzzy-matcher, all names {query}"), |b| {
            let matcher = SkimMatcherV2::default().ignore_case();
            b.iter(|| names.iter().filter_map(|name| matcher.fuzzy_match(name, query)).max());
        });
        group.bench_function(format!("nucleo-matcher, all names {query}"), |b| {
            let mut matcher = Matcher::new(Config::DEFAULT);
            let pattern = Pattern::parse(query, CaseMatching::Ignore, Normalization::Smart);
            let mut buffer = Vec::new();
            b.iter(|| {
                let score =
                    |name: &String| pattern.score(Utf32Str::new(name, &mut buffer), &mut matcher);
                names.iter().filter_map(score).max()
            });
        });
    }
    group.finish();
}

fn keys(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keys");
    control(&mut group);
    let mut desk = Desk::new(100_000);
    group.bench_function("selection one row, update and draw", |b| b.iter(|| desk.press("j")));
    group.bench_function("draw alone", |b| b.iter(|| desk.frame()));
    desk.press("/");
    group.bench_function("two keys in the search, with search and draw", |b| {
        b.iter(|| {
            desk.press("w");
            desk.press("backspace");
        });
    });
    group.finish();
}

fn taking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replica");
    control(&mut group);
    let parts = parts(100_000);
    group.bench_function("taking in 100000 items", |b| {
        b.iter_batched(
            || parts.clone(),
            |parts| {
                let mut inventory = Inventory::default();
                parts.into_iter().for_each(|part| inventory.take(part));
                inventory
            },
            BatchSize::LargeInput,
        );
    });
    let inventory = inventory(100_000);
    let change =
        InventoryPart { items: vec![Arc::clone(&parts[77].items[7])], ..InventoryPart::default() };
    group.bench_function("one item changed, seen in the list", |b| {
        let mut inventory = self::inventory(100_000);
        b.iter(|| {
            inventory.take(change.clone());
            let list = words(inventory.picture(), &Scope::All, "");
            inventory.adopt(inventory.picture().ordered().order());
            list
        });
    });
    group.bench_function("order of 100000 items from nothing", |b| {
        let mut fresh = Inventory::default();
        parts.iter().for_each(|part| fresh.take(part.clone()));
        b.iter_batched(|| fresh.picture(), |picture| picture.ordered(), BatchSize::SmallInput);
    });
    group.bench_function("counts line", |b| {
        let list = words(inventory.picture(), &Scope::All, "");
        b.iter(|| inventory.count(&list));
    });
    group.finish();
}

fn settings() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

criterion_group! { name = benches; config = settings(); targets = searching, fuzzy, keys, taking }

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    for group in ["search", "fuzzy", "keys", "replica"] {
        ratio::print(group, "control");
    }
}
