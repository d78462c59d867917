//! The player: a session's recordings, watched as if one had been there.

use super::history::not_playable;
use super::{Ask, Layer, Prompt};
use crate::core::input::Input;
use crate::core::keymap::Context;
use crate::core::requests::{About, IfLost};
use crate::core::room::Room;
use crate::core::{Console, Effect, Timer};
use jumpdeck_protocol::history::{HistoryFilter, SessionRecord};
use jumpdeck_protocol::log::{LogEntry, LogEvent, Recording};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{ChannelId, Refusal};
use jumpdeck_terminal::Player;
use std::time::Duration;

/// Between two looks at what has happened: thirty a second.
const STEP: Duration = Duration::from_millis(33);
/// One that goes on is asked for more so often.
const LOOK: Duration = Duration::from_secs(1);

/// A session that is played.
#[derive(Debug)]
pub struct Replay {
    /// The session.
    pub record: SessionRecord,
    /// Which of its recordings is shown.
    pub shown: usize,
    /// It, and where it stands.
    pub player: Player,
    /// Time stands still.
    pub paused: bool,
    /// Why no more of it comes.
    pub failed: Option<String>,
    /// What was looked for last.
    pub query: String,
    /// Bytes of its file that came.
    offset: u64,
    /// All that is written of it came.
    loaded: bool,
    /// A search, forward or not, that waits for the rest.
    search: Option<bool>,
    log: Vec<LogEntry>,
    /// The recordings that were begun: what comes of an earlier one is not waited for any more.
    begun: u64,
    /// The clocks that were started: only the last one counts.
    clocks: u64,
}

impl Replay {
    /// A session from its beginning: with one of its recordings, or the first that is there.
    pub fn of(record: SessionRecord, part: Option<u32>) -> Self {
        let wanted = |recording: &Recording| match part {
            Some(part) => recording.part == part,
            None => !recording.removed,
        };
        let shown = record.recordings.iter().position(wanted).unwrap_or(0);
        Self {
            record,
            shown,
            player: Player::default(),
            paused: false,
            failed: None,
            query: String::new(),
            offset: 0,
            loaded: false,
            search: None,
            log: Vec::new(),
            begun: 0,
            clocks: 0,
        }
    }

    /// The recording that is shown.
    pub fn recording(&self) -> Option<&Recording> {
        self.record.recordings.get(self.shown)
    }

    fn channel(&self) -> Option<ChannelId> {
        self.recording().map(|recording| recording.channel)
    }

    /// The commands of the shell, from the log.
    fn mark_commands(&mut self) {
        let Some(shown) = self.channel() else {
            return;
        };
        let commands = self.log.iter().filter_map(|entry| match &entry.event {
            LogEvent::Command { channel, command, .. } if *channel == shown => {
                Some((entry.position, entry.at.0, &**command))
            }
            LogEvent::Executed { channel: Some(channel), command } if *channel == shown => {
                Some((Some(0), entry.at.0, &**command))
            }
            _ => None,
        });
        self.player.set_commands(commands);
    }
}

impl Console {
    pub(in crate::core) fn open_player(&mut self, replay: Replay) {
        if let Some(reason) = not_playable(&replay.record) {
            self.warn(&reason);
            return;
        }
        let session = replay.record.session;
        self.dialogs.messages.settle();
        self.dialogs.layers.push(replay.into());
        self.begin_recording();
        self.ask_played_log(session, 0);
    }

    fn replay(&mut self) -> Option<&mut Replay> {
        self.dialogs.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Player(replay) => Some(&mut **replay),
            _ => None,
        })
    }

    fn played(&self) -> Option<&Replay> {
        self.dialogs.layers.iter().rev().find_map(|layer| match layer {
            Layer::Player(replay) => Some(&**replay),
            _ => None,
        })
    }

    /// Plays the recording that is to be shown, from its beginning.
    fn begin_recording(&mut self) {
        if let Some(replay) = self.replay() {
            replay.begun += 1;
            replay.player = Player::default();
            (replay.offset, replay.failed, replay.paused) = (0, None, false);
            (replay.loaded, replay.search) = (false, None);
            self.ask_piece();
            self.start_clock();
        }
    }

    fn ask_piece(&mut self) {
        let Some(replay) = self.replay() else {
            return;
        };
        let (Some(channel), offset, number) = (replay.channel(), replay.offset, replay.begun)
        else {
            return;
        };
        let note = (About::Anything, IfLost::Nothing);
        let request = request::ReadRecording { channel, offset };
        self.ask(note, request, move |console, outcome| {
            console.piece_came(number, offset, outcome);
        });
    }

    fn piece_came(
        &mut self,
        number: u64,
        offset: u64,
        outcome: Result<reply::RecordingPiece, Refusal>,
    ) {
        // One that was asked for twice is taken once.
        let awaited = |replay: &&mut Replay| replay.begun == number && replay.offset == offset;
        let Some(replay) = self.replay().filter(awaited) else {
            return;
        };
        let bytes = match outcome {
            Ok(piece) => piece.bytes,
            Err(refusal) => {
                replay.failed = Some(refusal.to_string());
                return;
            }
        };
        replay.offset += u64::try_from(bytes.len()).unwrap_or(0);
        if let Err(error) = replay.player.feed(&bytes) {
            replay.failed = Some(error.to_string());
            return;
        }
        replay.mark_commands();
        let goes_on = replay.recording().is_some_and(|recording| recording.ended.is_none());
        replay.loaded |= bytes.is_empty() || replay.player.is_cut();
        let search = if replay.loaded { replay.search.take() } else { None };
        replay.player.set_going_on(goes_on && replay.loaded && !replay.paused);
        if replay.player.is_cut() {
            // The rest is not played.
        } else if !bytes.is_empty() {
            self.ask_piece();
        } else if goes_on {
            self.out.effects.push(Effect::After(LOOK, Timer::MoreToPlay(number)));
        }
        if let Some(forward) = search {
            self.play_find(forward);
        }
    }

    fn ask_played_log(&mut self, session: jumpdeck_protocol::SessionId, after: u64) {
        let note = (About::Anything, IfLost::Nothing);
        let request = request::Log { session, after };
        self.ask(note, request, move |console, outcome| {
            let Some(replay) = console.replay().filter(|replay| replay.record.session == session)
            else {
                return;
            };
            // Without a log there are no commands to go to; all else works.
            let Ok(reply::LogPart { entries, more }) = outcome else {
                return;
            };
            let last = entries.last().map(|entry| entry.number);
            let known = replay.log.last().map_or(0, |entry| entry.number);
            replay.log.extend(entries.into_iter().filter(|entry| entry.number > known));
            replay.mark_commands();
            if let Some(last) = last.filter(|_| more) {
                console.ask_played_log(session, last);
            }
        });
    }

    /// There may be more of a recording that goes on.
    pub(in crate::core) fn more_to_play(&mut self, number: u64) {
        let Some(replay) = self.replay().filter(|replay| replay.begun == number) else {
            return;
        };
        // It may have ended meanwhile.
        let session = replay.record.session;
        let filter = HistoryFilter { session: Some(session), ..HistoryFilter::default() };
        let note = (About::Anything, IfLost::Nothing);
        let request = request::PastSessions { filter, before: None };
        self.ask(note, request, move |console, outcome| {
            let record = outcome.ok().and_then(|mut part| part.sessions.pop());
            if let (Some(record), Some(replay)) = (record, console.replay())
                && replay.record.session == record.session
            {
                replay.record = record;
            }
        });
        self.ask_piece();
    }

    /// The link is back: what was under way is asked for again.
    pub(in crate::core) fn go_on_playing(&mut self) {
        if let Some(replay) = self.replay() {
            let session = replay.record.session;
            let last = replay.log.last().map_or(0, |entry| entry.number);
            self.ask_piece();
            self.ask_played_log(session, last);
        }
    }

    /// Time goes on, or stands still.
    fn start_clock(&mut self) {
        if let Some(replay) = self.replay() {
            replay.clocks += 1;
            let (clock, paused) = (replay.clocks, replay.paused);
            if !paused {
                self.out.effects.push(Effect::Clock(STEP, clock));
            }
        }
    }

    /// Time has passed, so much of it.
    pub(in crate::core) fn clock(&mut self, clock: u64, elapsed: Duration) {
        let Some(replay) = self.replay().filter(|replay| replay.clocks == clock) else {
            return;
        };
        let before = replay.player.position();
        let news = replay.player.advance(elapsed);
        let second = before.as_secs() != replay.player.position().as_secs();
        self.out.dirty |= news || second;
        self.out.effects.push(Effect::Clock(STEP, clock));
    }

    fn with_player(&mut self, change: impl FnOnce(&mut Replay) -> Option<String>) {
        if let Some(words) = self.replay().and_then(change) {
            self.say(&words);
        }
    }

    pub(in crate::core) fn play_pause(&mut self) {
        self.pause(|paused| !paused);
    }

    fn pause(&mut self, change: impl FnOnce(bool) -> bool) {
        if let Some(replay) = self.replay() {
            replay.paused = change(replay.paused);
            // Who stands still does not follow.
            let goes_on = replay.recording().is_some_and(|recording| recording.ended.is_none());
            replay.player.set_going_on(goes_on && replay.loaded && !replay.paused);
            self.start_clock();
        }
    }

    pub(in crate::core) fn play_skip(&mut self, seconds: i64) {
        self.with_player(|replay| {
            replay.player.skip(seconds);
            None
        });
    }

    /// Goes to so many tenths of what there is.
    pub(in crate::core) fn play_tenths(&mut self, tenths: u32) {
        self.with_player(|replay| {
            let to = replay.player.length() * tenths / 10;
            replay.player.seek(to);
            None
        });
    }

    pub(in crate::core) fn play_speed(&mut self, faster: bool) {
        self.with_player(|replay| {
            replay.player.change_speed(faster);
            None
        });
    }

    pub(in crate::core) fn play_idle(&mut self) {
        self.with_player(|replay| {
            replay.player.toggle_idle();
            None
        });
    }

    pub(in crate::core) fn play_command(&mut self, forward: bool) {
        self.with_player(|replay| {
            let found = replay.player.seek_command(forward);
            let way = if forward { "later" } else { "earlier" };
            (!found).then(|| format!("There is no {way} command."))
        });
    }

    pub(in crate::core) fn ask_play_search(&mut self) {
        let (input, mistake) = (Input::default(), None);
        let purpose = Ask::Played;
        self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake }));
    }

    /// What is looked for was typed. Just Enter looks for the same again.
    pub(in crate::core) fn search_played(&mut self, query: String) {
        self.dialogs.layers.pop();
        if let Some(replay) = self.replay().filter(|_| !query.is_empty()) {
            replay.query = query;
        }
        self.play_find(true);
    }

    pub(in crate::core) fn no_play_query(&self) -> Option<String> {
        let Some(replay) = self.played() else {
            return Some("This works in the player.".to_owned());
        };
        replay
            .query
            .is_empty()
            .then(|| format!("Search first, with {}.", self.key_of("play-search")))
    }

    pub(in crate::core) fn play_find(&mut self, forward: bool) {
        self.with_player(|replay| {
            let query = replay.query.clone();
            if replay.player.find(&query, forward) {
                return None;
            }
            if !replay.loaded {
                replay.search = Some(forward);
                return None;
            }
            let way = if forward { "later" } else { "earlier" };
            Some(format!("“{query}” is not printed {way}."))
        });
        // There is something to be read.
        self.pause(|_| true);
    }

    pub(in crate::core) fn no_other_recording(&self) -> Option<String> {
        let Some(replay) = self.played() else {
            return Some("This works in the player.".to_owned());
        };
        let there = replay.record.recordings.iter().filter(|recording| !recording.removed);
        (there.count() < 2).then(|| "The session has one recording.".to_owned())
    }

    pub(in crate::core) fn play_other(&mut self) {
        if let Some(replay) = self.replay() {
            let count = replay.record.recordings.len();
            let order = (1..=count).map(|by| (replay.shown + by) % count);
            let there = |number: &usize| {
                replay.record.recordings.get(*number).is_some_and(|recording| !recording.removed)
            };
            let next = order.into_iter().find(there);
            replay.shown = next.unwrap_or(replay.shown);
            self.begin_recording();
        }
    }

    pub(in crate::core) fn stop_playing(&mut self) {
        self.dialogs.messages.settle();
        self.back();
        if self.settings.play.is_some() {
            self.out.effects.push(Effect::Quit);
        }
    }

    /// The console was opened to play something, and nothing else.
    pub(in crate::core) fn play_at_once(&mut self) {
        let playing = self.replay().is_some();
        if let Some((record, part)) = self.settings.play.clone().filter(|_| !playing) {
            self.open_player(Replay::of(record, part));
        }
    }
}

impl Room for Replay {
    fn context(&self) -> Context {
        Context::Player
    }
}
