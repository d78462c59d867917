//! What this console has asked, and what is done once the appliance has answered.

use super::{Console, Effect};
use jumpdeck_protocol::rep::{FromRep, RepReply, RepRequest, Request};
use jumpdeck_protocol::{ItemId, Outcome, Refusal, RefusalCode, RequestId, SessionId, control};
use std::collections::HashMap;
use std::fmt;

/// What a request is about, where others want to know whether one is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A session with this item begins.
    Start(ItemId),
    /// A session key is made.
    SessionKey,
    /// The machine of this session is pinned.
    Pin(SessionId),
    History(ItemId),
    Log(SessionId),
    Anything,
}

impl About {
    /// Whether a script goes on only once this is answered.
    const fn holds_scripts(self) -> bool {
        matches!(self, Self::Start(_) | Self::SessionKey)
    }
}

/// What is said if the link is lost before the answer comes.
#[derive(Clone, Debug)]
pub(super) enum IfLost {
    /// Nothing: it is asked again, or does not matter any more.
    Nothing,
    /// That it is not known what became of this.
    Unknown(String),
    Words(&'static str),
}

impl IfLost {
    fn words(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Unknown(name) => Some(format!(
                "The link was lost before the appliance answered about {name}; look again when it \
                 is back."
            )),
            Self::Words(words) => Some(words.to_owned()),
        }
    }
}

type Then = Box<dyn FnOnce(&mut Console, Outcome<RepReply>) + Send>;

struct Open {
    about: About,
    if_lost: IfLost,
    then: Then,
}

/// The requests that are under way.
#[derive(Default)]
pub(super) struct RequestBook {
    last: RequestId,
    open: HashMap<RequestId, Open>,
}

impl fmt::Debug for RequestBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.open.iter().map(|(id, open)| (id, open.about))).finish()
    }
}

impl RequestBook {
    /// Whether one is under way that is about this.
    pub(super) fn is_open(&self, about: About) -> bool {
        self.open.values().any(|open| open.about == about)
    }

    /// Whether one is under way that a script waits for.
    pub(super) fn holds_scripts(&self) -> bool {
        self.open.values().any(|open| open.about.holds_scripts())
    }

    /// The link is lost, and nothing will be answered. Returns what is to be said of it.
    pub(super) fn forget(&mut self) -> Vec<String> {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_by_key(|(id, _)| *id);
        open.into_iter().filter_map(|(_, open)| open.if_lost.words()).collect()
    }
}

impl Console {
    /// Asks the appliance, and does `then` with what it answers.
    pub(super) fn ask<R: Request>(
        &mut self,
        (about, if_lost): (About, IfLost),
        request: R,
        then: impl FnOnce(&mut Self, Result<R::Reply, Refusal>) + Send + 'static,
    ) {
        let then: Then = Box::new(|console, outcome| {
            let outcome = match outcome {
                Outcome::Ok(reply) => R::of_reply(reply).ok_or_else(odd),
                Outcome::Refused(refusal) => Err(refusal),
            };
            then(console, outcome);
        });
        self.send_request(Open { about, if_lost, then }, request.into());
    }

    /// Asks for something of which nobody needs to know but the rep: what it was, if it is refused,
    /// and what is said once it is done.
    pub(super) fn ask_for(
        &mut self,
        what: String,
        done: Option<String>,
        request: impl Request<Reply = ()>,
    ) {
        let note = (About::Anything, IfLost::Unknown(what.clone()));
        self.ask(note, request, move |console, outcome| match (outcome, done) {
            (Ok(()), Some(done)) => console.say(&done),
            (Ok(()), None) => {}
            (Err(refusal), _) => console.refused(&what, &refusal),
        });
    }

    /// The appliance has answered.
    pub(super) fn reply(&mut self, id: RequestId, outcome: Outcome<RepReply>) {
        self.out.dirty = true;
        if let Some(open) = self.link.requests.open.remove(&id) {
            (open.then)(self, outcome);
        }
    }

    /// Says that something was refused.
    pub(super) fn refused(&mut self, what: &str, refusal: &Refusal) {
        self.dialogs.messages.refused(self.now, what, refusal);
    }

    fn send_request(&mut self, open: Open, body: RepRequest) {
        let id = self.link.requests.last.next();
        self.link.requests.last = id;
        self.link.requests.open.insert(id, open);
        let message = FromRep::Request { id, body };
        self.out.effects.push(Effect::Send(control::encode(&message)));
    }
}

fn odd() -> Refusal {
    RefusalCode::Unsupported.because("the appliance gave an answer that does not fit the question")
}
