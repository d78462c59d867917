//! A law: whatever happens, the SQL keeps and answers what the plain database in memory does.

use super::Database;
use super::memory::Memory;
use crate::{BackendError, History, Lived, Queries, Seen, SessionFilter, SessionWord, Store};
use jumpdeck_protocol::log::{LogEntry, LogEvent};
use jumpdeck_protocol::session::{EndReason, Family, Size, Terms};
use jumpdeck_protocol::{ChannelId, EndpointId, ItemId, SessionId, Timestamp, UserId};
use jumpdeck_world::Share;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Something that happens; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Happens {
    Start { item: u64, user: u64, at: i64 },
    Open { session: usize, errors: bool, recorded: bool, at: i64 },
    Close { channel: usize },
    End { session: usize, at: i64 },
    Log { session: usize, who: Option<u8>, event: LogEvent, position: Option<u64> },
    Part { session: usize, user: u64, part: Option<Share> },
    Owner { session: usize, user: u64 },
    CloseRecording { recording: usize, bytes: u64 },
    RemoveRecording { recording: usize },
    Seen { endpoint: u64, at: i64, lived: Option<i64> },
    Forgotten { endpoint: u64 },
    Lived { seconds: i64 },
    Reopen,
}

fn happens() -> impl Strategy<Value = Happens> {
    use jumpdeck_protocol::session::Part;
    let share = prop_oneof![
        Just(None),
        Just(Some(Share::Outranks)),
        Just(Some(Share::Invited(Part::Observer))),
        Just(Some(Share::Invited(Part::Participant))),
        (1..4u64).prop_map(|item| Some(Share::Jumped(ItemId(item)))),
    ];
    let event = prop_oneof![
        Just(LogEvent::Started),
        Just(LogEvent::Joined),
        Just(LogEvent::Left),
        Just(LogEvent::Ended { reason: EndReason::EndedByRep }),
        "[A-Za-c é'%_]{0,9}".prop_map(|text| LogEvent::Command {
            channel: ChannelId(1),
            command: text.into(),
            source: jumpdeck_protocol::log::CommandSource::Line,
        }),
        "[a-z\"é]{0,12}"
            .prop_map(|text| LogEvent::Executed { command: text.into(), channel: None }),
        (0..40usize).prop_map(|k| LogEvent::Executed {
            command: "x".repeat(k * 1000).into(),
            channel: None
        }),
    ];
    let any = 0..64usize;
    prop_oneof![
        3 => (1..4u64, 1..4u64, 0..9i64).prop_map(|(item, user, at)| Happens::Start { item, user, at }),
        3 => (any.clone(), any_bool(), any_bool(), 0..9i64).prop_map(
            |(session, errors, recorded, at)| Happens::Open { session, errors, recorded, at }),
        1 => any.clone().prop_map(|channel| Happens::Close { channel }),
        1 => (any.clone(), 0..9i64).prop_map(|(session, at)| Happens::End { session, at }),
        6 => (any.clone(), prop::option::of(0..3u8), event, prop::option::of(0..99u64)).prop_map(
            |(session, who, event, position)| Happens::Log { session, who, event, position }),
        2 => (any.clone(), 1..4u64, share).prop_map(
            |(session, user, part)| Happens::Part { session, user, part }),
        1 => (any.clone(), 1..4u64).prop_map(|(session, user)| Happens::Owner { session, user }),
        1 => any.clone().prop_map(|recording| Happens::RemoveRecording { recording }),
        1 => (any, 0..99u64).prop_map(
            |(recording, bytes)| Happens::CloseRecording { recording, bytes }),
        1 => (1..4u64, 0..9i64, prop::option::of(0..9i64)).prop_map(
            |(endpoint, at, lived)| Happens::Seen { endpoint, at, lived }),
        1 => (1..4u64).prop_map(|endpoint| Happens::Forgotten { endpoint }),
        1 => (0..99i64).prop_map(|seconds| Happens::Lived { seconds }),
        1 => Just(Happens::Reopen),
    ]
}

fn any_bool() -> impl Strategy<Value = bool> {
    any::<bool>()
}

/// What has happened so far, as far as what happens next refers to it.
#[derive(Default)]
struct Past {
    /// Each with its owner and its last log entry.
    sessions: Vec<(SessionId, UserId, u64)>,
    channels: Vec<(ChannelId, SessionId, UserId)>,
    recordings: Vec<ChannelId>,
}

impl Past {
    /// The row that says so; nothing where it refers to what is not there.
    fn row(&mut self, happens: &Happens, store: &Store) -> Option<Vec<History>> {
        let pick = |index: usize, length: usize| index.checked_rem(length);
        let session = |past: &Self, index| {
            pick(index, past.sessions.len()).map(|index| (index, past.sessions[index].0))
        };
        Some(vec![match happens {
            Happens::Start { item, user, at } => {
                let (session, user) = (store.take_session_id(), UserId(*user));
                self.sessions.push((session, user, 0));
                History::SessionStarted {
                    session,
                    item: ItemId(*item),
                    item_name: format!("machine {item}"),
                    user,
                    endpoint: EndpointId(*item + 100),
                    terms: Terms::default(),
                    at: Timestamp(*at),
                }
            }
            Happens::Open { session: index, errors, recorded, at } => {
                let (index, session) = session(self, *index)?;
                let (channel, errors_id) = store.take_channel_ids();
                let (user, at) = (self.sessions[index].1, Timestamp(*at));
                self.channels.push((channel, session, user));
                let opened = History::ChannelOpened {
                    channel,
                    errors: errors.then_some(errors_id),
                    session,
                    family: if *errors { Family::Command } else { Family::Terminal },
                    recorded: *recorded,
                    size: (!errors).then_some(Size { columns: 80, rows: 24 }),
                    at,
                };
                if !recorded {
                    return Some(vec![opened]);
                }
                self.recordings.push(channel);
                let started = History::RecordingStarted { channel, session, user, at };
                return Some(vec![opened, started]);
            }
            Happens::Close { channel } => {
                let channel = self.channels[pick(*channel, self.channels.len())?].0;
                History::ChannelClosed { channel, status: None, at: Timestamp(9) }
            }
            Happens::End { session: index, at } => {
                let (_, session) = session(self, *index)?;
                History::SessionEnded { session, reason: EndReason::Idle, at: Timestamp(*at) }
            }
            Happens::Log { session: index, who, event, position } => {
                let (index, session) = session(self, *index)?;
                let number = self.sessions[index].2 + 1;
                self.sessions[index].2 = number;
                let who = who.map(|who| format!("user {who}").into());
                let entry = LogEntry {
                    number,
                    at: Timestamp(1),
                    who,
                    event: event.clone(),
                    position: None,
                };
                let channel = self.channels.iter().find(|one| one.1 == session);
                let position = position.and_then(|position| Some((channel?.0, position)));
                History::Logged { session, entry, position }
            }
            Happens::Part { session: index, user, part } => {
                let (_, session) = session(self, *index)?;
                History::Part { session, user: UserId(*user), part: *part }
            }
            Happens::Owner { session: index, user } => {
                let (index, session) = session(self, *index)?;
                let former = std::mem::replace(&mut self.sessions[index].1, UserId(*user));
                if former == UserId(*user) {
                    return None;
                }
                History::Owner { session, user: UserId(*user), former }
            }
            Happens::CloseRecording { recording, bytes } => {
                let channel = self.recordings[pick(*recording, self.recordings.len())?];
                let (bytes, sha256) = (*bytes, format!("{bytes:064x}"));
                History::RecordingClosed { channel, bytes, sha256, at: Timestamp(9) }
            }
            Happens::RemoveRecording { recording } => {
                let channel = self.recordings[pick(*recording, self.recordings.len())?];
                History::RecordingRemoved { channel }
            }
            Happens::Seen { endpoint, at, lived } => History::Seen(Seen {
                endpoint: EndpointId(*endpoint),
                connected: at % 2 == 0,
                at: Timestamp(*at),
                lived: lived.map(Lived),
            }),
            Happens::Forgotten { endpoint } => History::Forgotten(EndpointId(*endpoint)),
            Happens::Lived { seconds } => History::Lived(Lived(*seconds)),
            Happens::Reopen => return None,
        }])
    }
}

/// Filters that differ in one thing each.
fn filters() -> Vec<SessionFilter> {
    let one = SessionFilter { viewer: UserId(1), ..SessionFilter::default() };
    let all = SessionFilter {
        reported: vec![ItemId(1), ItemId(2), ItemId(3)],
        ..SessionFilter::default()
    };
    let word = |text: &str, owners, items| SessionWord { text: text.to_owned(), owners, items };
    vec![
        SessionFilter { session: Some(SessionId(2)), ..all.clone() },
        SessionFilter { items: Some(vec![ItemId(2)]), ..all.clone() },
        SessionFilter { owners: Some(vec![UserId(2), UserId(3)]), ..all.clone() },
        SessionFilter { words: vec![word("MACH", vec![], vec![])], ..all.clone() },
        SessionFilter {
            words: vec![word("1", vec![UserId(1)], vec![ItemId(3)]), word("e", vec![], vec![])],
            ..all.clone()
        },
        SessionFilter { since: Some(Timestamp(5)), ..all.clone() },
        SessionFilter { until: Some(Timestamp(5)), ..all.clone() },
        SessionFilter { command: Some("a".to_owned()), ..all.clone() },
        SessionFilter { command: Some("B%".to_owned()), ..one.clone() },
        one,
        all,
    ]
}

/// Everything that can be asked, asked.
fn answers(queries: &dyn Queries) -> Result<Vec<String>, BackendError> {
    let mut answers = Vec::new();
    let mut say = |what: &dyn Debug| answers.push(format!("{what:?}"));
    for item in 0..5 {
        say(&queries.sessions_of(ItemId(item), 3)?);
    }
    for session in 0..8 {
        for after in [0, 2] {
            say(&queries.log_after(SessionId(session), after)?);
        }
    }
    for filter in filters() {
        for before in [None, Some(SessionId(3))] {
            say(&queries.sessions_before(&filter, before, 3)?);
        }
    }
    for after in [(0, 0), (9, 2)] {
        let after = (Timestamp(after.0), ChannelId(after.1));
        for until in [5, 10] {
            say(&queries.recordings_ended(after, Timestamp(until), 2)?);
        }
    }
    for user in (0..5).map(UserId) {
        say(&queries.used_by(user)?);
        for before in [None, Some(ChannelId(4))] {
            say(&queries.recordings_before(user, before, 3)?);
        }
        for number in 0..8 {
            say(&queries.took_part(SessionId(number), user)?);
            say(&queries.recording_for(user, ChannelId(number))?);
            say(&queries.log_after_for(SessionId(number), 0, user)?);
        }
    }
    say(&queries.open_recordings()?);
    Ok(answers)
}

/// What is read at the start, said.
fn loaded(opened: crate::Opened) -> (Store, String) {
    let said = format!("{:?} {:?} {:?}", opened.sessions, sorted(&opened.seen), opened.lived);
    (opened.store, said)
}

fn sorted(seen: &[Seen]) -> BTreeSet<String> {
    seen.iter().map(|one| format!("{one:?}")).collect()
}

async fn both_agree(story: Vec<Happens>) {
    let file = Database::File(tempfile::tempdir().unwrap());
    let memory = Database::Memory(Memory::default());
    let (mut stores, mut pasts) =
        ([file.open().store, memory.open().store], [Past::default(), Past::default()]);
    for happens in story {
        for (store, past) in stores.iter().zip(&mut pasts) {
            let rows = past.row(&happens, store);
            let write = move |draft: &mut crate::Draft| {
                rows.iter().flatten().for_each(|row| draft.history(row.clone()));
                Ok(())
            };
            store.edit(write).await.unwrap();
        }
        if matches!(happens, Happens::Reopen) {
            for store in &stores {
                store.close().await;
            }
            let ((file, on_disk), (memory, in_memory)) =
                (loaded(file.open()), loaded(memory.open()));
            assert_eq!(on_disk, in_memory);
            stores = [file, memory];
            assert_eq!(stores[0].take_session_id(), stores[1].take_session_id());
            assert_eq!(stores[0].take_channel_ids(), stores[1].take_channel_ids());
        }
    }
    let [on_disk, in_memory] = &stores;
    let searched = on_disk.search(answers).await.unwrap();
    let on_disk = on_disk.read(answers).await.unwrap();
    assert_eq!(on_disk, searched, "beside the writing, the same is found");
    let in_memory = in_memory.read(answers).await.unwrap();
    assert_eq!(on_disk.len(), in_memory.len());
    for (on_disk, in_memory) in on_disk.iter().zip(&in_memory) {
        assert_eq!(on_disk, in_memory);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_sql_says_what_the_plain_database_says(story in prop::collection::vec(happens(), 0..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(both_agree(story));
    }
}
