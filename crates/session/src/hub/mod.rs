//! A channel's hub: one agent, the consoles that show its program, and the one who listens besides.
//!
//! Towards the agent the hub is one console: it says where output is to go on, and gives credit for
//! what those have who must not miss a byte: the console that types, and the recording. Consoles
//! that only watch slow nobody: one that falls behind gets a picture of the terminal and goes on
//! from there. Pure state; messages leave through the ways it owns.

mod coming;
mod recorded;
mod size;
mod subscriber;
mod telling;
#[cfg(test)]
mod tests;
mod typing;

use bytes::Bytes;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport, Keyboard, Size};
use jumpdeck_protocol::{ChannelId, LinkId, RefusalCode, UserId, frame, limits};
use jumpdeck_terminal::ScreenPicture;
use recorded::Written;
use subscriber::{Phase, Subscriber};

/// The way to a console.
pub trait ToConsole {
    /// A data or credit message, unchanged.
    fn frame(&self, message: Bytes);
    /// Anything else.
    fn tell(&self, notice: ApplianceNotice);
    /// Whether nobody is there any more.
    fn is_closed(&self) -> bool;
}

/// The way to the agent.
pub trait ToMachine {
    /// The agent's link.
    fn link(&self) -> LinkId;
    /// A data or credit message.
    fn frame(&self, message: Bytes);
    /// An order about the channel.
    fn order(&self, order: ChannelOrder);
}

/// A consumer that takes the output exactly once and in order.
#[derive(Clone, Copy, Debug)]
struct Listener {
    /// It has everything before this.
    taken: u64,
}

impl Listener {
    /// The part of some bytes at `offset` that is new.
    fn take<'b>(&mut self, offset: u64, bytes: &'b Bytes) -> Option<&'b [u8]> {
        let end = offset + as_u64(bytes.len());
        let skip = usize::try_from(self.taken.checked_sub(offset)?).ok()?;
        let new = bytes.get(skip..).filter(|new| !new.is_empty())?;
        self.taken = end;
        Some(new)
    }
}

/// What is new in the output, for those who listen.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard<'b> {
    /// To be recorded, with where it begins.
    pub record: Option<(u64, &'b [u8])>,
    /// To be looked through for commands, with where it begins.
    pub watch: Option<(u64, &'b [u8])>,
    /// More came than was allowed.
    pub violated: bool,
}

/// One channel's hub.
#[derive(Debug)]
pub struct Hub<W, M> {
    channel: ChannelId,
    /// The way to the agent, while it is linked.
    agent: Option<M>,
    /// The end of what came since the agent last said where it goes on; nothing before it did.
    run: Option<u64>,
    /// Attaches it has not answered.
    attaching: u32,
    /// The last limit it was given.
    granted: u64,
    window: u64,
    recording: Option<Written>,
    /// Looks for commands.
    watcher: Listener,
    screen: Option<(ScreenPicture, Listener)>,
    size: Option<Size>,
    /// The size the agent got last.
    told: Option<Size>,
    /// Somebody attached while the answer to another attach was awaited.
    again: bool,
    subscribers: Vec<Subscriber<W>>,
    keyboard: Option<LinkId>,
    /// Where the console stands that typed and is expected back: nothing more than its window runs
    /// ahead of it.
    held: Option<u64>,
    /// Whose panes alone count for the terminal's size, and which of them before the others;
    /// nobody's: all do.
    fitted: Option<(UserId, LinkId)>,
}

impl<W: ToConsole, M: ToMachine> Hub<W, M> {
    /// A hub without consoles and without an agent.
    pub const fn new(channel: ChannelId, size: Option<Size>) -> Self {
        Self {
            channel,
            agent: None,
            run: None,
            attaching: 0,
            granted: 0,
            window: limits::SHELL_WINDOW,
            recording: None,
            watcher: Listener { taken: 0 },
            screen: None,
            size,
            told: None,
            again: false,
            subscribers: Vec::new(),
            keyboard: None,
            held: None,
            fitted: None,
        }
    }

    /// Commands are looked for from this byte on.
    pub const fn watch_from(&mut self, offset: u64) {
        self.watcher = Listener { taken: offset };
    }

    /// The console that had everything before this typed, and is expected back.
    pub const fn hold_from(&mut self, received: u64) {
        self.held = Some(received);
    }

    /// Whether a console is expected back.
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Nobody is expected back any more: the output goes on without a console.
    pub fn let_go(&mut self) {
        if self.held.take().is_some() {
            self.give_credit();
        }
    }

    /// Whether a console shows it.
    pub const fn is_shown(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// Whether this console shows it.
    pub fn has_subscriber(&self, link: LinkId) -> bool {
        self.subscribers.iter().any(|subscriber| subscriber.link == link)
    }

    /// How far the output came.
    pub const fn position(&self) -> Option<u64> {
        self.run
    }

    fn subscriber(&self, link: LinkId) -> Option<&Subscriber<W>> {
        self.subscribers.iter().find(|subscriber| subscriber.link == link)
    }

    /// A console shows the channel.
    pub fn attach(
        &mut self,
        console: Console<W>,
        AttachRequest { received, window, keyboard, attempt }: AttachRequest,
    ) {
        let link = console.link;
        let size = self.subscriber(link).and_then(|subscriber| subscriber.size);
        self.subscribers.retain(|subscriber| subscriber.link != link);
        match keyboard {
            Keyboard::Take => self.keyboard = Some(link),
            Keyboard::IfFree if self.keyboard.is_none() => self.keyboard = Some(link),
            Keyboard::Watch if self.keyboard == Some(link) => self.keyboard = None,
            Keyboard::IfFree | Keyboard::Watch => {}
        }
        let types = self.keyboard == Some(link);
        if types {
            self.held = None;
        }
        let most = if types { limits::BULK_WINDOW } else { limits::WATCHER_WINDOW };
        let window = window.clamp(1, most);
        self.subscribers.push(Subscriber::new(console, received, window, attempt, size));
        match self.agent {
            // One who only watches does not make the others wait again and again.
            Some(_) if self.attaching > 0 && !types => self.again = true,
            Some(_) => self.begin(),
            None => {
                self.tell(
                    link,
                    ApplianceNotice::AgentLink { channel: self.channel, linked: false },
                );
            }
        }
        self.tell_state();
    }

    /// Asks the agent for output from where the one stands that lacks most.
    fn begin(&mut self) {
        let Some(agent) = &self.agent else {
            return;
        };
        let types = |subscriber: &Subscriber<W>| self.keyboard == Some(subscriber.link);
        let typing = self.subscribers.iter().find(|subscriber| types(subscriber));
        self.window = typing.map_or(limits::SHELL_WINDOW, |subscriber| subscriber.window);
        let pictured = self.screen.is_some() || self.subscribers.iter().all(types);
        let received = if pictured { self.lowest() } else { None };
        self.attaching += 1;
        for subscriber in &mut self.subscribers {
            subscriber.asked = true;
        }
        let (channel, window) = (self.channel, self.window);
        let (keyboard, attempt) = (Keyboard::Take, self.attaching);
        agent.order(ChannelOrder::Attach { channel, received, window, keyboard, attempt });
    }

    /// Where the one stands that lacks most; nothing if one lacks everything.
    fn lowest(&self) -> Option<u64> {
        let mut lowest = u64::MAX;
        for subscriber in &self.subscribers {
            lowest = match subscriber.stand {
                Phase::Waiting { wanted: None } => return None,
                // Nobody knows how far the output came: who only watches may claim what it likes.
                Phase::Waiting { .. }
                    if self.run.is_none() && self.keyboard != Some(subscriber.link) =>
                {
                    return None;
                }
                Phase::Waiting { wanted: Some(wanted) } => lowest.min(wanted),
                Phase::Live if !subscriber.behind => lowest.min(subscriber.sent),
                Phase::Live | Phase::Idle => lowest,
            };
        }
        // What the file lacks must come again if the appliance ends before it is written.
        let recorded = self.recording.as_ref().map(|recording| recording.written);
        let pictured = self.screen.as_ref().map(|(_, listener)| listener.taken);
        let watched = self.recording.as_ref().map(|_| self.watcher.taken);
        let others = [recorded, pictured, watched, self.held];
        let lowest = others.into_iter().flatten().fold(lowest, u64::min);
        (lowest < u64::MAX).then_some(lowest)
    }

    /// The agent says where it goes on.
    fn attached(&mut self, from: u64, end: u64, input: (u64, u64)) {
        self.attaching = self.attaching.saturating_sub(1);
        if self.attaching > 0 {
            return;
        }
        self.run = Some(from);
        self.granted = from.saturating_add(self.window);
        if let Some(recording) = &mut self.recording {
            recording.listener.taken = recording.listener.taken.max(from);
        }
        self.watcher.taken = self.watcher.taken.max(from);
        let watched =
            self.subscribers.iter().any(|subscriber| self.keyboard != Some(subscriber.link));
        let lost = self.screen.as_ref().is_some_and(|(_, listener)| listener.taken < from);
        if watched && (lost || self.screen.is_none()) {
            let screen = ScreenPicture::new(self.size.unwrap_or(Size { columns: 80, rows: 24 }));
            self.screen = Some((screen, Listener { taken: from }));
        }
        let channel = self.channel;
        let mut liars = Vec::new();
        for subscriber in &mut self.subscribers {
            let Phase::Waiting { wanted } = subscriber.stand else {
                continue;
            };
            if !subscriber.asked {
                continue;
            }
            let from = wanted.unwrap_or(from).max(from);
            if from > end {
                liars.push(subscriber.link);
                continue;
            }
            subscriber.go_on(from);
            let attempt = subscriber.attempt;
            let types = self.keyboard == Some(subscriber.link);
            let (input_received, input_limit) = if types { input } else { (input.0, input.0) };
            let report = ChannelReport::Attached {
                channel,
                attempt,
                from,
                end,
                input_received,
                input_limit,
            };
            subscriber.way.tell(ApplianceNotice::Channel(report));
        }
        for link in liars {
            let refusal = RefusalCode::ProtocolViolation.because("more was claimed than was sent");
            self.tell(link, ApplianceNotice::Channel(ChannelReport::Gone { channel, refusal }));
            self.subscribers.retain(|subscriber| subscriber.link != link);
            self.keyboard = self.keyboard.filter(|other| *other != link);
        }
        if std::mem::take(&mut self.again) {
            self.begin();
        }
    }

    /// An agent reports on its link. What concerns those who are attached is passed on.
    pub fn report(&mut self, link: LinkId, report: &ChannelReport) {
        if !self.is_agent(link) {
            return;
        }
        match report {
            ChannelReport::Attached { from, end, input_received, input_limit, .. } => {
                self.attached(*from, *end, (*input_received, *input_limit));
            }
            ChannelReport::Exited { .. } | ChannelReport::Echo { .. } => {
                for subscriber in
                    self.subscribers.iter().filter(|subscriber| subscriber.stand == Phase::Live)
                {
                    subscriber.way.tell(ApplianceNotice::Channel(report.clone()));
                }
            }
            ChannelReport::Gone { .. } => self.tell_all(&ApplianceNotice::Channel(report.clone())),
        }
    }

    /// Output that came on an agent's link. Returns what is new for those who listen.
    pub fn output<'b>(
        &mut self,
        link: LinkId,
        offset: u64,
        bytes: &'b Bytes,
        message: &Bytes,
    ) -> Heard<'b> {
        let mut heard = Heard::default();
        let end = offset.saturating_add(as_u64(bytes.len()));
        // What an earlier run still delivers comes again; after a gap, the agent will be asked.
        if !self.is_agent(link)
            || self.attaching > 0
            || self.run.is_none_or(|run| offset > run || end <= run)
        {
            return heard;
        }
        if end > self.granted {
            heard.violated = true;
            return heard;
        }
        self.run = Some(end);
        if let Some(recording) = &mut self.recording {
            let before = recording.listener.taken;
            heard.record = recording.listener.take(offset, bytes).map(|new| (before, new));
        }
        let before = self.watcher.taken;
        heard.watch = self.watcher.take(offset, bytes).map(|new| (before, new));
        if let Some((screen, listener)) = &mut self.screen
            && let Some(new) = listener.take(offset, bytes)
        {
            screen.take(new);
        }
        let keyboard = self.keyboard;
        for subscriber in &mut self.subscribers {
            subscriber.pass(offset, end, message, keyboard == Some(subscriber.link));
        }
        self.catch_up();
        self.give_credit();
        heard
    }

    /// A console has output and takes more.
    pub fn credited(&mut self, link: LinkId, received: u64, limit: u64) {
        let Some(subscriber) =
            self.subscribers.iter_mut().find(|subscriber| subscriber.link == link)
        else {
            return;
        };
        subscriber.credit(received, limit);
        self.catch_up();
        self.give_credit();
    }

    /// Those who fell behind and have what they were sent get a picture.
    fn catch_up(&mut self) {
        let keyboard = self.keyboard;
        let Some((screen, listener)) = &mut self.screen else {
            return;
        };
        let behind = |subscriber: &&mut Subscriber<W>| {
            subscriber.may_catch_up() && keyboard != Some(subscriber.link)
        };
        for subscriber in self.subscribers.iter_mut().filter(behind) {
            let bytes = screen.picture();
            let (channel, offset, size) = (self.channel, listener.taken, screen.size());
            subscriber.go_on(offset);
            subscriber.way.tell(ApplianceNotice::Picture { channel, offset, size, bytes });
        }
    }

    /// Lets the agent send as much as those take who must not miss a byte.
    fn give_credit(&mut self) {
        let (Some(run), Some(agent), 0) = (self.run, &self.agent, self.attaching) else {
            return;
        };
        if self.subscribers.is_empty() && self.recording.is_none() {
            return;
        }
        let (mut received, mut limit) = (run, run.saturating_add(self.window));
        if let Some(recording) = &self.recording {
            received = received.min(recording.written);
            limit = limit.min(recording.written.saturating_add(limits::RECORDING_WINDOW));
        }
        if let Some(subscriber) =
            self.subscribers.iter().find(|subscriber| self.keyboard == Some(subscriber.link))
        {
            if subscriber.stand != Phase::Live {
                return;
            }
            received = received.min(subscriber.received);
            limit = limit.min(subscriber.limit);
        } else if let Some(held) = self.held {
            received = received.min(held);
            limit = limit.min(held.saturating_add(self.window));
        }
        let more = limit.saturating_sub(self.granted);
        if more >= limits::least_ahead(self.window) / 4 || (more > 0 && run >= self.granted) {
            self.granted = limit;
            agent.frame(frame::credit(self.channel, received, limit));
        }
    }
}

/// What a console that attaches asks for.
#[derive(Clone, Copy, Debug)]
pub struct AttachRequest {
    /// Where it stands; nothing if it has seen nothing.
    pub received: Option<u64>,
    /// How many bytes may be under way to it.
    pub window: u64,
    pub keyboard: Keyboard,
    pub attempt: u32,
}

/// A console that is about to show a channel.
#[derive(Debug)]
pub struct Console<W> {
    pub link: LinkId,
    pub user: UserId,
    pub name: Box<str>,
    pub way: W,
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
