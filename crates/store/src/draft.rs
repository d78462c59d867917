//! A World in the making, and the rows that will make it so on the disk.

use jumpdeck_protocol::audit::{Action, AuditEvent, kept};
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::session::Family;
use jumpdeck_protocol::session::{EndReason, ExitStatus, Size, Terms};
use jumpdeck_protocol::{
    ChannelId, EndpointId, ItemId, Refusal, Revision, SessionId, Timestamp, UserId,
};
use jumpdeck_world::Share;
use jumpdeck_world::World;
use jumpdeck_world::{Document, DocumentId};
use std::ops::Deref;

/// The World as it will be once everything before and in this edit is committed.
pub struct Draft {
    world: World,
    rows: Vec<StoredRow>,
}

/// One row to write.
pub(crate) enum StoredRow {
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
pub struct AuditRecord<'a> {
    /// The user; empty for what happened by itself.
    pub who: &'a str,
    pub action: Action,
    pub subject: &'a str,
    pub detail: &'a str,
}

/// Seconds this database has been served, over all starts. Nobody can set them, and time during
/// which the appliance did not run is not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lived(pub i64);

impl Lived {
    /// Seconds since an earlier moment.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default()
    }
}

/// When a machine was last linked and when it last went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub endpoint: EndpointId,
    pub connected: bool,
    pub at: Timestamp,
    /// The same by the clock that nobody sets; nothing in databases of before.
    pub lived: Option<Lived>,
}

/// What happened; appended, not edited.
#[derive(Clone, Debug)]
pub enum History {
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
        family: Family,
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
    /// Its file is gone.
    RecordingRemoved {
        channel: ChannelId,
    },
    Seen(Seen),
    /// How long the database has been served.
    Lived(Lived),
    /// A machine was removed: when it was seen does not matter any more.
    Forgotten(EndpointId),
}

impl Draft {
    pub const fn new(world: World) -> Self {
        Self { world, rows: Vec::new() }
    }

    /// Runs one edit; what a refused one did is undone.
    pub(crate) fn attempt<T>(
        &mut self,
        edit: impl Fn(&mut Self) -> Result<T, Refusal>,
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
    pub fn put(&mut self, document: impl Into<Document>) -> Result<(), Refusal> {
        let document = document.into();
        let (id, revision) = (document.id(), self.world.revision().next());
        let body = Some(crate::codec::encode(&document)?);
        self.world.put(revision, document);
        self.rows.push(StoredRow::Document { id, revision, body });
        Ok(())
    }

    /// Removes a document under the next revision.
    pub fn remove(&mut self, id: DocumentId) {
        let revision = self.world.revision().next();
        self.world.remove(revision, id);
        self.rows.push(StoredRow::Document { id, revision, body: None });
    }

    /// Appends to the history.
    pub fn history(&mut self, history: History) {
        self.rows.push(StoredRow::History(history));
    }

    /// Writes down that something was done. Together with the rest of the edit, or not at all.
    pub fn audit(&mut self, at: Timestamp, deed: AuditRecord<'_>) {
        let AuditRecord { who, action, subject, detail } = deed;
        self.rows.push(StoredRow::Audit(AuditEvent {
            number: 0,
            at,
            who: kept(who),
            action: action.word().into(),
            subject: kept(subject),
            detail: kept(detail),
            hash: "".into(),
        }));
    }

    /// The same in the name of a user.
    pub fn audit_by(
        &mut self,
        at: Timestamp,
        user: UserId,
        action: Action,
        (subject, detail): (&str, &str),
    ) {
        let who = self.world.username(user);
        self.audit(at, AuditRecord { who: &who, action, subject, detail });
    }

    pub(crate) fn finish(self) -> (World, Vec<StoredRow>) {
        (self.world, self.rows)
    }
}

impl Deref for Draft {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}
