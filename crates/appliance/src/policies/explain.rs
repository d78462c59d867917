//! Why may this user do that here, and who may: the policy's own steps, for anyone who asks.

use crate::accounts::second_factor::has_one;
use crate::answered::Answered;
use crate::base::Base;
use crate::book::Book;
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::sessions::start::stages::{Onlooker, Stage};
use jumpdeck_policy::{Attempt, Code, Decision, Step, Verdict};
use jumpdeck_protocol::configuration::Simulation;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::{Answer, ExplainedStep, Permission, Whom};
use jumpdeck_protocol::session_policy::StartMethod;
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, Timestamp, limits, text};
use jumpdeck_world::Item;
use jumpdeck_world::User;
use jumpdeck_world::Visibility;
use jumpdeck_world::World;
use jumpdeck_world::rights::Layers;
use std::sync::Arc;

/// Explains why somebody may do something, and simulates sessions.
pub(crate) struct Explanations {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
}

impl Explanations {
    /// Explains what somebody may do with an item. Only administrators ask about others.
    pub(crate) fn explain(
        &self,
        rep: &RepLink,
        whom: &Whom,
        item: ItemId,
        action: Option<Permission>,
        at: Option<Timestamp>,
    ) -> Result<Vec<Answer>, Refusal> {
        let world = self.base.world();
        let gone = || RefusalCode::JumpItemGone.plain();
        let item = asked_of(&world, rep, item).ok_or_else(gone)?;
        let users = asked_about(&world, rep, whom)?;
        let actions: &[Permission] = match &action {
            Some(action) => std::slice::from_ref(action),
            None => Permission::ALL,
        };
        if users.len() * actions.len() > limits::ANSWERS {
            let detail = "That asks for too many answers. Name one action or one user.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let answers = users.iter().flat_map(|user| {
            let stages = self.stages_say(&world, user, item, at.is_none());
            let (layers, at) =
                (jump_layers(&world, user, item), at.unwrap_or_else(|| self.base.now()));
            let one = |action: &Permission| {
                let about = (user.as_ref(), item.as_ref(), *action, at);
                answer(user, *action, &decide(&world, about, &layers, stages.clone()))
            };
            actions.iter().map(one).collect::<Vec<_>>()
        });
        Ok(answers.collect())
    }

    /// What the stages of a start say after the rights.
    fn stages_say(&self, world: &World, user: &User, item: &Item, is_now: bool) -> Option<Step> {
        let now = is_now.then(|| (&*self.links, &*self.book, self.base.now()));
        Stage::first_say(&Onlooker { world, user, item, now })
    }

    /// What a session would grant. Only administrators ask about others.
    fn simulate(
        &self,
        rep: &RepLink,
        whom: &Whom,
        item: ItemId,
        method: StartMethod,
        (present, at): (Option<bool>, Option<Timestamp>),
    ) -> Result<Simulation, Refusal> {
        let world = self.base.world();
        let gone = || RefusalCode::JumpItemGone.plain();
        let item = asked_of(&world, rep, item).ok_or_else(gone)?;
        let one = || RefusalCode::InvalidValue.because("Name one user to simulate.");
        let users = asked_about(&world, rep, whom)?;
        let [user] = users.as_slice() else {
            return Err(one());
        };
        let stages = self.stages_say(&world, user, item, at.is_none());
        let at = at.unwrap_or_else(|| self.base.now());
        let seen = !item.view.facts.console_user.trim().is_empty();
        let customer_present = present.unwrap_or(seen);
        let layers = world.layers(user.id, item.view.policies, method, customer_present);
        let about = (user.as_ref(), item.as_ref(), Permission::PermStart, at);
        let start = match method {
            StartMethod::Unattended => decide(&world, about, &layers, stages),
            StartMethod::Attended => attended(&world, user, &layers),
        };
        Ok(Simulation {
            user: user.username.as_str().into(),
            customer_present,
            at,
            start: answer(user, Permission::PermStart, &start),
            permissions: layers.simulate(),
        })
    }
}

impl Answered for request::Explain {
    type By = Explanations;

    async fn answer(
        self,
        explanations: &Arc<Explanations>,
        rep: &RepLink,
    ) -> Result<reply::Explained, Refusal> {
        let answers = explanations.explain(rep, &self.whom, self.item, self.action, self.at)?;
        Ok(reply::Explained { answers })
    }
}

impl Answered for request::Simulate {
    type By = Explanations;

    async fn answer(
        self,
        explanations: &Arc<Explanations>,
        rep: &RepLink,
    ) -> Result<Box<Simulation>, Refusal> {
        let Self { whom, item, method, present, at } = self;
        let simulation = explanations.simulate(rep, &whom, item, method, (present, at))?;
        Ok(Box::new(simulation))
    }
}

/// An item that is asked about: one the rep may see; for an administrator, any.
fn asked_of<'w>(world: &'w World, rep: &RepLink, item: ItemId) -> Option<&'w Arc<Item>> {
    let may_ask =
        world.administers(rep.user) || Visibility::new(world, rep.user).item(item).is_some();
    world.item(item).filter(|item| may_ask && !item.is_visitor())
}

fn asked_about(world: &World, rep: &RepLink, whom: &Whom) -> Result<Vec<Arc<User>>, Refusal> {
    let others = || {
        let detail = "only an administrator asks what others may do";
        Err(RefusalCode::PermissionDenied.because(detail))
    };
    let own = world.user(rep.user).cloned();
    match whom {
        Whom::Me => Ok(own.into_iter().collect()),
        Whom::User(name) if own.as_ref().is_some_and(|own| *own.username == **name) => {
            Ok(own.into_iter().collect())
        }
        _ if !world.administers(rep.user) => others(),
        Whom::User(name) => {
            let user = world.user_by_name(name).cloned();
            let none = || RefusalCode::NoSuchUser.because(text::bounded(name, limits::NAME));
            Ok(vec![user.ok_or_else(none)?])
        }
        Whom::Everybody => Ok(world.users().cloned().collect()),
    }
}

fn answer(user: &User, action: Permission, decision: &Decision) -> Answer {
    let step = |step: &Step| ExplainedStep {
        source: step.source.as_str().into(),
        says: step.says.as_str().into(),
        allows: step.wants.map(|wants| wants == Verdict::Allow),
    };
    Answer {
        user: user.username.as_str().into(),
        action,
        allowed: decision.is_allowed(),
        because: decision.because.iter().map(step).collect(),
    }
}

/// What the appliance would say at a moment: the role first, then what else has a say in a start.
fn decide(
    world: &World,
    (user, item, action, at): (&User, &Item, Permission, Timestamp),
    layers: &Layers,
    stages: Option<Step>,
) -> Decision {
    if action != Permission::PermStart {
        return world.decide_of(user, item, action);
    }
    let start = world.may_start(user, item, at, willing(world, user));
    let start = if start.refusal.is_some() {
        start
    } else {
        let refusal = layers.shell().wants == Some(Verdict::Deny);
        start.and(layers.shell(), refusal.then_some(RefusalCode::PermissionDenied))
    };
    match (&start.refusal, stages) {
        (None, Some(step)) => start.decision.and(step),
        _ => start.decision,
    }
}

/// Whether a customer can start a session with somebody: with a key that this one makes.
fn attended(world: &World, user: &User, layers: &Layers) -> Decision {
    let keys = world.effective(user.id).map(|user| &user.settings.generate_session_keys);
    let step = match keys {
        Some(keys) if keys.value => Step::allows(keys.by.words(), "allow session keys"),
        Some(keys) => Step::denies(keys.by.words(), "allow no session keys"),
        None => Step::denies("the user", "is not known any more"),
    };
    Decision::of(vec![step]).and(layers.shell())
}

/// The session policies of a jump to an item as it was seen last.
fn jump_layers(world: &World, user: &User, item: &Item) -> Layers {
    let present = !item.view.facts.console_user.trim().is_empty();
    world.layers(user.id, item.view.policies, StartMethod::Unattended, present)
}

/// A user who gives a code if there is one to give, and overrides nothing: a door that is closed
/// is closed, and says itself whether it can be overridden.
fn willing(world: &World, user: &User) -> Attempt {
    let has_factor = has_one(world, user.id);
    let second_factor = if has_factor { Code::Promised } else { Code::None };
    Attempt { overrides: false, second_factor }
}
