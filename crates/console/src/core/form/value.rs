//! Between what a property holds and what a rep reads and types.

use super::{FieldEntry, Row};
use crate::core::Console;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::item::{FieldValue, ItemField};

/// A moment, as it is shown and typed.
pub fn time_text(time: Timestamp, zone: &TimeZone) -> String {
    let instant = jiff::Timestamp::from_second(time.0).unwrap_or_default();
    instant.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// What a value is called.
pub fn value_text(console: &Console, value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.to_string(),
        FieldValue::Place(place) => {
            let places = console.inventory().places();
            let known = places.iter().find(|known| known.place == *place);
            known.map_or("—", |known| known.name).to_owned()
        }
        FieldValue::JumpPolicy(None) => "none".to_owned(),
        FieldValue::JumpPolicy(Some(policy)) => {
            let policy = console.policy(*policy).map_or("—".into(), |policy| policy.name.clone());
            jumpdeck_protocol::text::clean(&policy).into_owned()
        }
        FieldValue::Portal(None) => "default".to_owned(),
        FieldValue::Portal(Some(portal)) => named(&console.list.known.choices.portals, portal),
        FieldValue::SessionPolicy(None) => "none".to_owned(),
        FieldValue::SessionPolicy(Some(policy)) => {
            named(&console.list.known.choices.session_policies, policy)
        }
        FieldValue::Time(None) => NEVER.to_owned(),
        FieldValue::Time(Some(time)) => time_text(*time, console.zone()),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Flag(true) => "yes".to_owned(),
        FieldValue::Flag(false) => "no".to_owned(),
    }
}

/// The name of one of these.
fn named<T: PartialEq>(all: &[(T, Box<str>)], one: &T) -> String {
    let name = all.iter().find(|(known, _)| known == one).map_or("—", |(_, name)| name);
    jumpdeck_protocol::text::clean(name).into_owned()
}

/// No moment, in words.
pub(super) const NEVER: &str = "never";

/// What a row's field shall hold.
pub(super) fn value(row: &Row, now: Timestamp, zone: &TimeZone) -> Result<FieldValue, String> {
    let input = match &row.entry {
        FieldEntry::Choice { options, at } => {
            let chosen = at.and_then(|at| options.get(at)).map(|(value, _)| value.clone());
            return chosen.ok_or_else(|| "nothing is chosen".to_owned());
        }
        FieldEntry::Text(input) => input.text().trim(),
    };
    match row.field {
        ItemField::Port | ItemField::KeepAlive | ItemField::MaxOfflineMinutes => {
            input.parse().map(FieldValue::Number).map_err(|_| "a whole number is needed".to_owned())
        }
        ItemField::Expires => time(input, now, zone).map(FieldValue::Time),
        _ => Ok(FieldValue::Text(input.into())),
    }
}

/// Seconds from now that a moment can lie ahead: a hundred years.
const FAR: u64 = 100 * 365 * 86_400;

/// A moment that is typed: never, a date, a date and a time, or how long from now.
fn time(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Option<Timestamp>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case(NEVER) {
        return Ok(None);
    }
    let wrong = || "never, 2027-01-31, 2027-01-31 18:00, or +30m, +12h, +7d, +4w".to_owned();
    if let Some(after) = text.strip_prefix('+') {
        let unit = after.chars().last().ok_or_else(wrong)?;
        let seconds = match unit.to_ascii_lowercase() {
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(wrong()),
        };
        let count: u64 = after.strip_suffix(unit).and_then(|n| n.parse().ok()).ok_or_else(wrong)?;
        let after = count.checked_mul(seconds).filter(|after| *after <= FAR).ok_or_else(wrong)?;
        return Ok(Some(now.plus(after)));
    }
    let whole = if text.contains([' ', 'T']) { text.to_owned() } else { format!("{text} 00:00") };
    let civil: DateTime = whole.parse().map_err(|_| wrong())?;
    let zoned = civil.to_zoned(zone.clone()).map_err(|_| wrong())?;
    Ok(Some(Timestamp(zoned.timestamp().as_second())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_type_them() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let read = |text| time(text, Timestamp(1_000_000), &berlin);
        assert_eq!(read("never"), Ok(None));
        assert_eq!(read("+2d"), Ok(Some(Timestamp(1_172_800))));
        let moment = read("2027-01-31 18:00").unwrap().unwrap();
        assert_eq!(time_text(moment, &berlin), "2027-01-31 18:00");
        assert_eq!(time_text(moment, &TimeZone::UTC), "2027-01-31 17:00");
        assert_eq!(time_text(read("2027-07-01").unwrap().unwrap(), &berlin), "2027-07-01 00:00");
        for text in [
            "soon",
            "+",
            "+7",
            "+99999999999999999999d",
            "2027-02-30",
            "+18446744073709551615w",
            "+999999999d",
        ] {
            assert!(read(text).unwrap_err().starts_with("never, 2027-01-31"), "{text}");
        }
    }
}
