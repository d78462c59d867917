//! The times of a schedule as they are written: `Mon-Fri 08:00-17:00`, `Fri 17:00 - Mon 08:00`.

use jumpdeck_policy::{DAYS, TimeOfWeek, WeeklyEntry};

/// What times look like.
const FORM: &str = "times look like `Mon-Fri 08:00-17:00` or `Fri 17:00 - Mon 08:00`";

/// Reads one line: the same hours on some days, or from one time of the week to another.
pub(super) fn read(line: &str) -> Result<Vec<WeeklyEntry>, &'static str> {
    if let Some((from, to)) = line.split_once(" - ") {
        let entry = WeeklyEntry { start: time(from)?, end: time(to)? };
        return Ok(vec![entry]);
    }
    let (days, hours) = line.trim().split_once(' ').ok_or(FORM)?;
    let (from, to) = hours.trim().split_once('-').ok_or(FORM)?;
    let (from, to) = (minute(from)?, minute(to)?);
    let (first, last) = match days.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(days)?, day(days)?),
    };
    let count = (last + 7 - first) % 7 + 1;
    let entry = |after: u8| {
        let day = (first + after) % 7;
        // Until midnight, and over it, ends on the next day.
        let (end, minute) = match to {
            1440 => ((day + 1) % 7, 0),
            to if to <= from => ((day + 1) % 7, to),
            to => (day, to),
        };
        let end = TimeOfWeek { day: end, minute };
        WeeklyEntry { start: TimeOfWeek { day, minute: from }, end }
    };
    Ok((0..count).map(entry).collect())
}

fn time(text: &str) -> Result<TimeOfWeek, &'static str> {
    let (day_name, hour) = text.trim().split_once(' ').ok_or(FORM)?;
    let (day, minute) = (day(day_name)?, minute(hour)?);
    let next = minute == 1440;
    let day = if next { (day + 1) % 7 } else { day };
    Ok(TimeOfWeek { day, minute: if next { 0 } else { minute } })
}

fn day(text: &str) -> Result<u8, &'static str> {
    let at = DAYS.iter().position(|day| day.eq_ignore_ascii_case(text.trim()));
    at.and_then(|at| u8::try_from(at).ok()).ok_or("days are Mon, Tue, Wed, Thu, Fri, Sat and Sun")
}

fn minute(text: &str) -> Result<u16, &'static str> {
    let (hour, minute) = text.trim().split_once(':').ok_or(FORM)?;
    let digits = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let minutes =
        digits(hour).ok_or(FORM)? * 60 + digits(minute).filter(|m| *m < 60).ok_or(FORM)?;
    if minutes <= 1440 { Ok(minutes) } else { Err("hours are 00:00 to 24:00") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_policy::written;
    use proptest::prelude::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(read("Mon-Fri 08:00-17:00").unwrap().len(), 5);
        let over_the_weekend = read("Sat-Mon 09:00-10:00").unwrap();
        assert_eq!(
            over_the_weekend.iter().map(|entry| entry.start.day).collect::<Vec<_>>(),
            [5, 6, 0]
        );
        let night = read("Sun 22:00-06:00").unwrap();
        assert_eq!((night[0].end.day, night[0].end.minute), (0, 360));
        let whole = read("Tue 00:00-24:00").unwrap();
        assert_eq!((whole[0].end.day, whole[0].end.minute), (2, 0));
        assert_eq!(read("fri 17:00 - mon 08:00").unwrap().len(), 1);
        for wrong in
            ["", "Mon", "Mon 8-17", "Foo 08:00-17:00", "Mon 08:00-24:01", "Mon 08:60-09:00"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            entries in prop::collection::vec((0..7_u8, 0..1440_u16, 0..7_u8, 0..1440_u16), 0..12)
        ) {
            let entry = |(day, minute, end, until)| WeeklyEntry {
                start: TimeOfWeek { day, minute },
                end: TimeOfWeek { day: end, minute: until },
            };
            let entries: Vec<_> = entries.into_iter().map(entry).collect();
            let again: Vec<_> = written(&entries).iter().flat_map(|line| read(line).unwrap()).collect();
            prop_assert_eq!(again, entries);
        }

        #[test]
        fn reading_anything_does_not_panic(line in ".{0,40}") {
            let _ = read(&line);
        }
    }
}
