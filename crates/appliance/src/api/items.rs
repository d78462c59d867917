//! The items.

use super::access::{Allowed, ItemsRead};
use super::answer::{Failure, Json, Parameters};
use crate::services::Services;
use axum::extract::State;
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_world::{Item, World};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Items of one answer, if nothing else is said, and at most.
const PAGE: u64 = 100;
const LARGEST: u64 = 1000;
/// The greatest number that every JSON reader tells from its neighbours (RFC 8259, 6).
const GREATEST: u64 = (1 << 53) - 1;

/// Items, and where those begin that follow.
#[derive(Serialize, ToSchema)]
#[schema(as = Items)]
pub(super) struct ItemPage {
    items: Vec<ItemJson>,
    /// Ask for those after this; null if nothing follows.
    #[schema(required)]
    next: Option<u64>,
}

/// An item. Fields are added, never taken away or renamed.
#[derive(Serialize, ToSchema)]
#[schema(as = Item)]
struct ItemJson {
    id: u64,
    name: Box<str>,
    group: Box<str>,
    tag: Box<str>,
    status: &'static str,
    method: &'static str,
    hostname: String,
    private_ip: String,
    public_ip: String,
    operating_system: String,
    /// Seconds since 1970; null if the status never changed.
    #[schema(required)]
    status_since: Option<i64>,
}

/// The items of all Jump Groups, by number
///
/// Scope items:read. Personal lists are their owners' own.
#[utoipa::path(
    get,
    path = "/api/items",
    params(
        ("after" = Option<u64>, Query, minimum = 0, maximum = 9_007_199_254_740_991u64,
         nullable = false, description = "Those with a greater number."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, nullable = false,
         description = "At most this many; 100 if it is not given."),
    ),
    security(("token" = [])),
    responses((status = 200, description = "Some of them.", body = ItemPage)),
)]
pub(super) async fn items(
    _: Allowed<ItemsRead>,
    State(services): State<Arc<Services>>,
    parameters: Parameters,
) -> Result<Json<ItemPage>, Failure> {
    let (after, limit) = page(parameters)?;
    let world = services.base.world();
    let in_groups = |item: &&Arc<Item>| matches!(item.view.place, Place::JumpGroup(_));
    let mut found = world.items_after(after).filter(in_groups).take(limit + 1);
    let items: Vec<_> = found.by_ref().take(limit).collect();
    let next = found.next().and(items.last()).map(|last| last.view.id.0);
    let items = items.into_iter().map(|item| told(&services, &world, item)).collect();
    Ok(Json(ItemPage { items, next }))
}

/// After which item the page begins, and how many it has at most.
fn page(mut parameters: Parameters) -> Result<(Option<ItemId>, usize), Failure> {
    let after = parameters.number("after", 0..=GREATEST)?.map(ItemId);
    let limit = parameters.number("limit", 1..=LARGEST)?.unwrap_or(PAGE);
    parameters.end()?;
    Ok((after, usize::try_from(limit).unwrap_or(usize::MAX)))
}

fn told(services: &Services, world: &World, item: &Item) -> ItemJson {
    let view = &item.view;
    let known = item.endpoint().and_then(|endpoint| services.links.agents.of(endpoint));
    let group = match view.place {
        Place::JumpGroup(group) => world.group(group).map(|group| group.name.clone()),
        _ => None,
    };
    ItemJson {
        id: view.id.0,
        name: view.name.clone(),
        group: group.unwrap_or_default(),
        tag: view.tag.clone(),
        status: known.as_ref().map(|known| known.status).unwrap_or_default().word(),
        method: view.method.title(),
        hostname: view.facts.hostname.to_string(),
        private_ip: view.facts.private_ip.to_string(),
        public_ip: view.public_ip.to_string(),
        operating_system: view.facts.operating_system.to_string(),
        status_since: known.and_then(|known| known.since).map(|since| since.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::FromRequestParts;

    async fn wrong(query: &str) -> Option<String> {
        let request = hyper::Request::get(format!("/api/items?{query}")).body(()).unwrap();
        let parameters = Parameters::from_request_parts(&mut request.into_parts().0, &()).await;
        parameters.and_then(page).err().map(|failure| failure.message)
    }

    #[tokio::test]
    async fn a_parameter_that_is_wrong_is_named_and_what_would_be_right() {
        for good in ["", "limit=1000&after=0", "after=9007199254740991"] {
            assert_eq!(wrong(good).await, None, "{good}");
        }
        let bad = [
            ("limit=0", "limit is a number from 1 to 1000"),
            ("limit=1e3", "limit is a number from 1 to 1000"),
            ("after=-1", "after is a number from 0 to 9007199254740991"),
            ("limit=1&limit=2", "\"limit\" is given twice"),
            ("nonsense=1", "\"nonsense\" is no parameter here"),
        ];
        for (query, told) in bad {
            let message = wrong(query).await.unwrap_or_default();
            assert!(message.contains(told), "{query}: {message}");
        }
        assert!(wrong(&format!("{}=1", "x".repeat(9999))).await.unwrap().len() < 400);
    }
}
