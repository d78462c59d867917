//! The columns of the list: which there are, how wide they are, what is in them.

use super::inventory::Item;
use jumpdeck_protocol::preferences::{Column, ShownColumn};

/// The columns of a rep who has not chosen any.
pub const USUAL: [Column; 5] =
    [Column::Name, Column::Host, Column::Method, Column::Tag, Column::Status];

/// Cells before the first column: for the mark and the selection.
pub const MARGIN: u16 = 3;

/// The narrowest that a column can be made, and the widest.
const WIDTHS: std::ops::RangeInclusive<u16> = 4..=120;

/// From this width on the longest status has room.
const ROOMY: u16 = 90;

/// A column in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Which.
    pub column: Column,
    /// Its first cell, from the list's left edge.
    pub x: u16,
    /// How many cells it has, with a blank at its end.
    pub width: u16,
}

/// How wide a column is at least, and its share of what is left.
const fn wants(column: Column, room: u16) -> (u16, u16) {
    match column {
        Column::Name => (14, 56),
        Column::Host => (12, 44),
        Column::Status if room >= ROOMY => (18, 0),
        Column::Status => (14, 0),
        Column::Method | Column::User | Column::Since => (13, 0),
        Column::Tag => (11, 0),
        Column::Version => (9, 0),
        Column::Comments => (12, 50),
        Column::Fqdn => (16, 40),
        Column::Os => (14, 30),
        Column::PrivateIp | Column::PublicIp => (16, 0),
        Column::Group | Column::Domain | Column::JumpPolicy | Column::Unknown => (15, 0),
    }
}

/// Which columns have to go last when there is too little room.
const fn weight(column: Column) -> u8 {
    match column {
        Column::Name => 4,
        Column::Status => 3,
        Column::Host => 2,
        Column::Tag => 1,
        _ => 0,
    }
}

/// The columns a rep has chosen, or the usual ones.
pub fn chosen(shown: &[ShownColumn]) -> Vec<ShownColumn> {
    if shown.is_empty() {
        return USUAL.map(|column| ShownColumn { column, width: None }).to_vec();
    }
    shown.to_vec()
}

/// A width that a column can have.
pub fn fitting(width: u16) -> u16 {
    width.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Puts columns beside each other in so many cells. Those for which there is no room give way: the
/// lighter ones first, and of these the last.
pub fn place(shown: &[ShownColumn], cells: u16) -> Vec<Placed> {
    let shown = chosen(shown);
    let room = cells.saturating_sub(MARGIN);
    let least =
        |one: &ShownColumn| one.width.map_or(wants(one.column, room).0, fitting).min(room.max(1));
    let mut order: Vec<usize> = (0..shown.len()).collect();
    order.sort_by_key(|n| std::cmp::Reverse(shown.get(*n).map_or(0, |one| weight(one.column))));
    let (mut used, mut kept) = (0, Vec::new());
    for number in order {
        let needed = shown.get(number).map_or(0, least);
        if used + needed <= room || kept.is_empty() {
            used += needed;
            kept.push(number);
        }
    }
    kept.sort_unstable();
    let kept: Vec<_> = kept.into_iter().filter_map(|n| shown.get(n)).collect();
    let share = |one: &ShownColumn| one.width.map_or(wants(one.column, room).1, |_| 0);
    let shares: u16 = kept.iter().map(|one| share(one)).sum();
    let spare = room.saturating_sub(used);
    let (mut x, mut given, mut placed) = (MARGIN, 0, Vec::new());
    let last = kept.iter().rposition(|one| share(one) > 0);
    for (number, one) in kept.iter().enumerate() {
        let more = match shares {
            0 => 0,
            // What cannot be divided goes to the last one.
            _ if Some(number) == last => spare - given,
            shares => u16::try_from(u32::from(spare) * u32::from(share(one)) / u32::from(shares))
                .unwrap_or(0),
        };
        given += more;
        let width = least(one) + more;
        placed.push(Placed { column: one.column, x, width });
        x += width;
    }
    placed
}

/// What is in a column, where that is a text of the item.
pub fn text(item: Item<'_>, column: Column) -> &str {
    match column {
        Column::Name => item.name(),
        Column::Host if item.hostname().is_empty() => match item.shortcut() {
            Some(shortcut) if !shortcut.url.is_empty() => &shortcut.url,
            _ => item.public_ip(),
        },
        Column::Host => item.hostname(),
        Column::Method => item.method().title(),
        Column::Tag => item.tag(),
        Column::Group => item.group(),
        Column::Comments => item.comments(),
        Column::User => item.console_user(),
        Column::Os => item.operating_system(),
        Column::PrivateIp => item.private_ip(),
        Column::PublicIp => item.public_ip(),
        Column::Fqdn => item.fqdn(),
        Column::Domain => item.domain(),
        Column::JumpPolicy => item.policy_name(),
        Column::Version => item.version(),
        Column::Status | Column::Since | Column::Unknown => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn widths(shown: &[ShownColumn], cells: u16) -> Vec<(Column, u16)> {
        place(shown, cells).iter().map(|one| (one.column, one.width)).collect()
    }

    #[test]
    fn where_there_is_little_room_the_light_columns_give_way() {
        let columns =
            |cells| -> Vec<Column> { place(&[], cells).iter().map(|one| one.column).collect() };
        assert_eq!(columns(38), [Column::Name, Column::Status]);
        assert_eq!(columns(55), [Column::Name, Column::Host, Column::Tag, Column::Status]);
        assert_eq!(columns(80), USUAL);
    }

    #[test]
    fn a_width_that_was_chosen_is_kept() {
        let shown = [(Column::Name, Some(30)), (Column::Host, None), (Column::Status, None)]
            .map(|(column, width)| ShownColumn { column, width });
        let widths = widths(&shown, 80);
        assert_eq!(widths, [(Column::Name, 30), (Column::Host, 33), (Column::Status, 14)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn columns_never_leave_the_list_and_never_overlap(
            cells in 0_u16..300,
            chosen in proptest::collection::vec(
                (proptest::sample::select(Column::ALL), proptest::option::of(0_u16..400)), 0..16),
        ) {
            let shown: Vec<_> =
                chosen.into_iter().map(|(column, width)| ShownColumn { column, width }).collect();
            let placed = place(&shown, cells);
            prop_assert!(!placed.is_empty());
            let mut x = MARGIN;
            for one in &placed {
                prop_assert_eq!(one.x, x);
                x += one.width;
            }
            prop_assert!(x <= cells.max(MARGIN + 1), "{} > {}", x, cells);
        }
    }
}
