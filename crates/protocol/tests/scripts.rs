//! Whole files of Representative Console Scripts, good and bad.
//!
//! Beside a good one stands, as `.read`, how it is written again; beside a bad one, as `.error`,
//! what is said of it. `JUMPDECK_BLESS=1` writes what is found.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use jumpdeck_protocol::script::Script;
use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts").join(folder);
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().unwrap() == "brcs").collect();
    files.sort();
    assert!(files.len() >= 6, "the files are there");
    files
}

fn compare(path: &Path, found: &str) {
    if std::env::var_os("JUMPDECK_BLESS").is_some() {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{}", path.display());
}

#[test]
fn good_ones_are_read_and_written_again_to_the_same() {
    for path in files("good") {
        let script: Script = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        compare(&path.with_extension("read"), &script.to_string());
        assert_eq!(script.to_string().parse::<Script>().unwrap(), script);
    }
}

#[test]
fn bad_ones_are_refused_with_their_place_and_what_would_be_right() {
    for path in files("bad") {
        let text = std::fs::read_to_string(&path).unwrap();
        match text.parse::<Script>() {
            Ok(script) => panic!("{} was read as {script:?}", path.display()),
            Err(error) => compare(&path.with_extension("error"), &format!("{error}\n")),
        }
    }
}
