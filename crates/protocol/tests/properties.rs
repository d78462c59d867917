//! Laws of the wire: what goes in comes out, garbage is refused, a cut loses nothing.

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
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentReport, AgentRequest};
use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::inventory::*;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest};
use jumpdeck_protocol::session::Program;
use jumpdeck_protocol::session::*;
use jumpdeck_protocol::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn any_frame() -> impl Strategy<Value = Frame> {
    let payload = vec(any::<u8>(), 1..200).prop_map(Bytes::from);
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(|body| Frame::Control(body.into())),
        (any::<u64>(), 0..u64::MAX / 2, payload).prop_map(|(c, offset, bytes)| Frame::Data {
            channel: ChannelId(c),
            offset,
            bytes
        }),
        (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(c, received, limit)| {
            Frame::Credit { channel: ChannelId(c), received, limit }
        }),
    ]
}

fn any_refusal() -> impl Strategy<Value = Refusal> {
    (0..RefusalCode::ALL.len(), ".{0,40}")
        .prop_map(|(n, detail)| RefusalCode::ALL[n].because(detail))
}

fn any_size() -> impl Strategy<Value = Size> {
    (any::<u16>(), any::<u16>()).prop_map(|(columns, rows)| Size { columns, rows })
}

fn any_modes() -> impl Strategy<Value = TerminalModes> {
    vec((1..=255_u8, any::<u32>()), 0..5).prop_map(TerminalModes)
}

fn any_argument() -> impl Strategy<Value = Argument> {
    prop_oneof![
        ".{0,20}".prop_map(Argument::from),
        vec(any::<u8>(), 0..20).prop_map(Argument::from),
    ]
}

fn any_program() -> impl Strategy<Value = Program> {
    prop_oneof![Just(Program::Named), Just(Program::Shell), Just(Program::LoginShell)]
}

fn any_kind() -> impl Strategy<Value = ChannelKind> {
    prop_oneof![
        (any_size(), ".{0,20}", any_modes()).prop_map(|(size, term, modes)| ChannelKind::Shell {
            size,
            term,
            modes
        }),
        (any_size(), ".{0,20}", vec(any_argument(), 0..3), any_program(), any_modes()).prop_map(
            |(size, term, argv, program, modes)| ChannelKind::Terminal {
                size,
                term,
                argv,
                program,
                modes
            }
        ),
        (vec(any_argument(), 0..5), any_program())
            .prop_map(|(argv, program)| ChannelKind::Exec { argv, program }),
    ]
}

fn any_order() -> impl Strategy<Value = ChannelOrder> {
    let channel = || any::<u64>().prop_map(ChannelId);
    prop_oneof![
        (channel(), option::of(any::<u64>()), any::<u64>()).prop_map(
            |(channel, received, window)| ChannelOrder::Attach {
                channel,
                received,
                window,
                keyboard: Keyboard::IfFree,
                attempt: 3,
            }
        ),
        (channel(), any_size()).prop_map(|(channel, size)| ChannelOrder::Resize { channel, size }),
        (channel(), any::<u64>())
            .prop_map(|(channel, offset)| ChannelOrder::InputEnd { channel, offset }),
        channel().prop_map(|channel| ChannelOrder::Close { channel }),
    ]
}

fn any_report() -> impl Strategy<Value = ChannelReport> {
    let channel = || any::<u64>().prop_map(ChannelId);
    let status = prop_oneof![
        any::<i32>().prop_map(ExitStatus::Code),
        any::<i32>().prop_map(ExitStatus::Signal)
    ];
    prop_oneof![
        (channel(), any::<[u64; 4]>()).prop_map(|(channel, n)| ChannelReport::Attached {
            channel,
            attempt: 3,
            from: n[0],
            end: n[1],
            input_received: n[2],
            input_limit: n[3],
        }),
        (channel(), any::<u64>(), status)
            .prop_map(|(channel, end, status)| ChannelReport::Exited { channel, end, status }),
        (channel(), any_refusal())
            .prop_map(|(channel, refusal)| ChannelReport::Gone { channel, refusal }),
    ]
}

fn any_item() -> impl Strategy<Value = ItemView> {
    let place = prop_oneof![
        any::<u64>().prop_map(|id| Place::JumpGroup(JumpGroupId(id))),
        any::<u64>().prop_map(|id| Place::Personal(UserId(id))),
        any::<u64>().prop_map(|id| Place::Queue(queue::Queue::Team(TeamId(id)))),
    ];
    (any::<[u64; 3]>(), vec(".{0,30}", 14), place, any::<i64>()).prop_map(
        |(numbers, texts, place, created)| {
            let text = |n: usize| texts[n].as_str().into();
            ItemView {
                id: ItemId(numbers[0]),
                revision: Revision(numbers[1]),
                name: text(0),
                place,
                tag: text(1),
                comments: text(2),
                method: JumpMethod::JumpClient,
                created: Timestamp(created),
                facts: Facts {
                    hostname: text(3),
                    fqdn: text(4),
                    domain: text(5),
                    operating_system: text(6),
                    private_ip: text(7),
                    gateway: text(8),
                    gateway_mac: text(9),
                    mac: text(13),
                    version: text(10),
                    console_user: text(11),
                    install_mode: InstallMode::User,
                    processors: 3,
                    memory: numbers[2],
                },
                public_ip: text(12),
                jump_policy: Some(JumpPolicyId(numbers[0])),
                policies: ItemPolicies {
                    public_portal: Some(PortalId(numbers[1])),
                    customer_present: None,
                    customer_not_present: Some(SessionPolicyId(numbers[2])),
                },
                expires: Some(Timestamp(created)),
                max_offline_minutes: 7,
                start_mode: StartMode::Hidden,
                shortcut: Some(Box::default()),
            }
        },
    )
}

fn any_part() -> impl Strategy<Value = InventoryPart> {
    (any::<bool>(), vec(any_item(), 0..4), vec(any::<u64>(), 0..4), ".{0,20}", any::<u64>())
        .prop_map(|(reset, items, gone, epoch, revision)| InventoryPart {
            reset,
            groups: vec![GroupView { id: JumpGroupId(revision), name: epoch.as_str().into() }],
            gone_groups: gone.iter().copied().map(JumpGroupId).collect(),
            items: items.into_iter().map(Into::into).collect(),
            gone: gone.into_iter().map(ItemId).collect(),
            position: reset.then_some(Position { epoch, revision: Revision(revision) }),
        })
}

/// Encodes a message and reads it back.
fn round<Q, A, N>(message: &Control<Q, A, N>) -> Received<Q, A, N>
where
    Control<Q, A, N>: control::Wire,
{
    let Ok(Frame::Control(body)) = Frame::decode(control::encode(message)) else {
        panic!("a control message is a control frame");
    };
    control::decode(&body).unwrap()
}

proptest! {
    #[test]
    fn any_frame_comes_back_as_it_was(frame in any_frame()) {
        prop_assert_eq!(Frame::decode(frame.encode()), Ok(frame));
    }

    #[test]
    fn any_bytes_are_a_frame_or_a_clear_error(bytes in vec(any::<u8>(), 0..300)) {
        match Frame::decode(bytes.clone().into()) {
            Ok(frame) => prop_assert_eq!(frame.encode().to_vec(), bytes),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_bytes_are_a_control_message_or_a_clear_error(bytes in vec(any::<u8>(), 0..300)) {
        if let Err(error) = control::decode::<AgentRequest, Never, AgentOrder>(&bytes) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = control::decode::<RepRequest, Never, RepNotice>(&bytes);
        let _ = control::decode::<Never, RepReply, ApplianceNotice>(&bytes);
    }

    #[test]
    fn a_message_with_one_byte_changed_is_a_message_or_a_clear_error(
        order in any_order(), at in any::<prop::sample::Index>(), to in any::<u8>()
    ) {
        let message: rep::FromRep = Control::Notice { body: RepNotice::Channel(order) };
        let mut bytes = control::encode(&message).to_vec();
        let at = at.index(bytes.len() - 1) + 1;
        bytes[at] = to;
        let _ = control::decode::<RepRequest, Never, RepNotice>(&bytes[1..]);
    }

    #[test]
    fn messages_to_an_agent_come_back_as_they_were(
        id in any::<u64>(), kind in any_kind(), order in any_order()
    ) {
        let open = AgentRequest::Open {
            channel: ChannelId(id), errors: Some(ChannelId(1)), session: SessionId(2), kind,
            rep: "alice".into(),
        };
        let request: agent::ToAgent = Control::Request { id: RequestId(id), body: open };
        prop_assert_eq!(round(&request), Received::Known(request));
        let pin = AgentRequest::Pin {
            rep: "alice".into(), name: "pc".into(), expires: Some(Timestamp(7)),
            start_mode: StartMode::Minimized,
        };
        for body in [AgentRequest::Ask { rep: "alice".into(), what: Some("to chat".into()), patience: 15 }, AgentRequest::Unpin, pin] {
            let request: agent::ToAgent = Control::Request { id: RequestId(id), body };
            prop_assert_eq!(round(&request), Received::Known(request));
        }
        let notice: agent::ToAgent = Control::Notice { body: AgentOrder::Channel(order) };
        prop_assert_eq!(round(&notice), Received::Known(notice));
    }

    #[test]
    fn messages_from_an_agent_come_back_as_they_were(
        id in any::<u64>(), report in any_report(), refusal in any_refusal()
    ) {
        let notice: agent::FromAgent = Control::Notice { body: AgentReport::Channel(report) };
        prop_assert_eq!(round(&notice), Received::Known(notice));
        let replies = [
            AgentReply::Opened { process: 7 },
            AgentReply::Answered { yes: true, silent: false },
            AgentReply::Pinned { by_hand: Some("why".into()) },
            AgentReply::Customer { user: "ann".into() },
        ];
        for body in replies.map(Outcome::Ok).into_iter().chain([Outcome::Refused(refusal)]) {
            let reply: agent::FromAgent = Control::Reply { id: RequestId(id), body };
            prop_assert_eq!(round(&reply), Received::Known(reply));
        }
    }

    #[test]
    fn messages_to_a_console_come_back_as_they_were(part in any_part(), report in any_report()) {
        for body in [ApplianceNotice::Inventory(part), ApplianceNotice::Channel(report)] {
            let notice: rep::ToRep = Control::Notice { body };
            prop_assert_eq!(round(&notice), Received::Known(notice));
        }
    }
}

#[test]
fn a_request_of_a_later_version_is_recognised_so_that_it_can_be_refused() {
    let later: Control<String, Never, Never> =
        Control::Request { id: RequestId(5), body: "fly_to_the_moon".into() };
    let Ok(Frame::Control(body)) =
        Frame::decode(frame::control(&rmp_serde::to_vec_named(&later).unwrap()))
    else {
        panic!()
    };
    let received = control::decode::<RepRequest, Never, RepNotice>(&body).unwrap();
    assert_eq!(received, Received::UnknownRequest(RequestId(5)));
}

#[test]
fn a_refusal_of_a_later_version_is_still_a_refusal() {
    let refusal: Refusal = rmp_serde::from_slice(
        &rmp_serde::to_vec_named(&LaterRefusal { code: "moon_closed" }).unwrap(),
    )
    .unwrap();
    assert_eq!(refusal.code, RefusalCode::Unknown);
}

#[derive(serde::Serialize)]
struct LaterRefusal {
    code: &'static str,
}
