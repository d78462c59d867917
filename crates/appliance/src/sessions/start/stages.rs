//! The stages of a start, in order. A stage lets it pass, refuses it, or ends it early. What a
//! stage can say beforehand, without asking anybody, `explain` and `!` show.

use super::Starting;
use super::pending::PendingStart;
use crate::accounts::second_factor::has_one;
use crate::book::Book;
use crate::links::Links;
use crate::sessions::beside::{Beside, beside};
use crate::sessions::open::starting;
use jumpdeck_policy::{Attempt, Code, Decision, SimultaneousJumps, Step};
use jumpdeck_protocol::agent::AgentOrder;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::session::SessionView;
use jumpdeck_protocol::{Refusal, RefusalCode, Timestamp};
use jumpdeck_world::rights::Start;
use jumpdeck_world::{Item, Reach, User, World};
use std::sync::Arc;

/// A stage of a start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// The user sees the item and may start it: role, method, and the Jump Policies' schedule,
    /// approval, ticket and second factor. [`World::may_start`] decides.
    Rights,
    /// Something leads to the machine.
    Reach,
    /// The machine's agent is there.
    Machine,
    /// The person of a machine in a queue lets the rep in.
    Person,
    /// Where the Jump Policy allows one session at a time, one start at a time.
    Turn,
    /// The appliance has room for one more that starts.
    Capacity,
    /// The code of the second factor is spent. Nothing else can refuse by then.
    SecondFactor,
    /// The audit records that a schedule is overridden.
    Override,
    /// Somebody has a session with the machine: join it, or be refused, or have one's own.
    Join,
}

/// What became of a start in a stage.
pub(super) enum Passed {
    On,
    /// It is a part in a session that somebody else has.
    Joined(SessionView),
}

/// Who asks what a start would meet.
pub(crate) struct Onlooker<'a> {
    pub world: &'a World,
    pub user: &'a User,
    pub item: &'a Item,
    /// Who is linked and in a session, and the time; nothing if another moment is asked about.
    pub now: Option<(&'a Links, &'a Book, Timestamp)>,
}

impl Stage {
    pub(super) const ALL: &[Self] = &[
        Self::Rights,
        Self::Reach,
        Self::Machine,
        Self::Person,
        Self::Turn,
        Self::Capacity,
        Self::SecondFactor,
        Self::Override,
        Self::Join,
    ];

    /// What the first stage after the rights has to say that says anything.
    pub(crate) fn first_say(onlooker: &Onlooker<'_>) -> Option<Step> {
        Self::ALL.iter().find_map(|stage| stage.says(onlooker))
    }

    fn says(self, onlooker: &Onlooker<'_>) -> Option<Step> {
        match self {
            // Anyone who explains asks the World itself, about any action.
            Self::Rights => None,
            Self::Reach => reach(onlooker.item).err(),
            Self::Machine => onlooker.machine(),
            Self::Join => onlooker.join(),
            // These ask somebody, or hold for a moment only.
            Self::Person | Self::Turn | Self::Capacity | Self::SecondFactor | Self::Override => {
                None
            }
        }
    }

    pub(super) async fn pass<'s>(
        self,
        starting: &'s Starting,
        start: &mut PendingStart<'s>,
    ) -> Result<Passed, Refusal> {
        match self {
            Self::Rights => starting.rights(start)?,
            Self::Reach => {
                let unsupported = |_| {
                    let method = start.item.view.method.title();
                    let detail = format!("{method} sessions are not supported yet");
                    RefusalCode::Unsupported.because(detail)
                };
                reach(&start.item).map_err(unsupported)?;
            }
            Self::Machine => starting.machine(start)?,
            Self::Person => starting.person(start).await?,
            Self::Turn => starting.turn(start)?,
            Self::Capacity => starting.capacity(start)?,
            Self::SecondFactor => starting.second_factor(start).await?,
            Self::Override => starting.audit_override(start),
            Self::Join => {
                let joined = starting.join_instead(start.rep, &start.item, &start.kind)?;
                return Ok(joined.map_or(Passed::On, Passed::Joined));
            }
        }
        Ok(Passed::On)
    }
}

/// What leads to the machine, or what says that nothing does.
fn reach(item: &Item) -> Result<Reach, Step> {
    let source = || format!("a {} session", item.view.method.title());
    item.reach().ok_or_else(|| Step::denies(source(), "is not supported yet"))
}

impl Onlooker<'_> {
    fn machine(&self) -> Option<Step> {
        let (links, ..) = self.now?;
        let Reach::Agent(endpoint) = self.item.reach()?;
        let code = links.agents.startable(endpoint).err()?;
        Some(Step::denies("the machine", format!("says: {}", code.sentence())))
    }

    fn join(&self) -> Option<Step> {
        let (_, book, at) = self.now?;
        let (beside, source) = beside(book, self.world, (self.user, self.item), at);
        match beside {
            Beside::Alone => None,
            Beside::Joins(other) => {
                let owner = self.world.username(other.owner);
                let says = format!("lets reps who jump join the session of {owner}");
                Some(Step::allows(source, says))
            }
            Beside::Denied { owner, .. } => {
                let owner = owner.unwrap_or_else(|| "somebody".into());
                let says = format!("lets nobody in beside {owner}, who is in a session with it");
                Some(Step::denies(source, says))
            }
        }
    }
}

impl Starting {
    /// A code of the second factor that was given is taken for right until it is spent.
    fn rights(&self, start: &mut PendingStart<'_>) -> Result<(), Refusal> {
        let world = self.base.world();
        let user = world.user(start.rep.user);
        let user = user.ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let gone = || RefusalCode::JumpItemGone.plain();
        // As this World has it, in which the user is judged.
        start.item = Arc::clone(world.item(start.item.view.id).ok_or_else(gone)?);
        if let Place::Queue(queue) = start.item.view.place {
            if !world.serves(user.id, queue) {
                return Err(gone());
            }
            let because = vec![Step::allows("the queue", "is one that the user serves")];
            let decision = Decision::of(because);
            return start.decided(Start { decision, refusal: None, overrides: None });
        }
        if !world.sees(user, start.item.view.place) {
            return Err(gone());
        }
        let second_factor = if start.code.is_some() { Code::Promised } else { Code::None };
        let attempt = Attempt { overrides: start.override_schedule, second_factor };
        let why = world.may_start(user, &start.item, self.base.now(), attempt);
        start.decided(why).map_err(|refusal| match refusal.code {
            RefusalCode::SecondFactorRequired if !has_one(&world, user.id) => {
                RefusalCode::SecondFactorUnknown.because(refusal.detail)
            }
            _ => refusal,
        })
    }

    fn machine(&self, start: &mut PendingStart<'_>) -> Result<(), Refusal> {
        let found = match start.item.reach() {
            Some(Reach::Agent(endpoint)) => {
                self.links.agents.startable(endpoint).map(|agent| (endpoint, agent))
            }
            None => Err(RefusalCode::Unsupported),
        };
        let named = |code: RefusalCode| code.because(start.item.view.name.to_string());
        start.machine = Some(found.map_err(named)?);
        Ok(())
    }

    /// Takes a machine out of its queue, if the person there allows it.
    async fn person<'s>(&'s self, start: &mut PendingStart<'s>) -> Result<(), Refusal> {
        if !start.item.is_visitor() {
            return Ok(());
        }
        let (endpoint, agent) = start.machine()?;
        let taken = || RefusalCode::BeingTaken.plain();
        let question = self.links.asking.begin(endpoint).ok_or_else(taken)?;
        if self.book.count(endpoint) > 0 {
            return Err(taken());
        }
        self.customers.ask_in(agent, &self.base.world().username(start.rep.user)).await?;
        start.question = Some(question);
        Ok(())
    }

    /// Two who come at once are one after the other.
    fn turn<'s>(&'s self, start: &mut PendingStart<'s>) -> Result<(), Refusal> {
        let (simultaneous, _) = self.base.world().simultaneous(start.rep.user, &start.item);
        if simultaneous != SimultaneousJumps::NewSession {
            let busy = || RefusalCode::ServerBusy.because("somebody else starts one there");
            start.turn = Some(self.alone.begin(start.machine()?.0).ok_or_else(busy)?);
        }
        Ok(())
    }

    fn capacity(&self, start: &PendingStart<'_>) -> Result<(), Refusal> {
        if self.starts.available_permits() > 0 {
            return Ok(());
        }
        if start.item.is_visitor() {
            let text = "The session could not be started at this moment.".into();
            start.machine()?.1.order(AgentOrder::Say { text });
        }
        Err(starting())
    }

    async fn second_factor(&self, start: &mut PendingStart<'_>) -> Result<(), Refusal> {
        let world = self.base.world();
        let user = world.user(start.rep.user);
        let user = user.ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let policies = world.jump_policies_of(user, &start.item);
        let wanted = !start.item.is_visitor() && policies.iter().any(|one| one.policy.two_factor);
        let why = match &start.code {
            Some(code) if wanted => {
                self.second_factors.spend_code(user.id, &code.0).await?;
                let second_factor = Code::Right;
                let attempt = Attempt { overrides: start.override_schedule, second_factor };
                world.may_start(user, &start.item, self.base.now(), attempt)
            }
            _ => start.why.clone(),
        };
        // The schedule may have closed meanwhile.
        start.decided(why)
    }

    /// Whatever comes of it: somebody wanted in while it was closed.
    fn audit_override(&self, start: &PendingStart<'_>) {
        let Some(policy) = &start.why.overrides else {
            return;
        };
        let reason = start.reason.as_deref().unwrap_or_default();
        let (subject, detail) =
            (format!("item {}", start.item.view.id), format!("{policy}: {reason}"));
        let user = Some(start.rep.user);
        self.base.audit.record(user, Action::ScheduleOverridden, &subject, &detail);
    }
}
