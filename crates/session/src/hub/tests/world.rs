//! A world of one hub: an agent, consoles and a recording, with everything that is under way.

use super::super::*;
use jumpdeck_protocol::endpoint::Endpoint;
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::stream::{Accept, ReceiveStream, SendStream};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

pub(super) const CHANNEL: ChannelId = ChannelId(1);
pub(in crate::hub) const WINDOW: u64 = 64;
pub(super) const SIZE: Size = Size { columns: 20, rows: 4 };

/// What is on its way in one direction.
#[derive(Debug)]
pub(super) enum Wire {
    Frame(Bytes),
    Order(ChannelOrder),
    Report(ChannelReport),
    Notice(ApplianceNotice),
}

#[derive(Clone, Debug, Default)]
pub(in crate::hub) struct Way(Rc<RefCell<VecDeque<Wire>>>, u64);

impl Way {
    pub(super) fn put(&self, wire: Wire) {
        self.0.borrow_mut().push_back(wire);
    }

    pub(super) fn next(&self) -> Option<Wire> {
        self.0.borrow_mut().pop_front()
    }

    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

impl ToConsole for Way {
    fn frame(&self, message: Bytes) {
        self.put(Wire::Frame(message));
    }

    fn tell(&self, notice: ApplianceNotice) {
        self.put(Wire::Notice(notice));
    }

    fn is_closed(&self) -> bool {
        false
    }
}

impl ToMachine for Way {
    fn link(&self) -> LinkId {
        LinkId(self.1)
    }

    fn frame(&self, message: Bytes) {
        self.put(Wire::Frame(message));
    }

    fn order(&self, order: ChannelOrder) {
        self.put(Wire::Order(order));
    }
}

/// A console with what it got and what it typed.
pub(super) struct Desk {
    pub(super) endpoint: Endpoint,
    /// Output since the first attach, where this console has missed nothing.
    pub(super) got: Vec<u8>,
    pub(super) screen: ScreenPicture,
    pub(super) link: u64,
    pub(super) linked: bool,
    pub(super) down: Way,
    pub(super) up: Way,
}

/// The agent, the hub, the recording, and two consoles.
pub(super) struct World {
    pub(super) output: SendStream,
    pub(super) input: ReceiveStream,
    pub(super) wrote: Vec<u8>,
    pub(super) read: Vec<u8>,
    pub(super) typed: Vec<u8>,
    pub(super) agent_linked: bool,
    pub(super) to_agent: Way,
    pub(super) from_agent: Way,
    /// What former links of the agent had still to say, with the last one's number.
    pub(super) late: VecDeque<(LinkId, Wire)>,
    pub(super) agents: u64,
    pub(super) hub: Hub<Way, Way>,
    pub(super) recorded: bool,
    /// The recording: in the file, and given to it but not written yet.
    pub(super) file: Vec<u8>,
    pub(super) waiting: Vec<u8>,
    pub(super) desks: [Desk; 2],
    pub(super) links: u64,
}

/// The byte that is at a place: letters, so that a screen shows them.
pub(super) fn byte_at(place: usize) -> u8 {
    match place % 23 {
        21 => b'\r',
        22 => b'\n',
        _ => b'a' + u8::try_from(place.wrapping_mul(2_654_435_761) >> 7 & 15).unwrap(),
    }
}

impl World {
    pub(super) fn new(recorded: bool) -> Self {
        let desk = |wish| Desk {
            endpoint: Endpoint::wishing(CHANNEL, WINDOW, wish),
            got: Vec::new(),
            screen: ScreenPicture::new(SIZE),
            link: 0,
            linked: false,
            down: Way::default(),
            up: Way::default(),
        };
        let mut world = Self {
            output: SendStream::new(4096, 4096),
            input: ReceiveStream::new(WINDOW),
            wrote: Vec::new(),
            read: Vec::new(),
            typed: Vec::new(),
            agent_linked: false,
            to_agent: Way::default(),
            from_agent: Way::default(),
            late: VecDeque::new(),
            agents: 0,
            hub: Hub::new(CHANNEL, Some(SIZE)),
            recorded,
            file: Vec::new(),
            waiting: Vec::new(),
            desks: [desk(Keyboard::Take), desk(Keyboard::Watch)],
            links: 0,
        };
        if recorded {
            world.hub.record_from(0);
        }
        world
    }

    pub(super) fn print(&mut self, count: usize) {
        let count = count.min(self.output.room());
        let bytes: Vec<u8> = (0..count).map(|n| byte_at(self.wrote.len() + n)).collect();
        self.wrote.extend_from_slice(&bytes);
        self.output.write(&bytes);
        self.pump();
    }

    pub(super) fn pump(&mut self) {
        while self.agent_linked
            && let Some((offset, bytes)) = self.output.take(9)
        {
            self.from_agent.put(Wire::Frame(frame::data(CHANNEL, offset, &bytes)));
        }
    }

    /// Anyone who has the keyboard types.
    pub(super) fn type_in(&mut self, count: usize) {
        let [first, second] = &mut self.desks;
        let desk = if first.endpoint.types() { first } else { second };
        if !desk.endpoint.types() {
            return;
        }
        let bytes: Vec<u8> = (0..count).map(|n| byte_at(self.typed.len() + n)).collect();
        self.typed.extend_from_slice(&bytes);
        desk.endpoint.write(&bytes);
        desk.flush();
    }

    pub(super) fn link_console(&mut self, which: usize) {
        self.links += 1;
        let link = self.links;
        let desk = &mut self.desks[which];
        if !desk.linked {
            desk.linked = true;
            desk.link = link;
            desk.up.put(Wire::Order(desk.endpoint.attach()));
        }
    }

    pub(super) fn cut_console(&mut self, which: usize) {
        let desk = &mut self.desks[which];
        desk.linked = false;
        desk.down.clear();
        desk.up.clear();
        desk.endpoint.link_lost();
        self.hub.detach(self.desks[which].link.into_link());
    }

    pub(super) fn link_agent(&mut self) {
        if !self.agent_linked {
            self.agent_linked = true;
            self.new_agent_link();
            self.hub.agent_is(Some(self.to_agent.clone()));
        }
    }

    fn new_agent_link(&mut self) {
        self.agents += 1;
        (self.to_agent, self.from_agent) = (Way(Rc::default(), self.agents), Way::default());
    }

    /// What was on its way from the agent may come after its next link was made, or never.
    fn agent_link_ends(&mut self) {
        let link = LinkId(self.agents);
        self.late.extend(std::iter::from_fn(|| self.from_agent.next()).map(|wire| (link, wire)));
        self.output.detach();
    }

    /// The agent comes back on a new link before the end of its former one was seen.
    pub(super) fn replace_agent(&mut self) {
        if self.agent_linked {
            self.agent_link_ends();
            self.new_agent_link();
            self.hub.agent_is(Some(self.to_agent.clone()));
        }
    }

    pub(super) fn cut_agent(&mut self) {
        if self.agent_linked {
            self.agent_linked = false;
            self.agent_link_ends();
            self.to_agent.clear();
            self.hub.agent_is(None);
        }
    }

    /// The appliance is killed: what was not in the file yet is gone, and so is the hub.
    pub(super) fn restart(&mut self) {
        self.waiting.clear();
        self.cut_agent();
        self.late.clear();
        self.hub = Hub::new(CHANNEL, Some(SIZE));
        if self.recorded {
            self.hub.record_from(self.file.len() as u64);
            self.hub.hold_from(self.file.len() as u64);
        }
        for desk in &mut self.desks {
            desk.linked = false;
            desk.down.clear();
            desk.up.clear();
            desk.endpoint.link_lost();
        }
    }

    /// The recorder writes what waits.
    pub(super) fn flush_recording(&mut self) {
        self.file.append(&mut self.waiting);
        if self.recorded {
            self.hub.written(self.file.len() as u64);
        }
    }

    /// The appliance takes the next message of a console.
    pub(super) fn deliver_up(&mut self, which: usize) {
        let desk = &self.desks[which];
        let link = desk.link.into_link();
        match desk.up.next() {
            Some(Wire::Order(ChannelOrder::Attach {
                received, window, keyboard, attempt, ..
            })) => {
                let name = format!("desk {which}").into();
                let user = UserId(which as u64 + 1);
                let console = Console { link, user, name, way: desk.down.clone() };
                let wish = AttachRequest { received, window, keyboard, attempt };
                self.hub.attach(console, wish);
            }
            Some(Wire::Frame(message)) => match Frame::decode(message.clone()).unwrap() {
                Frame::Data { .. } => {
                    self.hub.input(link, message);
                }
                Frame::Credit { received, limit, .. } => {
                    self.hub.credited(link, received, limit);
                }
                Frame::Control(_) => {}
            },
            _ => {}
        }
    }

    /// A console takes its next message.
    pub(super) fn deliver_down(&mut self, which: usize) {
        let desk = &mut self.desks[which];
        match desk.down.next() {
            Some(Wire::Notice(ApplianceNotice::Channel(report))) => {
                if let ChannelReport::Attached { from, .. } = report {
                    desk.skip_to(from, &self.wrote);
                }
                desk.endpoint.report(&report);
                desk.flush();
            }
            Some(Wire::Notice(ApplianceNotice::ChannelState { state, .. })) => {
                let lost = desk.endpoint.keyboard_is(state.yours);
                // What somebody else's taking the keyboard cost is told, and typed by nobody.
                self.typed.truncate(self.typed.len() - usize::try_from(lost).unwrap());
            }
            Some(Wire::Notice(ApplianceNotice::Picture { offset, bytes, size, .. })) => {
                desk.redraw(offset, size, &bytes, &self.wrote);
            }
            Some(Wire::Notice(ApplianceNotice::AgentLink { linked, .. })) => {
                desk.endpoint.link_lost();
                if linked {
                    desk.up.put(Wire::Order(desk.endpoint.attach()));
                }
            }
            Some(Wire::Frame(message)) => match Frame::decode(message).unwrap() {
                Frame::Data { offset, bytes, .. } => {
                    if let Some((new, _)) = desk.endpoint.data(offset, &bytes).unwrap() {
                        desk.got.extend_from_slice(&new);
                        desk.screen.take(&new);
                    }
                    if let Some(credit) = desk.endpoint.credit(0) {
                        desk.up.put(Wire::Frame(credit));
                    }
                }
                Frame::Credit { received, limit, .. } => {
                    desk.endpoint.credited(received, limit).unwrap();
                    desk.flush();
                }
                Frame::Control(_) => unreachable!(),
            },
            _ => {}
        }
    }

    /// The agent takes its next message.
    pub(super) fn deliver_to_agent(&mut self) {
        match self.to_agent.next() {
            Some(Wire::Order(ChannelOrder::Attach { received, window, attempt, .. })) => {
                let from = self.output.attach(received, window).unwrap();
                self.from_agent.put(Wire::Report(ChannelReport::Attached {
                    channel: CHANNEL,
                    attempt,
                    from,
                    end: self.output.end(),
                    input_received: self.input.received(),
                    input_limit: self.input.limit(),
                }));
                self.pump();
            }
            Some(Wire::Frame(message)) => match Frame::decode(message).unwrap() {
                Frame::Data { offset, bytes, .. } => {
                    if let Accept::Take { skip } = self.input.accept(offset, bytes.len()).unwrap() {
                        self.read.extend_from_slice(&bytes[skip..]);
                    }
                    if let Some((received, limit)) = self.input.credit(self.input.received()) {
                        self.from_agent.put(Wire::Frame(frame::credit(CHANNEL, received, limit)));
                    }
                }
                Frame::Credit { received, limit, .. } => {
                    self.output.credit(received, limit).unwrap();
                    self.pump();
                }
                Frame::Control(_) => unreachable!(),
            },
            _ => {}
        }
    }

    /// The appliance takes the agent's next message.
    pub(super) fn deliver_from_agent(&mut self) {
        let link = LinkId(self.agents);
        if let Some(wire) = self.from_agent.next() {
            self.take_from_agent(link, wire);
        }
    }

    /// The appliance takes what a former link of the agent had still to say.
    pub(super) fn deliver_late(&mut self) {
        if let Some((link, wire)) = self.late.pop_front() {
            self.take_from_agent(link, wire);
        }
    }

    fn take_from_agent(&mut self, link: LinkId, wire: Wire) {
        match wire {
            Wire::Report(report) => self.hub.report(link, &report),
            Wire::Frame(message) => match Frame::decode(message.clone()).unwrap() {
                Frame::Data { offset, bytes, .. } => {
                    let heard = self.hub.output(link, offset, &bytes, &message);
                    assert!(!heard.violated);
                    if let Some((at, new)) = heard.record {
                        assert_eq!(at, as_u64(self.file.len() + self.waiting.len()));
                        self.waiting.extend_from_slice(new);
                    }
                }
                Frame::Credit { .. } => self.hub.input_credit(link, message),
                Frame::Control(_) => unreachable!(),
            },
            _ => {}
        }
    }

    /// Everything is linked and everything arrives.
    pub(super) fn settle(&mut self) {
        self.link_agent();
        self.link_console(0);
        self.link_console(1);
        for _ in 0..100_000 {
            let ways = [&self.to_agent, &self.from_agent];
            let idle = ways.iter().all(|way| way.is_empty())
                && self.desks.iter().all(|desk| desk.up.is_empty() && desk.down.is_empty());
            if idle && self.waiting.is_empty() {
                return;
            }
            self.deliver_to_agent();
            self.deliver_from_agent();
            self.flush_recording();
            for which in 0..2 {
                self.deliver_up(which);
                self.deliver_down(which);
            }
        }
        panic!("it never settles");
    }

    pub(super) fn check(&mut self) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if self.recorded {
            assert_eq!(text(&self.file), text(&self.wrote), "the recording");
        }
        assert_eq!(text(&self.read), text(&self.typed), "the input");
        let mut screen = ScreenPicture::new(SIZE);
        screen.take(&self.wrote);
        for (which, desk) in self.desks.iter_mut().enumerate() {
            assert_eq!(text(&desk.got), text(&self.wrote), "the output at desk {which}");
            let picture = |screen: &mut ScreenPicture| text(&screen.picture());
            assert_eq!(picture(&mut desk.screen), picture(&mut screen), "screen {which}");
        }
    }
}

impl Desk {
    pub(super) fn flush(&mut self) {
        while self.linked
            && let Some(message) = self.endpoint.next_message()
        {
            self.up.put(Wire::Frame(message));
        }
    }

    pub(super) fn redraw(&mut self, offset: u64, size: Size, bytes: &[u8], wrote: &[u8]) {
        if self.endpoint.pictured(offset) {
            self.screen = ScreenPicture::new(size);
            self.screen.take(bytes);
            self.got = wrote[..usize::try_from(offset).unwrap()].to_vec();
        }
    }

    /// What is gone for good was seen by nobody; here nothing ever is.
    pub(super) fn skip_to(&mut self, from: u64, wrote: &[u8]) {
        let from = usize::try_from(from).unwrap();
        assert!(from <= self.got.len(), "{} bytes are lost", from - self.got.len());
        assert!(wrote.len() >= from);
    }
}

pub(super) trait IntoLink {
    fn into_link(self) -> LinkId;
}

impl IntoLink for u64 {
    fn into_link(self) -> LinkId {
        LinkId(self)
    }
}
