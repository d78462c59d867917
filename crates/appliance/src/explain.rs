//! Why may this user do that here, and who may: the policy's own steps, for whoever asks.

use crate::appliance::Appliance;
use crate::document::{Item, User};
use crate::reps::RepLink;
use crate::sight::Sight;
use crate::world::World;
use jumpdeck_policy::{Decision, Step, Verdict};
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::inventory::PolicyState;
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
        let at = at.unwrap_or_else(|| self.now());
        let actions: &[Permission] = match &action {
            Some(action) => std::slice::from_ref(action),
            None => Permission::ALL,
        };
        let answers = users.iter().flat_map(|user| {
            actions
                .iter()
                .map(|action| answer(user, *action, &decide(&world, user, item, *action, at)))
        });
        Ok(answers.take(limits::ANSWERS).collect())
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
fn decide(world: &World, user: &User, item: &Item, action: Permission, at: Timestamp) -> Decision {
    let mut decision = world.decide(user, item.view.place, Some(action));
    if action != Permission::PermStart || !decision.is_allowed() {
        return decision;
    }
    for (source, says, allows) in [standing(item), policy(world, item, at)].into_iter().flatten() {
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

/// What the machine itself says.
fn standing(item: &Item) -> Option<Say> {
    let says = match item.standing {
        Standing::Ready => return None,
        Standing::UpgradePending => "waits for its upgrade",
        Standing::Disabled => "was disabled by its customer",
        Standing::Uninstalled => "was uninstalled",
    };
    Some(("the Jump Client".to_owned(), says.to_owned(), false))
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
