//! Lists in another order than that of the names.

use super::chunk::Record;
use super::picture::{Picture, Slot, place};
use super::symbols::Symbol;
use crate::core::columns;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::{Place, Status};
use jumpdeck_protocol::preferences::{Column, Sort};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

impl Picture {
    /// Slots that are in the order of the names, in the order that is asked for. Items that are the
    /// same in it stay in the order of their names, and those that have nothing there come last.
    pub(super) fn sorted(&self, slots: Vec<Slot>, sort: Sort) -> Vec<Slot> {
        match sort.column {
            Column::Name | Column::Unknown if !sort.descending => slots,
            Column::Name | Column::Unknown => slots.into_iter().rev().collect(),
            Column::Tag => self.by_symbol(slots, 0, sort),
            Column::Comments => self.by_symbol(slots, 1, sort),
            Column::PublicIp => {
                let address = |slot| self.shared(slot, 2).parse::<IpAddr>().ok();
                by(slots, sort, address)
            }
            Column::Domain => self.by_symbol(slots, 3, sort),
            Column::Os => self.by_symbol(slots, 4, sort),
            Column::User => self.by_symbol(slots, 5, sort),
            Column::Version => self.by_symbol(slots, 8, sort),
            Column::Host => by(slots, sort, |slot| {
                let host = columns::text(self.item(slot)?, Column::Host).to_lowercase();
                Some(host).filter(|host| !host.is_empty())
            }),
            Column::Fqdn => by(slots, sort, |slot| self.own(slot, 2)),
            Column::PrivateIp => by(slots, sort, |slot| self.own(slot, 3)?.parse::<IpAddr>().ok()),
            Column::Method => by(slots, sort, |slot| Some(self.record(slot)?.method.title())),
            Column::Group => self.by_place(slots, sort),
            Column::JumpPolicy => self.by_policy(slots, sort),
            Column::Status => by(slots, sort, |slot| self.rank(slot)),
            Column::Since => by(slots, sort, |slot| self.since(slot)),
        }
    }

    fn own(&self, slot: Slot, field: usize) -> Option<&str> {
        let (chunk, index) = place(slot);
        Some(self.chunks.get(chunk)?.lower.field(index, field)).filter(|text| !text.is_empty())
    }

    fn symbol(&self, slot: Slot, field: usize) -> Option<Symbol> {
        self.record(slot)?.shared.get(field).copied()
    }

    fn shared(&self, slot: Slot, field: usize) -> &str {
        self.symbol(slot, field).map_or("", |symbol| self.symbols.text(symbol))
    }

    /// Each text is put in its place once, however many items share it.
    fn by_symbol(&self, slots: Vec<Slot>, field: usize, sort: Sort) -> Vec<Slot> {
        let symbols = slots.iter().filter_map(|slot| self.symbol(*slot, field));
        let ranks = ranks(symbols, |symbol| self.symbols.text(symbol).to_lowercase());
        by(slots, sort, |slot| ranks.get(&self.symbol(slot, field)?).copied())
    }

    fn by_place(&self, slots: Vec<Slot>, sort: Sort) -> Vec<Slot> {
        let of = |record: &Record| record.place;
        let places = slots.iter().filter_map(|slot| self.record(*slot).map(of));
        let ranks = ranks(places, |place: Place| self.names.place(place).to_lowercase());
        by(slots, sort, |slot| ranks.get(&self.record(slot)?.place).copied())
    }

    fn by_policy(&self, slots: Vec<Slot>, sort: Sort) -> Vec<Slot> {
        let policy = |slot: Slot| self.record(slot)?.rare.as_ref()?.jump_policy;
        by(slots, sort, |slot| self.names.policies.get(&policy(slot)?).map(|name| &**name))
    }

    /// What can be used comes first. A shortcut has no status.
    fn rank(&self, slot: Slot) -> Option<u8> {
        self.record(slot)
            .filter(|record| record.rare.as_ref().is_none_or(|r| r.shortcut.is_none()))?;
        Some(match self.standings.of(slot).status {
            Status::InUse => 0,
            Status::Online => 1,
            Status::Passive => 2,
            Status::UpgradePending => 3,
            Status::Offline => 4,
            Status::Lost => 5,
            Status::Disabled => 6,
            Status::Uninstalled => 7,
        })
    }

    /// What changed last comes first.
    fn since(&self, slot: Slot) -> Option<Reverse<Timestamp>> {
        self.standings.of(slot).since.map(Reverse)
    }
}

/// The place of each text among the others; the empty one has none.
fn ranks<K: Copy + Eq + std::hash::Hash>(
    keys: impl Iterator<Item = K>,
    text: impl Fn(K) -> String,
) -> HashMap<K, usize> {
    let mut texts: HashMap<K, String> = HashMap::new();
    for key in keys {
        texts.entry(key).or_insert_with(|| text(key));
    }
    let mut ordered: Vec<_> = texts.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    ordered.sort_by(|(_, one), (_, other)| one.cmp(other));
    ordered.into_iter().enumerate().map(|(rank, (key, _))| (key, rank)).collect()
}

fn by<K: Ord>(slots: Vec<Slot>, sort: Sort, key: impl Fn(Slot) -> Option<K>) -> Vec<Slot> {
    let mut keyed = Vec::with_capacity(slots.len());
    let mut without = Vec::new();
    for slot in slots {
        match key(slot) {
            Some(key) => keyed.push((key, slot)),
            None => without.push(slot),
        }
    }
    if sort.descending {
        keyed.sort_by(|(one, _), (other, _)| other.cmp(one));
    } else {
        keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    }
    keyed.into_iter().map(|(_, slot)| slot).chain(without).collect()
}
