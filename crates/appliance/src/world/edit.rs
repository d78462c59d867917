//! How a document gets into the [`World`] and out of it, and what is kept beside it to find it by.

use super::World;
use crate::document::{Document, DocumentId, Item};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::{ItemId, Revision};
use std::sync::{Arc, OnceLock};

impl World {
    /// Takes a document in at `revision`, in place of its former version.
    pub(crate) fn put(&mut self, revision: Revision, document: Document) {
        self.record(revision, document.id());
        match document {
            Document::Item(mut item) => {
                Arc::make_mut(&mut item.view).revision = revision;
                self.settle(&item);
                self.move_to(item.view.id, Some(item.view.place));
                if item.is_visitor() {
                    self.visitors.insert(item.view.id);
                } else {
                    self.visitors.remove(&item.view.id);
                }
                self.items.insert(item.view.id, Arc::new(*item));
            }
            Document::Group(group) => {
                self.groups.insert(group.id, group);
            }
            Document::User(user) => {
                if let Some(before) = self.users.get(&user.id) {
                    self.by_username.remove(&*before.username.to_lowercase());
                }
                self.by_username.insert(user.username.to_lowercase().into(), user.id);
                self.users.insert(user.id, Arc::new(*user));
            }
            Document::Role(role) => {
                self.roles.insert(role.id, Arc::new(role));
            }
            Document::Installer(installer) => {
                self.installers.insert(installer.id, Arc::new(installer));
            }
            Document::JumpPolicy(policy) => {
                self.policies.insert(policy.id, Arc::new(*policy));
            }
            Document::Removed(removed) => {
                self.removed.insert(removed.endpoint, removed.key);
                self.removed_keys.insert(removed.key, removed.endpoint);
            }
            Document::Kept(kept) => {
                self.kept.insert(kept.item.view.id, Arc::new(*kept));
            }
            Document::Liking(liking) => {
                self.likings.insert(liking.user, Arc::new(liking.preferences));
            }
            Document::Team(team) => {
                self.teams.insert(team.id, Arc::new(team));
            }
            Document::SessionKey(key) => {
                self.session_keys.insert(key.id, Arc::new(key));
            }
            Document::GroupPolicy(policy) => {
                self.group_policies.insert(policy.id, Arc::new(*policy));
            }
            Document::SessionPolicy(policy) => {
                self.session_policies.insert(policy.id, Arc::new(*policy));
            }
            Document::Portal(portal) => {
                self.portals.insert(portal.id, Arc::new(portal));
            }
            Document::Site(site) => self.site = Arc::new(site),
            Document::Account(account) => {
                self.accounts.insert(account.user, Arc::new(*account));
            }
            Document::ApiAccount(account) => {
                self.api_accounts.insert(account.id, Arc::new(account));
            }
            Document::Login(login) => {
                self.logins.insert(login.id, Arc::new(login));
            }
        }
    }

    /// Removes a document at `revision`; that it is gone is remembered for replicas.
    pub(crate) fn remove(&mut self, revision: Revision, id: DocumentId) {
        self.record(revision, id);
        match id {
            DocumentId::Item(id) => {
                self.move_to(id, None);
                if let Some(item) = self.items.remove(&id) {
                    self.visitors.remove(&id);
                    self.unsettle(&item);
                }
            }
            DocumentId::Group(id) => drop(self.groups.remove(&id)),
            DocumentId::User(id) => {
                if let Some(user) = self.users.remove(&id) {
                    self.by_username.remove(&*user.username.to_lowercase());
                }
            }
            DocumentId::Role(id) => drop(self.roles.remove(&id)),
            DocumentId::Installer(id) => drop(self.installers.remove(&id)),
            DocumentId::JumpPolicy(id) => drop(self.policies.remove(&id)),
            DocumentId::Removed(id) => {
                if let Some(key) = self.removed.remove(&id) {
                    self.removed_keys.remove(&key);
                }
            }
            DocumentId::Kept(id) => drop(self.kept.remove(&id)),
            DocumentId::Liking(id) => drop(self.likings.remove(&id)),
            DocumentId::Team(id) => drop(self.teams.remove(&id)),
            DocumentId::SessionKey(id) => drop(self.session_keys.remove(&id)),
            DocumentId::GroupPolicy(id) => drop(self.group_policies.remove(&id)),
            DocumentId::SessionPolicy(id) => drop(self.session_policies.remove(&id)),
            DocumentId::Portal(id) => drop(self.portals.remove(&id)),
            DocumentId::Site => self.site = Arc::default(),
            DocumentId::ApiAccount(id) => drop(self.api_accounts.remove(&id)),
            DocumentId::Login(id) => drop(self.logins.remove(&id)),
            DocumentId::Account(id) => drop(self.accounts.remove(&id)),
        }
    }

    /// An item stands in another place, or in none any more.
    fn move_to(&mut self, item: ItemId, to: Option<Place>) {
        let from = self.item(item).map(|item| item.view.place);
        if from == to {
            return;
        }
        if let Some(from) = from
            && let Some(mut there) = self.places.remove(&from)
        {
            there.remove(&item);
            if !there.is_empty() {
                self.places.insert(from, there);
            }
        }
        if let Some(to) = to {
            self.places.entry(to).or_default().insert(item);
        }
    }

    /// An item leads to its machine.
    fn settle(&mut self, item: &Item) {
        if let Some(before) = self.items.get(&item.view.id).and_then(|before| before.key)
            && Some(before) != item.key
        {
            self.by_key.remove(&before);
        }
        if let (Some(key), Some(endpoint)) = (item.key, item.endpoint()) {
            self.by_key.insert(key, endpoint);
            self.endpoints.entry(endpoint).or_default().insert(item.view.id);
        }
    }

    /// An item is gone; with the last one that leads to a machine, so is the machine.
    fn unsettle(&mut self, item: &Item) {
        let (Some(key), Some(endpoint)) = (item.key, item.endpoint()) else {
            return;
        };
        let mut others = self.endpoints.remove(&endpoint).unwrap_or_default();
        others.remove(&item.view.id);
        if others.is_empty() {
            self.by_key.remove(&key);
        } else {
            self.endpoints.insert(endpoint, others);
        }
    }

    fn record(&mut self, revision: Revision, id: DocumentId) {
        use DocumentId::{GroupPolicy, Team, User};
        if matches!(id, User(_) | GroupPolicy(_) | Team(_)) {
            self.derived = OnceLock::new();
        }
        if let Some(before) = self.latest.insert(id, revision) {
            self.history.remove(&before);
        }
        self.history.insert(revision, id);
        self.revision = self.revision.max(revision);
    }
}
