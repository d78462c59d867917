//! `vttest`, the terminal test of the field, in a pane and bare: which of its screens are the same.
//! The result is published in `docs/terminal.md`; `JUMPDECK_BLESS=1` writes it again.

use crate::pair::Pair;
use crate::support::{Home, until};
use std::fmt::Write;
use std::path::Path;

/// What is run: the key that leads there from the main menu, and what it tests.
const PARTS: [(&str, &str); 3] = [
    ("1", "Cursor movements"),
    ("2", "Screen features"),
    ("8", "VT102: insert and delete characters and lines"),
];

/// A program waits for this before it goes on.
const PAGE: &str = "Push <RETURN>";
/// A menu waits for this.
const MENU: &str = "Enter choice number";
/// So many looks at the same screen are a screen that stands.
const STANDS: u32 = 8;

/// What both show, once it stands and is no more what was there before.
fn screens(pair: &Pair, before: &(String, String)) -> (String, String) {
    let mut last = (String::new(), String::new());
    let mut looks = 0;
    let holds = || {
        let now = (pair.bare.text(), pair.pane.text());
        let waits = |text: &str| text.contains(PAGE) || text.contains(MENU);
        let new = now.0 != before.0 && now.1 != before.1;
        looks = if now == last { looks + 1 } else { 0 };
        last = now;
        // Two screens in a row may be the same.
        let stands = looks >= if new { STANDS } else { 12 * STANDS };
        stands && waits(&last.0) && waits(&last.1)
    };
    let stood = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until("a screen that waits", holds);
    }));
    assert!(stood.is_ok(), "no screen that waits:\n{}\n{}", pair.bare.text(), pair.pane.text());
    last
}

#[test]
fn the_published_result_of_the_terminal_test_is_what_comes_out() {
    let home = Home::new();
    let pair = Pair::start(&home);
    pair.shell("vttest");
    let mut shown = screens(&pair, &(String::new(), String::new()));
    let mut rows = String::new();
    for (key, what) in PARTS {
        pair.send(&[key, "Enter"]);
        shown = screens(&pair, &shown);
        let (mut pages, mut same, mut differ) = (0, 0, Vec::new());
        while !shown.0.contains(MENU) {
            pages += 1;
            let (bare, pane) = (pair.bare.rows(), pair.pane.rows());
            if bare[..24] == pane[1..25] {
                same += 1;
            } else {
                differ.push(pages.to_string());
                println!("{what}, {pages}:\n{}\n{}", shown.0, shown.1);
            }
            pair.send(&["Enter"]);
            shown = screens(&pair, &shown);
        }
        let differ = if differ.is_empty() { "none".to_owned() } else { differ.join(", ") };
        writeln!(rows, "| {what} | {pages} | {same} | {differ} |").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/terminal.md");
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    let (begin, end) = ("<!-- vttest -->\n", "<!-- end -->");
    let (head, rest) = published.split_once(begin).expect("the table's place");
    let (table, tail) = rest.split_once(end).expect("the table's end");
    let heading = "| part of vttest | screens | the same | which differ |\n|---|---|---|---|\n";
    let found = format!("{heading}{rows}");
    if std::env::var_os("JUMPDECK_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{found}{end}{tail}")).unwrap();
        return;
    }
    assert_eq!(table, found, "docs/terminal.md says something else");
}
