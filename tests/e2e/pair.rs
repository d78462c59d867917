//! The same program in a bare terminal and in a session's pane of the same size: both are in tmux,
//! whose own capture is compared.

use crate::support::{Home, until};
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::Color;
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::terminal::Terminal;
use std::path::PathBuf;
use std::process::Command;

/// A tmux server of its own, with one window.
pub struct Tmux {
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

    pub fn send(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Every cell with its looks, a row a line.
    pub fn rows(&self) -> Vec<Vec<String>> {
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

    pub fn text(&self) -> String {
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

/// A shell in a bare terminal, and one in a session's pane of the same size.
pub struct Pair {
    pub bare: Tmux,
    pub pane: Tmux,
}

impl Pair {
    /// Both at their prompts, in the home's directory.
    pub fn start(home: &Home) -> Self {
        let shell = "TERM=xterm-256color exec bash --norc --noprofile";
        let program = env!("CARGO_BIN_EXE_jumpdeck");
        let pair = Self {
            bare: Tmux::start(home, "bare", (80, 24), &[shell]),
            pane: Tmux::start(home, "pane", (80, 25), &[program]),
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
        pair
    }

    pub fn send(&self, keys: &[&str]) {
        self.bare.send(keys);
        self.pane.send(keys);
    }

    /// Waits until both show the same, and this.
    pub fn same(&self, what: &str, wanted: &str, rows: std::ops::Range<usize>) {
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

    pub fn send_line(&self, command: &str) {
        self.send(&[command, "Enter"]);
    }

    /// Runs a command once both shells are at their prompts.
    pub fn shell(&self, command: &str) {
        let ready = |tmux: &Tmux| tmux.text().trim_end().ends_with('$');
        until("the prompt", || ready(&self.bare) && ready(&self.pane));
        self.send(&[command, "Enter"]);
    }
}
