//! Installer keys: what a machine enrols with. A key opens what its maker could open now.

use crate::answered::Answered;
use crate::base::Base;
use crate::items::rules::permitted;
use crate::keys;
use crate::links::consoles::RepLink;
use jumpdeck_policy::Permission;
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::inventory::{GroupView, Place};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{self, InstallerRequest, InstallerView};
use jumpdeck_protocol::{Refusal, RefusalCode, UserId, limits, text};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use jumpdeck_world::names::in_utc;
use jumpdeck_world::names::place_name;
use jumpdeck_world::{DocumentId, Installer};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Seconds an installer may be valid: ten minutes to a year (DOMAIN 7).
const VALID: RangeInclusive<u64> = 600..=31_536_000;

/// What a new installer is to be.
#[derive(Clone, Debug)]
pub struct InstallerSpec {
    /// The Jump Group its clients come to; made if there is none. Nothing: the personal list of
    /// the one who makes it.
    pub group: Option<String>,
    /// Seconds it can be used.
    pub valid: u64,
    /// For the agent that an embedded appliance brings along.
    pub local: bool,
}

/// Makes, lists and revokes installer keys.
pub(crate) struct Installers {
    pub(super) base: Base,
    /// Of the appliance's key, for agents to check.
    pub(super) fingerprint: String,
}

impl Installers {
    /// Makes an installer in the name of `maker`.
    pub(crate) async fn create(
        &self,
        maker: Option<UserId>,
        spec: InstallerSpec,
    ) -> Result<rep::Installer, Refusal> {
        if !VALID.contains(&spec.valid) {
            let detail = "An installer is valid for 10 minutes to 365 days.";
            return Err(RefusalCode::InvalidValue.because(detail));
        }
        let group = spec.group.as_deref().map(group_name).transpose()?;
        let secret = keys::secret().map_err(|e| RefusalCode::StoreFailed.because(e.to_string()))?;
        let (key_hash, now, local) = (keys::hash(&secret), self.base.now(), spec.local);
        let expires = now.plus(spec.valid);
        let (wanted, settled) = (group.clone(), self.base.clocks.has_settled());
        let edit = move |draft: &mut Draft| {
            if settled {
                for expired in draft.expired_installers(now) {
                    draft.remove(expired);
                }
            }
            let owner = maker.unwrap_or(UserId(1));
            let known = wanted.as_deref().map(|name| draft.group_by_name(name).map(|g| g.id));
            // A group that is not there yet counts as one the user is no member of.
            let place = known.map_or(Place::Personal(owner), |known| {
                Place::JumpGroup(known.unwrap_or_else(|| draft.next::<GroupView>()))
            });
            if let Some(maker) = maker {
                let user = draft.user(maker).cloned();
                let user = user.ok_or_else(|| RefusalCode::PermissionDenied.plain())?;
                permitted(draft, &user, place, Permission::PermAdd)?;
                is_room(draft, maker)?;
            }
            if let (Some(None), Place::JumpGroup(id), Some(name)) = (known, place, &wanted) {
                draft.put(GroupView { id, name: name.as_str().into() })?;
            }
            let id = draft.next::<Installer>();
            if !local {
                let what = format!("installer {id}, until {}", in_utc(expires));
                let name = place_name(draft, place);
                draft.audit_by(now, owner, Action::InstallerMade, (&name, &what));
            }
            let (revoked, made, key_hash) = (false, now, key_hash.clone());
            let installer = Installer { id, key_hash, place, expires, revoked, local, maker, made };
            draft.put(installer)?;
            Ok(id)
        };
        let id = self.base.store.edit(edit).await?;
        let group = group.unwrap_or_else(|| "Personal".to_owned());
        Ok(rep::Installer {
            id,
            key: secret,
            expires,
            fingerprint: self.fingerprint.clone(),
            group,
        })
    }

    /// Lists or revokes installer keys: reps their own, administrators all.
    pub(crate) async fn installers(
        &self,
        rep: &RepLink,
        wish: InstallerRequest,
    ) -> Result<Vec<InstallerView>, Refusal> {
        let (user, now) = (rep.user, self.base.now());
        if let InstallerRequest::Remove { installer } = wish {
            let edit = move |draft: &mut Draft| {
                let none = || {
                    let detail = format!("There is no installer key {installer}.");
                    RefusalCode::NotFound.because(detail)
                };
                let meant = draft.installers().find(|one| one.id == installer).cloned();
                let meant = meant.filter(|one| is_of(draft, user, one)).ok_or_else(none)?;
                let place = place_name(draft, meant.place);
                let what = draft.installer_in_words(&meant);
                draft.audit_by(now, user, Action::InstallerRevoked, (&place, &what));
                draft.remove(DocumentId::Installer(installer));
                Ok(())
            };
            self.base.store.edit(edit).await?;
        }
        let world = self.base.world();
        let good = |one: &&Arc<Installer>| one.expires >= now && is_of(&world, user, one);
        let view = |one: &Arc<Installer>| InstallerView {
            id: one.id,
            place: place_name(&world, one.place).into(),
            maker: one.maker().map(|maker| world.username(maker)).unwrap_or_default(),
            made: one.made,
            expires: one.expires,
            good: world.is_vouched_for(one),
        };
        Ok(world.installers().filter(good).map(view).collect())
    }
}

impl Answered for request::CreateInstaller {
    type By = Installers;

    async fn answer(
        self,
        installers: &Arc<Installers>,
        rep: &RepLink,
    ) -> Result<rep::Installer, Refusal> {
        let spec = InstallerSpec { group: self.group, valid: self.valid, local: false };
        installers.create(Some(rep.user), spec).await
    }
}

impl Answered for InstallerRequest {
    type By = Installers;

    async fn answer(
        self,
        installers: &Arc<Installers>,
        rep: &RepLink,
    ) -> Result<reply::InstallerList, Refusal> {
        Ok(reply::InstallerList { installers: installers.installers(rep, self).await? })
    }
}

/// Whether a key is this user's to see and revoke.
fn is_of(world: &World, user: UserId, installer: &Installer) -> bool {
    !installer.local && (installer.maker() == Some(user) || world.administers(user))
}

/// Whether a rep may have another key.
fn is_room(world: &World, maker: UserId) -> Result<(), Refusal> {
    let theirs = world.installers().filter(|one| !one.local && one.maker().is_some());
    let (mut own, mut all) = (0, 0);
    for installer in theirs {
        all += 1;
        own += usize::from(installer.maker() == Some(maker));
    }
    let most = |whose: &str, most: usize| {
        let detail = format!(
            "{most} installer keys{whose} are open, the limit. `jumpdeck installer ls` lists them, \
             `rm` revokes one."
        );
        Err(RefusalCode::InvalidValue.because(detail))
    };
    match () {
        () if own >= limits::INSTALLERS => most(" of yours", limits::INSTALLERS),
        () if all >= limits::INSTALLERS_IN_ALL => most("", limits::INSTALLERS_IN_ALL),
        () => Ok(()),
    }
}

/// A group's name as it is kept.
pub(crate) fn group_name(name: &str) -> Result<String, Refusal> {
    let name = text::clean(name.trim()).into_owned();
    if name.is_empty() || name.chars().count() > limits::NAME {
        return Err(RefusalCode::InvalidValue.because("A group's name has 1 to 128 characters."));
    }
    Ok(name)
}
