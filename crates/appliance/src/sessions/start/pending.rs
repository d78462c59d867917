//! A start on its way.

use crate::links::agent::AgentLink;
use crate::links::asking::AskingTurn;
use crate::links::consoles::RepLink;
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::session::ChannelKind;
use jumpdeck_protocol::{EndpointId, Refusal, RefusalCode};
use jumpdeck_world::Item;
use jumpdeck_world::rights::Start;
use std::sync::Arc;

/// A start on its way through the stages.
pub(super) struct PendingStart<'s> {
    pub rep: &'s RepLink,
    pub item: Arc<Item>,
    /// What its first channel will be.
    pub kind: ChannelKind,
    pub code: Option<Secret>,
    pub override_schedule: bool,
    /// Why a schedule is overridden, in the rep's words.
    pub reason: Option<String>,
    /// What has let it pass so far.
    pub why: Start,
    /// The machine, once something leads there.
    pub machine: Option<(EndpointId, Arc<AgentLink>)>,
    /// Nobody else asks the person there meanwhile.
    pub question: Option<AskingTurn<'s>>,
    /// Nobody else starts a session there meanwhile.
    pub turn: Option<AskingTurn<'s>>,
}

impl PendingStart<'_> {
    /// The machine and its agent, in stages after the one that finds them.
    pub(super) fn machine(&self) -> Result<(EndpointId, &Arc<AgentLink>), Refusal> {
        let machine = self.machine.as_ref().map(|(endpoint, agent)| (*endpoint, agent));
        machine.ok_or_else(|| RefusalCode::JumpClientOffline.plain())
    }

    /// Takes a decision on it. Anyone who overrides a schedule says why.
    pub(super) fn decided(&mut self, why: Start) -> Result<(), Refusal> {
        if let Some(refusal) = why.refusal {
            return Err(refusal);
        }
        if let (Some(policy), None) = (&why.overrides, &self.reason) {
            return Err(RefusalCode::ReasonRequired.because(policy.clone()));
        }
        self.why = why;
        Ok(())
    }
}
