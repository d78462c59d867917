//! A World in the making, and the rows that will make it so on the disk.

use crate::clock::Lived;
use crate::share::Share;
use jumpdeck_protocol::audit::{AuditEvent, kept};
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::session::{EndReason, ExitStatus, Part, Size, Terms};
use jumpdeck_protocol::{
    ChannelId, EndpointId, ItemId, Refusal, Revision, SessionId, Timestamp, UserId,
};
use jumpdeck_world::World;
use jumpdeck_world::{Document, DocumentId};
use rusqlite::{Transaction, params};
use std::ops::Deref;

/// The World as it will be once everything before and in this edit is committed.
pub(crate) struct Draft {
    world: World,
    rows: Vec<Row>,
}

/// One row to write.
pub(super) enum Row {
    Document {
        id: DocumentId,
        revision: Revision,
        /// Nothing once it was removed.
        body: Option<Vec<u8>>,
    },
    History(History),
    /// An event of the audit; it gets its number and its hash when it is written.
    Audit(AuditEvent),
}

/// What was done that has consequences.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed<'a> {
    /// The user; empty for what happened by itself.
    pub who: &'a str,
    /// A stable word.
    pub action: &'static str,
    pub subject: &'a str,
    pub detail: &'a str,
}

/// When a machine was last linked and when it last went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub endpoint: EndpointId,
    pub connected: bool,
    pub at: Timestamp,
    /// The same by the clock that nobody sets; nothing in databases of before.
    pub lived: Option<Lived>,
}

/// What happened; appended, not edited.
pub(crate) enum History {
    SessionStarted {
        session: SessionId,
        item: ItemId,
        item_name: String,
        user: UserId,
        endpoint: EndpointId,
        terms: Terms,
        at: Timestamp,
    },
    ChannelOpened {
        channel: ChannelId,
        errors: Option<ChannelId>,
        session: SessionId,
        is_shell: bool,
        recorded: bool,
        size: Option<Size>,
        at: Timestamp,
    },
    ChannelClosed {
        channel: ChannelId,
        status: Option<ExitStatus>,
        at: Timestamp,
    },
    SessionEnded {
        session: SessionId,
        reason: EndReason,
        at: Timestamp,
    },
    /// An entry of a session's log; for a command, the end of the output it was seen in.
    Logged {
        session: SessionId,
        entry: LogEntry,
        position: Option<(ChannelId, u64)>,
    },
    /// A user takes part in a session, or does not any more.
    Part {
        session: SessionId,
        user: UserId,
        part: Option<Share>,
    },
    /// A session has another owner; the former one stays.
    Owner {
        session: SessionId,
        user: UserId,
        former: UserId,
    },
    RecordingStarted {
        channel: ChannelId,
        session: SessionId,
        user: UserId,
        at: Timestamp,
    },
    RecordingClosed {
        channel: ChannelId,
        bytes: u64,
        sha256: String,
        at: Timestamp,
    },
    Seen(Seen),
    /// How long the database has been served.
    Lived(Lived),
    /// A machine was removed: when it was seen does not matter any more.
    Forgotten(EndpointId),
}

impl Draft {
    pub(crate) const fn new(world: World) -> Self {
        Self { world, rows: Vec::new() }
    }

    /// Runs one edit; what a refused one did is undone.
    pub(super) fn attempt<T>(
        &mut self,
        edit: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (world, rows) = (self.world.clone(), self.rows.len());
        let outcome = edit(self);
        if outcome.is_err() {
            self.world = world;
            self.rows.truncate(rows);
        }
        outcome
    }

    /// Writes a document under the next revision.
    pub(crate) fn put(&mut self, document: impl Into<Document>) -> Result<(), Refusal> {
        let document = document.into();
        let (id, revision) = (document.id(), self.world.revision().next());
        let body = Some(super::encode(&document)?);
        self.world.put(revision, document);
        self.rows.push(Row::Document { id, revision, body });
        Ok(())
    }

    /// Removes a document under the next revision.
    pub(crate) fn remove(&mut self, id: DocumentId) {
        let revision = self.world.revision().next();
        self.world.remove(revision, id);
        self.rows.push(Row::Document { id, revision, body: None });
    }

    /// Appends to the history.
    pub(crate) fn history(&mut self, history: History) {
        self.rows.push(Row::History(history));
    }

    /// Writes down that something was done. Together with the rest of the edit, or not at all.
    pub(crate) fn audit(&mut self, at: Timestamp, deed: Deed<'_>) {
        let Deed { who, action, subject, detail } = deed;
        self.rows.push(Row::Audit(AuditEvent {
            number: 0,
            at,
            who: kept(who),
            action: action.into(),
            subject: kept(subject),
            detail: kept(detail),
            hash: "".into(),
        }));
    }

    /// The same in the name of a user.
    pub(crate) fn audit_by(
        &mut self,
        at: Timestamp,
        user: UserId,
        action: &'static str,
        (subject, detail): (&str, &str),
    ) {
        let who = self.world.username(user);
        self.audit(at, Deed { who: &who, action, subject, detail });
    }

    pub(super) fn finish(self) -> (World, Vec<Row>) {
        (self.world, self.rows)
    }
}

impl Deref for Draft {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl History {
    #[expect(clippy::too_many_lines, reason = "a statement for each kind, one after the other")]
    pub(super) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        match self {
            Self::SessionStarted { session, item, item_name, user, endpoint, terms, at } => transaction
                .prepare_cached(
                    "INSERT INTO sessions (id, item, item_name, user, started, customer, recording, start_mode, endpoint, granted, attended)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    session.0.cast_signed(),
                    item.0.cast_signed(),
                    item_name,
                    user.0.cast_signed(),
                    at.0,
                    terms.customer_present,
                    terms.recording,
                    terms.start_mode.word(),
                    endpoint.0.cast_signed(),
                    serde_json::to_string(&terms.granted)
                        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?,
                    terms.attended,
                ])?,
            Self::ChannelOpened { channel, errors, session, is_shell, recorded, size, at } => transaction
                .prepare_cached(
                    "INSERT INTO channels (id, errors, session, is_shell, opened, recorded, columns, rows)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    channel.0.cast_signed(),
                    errors.map(|errors| errors.0.cast_signed()),
                    session.0.cast_signed(),
                    is_shell,
                    at.0,
                    recorded,
                    size.map(|size| size.columns),
                    size.map(|size| size.rows)
                ])?,
            Self::ChannelClosed { channel, status, at } => transaction
                .prepare_cached("UPDATE channels SET closed = ?2, status = ?3 WHERE id = ?1")?
                .execute(params![
                    channel.0.cast_signed(),
                    at.0,
                    status.map(ExitStatus::as_code)
                ])?,
            Self::SessionEnded { session, reason, at } => transaction
                .prepare_cached("UPDATE sessions SET ended = ?2, reason = ?3 WHERE id = ?1")?
                .execute(params![session.0.cast_signed(), at.0, word(reason)])?,
            Self::Logged { session, entry, position } => logged(transaction, *session, entry, *position)?,
            Self::Part { session, user, part: Some(part) } => transaction
                .prepare_cached(
                    "INSERT INTO participants (session, user, part) VALUES (?1, ?2, ?3)
                     ON CONFLICT (session, user) DO UPDATE SET part = ?3",
                )?
                .execute(params![session.0.cast_signed(), user.0.cast_signed(), part.word()])?,
            Self::Part { session, user, part: None } => transaction
                .prepare_cached("DELETE FROM participants WHERE session = ?1 AND user = ?2")?
                .execute(params![session.0.cast_signed(), user.0.cast_signed()])?,
            Self::Owner { session, user, former } => {
                let participant = Share::Invited(Part::Participant).word();
                let (session, user, former) =
                    (session.0.cast_signed(), user.0.cast_signed(), former.0.cast_signed());
                transaction.execute("UPDATE sessions SET user = ?2 WHERE id = ?1", params![session, user])?;
                transaction.execute(
                    "DELETE FROM participants WHERE session = ?1 AND user = ?2",
                    params![session, user],
                )?;
                transaction.execute(
                    "INSERT INTO participants (session, user, part) VALUES (?1, ?2, ?3)
                     ON CONFLICT (session, user) DO UPDATE SET part = ?3",
                    params![session, former, participant],
                )?
            }
            Self::RecordingStarted { channel, session, user, at } => transaction
                .prepare_cached(
                    "INSERT INTO recordings (channel, session, user, started) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    channel.0.cast_signed(),
                    session.0.cast_signed(),
                    user.0.cast_signed(),
                    at.0
                ])?,
            Self::RecordingClosed { channel, bytes, sha256, at } => transaction
                .prepare_cached(
                    "UPDATE recordings SET ended = ?2, bytes = ?3, sha256 = ?4 WHERE channel = ?1",
                )?
                .execute(params![channel.0.cast_signed(), at.0, bytes.cast_signed(), sha256])?,
            Self::Seen(Seen { endpoint, connected, at, lived }) => transaction
                .prepare_cached(
                    "INSERT INTO seen (item, connected, at, lived) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (item) DO UPDATE SET connected = ?2, at = ?3, lived = ?4",
                )?
                .execute(params![
                    endpoint.0.cast_signed(),
                    connected,
                    at.0,
                    lived.map(|lived| lived.0)
                ])?,
            Self::Lived(lived) => {
                transaction.prepare_cached("UPDATE meta SET lived = ?1")?.execute([lived.0])?
            }
            Self::Forgotten(endpoint) => transaction
                .prepare_cached("DELETE FROM seen WHERE item = ?1")?
                .execute(params![endpoint.0.cast_signed()])?,
        };
        Ok(())
    }
}

fn logged(
    transaction: &Transaction<'_>,
    session: SessionId,
    entry: &LogEntry,
    position: Option<(ChannelId, u64)>,
) -> rusqlite::Result<usize> {
    let event = serde_json::to_string(&entry.event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction
        .prepare_cached(
            "INSERT INTO session_events (session, number, at, who, event, channel, position)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            session.0.cast_signed(),
            entry.number.cast_signed(),
            entry.at.0,
            entry.who,
            event,
            position.map(|(channel, _)| channel.0.cast_signed()),
            position.map(|(_, position)| position.cast_signed()),
        ])
}

const fn word(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::Exited(_) => "exited",
        EndReason::StartFailed => "start_failed",
        EndReason::EndedByRep => "ended_by_rep",
        EndReason::AgentLost => "agent_lost",
        EndReason::ConsoleGone => "console_gone",
        EndReason::ApplianceStopped => "appliance_stopped",
        EndReason::Idle => "idle",
        EndReason::EndedByCustomer => "ended_by_customer",
        EndReason::ScheduleClosed => "schedule_closed",
        EndReason::RightsWithdrawn => "rights_withdrawn",
    }
}
