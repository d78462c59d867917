//! Full-screen programs show the same cells in a session's pane as in a bare terminal of the same
//! size: both stand in tmux, whose own capture is compared.

use crate::pair::Pair;
use crate::support::Home;
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

    pair.shell("clear; htop");
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
