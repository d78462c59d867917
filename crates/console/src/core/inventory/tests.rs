//! The replica against what a plain map would say.

mod reference;

use super::*;
use crate::fixtures::{NOW, presence, sample};
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::GroupView;
use proptest::prelude::*;

fn empty() -> InventoryPart {
    InventoryPart::default()
}

fn item(id: u64, name: &str, tag: &str, group: u64) -> ItemView {
    let mut view = ItemView::clone(&sample().items[0]);
    view.id = ItemId(id);
    view.name = name.into();
    view.tag = tag.into();
    view.place = Place::JumpGroup(JumpGroupId(group));
    view.facts.hostname = format!("host-{id}").into();
    view.facts.private_ip = format!("10.0.0.{id}").into();
    view
}

fn found(inventory: &Inventory, scope: &Scope, query: &str) -> List {
    let look = Look::at(scope.clone(), query.parse().unwrap(), NOW);
    matching(inventory.picture(), &look)
}

fn names(list: &List) -> Vec<String> {
    list.iter().map(|item| item.name().to_owned()).collect()
}

/// What a rep would be shown by a reader of every text of every item.
fn naive(items: &BTreeMap<u64, ItemView>, groups: &[&str], text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let holds = |view: &&ItemView| {
        let Place::JumpGroup(group) = view.place else { return false };
        let facts = &view.facts;
        let all = [
            &*view.name,
            &*facts.hostname,
            &*facts.fqdn,
            &*facts.private_ip,
            &*view.tag,
            &*view.comments,
            &*view.public_ip,
            &*facts.domain,
            &*facts.operating_system,
            &*facts.console_user,
            groups[usize::try_from(group.0).unwrap()],
            "Jump Client",
        ];
        let all = all.map(|text| clean(text).to_lowercase());
        text.split_whitespace().all(|word| all.iter().any(|text| text.contains(word)))
    };
    let mut fitting: Vec<_> = items.values().filter(holds).collect();
    fitting.sort_by_key(|view| (clean(&view.name).to_lowercase(), view.id));
    fitting.iter().map(|view| clean(&view.name).into_owned()).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        id: u64,
        name: String,
        tag: String,
        group: u64,
    },
    Remove(u64),
    /// A search is run, and its order taken over after the next steps.
    Search,
    Adopt,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let name = "[a-cA-C東é]{1,3}(-[0-9])?";
    prop_oneof![
        8 => (0_u64..40, name, "(|office|Web|日本)", 0_u64..3)
            .prop_map(|(id, name, tag, group)| Step::Put { id, name, tag, group }),
        3 => (0_u64..40).prop_map(Step::Remove),
        2 => Just(Step::Search),
        2 => Just(Step::Adopt),
        1 => Just(Step::Reset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_comes_and_goes_a_search_finds_what_a_plain_reader_would(
        steps in proptest::collection::vec(step(), 1..60),
        query in proptest::sample::select(vec![
            "", "a", "B", "é", "東", "office", "web b", "host-1", "10.0.0.2", "lab a", "client",
            "nothing", "m.chen", "debian 203.0.113",
        ]),
    ) {
        let groups = ["Lab", "Web Servers", "東京"];
        let group = |(id, name): (u64, &&str)| {
            GroupView { id: JumpGroupId(id), name: (**name).into() }
        };
        let mut inventory = Inventory::default();
        inventory.take(InventoryPart {
            groups: (0..).zip(&groups).map(group).collect(),
            ..empty()
        });
        let mut items = BTreeMap::new();
        let mut orders = Vec::new();
        for step in steps {
            match step {
                Step::Put { id, name, tag, group } => {
                    let view = item(id, &name, &tag, group);
                    items.insert(id, view.clone());
                    inventory.take(InventoryPart { items: vec![view.into()], ..empty() });
                }
                Step::Remove(id) => {
                    items.remove(&id);
                    inventory.take(InventoryPart { gone: vec![ItemId(id)], ..empty() });
                }
                Step::Search => orders.push(inventory.picture().ordered().order()),
                Step::Adopt => orders.drain(..).for_each(|order| inventory.adopt(order)),
                Step::Reset => {
                    items.clear();
                    inventory.take(InventoryPart {
                        reset: true,
                        groups: (0..).zip(&groups).map(group).collect(),
                        ..empty()
                    });
                }
            }
        }
        let list = found(&inventory, &Scope::All, query);
        prop_assert_eq!(names(&list), naive(&items, &groups, query));
        prop_assert_eq!(inventory.len(), items.len());
        for place in inventory.places() {
            let here = items.values().filter(|view| view.place == place.place);
            prop_assert_eq!(place.count, here.clone().count());
            let scoped = found(&inventory, &Scope::Place(place.place), "");
            prop_assert_eq!(scoped.len(), place.count);
            for (tag, count) in place.tags {
                prop_assert_eq!(count, here.clone().filter(|view| *view.tag == *tag).count());
                let scope = Scope::Tag(place.place, tag.into());
                prop_assert_eq!(found(&inventory, &scope, "").len(), count);
            }
        }
    }
}

#[test]
fn a_list_shows_what_it_found_even_when_the_items_have_changed() {
    let mut inventory = Inventory::default();
    inventory.take(sample());
    let list = found(&inventory, &Scope::All, "front");
    let before = names(&list);
    inventory.take(InventoryPart { gone: vec![ItemId(1)], ..empty() });
    inventory.take(InventoryPart { items: vec![item(99, "newcomer", "", 1).into()], ..empty() });
    assert_eq!(names(&list), before, "another item in its place is not shown for it");
    assert_eq!(inventory.find(&list, ItemId(1)), None);
    assert_eq!(inventory.find(&list, ItemId(99)), None);
}

#[test]
fn an_item_that_took_another_ones_place_is_not_counted_for_it() {
    let mut inventory = Inventory::default();
    inventory.take(sample());
    inventory.take_presence(true, presence(), None);
    let list = found(&inventory, &Scope::All, "");
    assert_eq!(inventory.count(&list).online, 5);
    inventory.take(InventoryPart { gone: vec![ItemId(3)], ..empty() });
    inventory.take(InventoryPart { items: vec![item(99, "newcomer", "", 1).into()], ..empty() });
    let online = Presence { item: ItemId(99), status: Status::Online, since: None };
    inventory.take_presence(false, vec![online], None);
    assert_eq!(inventory.count(&list).online, 5, "the list does not hold the newcomer");
}

#[test]
fn presence_may_come_before_its_item_and_outlives_a_snapshot() {
    let mut inventory = Inventory::default();
    let online = Presence { item: ItemId(1), status: Status::Online, since: Some(Timestamp(5)) };
    inventory.take_presence(true, vec![online], None);
    inventory.take(sample());
    assert_eq!(inventory.presence(ItemId(1)), online);
    inventory.take(sample());
    assert_eq!(inventory.presence(ItemId(1)), online, "a snapshot says nothing about presence");
    inventory.take(InventoryPart { gone: vec![ItemId(1)], ..empty() });
    inventory.take(InventoryPart { items: vec![item(50, "newcomer", "", 1).into()], ..empty() });
    assert_eq!(inventory.presence(ItemId(50)).status, Status::Offline);
}

#[test]
fn letters_in_order_find_items_and_the_likest_come_first() {
    let mut inventory = Inventory::default();
    inventory.take(sample());
    let like = |text: &str| names(&like(inventory.picture(), text, &Familiar::default()));
    assert_eq!(like("fo")[0], "Front Office");
    assert_eq!(like("tyoweb"), ["東京サーバー"]);
    assert_eq!(like("東")[0], "東京サーバー");
    assert!(like("zzz").is_empty());
    assert_eq!(like("").len(), 7);
}

#[test]
fn more_than_can_be_weighed_are_cut_to_those_that_hold_the_text_as_it_stands() {
    let mut inventory = Inventory::default();
    let scattered = (0..5000).map(|id| item(id, &format!("z{id}a-needle-{id}"), "", 1).into());
    let mut items: Vec<_> = scattered.collect();
    items.push(item(9000, "needle", "", 1).into());
    inventory.take(InventoryPart { items, ..empty() });
    let found = like(inventory.picture(), "needle", &Familiar::default());
    assert_eq!((found.len(), found.get(0).map(|item| item.name())), (200, Some("needle")));
}

#[test]
fn fields_statuses_and_times_are_searched_each_on_its_own() {
    let mut inventory = Inventory::default();
    inventory.take(sample());
    inventory.take_presence(true, presence(), None);
    let found = |query: &str| names(&found(&inventory, &Scope::All, query));
    assert_eq!(found("name:front"), ["Front Office"]);
    assert_eq!(found("host:front"), ["Front Office"], "TC-FRONT-01");
    assert_eq!(found("tag:front").len(), 0);
    assert_eq!(found("comment:front"), ["Front Office"]);
    assert_eq!(found("group:techcom -front").len(), 2);
    assert_eq!(found("status:\"in use\""), ["Defend01"]);
    assert_eq!(found("status:off seen>2d"), ["evil[31m", "Red05"], "one was never seen");
    assert_eq!(found("seen<1h").len(), 5, "what is linked is seen now");
    assert_eq!(found("tag:web or name:laptop").len(), 3);
    assert_eq!(found("-(group:techcom or group:web)"), ["My Laptop"]);
    assert_eq!(found("ip:10.14.3.7"), ["My Laptop"]);
    assert_eq!(found("method:client").len(), 7);
}
