//! The World: all configuration and inventory, as one immutable value per revision.
//!
//! A new revision shares what did not change with the one before, so a reader keeps its snapshot
//! for as long as it likes and blocks nobody.

use crate::derived::Derived;
use crate::entities::{
    Account, ApiAccount, Document, DocumentId, DocumentVisitor, Entity, Installer, Item, Kept,
    KeptLogin, KeptPreferences, Kind, Portal, SessionKey, Site, SiteId, Tables, Team, User,
};
use crate::indexes::Indexes;
use imbl::OrdMap;
use jumpdeck_policy::{
    Decision, Effective, GroupPolicy, JumpPolicy, Permission, Role, SessionPolicy, Step, Subject,
    decide, role_of, sees,
};
use jumpdeck_protocol::handshake::PublicKey;
use jumpdeck_protocol::inventory::{GroupView, Place};
use jumpdeck_protocol::preferences::Preferences;
use jumpdeck_protocol::queue::Rank;
use jumpdeck_protocol::rights::{Permissions, PlaceRights};
use jumpdeck_protocol::{
    EndpointId, ItemId, JumpGroupId, JumpPolicyId, LoginId, PortalId, Revision, RoleId,
    SessionPolicyId, TeamId, Timestamp, UserId,
};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// Everything the appliance knows of its configuration at one revision.
#[derive(Clone, Debug, Default)]
pub struct World {
    epoch: Arc<str>,
    revision: Revision,
    tables: Tables,
    pub indexes: Indexes,
    history: OrdMap<Revision, DocumentId>,
    latest: OrdMap<DocumentId, Revision>,
}

/// Documents as they are put into a World and taken out of it.
struct TableChange<'w> {
    world: &'w mut World,
    revision: Revision,
}

impl DocumentVisitor for TableChange<'_> {
    fn put<T: Entity>(&mut self, mut value: T) {
        value.stamp(self.revision);
        let (id, value) = (value.id(), Arc::new(value));
        let before = T::table_mut(&mut self.world.tables).insert(id, Arc::clone(&value));
        T::index(&mut self.world.indexes, before.as_deref(), Some(&value));
    }

    fn remove<T: Entity>(&mut self, id: T::Id) {
        if let Some(before) = T::table_mut(&mut self.world.tables).remove(&id) {
            T::index(&mut self.world.indexes, Some(&before), None);
        }
    }
}

impl World {
    /// An empty World of the database `epoch`.
    pub fn new(epoch: &str) -> Self {
        Self { epoch: epoch.into(), ..Self::default() }
    }

    /// Takes a document in at `revision`, in place of its former version.
    pub fn put(&mut self, revision: Revision, document: impl Into<Document>) {
        let document = document.into();
        self.record(revision, document.id());
        document.put_by(&mut TableChange { world: self, revision });
    }

    /// Removes a document at `revision`; that it is gone is remembered for replicas.
    pub fn remove(&mut self, revision: Revision, id: DocumentId) {
        self.record(revision, id);
        id.remove_by(&mut TableChange { world: self, revision });
    }

    fn record(&mut self, revision: Revision, id: DocumentId) {
        if let Some(before) = self.latest.insert(id, revision) {
            self.history.remove(&before);
        }
        self.history.insert(revision, id);
        self.revision = self.revision.max(revision);
    }

    /// A document of a kind.
    pub fn get<T: Entity>(&self, id: T::Id) -> Option<&Arc<T>> {
        T::table(&self.tables).get(&id)
    }

    /// All documents of a kind, in the order of their ids.
    pub fn all<T: Entity>(&self) -> impl Iterator<Item = &Arc<T>> {
        T::table(&self.tables).values()
    }

    /// The id for a new document of a kind. None is used twice, not even after a removal.
    pub fn next<T: Entity>(&self) -> T::Id {
        let kind = T::document_id(T::numbered(0)).row().0;
        let last = self.latest.get_prev(&T::document_id(T::numbered(u64::MAX)));
        let last = last.map(|(id, _)| id.row()).filter(|(of, _)| *of == kind);
        T::numbered(last.map_or(1, |(_, number)| number + 1))
    }

    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    pub const fn revision(&self) -> Revision {
        self.revision
    }

    pub fn item(&self, id: ItemId) -> Option<&Arc<Item>> {
        self.get::<Item>(id)
    }

    pub fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.all::<Item>()
    }

    /// The items whose ids follow this one, in order; all of them after nothing.
    pub fn items_after(&self, id: Option<ItemId>) -> impl Iterator<Item = &Arc<Item>> {
        Item::table(&self.tables).range(id.map_or(ItemId(0), ItemId::next)..).map(|(_, item)| item)
    }

    /// One of the items that lead to the machine whose agent has this key.
    pub fn item_by_key(&self, key: &PublicKey) -> Option<&Arc<Item>> {
        self.items_of(*self.indexes.keys.get(key)?).next()
    }

    /// The items that lead to a machine.
    pub fn items_of(&self, endpoint: EndpointId) -> impl Iterator<Item = &Arc<Item>> {
        let ids = self.indexes.endpoints.get(&endpoint).into_iter().flatten();
        ids.filter_map(|id| self.item(*id))
    }

    /// When a machine stops to be a Jump Client: when the last item that leads there expires.
    pub fn expiry(&self, endpoint: EndpointId) -> Option<Timestamp> {
        let mut last = None;
        for item in self.items_of(endpoint) {
            last = last.max(Some(item.view.expires?));
        }
        last
    }

    /// Whether the Jump Client with this key was removed.
    pub fn is_removed(&self, key: &PublicKey) -> bool {
        self.indexes.removed.contains_key(key)
    }

    /// The items that were removed by time alone and can be taken back.
    pub fn kept(&self) -> impl Iterator<Item = &Arc<Kept>> {
        self.all::<Kept>()
    }

    /// One of them.
    pub fn kept_item(&self, id: ItemId) -> Option<&Arc<Kept>> {
        self.get::<Kept>(id)
    }

    /// Whether the Jump Client with this key was removed by time alone, and may be taken back.
    pub fn may_come_back(&self, key: &PublicKey) -> bool {
        self.all::<Kept>().any(|kept| kept.item.key.as_ref() == Some(key))
    }

    pub fn policy(&self, id: JumpPolicyId) -> Option<&Arc<JumpPolicy>> {
        self.get::<JumpPolicy>(id)
    }

    pub fn policies(&self) -> impl Iterator<Item = &Arc<JumpPolicy>> {
        self.all::<JumpPolicy>()
    }

    pub fn preferences(&self, user: UserId) -> Option<&Preferences> {
        self.get::<KeptPreferences>(user).map(|kept| &kept.preferences)
    }

    pub fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.all::<User>()
    }

    pub fn role(&self, id: RoleId) -> Option<&Arc<Role>> {
        self.get::<Role>(id)
    }

    /// What a user may do in a place; nothing if that is hidden.
    pub fn rights(&self, user: &User, place: Place) -> Option<PlaceRights> {
        if !self.sees(user, place) {
            return None;
        }
        let (role, step) = role_of(&self.subject(user)?, place);
        let role = self.role(role)?;
        let owner = match place {
            Place::Personal(owner) => Some(self.user(owner)?.username.as_str().into()),
            Place::JumpGroup(_) | Place::Queue(_) => None,
        };
        let permitted: Permissions = role.permissions;
        let because = format!("{} {}", step.source, step.says).into();
        let jump_policy = match place {
            Place::JumpGroup(group) => {
                let membership = self.effective(user.id)?.groups.get(&group);
                membership.and_then(|own| own.jump_policy.as_ref()).map(|given| given.value)
            }
            Place::Personal(_) | Place::Queue(_) => None,
        };
        let role = role.name.as_str().into();
        Some(PlaceRights { place, owner, role, because, permitted, jump_policy })
    }

    pub fn group(&self, id: JumpGroupId) -> Option<&GroupView> {
        self.get::<GroupView>(id).map(AsRef::as_ref)
    }

    pub fn groups(&self) -> impl Iterator<Item = &GroupView> {
        self.all::<GroupView>().map(AsRef::as_ref)
    }

    /// The group of this name, in either case.
    pub fn group_by_name(&self, name: &str) -> Option<&GroupView> {
        let name = name.to_lowercase();
        self.groups().find(|group| group.name.to_lowercase() == name)
    }

    pub fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.get::<User>(id)
    }

    /// A user's name, for people.
    pub fn username(&self, id: UserId) -> Box<str> {
        self.user(id).map_or("—".into(), |user| user.username.as_str().into())
    }

    /// The user of this name, in either case.
    pub fn user_by_name(&self, username: &str) -> Option<&Arc<User>> {
        self.user(*self.indexes.usernames.get(&*username.to_lowercase())?)
    }

    /// What proves that somebody is a user.
    pub fn account(&self, user: UserId) -> Option<&Arc<Account>> {
        self.get::<Account>(user)
    }

    /// A password that stood with its user in a former version.
    pub fn adopt_password(&mut self, user: UserId, password: String) {
        if self.get::<Account>(user).is_none() {
            let account = Account { password: Some(password), ..Account::none(user) };
            Account::table_mut(&mut self.tables).insert(user, Arc::new(account));
        }
    }

    /// The items of a place.
    pub fn items_in(&self, place: Place) -> impl Iterator<Item = &Arc<Item>> {
        let ids = self.indexes.places.get(&place).into_iter().flatten();
        ids.filter_map(|id| self.item(*id))
    }

    /// The places in which items stand, and how many.
    pub fn places(&self) -> impl Iterator<Item = (Place, usize)> {
        self.indexes.places.iter().map(|(place, items)| (*place, items.len()))
    }

    pub fn installer_by_hash(&self, hash: &str) -> Option<&Arc<Installer>> {
        self.all::<Installer>().find(|installer| installer.key_hash == hash)
    }

    pub fn installers(&self) -> impl Iterator<Item = &Arc<Installer>> {
        self.all::<Installer>()
    }

    /// Installers that nobody can use any more.
    pub fn expired_installers(&self, now: Timestamp) -> Vec<DocumentId> {
        let over = self.all::<Installer>().filter(|installer| installer.expires < now);
        over.map(|installer| DocumentId::Installer(installer.id)).collect()
    }

    /// May this user do `wanted` (see, if nothing is named) with items in this place?
    pub fn decide(&self, user: &User, place: Place, wanted: Option<Permission>) -> Decision {
        let role = |id| self.get::<Role>(id).map(AsRef::as_ref);
        match self.subject(user) {
            Some(subject) => decide(&subject, place, wanted, role),
            None => Decision::of(vec![Step::denies("the user", "is not known any more")]),
        }
    }

    /// Whether this user may see items in this place.
    pub fn sees(&self, user: &User, place: Place) -> bool {
        let subject = self.subject(user);
        subject.is_some_and(|subject| sees(&subject, place, |id| self.get::<Role>(id).is_some()))
    }

    fn subject(&self, user: &User) -> Option<Subject<'_>> {
        let derived = self.derived();
        let (user, enabled) = (user.id, user.enabled);
        let outranked = derived.outranked.get(&user);
        Some(Subject { user, enabled, effective: derived.effective.get(&user)?, outranked })
    }

    /// The role that counts for a user in a place; nothing if the items there are hidden.
    pub fn role_in(&self, user: &User, place: Place) -> Option<&Arc<Role>> {
        let subject = self.subject(user).filter(|subject| subject.enabled)?;
        let (role, _) = role_of(&subject, place);
        self.role(role).filter(|role| role.id != Role::NO_ACCESS)
    }

    /// The revision of the last change of the configuration: of all but items and what is the
    /// matter of single users.
    pub fn configured(&self) -> Revision {
        let kinds = DocumentId::configuration();
        let latest = kinds.flat_map(|(first, last)| self.latest.range(first..=last));
        latest.map(|(_, revision)| *revision).max().unwrap_or_default()
    }

    fn derived(&self) -> &Derived {
        self.indexes.derived.get_or_init(|| Arc::new(Derived::of(self)))
    }

    /// What counts for a user.
    pub fn effective(&self, user: UserId) -> Option<&Effective> {
        self.derived().effective.get(&user)
    }

    /// Whether a user who may log in administers the appliance.
    pub fn administers(&self, user: UserId) -> bool {
        let enabled = self.user(user).is_some_and(|user| user.enabled);
        enabled && self.effective(user).is_some_and(|user| user.settings.administrator.value)
    }

    /// Who is in a team, also through group policies, and with which rank.
    pub fn members(&self, team: TeamId) -> &BTreeMap<UserId, Rank> {
        static NOBODY: BTreeMap<UserId, Rank> = BTreeMap::new();
        self.derived().teams.get(&team).unwrap_or(&NOBODY)
    }

    pub fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.all::<Role>()
    }

    /// The group policies in the order of their list.
    pub fn group_policies(&self) -> Vec<&Arc<GroupPolicy>> {
        let mut policies: Vec<_> = self.all::<GroupPolicy>().collect();
        policies.sort_by_key(|policy| (policy.order, policy.id));
        policies
    }

    pub fn session_policy(&self, id: SessionPolicyId) -> Option<&Arc<SessionPolicy>> {
        self.get::<SessionPolicy>(id)
    }

    pub fn session_policies(&self) -> impl Iterator<Item = &Arc<SessionPolicy>> {
        self.all::<SessionPolicy>()
    }

    pub fn portals(&self) -> impl Iterator<Item = &Arc<Portal>> {
        self.all::<Portal>()
    }

    /// The portal that counts for an item which names this one, or none.
    pub fn portal(&self, id: Option<PortalId>) -> Option<&Arc<Portal>> {
        let named = id.and_then(|id| self.get::<Portal>(id));
        named.or_else(|| self.all::<Portal>().find(|portal| portal.default))
    }

    pub fn api_accounts(&self) -> impl Iterator<Item = &Arc<ApiAccount>> {
        self.all::<ApiAccount>()
    }

    pub fn logins(&self) -> impl Iterator<Item = &Arc<KeptLogin>> {
        self.all::<KeptLogin>()
    }

    pub fn login(&self, id: LoginId) -> Option<&Arc<KeptLogin>> {
        self.get::<KeptLogin>(id)
    }

    pub fn login_by_hash(&self, hash: &str) -> Option<&Arc<KeptLogin>> {
        self.all::<KeptLogin>().find(|login| login.token_hash == hash)
    }

    /// Seconds without a key after which a user's console locks itself. Without a password nothing
    /// would open it again.
    pub fn idle_lock(&self, user: UserId) -> u64 {
        let has_password = self.account(user).is_some_and(|account| account.password.is_some());
        if has_password { self.site().idle_lock } else { 0 }
    }

    pub fn site(&self) -> &Arc<Site> {
        static DEFAULT: LazyLock<Arc<Site>> = LazyLock::new(Arc::default);
        self.get::<Site>(SiteId::ONLY).unwrap_or(&DEFAULT)
    }

    /// Whether one user outranks another in a team they share.
    pub fn outranks(&self, user: UserId, other: UserId) -> bool {
        self.derived().outranked.get(&user).is_some_and(|them| them.contains(&other))
    }

    pub fn teams(&self) -> impl Iterator<Item = &Arc<Team>> {
        self.all::<Team>()
    }

    pub fn team(&self, id: TeamId) -> Option<&Arc<Team>> {
        self.get::<Team>(id)
    }

    pub fn team_by_name(&self, name: &str) -> Option<&Arc<Team>> {
        let name = name.to_lowercase();
        self.all::<Team>().find(|team| team.name.to_lowercase() == name)
    }

    /// The teams a user is in.
    pub fn teams_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Team>> {
        self.all::<Team>().filter(move |team| self.members(team.id).contains_key(&user))
    }

    pub fn session_keys(&self) -> impl Iterator<Item = &Arc<SessionKey>> {
        self.all::<SessionKey>()
    }

    pub fn session_key_by_hash(&self, hash: &str) -> Option<&Arc<SessionKey>> {
        self.all::<SessionKey>().find(|key| key.key_hash == hash)
    }

    /// How many machines are Jump Clients.
    pub fn clients(&self) -> usize {
        self.indexes.endpoints.len().saturating_sub(self.indexes.visitors.len())
    }

    /// The machines that joined with a session key and are no Jump Items.
    pub fn visitors(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.indexes.visitors.iter().filter_map(|id| self.item(*id))
    }

    /// What changed after `since`, oldest first, each document once. `None` if that position
    /// lies in the future: it is not of this World.
    pub fn changed_since(&self, since: Revision) -> Option<impl Iterator<Item = DocumentId> + '_> {
        (since <= self.revision).then(|| self.history.range(since.next()..).map(|(_, id)| *id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(id: u64, name: &str) -> GroupView {
        GroupView { id: JumpGroupId(id), name: name.into() }
    }

    #[test]
    fn changes_since_a_revision_name_each_document_once_and_removals_too() {
        let mut world = World::new("e");
        world.put(Revision(1), group(1, "a"));
        world.put(Revision(2), group(2, "b"));
        world.put(Revision(3), group(1, "c"));
        let (one, two) = (DocumentId::Group(JumpGroupId(1)), DocumentId::Group(JumpGroupId(2)));
        let since =
            |world: &World, n| world.changed_since(Revision(n)).map(Iterator::collect::<Vec<_>>);
        assert_eq!(since(&world, 0), Some(vec![two, one]));
        world.remove(Revision(4), two);
        assert_eq!(since(&world, 2), Some(vec![one, two]));
        assert_eq!(since(&world, 5), None);
    }

    #[test]
    fn an_id_is_not_used_again_after_a_removal() {
        let mut world = World::new("e");
        world.put(Revision(1), group(1, "a"));
        world.remove(Revision(2), DocumentId::Group(JumpGroupId(1)));
        assert_eq!(world.next::<GroupView>(), JumpGroupId(2));
        assert_eq!(world.next::<Item>(), ItemId(1));
    }
}
