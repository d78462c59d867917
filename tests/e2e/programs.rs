//! Full-screen programs show the same cells in a session's pane as in a bare terminal of the same
//! size: both are in tmux, whose own capture is compared.

use crate::pair::Pair;
use crate::support::{Home, until};
use std::path::{Path, PathBuf};

/// A file with something of everything to look at.
fn sample(home: &Path) -> PathBuf {
    let path = home.join("sample.txt");
    let lines: Vec<_> = (1..200)
        .map(|n| match n % 5 {
            0 => format!("{n}\tafter a tab\tand another"),
            1 => format!("{n} 東京 wide, e\u{301} combined, ö alone"),
            2 => format!("{n} {}", "a long line ".repeat(12)),
            3 => format!("int main(void) {{ return {n}; }} // \u{2500}\u{2502}\u{256d}"),
            _ => String::new(),
        })
        .collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    path
}

/// A file with what htop writes into a terminal of this size, up to where it gives the screen back.
fn htop(home: &Home, pair: &Pair) -> PathBuf {
    let (whole, path) = (home.path().join("htop.whole"), home.path().join("htop.part"));
    pair.shell("clear");
    pair.same("the prompt", "$", 0..2);
    pair.bare.send(&[&format!("script -q -c htop {}", whole.display()), "Enter"]);
    until("htop", || pair.bare.text().contains("Quit"));
    pair.bare.send(&["F5"]);
    until("the tree", || pair.bare.text().contains("List"));
    pair.bare.send(&["q"]);
    let leaves = b"\x1b[?1049l";
    let end = || {
        let bytes = std::fs::read(&whole).unwrap_or_default();
        bytes.windows(leaves.len()).rposition(|window| window == leaves)
    };
    until("htop's end", || end().is_some());
    let bytes = std::fs::read(&whole).unwrap();
    let begin = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    std::fs::write(&path, &bytes[begin..end().unwrap()]).unwrap();
    path
}

#[test]
fn programs_show_the_same_cells_in_a_pane_as_in_a_bare_terminal() {
    let home = Home::new();
    let file = sample(home.path());
    let pair = Pair::start(&home);
    let file = file.display();

    pair.shell(&format!(
        "vim -n -u NONE --cmd 'set nocp hls nu ruler laststatus=2' -c 'syntax on' -c 'set ft=c' {file}"
    ));
    pair.same("vim", "sample.txt", 0..24);
    pair.send(&["/return", "Enter", "C-f", "C-f", "C-w", "v", "10G"]);
    pair.same("vim, split", "return", 0..24);
    pair.send(&[":qa!", "Enter"]);

    pair.shell(&format!("less -N -i {file}"));
    pair.same("less", "after a tab", 0..24);
    pair.send(&["/WIDE", "Enter", "n", "Space"]);
    pair.same("less, searching", "combined", 0..24);
    pair.send(&["q"]);

    std::fs::create_dir_all(home.path().join(".config/mc")).unwrap();
    std::fs::write(
        home.path().join(".config/mc/ini"),
        "[Midnight-Commander]\nauto_save_setup=false\n[Layout]\nmessage_visible=0\nfree_space=0\n",
    )
    .unwrap();
    std::fs::create_dir_all(home.path().join("folder/inner")).unwrap();
    pair.shell("mc -u folder folder");
    pair.same("mc", "Left", 0..23);
    pair.send(&["F9", "Enter"]);
    pair.same("mc, its menu", "Filter", 0..23);
    pair.send(&["Escape", "Escape", "Escape", "Escape", "F10", "Enter"]);

    // What htop shows changes all the time: both get what it wrote once.
    let written = htop(&home, &pair);
    pair.shell(&format!("clear; cat {}; read", written.display()));
    pair.same("htop", "CPU%", 0..24);
    pair.send(&["Enter"]);
    pair.shell("printf '\\e[?1049l'; clear; htop");
    pair.same("htop, its keys", "Quit", 23..24);
    pair.send(&["q"]);

    pair.shell(&format!("clear; tmux -L inner-$$ -f /dev/null new 'tmux -L inner-'$$' set -g status-right x; cat {file} | head -40; read'"));
    pair.same("tmux", "after a tab", 0..23);
    pair.send(&["Enter"]);

    pair.shell(&format!("clear; nano -I {file}"));
    pair.same("nano", "sample.txt", 0..24);
    pair.send(&["C-w", "combined", "Enter", "C-v"]);
    pair.same("nano, searching", "combined", 0..24);
}
