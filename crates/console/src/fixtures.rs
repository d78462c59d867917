//! A console at a desk, for tests: effects are carried out at once, and what it sends is kept.

use crate::core::export::Export;
use crate::core::{Console, Effect, Event, LinkEvent, Settings, Timer, Welcome, search};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::{self, Frame};
use jumpdeck_protocol::inventory::*;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::{Permission, Permissions, PlaceRights};
use jumpdeck_protocol::session::*;
use jumpdeck_protocol::*;
use jumpdeck_terminal::key::Key;
use std::sync::Arc;

/// 2026-03-02T14:03:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_772_460_180);

/// What a console asked of its appliance.
#[derive(Debug, PartialEq)]
pub(crate) enum Sent {
    Request(RequestId, RepRequest),
    Notice(RepNotice),
    Input(ChannelId, Vec<u8>),
    Credit(ChannelId),
}

/// The console and what it did.
pub(crate) struct Desk {
    pub console: Console,
    pub sent: Vec<Sent>,
    pub quit: bool,
    /// Searches take their time: they are kept here until they are let go.
    pub held: Option<Vec<search::Job>>,
    /// What went into the clipboard.
    pub copied: Vec<String>,
    /// What is to be written to files.
    pub exports: Vec<Export>,
    /// Requests that a test has answered by their ids.
    pub answered: Vec<RequestId>,
    /// Times it asked whether the appliance is there.
    pub probes: usize,
    /// Times it rang the terminal's bell.
    pub bells: usize,
    /// What it wants to come back to.
    pub timers: Vec<Timer>,
    /// Clocks that it started.
    pub clocks: Vec<u64>,
}

impl Desk {
    /// A console on a terminal of this size, without a link.
    pub(crate) fn new(columns: u16, rows: u16) -> Self {
        let console = Console::new(Settings::default(), Size { columns, rows }, NOW);
        Self {
            console,
            sent: Vec::new(),
            quit: false,
            held: None,
            copied: Vec::new(),
            exports: Vec::new(),
            answered: Vec::new(),
            probes: 0,
            bells: 0,
            timers: Vec::new(),
            clocks: Vec::new(),
        }
    }

    /// A console that is linked and has the sample inventory.
    pub(crate) fn linked(columns: u16, rows: u16) -> Self {
        let mut desk = Self::new(columns, rows);
        desk.link_up();
        desk.notice(ApplianceNotice::Preferences(Box::default()));
        desk.notice(ApplianceNotice::Inventory(sample()));
        desk.notice(ApplianceNotice::Presence { all: true, changes: presence(), position: None });
        desk.settle();
        desk
    }

    pub(crate) fn link_up(&mut self) {
        let welcome = Welcome {
            username: "alice".into(),
            address: "support.example.com:8443".into(),
            url: "https://support.example.com:8443".into(),
            embedded: false,
            user: UserId(1),
            first: None,
            idle_lock: None,
            plain: false,
        };
        self.event(Event::Link(LinkEvent::Up(welcome)));
    }

    pub(crate) fn link_down(&mut self) {
        let reason = "the other side closed the link".into();
        self.event(Event::Link(LinkEvent::Down { reason }));
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.carry_out(event);
        self.carry_out(Event::Frame);
    }

    fn carry_out(&mut self, event: Event) {
        for effect in self.console.update(event) {
            match effect {
                Effect::Send(message) => self.sent.push(read(message)),
                Effect::Search(job) => match &mut self.held {
                    Some(held) => held.push(*job),
                    None => self.event(Event::Found(search::run(*job))),
                },
                Effect::After(_, timer) => self.timers.push(timer),
                Effect::Clock(_, clock) => self.clocks.push(clock),
                Effect::Probe => self.probes += 1,
                Effect::Quit => self.quit = true,
                Effect::Copy(text) => self.copied.push(text),
                Effect::Export(export) => self.exports.push(*export),
                Effect::Bell => self.bells += 1,
                Effect::Mouse(_) | Effect::Redraw | Effect::Suspend => {}
            }
        }
    }

    pub(crate) fn notice(&mut self, notice: ApplianceNotice) {
        self.event(Event::Link(LinkEvent::Notice(notice)));
    }

    /// Lets the timers run out.
    pub(crate) fn settle(&mut self) {
        let watches = |timer: &Timer| matches!(timer, Timer::Watch(_));
        while let Some(at) = self.timers.iter().rposition(watches) {
            let timer = self.timers.remove(at);
            self.event(Event::Timer(timer));
        }
    }

    /// Presses keys: named ones in angle brackets, the rest as they stand.
    pub(crate) fn press(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (key, after): (Key, &str) =
                match rest.strip_prefix('<').and_then(|r| r.split_once('>')) {
                    Some((name, after)) => (name.parse().unwrap(), after),
                    None => (Key::char(first), &rest[first.len_utf8()..]),
                };
            self.event(Event::Key(key));
            rest = after;
        }
        self.settle();
        self
    }

    /// The last request that the rep asked for, and its id.
    pub(crate) fn last_request(&self) -> (RequestId, &RepRequest) {
        let requests = self.sent.iter().rev();
        let mut requests = requests.filter_map(|sent| match sent {
            // What the console asks by itself.
            Sent::Request(
                _,
                RepRequest::History(request::History { .. })
                | RepRequest::SavePreferences(request::SavePreferences { .. }),
            ) => None,
            Sent::Request(id, request) => Some((*id, request)),
            _ => None,
        });
        requests.next().expect("a request was sent")
    }

    /// The edits that wait for an answer.
    pub(crate) fn unanswered(&self) -> Vec<RequestId> {
        let edits = self.sent.iter().filter_map(|sent| match sent {
            Sent::Request(id, RepRequest::EditItems(request::EditItems { .. })) => Some(*id),
            _ => None,
        });
        edits.filter(|id| !self.answered.contains(id)).collect()
    }

    /// The last question for an item's history.
    pub(crate) fn last_history(&self) -> (RequestId, ItemId) {
        let mut asked = self.sent.iter().rev().filter_map(|sent| match sent {
            Sent::Request(id, RepRequest::History(request::History { item })) => Some((*id, *item)),
            _ => None,
        });
        asked.next().expect("a history was asked for")
    }

    pub(crate) fn reply(&mut self, outcome: Outcome<RepReply>) {
        let (id, _) = self.last_request();
        self.event(Event::Link(LinkEvent::Reply(id, outcome)));
    }

    /// The appliance starts the session that was asked for, and its agent attaches it.
    pub(crate) fn grant_session(&mut self, session: u64) -> ChannelId {
        let (_, request) = self.last_request();
        let RepRequest::StartSession(request::StartSession { item, .. }) = request else {
            panic!("a session was asked for");
        };
        let view = self.session(session, *item);
        let channel = view.channels[0].id;
        self.reply(Outcome::Ok(RepReply::SessionStarted(view)));
        self.attached(channel, 0, 0);
        channel
    }

    pub(crate) fn session(&self, session: u64, item: ItemId) -> SessionView {
        let name = self.console.inventory().name(item).map(str::to_owned);
        SessionView {
            id: SessionId(session),
            item,
            item_name: name.unwrap_or_default(),
            started: NOW,
            channels: vec![ChannelView {
                id: ChannelId(100 + session),
                errors: None,
                family: Family::Terminal,
                attached: false,
                recorded: false,
            }],
            owner: UserId(1),
            participants: vec![Participant {
                user: UserId(1),
                name: "alice".into(),
                part: Part::Owner,
                here: true,
            }],
            terms: Terms { recording: true, ..Terms::default() },
            pinned: true,
        }
    }

    pub(crate) fn attached(&mut self, channel: ChannelId, from: u64, input_received: u64) {
        let last = self.sent.iter().rev().find_map(|sent| match sent {
            Sent::Notice(RepNotice::Channel(ChannelOrder::Attach {
                channel: of, attempt, ..
            })) if *of == channel => Some(*attempt),
            _ => None,
        });
        let report = ChannelReport::Attached {
            attempt: last.unwrap_or_default(),
            channel,
            from,
            end: from,
            input_received,
            input_limit: 1 << 20,
        };
        self.notice(ApplianceNotice::Channel(report));
    }

    /// Seconds pass.
    pub(crate) fn tick(&mut self, seconds: i64) {
        let now = Timestamp(self.console.now().0 + seconds);
        self.event(Event::Tick(now));
    }

    /// Who types in a channel of another rep, and how large its terminal is.
    pub(crate) fn sized(&mut self, channel: ChannelId, who: Option<&str>, size: Size) {
        let state = ChannelState {
            size: Some(size),
            keyboard: who.map(Into::into),
            yours: false,
            consoles: 2,
            recording: RecordingState::On,
            fitted: false,
        };
        self.notice(ApplianceNotice::ChannelState { channel, state });
    }

    /// Whether a channel of ours can be recorded.
    pub(crate) fn recording(&mut self, channel: ChannelId, recording: RecordingState) {
        let keyboard = Some("alice".into());
        let state = ChannelState {
            size: None,
            keyboard,
            yours: true,
            consoles: 1,
            recording,
            fitted: false,
        };
        self.notice(ApplianceNotice::ChannelState { channel, state });
    }

    /// Who types in a channel that two consoles show.
    pub(crate) fn channel_state(&mut self, channel: ChannelId, who: Option<&str>, yours: bool) {
        let state = ChannelState {
            size: None,
            keyboard: who.map(Into::into),
            yours,
            consoles: 2,
            recording: RecordingState::On,
            fitted: false,
        };
        self.notice(ApplianceNotice::ChannelState { channel, state });
    }

    pub(crate) fn output(&mut self, channel: ChannelId, offset: u64, text: &str) {
        let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        self.event(Event::Link(LinkEvent::Data { channel, offset, bytes }));
    }

    /// All that was typed into a channel, in order.
    pub(crate) fn typed(&self, channel: ChannelId) -> String {
        let inputs = self.sent.iter().filter_map(|sent| match sent {
            Sent::Input(to, bytes) if *to == channel => Some(bytes.clone()),
            _ => None,
        });
        String::from_utf8(inputs.flatten().collect()).unwrap()
    }

    /// The name of the selected item.
    pub(crate) fn selected(&self) -> String {
        let row = self.console.jump_screen().row();
        row.map(|item| item.name().to_owned()).unwrap_or_default()
    }

    /// The names in the list.
    pub(crate) fn listed(&self) -> Vec<String> {
        self.console.jump_screen().fitting.iter().map(|item| item.name().to_owned()).collect()
    }

    /// The last message.
    pub(crate) fn said(&self) -> String {
        self.console
            .messages()
            .all()
            .next_back()
            .map(|message| message.text.clone())
            .unwrap_or_default()
    }
}

fn read(message: bytes::Bytes) -> Sent {
    match Frame::decode(message).unwrap() {
        Frame::Data { channel, bytes, .. } => Sent::Input(channel, bytes.to_vec()),
        Frame::Credit { channel, .. } => Sent::Credit(channel),
        Frame::Control(body) => {
            match control::decode::<RepRequest, Never, RepNotice>(&body).unwrap() {
                Received::Known(Control::Request { id, body }) => Sent::Request(id, body),
                Received::Known(Control::Notice { body }) => Sent::Notice(body),
                other => panic!("a console does not send {other:?}"),
            }
        }
    }
}

const fn group(id: u64) -> Place {
    Place::JumpGroup(JumpGroupId(id))
}

fn item(id: u64, name: &str, place: Place, tag: &str, host: &str) -> ItemView {
    ItemView {
        id: ItemId(id),
        revision: Revision(id),
        name: name.into(),
        place,
        tag: tag.into(),
        comments: if id == 1 { "Front office support".into() } else { "".into() },
        method: JumpMethod::JumpClient,
        created: NOW,
        facts: Facts {
            hostname: host.into(),
            fqdn: format!("{}.example.com", host.to_lowercase()).into(),
            domain: "example.com".into(),
            operating_system: "Debian GNU/Linux 12 (bookworm)".into(),
            private_ip: format!("10.14.3.{id}").into(),
            gateway: "10.14.3.254".into(),
            gateway_mac: "02:00:00:00:00:01".into(),
            mac: format!("02:00:00:00:01:{id:02x}").into(),
            version: "0.1.0".into(),
            console_user: "m.chen".into(),
            install_mode: InstallMode::Service,
            processors: 4,
            memory: 8 << 30,
        },
        public_ip: "203.0.113.7".into(),
        ..ItemView::default()
    }
}

/// The items of the guide, with names that are hard to show.
pub(crate) fn sample() -> InventoryPart {
    InventoryPart {
        reset: true,
        groups: vec![
            GroupView { id: JumpGroupId(1), name: "TechCom".into() },
            GroupView { id: JumpGroupId(2), name: "Web Servers".into() },
            GroupView { id: JumpGroupId(3), name: "Directory Servers".into() },
        ],
        gone_groups: vec![],
        items: [
            item(1, "Front Office", group(1), "office", "TC-FRONT-01"),
            item(2, "Defend01", group(1), "", "TC-DEFEND01"),
            item(3, "Red05", group(1), "", "LS-RED05"),
            item(4, "東京サーバー", group(2), "日本", "TYO-WEB-01"),
            item(5, "Café e\u{301}té 🙂", group(2), "web", "PAR-WEB-02"),
            item(6, "ev\u{202e}il\x1b[31m", group(2), "web", "XSS-01"),
            item(7, "My Laptop", Place::Personal(UserId(1)), "", "laptop"),
        ]
        .map(Arc::new)
        .to_vec(),
        gone: vec![],
        position: Some(Position { epoch: "e".into(), revision: Revision(7) }),
    }
}

pub(crate) fn presence() -> Vec<Presence> {
    let presence = |id, status, ago| Presence {
        item: ItemId(id),
        status,
        since: Some(Timestamp(NOW.0 - ago)),
    };
    vec![
        presence(1, Status::Online, 31_200),
        presence(2, Status::InUse, 600),
        presence(3, Status::Offline, 200_000),
        presence(4, Status::Online, 60),
        presence(5, Status::Online, 60),
        presence(7, Status::Online, 60),
    ]
}

pub(crate) fn statistics(cpu: f32) -> Statistics {
    Statistics {
        cpu,
        memory_used: 3 << 30,
        memory_total: 8 << 30,
        disk_used: 81,
        disk_total: 100,
        uptime: 1_051_200,
        console_user: "m.chen".into(),
    }
}

/// What the rep may do everywhere.
pub(crate) fn rights(permitted: &[Permission]) -> ApplianceNotice {
    let rights = |place, owner: Option<&str>| PlaceRights {
        jump_policy: None,
        place,
        owner: owner.map(Into::into),
        role: "Support".into(),
        because: "the user's Default slot names the role".into(),
        permitted: Permissions::of(permitted),
    };
    let groups = (1..=3).map(|id| rights(group(id), None));
    let own = rights(Place::Personal(UserId(1)), Some("alice"));
    ApplianceNotice::Rights { places: groups.chain([own]).collect(), more: false }
}

/// A credit message for a channel's input.
pub(crate) fn credit(channel: ChannelId, received: u64, limit: u64) -> Event {
    match Frame::decode(frame::credit(channel, received, limit)).unwrap() {
        Frame::Credit { channel, received, limit } => {
            Event::Link(LinkEvent::Credit { channel, received, limit })
        }
        other => panic!("{other:?}"),
    }
}
