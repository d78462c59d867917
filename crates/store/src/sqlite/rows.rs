//! How what happened is written.

use crate::draft::{History, Seen};
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::session::{EndReason, ExitStatus, Part};
use jumpdeck_protocol::{ChannelId, SessionId};
use jumpdeck_world::Share;
use rusqlite::{Transaction, params};

impl History {
    #[expect(clippy::too_many_lines, reason = "a statement for each kind, one after the other")]
    pub(crate) fn write(&self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
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
            Self::ChannelOpened { channel, errors, session, family, recorded, size, at } => transaction
                .prepare_cached(
                    "INSERT INTO channels (id, errors, session, is_shell, opened, recorded, columns, rows, family)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                )?
                .execute(params![
                    channel.0.cast_signed(),
                    errors.map(|errors| errors.0.cast_signed()),
                    session.0.cast_signed(),
                    family.nature().terminal,
                    at.0,
                    recorded,
                    size.map(|size| size.columns),
                    size.map(|size| size.rows),
                    family.as_str()
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
            Self::RecordingRemoved { channel } => transaction
                .prepare_cached("UPDATE recordings SET removed = 1 WHERE channel = ?1")?
                .execute([channel.0.cast_signed()])?,
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
