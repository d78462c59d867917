//! Users, with their own settings.

use super::ConfigurationKind;
use crate::accounts::hashing::hash_first_password;
use crate::configuration::applying::Applying;
use crate::configuration::file::{MembershipEntry, SettingsEntry, yes};
use crate::configuration::file::{Name, named};
use crate::configuration::reader::At;
use crate::configuration::settings::own_settings;
use crate::configuration::written::{memberships, settings};
use crate::keys;
use jumpdeck_policy::GroupPolicy;
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::rep::NewUser;
use jumpdeck_protocol::{RefusalCode, UserId, limits};
use jumpdeck_store::Draft;
use jumpdeck_world::World;
use jumpdeck_world::{Account, DocumentId, Item, Team, User, username};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserEntry {
    pub username: Name,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(default = "yes")]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jump_groups: Vec<MembershipEntry>,
    #[serde(default)]
    pub settings: SettingsEntry,
}

pub(in crate::configuration) struct UserKind;

impl ConfigurationKind for UserKind {
    type Entity = User;
    type Entry = UserEntry;

    const NAME: &'static str = "user";

    fn all(world: &World) -> Vec<Arc<User>> {
        world.users().cloned().collect()
    }

    fn name(entity: &User) -> &str {
        &entity.username
    }

    fn entry(world: &World, user: &User) -> UserEntry {
        UserEntry {
            username: named(&user.username),
            display_name: user.display_name.clone(),
            email: user.email.clone(),
            enabled: user.enabled,
            jump_groups: memberships(world, &user.memberships),
            settings: settings(world, &user.settings),
        }
    }

    fn entry_name(entry: &UserEntry) -> &Name {
        &entry.username
    }

    fn make(
        applying: &mut Applying<'_, '_>,
        entry: &UserEntry,
        seen: &mut BTreeSet<String>,
    ) -> Result<(), Refusal> {
        // Users are made before anything speaks of them.
        let Applying { draft, reader, applied, by, .. } = applying;
        let Some(name) = reader.fresh("user", "username", &entry.username, seen) else {
            return Ok(());
        };
        if draft.user_by_name(&name).is_some() {
            return Ok(());
        }
        let at = At { kind: "user", name: &name };
        if by.embedded {
            let what = "an embedded appliance has one user; `jumpdeck serve` is for many";
            reader.wrong(at, "username", &entry.username, what);
            return Ok(());
        }
        if let Err(refusal) = username(&name) {
            reader.wrong(at, "username", &entry.username, &refusal.detail);
            return Ok(());
        }
        let failed = |error: anyhow::Error| RefusalCode::StoreFailed.because(error.to_string());
        let password = keys::secret().map_err(failed)?;
        let hash = hash_first_password(&password).map_err(failed)?;
        let id = draft.next::<User>();
        draft.put(Account::first(id, hash))?;
        let user = User::new(id, name.clone());
        applied.passwords.push(NewUser { username: name, password });
        draft.put(user)
    }

    fn finish(applying: &mut Applying<'_, '_>, entry: &UserEntry) -> Result<(), Refusal> {
        let Applying { draft, reader, .. } = applying;
        let Some(known) = draft.user_by_name(entry.username.get_ref()).cloned() else {
            return Ok(());
        };
        let at = At { kind: "user", name: entry.username.get_ref() };
        let user = User {
            display_name: jumpdeck_protocol::text::bounded(&entry.display_name, limits::NAME),
            email: jumpdeck_protocol::text::bounded(&entry.email, limits::FACT),
            enabled: entry.enabled,
            memberships: reader.memberships(draft, at, "jump_groups", &entry.jump_groups),
            settings: own_settings(draft, reader, at, &entry.settings),
            ..User::clone(&known)
        };
        if *known == user { Ok(()) } else { draft.put(user) }
    }

    fn used_by(applying: &Applying<'_, '_>, user: &User) -> Vec<String> {
        let items =
            applying.draft.items().filter(|item| item.view.place == Place::Personal(user.id));
        let mut used = Vec::new();
        match items.count() {
            0 => {}
            count => used.push(format!("{count} Jump Items are on this personal list")),
        }
        let waits = |item: &&Arc<Item>| item.view.place == Place::Queue(Queue::Personal(user.id));
        match applying.draft.visitors().filter(waits).count() {
            0 => {}
            count => used.push(format!("{count} machines wait in this queue")),
        }
        if user.id == applying.by.user {
            used.push("it is yours".to_owned());
        }
        if user.id == UserId(1) {
            used.push("it is the first user, in whose name the appliance acts".to_owned());
        }
        used
    }

    fn remove(applying: &mut Applying<'_, '_>, user: &User) {
        forget_user(applying.draft, user.id);
        applying.draft.remove(DocumentId::User(user.id));
    }
}

/// What speaks of a user that goes.
fn forget_user(draft: &mut Draft, user: UserId) {
    let policies: Vec<_> = draft.group_policies().into_iter().cloned().collect();
    for policy in policies.iter().filter(|policy| policy.members.contains(&user)) {
        let mut policy = GroupPolicy::clone(policy);
        policy.members.remove(&user);
        // What cannot be encoded was not kept before either.
        let _ = draft.put(policy);
    }
    let teams: Vec<_> = draft.teams().cloned().collect();
    for team in teams.iter().filter(|team| team.members.contains_key(&user)) {
        let mut team = Team::clone(team);
        team.members.remove(&user);
        let _ = draft.put(team);
    }
    let logins: Vec<_> = draft.logins().filter(|login| login.user == user).map(|l| l.id).collect();
    for login in logins {
        draft.remove(DocumentId::Login(login));
    }
    let keys: Vec<_> =
        draft.session_keys().filter(|key| key.user == user).map(|key| key.id).collect();
    for key in keys {
        draft.remove(DocumentId::SessionKey(key));
    }
    let place = Place::Personal(user);
    let installers = draft
        .installers()
        .filter(|installer| installer.place == place || installer.maker() == Some(user));
    let installers: Vec<_> = installers.map(|installer| installer.id).collect();
    for installer in installers {
        draft.remove(DocumentId::Installer(installer));
    }
    draft.remove(DocumentId::Preferences(user));
    draft.remove(DocumentId::Account(user));
}
