//! Why may this user do that here, and who may: the policy's own steps, for whoever asks.

use crate::appliance::Appliance;
use crate::document::{Item, User};
use crate::reps::RepLink;
use crate::sight::Sight;
use crate::world::World;
use jumpdeck_policy::{Decision, Step, Verdict};
use jumpdeck_protocol::inventory::{JumpMethod, PolicyState};
use jumpdeck_protocol::rights::{Answer, ExplainedStep, Permission, Whom};
use jumpdeck_protocol::{ItemId, Refusal, RefusalCode, Timestamp, UserId, limits, text};
use std::sync::Arc;

impl Appliance {
    /// Explains what somebody may do with an item. Only the first user asks about others.
    pub(crate) fn explain(
        &self,
        rep: &RepLink,
        whom: &Whom,
        item: ItemId,
        action: Option<Permission>,
        at: Option<Timestamp>,
    ) -> Result<Vec<Answer>, Refusal> {
        let world = self.world();
        let gone = || RefusalCode::JumpItemGone.plain();
        Sight::new(&world, rep).item(item).ok_or_else(gone)?;
        let item = world.item(item).ok_or_else(gone)?;
        let users = asked_about(&world, rep, whom)?;
        let actions: &[Permission] = match &action {
            Some(action) => std::slice::from_ref(action),
            None => Permission::ALL,
        };
        if users.len() * actions.len() > limits::ANSWERS {
            let detail = "these are too many answers; name one action, or one user";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let now = at.is_none();
        let at = at.unwrap_or_else(|| self.now());
        // Whether the machine is there can be said of this moment alone.
        let machine =
            item.endpoint().filter(|_| now).map(|machine| self.presences.startable(machine));
        let machine = machine.and_then(Result::err);
        let answers = users.iter().flat_map(|user| {
            actions.iter().map(|action| {
                answer(user, *action, &decide(&world, user, item, *action, at, machine))
            })
        });
        Ok(answers.collect())
    }
}

fn asked_about(world: &World, rep: &RepLink, whom: &Whom) -> Result<Vec<Arc<User>>, Refusal> {
    let others = || {
        let detail = "only the first user asks what others may do";
        Err(RefusalCode::PermissionDenied.because(detail))
    };
    let own = world.user(rep.user).cloned();
    match whom {
        Whom::Me => Ok(own.into_iter().collect()),
        Whom::User(name) if own.as_ref().is_some_and(|own| *own.username == **name) => {
            Ok(own.into_iter().collect())
        }
        _ if rep.user != UserId(1) => others(),
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
    user: &User,
    item: &Item,
    action: Permission,
    at: Timestamp,
    machine: Option<RefusalCode>,
) -> Decision {
    let mut decision = world.decide(user, item.view.place, Some(action));
    if action != Permission::PermStart || !decision.is_allowed() {
        return decision;
    }
    for (source, says, allows) in says(world, item, at, machine) {
        decision.because.push(Step { source, says });
        if !allows {
            decision.verdict = Verdict::Deny;
            break;
        }
    }
    decision
}

/// What something says, and whether it lets a session start.
type Say = (String, String, bool);

/// What else has a say in a start, in the order in which it is asked.
fn says(
    world: &World,
    item: &Item,
    at: Timestamp,
    machine: Option<RefusalCode>,
) -> impl Iterator<Item = Say> {
    let method = item.view.method;
    let unknown = (method != JumpMethod::JumpClient).then(|| {
        let says = "comes with a later version".to_owned();
        (format!("a {} session", method.title()), says, false)
    });
    let machine =
        machine.map(|code| ("the machine".to_owned(), format!("says: {}", code.sentence()), false));
    [unknown, policy(world, item, at), machine].into_iter().flatten()
}

/// What the Jump Policy says.
fn policy(world: &World, item: &Item, at: Timestamp) -> Option<Say> {
    let policy = world.policy(item.view.jump_policy?)?;
    let view = policy.view(at);
    let (says, allows) = match view.state {
        PolicyState::Always => ("is always open".to_owned(), true),
        PolicyState::Open { until } => {
            let until = until.map_or(String::new(), |until| {
                format!(" until {}", crate::policies::in_utc(until))
            });
            (format!("is open{until}"), true)
        }
        PolicyState::Closed { opens } => {
            let opens = opens.map_or("never opens".to_owned(), |opens| {
                format!("is closed and opens {}", crate::policies::in_utc(opens))
            });
            if view.strict {
                (format!("{opens}; it is strict"), false)
            } else {
                (format!("{opens}; that may be overridden, which is logged"), true)
            }
        }
    };
    Some((format!("the Jump Policy {}", policy.display_name), says, allows))
}
