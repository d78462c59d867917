//! What a console asks, and who answers it.

use crate::items::installers::InstallerSpec;
use crate::links::consoles::RepLink;
use crate::services::Services;
use crate::sessions::start::AttachRequest;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::{RepReply, RepRequest, ToRep};
use jumpdeck_protocol::session::{ChannelKind, EndReason, Part};
use jumpdeck_protocol::{Outcome, Refusal, RefusalCode, RequestId};
use std::sync::Arc;

/// Does what a console asks.
pub(super) async fn fulfil(
    services: &Arc<Services>,
    rep: &RepLink,
    id: RequestId,
    request: RepRequest,
) -> Result<RepReply, Refusal> {
    match request {
        RepRequest::Subscribe { .. } => Err(RefusalCode::Unsupported.plain()),
        RepRequest::Colleagues => Ok(services.sessions.sharing.colleagues(rep)),
        RepRequest::AddUser { username } => {
            Ok(RepReply::UserAdded(services.accounts.passwords.add_user(rep, &username).await?))
        }
        RepRequest::ResetUser { username, second_factor } => {
            let user =
                services.accounts.passwords.reset_user(rep, &username, second_factor).await?;
            Ok(RepReply::UserAdded(user))
        }
        RepRequest::ChangePassword { current, new } => {
            let first = services.accounts.passwords.change_password(rep, current.0, new.0).await?;
            Ok(RepReply::PasswordChanged { first })
        }
        RepRequest::SecondFactor(wish) => {
            services.accounts.second_factors.second_factor(rep, wish).await
        }
        RepRequest::ApiAccounts(wish) => {
            services.accounts.programs.api_accounts(rep, wish).await.map(RepReply::ApiAccounts)
        }
        RepRequest::SshKeys(wish) => services.accounts.ssh_keys.ssh_keys(rep, wish).await,
        RepRequest::KeepLogin { holder, seconds } => services
            .accounts
            .passwords
            .keep_this(rep, (holder, seconds))
            .await
            .map(RepReply::LoginKept),
        RepRequest::Unlock { password } => {
            services.accounts.passwords.is_own(rep, password.0).await.map(|()| RepReply::Saved)
        }
        RepRequest::Logout { token } => {
            let token = token.as_ref().map(|token| token.0.as_str());
            services.accounts.passwords.log_out(rep, token).await.map(|()| RepReply::Saved)
        }
        RepRequest::CreateInstaller { group, valid } => {
            let spec = InstallerSpec { group, valid, local: false };
            let installer = services.items.installers.create(Some(rep.user), spec).await?;
            Ok(RepReply::Installer(installer))
        }
        RepRequest::EditItems { edits } => {
            let refused = services.items.edits.edit_items(rep.user, edits).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::CopyItems { items, to } => {
            let refused = services.items.edits.copy_items(rep.user, items, to).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::RemoveItems { items } => {
            let refused = services.items.edits.remove_items(rep.user, items).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::RemovedItems => {
            Ok(RepReply::RemovedItems { items: services.items.kept.removed_items(rep.user) })
        }
        RepRequest::TakeBack { items } => {
            let refused = services.items.kept.take_back(rep.user, items).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::Installers(wish) => Ok(RepReply::Installers {
            installers: services.items.installers.installers(rep, wish).await?,
        }),
        RepRequest::AddShortcut { item } => {
            Ok(RepReply::Added { item: services.items.edits.add_shortcut(rep.user, item).await? })
        }
        RepRequest::Wake { item, password } => {
            Ok(RepReply::Waking { helper: services.items.waking.wake(rep, item, password).await? })
        }
        RepRequest::History { item } => {
            let sessions = services.sessions.history.history(rep, item).await?;
            Ok(RepReply::History { sessions, warning: services.items.clones.warning_of(item) })
        }
        RepRequest::SavePreferences { preferences } => {
            services.feeds.preferences.save_preferences(rep, *preferences).await?;
            Ok(RepReply::Saved)
        }
        RepRequest::Stop if services.embedded => {
            // The answer goes out first.
            rep.outbox.send(&ToRep::Reply { id, body: Outcome::Ok(RepReply::Stopping) });
            services.stopping.stop();
            Ok(RepReply::Stopping)
        }
        RepRequest::Stop => {
            let detail = "only an embedded appliance is stopped from a console";
            Err(RefusalCode::PermissionDenied.because(detail))
        }
        of_sessions => in_sessions(services, rep, of_sessions).await,
    }
}

/// What is asked of sessions, and of what leads to them.
async fn in_sessions(
    services: &Arc<Services>,
    rep: &RepLink,
    request: RepRequest,
) -> Result<RepReply, Refusal> {
    match request {
        RepRequest::StartSession { item, kind, override_schedule, reason, code } => {
            let wish = AttachRequest { override_schedule, reason, code };
            let started = services.sessions.starting.start_session(rep, item, kind, wish).await;
            if let Err(refusal) = &started {
                let who = services.base.world().username(rep.user);
                let (subject, why) = (format!("item {item}"), refusal.code.as_str());
                let detail = format!("{why}: {}", refusal.detail);
                services.base.audit.record_often(&who, Action::SessionRefused, &subject, &detail);
            }
            started.map(RepReply::SessionStarted)
        }
        RepRequest::EndSession { session } => {
            services.book.takes_part(session, rep.user, Part::Owner)?;
            services.sessions.endings.end_session(session, EndReason::EndedByRep);
            Ok(RepReply::SessionEnded)
        }
        RepRequest::OpenShell { session, size, term } => {
            // Consoles alone open further shells, and their emulator speaks UTF-8.
            let kind = ChannelKind::Shell { size, term, modes: TerminalModes::utf8() };
            let channel = services.sessions.opening.open_shell(rep, session, kind).await?;
            Ok(RepReply::ShellOpened(channel))
        }
        RepRequest::Share { session, with, part } => services
            .sessions
            .sharing
            .share(rep, session, &with, part)
            .await
            .map(|()| RepReply::Saved),
        RepRequest::Transfer { session, to } => {
            services.sessions.sharing.transfer(rep, session, &to).await.map(|()| RepReply::Saved)
        }
        RepRequest::Leave { session } => {
            services.sessions.sharing.leave(rep, session).await.map(|()| RepReply::Saved)
        }
        RepRequest::Chat { session, text } => {
            services.sessions.log.chat(rep, session, &text).await.map(|()| RepReply::Saved)
        }
        RepRequest::Note { session, text } => {
            services.sessions.log.note(rep, session, &text).await.map(|()| RepReply::Saved)
        }
        RepRequest::Log { session, after } => {
            let (entries, more) = services.sessions.log.read_log(rep, session, after).await?;
            Ok(RepReply::Log { entries, more })
        }
        RepRequest::Recordings { before } => {
            let (recordings, more) = services.sessions.recordings.recordings(rep, before).await?;
            Ok(RepReply::Recordings { recordings, more })
        }
        RepRequest::ReadRecording { channel, offset } => {
            let bytes = services.sessions.recordings.read_recording(rep, channel, offset).await?;
            Ok(RepReply::Piece { bytes })
        }
        RepRequest::ShareTeam { session, team, part } => services
            .policies
            .teams
            .share_with_team(rep, session, &team, part)
            .await
            .map(|()| RepReply::Saved),
        RepRequest::CreateSessionKey { queue, valid, attributes } => {
            let key =
                services.visitors.queues.create_session_key(rep, queue, valid, attributes).await?;
            Ok(RepReply::SessionKey(key))
        }
        RepRequest::SetAttributes { session, attributes } => services
            .sessions
            .log
            .set_attributes(rep, session, attributes)
            .await
            .map(|()| RepReply::Saved),
        RepRequest::TurnAway { item } => {
            services.visitors.queues.turn_away(rep, item).await.map(|()| RepReply::Saved)
        }
        RepRequest::JoinSession { session } => {
            services.visitors.queues.join_session(rep, session).map(RepReply::SessionStarted)
        }
        RepRequest::Pin { session, item } => {
            let (item, by_hand) = services.visitors.pinning.pin(rep, session, *item).await?;
            Ok(RepReply::Pinned { item, by_hand })
        }
        RepRequest::Unpin { session } => {
            services.visitors.pinning.unpin(rep, session).await.map(|()| RepReply::Saved)
        }
        RepRequest::Explain { whom, item, action, at } => {
            let answers = services.policies.explanations.explain(rep, &whom, item, action, at)?;
            Ok(RepReply::Explained { answers })
        }
        RepRequest::Simulate { whom, item, method, present, at } => {
            let simulation =
                services.policies.explanations.simulate(rep, &whom, item, method, (present, at))?;
            Ok(RepReply::Simulated(Box::new(simulation)))
        }
        RepRequest::ExportConfiguration => {
            Ok(RepReply::Configuration { file: services.configuration.export_configuration(rep)? })
        }
        RepRequest::Configure { file, apply, planned } => {
            let plan = services.configuration.configure(rep, file, apply, planned).await?;
            Ok(RepReply::Plan(Box::new(plan)))
        }
        RepRequest::Audit { after } => {
            let (events, seal) = services.base.audit.read(rep, after).await?;
            Ok(RepReply::Audit { events, seal })
        }
        RepRequest::Teams => Ok(RepReply::Teams { teams: services.policies.teams.teams(rep) }),
        RepRequest::SetTeam { name, members } => {
            services.policies.teams.set_team(rep, &name, members).await.map(|()| RepReply::Saved)
        }
        _ => Err(RefusalCode::Unsupported.plain()),
    }
}
