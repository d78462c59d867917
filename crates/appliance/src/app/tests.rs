//! Who may tend what, and what happens to items whose time is over.

use super::*;
use crate::api::Api;
use crate::app::Role as ApplianceRole;
use crate::clock::{Clock, Uptime};
use crate::data_dir::DataDir;
use crate::items::edit::Refused;
use jumpdeck_policy::Permission;
use jumpdeck_policy::{JumpPolicy, Membership, Role, SessionPolicy, Settings};
use jumpdeck_protocol::EndpointId;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::UserId;
use jumpdeck_protocol::agent::Standing;
use jumpdeck_protocol::inventory::GroupView;
use jumpdeck_protocol::inventory::ItemView;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::item::ItemEdit;
use jumpdeck_protocol::item::{FieldValue, ItemChange, ItemField};
use jumpdeck_protocol::rights::Permissions;
use jumpdeck_protocol::{JumpGroupId, JumpPolicyId, RoleId};
use jumpdeck_store::Draft;
use jumpdeck_world::Item;
use jumpdeck_world::User;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

/// The time that goes by, and by how much somebody has set the clock on the wall wrong.
#[derive(Default)]
struct TestClock(AtomicI64, AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst) + self.1.load(Ordering::SeqCst))
    }

    fn uptime(&self) -> Uptime {
        Uptime(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap())
    }
}

struct House {
    appliance: Arc<Appliance>,
    clock: Arc<TestClock>,
    _dir: tempfile::TempDir,
}

const OPEN: Place = Place::JumpGroup(JumpGroupId(1));
const CLOSED: Place = Place::JumpGroup(JumpGroupId(2));
const BOB: UserId = UserId(2);

/// A membership with this role.
const fn member(role: RoleId) -> Membership {
    Membership { role: Some(role), jump_policy: None }
}

impl House {
    /// Bob may do everything in the first group, and only start sessions in the second.
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_000_000), AtomicI64::new(0)));
        let data = DataDir::create(dir.path()).unwrap();
        let appliance = Appliance::open(&data, ApplianceRole::Server, clock.clone()).unwrap();
        appliance.settle().await.unwrap();
        let start = Role::START_SESSIONS_ONLY;
        let settings = Settings {
            default_role: start,
            personal_role: start,
            teams_role: start,
            system_role: start,
            ..User::rep(BOB, "bob").settings
        };
        let memberships = BTreeMap::from([(JumpGroupId(1), member(Role::ADMINISTRATOR))]);
        let bob = User { settings, memberships, ..User::new(BOB, "bob") };
        let edit = move |draft: &mut Draft| {
            for id in [1, 2] {
                let name = format!("group {id}").into();
                draft.put(GroupView { id: JumpGroupId(id), name })?;
            }
            draft.put(bob.clone())?;
            for number in 1..=4 {
                let mut item = crate::sample::item(number);
                Arc::make_mut(&mut item.view).place = if number < 3 { OPEN } else { CLOSED };
                draft.put(item)?;
            }
            Ok(())
        };
        appliance.services.base.store.edit(edit).await.unwrap();
        Self { appliance, clock, _dir: dir }
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds, Ordering::SeqCst);
    }

    fn items(&self) -> Vec<u64> {
        self.appliance.services.base.world().items().map(|item| item.view.id.0).collect()
    }

    async fn change(&self, item: u64, change: impl Fn(&mut ItemView) + Send + 'static) {
        let edit = move |draft: &mut Draft| {
            let mut item = Item::clone(draft.item(ItemId(item)).unwrap());
            change(Arc::make_mut(&mut item.view));
            draft.put(item)
        };
        self.appliance.services.base.store.edit(edit).await.unwrap();
    }

    /// A machine was there a moment ago, and is not any more.
    fn seen(&self, endpoint: u64) {
        let (endpoint, now) = (EndpointId(endpoint), self.appliance.services.base.moment());
        let presences = &self.appliance.services.links.agents;
        let outbox = jumpdeck_link::Outbox::new();
        let link = Arc::new(crate::links::agent::AgentLink::new(
            jumpdeck_protocol::LinkId(9),
            outbox,
            false,
            0,
        ));
        presences.arrived(endpoint, link, Standing::Ready, 0, now);
        presences.left(endpoint, jumpdeck_protocol::LinkId(9), now);
    }
}

fn codes(refused: &Refused) -> Vec<(u64, RefusalCode)> {
    refused.iter().map(|(item, refusal)| (item.0, refusal.code)).collect()
}

fn tag(item: u64, to: &str) -> ItemEdit {
    let value = |text: &str| FieldValue::Text(text.into());
    let change = ItemChange { field: ItemField::Tag, from: value(""), to: value(to) };
    ItemEdit { item: ItemId(item), changes: vec![change] }
}

fn to(item: u64, from: Place, to: Place) -> ItemEdit {
    let value = FieldValue::Place;
    let change = ItemChange { field: ItemField::Place, from: value(from), to: value(to) };
    ItemEdit { item: ItemId(item), changes: vec![change] }
}

#[tokio::test]
async fn an_edit_takes_the_permission_of_its_property_and_the_reason_names_the_role() {
    let house = House::new().await;
    let refused = house
        .appliance
        .services
        .items
        .edits
        .edit_items(BOB, vec![tag(1, "a"), tag(3, "b")])
        .await
        .unwrap();
    assert_eq!(codes(&refused), [(3, RefusalCode::PermissionDenied)]);
    let reason = &refused[0].1.detail;
    assert!(reason.contains("role Start Sessions Only lacks perm_edit_tag"), "{reason}");
    let world = house.appliance.services.base.world();
    let tags = [1, 3].map(|id| world.item(ItemId(id)).unwrap().view.tag.to_string());
    assert_eq!(tags, ["a", ""], "one refusal does not keep the others back");
}

#[tokio::test]
async fn a_move_and_a_copy_need_the_permission_where_they_begin_and_where_they_end() {
    let house = House::new().await;
    let appliance = &house.appliance;
    let edits = vec![to(1, OPEN, CLOSED), to(3, CLOSED, OPEN)];
    let refused = appliance.services.items.edits.edit_items(BOB, edits).await.unwrap();
    let denied = RefusalCode::PermissionDenied;
    assert_eq!(codes(&refused), [(1, denied), (3, denied)]);
    let refused = appliance
        .services
        .items
        .edits
        .copy_items(BOB, vec![ItemId(1), ItemId(3)], CLOSED)
        .await
        .unwrap();
    assert_eq!(codes(&refused), [(1, denied), (3, denied)]);
    let refused =
        appliance.services.items.edits.copy_items(BOB, vec![ItemId(3)], OPEN).await.unwrap();
    assert_eq!(codes(&refused), [(3, denied)]);
    let refused =
        appliance.services.items.edits.remove_items(BOB, vec![ItemId(2), ItemId(3)]).await.unwrap();
    assert_eq!(codes(&refused), [(3, denied)]);
    assert_eq!(house.items(), [1, 3, 4]);
}

#[tokio::test]
async fn what_a_user_may_not_see_is_gone_for_that_user() {
    let house = House::new().await;
    let edit = |draft: &mut Draft| {
        let mut bob = User::clone(draft.user(BOB).unwrap());
        bob.settings.system_role = Role::NO_ACCESS;
        draft.put(bob)
    };
    house.appliance.services.base.store.edit(edit).await.unwrap();
    let refused =
        house.appliance.services.items.edits.edit_items(BOB, vec![tag(3, "b")]).await.unwrap();
    assert_eq!(codes(&refused), [(3, RefusalCode::JumpItemGone)]);
    let refused = house
        .appliance
        .services
        .items
        .edits
        .edit_items(BOB, vec![to(1, OPEN, CLOSED)])
        .await
        .unwrap();
    assert_eq!(refused[0].1.detail, "There is no such Jump Group.", "nor is the group told");
}

#[tokio::test]
async fn a_right_that_is_withdrawn_counts_at_the_moment_of_the_edit() {
    let house = House::new().await;
    let withdraw = |draft: &mut Draft| {
        let mut bob = User::clone(draft.user(BOB).unwrap());
        bob.memberships.insert(JumpGroupId(1), member(Role::AUDITOR));
        draft.put(bob)
    };
    house.appliance.services.base.store.edit(withdraw).await.unwrap();
    let refused =
        house.appliance.services.items.edits.edit_items(BOB, vec![tag(1, "a")]).await.unwrap();
    assert_eq!(codes(&refused), [(1, RefusalCode::PermissionDenied)]);
}

#[tokio::test]
async fn an_expired_item_goes_and_others_stay() {
    let house = House::new().await;
    house.change(2, |view| view.expires = Some(Timestamp(1_003_700))).await;
    house.pass(3601);
    house.appliance.sweep().await;
    assert_eq!(house.items(), [1, 2, 3, 4]);
    house.pass(100);
    house.appliance.sweep().await;
    assert_eq!(house.items(), [1, 3, 4]);
    assert!(
        house.appliance.services.base.world().is_removed(&key(2)),
        "its agent is told when it comes"
    );
}

#[tokio::test]
async fn a_clock_that_is_set_wrong_for_a_while_removes_nothing() {
    let house = House::new().await;
    house.seen(1);
    house.change(2, |view| view.expires = Some(Timestamp(2_000_000))).await;
    house.pass(2 * 3600);
    for set in [200 * 86_400, 0, -200 * 86_400, 0] {
        house.clock.1.store(set, Ordering::SeqCst);
        house.appliance.sweep().await;
        house.pass(60);
        house.appliance.sweep().await;
        assert_eq!(house.items(), [1, 2, 3, 4], "the clock is off by {set} s");
    }
    assert!(!house.appliance.services.base.clocks.has_settled());
    // Anyone who is away is away no longer by a clock that stays ahead.
    house.clock.1.store(200 * 86_400, Ordering::SeqCst);
    house.appliance.sweep().await;
    house.pass(3601);
    house.appliance.sweep().await;
    assert_eq!(house.items(), [1, 3, 4], "only what has a date of its own goes by the wall");
}

#[tokio::test]
async fn what_was_removed_by_time_can_be_taken_back_for_thirty_days() {
    let house = House::new().await;
    let appliance = &house.appliance;
    house.seen(1);
    house.seen(3);
    house.pass(181 * 86_400);
    appliance.sweep().await;
    assert_eq!(house.items(), [2, 4]);
    assert!(
        appliance.services.base.world().is_removed(&key(1))
            && appliance.services.base.world().may_come_back(&key(1))
    );
    let removed: Vec<_> =
        appliance.services.items.kept.removed_items(BOB).iter().map(|one| one.item.0).collect();
    assert_eq!(removed, [1, 3]);
    let refused =
        appliance.services.items.kept.take_back(BOB, vec![ItemId(1), ItemId(3)]).await.unwrap();
    assert_eq!(codes(&refused), [(3, RefusalCode::PermissionDenied)]);
    assert_eq!(house.items(), [1, 2, 4]);
    assert!(!appliance.services.base.world().is_removed(&key(1)), "its agent is let in again");
    appliance.sweep().await;
    assert_eq!(house.items(), [1, 2, 4], "it is away as of now");
    house.pass(31 * 86_400);
    appliance.sweep().await;
    assert!(!appliance.services.base.world().may_come_back(&key(3)));
    assert!(appliance.services.items.kept.removed_items(BOB).is_empty());
}

#[tokio::test]
async fn a_part_of_the_appliance_that_dies_is_its_end_and_health_says_so() {
    let house = House::new().await;
    let appliance = &house.appliance;
    let api = Api::new(&appliance.services);
    let health = || async {
        let asked = hyper::Request::get("/api/health").body(axum::body::Body::empty()).unwrap();
        api.answer(asked, [127, 0, 0, 1].into()).await.status()
    };
    assert_eq!(health().await, 200);
    appliance.services.base.store.note(|_| panic!("a mistake"));
    assert_eq!(appliance.until_failed().await, "store");
    assert_eq!(health().await, 503);
}

#[tokio::test]
async fn what_was_away_for_too_long_goes_but_not_just_after_the_appliance_was() {
    let house = House::new().await;
    for endpoint in 1..=3 {
        house.seen(endpoint);
    }
    house.change(2, |view| view.max_offline_minutes = 30).await;
    house.pass(31 * 60);
    house.appliance.sweep().await;
    assert_eq!(house.items(), [1, 2, 3, 4], "everybody gets an hour to come back");
    house.pass(30 * 60);
    house.appliance.sweep().await;
    assert_eq!(house.items(), [1, 3, 4]);
    house.pass(180 * 86_400);
    house.appliance.sweep().await;
    assert_eq!(house.items(), [4], "a machine that was never seen is not away");
}

fn key(number: u64) -> jumpdeck_protocol::handshake::PublicKey {
    crate::sample::item(number).key.unwrap()
}

/// Bob may move and copy out of the second group and start sessions there, by a membership whose
/// Jump Policy is strict; in his own list he may do everything.
async fn bringing() -> House {
    let house = House::new().await;
    let edit = |draft: &mut Draft| {
        let permissions = [Permission::PermStart, Permission::PermAssignJumpGroup];
        let role = Role {
            id: RoleId(50),
            name: "Mover".into(),
            permissions: Permissions::of(&permissions),
        };
        draft.put(role)?;
        let policy = JumpPolicy {
            id: JumpPolicyId(5),
            display_name: "Night".into(),
            ..JumpPolicy::default()
        };
        draft.put(policy)?;
        let mut bob = User::clone(draft.user(BOB).unwrap());
        bob.settings.personal_role = Role::ADMINISTRATOR;
        let by = Membership { role: Some(RoleId(50)), jump_policy: Some(JumpPolicyId(5)) };
        bob.memberships.insert(JumpGroupId(2), by);
        draft.put(bob)
    };
    house.appliance.services.base.store.edit(edit).await.unwrap();
    house
        .change(3, |view| {
            view.policies.customer_present = Some(SessionPolicy::EVERYTHING);
            view.expires = Some(Timestamp(9_000_000));
        })
        .await;
    house
}

fn set(item: ItemId, field: ItemField, from: FieldValue, to: FieldValue) -> ItemEdit {
    ItemEdit { item, changes: vec![ItemChange { field, from, to }] }
}

#[tokio::test]
async fn neither_a_copy_nor_a_move_lifts_what_its_bringer_could_not_have_lifted() {
    let house = bringing().await;
    let appliance = &house.appliance;
    let list = Place::Personal(BOB);
    assert!(
        appliance
            .services
            .items
            .edits
            .copy_items(BOB, vec![ItemId(3)], list)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        appliance
            .services
            .items
            .edits
            .edit_items(BOB, vec![to(4, CLOSED, list)])
            .await
            .unwrap()
            .is_empty()
    );
    let world = appliance.services.base.world();
    let copy = world.items().find(|item| item.copy_of.is_some()).unwrap().view.id;
    for item in [copy, ItemId(4)] {
        let view = &world.item(item).unwrap().view;
        assert_eq!((view.place, view.jump_policy), (list, Some(JumpPolicyId(5))));
    }
    let lift = |item| {
        let held = FieldValue::JumpPolicy(Some(JumpPolicyId(5)));
        set(item, ItemField::JumpPolicy, held, FieldValue::JumpPolicy(None))
    };
    let present = {
        let held = FieldValue::SessionPolicy(Some(SessionPolicy::EVERYTHING));
        let field = ItemField::CustomerPresentPolicy;
        set(copy, field, held, FieldValue::SessionPolicy(None))
    };
    let expires = {
        let held = FieldValue::Time(Some(Timestamp(9_000_000)));
        set(copy, ItemField::Expires, held, FieldValue::Time(None))
    };
    let edits = vec![lift(copy), lift(ItemId(4)), present, expires];
    let refused = appliance.services.items.edits.edit_items(BOB, edits).await.unwrap();
    assert_eq!(refused.len(), 4, "{refused:?}");
    for (_, refusal) in &refused {
        assert_eq!(refusal.code, RefusalCode::PermissionDenied);
        assert!(refusal.detail.contains("where the item comes from"), "{}", refusal.detail);
    }
    let tagged =
        set(copy, ItemField::Tag, FieldValue::Text("".into()), FieldValue::Text("x".into()));
    assert_eq!(
        appliance.services.items.edits.edit_items(BOB, vec![tagged]).await.unwrap().len(),
        1
    );
    let removed =
        appliance.services.items.edits.remove_items(BOB, vec![copy, ItemId(4)]).await.unwrap();
    assert_eq!(codes(&removed), [(4, RefusalCode::PermissionDenied)], "a copy is bob's own");

    // Another hop lifts nothing either, and the owner of the appliance is held by nothing.
    assert!(
        appliance
            .services
            .items
            .edits
            .edit_items(BOB, vec![to(4, list, OPEN)])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        appliance.services.items.edits.edit_items(BOB, vec![lift(ItemId(4))]).await.unwrap().len(),
        1
    );
    let freed =
        appliance.services.items.edits.edit_items(UserId(1), vec![lift(ItemId(4))]).await.unwrap();
    assert!(freed.is_empty(), "{freed:?}");
    assert!(
        appliance
            .services
            .items
            .edits
            .edit_items(BOB, vec![to(4, OPEN, CLOSED)])
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        appliance.services.base.world().item(ItemId(4)).unwrap().origins.is_empty(),
        "it is back"
    );
}
