//! Removes what a file does not name, of the kinds it speaks of.

use super::apply::{Applied, By};
use super::export::is_built_in;
use super::reader::Reader;
use super::usage::{Subject, used_by};
use jumpdeck_policy::{GroupPolicy, SessionPolicy};
use jumpdeck_protocol::UserId;
use jumpdeck_protocol::inventory::{GroupView, Place};
use jumpdeck_protocol::queue::Queue;
use jumpdeck_store::Draft;
use jumpdeck_world::{DocumentId, Item, Team};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Removes what the file does not name, of the kinds it speaks of.
pub(super) struct Rest<'a, 'b, 'c> {
    pub draft: &'a mut Draft,
    pub reader: &'a mut Reader<'b>,
    pub applied: &'c mut Applied,
}

impl Rest<'_, '_, '_> {
    /// Removes what nothing depends on; what something does is a problem.
    fn remove(&mut self, kind: &str, name: &str, id: DocumentId, used: &[String]) {
        if used.is_empty() {
            self.draft.remove(id);
            return;
        }
        let some: Vec<_> = used.iter().take(8).map(String::as_str).collect();
        let what = format!("it is not in the file, and is still needed: {}", some.join(", "));
        self.reader.problem(0..0, &format!("{kind} \"{name}\""), &what);
    }

    pub(super) fn roles(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let gone = self
            .draft
            .roles()
            .filter(|role| !is_built_in(role.id) && !kept.contains(&role.name.to_lowercase()));
        for role in gone.cloned().collect::<Vec<_>>() {
            let used = used_by(self.draft, Subject::Role(role.id));
            self.remove("jump_item_role", &role.name, DocumentId::Role(role.id), &used);
        }
    }

    pub(super) fn session_policies(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let built_in = [SessionPolicy::GLOBAL_DEFAULT, SessionPolicy::EVERYTHING];
        let gone = self.draft.session_policies().filter(|policy| {
            !built_in.contains(&policy.id) && !kept.contains(&policy.code_name.to_lowercase())
        });
        for policy in gone.cloned().collect::<Vec<_>>() {
            let used = used_by(self.draft, Subject::SessionPolicy(policy.id));
            let id = DocumentId::SessionPolicy(policy.id);
            self.remove("session_policy", &policy.code_name, id, &used);
        }
    }

    pub(super) fn jump_policies(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let gone = self.draft.policies();
        let gone = gone.filter(|policy| !kept.contains(&policy.code_name.to_lowercase()));
        for policy in gone.cloned().collect::<Vec<_>>() {
            let used = used_by(self.draft, Subject::JumpPolicy(policy.id));
            let id = DocumentId::JumpPolicy(policy.id);
            self.remove("jump_policy", &policy.code_name, id, &used);
        }
    }

    pub(super) fn portals(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let gone = self.draft.portals().filter(|p| !kept.contains(&p.name.to_lowercase()));
        for portal in gone.cloned().collect::<Vec<_>>() {
            let used = used_by(self.draft, Subject::Portal(portal.id));
            self.remove("public_portal", &portal.name, DocumentId::Portal(portal.id), &used);
        }
    }

    pub(super) fn groups(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let gone = self.draft.groups().filter(|group| !kept.contains(&group.name.to_lowercase()));
        for group in gone.cloned().collect::<Vec<_>>() {
            let used = used_by(self.draft, Subject::Group(group.id));
            if used.is_empty() {
                self.revoke_installers(&group);
            }
            self.remove("jump_group", &group.name, DocumentId::Group(group.id), &used);
        }
    }

    /// Nothing enrols into a group that is gone.
    fn revoke_installers(&mut self, group: &GroupView) {
        let place = Place::JumpGroup(group.id);
        let there = self.draft.installers().filter(|installer| installer.place == place);
        let there: Vec<_> = there.map(|installer| installer.id).collect();
        if !there.is_empty() {
            let note = format!("jump_group \"{}\": its installer keys are revoked", group.name);
            self.applied.notes.push(note);
        }
        for installer in there {
            self.draft.remove(DocumentId::Installer(installer));
        }
    }

    pub(super) fn group_policies(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let policies = self.draft.group_policies().into_iter();
        let gone: Vec<_> =
            policies.filter(|p| !kept.contains(&p.name.to_lowercase())).map(|p| p.id).collect();
        for policy in gone {
            self.draft.remove(DocumentId::GroupPolicy(policy));
        }
    }

    pub(super) fn teams(&mut self, kept: Option<&BTreeSet<String>>) {
        let Some(kept) = kept else { return };
        let gone = self.draft.teams().filter(|team| !kept.contains(&team.name.to_lowercase()));
        for team in gone.cloned().collect::<Vec<_>>() {
            let policies = self.draft.group_policies().into_iter().filter(|policy| {
                policy.add_to_teams.contains_key(&team.id)
                    || policy.remove_from_teams.contains(&team.id)
            });
            let used: Vec<_> =
                policies.map(|policy| format!("group policy {}", policy.name)).collect();
            if !used.is_empty() {
                self.remove("team", &team.name, DocumentId::Team(team.id), &used);
            } else if let Err(refusal) = crate::policies::teams::remove(self.draft, team.id) {
                self.applied.notes.push(refusal.to_string());
            }
        }
    }

    pub(super) fn users(&mut self, kept: Option<&BTreeSet<String>>, by: By) {
        let Some(kept) = kept else { return };
        let gone = self.draft.users().filter(|user| !kept.contains(&user.username.to_lowercase()));
        for user in gone.cloned().collect::<Vec<_>>() {
            let items =
                self.draft.items().filter(|item| item.view.place == Place::Personal(user.id));
            let mut used = Vec::new();
            match items.count() {
                0 => {}
                count => used.push(format!("{count} Jump Items are on this personal list")),
            }
            let waits =
                |item: &&Arc<Item>| item.view.place == Place::Queue(Queue::Personal(user.id));
            match self.draft.visitors().filter(waits).count() {
                0 => {}
                count => used.push(format!("{count} machines wait in this queue")),
            }
            if user.id == by.user {
                used.push("it is yours".to_owned());
            }
            if user.id == UserId(1) {
                used.push("it is the first user, in whose name the appliance acts".to_owned());
            }
            if used.is_empty() {
                forget_user(self.draft, user.id);
            }
            self.remove("user", &user.username, DocumentId::User(user.id), &used);
        }
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
    draft.remove(DocumentId::Liking(user));
    draft.remove(DocumentId::Account(user));
}
