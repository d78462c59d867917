//! Jump Policies: when an item may be jumped to (DOMAIN 5).

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp as Instant, ToSpan};
use jumpdeck_protocol::inventory::{JumpPolicyView, PolicyState};
use jumpdeck_protocol::{JumpPolicyId, Timestamp};
use serde::{Deserialize, Serialize};

/// A Jump Policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JumpPolicy {
    /// Its id.
    pub id: JumpPolicyId,
    /// Its name for people.
    pub display_name: String,
    /// Its name for files and programs, `[A-Za-z0-9_-]{1,64}`.
    pub code_name: String,
    /// What it is for.
    pub description: String,
    /// When it lets anybody in; nothing for always.
    pub schedule: Option<Schedule>,
    /// Sessions are not recorded.
    #[serde(default)]
    pub no_recordings: bool,
    /// What becomes of a second rep; nothing for the global setting.
    #[serde(default)]
    pub simultaneous_jumps: Option<SimultaneousJumps>,
}

/// What becomes of a rep who jumps to an item that another rep is in a session with (DOMAIN 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SimultaneousJumps {
    /// Each has a session of their own.
    #[default]
    NewSession,
    /// The second joins the first one's session.
    Join,
    /// The second is turned away.
    Disallow,
}

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

impl JumpPolicy {
    /// Whether it lets anybody in at a moment. What cannot be reckoned is closed.
    pub fn state(&self, now: Timestamp) -> PolicyState {
        let Some(schedule) = &self.schedule else {
            return PolicyState::Always;
        };
        schedule.state(now).unwrap_or(PolicyState::Closed { opens: None })
    }

    /// As a rep sees it.
    pub fn view(&self, now: Timestamp) -> JumpPolicyView {
        JumpPolicyView {
            id: self.id,
            name: self.display_name.as_str().into(),
            strict: self.schedule.as_ref().is_some_and(|schedule| schedule.strict),
            state: self.state(now),
        }
    }
}

impl Schedule {
    /// The state; nothing if the zone is not known or the moment is beyond the calendar.
    fn state(&self, now: Timestamp) -> Option<PolicyState> {
        let zone = TimeZone::get(&self.timezone).ok()?;
        let now = Instant::from_second(now.0).ok()?;
        let times = self.times(&zone, now);
        let around = times.iter().find(|(start, end)| *start <= now && now < *end);
        Some(match around {
            Some((start, end)) if is_for_ever(*start, *end) => PolicyState::Open { until: None },
            Some((_, end)) => PolicyState::Open { until: Some(moment(*end)) },
            None => {
                let next = times.iter().map(|(start, _)| *start).find(|start| *start > now);
                PolicyState::Closed { opens: next.map(moment) }
            }
        })
    }

    /// When it is open, from the week before to three weeks after, without gaps or overlaps.
    fn times(&self, zone: &TimeZone, now: Instant) -> Vec<(Instant, Instant)> {
        let today = now.to_zoned(zone.clone()).date();
        let monday = -Span::new().days(i64::from(today.weekday().to_monday_zero_offset()));
        let Ok(monday) = today.checked_add(monday) else {
            return Vec::new();
        };
        let weeks = (-1..=3).filter_map(|week| monday.checked_add(week.weeks()).ok());
        let mut times: Vec<_> = weeks
            .flat_map(|monday| self.entries.iter().filter_map(move |e| e.in_week(zone, monday)))
            .collect();
        times.sort_unstable();
        let mut joined: Vec<(Instant, Instant)> = Vec::new();
        for (start, end) in times {
            match joined.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => joined.push((start, end)),
            }
        }
        joined
    }
}

/// What is open from a week before to three weeks after is always open.
fn is_for_ever(start: Instant, end: Instant) -> bool {
    end.as_second() - start.as_second() > 4 * 7 * 86_400
}

fn moment(instant: Instant) -> Timestamp {
    Timestamp(instant.as_second())
}

impl WeeklyEntry {
    /// The time from its start in the week that begins on this Monday.
    fn in_week(self, zone: &TimeZone, monday: Date) -> Option<(Instant, Instant)> {
        let start = self.start.after(zone, monday)?;
        let wraps = (self.end.day, self.end.minute) <= (self.start.day, self.start.minute);
        let week = if wraps { monday.checked_add(1.week()).ok()? } else { monday };
        let end = self.end.after(zone, week)?;
        (start < end).then_some((start, end))
    }
}

impl TimeOfWeek {
    /// The moment in the week that begins on this Monday. A time that a clock leaves out is the
    /// moment after the gap; one that it shows twice is the first.
    fn after(self, zone: &TimeZone, monday: Date) -> Option<Instant> {
        let date = monday.checked_add(i64::from(self.day).days()).ok()?;
        let (hour, minute) = (self.minute / 60, self.minute % 60);
        let (date, hour) = if hour >= 24 { (date.tomorrow().ok()?, 0) } else { (date, hour) };
        let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
        let zoned = zone.to_ambiguous_zoned(date.to_datetime(time)).compatible().ok()?;
        Some(zoned.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            description: String::new(),
            schedule: Some(Schedule { timezone: timezone.into(), entries, strict: false }),
            no_recordings: false,
            simultaneous_jumps: None,
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
