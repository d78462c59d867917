//! Full-screen programs show the same cells in a session's pane as in a bare terminal of the same
//! size: both stand in tmux, whose own capture is compared.

use crate::support::{Home, until};
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::Color;
use jumpdeck::core::terminal::Terminal;
use jumpdeck_protocol::session::Size;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmux server of its own, with one window.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    fn start(home: &Home, name: &str, (columns, rows): (u16, u16), command: &[&str]) -> Self {
        let tmux = Self { socket: home.path().join(name) };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let mut start = tmux.command();
        start.args(["-f", "/dev/null", "new-session", "-d", "-x", &columns, "-y", &rows]);
        start.args(command).env_remove("TMUX");
        for (name, value) in home.jumpdeck(&[]).get_envs() {
            match value {
                Some(value) => start.env(name, value),
                None => start.env_remove(name),
            };
        }
        assert!(start.env("LC_ALL", "C.UTF-8").status().unwrap().success());
        tmux.run(&["set", "-g", "status", "off"]);
        tmux.run(&["resize-window", "-x", &columns, "-y", &rows]);
        tmux
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket);
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn send(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Every cell with its looks, a row a line.
    fn rows(&self) -> Vec<Vec<String>> {
        let captured = self.run(&["capture-pane", "-p", "-e", "-N"]);
        let mut terminal = Terminal::new(Size { columns: 80, rows: 25 });
        terminal.take(captured.trim_end_matches('\n').replace('\n', "\r\n").as_bytes());
        let term = terminal.term();
        let looks = |row: i32, column: usize| {
            let cell = &term.grid()[Line(row)][Column(column)];
            let mut flags = cell.flags - Flags::WRAPLINE;
            if cell.c == ' ' {
                // A blank is no bolder than another.
                flags -= Flags::BOLD | Flags::DIM | Flags::ITALIC;
            }
            let front = if cell.c == ' ' { None } else { Some(colour(cell.fg)) };
            format!("{}{:?}{front:?}{:?}{flags:?}", cell.c, cell.zerowidth(), colour(cell.bg))
        };
        // tmux does not tell how blanks look at a row's end that were never written but erased.
        let written =
            |row: i32| (0..80).rev().find(|c| term.grid()[Line(row)][Column(*c)].c != ' ');
        let cells = |row| 0..written(row).map_or(0, |last| last + 1);
        (0..25).map(|row| cells(row).map(|column| looks(row, column)).collect()).collect()
    }

    fn text(&self) -> String {
        self.run(&["capture-pane", "-p"])
    }
}

/// One of the sixteen has two names.
fn colour(colour: Color) -> Color {
    match colour {
        Color::Named(named) if (named as usize) < 16 => Color::Indexed(named as u8),
        other => other,
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

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

struct Pair {
    bare: Tmux,
    pane: Tmux,
}

impl Pair {
    fn send(&self, keys: &[&str]) {
        self.bare.send(keys);
        self.pane.send(keys);
    }

    /// Waits until both show the same, and this.
    fn same(&self, what: &str, wanted: &str, rows: std::ops::Range<usize>) {
        let pick =
            |all: Vec<Vec<String>>, skip: usize| all[rows.start + skip..rows.end + skip].to_vec();
        let look = || (pick(self.bare.rows(), 0), pick(self.pane.rows(), 1));
        let holds = || {
            let (bare, pane) = look();
            bare == pane && self.bare.text().contains(wanted)
        };
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| until(what, holds)));
        if seen.is_err() {
            println!("{}\n{}", self.bare.text(), self.pane.text());
            let (bare, pane) = look();
            for (number, (bare, pane)) in bare.iter().zip(&pane).enumerate() {
                assert_eq!(pane.len(), bare.len(), "{what}, row {number}");
                for (column, (bare, pane)) in bare.iter().zip(pane).enumerate() {
                    assert_eq!(pane, bare, "{what}, row {number}, column {column}");
                }
            }
            panic!("{what} does not show {wanted:?}:\n{}", self.bare.text());
        }
    }

    fn send_line(&self, command: &str) {
        self.send(&[command, "Enter"]);
    }

    /// Runs a command once both shells are at their prompts.
    fn shell(&self, command: &str) {
        let ready = |tmux: &Tmux| tmux.text().trim_end().ends_with('$');
        until("the prompt", || ready(&self.bare) && ready(&self.pane));
        self.send(&[command, "Enter"]);
    }
}

#[test]
fn programs_show_the_same_cells_in_a_pane_as_in_a_bare_terminal() {
    let home = Home::new();
    let file = sample(home.path());
    let shell = "TERM=xterm-256color exec bash --norc --noprofile";
    let program = env!("CARGO_BIN_EXE_jumpdeck");
    let pair = Pair {
        bare: Tmux::start(&home, "bare", (80, 24), &[shell]),
        pane: Tmux::start(&home, "pane", (80, 25), &[program]),
    };
    until("the list", || pair.pane.text().contains("● online"));
    pair.pane.send(&["Enter"]);
    until("the shell", || pair.pane.text().contains("list"));
    pair.pane.send(&["exec bash --norc --noprofile", "Enter"]);
    pair.send_line(&format!(
        "cd {} && export PS1='$ ' LC_ALL=C.UTF-8 && clear",
        home.path().display()
    ));
    pair.same("the prompt", "$", 0..2);
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
