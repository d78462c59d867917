//! The local terminal: entered, written to a frame at a time, and left as it was.

use super::charset::Charset;
use super::diff::TerminalDiff;
use super::own_terminal::EagerTerminal;
use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, MoveTo, SetCursorStyle, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    SetTitle, disable_raw_mode, enable_raw_mode, is_raw_mode_enabled,
};
use crossterm::{execute, queue};
use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Terminal, TerminalOptions, Viewport};
use rustix::termios::{LocalModes, tcgetattr};
use std::io::{self, Write};
use tokio::sync::mpsc::{
    Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel,
};

/// The terminal, without the lock of `std::io::stdout`: a frame that hangs must not keep the
/// terminal from being restored.
struct Tty;

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has the terminal keep its window's title, and put it back (XTWINOPS 22 and 23).
const KEEP_TITLE: &str = "\x1b[22;2t";
const FORMER_TITLE: &str = "\x1b[23;2t";

/// Takes the terminal over.
pub(super) fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    raw_again()?;
    say_enter(&mut Tty)
}

/// Makes a terminal raw that was, and was changed while this process was stopped.
pub(crate) fn raw_again() -> io::Result<()> {
    let cooked = tcgetattr(rustix::stdio::stdin())
        .is_ok_and(|modes| modes.local_modes.contains(LocalModes::ICANON));
    if cooked && is_raw_mode_enabled()? {
        disable_raw_mode()?;
        enable_raw_mode()?;
    }
    Ok(())
}

/// What takes a terminal over that is raw already.
pub(crate) fn say_enter(to: &mut impl Write) -> io::Result<()> {
    execute!(to, Print(KEEP_TITLE), EnterAlternateScreen, EnableBracketedPaste, Hide)
}

/// What takes the mouse over, or gives it back.
pub(super) fn mouse(ours: bool) -> Vec<u8> {
    let mut words = Vec::new();
    // Writing into memory does not fail.
    let _ =
        if ours { queue!(words, EnableMouseCapture) } else { queue!(words, DisableMouseCapture) };
    words
}

/// What names the terminal's window.
pub(super) fn title(title: &str, charset: Charset) -> Vec<u8> {
    let mut words = Vec::new();
    let _ = queue!(words, SetTitle(charset.text(&jumpdeck_protocol::text::clean(title))));
    words
}

/// What puts a text into the rep's clipboard (OSC 52): it goes through every terminal and ssh.
pub(super) fn copy(text: &str) -> Vec<u8> {
    let mut words = Vec::new();
    let _ = queue!(words, CopyToClipboard::to_clipboard_from(text));
    words
}

/// Gives it back. Never fails: whatever can be restored is.
pub(super) fn restore() {
    let _ = say_restore(&mut Tty);
    let _ = disable_raw_mode();
}

/// What gives a terminal back.
pub(crate) fn say_restore(to: &mut impl Write) -> io::Result<()> {
    execute!(
        to,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Print(FORMER_TITLE),
        SetCursorStyle::DefaultUserShape,
        Show
    )
}

/// A ratatui terminal that makes frames as bytes.
pub(super) type Canvas = Terminal<Paper>;

/// A canvas of this size.
pub(super) fn canvas(width: u16, height: u16) -> io::Result<Canvas> {
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    Terminal::with_options(Paper::new(width, height), options)
}

/// Collects what a frame changes. A frame that changes nothing is no bytes at all.
pub(super) struct Paper {
    diff: TerminalDiff,
    size: Size,
    drawn: bool,
    cursor: Option<Position>,
    cursor_before: Option<Position>,
    shown: bool,
    /// What is said beside the cells.
    aside: Vec<u8>,
}

impl Paper {
    fn new(width: u16, height: u16) -> Self {
        Self {
            diff: TerminalDiff::new(width, height),
            size: Size { width, height },
            drawn: false,
            cursor: None,
            cursor_before: None,
            shown: false,
            aside: Vec::new(),
        }
    }

    /// Says something that is no cell; it goes out with the next frame.
    pub(super) fn aside(&mut self, words: &[u8]) {
        self.aside.extend_from_slice(words);
    }

    /// The frame's bytes: cells and cursor in one synchronized update.
    pub(super) fn take(&mut self) -> io::Result<Vec<u8>> {
        let cells = self.diff.take();
        let cursor = self.cursor.filter(|_| self.shown);
        let mut frame = std::mem::take(&mut self.aside);
        if !std::mem::take(&mut self.drawn) && cursor == self.cursor_before {
            return Ok(frame);
        }
        frame.reserve(cells.len() + 32);
        queue!(frame, BeginSynchronizedUpdate)?;
        if self.cursor_before.is_some() {
            queue!(frame, Hide)?;
        }
        frame.extend_from_slice(&cells);
        if let Some(Position { x, y }) = cursor {
            queue!(frame, MoveTo(x, y), Show)?;
        }
        queue!(frame, EndSynchronizedUpdate)?;
        self.cursor_before = cursor;
        Ok(frame)
    }
}

impl Backend for Paper {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.drawn |= self.diff.draw(content);
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.shown = false;
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.shown = true;
        Ok(())
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = Some(position.into());
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.drawn = true;
        self.diff.clear();
        Ok(())
    }

    /// A canvas of a fixed size is only ever cleared as a whole.
    fn clear_region(&mut self, _region: ClearType) -> io::Result<()> {
        self.clear()
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        let pixels = Size { width: 0, height: 0 };
        Ok(WindowSize { columns_rows: self.size, pixels })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes frames off the loop, one at a time: a terminal that takes nothing holds up nobody, and
/// gets fewer, newer frames.
pub(crate) struct Writer {
    /// The terminal, if it may be written to at once.
    terminal: Option<EagerTerminal>,
    frames: Sender<Vec<u8>>,
    written: UnboundedReceiver<io::Result<()>>,
    busy: bool,
}

impl Writer {
    /// To the local terminal: at once what it takes, and the rest on a thread of its own.
    pub(super) fn to_terminal() -> io::Result<Self> {
        let (mut writer, mut frames, done) = Self::new();
        writer.terminal = EagerTerminal::of(rustix::stdio::stdout());
        std::thread::Builder::new().name("screen".into()).spawn(move || {
            while let Some(frame) = frames.blocking_recv() {
                if done.send(Tty.write_all(&frame)).is_err() {
                    return;
                }
            }
        })?;
        Ok(writer)
    }

    /// A writer, the frames it is given, and where to say that one was written.
    pub(crate) fn new() -> (Self, Receiver<Vec<u8>>, UnboundedSender<io::Result<()>>) {
        let (frames, queue) = channel(1);
        let (done, written) = unbounded_channel();
        (Self { terminal: None, frames, written, busy: false }, queue, done)
    }

    /// Whether a frame is still being written.
    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    pub(super) fn write(&mut self, mut frame: Vec<u8>) {
        // What fails here fails on the thread too, which says so.
        let taken = self.terminal.as_ref().and_then(|terminal| terminal.write(&frame).ok());
        frame.drain(..taken.unwrap_or(0));
        if !frame.is_empty() {
            self.busy = self.frames.try_send(frame).is_ok();
        }
    }

    /// Resolves when the frame was written; never while none is.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        if !self.busy {
            return std::future::pending().await;
        }
        let outcome = self.written.recv().await;
        self.busy = false;
        outcome.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }
}
