//! What the appliance told beside the inventory: rights, Jump Policies, what was used, history.

use super::Console;
use jumpdeck_protocol::inventory::{JumpPolicyView, Place};
use jumpdeck_protocol::rep::{Choices, PastSession, Used};
use jumpdeck_protocol::rights::{Answer, Permission, PlaceRights};
use jumpdeck_protocol::{ItemId, JumpPolicyId, Timestamp};
use std::collections::BTreeMap;

/// What arrived about an item's machine when it was selected.
#[derive(Debug)]
pub(super) struct Past {
    pub item: ItemId,
    pub sessions: Vec<PastSession>,
    pub warning: Option<Box<str>>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct KnownFacts {
    /// What the rep may do in each place; nothing before that has arrived.
    pub(super) rights: Option<BTreeMap<Place, PlaceRights>>,
    /// The Jump Policies.
    pub(super) policies: Vec<JumpPolicyView>,
    /// What the rep used, the last one first.
    pub(super) used: Vec<Used>,
    /// Why the rep may do what with one item.
    pub(super) explained: Option<(ItemId, Vec<Answer>)>,
    /// What can be chosen for items.
    pub(super) choices: Choices,
    /// The last sessions with one item.
    pub(super) history: Option<Past>,
}

impl Console {
    /// What the rep may do with the items of a place, if that has arrived.
    pub fn rights(&self, place: Place) -> Option<&PlaceRights> {
        self.list.known.rights.as_ref()?.get(&place)
    }

    /// Why the rep may not do something with the items of a place. The appliance has the last word.
    pub(super) fn forbidden(&self, place: Place, permission: Permission) -> Option<String> {
        self.list.known.rights.as_ref()?;
        match self.rights(place) {
            Some(rights) if rights.permitted.has(permission) => None,
            Some(rights) => Some(format!(
                "Your role {} does not let you {} here ({}). Ask an administrator for {}.",
                rights.role,
                permission.title(),
                rights.because,
                permission.as_str()
            )),
            None => Some("You may not see this place any more.".to_owned()),
        }
    }

    /// The places that let the rep do something, with their names, as the tree orders them.
    pub(super) fn places_for(&self, permission: Permission) -> Vec<(Place, String)> {
        let permitted = |place| self.forbidden(place, permission).is_none();
        let mut places: Vec<(Place, String)> = self
            .list
            .inventory
            .places()
            .into_iter()
            .filter(|place| permitted(place.place))
            .map(|place| (place.place, place.name.to_owned()))
            .collect();
        // Lists of others in which nothing stands yet.
        let others = self.list.known.rights.iter().flatten().filter_map(|(place, rights)| {
            let unknown = !places.iter().any(|(known, _)| known == place);
            let owner = rights.owner.as_ref().filter(|_| unknown && permitted(*place))?;
            Some((*place, jumpdeck_protocol::text::clean(owner).into_owned()))
        });
        let others: Vec<_> = others.collect();
        places.extend(others);
        places
    }

    /// The Jump Policy that counts for an item: that of the rep's membership stands instead of the
    /// item's own.
    pub fn jump_policy_of(&self, item: ItemId) -> Option<JumpPolicyId> {
        let item = self.list.inventory.item(item)?;
        let of_place = self.rights(item.place()).and_then(|rights| rights.jump_policy);
        of_place.or_else(|| item.jump_policy())
    }

    /// A Jump Policy.
    pub fn policy(&self, id: JumpPolicyId) -> Option<&JumpPolicyView> {
        self.list.known.policies.iter().find(|policy| policy.id == id)
    }

    /// All Jump Policies.
    pub fn policies(&self) -> &[JumpPolicyView] {
        &self.list.known.policies
    }

    /// The last sessions with an item, the newest first, if they have arrived.
    pub fn history(&self, item: ItemId) -> Option<&[PastSession]> {
        self.past(item).map(|past| past.sessions.as_slice())
    }

    /// What should be known of the selected item's machine before anything else.
    pub fn warning(&self, item: ItemId) -> Option<&str> {
        self.past(item)?.warning.as_deref()
    }

    fn past(&self, item: ItemId) -> Option<&Past> {
        self.list.known.history.as_ref().filter(|past| past.item == item)
    }

    /// What the rep used, and how much each is worth: often and lately is worth most.
    pub(super) fn frecency(&self) -> impl Iterator<Item = (ItemId, u32)> {
        self.list.known.used.iter().map(|used| (used.item, worth(used, self.now)))
    }
}

fn worth(used: &Used, now: Timestamp) -> u32 {
    const HOUR: u64 = 3600;
    let weight = match now.since(used.last) {
        age if age < HOUR => 16,
        age if age < 24 * HOUR => 8,
        age if age < 7 * 24 * HOUR => 4,
        age if age < 30 * 24 * HOUR => 2,
        _ => 1,
    };
    used.times.clamp(1, 50) * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn often_and_lately_is_worth_most() {
        let now = Timestamp(100 * 86_400);
        let used = |days: i64, times| Used {
            item: ItemId(1),
            last: Timestamp(now.0 - days * 86_400),
            times,
        };
        assert!(worth(&used(0, 3), now) > worth(&used(0, 2), now));
        assert!(worth(&used(0, 2), now) > worth(&used(3, 3), now));
        assert!(worth(&used(3, 10), now) > worth(&used(0, 2), now));
        assert!(worth(&used(90, 1_000_000), now) <= 50);
    }
}
