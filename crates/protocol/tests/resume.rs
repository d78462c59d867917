//! Laws of resuming: whatever is cut, each byte arrives once and in order.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::pedantic,
    reason = "a test says what it expects by unwrapping and indexing"
)]

use bytes::Bytes;
use jumpdeck_protocol::endpoint::Endpoint;
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::session::*;
use jumpdeck_protocol::stream::{Accept, ReceiveStream, SendStream};
use jumpdeck_protocol::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;

/// A message under way between the two ends of a channel.
#[derive(Clone, Debug)]
enum Wire {
    ToConsole(Bytes),
    Report(ChannelReport),
    ToAgent(Bytes),
    Order(ChannelOrder),
}
/// An agent's end, an endpoint, and the two ordered directions between them.
struct World {
    output: SendStream,
    input: ReceiveStream,
    agent_got: Vec<u8>,
    agent_wrote: u64,
    console: Endpoint,
    console_got: Vec<u8>,
    console_wrote: u64,
    down: VecDeque<Wire>,
    up: VecDeque<Wire>,
    linked: bool,
}

const WINDOW: u64 = 64;

/// The byte that is at a place in a stream; no two neighbourhoods are alike.
fn byte_at(place: u64) -> u8 {
    (place.wrapping_mul(2_654_435_761) >> 13) as u8
}

impl World {
    fn new() -> Self {
        Self {
            output: SendStream::new(256, 256),
            input: ReceiveStream::new(WINDOW),
            agent_got: Vec::new(),
            agent_wrote: 0,
            console: Endpoint::new(ChannelId(1), WINDOW),
            console_got: Vec::new(),
            console_wrote: 0,
            down: VecDeque::new(),
            up: VecDeque::new(),
            linked: false,
        }
    }

    fn print(&mut self, count: usize) {
        let count = count.min(self.output.room());
        let bytes: Vec<u8> = (0..count as u64).map(|n| byte_at(self.agent_wrote + n)).collect();
        self.agent_wrote += count as u64;
        self.output.write(&bytes);
        self.pump_agent();
    }

    fn type_in(&mut self, count: usize) {
        let bytes: Vec<u8> =
            (0..count as u64).map(|n| byte_at(!(self.console_wrote + n))).collect();
        self.console_wrote += count as u64;
        self.console.write(&bytes);
        self.pump_console();
    }

    fn pump_agent(&mut self) {
        while self.linked
            && let Some((offset, bytes)) = self.output.take(7)
        {
            self.down.push_back(Wire::ToConsole(frame::data(ChannelId(1), offset, &bytes)));
        }
    }

    fn pump_console(&mut self) {
        while self.linked
            && let Some(message) = self.console.next_message()
        {
            self.up.push_back(Wire::ToAgent(message));
        }
    }

    /// The network path goes away with everything on it; a message that was cut in its middle is
    /// as good as not sent.
    fn cut(&mut self) {
        self.down.clear();
        self.up.clear();
        self.linked = false;
        self.output.detach();
        self.console.link_lost();
    }

    fn link(&mut self) {
        if !self.linked {
            self.linked = true;
            self.up.push_back(Wire::Order(self.console.attach()));
        }
    }

    fn deliver_up(&mut self) {
        match self.up.pop_front() {
            Some(Wire::Order(ChannelOrder::Attach { received, window, attempt, .. })) => {
                let from = self.output.attach(received, window).unwrap();
                self.down.push_back(Wire::Report(ChannelReport::Attached {
                    channel: ChannelId(1),
                    attempt,
                    from,
                    end: self.output.end(),
                    input_received: self.input.received(),
                    input_limit: self.input.limit(),
                }));
                self.pump_agent();
            }
            Some(Wire::ToAgent(message)) => match Frame::decode(message).unwrap() {
                Frame::Data { offset, bytes, .. } => {
                    if let Accept::Take { skip } = self.input.accept(offset, bytes.len()).unwrap() {
                        self.agent_got.extend_from_slice(&bytes[skip..]);
                    }
                    if let Some((received, limit)) = self.input.credit(self.input.received()) {
                        let credit = frame::credit(ChannelId(1), received, limit);
                        self.down.push_back(Wire::ToConsole(credit));
                    }
                }
                Frame::Credit { received, limit, .. } => {
                    self.output.credit(received, limit).unwrap();
                    self.pump_agent();
                }
                Frame::Control(_) => unreachable!(),
            },
            _ => {}
        }
    }

    fn deliver_down(&mut self) {
        match self.down.pop_front() {
            Some(Wire::Report(report)) => {
                self.console.report(&report);
                self.pump_console();
            }
            Some(Wire::ToConsole(message)) => match Frame::decode(message).unwrap() {
                Frame::Data { offset, bytes, .. } => {
                    if let Some((new, _)) = self.console.data(offset, &bytes).unwrap() {
                        self.console_got.extend_from_slice(&new);
                    }
                    if let Some(credit) = self.console.credit(0) {
                        self.up.push_back(Wire::ToAgent(credit));
                    }
                }
                Frame::Credit { received, limit, .. } => {
                    self.console.credited(received, limit).unwrap();
                    self.pump_console();
                }
                Frame::Control(_) => unreachable!(),
            },
            _ => {}
        }
    }

    fn settle(&mut self) {
        self.link();
        while !(self.up.is_empty() && self.down.is_empty()) {
            self.deliver_up();
            self.deliver_down();
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Print(usize),
    Type(usize),
    Up,
    Down,
    Cut,
    Link,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..40usize).prop_map(Step::Print),
        2 => (1..20usize).prop_map(Step::Type),
        6 => Just(Step::Up),
        6 => Just(Step::Down),
        1 => Just(Step::Cut),
        2 => Just(Step::Link),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn whatever_is_cut_each_byte_arrives_once_and_in_order(steps in vec(any_step(), 1..200)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Print(count) => world.print(count),
                Step::Type(count) => world.type_in(count),
                Step::Up => world.deliver_up(),
                Step::Down => world.deliver_down(),
                Step::Cut => world.cut(),
                Step::Link => world.link(),
            }
        }
        world.settle();
        let printed: Vec<u8> = (0..world.agent_wrote).map(byte_at).collect();
        let typed: Vec<u8> = (0..world.console_wrote).map(|n| byte_at(!n)).collect();
        prop_assert_eq!(world.console_got, printed);
        prop_assert_eq!(world.agent_got, typed);
    }

    #[test]
    fn a_cut_at_any_byte_of_either_stream_loses_nothing(cut_at in 0..400usize) {
        let mut world = World::new();
        world.settle();
        let mut moved = 0;
        let mut cut = false;
        for _ in 0..40 {
            world.print(13);
            world.type_in(5);
            while !(world.up.is_empty() && world.down.is_empty()) {
                world.deliver_up();
                world.deliver_down();
                moved += 7;
                if !cut && moved >= cut_at {
                    cut = true;
                    world.cut();
                    world.link();
                }
            }
        }
        world.settle();
        prop_assert!(cut);
        prop_assert_eq!(world.console_got.len() as u64, world.agent_wrote);
        prop_assert_eq!(world.console_got, (0..world.agent_wrote).map(byte_at).collect::<Vec<_>>());
        prop_assert_eq!(world.agent_got, (0..world.console_wrote).map(|n| byte_at(!n)).collect::<Vec<_>>());
    }
}
