//! How wide text is, and how it is cut. The only place that knows.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `columns` columns; what is cut off is marked by `…`.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = width(grapheme);
        if used + wide + 1 > columns {
            break;
        }
        out.push_str(grapheme);
        used += wide;
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The end of a text: as much as fits into `columns` columns, one less if something is cut off.
pub fn end(text: &str, columns: usize) -> &str {
    if width(text) <= columns {
        return text;
    }
    let (mut start, mut used) = (text.len(), 1);
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += width(grapheme);
        if used > columns {
            break;
        }
        start = at;
    }
    text.get(start..).unwrap_or_default()
}

/// The text in exactly `columns` columns, to the left.
pub fn left(text: &str, columns: usize) -> String {
    let fitted = fit(text, columns);
    let blank = columns.saturating_sub(width(&fitted));
    fitted + &" ".repeat(blank)
}

/// The text in exactly `columns` columns, to the right.
pub fn right(text: &str, columns: usize) -> String {
    let fitted = fit(text, columns);
    " ".repeat(columns.saturating_sub(width(&fitted))) + &fitted
}

/// The text in lines of at most `columns` columns, broken between words where that can be.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let gap = usize::from(!line.is_empty());
        if width(&line) + gap + width(word) > columns && !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        let mut rest = word;
        while width(&line) + width(rest) > columns && columns > 1 {
            let head: String = fit_whole(rest, columns - width(&line));
            if head.is_empty() {
                break;
            }
            rest = rest.get(head.len()..).unwrap_or_default();
            line.push_str(&head);
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(rest);
    }
    lines.push(line);
    lines
}

/// As much of a text as there is room for, without a mark.
fn fit_whole(text: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |grapheme: &&str| {
        used += width(grapheme);
        used <= columns
    };
    text.graphemes(true).take_while(fits).collect()
}

/// A number with its thousands apart.
pub fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span of time, with its two largest units.
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A number of bytes, in the unit that suits.
#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        unit = next;
        if value < 1024.0 {
            break;
        }
        if next != "TiB" {
            value /= 1024.0;
        }
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

/// Shares between 0 and 100 as a row of bars.
pub fn sparkline(shares: impl Iterator<Item = f32>) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let bar = |share: f32| {
        let threshold = BARS.iter().zip(1_u8..).find(|(_, n)| share < f32::from(*n) * 12.5);
        threshold.map_or('█', |(bar, _)| *bar)
    };
    shares.map(bar).collect()
}

/// A share as a filled bar of `columns`.
pub fn gauge(part: u64, whole: u64, columns: u64) -> String {
    let filled = (part.saturating_mul(columns) + whole / 2).checked_div(whole).unwrap_or(0);
    let filled = filled.min(columns);
    let repeat = |text: &str, count| text.repeat(usize::try_from(count).unwrap_or(0));
    repeat("█", filled) + &repeat("░", columns - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_are_counted_as_they_are_shown() {
        assert_eq!(width("東京"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(fit("東京都庁", 5), "東京…");
        assert_eq!(left("日本", 5), "日本 ");
        assert_eq!(right("ab", 4), "  ab");
        assert_eq!(fit("abc", 0), "");
    }

    #[test]
    fn the_end_of_a_text_is_cut_from_the_left() {
        assert_eq!(end("short", 5), "short");
        assert_eq!(end("status:online", 8), ":online");
        assert_eq!(end("東京都庁", 5), "都庁");
        assert_eq!(end("abc", 0), "");
    }

    #[test]
    fn figures_read_well() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(
            (span(59), span(3700), span(90_000)),
            ("59 s".into(), "1 h 1 min".into(), "1 d 1 h".into())
        );
        assert_eq!(
            (bytes(512), bytes(1536), bytes(25_769_803_776)),
            ("512 B".into(), "1.5 KiB".into(), "24.0 GiB".into())
        );
        assert_eq!(sparkline([0.0, 50.0, 100.0].into_iter()), "▁▅█");
        assert_eq!(gauge(81, 100, 10), "████████░░");
        assert_eq!(gauge(1, 0, 4), "░░░░");
    }
}
