//! A session's log: what happened in it, written down and told to those who take part.

use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::book::channel::Channel;
use crate::bus::ApplianceEvent;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::log::{Attributes, LogEntry, LogEvent};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::session_policy::SessionPermission;
use jumpdeck_protocol::{ChannelId, Refusal, RefusalCode, SessionId, UserId, limits, text};
use jumpdeck_store::{History, Queries};
use jumpdeck_terminal::Seen;
use std::sync::Arc;

/// Writes the log of each session, and tells it to those who take part.
pub(crate) struct SessionLog {
    pub(super) base: Base,
    pub(super) book: Arc<Book>,
}

impl SessionLog {
    /// Writes an entry. Nothing if the session has ended.
    pub(crate) fn log(&self, session: SessionId, user: Option<UserId>, event: LogEvent) {
        self.log_at(session, user, event, None);
    }

    /// Writes down a command that was seen in a shell's output before this byte.
    pub(crate) fn log_command(&self, channel: &Channel, position: u64, seen: Seen) {
        let typist = channel.hub().typist();
        let Seen { command, source } = seen;
        let event = LogEvent::Command { channel: channel.id, command, source };
        self.log_at(channel.session, typist, event, Some((channel.id, position)));
    }

    fn log_at(
        &self,
        session: SessionId,
        user: Option<UserId>,
        event: LogEvent,
        position: Option<(ChannelId, u64)>,
    ) {
        let who = user.map(|user| self.base.world().username(user));
        self.write_down(session, who, event, position);
    }

    /// Writes an entry in the name of somebody who is no user.
    pub(crate) fn log_as(&self, session: SessionId, who: &str, event: LogEvent) {
        self.write_down(session, Some(who.into()), event, None);
    }

    fn write_down(
        &self,
        session: SessionId,
        who: Option<Box<str>>,
        event: LogEvent,
        position: Option<(ChannelId, u64)>,
    ) {
        let Some(mut entry) = self.entry(session, who, event) else {
            return;
        };
        entry.position = position.map(|(_, position)| position);
        let kept = History::Logged { session, entry: entry.clone(), position };
        self.base.store.note(move |draft| draft.history(kept.clone()));
        self.base.bus.publish(ApplianceEvent::Logged { session, entry: &entry });
    }

    fn entry(
        &self,
        session: SessionId,
        who: Option<Box<str>>,
        event: LogEvent,
    ) -> Option<LogEntry> {
        let number = self.book.next_entry(session, who.as_deref(), &event)?;
        Some(LogEntry { number, at: self.base.now(), who, event, position: None })
    }

    /// Writes an entry, and returns once it is on the disk.
    async fn log_surely(
        &self,
        session: SessionId,
        user: UserId,
        event: LogEvent,
    ) -> Result<(), Refusal> {
        let gone = || RefusalCode::SessionGone.plain();
        let who = Some(self.base.world().username(user));
        let entry = self.entry(session, who, event).ok_or_else(gone)?;
        let kept = History::Logged { session, entry: entry.clone(), position: None };
        let edit = move |draft: &mut jumpdeck_store::Draft| {
            draft.history(kept.clone());
            Ok(())
        };
        self.base.store.edit(edit).await?;
        self.base.bus.publish(ApplianceEvent::Logged { session, entry: &entry });
        Ok(())
    }

    /// A rep makes a note.
    pub(crate) async fn note(
        &self,
        rep: &RepLink,
        session: SessionId,
        text: &str,
    ) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Participant)?;
        self.log_surely(session, rep.user, LogEvent::Note { text: said(text)? }).await
    }

    /// A rep, or a program in a rep's name, gives a session attributes.
    async fn set_attributes(
        &self,
        rep: &RepLink,
        session: SessionId,
        attributes: Attributes,
    ) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Participant)?;
        let set = kept(attributes)?;
        self.log_surely(session, rep.user, LogEvent::Attributes { set }).await
    }

    /// A rep writes to the others.
    async fn chat(&self, rep: &RepLink, session: SessionId, text: &str) -> Result<(), Refusal> {
        self.book.takes_part(session, rep.user, Part::Observer)?;
        self.book.session_allows(session, SessionPermission::Chat)?;
        self.log_surely(session, rep.user, LogEvent::Chat { text: said(text)? }).await
    }

    /// A part of a session's log, for anyone who takes or took part, and whether there is more.
    async fn read_log(
        &self,
        rep: &RepLink,
        session: SessionId,
        after: u64,
    ) -> Result<(Vec<LogEntry>, bool), Refusal> {
        let takes_part = self.book.part(session, rep.user).is_some();
        let user = rep.user;
        let read = move |past: &dyn Queries| {
            if takes_part {
                past.log_after(session, after).map(Some)
            } else {
                past.log_after_for(session, after, user)
            }
        };
        let found = self.base.store.read(read).await?;
        found.ok_or_else(|| {
            let detail = format!("There is no session {session}, or you took no part in it.");
            RefusalCode::InvalidValue.because(detail)
        })
    }
}

impl Answered for request::Chat {
    type By = SessionLog;

    async fn answer(self, log: &Arc<SessionLog>, rep: &RepLink) -> Result<(), Refusal> {
        log.chat(rep, self.session, &self.text).await
    }
}

impl Answered for request::Note {
    type By = SessionLog;

    async fn answer(self, log: &Arc<SessionLog>, rep: &RepLink) -> Result<(), Refusal> {
        log.note(rep, self.session, &self.text).await
    }
}

impl Answered for request::Log {
    type By = SessionLog;

    async fn answer(self, log: &Arc<SessionLog>, rep: &RepLink) -> Result<reply::LogPart, Refusal> {
        let (entries, more) = log.read_log(rep, self.session, self.after).await?;
        Ok(reply::LogPart { entries, more })
    }
}

impl Answered for request::SetAttributes {
    type By = SessionLog;

    async fn answer(self, log: &Arc<SessionLog>, rep: &RepLink) -> Result<(), Refusal> {
        log.set_attributes(rep, self.session, self.attributes).await
    }
}

/// What somebody wrote, as it is kept.
fn said(words: &str) -> Result<Box<str>, Refusal> {
    let words = text::clean(words.trim());
    if words.is_empty() {
        return Err(RefusalCode::InvalidValue.because("There is nothing to send."));
    }
    if words.chars().count() > limits::COMMENTS {
        let detail = format!("A message has at most {} characters.", limits::COMMENTS);
        return Err(RefusalCode::InvalidValue.because(detail));
    }
    Ok(words.into())
}

/// Attributes as they are kept.
///
/// # Errors
/// `invalid_value` beyond the limits of DOMAIN 9.
pub(crate) fn kept(attributes: Attributes) -> Result<Attributes, Refusal> {
    let wrong = |what: &str| Err(RefusalCode::InvalidValue.because(what));
    let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits::ATTRIBUTES {
        return wrong("the attributes of a session have at most 10 KiB");
    }
    let long = |text: &str| text.chars().count() > limits::ATTRIBUTE;
    if attributes.iter().any(|(name, value)| name.is_empty() || long(name) || long(value)) {
        return wrong(
            "an attribute has a name, and at most 1,024 characters in that and its value",
        );
    }
    let clean = |text: Box<str>| text::clean(&text).into();
    Ok(attributes.into_iter().map(|(name, value)| (clean(name), clean(value))).collect())
}
