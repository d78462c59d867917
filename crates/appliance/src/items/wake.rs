//! Wake-on-LAN: a machine that sleeps is called by a neighbour that does not (DOMAIN 2).

use crate::answered::Answered;
use crate::base::Base;
use crate::items::wakes::Wakes;
use crate::links::Links;
use crate::links::agent::AgentLink;
use crate::links::consoles::RepLink;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::agent::{AgentReply, AgentRequest};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::wake::{Mac, SecureOn};
use jumpdeck_protocol::{EndpointId, ItemId, Refusal, RefusalCode};
use jumpdeck_world::Item;
use jumpdeck_world::Visibility;
use jumpdeck_world::World;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a neighbour may take to call.
const PATIENCE: Duration = Duration::from_secs(5);

/// Neighbours that are asked until one calls.
const HELPERS: usize = 3;

/// Has machines woken by a neighbour that is online.
pub(crate) struct Waking {
    pub(super) base: Base,
    pub(super) links: Arc<Links>,
    pub(super) wakes: Wakes,
}

impl Waking {
    /// Has a machine woken. Returns the name of the neighbour that called.
    pub(crate) async fn wake(
        &self,
        rep: &RepLink,
        item: ItemId,
        password: Option<SecureOn>,
    ) -> Result<Box<str>, Refusal> {
        let world = self.base.world();
        let (item, endpoint, by) = self.wakeable(&world, rep, item)?;
        let facts = &item.view.facts;
        let mac: Mac = facts.mac.parse().map_err(|_| RefusalCode::WakeUnknown.plain())?;
        let helpers = self.helpers(&world, &item, endpoint, password.is_some());
        if helpers.is_empty() {
            return Err(RefusalCode::NoWakeHelper.plain());
        }
        let helpers = named(&world, rep, helpers);
        self.wakes
            .take_turn(endpoint, &by, self.base.uptime())
            .map_err(|left| RefusalCode::WakeCoolingDown.because(format!("{left} s to go")))?;
        for (name, link) in helpers {
            let request = AgentRequest::Wake { mac, password };
            if let Ok(AgentReply::Called { networks: 1.. }) = link.call(request, PATIENCE).await {
                let subject = format!("item {}", item.view.id);
                self.base.audit.record(Some(rep.user), Action::MagicPacketSent, &subject, &name);
                self.tell_waking(endpoint);
                return Ok(name);
            }
        }
        self.wakes.give_back(endpoint);
        let detail = "those that are online could not send the packet";
        Err(RefusalCode::NoWakeHelper.because(detail))
    }

    /// The item, its machine and the user's name, if this rep may wake it.
    fn wakeable(
        &self,
        world: &World,
        rep: &RepLink,
        item: ItemId,
    ) -> Result<(Arc<Item>, EndpointId, String), Refusal> {
        let user = world.user(rep.user).ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
        let gone = || RefusalCode::JumpItemGone.plain();
        let item = world.item(item).ok_or_else(gone)?;
        if !world.decide(user, item.view.place, None).is_allowed() {
            return Err(gone());
        }
        let decision = world.decide_of(user, item, Permission::PermStart);
        if !decision.is_allowed() {
            return Err(RefusalCode::PermissionDenied.because(decision.to_string()));
        }
        let endpoint = item.endpoint().ok_or_else(|| {
            RefusalCode::Unsupported.because("only machines with a Jump Client can be woken")
        })?;
        if self.links.agents.link(endpoint).is_some() {
            return Err(
                RefusalCode::InvalidValue.because(format!("{} is already online.", item.view.name))
            );
        }
        Ok((Arc::clone(item), endpoint, user.username.clone()))
    }

    /// Linked machines of the same network: behind the gateway with the same hardware address, or
    /// with the same address alone where that is all that is known (DOMAIN 2). Those that come from
    /// the same public address, which they cannot choose, go first; others never hear a password.
    fn helpers(
        &self,
        world: &World,
        sleeper: &Item,
        endpoint: EndpointId,
        is_secret: bool,
    ) -> Vec<(Arc<Item>, Arc<AgentLink>)> {
        let wanted = &sleeper.view.facts;
        let same_site = |item: &Item| item.view.public_ip == sleeper.view.public_ip;
        let is_near = |item: &Item| {
            let facts = &item.view.facts;
            match (wanted.gateway_mac.parse::<Mac>(), facts.gateway_mac.parse::<Mac>()) {
                (Ok(one), Ok(other)) => one == other && (same_site(item) || !is_secret),
                _ => {
                    let same = !wanted.gateway.is_empty() && wanted.gateway == facts.gateway;
                    same && same_site(item)
                }
            }
        };
        let mut seen = BTreeSet::from([endpoint]);
        let mut ready: Vec<_> = world
            .items()
            .filter(|item| !item.is_visitor() && is_near(item))
            .filter_map(|item| {
                let link = self.links.agents.startable(item.endpoint()?).ok()?;
                seen.insert(item.endpoint()?).then(|| (Arc::clone(item), link))
            })
            .collect();
        ready.sort_by_key(|(item, _)| !same_site(item));
        ready.truncate(HELPERS);
        ready
    }

    /// Tells everybody who sees the machine that it is being woken.
    fn tell_waking(&self, endpoint: EndpointId) {
        for rep in self.links.consoles.those(|_| true) {
            self.tell_cooling(&rep, Some(endpoint));
        }
    }

    /// Tells a console which machines are being woken: one of them, or all.
    pub(crate) fn tell_cooling(&self, rep: &RepLink, only: Option<EndpointId>) {
        let world = self.base.world();
        let sight = Visibility::new(&world, rep.user);
        for (endpoint, by, left) in self.wakes.cooling(self.base.uptime()) {
            if only.is_some_and(|only| only != endpoint) {
                continue;
            }
            let wait = u32::try_from(left).unwrap_or(u32::MAX);
            for item in world.items_of(endpoint) {
                if let Some(view) = sight.item(item.view.id) {
                    rep.tell(ApplianceNotice::Waking { item: view.id, by: by.clone(), wait });
                }
            }
        }
    }
}

impl Answered for request::Wake {
    type By = Waking;

    async fn answer(
        self,
        waking: &Arc<Waking>,
        rep: &RepLink,
    ) -> Result<reply::WakeHelper, Refusal> {
        Ok(reply::WakeHelper { helper: waking.wake(rep, self.item, self.password).await? })
    }
}

/// Helpers under the names that the rep may hear.
fn named(
    world: &World,
    rep: &RepLink,
    helpers: Vec<(Arc<Item>, Arc<AgentLink>)>,
) -> Vec<(Box<str>, Arc<AgentLink>)> {
    let sight = Visibility::new(world, rep.user);
    let name = |helper: &Item| {
        let seen = sight.place(helper.view.place);
        if seen { helper.view.name.clone() } else { "a neighbour".into() }
    };
    helpers.into_iter().map(|(helper, link)| (name(&helper), link)).collect()
}
