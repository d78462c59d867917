//! What programs may read: items and sessions.

use super::{Answer, Api, Failure, json};
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::session::SessionView;
use jumpdeck_world::Item as Document;
use jumpdeck_world::World;
use serde::Serialize;
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Items of one answer, if nothing else is said, and at the most.
const PAGE: usize = 100;
const LARGEST: u64 = 1000;
/// The greatest number that every JSON reader tells from its neighbours (RFC 8259, 6).
const GREATEST: u64 = (1 << 53) - 1;

/// Items, and where those begin that follow.
#[derive(Serialize)]
struct ItemPage<'a> {
    items: Vec<ItemJson<'a>>,
    /// Ask for those `after` this; nothing follows if it is null.
    next: Option<u64>,
}

/// An item. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct ItemJson<'a> {
    id: u64,
    name: &'a str,
    group: &'a str,
    tag: &'a str,
    status: &'static str,
    method: &'static str,
    hostname: &'a str,
    private_ip: &'a str,
    public_ip: &'a str,
    operating_system: &'a str,
    /// Seconds since 1970; null if the status never changed.
    status_since: Option<i64>,
}

#[derive(Serialize)]
struct SessionList {
    sessions: Vec<SessionJson>,
}

/// An open session. Fields are added, never taken away or renamed.
#[derive(Serialize)]
struct SessionJson {
    id: u64,
    item: u64,
    item_name: String,
    owner: String,
    /// Seconds since 1970.
    started: i64,
}

impl Api<'_> {
    /// The items of all Jump Groups; personal lists are their owners' own.
    pub(super) fn api_items(&self, query: &str) -> Result<Answer, Failure> {
        let mut after = None;
        let mut limit = None;
        let mut seen = HashSet::new();
        for (key, value) in parameters(query) {
            if !seen.insert(key) {
                return Err(Failure::parameter(format!(
                    "{:?} stands there twice",
                    jumpdeck_protocol::text::bounded(key, 64)
                )));
            }
            match key {
                "after" => after = Some(ItemId(number(key, value, 0..=GREATEST)?)),
                "limit" => limit = usize::try_from(number(key, value, 1..=LARGEST)?).ok(),
                other => return Err(unknown(other)),
            }
        }
        let limit = limit.unwrap_or(PAGE);
        let world = self.services.base.world();
        let in_groups = |item: &&Arc<Document>| matches!(item.view.place, Place::JumpGroup(_));
        let mut found = world.items_after(after).filter(in_groups).take(limit + 1);
        let items: Vec<_> = found.by_ref().take(limit).collect();
        let next = found.next().and(items.last()).map(|last| last.view.id.0);
        let items = items.into_iter().map(|item| self.api_item(&world, item)).collect();
        Ok(json(&ItemPage { items, next }))
    }

    fn api_item<'w>(&self, world: &'w World, item: &'w Document) -> ItemJson<'w> {
        let view = &item.view;
        let known = item.endpoint().and_then(|endpoint| self.services.links.agents.of(endpoint));
        let group = match view.place {
            Place::JumpGroup(group) => world.group(group).map_or("", |group| &*group.name),
            _ => "",
        };
        ItemJson {
            id: view.id.0,
            name: &view.name,
            group,
            tag: &view.tag,
            status: known.as_ref().map(|known| known.status).unwrap_or_default().word(),
            method: view.method.title(),
            hostname: &view.facts.hostname,
            private_ip: &view.facts.private_ip,
            public_ip: &view.public_ip,
            operating_system: &view.facts.operating_system,
            status_since: known.and_then(|known| known.since).map(|since| since.0),
        }
    }

    /// The open sessions, in the order they started.
    pub(super) fn api_sessions(&self, query: &str) -> Result<Answer, Failure> {
        if let Some((key, _)) = parameters(query).next() {
            return Err(unknown(key));
        }
        let world = self.services.base.world();
        let ids = self.services.book.ids();
        let views = ids.into_iter().filter_map(|id| self.services.book.view(id, &world));
        let session = |view: SessionView| SessionJson {
            id: view.id.0,
            item: view.item.0,
            owner: world.username(view.owner).into(),
            item_name: view.item_name,
            started: view.started.0,
        };
        Ok(json(&SessionList { sessions: views.map(session).collect() }))
    }
}

/// The parameters of a query.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn number(key: &str, value: &str, allowed: RangeInclusive<u64>) -> Result<u64, Failure> {
    let number = value.parse().ok().filter(|number| allowed.contains(number));
    let (from, to) = allowed.into_inner();
    number.ok_or_else(|| Failure::parameter(format!("{key} is a number from {from} to {to}")))
}

fn unknown(key: &str) -> Failure {
    let key = jumpdeck_protocol::text::bounded(key, 64);
    Failure::parameter(format!("{key:?} is no parameter here; /api/openapi.json names them"))
}
