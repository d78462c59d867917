//! The house stands as `docs/architecture.md` draws it: arrows between crates go down, and no circle
//! of imports grows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates from the ground up: each may know those before it.
const FLOORS: [&[&str]; 7] = [
    &["jumpdeck-protocol"],
    &["jumpdeck-link", "jumpdeck-policy", "jumpdeck-terminal"],
    &["jumpdeck-world", "jumpdeck-session", "jumpdeck-console", "jumpdeck-agent"],
    &["jumpdeck-store"],
    &["jumpdeck-appliance"],
    &["jumpdeck-server-sim"],
    &["jumpdeck"],
];

/// What must not be below a crate, whatever else it takes.
const PURE: [(&str, &[&str]); 5] = [
    ("jumpdeck-protocol", &["tokio", "rusqlite", "crossterm", "rustls"]),
    ("jumpdeck-policy", &["tokio", "rusqlite", "crossterm", "rustls"]),
    ("jumpdeck-terminal", &["tokio", "rusqlite", "crossterm", "rustls"]),
    ("jumpdeck-world", &["tokio", "rusqlite", "crossterm", "rustls"]),
    ("jumpdeck-console", &["tokio", "rusqlite", "crossterm", "rustls"]),
];

/// Crates whose modules are looked at, and how many of their files may import each other in a circle.
const CRATES: [&str; 12] = [
    ".",
    "server-sim",
    "crates/protocol",
    "crates/link",
    "crates/policy",
    "crates/terminal",
    "crates/world",
    "crates/session",
    "crates/store",
    "crates/console",
    "crates/agent",
    "crates/appliance",
];
const CIRCLE: usize = 3;

/// The rooms of the crates that have many, from the ground up. A room may import those of the lines
/// before its own. What is not named here is no room: tests, and a crate's own front.
const ROOMS: [(&str, &[&[&str]]); 2] = [
    (
        "crates/appliance",
        &[
            &["clock", "data_dir", "vitals", "admission"],
            &["keys", "jobs", "bus"],
            &["links"],
            &["answered"],
            &["audit"],
            &["base"],
            &["book"],
            &["accounts"],
            &["sessions"],
            &["items", "policies"],
            &["visitors", "feed", "configuration", "stopping"],
            &["services"],
            &["api"],
            &["gateway"],
            &["app"],
        ],
    ),
    ("crates/console", &[&["text"], &["core"], &["view"]]),
];
const NO_ROOMS: [&str; 4] = ["worlds", "sample", "fixtures", "lib"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(folder: &str) -> toml::Table {
    fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap().parse().unwrap()
}

#[test]
fn arrows_between_crates_go_down() {
    let floor = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let folders = members.iter().map(|member| member.as_str().unwrap()).chain(["."]);
    for folder in folders {
        let manifest = manifest(folder);
        let name = manifest["package"]["name"].as_str().unwrap();
        let own = floor(name).unwrap_or_else(|| panic!("{name} has no floor in this house yet"));
        for needed in manifest["dependencies"].as_table().unwrap().keys() {
            if needed.starts_with("jumpdeck") {
                let below = floor(needed).unwrap_or_else(|| panic!("{needed} has no floor"));
                assert!(below < own, "the arrow from {name} to {needed} runs up");
            }
        }
    }
}

#[test]
fn what_is_pure_needs_neither_a_runtime_nor_a_database_nor_a_terminal() {
    for (name, forbidden) in PURE {
        let tree = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "-e", "normal", "--prefix", "none", "-p", name])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
        let tree = String::from_utf8(tree.stdout).unwrap();
        let below: BTreeSet<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
        let found: Vec<_> = forbidden.iter().filter(|one| below.contains(**one)).collect();
        assert!(found.is_empty(), "{name} stands on {found:?}");
    }
}

#[test]
fn arrows_between_rooms_go_down() {
    for (name, floors) in ROOMS {
        let house = House::read(&root().join(name).join("src"));
        let floor = |room: &str| floors.iter().position(|floor| floor.contains(&room));
        for (own, imports) in &house.0 {
            let Some(room) = own.get(1).filter(|room| !NO_ROOMS.contains(&room.as_str())) else {
                continue;
            };
            let high = floor(room).unwrap_or_else(|| panic!("{name}: no floor for {room}"));
            for other in imports.iter().filter_map(|import| import.get(1)) {
                if other == room || NO_ROOMS.contains(&other.as_str()) {
                    continue;
                }
                let low = floor(other).unwrap_or_else(|| panic!("{name}: no floor for {other}"));
                assert!(low < high, "{name}: the arrow from {own:?} to {other} runs up");
            }
        }
    }
}

#[test]
fn no_circle_of_imports_is_larger_than_a_room() {
    for name in CRATES {
        let house = House::read(&root().join(name).join("src"));
        let largest = house.circles().into_iter().max_by_key(Vec::len).unwrap_or_default();
        assert!(largest.len() <= CIRCLE, "these files of {name} import each other: {largest:?}");
    }
}

/// The files of a crate, by the path of their modules, and what each imports.
struct House(BTreeMap<Vec<String>, BTreeSet<Vec<String>>>);

impl House {
    fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        collect(src, &mut files);
        let rooms: BTreeMap<Vec<String>, String> = files
            .iter()
            .map(|path| (module(src, path), fs::read_to_string(path).unwrap()))
            .collect();
        let imports = rooms.iter().map(|(own, text)| {
            let paths = named(own, text);
            let targets = paths.iter().filter_map(|path| {
                let lengths = (1..=path.len()).rev();
                let mut prefixes = lengths.map(|length| path[..length].to_vec());
                prefixes.find(|prefix| rooms.contains_key(prefix))
            });
            (own.clone(), targets.filter(|target| target != own).collect())
        });
        Self(imports.collect())
    }

    fn reached(&self, from: &[String]) -> BTreeSet<&Vec<String>> {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(room) = next.pop() {
            for target in self.0.get(room).into_iter().flatten() {
                if seen.insert(target) {
                    next.push(target);
                }
            }
        }
        seen
    }

    fn circles(&self) -> Vec<Vec<String>> {
        let reached: BTreeMap<_, _> =
            self.0.keys().map(|room| (room, self.reached(room))).collect();
        let of = |room: &Vec<String>| {
            let both = reached[room].iter().filter(|other| reached[**other].contains(room));
            both.map(|room| room.join("::")).collect::<Vec<_>>()
        };
        self.0.keys().map(of).collect()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|it| it == "rs") && name != "tests.rs" {
            files.push(path);
        }
    }
}

fn module(src: &Path, path: &Path) -> Vec<String> {
    let relative = path.strip_prefix(src).unwrap().with_extension("");
    let parts = relative.iter().map(|part| part.to_string_lossy().into_owned());
    let mut parts: Vec<_> = parts.collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts.insert(0, "crate".to_owned());
    parts
}

/// The paths of the crate that a file names, its tests apart. A face (`mod.rs`, `lib.rs`) that only
/// declares and hands on is no room: what it names does not count, but for what it uses itself.
fn named(own: &[String], text: &str) -> Vec<Vec<String>> {
    // A module of tests may be in a file of its own, and is only declared then.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//") && !line.contains("pub use "))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut paths = Vec::new();
    for (start, root) in [("crate::", 0), ("super::super::", 2), ("super::", 1)] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let base = match root {
                0 => vec!["crate".to_owned()],
                up => own[..own.len().saturating_sub(up)].to_vec(),
            };
            let rest = &code[at + start.len()..];
            if root == 1 && rest.starts_with("super::") {
                continue;
            }
            names(&base, rest, &mut paths);
        }
    }
    paths
}

/// `a::b`, `a::{b, c::D}` and the like.
fn names(base: &[String], rest: &str, paths: &mut Vec<Vec<String>>) {
    let mut path = base.to_vec();
    let mut rest = rest;
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut part) = (1, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && c == ',') {
                    names(&path, part.trim(), paths);
                    part.clear();
                    if depth == 0 {
                        break;
                    }
                } else {
                    part.push(c);
                }
            }
            return;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end > 0 {
            path.push(rest[..end].to_owned());
        }
        match rest[end..].strip_prefix("::") {
            Some(more) if end > 0 => rest = more,
            _ => break,
        }
    }
    paths.push(path);
}
