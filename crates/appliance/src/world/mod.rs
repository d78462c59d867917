//! The World: all configuration and inventory, as one immutable value per revision.
//!
//! A new revision shares what did not change with the one before, so a reader keeps its snapshot
//! for as long as it likes and blocks nobody.

mod edit;

use crate::api::ApiAccount;
use crate::document::{DocumentId, Installer, Item, Kept, Login, Portal, SessionKey, Site, Team};
use crate::standing::Derived;
use crate::user::{Account, User};
use imbl::{HashMap, OrdMap, OrdSet};
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
    ApiAccountId, EndpointId, GroupPolicyId, InstallerId, ItemId, JumpGroupId, JumpPolicyId,
    LoginId, PortalId, Revision, RoleId, SessionKeyId, SessionPolicyId, TeamId, Timestamp, UserId,
};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Everything the appliance knows of its configuration at one revision.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    epoch: Arc<str>,
    revision: Revision,
    items: OrdMap<ItemId, Arc<Item>>,
    groups: OrdMap<JumpGroupId, GroupView>,
    users: OrdMap<UserId, Arc<User>>,
    roles: OrdMap<RoleId, Arc<Role>>,
    installers: OrdMap<InstallerId, Arc<Installer>>,
    policies: OrdMap<JumpPolicyId, Arc<JumpPolicy>>,
    likings: OrdMap<UserId, Arc<Preferences>>,
    teams: OrdMap<TeamId, Arc<Team>>,
    session_keys: OrdMap<SessionKeyId, Arc<SessionKey>>,
    group_policies: OrdMap<GroupPolicyId, Arc<GroupPolicy>>,
    session_policies: OrdMap<SessionPolicyId, Arc<SessionPolicy>>,
    portals: OrdMap<PortalId, Arc<Portal>>,
    site: Arc<Site>,
    logins: OrdMap<LoginId, Arc<Login>>,
    api_accounts: OrdMap<ApiAccountId, Arc<ApiAccount>>,
    accounts: OrdMap<UserId, Arc<Account>>,
    by_username: HashMap<Box<str>, UserId>,
    /// The items that stand in each place.
    places: OrdMap<Place, OrdSet<ItemId>>,
    /// What follows from users, group policies and teams: reckoned when it is first asked for.
    derived: OnceLock<Arc<Derived>>,
    /// The machines that joined with a session key and are no Jump Items.
    visitors: OrdSet<ItemId>,
    by_key: HashMap<PublicKey, EndpointId>,
    /// The items that lead to each machine with an agent.
    endpoints: OrdMap<EndpointId, OrdSet<ItemId>>,
    /// The keys of Jump Clients that were removed.
    removed: OrdMap<EndpointId, PublicKey>,
    removed_keys: HashMap<PublicKey, EndpointId>,
    /// Items that were removed by time alone.
    kept: OrdMap<ItemId, Arc<Kept>>,
    history: OrdMap<Revision, DocumentId>,
    latest: OrdMap<DocumentId, Revision>,
}

impl World {
    /// An empty World of the database `epoch`.
    pub(crate) fn new(epoch: &str) -> Self {
        Self { epoch: epoch.into(), ..Self::default() }
    }

    pub(crate) fn epoch(&self) -> &str {
        &self.epoch
    }

    pub(crate) const fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn item(&self, id: ItemId) -> Option<&Arc<Item>> {
        self.items.get(&id)
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.items.values()
    }

    /// The items whose ids follow this one, in order; all of them after nothing.
    pub(crate) fn items_after(&self, id: Option<ItemId>) -> impl Iterator<Item = &Arc<Item>> {
        self.items.range(id.map_or(ItemId(0), ItemId::next)..).map(|(_, item)| item)
    }

    /// One of the items that lead to the machine whose agent has this key.
    pub(crate) fn item_by_key(&self, key: &PublicKey) -> Option<&Arc<Item>> {
        self.items_of(*self.by_key.get(key)?).next()
    }

    /// The items that lead to a machine.
    pub(crate) fn items_of(&self, endpoint: EndpointId) -> impl Iterator<Item = &Arc<Item>> {
        let ids = self.endpoints.get(&endpoint).into_iter().flatten();
        ids.filter_map(|id| self.item(*id))
    }

    /// When a machine stops to be a Jump Client: when the last item that leads there expires.
    pub(crate) fn expiry(&self, endpoint: EndpointId) -> Option<Timestamp> {
        let mut last = None;
        for item in self.items_of(endpoint) {
            last = last.max(Some(item.view.expires?));
        }
        last
    }

    /// Whether the Jump Client with this key was removed.
    pub(crate) fn is_removed(&self, key: &PublicKey) -> bool {
        self.removed_keys.contains_key(key)
    }

    /// The items that were removed by time alone and can be taken back.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Arc<Kept>> {
        self.kept.values()
    }

    /// One of them.
    pub(crate) fn kept_item(&self, id: ItemId) -> Option<&Arc<Kept>> {
        self.kept.get(&id)
    }

    /// Whether the Jump Client with this key was removed by time alone, and may be taken back.
    pub(crate) fn may_come_back(&self, key: &PublicKey) -> bool {
        self.kept.values().any(|kept| kept.item.key.as_ref() == Some(key))
    }

    pub(crate) fn policy(&self, id: JumpPolicyId) -> Option<&Arc<JumpPolicy>> {
        self.policies.get(&id)
    }

    pub(crate) fn policies(&self) -> impl Iterator<Item = &Arc<JumpPolicy>> {
        self.policies.values()
    }

    pub(crate) fn preferences(&self, user: UserId) -> Option<&Arc<Preferences>> {
        self.likings.get(&user)
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &Arc<User>> {
        self.users.values()
    }

    pub(crate) fn role(&self, id: RoleId) -> Option<&Arc<Role>> {
        self.roles.get(&id)
    }

    /// What a user may do in a place; nothing if that is hidden.
    pub(crate) fn rights(&self, user: &User, place: Place) -> Option<PlaceRights> {
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

    pub(crate) fn group(&self, id: JumpGroupId) -> Option<&GroupView> {
        self.groups.get(&id)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &GroupView> {
        self.groups.values()
    }

    /// The group of this name, in either case.
    pub(crate) fn group_by_name(&self, name: &str) -> Option<&GroupView> {
        let name = name.to_lowercase();
        self.groups.values().find(|group| group.name.to_lowercase() == name)
    }

    pub(crate) fn user(&self, id: UserId) -> Option<&Arc<User>> {
        self.users.get(&id)
    }

    /// A user's name, for people.
    pub(crate) fn username(&self, id: UserId) -> Box<str> {
        self.user(id).map_or("—".into(), |user| user.username.as_str().into())
    }

    pub(crate) fn next_user(&self) -> UserId {
        UserId(self.next_number(DocumentId::User(UserId(u64::MAX)), "user"))
    }

    /// The user of this name, in either case.
    pub(crate) fn user_by_name(&self, username: &str) -> Option<&Arc<User>> {
        self.user(*self.by_username.get(&*username.to_lowercase())?)
    }

    /// What proves that somebody is a user.
    pub(crate) fn account(&self, user: UserId) -> Option<&Arc<Account>> {
        self.accounts.get(&user)
    }

    /// A password that stood with its user in a former version.
    pub(crate) fn adopt_password(&mut self, user: UserId, password: String) {
        if !self.accounts.contains_key(&user) {
            let account = Account { password: Some(password), ..Account::none(user) };
            self.accounts.insert(user, Arc::new(account));
        }
    }

    /// The items of a place.
    pub(crate) fn items_in(&self, place: Place) -> impl Iterator<Item = &Arc<Item>> {
        let ids = self.places.get(&place).into_iter().flatten();
        ids.filter_map(|id| self.item(*id))
    }

    /// The places in which items stand, and how many.
    pub(crate) fn places(&self) -> impl Iterator<Item = (Place, usize)> {
        self.places.iter().map(|(place, items)| (*place, items.len()))
    }

    pub(crate) fn installer_by_hash(&self, hash: &str) -> Option<&Arc<Installer>> {
        self.installers.values().find(|installer| installer.key_hash == hash)
    }

    pub(crate) fn installers(&self) -> impl Iterator<Item = &Arc<Installer>> {
        self.installers.values()
    }

    /// Installers that nobody can use any more.
    pub(crate) fn expired_installers(&self, now: Timestamp) -> Vec<DocumentId> {
        let over = self.installers.values().filter(|installer| installer.expires < now);
        over.map(|installer| DocumentId::Installer(installer.id)).collect()
    }

    /// Ids are never used twice, not even after a removal.
    pub(crate) fn next_item(&self) -> ItemId {
        ItemId(self.next_number(DocumentId::Item(ItemId(u64::MAX)), "item"))
    }

    pub(crate) fn next_group(&self) -> JumpGroupId {
        let most = DocumentId::Group(JumpGroupId(u64::MAX));
        JumpGroupId(self.next_number(most, "group"))
    }

    pub(crate) fn next_installer(&self) -> InstallerId {
        let most = DocumentId::Installer(InstallerId(u64::MAX));
        InstallerId(self.next_number(most, "installer"))
    }

    pub(crate) fn next_policy(&self) -> JumpPolicyId {
        let most = DocumentId::JumpPolicy(JumpPolicyId(u64::MAX));
        JumpPolicyId(self.next_number(most, "jump_policy"))
    }

    fn next_number(&self, most: DocumentId, kind: &str) -> u64 {
        let last = self.latest.get_prev(&most).map(|(id, _)| id.row());
        last.filter(|(of, _)| *of == kind).map_or(1, |(_, number)| number + 1)
    }

    /// May this user do `wanted` (see, if nothing is named) with items in this place?
    pub(crate) fn decide(&self, user: &User, place: Place, wanted: Option<Permission>) -> Decision {
        let role = |id| self.roles.get(&id).map(AsRef::as_ref);
        match self.subject(user) {
            Some(subject) => decide(&subject, place, wanted, role),
            None => Decision::of(vec![Step::denies("the user", "is not known any more")]),
        }
    }

    /// Whether this user may see items in this place.
    pub(crate) fn sees(&self, user: &User, place: Place) -> bool {
        let subject = self.subject(user);
        subject.is_some_and(|subject| sees(&subject, place, |id| self.roles.contains_key(&id)))
    }

    fn subject(&self, user: &User) -> Option<Subject<'_>> {
        let derived = self.derived();
        let (user, enabled) = (user.id, user.enabled);
        let outranked = derived.outranked.get(&user);
        Some(Subject { user, enabled, effective: derived.effective.get(&user)?, outranked })
    }

    /// The role that counts for a user in a place; nothing if the items there are hidden.
    pub(crate) fn role_in(&self, user: &User, place: Place) -> Option<&Arc<Role>> {
        let subject = self.subject(user).filter(|subject| subject.enabled)?;
        let (role, _) = role_of(&subject, place);
        self.role(role).filter(|role| role.id != Role::NO_ACCESS)
    }

    /// The revision of the last change of the configuration: of all but items and what is the
    /// matter of single users.
    pub(crate) fn configured(&self) -> Revision {
        use DocumentId::{Group, GroupPolicy, JumpPolicy, Portal, Role, SessionPolicy, Team, User};
        let ranges = [
            (Group(JumpGroupId(0)), Group(JumpGroupId(u64::MAX))),
            (User(UserId(0)), User(UserId(u64::MAX))),
            (Role(RoleId(0)), Role(RoleId(u64::MAX))),
            (JumpPolicy(JumpPolicyId(0)), JumpPolicy(JumpPolicyId(u64::MAX))),
            (Team(TeamId(0)), Team(TeamId(u64::MAX))),
            (GroupPolicy(GroupPolicyId(0)), GroupPolicy(GroupPolicyId(u64::MAX))),
            (SessionPolicy(SessionPolicyId(0)), SessionPolicy(SessionPolicyId(u64::MAX))),
            (Portal(PortalId(0)), Portal(PortalId(u64::MAX))),
            (DocumentId::Site, DocumentId::Site),
        ];
        let latest = ranges.into_iter().flat_map(|(from, to)| self.latest.range(from..=to));
        latest.map(|(_, revision)| *revision).max().unwrap_or_default()
    }

    fn derived(&self) -> &Derived {
        self.derived.get_or_init(|| Arc::new(Derived::of(self)))
    }

    /// What counts for a user.
    pub(crate) fn effective(&self, user: UserId) -> Option<&Effective> {
        self.derived().effective.get(&user)
    }

    /// Whether a user who may log in administers the appliance.
    pub(crate) fn administers(&self, user: UserId) -> bool {
        let enabled = self.user(user).is_some_and(|user| user.enabled);
        enabled && self.effective(user).is_some_and(|user| user.settings.administrator.value)
    }

    /// Who is in a team, also through group policies, and with which rank.
    pub(crate) fn members(&self, team: TeamId) -> &BTreeMap<UserId, Rank> {
        static NOBODY: BTreeMap<UserId, Rank> = BTreeMap::new();
        self.derived().teams.get(&team).unwrap_or(&NOBODY)
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = &Arc<Role>> {
        self.roles.values()
    }

    pub(crate) fn next_role(&self) -> RoleId {
        RoleId(self.next_number(DocumentId::Role(RoleId(u64::MAX)), "role"))
    }

    /// The group policies in the order of their list.
    pub(crate) fn group_policies(&self) -> Vec<&Arc<GroupPolicy>> {
        let mut policies: Vec<_> = self.group_policies.values().collect();
        policies.sort_by_key(|policy| (policy.order, policy.id));
        policies
    }

    pub(crate) fn next_group_policy(&self) -> GroupPolicyId {
        let most = DocumentId::GroupPolicy(GroupPolicyId(u64::MAX));
        GroupPolicyId(self.next_number(most, "group_policy"))
    }

    pub(crate) fn session_policy(&self, id: SessionPolicyId) -> Option<&Arc<SessionPolicy>> {
        self.session_policies.get(&id)
    }

    pub(crate) fn session_policies(&self) -> impl Iterator<Item = &Arc<SessionPolicy>> {
        self.session_policies.values()
    }

    pub(crate) fn next_session_policy(&self) -> SessionPolicyId {
        let most = DocumentId::SessionPolicy(SessionPolicyId(u64::MAX));
        SessionPolicyId(self.next_number(most, "session_policy"))
    }

    pub(crate) fn portals(&self) -> impl Iterator<Item = &Arc<Portal>> {
        self.portals.values()
    }

    /// The portal that counts for an item which names this one, or none.
    pub(crate) fn portal(&self, id: Option<PortalId>) -> Option<&Arc<Portal>> {
        let named = id.and_then(|id| self.portals.get(&id));
        named.or_else(|| self.portals.values().find(|portal| portal.default))
    }

    pub(crate) fn next_portal(&self) -> PortalId {
        PortalId(self.next_number(DocumentId::Portal(PortalId(u64::MAX)), "portal"))
    }

    pub(crate) fn api_accounts(&self) -> impl Iterator<Item = &Arc<ApiAccount>> {
        self.api_accounts.values()
    }

    pub(crate) fn next_api_account(&self) -> ApiAccountId {
        let last = DocumentId::ApiAccount(ApiAccountId(u64::MAX));
        ApiAccountId(self.next_number(last, "api_account"))
    }

    pub(crate) fn logins(&self) -> impl Iterator<Item = &Arc<Login>> {
        self.logins.values()
    }

    pub(crate) fn login(&self, id: LoginId) -> Option<&Arc<Login>> {
        self.logins.get(&id)
    }

    pub(crate) fn login_by_hash(&self, hash: &str) -> Option<&Arc<Login>> {
        self.logins.values().find(|login| login.token_hash == hash)
    }

    pub(crate) fn next_login(&self) -> LoginId {
        LoginId(self.next_number(DocumentId::Login(LoginId(u64::MAX)), "login"))
    }

    /// Seconds without a key after which a user's console locks itself. Without a password nothing
    /// would open it again.
    pub(crate) fn idle_lock(&self, user: UserId) -> u64 {
        let has_password = self.account(user).is_some_and(|account| account.password.is_some());
        if has_password { self.site.idle_lock } else { 0 }
    }

    pub(crate) fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// Whether one user outranks another in a team they share.
    pub(crate) fn outranks(&self, user: UserId, other: UserId) -> bool {
        self.derived().outranked.get(&user).is_some_and(|them| them.contains(&other))
    }

    pub(crate) fn teams(&self) -> impl Iterator<Item = &Arc<Team>> {
        self.teams.values()
    }

    pub(crate) fn team(&self, id: TeamId) -> Option<&Arc<Team>> {
        self.teams.get(&id)
    }

    pub(crate) fn team_by_name(&self, name: &str) -> Option<&Arc<Team>> {
        let name = name.to_lowercase();
        self.teams.values().find(|team| team.name.to_lowercase() == name)
    }

    /// The teams a user is in.
    pub(crate) fn teams_of(&self, user: UserId) -> impl Iterator<Item = &Arc<Team>> {
        self.teams.values().filter(move |team| self.members(team.id).contains_key(&user))
    }

    pub(crate) fn next_team(&self) -> TeamId {
        TeamId(self.next_number(DocumentId::Team(TeamId(u64::MAX)), "team"))
    }

    pub(crate) fn session_keys(&self) -> impl Iterator<Item = &Arc<SessionKey>> {
        self.session_keys.values()
    }

    pub(crate) fn session_key_by_hash(&self, hash: &str) -> Option<&Arc<SessionKey>> {
        self.session_keys.values().find(|key| key.key_hash == hash)
    }

    pub(crate) fn next_session_key(&self) -> SessionKeyId {
        let most = DocumentId::SessionKey(SessionKeyId(u64::MAX));
        SessionKeyId(self.next_number(most, "session_key"))
    }

    /// How many machines are Jump Clients.
    pub(crate) fn clients(&self) -> usize {
        self.endpoints.len().saturating_sub(self.visitors.len())
    }

    /// The machines that joined with a session key and are no Jump Items.
    pub(crate) fn visitors(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.visitors.iter().filter_map(|id| self.item(*id))
    }

    /// What changed after `since`, oldest first, each document once. `None` if that position
    /// lies in the future: it is not of this World.
    pub(crate) fn changed_since(
        &self,
        since: Revision,
    ) -> Option<impl Iterator<Item = DocumentId> + '_> {
        (since <= self.revision).then(|| self.history.range(since.next()..).map(|(_, id)| *id))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::document::Document;
    use jumpdeck_protocol::inventory::{Facts, ItemView, JumpMethod};

    /// An item of the first group, with a key of its own.
    pub(crate) fn item(number: u64) -> Document {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_be_bytes());
        let view = ItemView {
            id: ItemId(number),
            revision: Revision(0),
            name: format!("item {number}").into(),
            place: Place::JumpGroup(JumpGroupId(1)),
            tag: "".into(),
            comments: "".into(),
            method: JumpMethod::JumpClient,
            created: Timestamp(0),
            facts: Facts::default(),
            ..ItemView::default()
        };
        let key = PublicKey(serde_bytes::ByteArray::new(key));
        Document::Item(Box::new(Item {
            view: view.into(),
            key: Some(key),
            machine: "m".into(),
            local: false,
            copy_of: None,
            standing: jumpdeck_protocol::agent::Standing::Ready,
            edited_by: None,
            attributes: Vec::new(),
            origins: Vec::new(),
        }))
    }

    fn group(id: u64, name: &str) -> Document {
        Document::Group(GroupView { id: JumpGroupId(id), name: name.into() })
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
        assert_eq!(world.next_group(), JumpGroupId(2));
        assert_eq!(world.next_item(), ItemId(1));
    }
}
