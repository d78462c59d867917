//! What is looked for in the history: `web rep:alice last tuesday command:"systemctl restart"`.
//!
//! Bare words are in the item's name, in the owner's name, or a tag. Times are those of the rep's own
//! clock; a week begins on Monday.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};
use jumpdeck_protocol::history::HistoryFilter;
use jumpdeck_protocol::{SessionId, Timestamp};

/// The fields that can be named.
pub const FIELDS: [&str; 6] = ["rep", "item", "group", "tag", "time", "command"];

/// A time: its beginning and its end, where it has any.
type Period = (Option<Timestamp>, Option<Timestamp>);

/// Reads what is looked for.
///
/// # Errors
/// What means nothing, and what would be right.
pub fn read(text: &str, now: &Zoned) -> Result<HistoryFilter, String> {
    let mut filter = HistoryFilter::default();
    let tokens = tokens(text);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        if let Some((field, value)) = token.split_once(':').filter(|(field, _)| is_word(field)) {
            take(&mut filter, field, value, now)?;
            continue;
        }
        if let Some(number) = token.strip_prefix('#').and_then(|number| number.parse().ok()) {
            filter.session = Some(SessionId(number));
            continue;
        }
        // “last tuesday” is two words.
        let two = tokens.get(at).map(|next| format!("{token} {next}"));
        if let Some(found) = two.as_deref().and_then(|two| bare(two, now)) {
            at += 1;
            set_time(&mut filter, found);
        } else if let Some(found) = bare(token, now) {
            set_time(&mut filter, found);
        } else if looks_like_a_date(token) {
            take(&mut filter, "time", token, now)?;
        } else {
            filter.words.push(token.as_str().into());
        }
    }
    Ok(filter)
}

/// Sets one field.
///
/// # Errors
/// What means nothing, and what would be right.
pub fn take(
    filter: &mut HistoryFilter,
    field: &str,
    value: &str,
    now: &Zoned,
) -> Result<(), String> {
    let word = || Some(value.into());
    let known = FIELDS.into_iter().find(|known| known.eq_ignore_ascii_case(field));
    let Some(known) = known else {
        return Err(format!("There is no field “{field}”. Fields: {}.", FIELDS.join(", ")));
    };
    // While it is being typed, it says nothing yet.
    if value.is_empty() {
        return Ok(());
    }
    match known {
        "rep" => filter.rep = word(),
        "item" => filter.item = word(),
        "group" => filter.group = word(),
        "tag" => filter.tag = word(),
        "command" => filter.command = word(),
        _ => {
            let found = time(value, now).ok_or_else(|| {
                format!(
                    "“{value}” is no time. Times look like today, last tuesday, last week, 7d, \
                     2026-11-20, 2026-11-20..2026-11-24 or 2026-11-20.."
                )
            })?;
            set_time(filter, found);
        }
    }
    Ok(())
}

const fn set_time(filter: &mut HistoryFilter, (since, until): Period) {
    (filter.since, filter.until) = (since, until);
}

/// `2026-11`, and what was meant to be a date.
fn looks_like_a_date(token: &str) -> bool {
    let plain = token.chars().all(|c| c.is_ascii_digit() || "-.:".contains(c));
    let (year, rest) = token.trim_start_matches('.').split_at_checked(4).unwrap_or_default();
    plain && rest.starts_with('-') && year.chars().all(|c| c.is_ascii_digit())
}

fn is_word(field: &str) -> bool {
    !field.is_empty() && field.chars().all(|c| c.is_ascii_alphabetic())
}

/// The words of a line. Quoted text is one word, or a part of one.
fn tokens(text: &str) -> Vec<String> {
    let (mut tokens, mut token, mut quoted, mut some) = (Vec::new(), String::new(), false, false);
    for character in text.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                some = true;
            }
            blank if blank.is_whitespace() && !quoted => {
                if some || !token.is_empty() {
                    tokens.push(std::mem::take(&mut token));
                }
                some = false;
            }
            other => token.push(other),
        }
    }
    if some || !token.is_empty() {
        tokens.push(token);
    }
    tokens
}

/// A time that needs no field: nothing that could be a machine's name.
fn bare(text: &str, now: &Zoned) -> Option<Period> {
    let lower = text.to_lowercase();
    let first = lower.split(' ').next().unwrap_or_default();
    let phrase = matches!(first, "today" | "yesterday") && !lower.contains(' ')
        || matches!(first, "last" | "this") && lower.contains(' ');
    let dated = lower.contains("..") || lower.parse::<Date>().is_ok();
    (phrase || dated).then(|| time(&lower, now)).flatten()
}

/// What a time means.
fn time(text: &str, now: &Zoned) -> Option<Period> {
    let lower = text.trim().to_lowercase();
    let zone = now.time_zone();
    if let Some((from, to)) = lower.split_once("..") {
        let begin = |text: &str| Some(begins_and_ends(text, now)?.0);
        let end = |text: &str| Some(begins_and_ends(text, now)?.1);
        let since = if from.is_empty() { None } else { Some(begin(from)?) };
        let until = if to.is_empty() { None } else { Some(end(to)?) };
        let (since, until) = (since.map(|at| stamp(at, zone)), until.map(|at| stamp(at, zone)));
        return (since.is_some() || until.is_some()).then_some((since, until));
    }
    if let Some(span) = span(&lower) {
        let since = now.checked_sub(span).ok()?;
        return Some((Some(Timestamp(since.timestamp().as_second())), None));
    }
    let (from, to) = begins_and_ends(&lower, now)?;
    Some((Some(stamp(from, zone)), Some(stamp(to, zone))))
}

/// `90m`, `12h`, `7d`, `2w`.
fn span(text: &str) -> Option<Span> {
    let unit = text.chars().next_back()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let count = (0..=100_000).contains(&count).then_some(count)?;
    match unit {
        'm' => Some(count.minutes()),
        'h' => Some(count.hours()),
        'd' => Some(count.days()),
        'w' => Some(count.weeks()),
        _ => None,
    }
}

/// Where a named time begins and where the next one does.
fn begins_and_ends(text: &str, now: &Zoned) -> Option<(DateTime, DateTime)> {
    let today = now.date();
    if let Ok(time) = text.replace(' ', "t").to_uppercase().parse::<DateTime>()
        && text.len() > 10
    {
        return Some((time, time));
    }
    if let Ok(date) = text.parse::<Date>() {
        return day(date);
    }
    if text.len() == 7
        && let Ok(month) = format!("{text}-01").parse::<Date>()
    {
        return Some(period(month, month.checked_add(1.month()).ok()?));
    }
    let (before, name) = text.split_once(' ').unwrap_or(("", text));
    let monday =
        today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    let first = today.first_of_month();
    match (before, name.trim()) {
        ("", "today") => day(today),
        ("", "yesterday") => day(today.yesterday().ok()?),
        ("this", "week") => Some(period(monday, monday.checked_add(1.week()).ok()?)),
        ("last", "week") => Some(period(monday.checked_sub(1.week()).ok()?, monday)),
        ("this", "month") => Some(period(first, first.checked_add(1.month()).ok()?)),
        ("last", "month") => Some(period(first.checked_sub(1.month()).ok()?, first)),
        ("" | "last", name) => day(today.nth_weekday(-1, weekday(name)?).ok()?),
        _ => None,
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    let all = [
        ("monday", Weekday::Monday),
        ("tuesday", Weekday::Tuesday),
        ("wednesday", Weekday::Wednesday),
        ("thursday", Weekday::Thursday),
        ("friday", Weekday::Friday),
        ("saturday", Weekday::Saturday),
        ("sunday", Weekday::Sunday),
    ];
    let short = |(known, _): &(&str, Weekday)| *known == name || known.get(..3) == Some(name);
    all.into_iter().find(short).map(|(_, day)| day)
}

fn day(date: Date) -> Option<(DateTime, DateTime)> {
    Some(period(date, date.tomorrow().ok()?))
}

fn period(from: Date, to: Date) -> (DateTime, DateTime) {
    let midnight = |date: Date| date.to_datetime(jiff::civil::Time::midnight());
    (midnight(from), midnight(to))
}

/// A moment by the rep's clock. One that the clock passes over is the next that it shows.
fn stamp(time: DateTime, zone: &TimeZone) -> Timestamp {
    let zoned = time.to_zoned(zone.clone());
    Timestamp(zoned.map_or(0, |zoned| zoned.timestamp().as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        // A Saturday.
        "2026-11-28T14:30[Europe/Berlin]".parse().unwrap()
    }

    /// What a time means, as the rep's clock shows it.
    fn meant(text: &str) -> String {
        let Ok(filter) = read(text, &now()) else { return "no time".to_owned() };
        let shown = |at: Option<Timestamp>| {
            at.map_or(String::new(), |at| {
                let at =
                    jiff::Timestamp::from_second(at.0).unwrap().to_zoned(now().time_zone().clone());
                at.strftime("%a %Y-%m-%d %H:%M").to_string()
            })
        };
        format!("{} .. {}", shown(filter.since), shown(filter.until))
    }

    #[test]
    fn times_are_read_as_people_say_them() {
        let tuesday = "Tue 2026-11-24 00:00 .. Wed 2026-11-25 00:00";
        for text in [
            "last tuesday",
            "Last Tuesday",
            "time:tuesday",
            "time:tue",
            "time:\"last tue\"",
            "2026-11-24",
        ] {
            assert_eq!(meant(text), tuesday, "{text}");
        }
        assert_eq!(meant("today"), "Sat 2026-11-28 00:00 .. Sun 2026-11-29 00:00");
        assert_eq!(meant("last saturday"), "Sat 2026-11-21 00:00 .. Sun 2026-11-22 00:00");
        assert_eq!(meant("last week"), "Mon 2026-11-16 00:00 .. Mon 2026-11-23 00:00");
        assert_eq!(meant("this month"), "Sun 2026-11-01 00:00 .. Tue 2026-12-01 00:00");
        assert_eq!(meant("time:2026-10"), "Thu 2026-10-01 00:00 .. Sun 2026-11-01 00:00");
        assert_eq!(meant("2026-11-20.."), "Fri 2026-11-20 00:00 .. ");
        assert_eq!(meant("2026-11-20..2026-11-21"), "Fri 2026-11-20 00:00 .. Sun 2026-11-22 00:00");
        assert_eq!(meant("..yesterday"), " .. Sat 2026-11-28 00:00");
        assert_eq!(meant("time:90m"), "Sat 2026-11-28 13:00 .. ");
        assert_eq!(
            meant("time:\"2026-11-20 14:00..2026-11-20 15:00\""),
            "Fri 2026-11-20 14:00 .. Fri 2026-11-20 15:00"
        );
        assert_eq!(meant("2026-10"), meant("time:2026-10"));
        for text in ["time:soon", "time:..", "time:2026-13-01", "2026-13-45..", "2026-13-45"] {
            assert_eq!(meant(text), "no time", "{text}");
        }
    }

    #[test]
    fn what_is_no_time_and_no_field_is_a_word() {
        let text = "web #12 rep:alice COMMAND:\"rm -rf\" last monday 7d \"last call\" tag:";
        let filter = read(text, &now()).unwrap();
        let words: Vec<_> = filter.words.iter().map(|word| &**word).collect();
        assert_eq!(words, ["web", "7d", "last call"], "a machine may be called 7d");
        assert_eq!(filter.session, Some(SessionId(12)));
        assert_eq!(filter.rep.as_deref(), Some("alice"));
        assert_eq!(filter.command.as_deref(), Some("rm -rf"));
        assert_eq!(filter.tag, None);
        assert!(filter.since.is_some());
        assert!(read("color:red", &now()).unwrap_err().contains("“color”"));
    }
}
