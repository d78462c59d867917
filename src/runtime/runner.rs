//! Runs a console at a seat: the local terminal, or one at the other end of an SSH connection.

use super::charset::Charset;
use super::config::Watch;
use super::export;
use super::screen::{self, Canvas, Writer};
use super::searcher::Searcher;
use crate::link::{LinkHandle, leave};
use jiff::tz::TimeZone;
use jumpdeck_console::core::export::{Export, ExportError};
use jumpdeck_console::core::mouse::Mouse;
use jumpdeck_console::core::{
    Console, Effect, Event, LinkEvent, ScriptFailure, Settings, Timer, Welcome,
};
use jumpdeck_console::view::{draw, theme::Theme};
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::channel::Lane;
use jumpdeck_protocol::script::Script;
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::key::Key;
use std::future::Future;
use std::io;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How long a frame waits for the search that a key has begun: mostly one frame shows both.
const GRACE: Duration = Duration::from_millis(10);
/// Between two frames: sixty a second.
const FRAME: Duration = Duration::from_millis(16);
/// How long link events are taken in before the next look at the keyboard and the screen: a flood
/// of output must not hold up either.
const GULP: Duration = Duration::from_millis(4);

/// Something happened at a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunnerInput {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The terminal has a new size.
    Resize(Size),
    /// Somebody wants the console to end, with this signal.
    Signal(i32),
    /// The terminal is to be given back for a while.
    Suspend,
    /// It is ours again.
    Resume,
    /// A script was handed over.
    Script(Script),
}

/// Where a rep sits.
pub(crate) trait Seat: Send {
    /// What happens next; nothing once the terminal is gone.
    fn next(&mut self) -> impl Future<Output = Option<RunnerInput>> + Send;

    /// Whether a shell waits that would bring the console back to the foreground.
    fn has_shell(&self) -> bool;

    /// Gives the terminal back to that shell.
    fn suspend(&mut self) -> io::Result<()>;

    /// Takes the terminal over again. Returns its size.
    fn resume(&mut self) -> io::Result<Size>;

    /// Whether the rep has files where this program runs.
    fn has_files(&self) -> bool;
}

/// What a console is made of, wherever it runs.
pub struct Outfit {
    /// Keys and prefix.
    pub settings: Settings,
    /// The theme, fit for the terminal.
    pub theme: Theme,
    /// What the terminal can show.
    pub charset: Charset,
    /// Something to say at the start.
    pub notice: Option<String>,
    /// The configuration, to be read again when it changes.
    pub watch: Option<Watch>,
    /// The way to send.
    pub handle: LinkHandle,
    /// What comes over the link.
    pub link: UnboundedReceiver<LinkEvent>,
    /// What is to be run at once.
    pub script: Option<Script>,
    /// The first link's welcome.
    pub welcome: Welcome,
}

/// How a console was left.
#[derive(Debug)]
pub struct Left {
    /// Sessions that go on.
    pub sessions: usize,
    /// Why the link ended for good, if it did.
    pub ended: Option<String>,
    /// The signal that ended the console, if one did.
    pub signal: Option<i32>,
    /// Why the script it was opened with did not run to its end.
    pub script: Option<ScriptFailure>,
}

/// A time that was waited for has come.
enum Due {
    Timer(Timer),
    /// A clock, and when it was asked for.
    Clock(u64, Instant),
}

/// How an export went, in words.
type Exported = Result<String, ExportError>;

pub(crate) struct Runner<S> {
    seat: S,
    console: Console,
    theme: Theme,
    charset: Charset,
    zone: TimeZone,
    canvas: Canvas,
    writer: Writer,
    handle: LinkHandle,
    link: UnboundedReceiver<LinkEvent>,
    searcher: Searcher,
    timers: (UnboundedSender<Due>, UnboundedReceiver<Due>),
    exports: (UnboundedSender<Exported>, UnboundedReceiver<Exported>),
    watch: Option<Watch>,
    title: String,
    next_frame: Instant,
    /// The bell rings with the next frame.
    bell: bool,
    /// Until then a frame waits for a search.
    grace: Instant,
    ended: Option<String>,
    signal: Option<i32>,
    quit: bool,
    /// To be suspended once the loop comes round.
    suspend: bool,
}

impl<S: Seat> Runner<S> {
    /// A console at a seat whose terminal was taken over.
    ///
    /// # Errors
    /// When the system has no thread for its searches.
    pub(crate) fn new(outfit: Outfit, seat: S, writer: Writer, size: Size) -> io::Result<Self> {
        let zone = outfit.settings.zone.clone();
        let mut runner = Self {
            seat,
            console: Console::new(outfit.settings, size, now()),
            theme: outfit.theme,
            charset: outfit.charset,
            zone,
            canvas: screen::canvas(size.columns, size.rows)?,
            writer,
            handle: outfit.handle,
            link: outfit.link,
            searcher: Searcher::start()?,
            timers: unbounded_channel(),
            exports: unbounded_channel(),
            watch: outfit.watch,
            title: String::new(),
            next_frame: Instant::now(),
            bell: false,
            grace: Instant::now(),
            ended: None,
            signal: None,
            quit: false,
            suspend: false,
        };
        if runner.console.has_mouse() {
            runner.say_aside(screen::mouse(true));
        }
        runner.update(Event::Link(LinkEvent::Up(outfit.welcome)));
        if let Some(script) = outfit.script {
            runner.update(Event::Script(script));
        }
        if let Some(notice) = outfit.notice {
            runner.update(Event::Notice(notice));
        }
        Ok(runner)
    }

    /// Runs until the rep leaves or the terminal closes.
    ///
    /// # Errors
    /// When the terminal cannot be used.
    pub(crate) async fn run(&mut self) -> anyhow::Result<Left> {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut dirty = true;
        while !self.quit {
            if std::mem::take(&mut self.suspend) {
                self.seat.suspend()?;
            }
            dirty |= self.console.take_dirty();
            let ready = dirty && !self.writer.is_busy();
            let frame_time = self.frame_time();
            tokio::select! {
                biased;
                input = self.seat.next() => match input {
                    Some(input) => self.input(input)?,
                    // The terminal is gone; so is the rep. Sessions go on.
                    None => break,
                },
                () = sleep_until(frame_time), if ready => {
                    self.frame()?;
                    dirty = false;
                }
                found = self.searcher.found() => match found {
                    Some(found) => self.update(Event::Found(found)),
                    None => anyhow::bail!("the search has failed; it cannot go on without it"),
                },
                Some(outcome) = self.exports.1.recv() => self.update(Event::Exported(outcome)),
                Some(due) = self.timers.1.recv() => match due {
                    Due::Timer(timer) => self.update(Event::Timer(timer)),
                    Due::Clock(number, since) => self.update(Event::Clock(number, since.elapsed())),
                },
                event = self.link.recv() => match event {
                    Some(event) => self.link(event),
                    None => break,
                },
                written = self.writer.written() => {
                    if written.is_err() {
                        break;
                    }
                }
                _ = ticks.tick() => {
                    self.look_at_config();
                    self.update(Event::Tick(now()));
                }
            }
        }
        let sessions = self.console.tabs().len();
        let script = self.console.script_failure();
        Ok(Left { sessions, ended: self.ended.take(), signal: self.signal, script })
    }

    /// Waits until the last of what was typed is there; the terminal may be given back before.
    pub(crate) async fn leave(mut self) {
        leave(&self.handle, &mut self.link).await;
    }

    /// When the next frame may be drawn.
    fn frame_time(&self) -> Instant {
        if self.console.is_searching() { self.next_frame.max(self.grace) } else { self.next_frame }
    }

    fn input(&mut self, input: RunnerInput) -> anyhow::Result<()> {
        match input {
            RunnerInput::Key(key) => {
                self.update(Event::Key(key));
                self.grace = Instant::now() + GRACE;
            }
            RunnerInput::Paste(text) => self.update(Event::Paste(text)),
            RunnerInput::Mouse(mouse) => self.update(Event::Mouse(mouse)),
            RunnerInput::Resize(size) => self.resize(size)?,
            RunnerInput::Signal(signal) => {
                // It ends, with its terminal restored.
                self.signal = Some(signal);
                self.quit = true;
            }
            RunnerInput::Suspend => self.seat.suspend()?,
            RunnerInput::Resume => self.resume()?,
            RunnerInput::Script(script) => self.update(Event::Script(script)),
        }
        Ok(())
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.canvas = screen::canvas(size.columns, size.rows)?;
        self.canvas.clear()?;
        self.update(Event::Resize(size));
        Ok(())
    }

    /// Keys and theme follow their files.
    fn look_at_config(&mut self) {
        let Some(config) = self.watch.as_mut().and_then(Watch::changed) else {
            return;
        };
        if let Some(complaint) = config.complaint("Nothing was changed.") {
            self.update(Event::Notice(complaint));
            return;
        }
        self.theme = config.theme;
        self.update(Event::Keymap(config.settings.keymap));
        self.update(Event::Said("The configuration was read again.".to_owned()));
    }

    /// Takes in an event of the link and those that wait behind it.
    fn link(&mut self, first: LinkEvent) {
        let until = Instant::now() + GULP;
        self.link_event(first);
        while Instant::now() < until
            && let Ok(event) = self.link.try_recv()
        {
            self.link_event(event);
        }
    }

    fn link_event(&mut self, event: LinkEvent) {
        if let LinkEvent::Ended { reason, .. } = &event {
            self.ended = Some(reason.clone());
            self.quit = true;
        }
        self.update(Event::Link(event));
    }

    fn update(&mut self, event: Event) {
        for effect in self.console.update(event) {
            self.effect(effect);
        }
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Send(message) => self.handle.send(Lane::Interactive, message),
            Effect::Probe => self.handle.probe(),
            Effect::Search(job) => self.searcher.search(*job),
            Effect::After(delay, timer) => {
                let timers = self.timers.0.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let _ = timers.send(Due::Timer(timer));
                });
            }
            Effect::Clock(delay, number) => {
                let timers = self.timers.0.clone();
                let since = Instant::now();
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    let _ = timers.send(Due::Clock(number, since));
                });
            }
            Effect::Copy(text) => self.say_aside(screen::copy(&text)),
            Effect::Mouse(ours) => self.say_aside(screen::mouse(ours)),
            Effect::Export(export) => self.export(*export),
            Effect::Suspend if self.seat.has_shell() => self.suspend = true,
            Effect::Suspend => {
                let text = "There is no shell here to go back to.".to_owned();
                self.update(Event::Notice(text));
            }
            Effect::Redraw => {
                // What the screen holds is unknown; an error shows at the next frame.
                let _ = self.canvas.clear();
            }
            Effect::Bell => self.bell = true,
            Effect::Quit => self.quit = true,
        }
    }

    /// A file is written where the rep has files; elsewhere it would land on somebody else's disk.
    fn export(&mut self, export: Export) {
        if !self.seat.has_files() {
            let path = export.path().display().to_string();
            let why = "there are no files of yours over SSH; `ssh … ls --json` prints the list";
            self.update(Event::Exported(Err(ExportError { path, why: why.to_owned() })));
            return;
        }
        let done = self.exports.0.clone();
        tokio::task::spawn_blocking(move || done.send(export::run(&export)));
    }

    /// Says something to the terminal beside the cells: it goes out with the next frame.
    fn say_aside(&mut self, words: Vec<u8>) {
        self.canvas.backend_mut().aside(&words);
    }

    fn frame(&mut self) -> io::Result<()> {
        self.update(Event::Frame);
        let title = self.console.title();
        if title != self.title {
            self.say_aside(screen::title(&title, self.charset));
            self.title = title;
        }
        // However often it rang since the last frame.
        if std::mem::take(&mut self.bell) {
            self.say_aside(b"\x07".to_vec());
        }
        let time = jiff::Timestamp::now().to_zoned(self.zone.clone()).strftime("%H:%M").to_string();
        let (console, theme, charset) = (&self.console, &self.theme, self.charset);
        self.canvas.draw(|frame| {
            draw(console, theme, &time, frame);
            charset.fit(frame.buffer_mut());
        })?;
        let frame = self.canvas.backend_mut().take()?;
        self.writer.write(frame);
        self.next_frame = Instant::now() + FRAME;
        Ok(())
    }

    /// Back in the foreground: the terminal is taken over again and drawn again.
    fn resume(&mut self) -> io::Result<()> {
        let size = self.seat.resume()?;
        if self.console.has_mouse() {
            self.say_aside(screen::mouse(true));
        }
        self.title.clear();
        self.resize(size)
    }
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}
