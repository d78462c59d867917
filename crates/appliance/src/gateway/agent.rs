//! An agent's link: its proof, its enrolment, and what it says from then on.

use super::budget::Budget;
use super::{Arrival, IncomingLink, until_gone};
use crate::bus::ApplianceEvent;
use crate::clock::Moment;
use crate::gateway::introduce;
use crate::items::limit::room_for_another;
use crate::keys;
use crate::links::agent::{AgentLink, Stray};
use crate::services::Services;
use crate::visitors::queues::{Visitor, visitor_name};
use jumpdeck_link::{Incoming, KeepAlive, LinkEnd, Outbox, pump, read_plain, write_plain};
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentReport, FromAgent, Standing};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{AgentProof, AgentWelcome, Enrolment, Party, Visit, transcript};
use jumpdeck_protocol::inventory::{Facts, ItemView};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::{
    Control, EndpointId, Never, Refusal, RefusalCode, Timestamp, limits, text,
};
use jumpdeck_store::{AuditRecord, Draft, History, Seen};
use jumpdeck_world::Item;
use std::sync::Arc;
use tokio::time::timeout;

/// Agents that come back in a second, after an appliance was away.
const RETURNING: usize = 2500;

/// An agent that proved itself.
struct KnownAgent {
    item: Arc<Item>,
    endpoint: EndpointId,
    alive: Vec<jumpdeck_protocol::ChannelId>,
    standing: Standing,
    attended: bool,
    run: u64,
}

/// Serves one agent's link from its first message to its end.
pub(super) async fn serve(services: Arc<Services>, mut caller: IncomingLink, turn: Arrival) {
    let proving = Box::pin(prove(&services, &mut caller));
    let Ok(Ok(Some(known))) = timeout(limits::HANDSHAKE_TIME, proving).await else {
        return;
    };
    drop(turn);
    Box::pin(run(&services, caller, known)).await;
}

async fn run(services: &Arc<Services>, caller: IncomingLink, known: KnownAgent) {
    let id = known.endpoint;
    let outbox = Outbox::new();
    let id_of_link = services.links.next();
    let link = AgentLink::new(id_of_link, outbox.clone(), known.attended, known.run);
    let link = Arc::new(link);
    let now = services.base.moment();
    let (sessions, standing) = (services.book.count(id), known.standing);
    if let Some(former) =
        services.links.agents.arrived(id, Arc::clone(&link), standing, sessions, now)
    {
        former.outbox.close();
    }
    if services.base.world().items_of(id).next().is_none() {
        // It was removed while it came.
        link.order(AgentOrder::Uninstall);
        services.links.agents.forget(id);
        outbox.close();
    } else {
        note_seen(services, id, true, now);
    }
    services.sessions.relay.agent_came(id, &link, &known.alive);
    let is_visitor = known.item.is_visitor();
    services.base.bus.publish(ApplianceEvent::AgentCame { endpoint: id, is_visitor });
    let interval = services.links.watching.interval(id);
    if interval > 0 {
        link.order(AgentOrder::Interest { interval });
    }
    let keep_alive = KeepAlive { ping: None, silence: limits::AGENT_SILENCE };
    let mut budget = Budget::new();
    let take = |incoming| take(services, &link, id, &mut budget, incoming);
    let end = pump(caller.socket, &outbox, keep_alive, take).await;
    match &end {
        LinkEnd::Violation(what) => {
            let machine = format!("machine {id}");
            services.base.audit.record_often("", Action::AgentBrokeProtocol, &machine, what);
        }
        _ => tracing::debug!(endpoint = id.0, %end, "agent link ended"),
    }
    link.hang_up();
    let now = services.base.moment();
    if services.links.agents.left(id, link.id, now) {
        note_seen(services, id, false, now);
        services.base.bus.publish(ApplianceEvent::AgentLeft { endpoint: id, is_visitor });
    }
}

fn note_seen(services: &Services, endpoint: EndpointId, connected: bool, now: Moment) {
    let seen = Seen { endpoint, connected, at: now.wall, lived: Some(now.lived) };
    services.base.store.note(move |draft| draft.history(History::Seen(seen)));
}

fn take(
    services: &Arc<Services>,
    link: &AgentLink,
    endpoint: EndpointId,
    budget: &mut Budget,
    incoming: Incoming,
) -> Result<(), LinkEnd> {
    services.sessions.silence.heard_from_agent(link, endpoint);
    let Incoming::Frame(frame, message) = incoming else {
        return Ok(());
    };
    match frame {
        Frame::Data { channel, offset, bytes } => {
            services
                .sessions
                .relay
                .relay_output((link, endpoint), (channel, offset, bytes), &message)
                .map_err(|what| LinkEnd::Violation(what.to_owned()))?;
        }
        Frame::Credit { channel, .. } => {
            services.sessions.relay.relay_input_credit((link, endpoint), channel, message);
        }
        Frame::Control(body) => {
            let received = control::decode::<Never, AgentReply, AgentReport>(&body)
                .map_err(|error| LinkEnd::Violation(error.to_string()))?;
            let asked_for = match received {
                Received::Known(message) => control_message(services, link, endpoint, message),
                Received::UnknownRequest(_) | Received::UnknownOther => false,
            };
            if !asked_for {
                budget.spend()?;
            }
        }
    }
    Ok(())
}

/// Handles a message. Returns whether somebody asked for it: of unasked messages an agent may
/// send only so much of.
fn control_message(
    services: &Arc<Services>,
    link: &AgentLink,
    endpoint: EndpointId,
    message: FromAgent,
) -> bool {
    match message {
        Control::Request { body, .. } => match body {},
        Control::Reply { id, body } => return link.answered(id, body),
        Control::Notice { body: AgentReport::Channel(report) } => {
            return services.sessions.relay.report((link, endpoint), &report);
        }
        Control::Notice { body: AgentReport::Statistics(mut statistics) } => {
            statistics.console_user = bounded(&statistics.console_user);
            services.links.watching.measured(endpoint, &statistics);
        }
        Control::Notice { body: AgentReport::Thumbnail(thumbnail) } => {
            services.links.watching.pictured(endpoint, thumbnail);
        }
        Control::Notice { body: AgentReport::Facts(facts) } => {
            let facts = clean(*facts);
            services.base.store.note(move |draft| {
                update(draft, endpoint, |item| Arc::make_mut(&mut item.view).facts = facts.clone());
            });
        }
        Control::Notice { body: AgentReport::Standing(standing) } => {
            if services.links.agents.stands(endpoint, link.id, standing, services.base.moment()) {
                let edit =
                    move |draft: &mut Draft| update(draft, endpoint, |i| i.standing = standing);
                services.base.store.note(edit);
                let (machine, now) = (format!("machine {endpoint}"), format!("{standing:?}"));
                services.base.audit.record_often("", Action::StandingChanged, &machine, &now);
            }
        }
        Control::Notice { body: AgentReport::Stopped } if link.attended => {
            services.sessions.customers.customer_stopped(endpoint);
        }
        Control::Notice { body: AgentReport::Said { text } } if link.attended => {
            services.sessions.customers.customer_said(link, endpoint, &text);
        }
        Control::Notice { body: AgentReport::Stopped } => {
            services.sessions.relay.audit_stray(
                (link, endpoint),
                Stray::Stopped,
                "nobody sits there",
            );
        }
        Control::Notice { body: AgentReport::Said { .. } } => {
            services.sessions.relay.audit_stray((link, endpoint), Stray::Said, "nobody sits there");
        }
    }
    false
}

/// Checks a caller's proof. `Ok(None)` means it was refused and told why.
async fn prove(
    services: &Services,
    caller: &mut IncomingLink,
) -> Result<Option<KnownAgent>, LinkEnd> {
    let Some((theirs, ours)) = introduce(&services.keys, caller).await? else {
        return Ok(None);
    };
    let proof: AgentProof = read_plain(&mut caller.socket).await?;
    let signed = transcript(Party::Agent, &caller.binding, &theirs, &ours);
    let is_proven = proof.key.verifies(&signed, &proof.signature);
    if is_proven && services.base.world().is_removed(&proof.key) {
        tracing::info!(from = %caller.from, "a removed Jump Client connected, and was refused");
        let welcome = if services.base.world().may_come_back(&proof.key) {
            // It keeps its key for as long as it can be taken back.
            let detail = "it was away for too long and was removed; it can be taken back";
            AgentWelcome::Refused(RefusalCode::JumpItemGone.because(detail))
        } else {
            AgentWelcome::Removed
        };
        write_plain(&mut caller.socket, &welcome).await?;
        until_gone(caller).await;
        return Ok(None);
    }
    let outcome = if is_proven {
        admit(services, caller, proof).await
    } else {
        Err(RefusalCode::IdentityCheckFailed.because("the signature does not fit the key"))
    };
    match outcome {
        Ok(known) => {
            let welcome = AgentWelcome::Welcome {
                item: known.item.view.id,
                name: known.item.view.name.to_string(),
                now: services.base.now(),
                close: services.sessions.relay.reconcile(known.endpoint, &known.alive),
                expires: services.base.world().expiry(known.endpoint),
                spread: spread(services.base.world().clients()),
            };
            write_plain(&mut caller.socket, &welcome).await?;
            Ok(Some(known))
        }
        Err(refusal) => {
            let from = caller.from;
            let from = from.ip().to_string();
            let why = format!("{}: {}", refusal.code.as_str(), refusal.detail);
            services.base.audit.record_often("", Action::AgentRefused, &from, &why);
            write_plain(&mut caller.socket, &AgentWelcome::Refused(refusal)).await?;
            // Wait for the agent to read it and go; the time for handshakes bounds this.
            until_gone(caller).await;
            Ok(None)
        }
    }
}

async fn admit(
    services: &Services,
    caller: &IncomingLink,
    proof: AgentProof,
) -> Result<KnownAgent, Refusal> {
    let facts = clean(proof.facts);
    let public_ip: Box<str> = caller.from.ip().to_canonical().to_string().into();
    let machine = text::bounded(&proof.machine, 128);
    let (standing, attended, run) = (proof.standing, proof.attended, proof.run);
    let alive = proof.channels.into_iter().take(limits::CHANNELS_PER_AGENT * 2).collect();
    let known = services.base.world().item_by_key(&proof.key).cloned();
    let item = match (known, proof.enrolment) {
        (Some(item), _) if item.machine != machine => {
            return Err(services.items.clones.refuse(&item, &facts.hostname, &public_ip));
        }
        (Some(item), _) if is_second(services, &item, run).await => {
            return Err(services.items.clones.refuse(&item, &facts.hostname, &public_ip));
        }
        (Some(item), _) => refresh(services, item, facts, public_ip, standing).await?,
        (None, None) if proof.visit.is_some() => {
            let newcomer = Newcomer { key: proof.key, machine, facts, public_ip, standing };
            visit(services, caller, newcomer, proof.visit).await?
        }
        (None, None) => {
            let detail = "the appliance does not know this agent's key";
            return Err(RefusalCode::IdentityCheckFailed.because(detail));
        }
        (None, Some(enrolment)) => {
            let newcomer = Newcomer { key: proof.key, machine, facts, public_ip, standing };
            enrol(services, newcomer, enrolment).await?
        }
    };
    let endpoint = item.endpoint().ok_or_else(|| RefusalCode::JumpItemGone.plain())?;
    Ok(KnownAgent { item, endpoint, alive, standing, attended, run })
}

/// Whether a machine with this key is linked already, and lives. An honest agent never has two
/// links: its directory is locked, and it dials only after its own link has ended.
async fn is_second(services: &Services, item: &Item, run: u64) -> bool {
    let former = item.endpoint().and_then(|endpoint| services.links.agents.link(endpoint));
    match former {
        Some(former) => !former.is_of(run) && former.answers().await,
        None => false,
    }
}

/// Milliseconds over which this many machines come back at a rate that an appliance takes well.
fn spread(machines: usize) -> u32 {
    u32::try_from(machines.saturating_mul(1000) / RETURNING).unwrap_or(u32::MAX)
}

/// Stores what is new about a known machine.
async fn refresh(
    services: &Services,
    item: Arc<Item>,
    facts: Facts,
    public_ip: Box<str>,
    standing: Standing,
) -> Result<Arc<Item>, Refusal> {
    let same = item.view.facts == facts && item.view.public_ip == public_ip;
    if same && item.standing == standing {
        return Ok(item);
    }
    let Some(endpoint) = item.endpoint() else {
        return Ok(item);
    };
    if item.standing != standing {
        let (machine, now) = (format!("machine {endpoint}"), format!("{standing:?}"));
        services.base.audit.record_often("", Action::StandingChanged, &machine, &now);
    }
    let edit = move |draft: &mut Draft| {
        update(draft, endpoint, |item| {
            let view = Arc::make_mut(&mut item.view);
            view.facts = facts.clone();
            view.public_ip = public_ip.clone();
            item.standing = standing;
        });
        Ok(())
    };
    services.base.store.edit(edit).await?;
    Ok(item)
}

/// Changes what a machine says of itself in every item that leads to it.
fn update(draft: &mut Draft, endpoint: EndpointId, change: impl Fn(&mut Item)) {
    let items: Vec<_> = draft.items_of(endpoint).cloned().collect();
    for before in items {
        let mut item = Item::clone(&before);
        change(&mut item);
        if (&item.view, item.standing) != (&before.view, before.standing)
            && let Err(refusal) = draft.put(item)
        {
            tracing::error!(%refusal, "an item could not be updated");
        }
    }
}

struct Newcomer {
    key: jumpdeck_protocol::handshake::PublicKey,
    machine: String,
    facts: Facts,
    public_ip: Box<str>,
    standing: Standing,
}

impl Newcomer {
    /// The item it is to be, but for its id and its place.
    fn item(&self, name: String, now: Timestamp) -> Item {
        let view = ItemView {
            name: name.into(),
            method: JumpMethod::JumpClient,
            created: now,
            facts: self.facts.clone(),
            public_ip: self.public_ip.clone(),
            ..ItemView::default()
        };
        Item {
            view: view.into(),
            key: Some(self.key),
            machine: self.machine.clone(),
            local: false,
            copy_of: None,
            standing: self.standing,
            edited_by: None,
            attributes: Vec::new(),
            origins: Vec::new(),
        }
    }
}

/// A machine comes for one session.
async fn visit(
    services: &Services,
    caller: &IncomingLink,
    newcomer: Newcomer,
    visit: Option<Visit>,
) -> Result<Arc<Item>, Refusal> {
    let invalid = || RefusalCode::SessionKeyInvalid.plain();
    let visit = visit.ok_or_else(invalid)?;
    let name = visitor_name(visit.name.as_deref(), &newcomer.facts.hostname);
    let item = newcomer.item(name, services.base.now());
    let session_key = visit.session_key;
    let visitor = Visitor { session_key, from: caller.from.ip(), item };
    let id = services.visitors.queues.let_visitor_in(visitor).await?;
    services.base.world().item(id).cloned().ok_or_else(invalid)
}

async fn enrol(
    services: &Services,
    newcomer: Newcomer,
    enrolment: Enrolment,
) -> Result<Arc<Item>, Refusal> {
    let (hash, now) = (keys::hash(&enrolment.installer_key), services.base.now());
    let most = services.items.client_limit.most();
    let key = newcomer.key;
    let edit = move |draft: &mut Draft| {
        let installer = draft
            .installer_by_hash(&hash)
            .filter(|installer| !installer.revoked && now <= installer.expires)
            .cloned()
            .ok_or_else(|| RefusalCode::InstallerKeyInvalid.plain())?;
        let invited = draft.installer_in_words(&installer);
        if !draft.is_vouched_for(&installer) {
            let detail = format!("{invited} may not add machines there any more");
            return Err(RefusalCode::InstallerKeyInvalid.because(detail));
        }
        let (place, local) = (installer.place, installer.local);
        // An embedded appliance has one agent of its own; a new one takes the lost one's place.
        let lost: Vec<_> = draft.items().filter(|item| local && item.local).cloned().collect();
        for lost in &lost {
            let mut item = Item::clone(lost);
            item.key = Some(newcomer.key);
            item.machine.clone_from(&newcomer.machine);
            draft.put(item)?;
        }
        if !lost.is_empty() {
            return Ok(());
        }
        room_for_another(draft, most)?;
        let wished = enrolment.name.as_deref();
        let mut item = newcomer.item(visitor_name(wished, &newcomer.facts.hostname), now);
        item.local = local;
        let id = draft.next::<Item>();
        let view = Arc::make_mut(&mut item.view);
        (view.id, view.place) = (id, place);
        view.tag = trimmed(enrolment.tag.clone(), limits::TAG).into();
        view.comments = trimmed(enrolment.comments.clone(), limits::COMMENTS).into();
        let (subject, detail) = (format!("item {id}"), format!("{}; {invited}", view.name));
        let action = Action::JumpClientEnrolled;
        draft.audit(now, AuditRecord { who: "", action, subject: &subject, detail: &detail });
        draft.put(item)
    };
    services.base.store.edit(edit).await?;
    let item = services.base.world().item_by_key(&key).cloned();
    let item = item.ok_or_else(|| RefusalCode::JumpItemGone.plain())?;
    Ok(item)
}

fn trimmed(text: Option<String>, limit: usize) -> String {
    text::bounded(text.unwrap_or_default().trim(), limit)
}

fn bounded(text: &str) -> Box<str> {
    text::bounded(text, limits::FACT).into()
}

/// What an agent says is cut and cleaned before it is kept.
fn clean(facts: Facts) -> Facts {
    Facts {
        hostname: bounded(&facts.hostname),
        fqdn: bounded(&facts.fqdn),
        domain: bounded(&facts.domain),
        operating_system: bounded(&facts.operating_system),
        private_ip: bounded(&facts.private_ip),
        gateway: bounded(&facts.gateway),
        gateway_mac: bounded(&facts.gateway_mac),
        mac: bounded(&facts.mac),
        version: bounded(&facts.version),
        console_user: bounded(&facts.console_user),
        ..facts
    }
}
