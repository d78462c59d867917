//! The whole language against a reader who looks at every item, one by one, with the rules in hand.

use super::super::*;
use crate::core::query::{Compare, Field, Measure, Query, statuses};
use crate::core::search::Scope;
use jumpdeck_protocol::inventory::{
    Facts, GroupView, JumpPolicyView, PolicyState, Presence, Status,
};
use jumpdeck_protocol::item::Shortcut;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::preferences::{Column, Sort};
use jumpdeck_protocol::{JumpPolicyId, Timestamp};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(10_000_000);
const GROUPS: [&str; 3] = ["Lab", "web shops", "東京"];
const POLICIES: [&str; 2] = ["Weekdays", "Nights a"];

/// An item with all that is known of it.
#[derive(Clone, Debug)]
struct Known {
    view: ItemView,
    status: Status,
    since: Option<Timestamp>,
    figures: Option<(u8, u8)>,
}

fn text() -> impl Strategy<Value = Box<str>> {
    "[a-cW東é .]{0,4}".prop_map(|text: String| text.trim().into())
}

fn known(id: u64) -> impl Strategy<Value = Known> {
    let texts = proptest::collection::vec(text(), 9);
    let status = proptest::sample::select(statuses("").collect::<Vec<_>>());
    let since = proptest::option::of(0_i64..20 * 86_400);
    let figures = proptest::option::of((0_u8..=100, 0_u8..=100));
    let rest =
        (0_u64..3, proptest::option::of(0_u64..2), proptest::sample::select(JumpMethod::ALL));
    (texts, status, since, figures, rest).prop_map(
        move |(texts, status, since, figures, (group, policy, method))| {
            let text = |n: usize| texts[n].clone();
            let is_client = method == JumpMethod::JumpClient;
            let facts = Facts {
                hostname: text(1),
                fqdn: text(2),
                domain: text(3),
                operating_system: text(4),
                private_ip: format!("10.0.0.{id}").into(),
                console_user: text(5),
                ..Facts::default()
            };
            let view = ItemView {
                id: ItemId(id),
                name: format!("{}{id}", texts[0]).into(),
                place: if group == 0 {
                    Place::Personal(UserId(1))
                } else {
                    Place::JumpGroup(JumpGroupId(group))
                },
                tag: text(6),
                comments: text(7),
                public_ip: text(8),
                jump_policy: policy.map(JumpPolicyId),
                method,
                shortcut: (!is_client).then(|| Box::new(Shortcut::new(method))),
                facts,
                ..ItemView::default()
            };
            // What is away is not measured.
            let linked = matches!(status, Status::Online | Status::InUse);
            let figures = figures.filter(|_| linked);
            Known { view, status, since: since.map(|ago| Timestamp(NOW.0 - ago)), figures }
        },
    )
}

impl Known {
    fn texts(&self, field: Field) -> Vec<String> {
        let facts = &self.view.facts;
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        match field {
            Field::Name => own(&[&self.view.name]),
            Field::Host => {
                own(&[&facts.hostname, &facts.fqdn, &facts.private_ip, &self.view.public_ip])
            }
            Field::Tag => own(&[&self.view.tag]),
            Field::Group => match self.view.place {
                Place::Personal(_) => own(&["Personal"]),
                Place::JumpGroup(id) => own(&[GROUPS[usize::try_from(id.0).unwrap()]]),
                Place::Queue(_) => Vec::new(),
            },
            Field::User => own(&[&facts.console_user]),
            Field::Ip => own(&[&facts.private_ip, &self.view.public_ip]),
            Field::Method => own(&[self.view.method.title()]),
            Field::Os => own(&[&facts.operating_system]),
            Field::Comment => own(&[&self.view.comments]),
            Field::Domain => own(&[&facts.domain]),
            Field::Policy => self
                .view
                .jump_policy
                .map(|id| POLICIES[usize::try_from(id.0).unwrap()].to_owned())
                .into_iter()
                .collect(),
        }
    }

    fn holds(&self, query: &Query, fields: &[Field]) -> bool {
        match query {
            Query::All(all) => all.iter().all(|part| self.holds(part, fields)),
            Query::Any(any) => any.iter().any(|part| self.holds(part, fields)),
            Query::Not(not) => !self.holds(not, fields),
            Query::Text(field, text) => {
                let every = Field::ALL.map(|(_, field)| field);
                let fields = match field {
                    Some(field) => std::slice::from_ref(field),
                    None if fields.is_empty() => &every,
                    None => fields,
                };
                let text = text.to_lowercase();
                let mut texts = fields.iter().flat_map(|field| self.texts(*field));
                texts.any(|known| known.to_lowercase().contains(&text))
            }
            Query::Status(beginning) => statuses(beginning).any(|status| status == self.status),
            Query::Seen(compare, seconds) => {
                let linked = matches!(self.status, Status::Online | Status::InUse);
                let ago = if linked { Some(0) } else { self.since.map(|since| NOW.since(since)) };
                match compare {
                    Compare::Less => ago.is_some_and(|ago| ago < *seconds),
                    Compare::More => ago.is_none_or(|ago| ago > *seconds),
                }
            }
            Query::Figure(measure, compare, share) => {
                let figure = self.figures.map(|(cpu, disk)| match measure {
                    Measure::Cpu => cpu,
                    Measure::Disk => disk,
                });
                figure.is_some_and(|figure| match compare {
                    Compare::Less => figure < *share,
                    Compare::More => figure > *share,
                })
            }
        }
    }
}

fn query() -> impl Strategy<Value = Query> {
    let all: Vec<_> = Field::ALL.iter().map(|(_, field)| *field).collect();
    let field = proptest::option::of(proptest::sample::select(all));
    let compare = proptest::sample::select(vec![Compare::Less, Compare::More]);
    let measure = proptest::sample::select(vec![Measure::Cpu, Measure::Disk]);
    let leaf = prop_oneof![
        6 => (field, "[a-cwé東]{1,2}").prop_map(|(field, text)| Query::Text(field, text)),
        1 => proptest::sample::select(vec!["jump", "10.0.0.1", "personal", "web s", "vnc"])
            .prop_map(|text| Query::Text(None, text.to_owned())),
        1 => proptest::sample::select(vec!["o", "on", "u", "lost", "in use"])
            .prop_map(|status| Query::Status(status.to_owned())),
        1 => (compare.clone(), 0_u64..20 * 86_400).prop_map(|(c, s)| Query::Seen(c, s)),
        1 => (measure, compare, 0_u8..=100).prop_map(|(m, c, s)| Query::Figure(m, c, s)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Query::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Query::Any),
            inner.prop_map(|query| Query::Not(Box::new(query))),
        ]
    })
}

fn inventory(items: &[Known]) -> Inventory {
    let mut inventory = Inventory::default();
    inventory.is_of(UserId(1));
    let group = |(id, name): (u64, &&str)| GroupView { id: JumpGroupId(id), name: (**name).into() };
    let policy = |(id, name): (u64, &&str)| JumpPolicyView {
        hours: "".into(),
        id: JumpPolicyId(id),
        name: (**name).into(),
        strict: false,
        state: PolicyState::Always,
    };
    inventory.take_policies(&(0..).zip(&POLICIES).map(policy).collect::<Vec<_>>());
    inventory.take(InventoryPart {
        groups: (0..).zip(&GROUPS).map(group).collect(),
        items: items.iter().map(|known| Arc::new(known.view.clone())).collect(),
        ..InventoryPart::default()
    });
    let presence =
        |known: &Known| Presence { item: known.view.id, status: known.status, since: known.since };
    inventory.take_presence(true, items.iter().map(presence).collect(), None);
    let figure = |known: &Known| {
        let (cpu, disk) = known.figures?;
        Some(Figure { item: known.view.id, cpu, disk })
    };
    inventory.take_figures(&items.iter().filter_map(figure).collect::<Vec<_>>());
    inventory
}

fn ids(list: &List) -> Vec<u64> {
    list.iter().map(|item| item.id().0).collect()
}

fn items() -> impl Strategy<Value = Vec<Known>> {
    (1_usize..24).prop_flat_map(|count| (1..=count as u64).map(known).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_query_finds_what_a_plain_reader_finds(
        items in items(),
        query in query(),
        fields in proptest::sample::subsequence(
            Field::ALL.iter().map(|(_, field)| *field).collect::<Vec<_>>(), 0..4),
    ) {
        let inventory = inventory(&items);
        let look = Look { fields: fields.clone().into(), ..Look::at(Scope::All, query.clone(), NOW) };
        let mut wanted: Vec<_> = items.iter().filter(|known| known.holds(&query, &fields)).collect();
        wanted.sort_by_key(|known| (known.view.name.to_lowercase(), known.view.id));
        let wanted: Vec<_> = wanted.iter().map(|known| known.view.id.0).collect();
        let list = matching(inventory.picture(), &look);
        prop_assert_eq!(ids(&list), wanted.clone(), "{}", query);
        prop_assert_eq!(count(&inventory.picture(), &[look]), vec![wanted.len()]);
        // As it is printed and typed again, it finds the same.
        let typed = Look::at(Scope::All, query.to_string().parse().unwrap(), NOW);
        let typed = Look { fields: fields.into(), ..typed };
        prop_assert_eq!(ids(&matching(inventory.picture(), &typed)), wanted);
    }

    #[test]
    fn whatever_the_order_the_same_items_are_there_and_those_without_a_value_come_last(
        items in items(),
        column in proptest::sample::select(Column::ALL),
        descending in any::<bool>(),
    ) {
        let inventory = inventory(&items);
        let look = Look {
            sort: Sort { column, descending },
            ..Look::at(Scope::All, Query::default(), NOW)
        };
        let list = matching(inventory.picture(), &look);
        let mut found = ids(&list);
        let texts: Vec<String> = list
            .iter()
            .map(|item| crate::core::columns::text(item, column).to_lowercase())
            .collect();
        found.sort_unstable();
        prop_assert_eq!(found, (1..=items.len() as u64).collect::<Vec<_>>());
        let by_text = matches!(
            column,
            Column::Name | Column::Tag | Column::Group | Column::Comments | Column::User
                | Column::Os | Column::Fqdn | Column::Domain | Column::JumpPolicy
        );
        if by_text {
            let filled: Vec<_> = texts.iter().filter(|text| !text.is_empty()).collect();
            let is_ordered = |pair: &[&String]| {
                if descending { pair[0] >= pair[1] } else { pair[0] <= pair[1] }
            };
            prop_assert!(filled.windows(2).all(is_ordered), "{:?}", texts);
            let first_empty = texts.iter().position(String::is_empty).unwrap_or(texts.len());
            prop_assert!(texts[first_empty..].iter().all(String::is_empty), "{:?}", texts);
        }
    }
}
