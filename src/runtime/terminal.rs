//! Runs a console in the local terminal.

use super::config::Watch;
use super::screen::{self, Canvas, Writer};
use super::searcher::Searcher;
use super::suspend::{has_shell, suspend};
use super::{export, keys, report};
use crate::core::{Console, Effect, Event, LinkEvent, Settings, Timer};
use crate::link::LinkHandle;
use crate::script::Script;
use crate::view::{draw, theme::Theme};
use anyhow::Context;
use crossterm::event::{Event as Input, EventStream};
use futures_util::StreamExt;
use jiff::Zoned;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::session::Size;
use rustix::process::Signal;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{Signal as SignalStream, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// How long a frame waits for the search that a key has begun: mostly one frame shows both.
const GRACE: Duration = Duration::from_millis(10);
/// Between two frames: sixty a second.
const FRAME: Duration = Duration::from_millis(16);
/// How long link events are taken in before the next look at the keyboard and the screen: a flood
/// of output must not hold up either.
const GULP: Duration = Duration::from_millis(4);

/// What a local console is made of.
pub struct Local {
    /// Keys and prefix.
    pub settings: Settings,
    /// The theme, fit for the terminal.
    pub theme: Theme,
    /// Something to say at the start.
    pub notice: Option<String>,
    /// The configuration, to be read again when it changes.
    pub watch: Watch,
    /// The way to send.
    pub handle: LinkHandle,
    /// What comes over the link.
    pub link: UnboundedReceiver<LinkEvent>,
    /// What is to be run at once.
    pub script: Option<Script>,
    /// The first link's welcome.
    pub welcome: crate::core::Welcome,
    /// Where a report goes if the worst happens.
    pub reports: PathBuf,
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
}

/// Runs until the rep leaves or the terminal closes.
///
/// # Errors
/// When the terminal cannot be used.
pub async fn run(local: Local) -> anyhow::Result<Left> {
    let (columns, rows) = crossterm::terminal::size().context("this is no terminal")?;
    report::on_panic(local.reports.clone());
    screen::enter().context("taking the terminal over")?;
    let outcome = match Runner::new(local, Size { columns, rows }) {
        Ok(runner) => runner.run().await,
        Err(error) => Err(error),
    };
    screen::restore();
    outcome
}

/// How an export went, in words.
type Exported = Result<String, crate::core::export::ExportError>;

struct Runner {
    console: Console,
    theme: Theme,
    canvas: Canvas,
    writer: Writer,
    handle: LinkHandle,
    link: UnboundedReceiver<LinkEvent>,
    searcher: Searcher,
    timers: (UnboundedSender<Timer>, UnboundedReceiver<Timer>),
    exports: (UnboundedSender<Exported>, UnboundedReceiver<Exported>),
    watch: Watch,
    title: String,
    next_frame: Instant,
    /// Until then a frame waits for a search.
    grace: Instant,
    ended: Option<String>,
    signal: Option<i32>,
    quit: bool,
    /// To be suspended once the loop comes round.
    suspend: bool,
}

/// The signals that matter to a program in a terminal.
struct Signals {
    hang_up: SignalStream,
    interrupt: SignalStream,
    quit: SignalStream,
    terminate: SignalStream,
    stop: SignalStream,
    go_on: SignalStream,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            stop: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
            go_on: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
        })
    }
}

impl Runner {
    fn new(local: Local, size: Size) -> anyhow::Result<Self> {
        let mut runner = Self {
            console: Console::new(local.settings, size, now()),
            theme: local.theme,
            canvas: screen::canvas(size.columns, size.rows)?,
            writer: Writer::start()?,
            handle: local.handle,
            link: local.link,
            searcher: Searcher::start()?,
            timers: unbounded_channel(),
            exports: unbounded_channel(),
            watch: local.watch,
            title: String::new(),
            next_frame: Instant::now(),
            grace: Instant::now(),
            ended: None,
            signal: None,
            quit: false,
            suspend: false,
        };
        if runner.console.has_mouse() {
            runner.say_aside(screen::mouse(true));
        }
        runner.update(Event::Link(LinkEvent::Up(local.welcome)));
        if let Some(script) = local.script {
            runner.update(Event::Script(script));
        }
        if let Some(notice) = local.notice {
            runner.update(Event::Notice(notice));
        }
        Ok(runner)
    }

    async fn run(mut self) -> anyhow::Result<Left> {
        let mut input = EventStream::new();
        let mut signals = Signals::new()?;
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut dirty = true;
        while !self.quit {
            if std::mem::take(&mut self.suspend) {
                suspend()?;
            }
            dirty |= self.console.take_dirty();
            let ready = dirty && !self.writer.is_busy();
            tokio::select! {
                biased;
                event = input.next() => match event {
                    Some(Ok(event)) => self.input(event)?,
                    // The terminal is gone; so is the rep. Sessions go on.
                    Some(Err(_)) | None => break,
                },
                () = sleep_until(self.frame_time()), if ready => {
                    self.frame()?;
                    dirty = false;
                }
                found = self.searcher.found() => match found {
                    Some(found) => self.update(Event::Found(found)),
                    None => anyhow::bail!("the search has failed; it cannot go on without it"),
                },
                Some(outcome) = self.exports.1.recv() => self.update(Event::Exported(outcome)),
                Some(timer) = self.timers.1.recv() => self.update(Event::Timer(timer)),
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
                _ = signals.hang_up.recv() => self.killed_by(Signal::HUP),
                _ = signals.interrupt.recv() => self.killed_by(Signal::INT),
                _ = signals.quit.recv() => self.killed_by(Signal::QUIT),
                _ = signals.terminate.recv() => self.killed_by(Signal::TERM),
                _ = signals.stop.recv() => suspend()?,
                _ = signals.go_on.recv() => self.resume()?,
            }
        }
        self.handle.close();
        let sessions = self.console.tabs().len();
        Ok(Left { sessions, ended: self.ended, signal: self.signal })
    }

    /// When the next frame may be drawn.
    fn frame_time(&self) -> Instant {
        if self.console.is_searching() { self.next_frame.max(self.grace) } else { self.next_frame }
    }

    /// Somebody wants this process to end: it does, with its terminal restored.
    fn killed_by(&mut self, signal: Signal) {
        self.signal = Some(signal.as_raw());
        self.quit = true;
    }

    fn input(&mut self, event: Input) -> anyhow::Result<()> {
        match event {
            Input::Key(event) => {
                if let Some(key) = keys::key(event) {
                    self.update(Event::Key(key));
                    self.grace = Instant::now() + GRACE;
                }
            }
            Input::Paste(text) => self.update(Event::Paste(text)),
            Input::Resize(columns, rows) => self.resize(Size { columns, rows })?,
            Input::Mouse(event) => {
                if let Some(mouse) = keys::mouse(event) {
                    self.update(Event::Mouse(mouse));
                }
            }
            Input::FocusGained | Input::FocusLost => {}
        }
        Ok(())
    }

    fn resize(&mut self, size: Size) -> anyhow::Result<()> {
        self.canvas = screen::canvas(size.columns, size.rows)?;
        self.canvas.clear()?;
        self.update(Event::Resize(size));
        Ok(())
    }

    /// Keys and theme follow their files.
    fn look_at_config(&mut self) {
        let Some(config) = self.watch.changed() else {
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
            match effect {
                Effect::Send(message) => self.handle.send(message),
                Effect::Search(job) => self.searcher.search(*job),
                Effect::After(delay, timer) => {
                    let timers = self.timers.0.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(delay).await;
                        let _ = timers.send(timer);
                    });
                }
                Effect::Copy(text) => self.say_aside(screen::copy(&text)),
                Effect::Mouse(ours) => self.say_aside(screen::mouse(ours)),
                Effect::Export(export) => {
                    let done = self.exports.0.clone();
                    tokio::task::spawn_blocking(move || done.send(export::run(&export)));
                }
                Effect::Suspend if has_shell() => self.suspend = true,
                Effect::Suspend => {
                    let text = "There is no shell here to go back to.".to_owned();
                    self.update(Event::Notice(text));
                }
                Effect::Redraw => {
                    // What the screen holds is unknown; an error shows at the next frame.
                    let _ = self.canvas.clear();
                }
                Effect::Quit => self.quit = true,
            }
        }
    }

    /// Says something to the terminal beside the cells: it goes out with the next frame.
    fn say_aside(&mut self, words: Vec<u8>) {
        self.canvas.backend_mut().aside(&words);
    }

    fn frame(&mut self) -> anyhow::Result<()> {
        self.update(Event::Frame);
        let title = self.console.title();
        if title != self.title {
            self.say_aside(screen::title(&title));
            self.title = title;
        }
        let time = Zoned::now().strftime("%H:%M").to_string();
        let (console, theme) = (&self.console, &self.theme);
        self.canvas.draw(|frame| draw(console, theme, &time, frame))?;
        let frame = self.canvas.backend_mut().take()?;
        self.writer.write(frame);
        self.next_frame = Instant::now() + FRAME;
        Ok(())
    }

    /// Back in the foreground: the terminal is taken over again and drawn anew.
    fn resume(&mut self) -> anyhow::Result<()> {
        screen::enter()?;
        if self.console.has_mouse() {
            self.say_aside(screen::mouse(true));
        }
        self.title.clear();
        let (columns, rows) = crossterm::terminal::size()?;
        self.resize(Size { columns, rows })
    }
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}
