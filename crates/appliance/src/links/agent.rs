//! The link of an agent: what is asked of it, and what it may say unasked.

use crate::clock::Uptime;
use crate::links::liveness::Liveness;
use jumpdeck_link::Outbox;
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest, ToAgent};
use jumpdeck_protocol::{LinkId, Outcome, Refusal, RefusalCode, RequestId, limits, text};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// An agent's live link.
#[derive(Debug)]
pub(crate) struct AgentLink {
    pub id: LinkId,
    pub outbox: Outbox,
    /// A person sits at the agent's own terminal.
    pub attended: bool,
    /// What its process drew at its start.
    run: u64,
    /// When it was made.
    since: Instant,
    calls: Mutex<Calls>,
    /// The second in which its person spoke last, and how often then.
    spoken: Mutex<(Uptime, u32)>,
    /// The kinds of [`Stray`] that were heard of it, a bit each.
    strayed: AtomicU8,
    /// Whether it answers.
    pub liveness: Liveness,
}

/// What an agent says that is not for it to say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stray {
    /// Output of another machine's channel.
    Output,
    /// Room for input to another machine's channel.
    Credit,
    /// That another machine's channel goes on.
    Attached,
    /// That another machine's program ended.
    Exited,
    /// That another machine's channel is gone.
    Gone,
    /// Whether another machine's terminal prints what is typed.
    Echo,
    /// That a person wants no session, where none sits.
    Stopped,
    /// What a person said, where none sits.
    Said,
}

impl Stray {
    /// What it is called in the audit.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Credit => "room for input",
            Self::Attached => "an attach",
            Self::Exited => "an exit",
            Self::Gone => "a channel's loss",
            Self::Echo => "a terminal's echo",
            Self::Stopped => "an end by the customer",
            Self::Said => "words of the customer",
        }
    }
}

/// How long a machine that is linked may take to show that it lives, when another comes with its
/// key.
const STILL_THERE: Duration = Duration::from_secs(3);
/// How long a link must have stood for its own process to replace it without a question.
const STOOD: Duration = Duration::from_secs(10);

/// Lines of the person at a machine in one second, at most.
const LINES: u32 = 5;

#[derive(Debug, Default)]
struct Calls {
    last: RequestId,
    waiting: HashMap<RequestId, oneshot::Sender<Result<AgentReply, Refusal>>>,
}

impl AgentLink {
    pub(crate) fn new(id: LinkId, outbox: Outbox, attended: bool, run: u64) -> Self {
        let (calls, spoken, strayed, liveness) = <_>::default();
        Self { id, outbox, attended, run, since: Instant::now(), calls, spoken, strayed, liveness }
    }

    /// Whether this machine still lives: it answers whatever it is asked.
    pub(crate) async fn answers(&self) -> bool {
        let answer = self.call(AgentRequest::Customer, STILL_THERE).await;
        !matches!(
            answer,
            Err(refusal) if matches!(
                refusal.code,
                RefusalCode::SpawnTimeout | RefusalCode::JumpClientOffline
            )
        )
    }

    /// Whether a new link of the same process may take this one's place at once: it has moved.
    pub(crate) fn is_of(&self, run: u64) -> bool {
        run != 0 && self.run == run && self.since.elapsed() > STOOD
    }

    /// Notes that it strayed. Returns whether it did so in this way for the first time.
    pub(crate) fn strays_anew(&self, what: Stray) -> bool {
        let kind = 1 << what as u8;
        self.strayed.fetch_or(kind, Ordering::Relaxed) & kind == 0
    }

    /// Whether what its person says is heard: not more than a person says.
    pub(crate) fn may_speak(&self, now: Uptime) -> bool {
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        if spoken.0 != now {
            *spoken = (now, 0);
        }
        spoken.1 += 1;
        spoken.1 <= LINES
    }

    /// Tells the agent something.
    pub(crate) fn order(&self, order: AgentOrder) {
        self.outbox.send(&ToAgent::Notice { body: order });
    }

    /// Asks the agent something and waits for its answer.
    pub(crate) async fn call(
        &self,
        request: AgentRequest,
        patience: Duration,
    ) -> Result<AgentReply, Refusal> {
        let (answer, answered) = oneshot::channel();
        let id = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.last = calls.last.next();
            let id = calls.last;
            calls.waiting.insert(id, answer);
            id
        };
        self.outbox.send(&ToAgent::Request { id, body: request });
        let outcome = tokio::time::timeout(patience, answered).await;
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&id);
        match outcome {
            Ok(Ok(result)) => result.map_err(|refusal| Refusal {
                detail: text::bounded(&refusal.detail, limits::FACT),
                ..refusal
            }),
            Ok(Err(_)) => Err(RefusalCode::JumpClientOffline.plain()),
            Err(_) => Err(RefusalCode::SpawnTimeout.plain()),
        }
    }

    /// The answer to a call arrived. Returns whether there was such a call.
    pub(crate) fn answered(&self, id: RequestId, outcome: Outcome<AgentReply>) -> bool {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = calls.waiting.remove(&id);
        // Anyone who asked may have given up.
        waiting.is_some_and(|waiting| waiting.send(outcome.into()).is_ok())
    }

    /// The link is gone: callers that wait get an error.
    pub(crate) fn hang_up(&self) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).waiting.clear();
    }
}
