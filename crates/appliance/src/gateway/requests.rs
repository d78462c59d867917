//! What a console asks, and who answers it.

use crate::app::Appliance;
use crate::items::installers::InstallerSpec;
use crate::links::consoles::RepLink;
use crate::sessions::start::AttachRequest;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::{RepReply, RepRequest, ToRep};
use jumpdeck_protocol::session::{ChannelKind, EndReason, Part};
use jumpdeck_protocol::{Outcome, Refusal, RefusalCode, RequestId};
use std::sync::Arc;

/// Does what a console asks.
pub(super) async fn fulfil(
    appliance: &Arc<Appliance>,
    rep: &RepLink,
    id: RequestId,
    request: RepRequest,
) -> Result<RepReply, Refusal> {
    match request {
        RepRequest::Subscribe { .. } => Err(RefusalCode::Unsupported.plain()),
        RepRequest::Colleagues => Ok(appliance.colleagues(rep)),
        RepRequest::AddUser { username } => {
            Ok(RepReply::UserAdded(appliance.add_user(rep, &username).await?))
        }
        RepRequest::ResetUser { username, second_factor } => {
            let user = appliance.reset_user(rep, &username, second_factor).await?;
            Ok(RepReply::UserAdded(user))
        }
        RepRequest::ChangePassword { current, new } => {
            let first = appliance.change_password(rep, current.0, new.0).await?;
            Ok(RepReply::PasswordChanged { first })
        }
        RepRequest::SecondFactor(wish) => appliance.second_factor(rep, wish).await,
        RepRequest::ApiAccounts(wish) => {
            appliance.api_accounts(rep, wish).await.map(RepReply::ApiAccounts)
        }
        RepRequest::SshKeys(wish) => appliance.ssh_keys(rep, wish).await,
        RepRequest::KeepLogin { holder, seconds } => {
            appliance.keep_this(rep, (holder, seconds)).await.map(RepReply::LoginKept)
        }
        RepRequest::Unlock { password } => {
            appliance.is_own(rep, password.0).await.map(|()| RepReply::Saved)
        }
        RepRequest::Logout { token } => {
            let token = token.as_ref().map(|token| token.0.as_str());
            appliance.log_out(rep, token).await.map(|()| RepReply::Saved)
        }
        RepRequest::CreateInstaller { group, valid } => {
            let spec = InstallerSpec { group, valid, local: false };
            let installer = appliance.create_installer_for(Some(rep.user), spec).await?;
            Ok(RepReply::Installer(installer))
        }
        RepRequest::EditItems { edits } => {
            let refused = appliance.edit_items(rep.user, edits).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::CopyItems { items, to } => {
            let refused = appliance.copy_items(rep.user, items, to).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::RemoveItems { items } => {
            let refused = appliance.remove_items(rep.user, items).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::RemovedItems => {
            Ok(RepReply::RemovedItems { items: appliance.removed_items(rep.user) })
        }
        RepRequest::TakeBack { items } => {
            let refused = appliance.take_back(rep.user, items).await?;
            Ok(RepReply::Done { refused })
        }
        RepRequest::Installers(wish) => {
            Ok(RepReply::Installers { installers: appliance.installers(rep, wish).await? })
        }
        RepRequest::AddShortcut { item } => {
            Ok(RepReply::Added { item: appliance.add_shortcut(rep.user, item).await? })
        }
        RepRequest::Wake { item, password } => {
            Ok(RepReply::Waking { helper: appliance.wake(rep, item, password).await? })
        }
        RepRequest::History { item } => {
            let sessions = appliance.history(rep, item).await?;
            Ok(RepReply::History { sessions, warning: appliance.warning_of(item) })
        }
        RepRequest::SavePreferences { preferences } => {
            appliance.save_preferences(rep, *preferences).await?;
            Ok(RepReply::Saved)
        }
        RepRequest::Stop if appliance.is_embedded() => {
            // The answer goes out first.
            rep.outbox.send(&ToRep::Reply { id, body: Outcome::Ok(RepReply::Stopping) });
            appliance.stop();
            Ok(RepReply::Stopping)
        }
        RepRequest::Stop => {
            let detail = "only an embedded appliance is stopped from a console";
            Err(RefusalCode::PermissionDenied.because(detail))
        }
        of_sessions => in_sessions(appliance, rep, of_sessions).await,
    }
}

/// What is asked of sessions, and of what leads to them.
async fn in_sessions(
    appliance: &Arc<Appliance>,
    rep: &RepLink,
    request: RepRequest,
) -> Result<RepReply, Refusal> {
    match request {
        RepRequest::StartSession { item, kind, override_schedule, reason, code } => {
            let wish = AttachRequest { override_schedule, reason, code };
            let started = appliance.start_session(rep, item, kind, wish).await;
            if let Err(refusal) = &started {
                let who = appliance.world().username(rep.user);
                let (subject, why) = (format!("item {item}"), refusal.code.as_str());
                let detail = format!("{why}: {}", refusal.detail);
                appliance.audit_often(&who, Action::SessionRefused, &subject, &detail);
            }
            started.map(RepReply::SessionStarted)
        }
        RepRequest::EndSession { session } => {
            appliance.takes_part(session, rep.user, Part::Owner)?;
            appliance.end_session(session, EndReason::EndedByRep);
            Ok(RepReply::SessionEnded)
        }
        RepRequest::OpenShell { session, size, term } => {
            // Consoles alone open further shells, and their emulator speaks UTF-8.
            let kind = ChannelKind::Shell { size, term, modes: TerminalModes::utf8() };
            let channel = appliance.open_shell(rep, session, kind).await?;
            Ok(RepReply::ShellOpened(channel))
        }
        RepRequest::Share { session, with, part } => {
            appliance.share(rep, session, &with, part).await.map(|()| RepReply::Saved)
        }
        RepRequest::Transfer { session, to } => {
            appliance.transfer(rep, session, &to).await.map(|()| RepReply::Saved)
        }
        RepRequest::Leave { session } => {
            appliance.leave(rep, session).await.map(|()| RepReply::Saved)
        }
        RepRequest::Chat { session, text } => {
            appliance.chat(rep, session, &text).await.map(|()| RepReply::Saved)
        }
        RepRequest::Note { session, text } => {
            appliance.note(rep, session, &text).await.map(|()| RepReply::Saved)
        }
        RepRequest::Log { session, after } => {
            let (entries, more) = appliance.read_log(rep, session, after).await?;
            Ok(RepReply::Log { entries, more })
        }
        RepRequest::Recordings { before } => {
            let (recordings, more) = appliance.recordings(rep, before).await?;
            Ok(RepReply::Recordings { recordings, more })
        }
        RepRequest::ReadRecording { channel, offset } => {
            let bytes = appliance.read_recording(rep, channel, offset).await?;
            Ok(RepReply::Piece { bytes })
        }
        RepRequest::ShareTeam { session, team, part } => {
            appliance.share_with_team(rep, session, &team, part).await.map(|()| RepReply::Saved)
        }
        RepRequest::CreateSessionKey { queue, valid, attributes } => {
            let key = appliance.create_session_key(rep, queue, valid, attributes).await?;
            Ok(RepReply::SessionKey(key))
        }
        RepRequest::SetAttributes { session, attributes } => {
            appliance.set_attributes(rep, session, attributes).await.map(|()| RepReply::Saved)
        }
        RepRequest::TurnAway { item } => {
            appliance.turn_away(rep, item).await.map(|()| RepReply::Saved)
        }
        RepRequest::JoinSession { session } => {
            appliance.join_session(rep, session).map(RepReply::SessionStarted)
        }
        RepRequest::Pin { session, item } => {
            let (item, by_hand) = appliance.pin(rep, session, *item).await?;
            Ok(RepReply::Pinned { item, by_hand })
        }
        RepRequest::Unpin { session } => {
            appliance.unpin(rep, session).await.map(|()| RepReply::Saved)
        }
        RepRequest::Explain { whom, item, action, at } => {
            let answers = appliance.explain(rep, &whom, item, action, at)?;
            Ok(RepReply::Explained { answers })
        }
        RepRequest::Simulate { whom, item, method, present, at } => {
            let simulation = appliance.simulate(rep, &whom, item, method, (present, at))?;
            Ok(RepReply::Simulated(Box::new(simulation)))
        }
        RepRequest::ExportConfiguration => {
            Ok(RepReply::Configuration { file: appliance.export_configuration(rep)? })
        }
        RepRequest::Configure { file, apply, planned } => {
            let plan = appliance.configure(rep, file, apply, planned).await?;
            Ok(RepReply::Plan(Box::new(plan)))
        }
        RepRequest::Audit { after } => {
            let (events, seal) = appliance.read_audit(rep, after).await?;
            Ok(RepReply::Audit { events, seal })
        }
        RepRequest::Teams => Ok(RepReply::Teams { teams: appliance.teams(rep) }),
        RepRequest::SetTeam { name, members } => {
            appliance.set_team(rep, &name, members).await.map(|()| RepReply::Saved)
        }
        _ => Err(RefusalCode::Unsupported.plain()),
    }
}
