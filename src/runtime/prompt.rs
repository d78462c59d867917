//! Questions in plain lines, before there is a screen.

use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{BufRead, IsTerminal, Read, Write};

/// Whether somebody is there to answer.
pub fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a line.
///
/// # Errors
/// When nobody is there, or the input ended.
pub fn line(question: &str) -> anyhow::Result<String> {
    if !somebody_is_there() {
        bail!("{} is needed, and nobody is there to ask", question.trim_end_matches([':', ' ']));
    }
    put(question)?;
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer)? == 0 {
        bail!("the input ended");
    }
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks for a secret; what is typed is not shown. The question may have lines before its own,
/// such as why it is asked once more.
///
/// # Errors
/// When nobody is there, or it was interrupted.
pub fn secret(question: &str) -> anyhow::Result<String> {
    if !somebody_is_there() {
        bail!("{} is needed, and nobody is there to ask", question.trim_end_matches([':', ' ']));
    }
    let hidden = Hidden::begin().context("hiding what is typed")?;
    put(question)?;
    let answer = read_hidden();
    drop(hidden);
    put("\n")?;
    answer
}

/// A terminal that does not show what is typed, until this is dropped. The question comes
/// after it: who sees one may answer at once.
struct Hidden {
    shown: Termios,
}

impl Hidden {
    fn begin() -> std::io::Result<Self> {
        let shown = tcgetattr(std::io::stdin())?;
        let mut hiding = shown.clone();
        hiding.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(std::io::stdin(), OptionalActions::Now, &hiding)?;
        Ok(Self { shown })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone has nothing to put back.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.shown);
    }
}

fn put(words: &str) -> std::io::Result<()> {
    let mut terminal = std::io::stderr();
    terminal.write_all(words.as_bytes())?;
    terminal.flush()
}

fn read_hidden() -> anyhow::Result<String> {
    let mut typed = Vec::new();
    for byte in std::io::stdin().lock().bytes() {
        match byte? {
            b'\r' | b'\n' => return Ok(String::from_utf8(typed)?),
            3 | 4 => bail!("interrupted"),
            8 | 127 => drop(typed.pop()),
            21 => typed.clear(),
            other => typed.push(other),
        }
    }
    bail!("the input ended")
}
