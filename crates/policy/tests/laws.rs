//! Laws: whatever the values, they hold.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::pedantic, reason = "a test")]

use jiff::Timestamp as Instant;
use jiff::tz::TimeZone;
use jumpdeck_policy::{
    Decision, JumpPolicy, Say, Schedule, Setting, Source, Step, TimeOfWeek, Verdict, WeeklyEntry,
    given, granted,
};
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::inventory::PolicyState;
use jumpdeck_protocol::session_policy::{
    Access, Granted, Layer, Paths, Rules, ScreenSharing, SessionPermission,
};
use proptest::prelude::*;

fn setting() -> impl Strategy<Value = Setting<u8>> {
    prop_oneof![
        Just(Setting::NotDefined),
        any::<u8>().prop_map(Setting::Defined),
        any::<u8>().prop_map(Setting::Final),
    ]
}

/// What counts, as one would work it out with a pencil: the first final one; else the last defined
/// one; else one's own.
fn with_a_pencil(own: u8, policies: &[Setting<u8>]) -> u8 {
    let of = |wanted_final: bool| {
        policies.iter().filter_map(move |setting| match setting {
            Setting::Final(value) => Some(*value),
            Setting::Defined(value) if !wanted_final => Some(*value),
            _ => None,
        })
    };
    of(true).next().or_else(|| of(false).next_back()).unwrap_or(own)
}

fn rules() -> impl Strategy<Value = Rules> {
    let access = || prop::option::of(prop_oneof![Just(Access::Allow), Just(Access::Deny)]);
    let screen = prop_oneof![
        Just(ScreenSharing::Deny),
        Just(ScreenSharing::ViewOnly),
        Just(ScreenSharing::ViewAndControl)
    ];
    let paths = prop_oneof![Just(Paths::Any), Just(Paths::List(vec!["/var".into()]))];
    (prop::option::of(screen), access(), access(), access(), prop::option::of(paths)).prop_map(
        |(screen_sharing, command_shell, chat, recording, file_paths_customer)| Rules {
            screen_sharing,
            command_shell,
            chat,
            recording,
            file_paths_customer,
            ..Rules::default()
        },
    )
}

proptest! {
    #[test]
    fn final_beats_later_and_later_beats_earlier(
        own in any::<u8>(), policies in prop::collection::vec(setting(), 0..8)
    ) {
        let named = policies.iter().enumerate();
        let given = given(&own, named.map(|(at, s)| (Source::Policy(at.to_string().into()), s)));
        prop_assert_eq!(given.value, with_a_pencil(own, &policies));
        // Anyone who is named said so.
        match given.by {
            Source::User => prop_assert!(policies.iter().all(|s| *s == Setting::NotDefined)),
            Source::Policy(at) => {
                let said = &policies[at.parse::<usize>().unwrap()];
                let says = [Setting::Defined(given.value), Setting::Final(given.value)];
                prop_assert!(says.contains(said));
            }
        }
    }

    #[test]
    fn of_any_stack_the_first_layer_that_defines_a_permission_decides(
        stack in prop::collection::vec(rules(), 0..5)
    ) {
        let say = |rules| Say { layer: Layer::JumpItem, policy: "p", rules };
        let granted = granted(&stack.iter().map(say).collect::<Vec<_>>());
        for permission in SessionPermission::ALL {
            let first = stack.iter().find_map(|rules| rules.says(*permission));
            let expected = first.unwrap_or_else(|| Granted::default().says(*permission));
            prop_assert_eq!(granted.says(*permission), expected);
        }
    }

    #[test]
    fn steps_replayed_give_the_verdict(
        wants in prop::collection::vec(prop::option::of(any::<bool>()), 0..6)
    ) {
        let step = |wants: &Option<bool>| match wants {
            None => Step::leads("a slot", "names the role"),
            Some(true) => Step::allows("a role", "has it"),
            Some(false) => Step::denies("a policy", "is closed"),
        };
        let whole = Decision::of(wants.iter().map(step).collect());
        let mut replayed = Decision::of(Vec::new());
        for step in whole.because.clone() {
            replayed = replayed.and(step);
        }
        prop_assert_eq!(&replayed, &whole);
        let allowed = wants.contains(&Some(true)) && !wants.contains(&Some(false));
        prop_assert_eq!(whole.verdict == Verdict::Allow, allowed);
    }
}

/// Zones whose clocks are put forward and back at different times, by different amounts.
const ZONES: [&str; 5] = [
    "Europe/Berlin",
    "America/New_York",
    // By half an hour.
    "Australia/Lord_Howe",
    // At midnight, so that a day begins at one o'clock.
    "America/Santiago",
    // On other days of the year than its neighbours.
    "Africa/Casablanca",
];

fn entry() -> impl Strategy<Value = WeeklyEntry> {
    let time = || (0..7_u8, 0..1440_u16).prop_map(|(day, minute)| TimeOfWeek { day, minute });
    // PartialLogin of them are about the hours at which clocks change.
    let early =
        || (5..8_u8, 0..300_u16).prop_map(|(day, minute)| TimeOfWeek { day: day % 7, minute });
    let either = move || prop_oneof![time(), early()];
    (either(), either()).prop_map(|(start, end)| WeeklyEntry { start, end })
}

fn policy(zone: &str, entries: Vec<WeeklyEntry>) -> JumpPolicy {
    let schedule = Schedule { timezone: zone.into(), entries, strict: false };
    JumpPolicy { schedule: Some(schedule), ..JumpPolicy::default() }
}

/// Whether the clock on the wall shows a time inside an entry, minute of the week by minute.
fn on_the_wall(zone: &TimeZone, entries: &[WeeklyEntry], at: i64) -> bool {
    let wall = zone.to_datetime(Instant::from_second(at).unwrap());
    let day = wall.weekday().to_monday_zero_offset() as u32;
    let now = day * 1440 + wall.hour() as u32 * 60 + wall.minute() as u32;
    entries.iter().any(|entry| {
        let of = |time: TimeOfWeek| u32::from(time.day) * 1440 + u32::from(time.minute);
        let (mut at, end) = (of(entry.start), of(entry.end));
        // Walks from the start to the end as the hands of the clock do.
        loop {
            if at == now {
                return true;
            }
            at = (at + 1) % (7 * 1440);
            if at == end {
                return false;
            }
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_schedule_is_what_the_clock_on_the_wall_shows_minute_by_minute(
        zone in 0..ZONES.len(),
        entries in prop::collection::vec(entry(), 0..4),
        // From 2020, a leap year, on; many begin shortly before clocks change.
        day in 0..3000_i64,
        near in any::<bool>(),
        minutes in 60..600_i64,
    ) {
        let name = ZONES[zone];
        let zone = TimeZone::get(name).unwrap();
        let mut start = 1_577_836_800 + day * 86_400;
        if near
            && let Some(change) = zone.following(Instant::from_second(start).unwrap()).next()
        {
            start = change.timestamp().as_second() - 3 * 3600;
        }
        let policy = policy(name, entries.clone());
        // The minutes are walked through one by one; what was foretold must come to pass.
        let mut foretold: Option<i64> = None;
        let mut before = None;
        for minute in 0..minutes {
            let at = start + minute * 60;
            let wall = on_the_wall(&zone, &entries, at);
            let (open, next) = match policy.state(Timestamp(at)) {
                PolicyState::Open { until } => (true, until),
                PolicyState::Closed { opens } => (false, opens),
                PolicyState::Always => unreachable!("it has a schedule"),
            };
            prop_assert_eq!(open, wall, "{} at {}", name, at);
            if before.is_some_and(|before| before != open) {
                prop_assert_eq!(foretold, Some(at), "{} changes as was foretold", name);
            } else if let Some(then) = foretold {
                prop_assert!(then > at || before.is_none(), "{} did not change at {}", name, then);
            }
            foretold = next.map(|next| next.0);
            before = Some(open);
        }
    }
}

#[test]
fn on_a_leap_day_the_days_of_the_week_go_on() {
    // 29 February 2028 is a Tuesday.
    let tuesday = WeeklyEntry {
        start: TimeOfWeek { day: 1, minute: 540 },
        end: TimeOfWeek { day: 1, minute: 600 },
    };
    let policy = policy("UTC", vec![tuesday]);
    let at = |text: &str| Timestamp(text.parse::<Instant>().unwrap().as_second());
    let open = PolicyState::Open { until: Some(at("2028-02-29T10:00:00Z")) };
    assert_eq!(policy.state(at("2028-02-29T09:30:00Z")), open);
    let opens = Some(at("2028-03-07T09:00:00Z"));
    assert_eq!(policy.state(at("2028-03-01T09:30:00Z")), PolicyState::Closed { opens });
}
