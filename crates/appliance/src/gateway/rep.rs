//! A console's link: the login, and the requests from then on.

use super::requests::Answering;
use super::{Arrival, Gateway, IncomingLink, introduce, until_gone};
use crate::accounts::duties::first_of;
use crate::accounts::login::{Known, LoginAttempt};
use crate::accounts::second_factor::has_one;
use crate::bus::ApplianceEvent;
use crate::clock::Uptime;
use crate::feed::updates::Have;
use crate::links::consoles::{LinkLogin, RepLink};
use crate::services::Services;
use jumpdeck_link::Socket;
use jumpdeck_link::{Incoming, KeepAlive, LinkEnd, Outbox, pump, read_plain, write_plain};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{RepLogin, RepProof, RepWelcome};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request::Subscribe;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest, ToRep};
use jumpdeck_protocol::{
    Control, EndpointId, ItemId, Never, Outcome, Refusal, RefusalCode, RequestId, Timestamp, limits,
};
use jumpdeck_world::KeptLogin;
use jumpdeck_world::User;
use jumpdeck_world::Visibility;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Requests of one console that may be under way at once.
const REQUESTS: usize = 64;

/// Serves one console's link from its first message to its end.
pub(super) async fn serve(gateway: &Gateway, mut caller: IncomingLink, turn: Arrival) {
    let login = Box::pin(log_in(gateway, &mut caller));
    let Ok(Ok(Some(rep))) = timeout(limits::HANDSHAKE_TIME, login).await else {
        return;
    };
    drop(turn);
    attend(Arc::clone(&gateway.services), rep, caller.socket).await;
}

/// Serves the link of a rep who is logged in, to its end.
pub(crate) async fn attend(services: Arc<Services>, rep: RepLink, socket: Socket) {
    let mut link = ConsoleLink {
        services: Arc::clone(&services),
        rep: rep.clone(),
        requests: Arc::new(Semaphore::new(REQUESTS)),
        tasks: JoinSet::new(),
        feed: None,
        figures: watch::channel(false).0,
        checked: None,
    };
    // A console that is back has left its former link, whatever that believes.
    let same = |other: &RepLink| {
        rep.console != 0 && (other.user, other.console) == (rep.user, rep.console)
    };
    for former in services.links.consoles.those(same) {
        services.sessions.relay.rep_left(&former);
        former.outbox.close();
    }
    services.links.consoles.add(rep.clone());
    if services.stopping.has_begun() {
        // The notice to all consoles went out before this link was among them.
        rep.tell(ApplianceNotice::Stopping);
        rep.outbox.close();
    }
    if !rep.is_good(&services.base.world()) {
        // Something changed while it was checked.
        rep.outbox.close();
    }
    if rep.first().is_none() {
        let sessions = services.book.of(rep.user, &services.base.world());
        rep.tell(ApplianceNotice::Sessions { sessions });
        services.base.bus.publish(ApplianceEvent::ConsoleCame);
    }
    let keep_alive = KeepAlive { ping: None, silence: limits::REP_SILENCE };
    let end = pump(socket, &rep.outbox, keep_alive, |incoming| link.take(incoming)).await;
    tracing::debug!(user = rep.user.0, %end, "console link ended");
    services.links.consoles.remove(rep.id);
    services.feeds.interest.settle_interest(&services.links.watching.forget(&rep));
    services.sessions.relay.rep_left(&rep);
}

/// Checks a login. `Ok(None)` means it was refused and told why.
async fn log_in(gateway: &Gateway, caller: &mut IncomingLink) -> Result<Option<RepLink>, LinkEnd> {
    let services = &gateway.services;
    if introduce(&services.keys, caller).await?.is_none() {
        return Ok(None);
    }
    let login: RepLogin = read_plain(&mut caller.socket).await?;
    let now = services.base.now();
    let (claimed, from) = (login.proof.username().to_owned(), caller.from.ip().to_string());
    let (console, holder) = (login.console, login.keep.clone().map(|who| (who, login.keep_for)));
    match prove(services, login, services.attempt(caller.from.ip())).await {
        Ok(proven) => {
            gateway.until_reps_are_admitted().await;
            let user = proven.user.id;
            let first = first_of(&services.base.world(), user);
            // Anyone who came by a kept login has one; and nothing is kept on a first password.
            let wanted = holder.filter(|_| proven.proved.is_some() && first.is_none());
            let generation = proven.generation;
            let passwords = &services.accounts.passwords;
            let kept = match wanted {
                Some(holder) => passwords.keep_login(user, holder, generation).await.ok(),
                None => None,
            };
            let world = services.base.world();
            let username = proven.user.username.clone();
            let welcome = RepWelcome::Welcome {
                user,
                username: username.clone(),
                now,
                embedded: services.embedded,
                login: kept,
                first,
                idle_lock: world.idle_lock(user),
                plain: world.preferences(user).is_some_and(|kept| kept.plain),
            };
            write_plain(&mut caller.socket, &welcome).await?;
            services.base.audit.record(
                Some(user),
                Action::LoggedIn,
                &format!("user {username}"),
                &from,
            );
            let login = link_login(proven, first, now);
            let (id, login) = (services.links.next(), Arc::new(login));
            let (outbox, queues) = (Outbox::new(), Arc::default());
            Ok(Some(RepLink { id, user, console, outbox, login, queues }))
        }
        Err(refusal) => {
            audit_failure(services, &claimed, &from, &refusal);
            write_plain(&mut caller.socket, &RepWelcome::Refused(refusal)).await?;
            until_gone(caller).await;
            Ok(None)
        }
    }
}

fn link_login(proven: Proven, first: Option<RefusalCode>, now: Timestamp) -> LinkLogin {
    let began = proven.login.as_ref().map_or(now, |login| login.made);
    let expires = proven.login.as_ref().map(|login| login.expires);
    LinkLogin {
        first: Mutex::new(first),
        generation: proven.generation.into(),
        kept: Mutex::new(proven.login.map(|login| login.id)),
        proved: proven.proved,
        began,
        expires,
    }
}

fn audit_failure(services: &Services, claimed: &str, from: &str, refusal: &Refusal) {
    // Whatever was typed into the name's place may be a secret.
    let known = services.base.world().user_by_name(claimed).is_some();
    let whose = if known { format!("user {claimed}") } else { "an unknown name".into() };
    let detail = format!("from {from}: {}", refusal.code.as_str());
    services.base.audit.record_often("", Action::LoginFailed, &whose, &detail);
}

/// Who proved itself, with everything needed for that.
struct Proven {
    user: Arc<User>,
    /// The login that was kept, if it was that.
    login: Option<Arc<KeptLogin>>,
    /// When, if it was the password.
    proved: Option<Uptime>,
    /// That of the account when it was looked at.
    generation: u64,
}

async fn prove(
    services: &Services,
    login: RepLogin,
    attempt: LoginAttempt,
) -> Result<Proven, Refusal> {
    let world = services.base.world();
    let by_password = matches!(login.proof, RepProof::Password { .. });
    let Known { user, login: kept } =
        services.accounts.login.check(&world, login.proof, attempt).await?;
    let generation = world.account(user.id).map_or(0, |account| account.generation);
    if by_password && has_one(&world, user.id) {
        let wanted = || RefusalCode::SecondFactorRequired.plain();
        services
            .accounts
            .second_factors
            .spend_code(user.id, &login.code.ok_or_else(wanted)?)
            .await?;
    }
    services.accounts.login.succeeded(user.id, attempt);
    Ok(Proven { user, login: kept, proved: by_password.then_some(attempt.uptime), generation })
}

/// A console that pings more often than this has only the appliance answer, not the machines.
const OFTEN: Duration = Duration::from_millis(500);

/// What serves one console.
struct ConsoleLink {
    services: Arc<Services>,
    rep: RepLink,
    requests: Arc<Semaphore>,
    tasks: JoinSet<()>,
    feed: Option<tokio::task::AbortHandle>,
    /// Whether the console searches for figures.
    figures: watch::Sender<bool>,
    /// When its machines were last checked for it.
    checked: Option<Instant>,
}

impl ConsoleLink {
    fn take(&mut self, incoming: Incoming) -> Result<(), LinkEnd> {
        if self.rep.outbox.is_closed() {
            // It may do nothing more, and yet is told why.
            return Ok(());
        }
        let (frame, message) = match incoming {
            Incoming::Frame(frame, message) => (frame, message),
            Incoming::Ping => {
                if self.checked.is_none_or(|checked| checked.elapsed() > OFTEN) {
                    self.checked = Some(Instant::now());
                    self.services.sessions.silence.check_agents_of(&self.rep);
                }
                return Ok(());
            }
            Incoming::Pong(_) => return Ok(()),
        };
        match frame {
            Frame::Data { channel, offset, bytes } => {
                self.services.sessions.relay.relay_input(
                    self.rep.id,
                    (channel, offset, bytes),
                    message,
                );
            }
            Frame::Credit { channel, received, limit } => {
                self.services.sessions.relay.relay_output_credit(
                    self.rep.id,
                    channel,
                    received,
                    limit,
                );
            }
            Frame::Control(body) => {
                let received = control::decode::<RepRequest, Never, RepNotice>(&body)
                    .map_err(|error| LinkEnd::Violation(error.to_string()))?;
                match received {
                    Received::Known(message) => self.control(message),
                    Received::UnknownRequest(id) => {
                        self.reply(id, Err(RefusalCode::Unsupported.plain()));
                    }
                    Received::UnknownOther => {}
                }
            }
        }
        Ok(())
    }

    fn control(&mut self, message: Control<RepRequest, Never, RepNotice>) {
        match message {
            Control::Request { id, body } => self.request(id, body),
            Control::Reply { .. } => {}
            Control::Notice { .. } if self.rep.first().is_some() => {}
            Control::Notice { body: RepNotice::Channel(order) } => {
                self.services.sessions.relay.channel_order(&self.rep, order);
            }
            Control::Notice { body: RepNotice::Watch { mut items } } => {
                items.truncate(limits::WATCHED_ITEMS);
                let watched = self.endpoints(&items);
                let changed = self.services.links.watching.set(&self.rep, &watched);
                self.services.feeds.interest.settle_interest(&changed);
            }
            Control::Notice { body: RepNotice::WatchFigures { wanted } } => {
                if self.services.links.watching.search(self.rep.id, wanted) {
                    self.services.feeds.interest.settle_everybodys_interest();
                }
                self.figures.send_replace(wanted);
            }
        }
    }

    /// The items that the rep may see, and the machines they lead to.
    fn endpoints(&self, items: &[ItemId]) -> Vec<(ItemId, EndpointId)> {
        let world = self.services.base.world();
        let sight = Visibility::new(&world, self.rep.user);
        let seen = items.iter().filter(|item| sight.item(**item).is_some());
        seen.filter_map(|item| Some((*item, world.item(*item)?.endpoint()?))).collect()
    }

    fn request(&mut self, id: RequestId, request: RepRequest) {
        use RepRequest::{BeginSecondFactor, ChangePassword, ConfirmSecondFactor, Logout};
        let is_first = |first| match &request {
            ChangePassword(_) | Logout(_) => true,
            BeginSecondFactor(_) | ConfirmSecondFactor(_) => {
                first == RefusalCode::SecondFactorUnknown
            }
            _ => false,
        };
        if let Some(first) = self.rep.first().filter(|first| !is_first(*first)) {
            audit_refusal(&self.services, &self.rep, request.name(), &first.plain());
            self.reply(id, Err(first.plain()));
            return;
        }
        if let RepRequest::Subscribe(Subscribe { have, presence }) = request {
            self.reply(id, Ok(RepReply::Subscribed));
            let have = Have { inventory: have, presence };
            let figures = self.figures.subscribe();
            let task =
                Arc::clone(&self.services.feeds.updates).feed(self.rep.clone(), have, figures);
            if let Some(former) = self.feed.replace(self.tasks.spawn(task)) {
                former.abort();
            }
            return;
        }
        while self.tasks.try_join_next().is_some() {}
        let Ok(turn) = Arc::clone(&self.requests).try_acquire_owned() else {
            self.reply(
                id,
                Err(RefusalCode::ServerBusy
                    .because("too many requests of this console are under way")),
            );
            return;
        };
        let (services, rep) = (Arc::clone(&self.services), self.rep.clone());
        // Not one of the link's own tasks: what was begun is finished even if the link ends.
        tokio::spawn(async move {
            answer(&services, &rep, id, request).await;
            drop(turn);
        });
    }

    fn reply(&self, id: RequestId, outcome: Result<RepReply, Refusal>) {
        self.rep.outbox.send(&ToRep::Reply { id, body: Outcome::from(outcome) });
    }
}

/// Answers a request, and writes down what was refused.
async fn answer(services: &Arc<Services>, rep: &RepLink, id: RequestId, request: RepRequest) {
    let what = request.name();
    // A start that is refused is written down with its item.
    let is_start = matches!(request, RepRequest::StartSession(_));
    let stops = matches!(request, RepRequest::Stop);
    let outcome = request.answered(&Answering { services, rep }).await;
    match &outcome {
        Err(_) if is_start => {}
        Err(refusal) => audit_refusal(services, rep, what, refusal),
        Ok(RepReply::Done(reply::BulkDone { refused })) => {
            for (item, refusal) in refused {
                audit_refusal(services, rep, &format!("{what}, item {item}"), refusal);
            }
        }
        Ok(_) => {}
    }
    let stops = stops && outcome.is_ok();
    rep.outbox.send(&ToRep::Reply { id, body: Outcome::from(outcome) });
    if stops {
        // The answer is on its way.
        services.stopping.stop();
    }
}

/// Writes down what was refused, but for what says nothing about anybody's rights.
fn audit_refusal(services: &Services, rep: &RepLink, what: &str, refusal: &Refusal) {
    use RefusalCode::{Stopping, StoreFailed};
    if matches!(refusal.code, Stopping | StoreFailed) {
        return;
    }
    let who = services.base.world().username(rep.user);
    let detail = format!("{}: {}", refusal.code.as_str(), refusal.detail);
    services.base.audit.record_often(&who, Action::RequestRefused, what, &detail);
}
