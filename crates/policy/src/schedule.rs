//! Schedules: the times of a week at which a Jump Policy lets anybody in (DOMAIN 5).

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp as Instant};
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::PolicyState;
use serde::{Deserialize, Serialize};

/// The times of a week at which anybody is let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// The time zone's name, as in `Europe/Berlin`.
    pub timezone: String,
    /// The times.
    pub entries: Vec<WeeklyEntry>,
    /// Nobody may override it (`force end`).
    pub strict: bool,
}

/// A time of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeOfWeek {
    /// 0 is Monday.
    pub day: u8,
    /// Minutes after midnight, by the wall clock.
    pub minute: u16,
}

/// From one time of the week to another, over midnight or the week's end if need be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeeklyEntry {
    /// From then on.
    pub start: TimeOfWeek,
    /// Until then. The same time again is a whole week.
    pub end: TimeOfWeek,
}

impl Schedule {
    /// When it lets anybody in and whether that can be overridden, in words.
    pub fn in_words(&self) -> String {
        let times = written(&self.entries).join(", ").replace('-', "–");
        let times = if times.is_empty() { "never".to_owned() } else { times };
        format!("{times}, {}", if self.strict { "strict" } else { "can be overridden" })
    }

    /// Whether its time zone is known; else it lets nobody in.
    pub fn knows_its_zone(&self) -> bool {
        zone(&self.timezone).is_some()
    }

    /// Whether it lets anybody in; nothing if the zone is not known or the moment is beyond the
    /// calendar.
    ///
    /// What counts is the clock on the wall there: it is open while that shows a time inside an
    /// entry. A time that the clock leaves out is never; one that it shows twice is twice.
    pub fn state(&self, now: Timestamp) -> Option<PolicyState> {
        let zone = zone(&self.timezone)?;
        let now = Instant::from_second(now.0).ok()?;
        let open = self.is_open(&zone, now);
        let changes = self.may_change(&zone, now);
        let next = changes.into_iter().find(|then| self.is_open(&zone, *then) != open);
        let next = next.map(|then| Timestamp(then.as_second()));
        Some(if open {
            PolicyState::Open { until: next }
        } else {
            PolicyState::Closed { opens: next }
        })
    }

    fn is_open(&self, zone: &TimeZone, at: Instant) -> bool {
        let wall = zone.to_datetime(at);
        let day = wall.weekday().to_monday_zero_offset();
        let minute = i32::from(wall.hour()) * 60 + i32::from(wall.minute());
        let at = i32::from(day) * DAY + minute;
        self.entries.iter().any(|entry| entry.holds(at))
    }

    /// The moments after this one at which it may open or close, for a good three weeks, in their
    /// order.
    fn may_change(&self, zone: &TimeZone, now: Instant) -> Vec<Instant> {
        let Ok(end) = now.checked_add(Span::new().hours(24 * 23)) else {
            return Vec::new();
        };
        // Where the clocks are put forward or back.
        let mut moments: Vec<Instant> = zone
            .following(now)
            .map(|transition| transition.timestamp())
            .take_while(|then| *then <= end)
            .collect();
        let today = zone.to_datetime(now).date();
        let bounds: Vec<_> = self.entries.iter().flat_map(|e| [e.start, e.end]).collect();
        for date in (-1..24).filter_map(|after| today.checked_add(Span::new().days(after)).ok()) {
            let day = date.weekday().to_monday_zero_offset();
            let of_day = bounds.iter().filter(|time| i32::from(time.day) == i32::from(day));
            for wall in of_day.filter_map(|time| time.on(date)) {
                let (one, other) = match zone.to_ambiguous_timestamp(wall).offset() {
                    AmbiguousOffset::Unambiguous { offset } => (offset, offset),
                    AmbiguousOffset::Gap { before, after }
                    | AmbiguousOffset::Fold { before, after } => (before, after),
                };
                moments.extend([one, other].iter().filter_map(|o| o.to_timestamp(wall).ok()));
            }
        }
        moments.retain(|then| *then > now);
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

/// A time zone by its name: the system's, else the one that this program brings along.
pub fn zone(name: &str) -> Option<TimeZone> {
    TimeZone::get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok()
}

/// Minutes of a day.
const DAY: i32 = 1440;

impl WeeklyEntry {
    /// Whether a minute of the week is inside.
    fn holds(self, minute: i32) -> bool {
        let (start, end) = (self.start.minute_of_week(), self.end.minute_of_week());
        if start < end {
            (start..end).contains(&minute)
        } else {
            // Over the week's end; the same time again is a whole week.
            minute >= start || minute < end
        }
    }
}

impl TimeOfWeek {
    fn minute_of_week(self) -> i32 {
        (i32::from(self.day) * DAY + i32::from(self.minute)) % (7 * DAY)
    }

    /// The clock's time on a day.
    fn on(self, date: Date) -> Option<DateTime> {
        let (hour, minute) = (self.minute / 60, self.minute % 60);
        let (date, hour) = if hour >= 24 { (date.tomorrow().ok()?, 0) } else { (date, hour) };
        let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
        Some(date.to_datetime(time))
    }
}

/// The days of the week as they are written.
pub const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Writes times: days in a row with the same hours as one line.
pub fn written(entries: &[WeeklyEntry]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = entries;
    while let Some((first, after)) = rest.split_first() {
        let same = |(at, entry): &(usize, &WeeklyEntry)| follows(*first, *at + 1, **entry);
        let run = after.iter().enumerate().take_while(same).count();
        let last = after.get(..run).and_then(<[_]>::last).unwrap_or(first);
        lines.push(line(*first, *last));
        rest = after.get(run..).unwrap_or_default();
    }
    lines
}

/// Whether an entry has the hours of the first one, so many days later.
fn follows(first: WeeklyEntry, days: usize, entry: WeeklyEntry) -> bool {
    let later = |time: TimeOfWeek| {
        let day = u8::try_from((usize::from(time.day) + days) % 7).unwrap_or_default();
        TimeOfWeek { day, ..time }
    };
    days < 7
        && entry == WeeklyEntry { start: later(first.start), end: later(first.end) }
        && is_short(first)
}

/// Whether an entry is on one day, or ends on the next one before it began.
fn is_short(entry: WeeklyEntry) -> bool {
    let (start, end) = (entry.start, entry.end);
    (start.day == end.day && end.minute > start.minute)
        || (end.day == (start.day + 1) % 7 && end.minute <= start.minute)
}

fn line(first: WeeklyEntry, last: WeeklyEntry) -> String {
    let name = |day: u8| DAYS.get(usize::from(day)).copied().unwrap_or("?");
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let (start, end) = (first.start, first.end);
    if !is_short(first) {
        let (from, to) = (clock(start.minute), clock(end.minute));
        return format!("{} {from} - {} {to}", name(start.day), name(end.day));
    }
    let over = start.day != end.day && end.minute == 0;
    let hours = format!("{}-{}", clock(start.minute), clock(if over { 1440 } else { end.minute }));
    if first == last {
        format!("{} {hours}", name(start.day))
    } else {
        format!("{}-{} {hours}", name(start.day), name(last.start.day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JumpPolicy;
    use jumpdeck_protocol::JumpPolicyId;

    fn weekdays(timezone: &str) -> JumpPolicy {
        let nine_to_five = |day| WeeklyEntry {
            start: TimeOfWeek { day, minute: 9 * 60 },
            end: TimeOfWeek { day, minute: 17 * 60 },
        };
        policy(timezone, (0..5).map(nine_to_five).collect())
    }

    fn policy(timezone: &str, entries: Vec<WeeklyEntry>) -> JumpPolicy {
        JumpPolicy {
            id: JumpPolicyId(1),
            display_name: "Weekdays".into(),
            code_name: "weekdays".into(),
            schedule: Some(Schedule { timezone: timezone.into(), entries, strict: false }),
            ..JumpPolicy::default()
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<Instant>().unwrap().as_second())
    }

    #[test]
    fn a_schedule_is_open_in_its_times_and_says_when_it_changes() {
        let policy = weekdays("Europe/Berlin");
        let state = |text| policy.state(at(text));
        let until = Some(at("2026-03-02T16:00:00Z"));
        assert_eq!(state("2026-03-02T08:00:00Z"), PolicyState::Open { until });
        let opens = Some(at("2026-03-03T08:00:00Z"));
        assert_eq!(state("2026-03-02T16:00:00Z"), PolicyState::Closed { opens });
        let monday = Some(at("2026-03-09T08:00:00Z"));
        assert_eq!(state("2026-03-07T12:00:00Z"), PolicyState::Closed { opens: monday });
    }

    #[test]
    fn the_wall_clock_counts_when_summer_time_begins() {
        // On 29 March 2026 clocks in Berlin go from 2:00 to 3:00.
        let policy = weekdays("Europe/Berlin");
        let opens = Some(at("2026-03-30T07:00:00Z"));
        let state = policy.state(at("2026-03-28T12:00:00Z"));
        assert_eq!(state, PolicyState::Closed { opens });
    }

    #[test]
    fn a_time_may_go_over_midnight_and_the_weeks_end() {
        let night = WeeklyEntry {
            start: TimeOfWeek { day: 6, minute: 22 * 60 },
            end: TimeOfWeek { day: 0, minute: 6 * 60 },
        };
        let policy = policy("UTC", vec![night]);
        let until = Some(at("2026-03-02T06:00:00Z"));
        assert_eq!(policy.state(at("2026-03-01T23:00:00Z")), PolicyState::Open { until });
        assert_eq!(policy.state(at("2026-03-02T05:59:59Z")), PolicyState::Open { until });
        let opens = Some(at("2026-03-08T22:00:00Z"));
        assert_eq!(policy.state(at("2026-03-02T06:00:00Z")), PolicyState::Closed { opens });
    }

    #[test]
    fn a_whole_week_never_closes_and_no_entry_never_opens() {
        let time = TimeOfWeek { day: 2, minute: 0 };
        let always = policy("UTC", vec![WeeklyEntry { start: time, end: time }]);
        assert_eq!(always.state(at("2026-03-02T06:00:00Z")), PolicyState::Open { until: None });
        let never = policy("UTC", Vec::new());
        assert_eq!(never.state(at("2026-03-02T06:00:00Z")), PolicyState::Closed { opens: None });
        let nowhere = weekdays("Middle/Earth");
        assert_eq!(nowhere.state(at("2026-03-02T06:00:00Z")), PolicyState::Closed { opens: None });
    }
}
