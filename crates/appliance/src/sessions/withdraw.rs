//! Running sessions whose time or whose owner's right is over.
//!
//! What a session grants was decided at its start and holds (DOMAIN 6). What ends it: its owner
//! may not start sessions with the item any more, or its strict Jump Policy closes (DOMAIN 5). The
//! same ends the part of who joined it by a jump; who came in by rank stays for as long as that is
//! above the owner's.

use crate::accounts::duties::first_of;
use crate::accounts::duties::login_life;
use crate::base::Base;
use crate::book::Book;
use crate::bus::ApplianceEvent;
use crate::jobs::{Every, Jobs};
use crate::links::Links;
use crate::links::consoles::RepLink;
use crate::sessions::end::Endings;
use crate::sessions::log::SessionLog;
use crate::sessions::relay::Relay;
use crate::vitals::Vitals;
use jumpdeck_policy::{Attempt, Code, JumpPolicy, SimultaneousJumps};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::{ItemId, Refusal, SessionId, Timestamp, UserId};
use jumpdeck_store::History;
use jumpdeck_world::Item;
use jumpdeck_world::World;
use jumpdeck_world::{Participation, Share};
use std::sync::Arc;

/// Seconds after a step of the clock before it ends sessions.
const GRACE: u64 = 300;
/// Minutes before a forced end at which it is said.
const NOTICES: [u32; 3] = [15, 5, 1];

/// Ends what may not go on: sessions, parts in them and links whose right has gone.
pub(crate) struct Withdrawal {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) book: Arc<Book>,
    pub(super) endings: Arc<Endings>,
    pub(super) log: Arc<SessionLog>,
    pub(super) relay: Arc<Relay>,
    pub(super) vitals: Vitals,
}

impl Withdrawal {
    /// Ends what may not go on, whenever the configuration changes, for as long as the appliance is
    /// there.
    pub(crate) fn look_after_rights(self: &Arc<Self>) {
        let mut changed = self.base.store.changed();
        changed.mark_unchanged();
        let (withdrawal, vital) = (Arc::downgrade(self), self.vitals.part("supervision of rights"));
        tokio::spawn(async move {
            while changed.changed().await.is_ok() {
                let Some(withdrawal) = withdrawal.upgrade() else {
                    break;
                };
                withdrawal.withdraw();
            }
            // The store has ended: it says so itself if that was a mistake.
            vital.ends();
        });
    }

    /// Ends the sessions of those who may not have them any more, and the links of those who may
    /// not log in.
    pub(crate) fn withdraw(self: &Arc<Self>) {
        let world = self.base.world();
        for (session, owner, item) in self.book.owners() {
            self.end_if_withdrawn(&world, (session, owner, item));
        }
        for rep in self.links.consoles.those(|rep| !rep.is_good(&self.base.world())) {
            rep.outbox.close();
        }
        for rep in self.links.consoles.those(|_| true) {
            // It may have become a duty, or have been done from another link.
            rep.must_first(first_of(&self.base.world(), rep.user));
        }
        self.show_out();
    }

    /// Ends the part of those who take part in another's session by a right that they do not have
    /// any more.
    pub(crate) fn show_out(self: &Arc<Self>) {
        let (world, now) = (self.base.world(), self.base.now());
        for one in self.book.participants() {
            let (session, user) = (one.session, one.user);
            if may_stay(&world, &one, now) || !self.book.take_back(session, user, one.share) {
                continue;
            }
            self.base.store.note(move |draft| {
                draft.history(History::Part { session, user, part: None });
            });
            let with = world.username(user);
            let why = format!("{with} may no longer join");
            self.base.audit.record(
                None,
                Action::SessionWithdrawn,
                &format!("session {session}"),
                &why,
            );
            self.relay.expel(session, user);
            self.log.log(session, None, LogEvent::Unshared { with });
            self.base.bus.publish(ApplianceEvent::PartChanged { session, user });
        }
    }

    /// Ends a session whose owner may not have it any more. Returns whether it did.
    fn end_if_withdrawn(
        &self,
        world: &World,
        (session, owner, item): (SessionId, UserId, ItemId),
    ) -> bool {
        let attended = self.book.terms(session).is_some_and(|terms| terms.attended);
        let goes_on = may_go_on(world, owner, item, attended);
        if !goes_on {
            let why = format!("{} may not have it any more", world.username(owner));
            self.base.audit.record(
                None,
                Action::SessionWithdrawn,
                &format!("session {session}"),
                &why,
            );
            self.endings.end_session(session, EndReason::RightsWithdrawn);
        }
        !goes_on
    }

    /// Ends a session that has just begun, if it may not go on.
    pub(crate) fn end_if_over(&self, session: SessionId) {
        let world = self.base.world();
        let owners = self.book.owners();
        let Some(one) = owners.into_iter().find(|(id, _, _)| *id == session) else {
            return;
        };
        self.end_if_withdrawn(&world, one);
    }

    /// Whether a session could be this user's.
    pub(crate) fn may_have(&self, session: SessionId, user: UserId) -> bool {
        let world = self.base.world();
        let owners = self.book.owners();
        let attended = self.book.terms(session).is_some_and(|terms| terms.attended);
        owners
            .iter()
            .find(|(id, _, _)| *id == session)
            .is_none_or(|(_, _, item)| may_go_on(&world, user, *item, attended))
    }

    /// Whether a user could start a session's item now, who is to have the session.
    ///
    /// # Errors
    /// What would keep them from it, for one that is not attended.
    pub(crate) fn could_start(&self, session: SessionId, user: UserId) -> Result<(), Refusal> {
        let world = self.base.world();
        let attended = self.book.terms(session).is_some_and(|terms| terms.attended);
        let of = |(id, _, item): (SessionId, UserId, ItemId)| (id == session).then_some(item);
        let item = self.book.owners().into_iter().find_map(of);
        let item = item.and_then(|item| world.item(item)).filter(|item| !item.is_visitor());
        let (Some(item), Some(user), false) = (item, world.user(user), attended) else {
            return Ok(());
        };
        let attempt = Attempt { overrides: false, second_factor: Code::Promised };
        world.may_start(user, item, self.base.now(), attempt).refusal.map_or(Ok(()), Err)
    }

    /// Ends the links whose login is over.
    fn end_expired_logins(&self) {
        if !self.base.clocks.has_held(GRACE) {
            return;
        }
        let (now, life) = (self.base.now(), login_life(&self.base.world()));
        let is_over = |rep: &RepLink| {
            let login = &rep.login;
            let aged = life.is_some_and(|life| login.began.plus(life) <= now);
            aged || login.expires.is_some_and(|expires| expires <= now)
        };
        for rep in self.links.consoles.those(is_over) {
            rep.outbox.close();
        }
    }

    /// Ends sessions whose strict Jump Policy has closed, and says so before it does.
    fn force_ends(self: &Arc<Self>) {
        let (world, now) = (self.base.world(), self.base.now());
        self.show_out();
        for (session, owner, item) in self.book.owners() {
            if self.book.terms(session).is_some_and(|terms| terms.attended) {
                continue;
            }
            let Some((policy, end)) = forced_end(&world, owner, item, now) else {
                continue;
            };
            if end <= now {
                if !self.base.clocks.has_held(GRACE) {
                    // Anyone who set the clock a moment ago may set it right.
                    continue;
                }
                self.endings.end_session(session, EndReason::ScheduleClosed);
                continue;
            }
            let minutes = u32::try_from(end.since(now).div_ceil(60)).unwrap_or(u32::MAX);
            if self.book.warns(session, minutes, &NOTICES) {
                let policy = policy.display_name.as_str().into();
                self.log.log(session, None, LogEvent::EndsSoon { policy, minutes });
            }
        }
    }

    pub(crate) fn jobs(self: &Arc<Self>, jobs: &mut Jobs) {
        jobs.add(Every::Look, self, |withdrawal| async move {
            withdrawal.force_ends();
            withdrawal.end_expired_logins();
        });
    }
}

/// Whether a session of this user through this item may go on. One that the customer started is
/// not about the item: it goes on, whatever becomes of that.
fn may_go_on(world: &World, owner: UserId, item: ItemId, attended: bool) -> bool {
    let Some(user) = world.user(owner).filter(|user| user.enabled) else {
        return false;
    };
    match world.item(item).filter(|item| !attended && !item.is_visitor()) {
        // What is gone was ended.
        None => true,
        Some(item) => world.may_have(user, item),
    }
}

/// Whether somebody may go on taking part in another's session.
fn may_stay(world: &World, one: &Participation, now: Timestamp) -> bool {
    let Participation { owner, item: through, user, share, .. } = *one;
    let closed = |item| forced_end(world, user, item, now).is_some_and(|(_, end)| end <= now);
    world.user(user).is_some_and(|user| user.enabled)
        && match share {
            Share::Invited(_) => true,
            Share::Jumped(item) => {
                let joins = world.item(through).is_none_or(|through| {
                    world.simultaneous(owner, through).0 == SimultaneousJumps::Join
                });
                let may = |item| may_go_on(world, user, item, false) && !closed(item);
                joins && may(item) && may(through)
            }
            Share::Outranks => {
                world.outranks(user, owner) && may_go_on(world, user, through, one.attended)
            }
        }
}

/// When a session must end, and the Jump Policy that wants it.
fn forced_end(
    world: &World,
    owner: UserId,
    item: ItemId,
    now: Timestamp,
) -> Option<(Arc<JumpPolicy>, Timestamp)> {
    let item: &Arc<Item> = world.item(item)?;
    let policies = world.jump_policies_of(world.user(owner)?, item);
    let ends = policies.iter().filter_map(|one| Some((one.policy, one.policy.forces_end(now)?)));
    ends.min_by_key(|(_, end)| *end).map(|(policy, end)| (Arc::clone(policy), end))
}
