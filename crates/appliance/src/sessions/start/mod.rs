//! The start of a session: the stages that it passes, then the session itself.

mod enter;
mod join;
mod pending;
pub(crate) mod stages;

use super::open::check_kind;
use crate::accounts::second_factor::SecondFactors;
use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::links::Links;
use crate::links::asking::Asking;
use crate::links::consoles::RepLink;
use crate::sessions::customer::Customers;
use crate::sessions::end::Endings;
use crate::sessions::log::SessionLog;
use crate::sessions::open::ChannelOpening;
use crate::sessions::sharing::Sharing;
use crate::sessions::withdraw::Withdrawal;
use jumpdeck_policy::Decision;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::request::StartSession;
use jumpdeck_protocol::session::SessionView;
use jumpdeck_protocol::{Refusal, RefusalCode, limits, text};
use jumpdeck_world::rights::Start;
use pending::PendingStart;
use stages::{Passed, Stage};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Starts sessions.
pub(crate) struct Starting {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) customers: Arc<Customers>,
    pub(super) endings: Arc<Endings>,
    pub(super) log: Arc<SessionLog>,
    pub(super) opening: Arc<ChannelOpening>,
    pub(super) second_factors: Arc<SecondFactors>,
    pub(super) sharing: Arc<Sharing>,
    pub(super) withdrawal: Arc<Withdrawal>,
    /// Machines with which a session is being started that must be the only one.
    pub(super) alone: Asking,
    pub(super) starts: Arc<Semaphore>,
}

impl Starting {
    async fn start_session(
        self: &Arc<Self>,
        rep: &RepLink,
        asked: StartSession,
    ) -> Result<SessionView, Refusal> {
        let mut start = self.begin(rep, asked)?;
        for stage in Stage::ALL {
            if let Passed::Joined(session) = stage.pass(self, &mut start).await? {
                return Ok(session);
            }
        }
        self.enter_and_open(start).await
    }

    /// What is asked for, if it makes sense at all.
    fn begin<'s>(
        &self,
        rep: &'s RepLink,
        asked: StartSession,
    ) -> Result<PendingStart<'s>, Refusal> {
        check_kind(&asked.kind)?;
        let world = self.base.world();
        let gone = || RefusalCode::JumpItemGone.plain();
        let nothing = Decision::of(Vec::new());
        Ok(PendingStart {
            rep,
            item: Arc::clone(world.item(asked.item).ok_or_else(gone)?),
            kind: asked.kind,
            code: asked.code,
            override_schedule: asked.override_schedule,
            reason: asked.reason.as_deref().and_then(reason_of),
            why: Start { decision: nothing, refusal: None, overrides: None },
            machine: None,
            question: None,
            turn: None,
        })
    }
}

impl Answered for StartSession {
    type By = Starting;

    async fn answer(self, starting: &Arc<Starting>, rep: &RepLink) -> Result<SessionView, Refusal> {
        let item = self.item;
        let started = starting.start_session(rep, self).await;
        if let Err(refusal) = &started {
            let who = starting.base.world().username(rep.user);
            let (subject, why) = (format!("item {item}"), refusal.code.as_str());
            let detail = format!("{why}: {}", refusal.detail);
            starting.base.audit.record_often(&who, Action::SessionRefused, &subject, &detail);
        }
        started
    }
}

fn reason_of(typed: &str) -> Option<String> {
    let reason = text::bounded(typed.trim(), limits::COMMENTS);
    Some(reason).filter(|reason| !reason.is_empty())
}
