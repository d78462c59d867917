//! From what was typed to a [`Query`], or to what is wrong with it and where.

use super::{Compare, Field, Measure, Query, statuses};
use std::ops::Range;
use thiserror::Error;

/// Something in a query that means nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{what}")]
pub struct QueryError {
    /// Where it stands, in bytes.
    pub place: Range<usize>,
    /// What is wrong, and what would be right.
    pub what: String,
}

/// Parentheses in parentheses, at most.
const DEEPEST: usize = 32;

/// Reads a query.
pub(super) fn query(text: &str) -> Result<Query, QueryError> {
    let mut reader = QueryReader { text, at: 0, depth: 0, gap: None };
    let query = reader.any()?;
    Ok(query.unwrap_or_default())
}

/// Reads a query that is not being typed any more.
pub(super) fn whole(text: &str) -> Result<Query, QueryError> {
    let mut reader = QueryReader { text, at: 0, depth: 0, gap: None };
    let query = reader.any()?;
    match (reader.gap, query) {
        (Some(gap), _) => Err(gap),
        (None, Some(query)) => Ok(query),
        (None, None) => {
            let what = "An empty query finds everything.".to_owned();
            Err(QueryError { place: 0..text.len(), what })
        }
    }
}

struct QueryReader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// What is missing first, were it finished.
    gap: Option<QueryError>,
}

impl<'t> QueryReader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Here something is missing, which counts once the query is finished.
    fn misses(&mut self, start: usize, what: impl FnOnce() -> String) {
        if self.gap.is_none() {
            self.gap = Some(QueryError { place: start..self.at, what: what() });
        }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Parts with *or* between them.
    fn any(&mut self) -> Result<Option<Query>, QueryError> {
        let (mut parts, mut after_or) = (Vec::new(), false);
        loop {
            let (start, part) = (self.at, self.all()?);
            let (is_missing, goes_on) = (part.is_none(), self.take_or());
            if is_missing && (goes_on || !parts.is_empty() || after_or) {
                self.misses(start, || "On one side of “or” stands nothing.".to_owned());
            }
            parts.extend(part);
            after_or = goes_on;
            if !goes_on {
                break;
            }
        }
        Ok(one_or(parts, Query::Any))
    }

    /// Parts beside each other.
    fn all(&mut self) -> Result<Option<Query>, QueryError> {
        let mut parts = Vec::new();
        loop {
            self.skip_blanks();
            let closes = self.depth > 0 && self.rest().starts_with(')');
            if self.rest().is_empty() || closes || self.is_or() {
                return Ok(one_or(parts, Query::All));
            }
            parts.extend(self.unit()?);
        }
    }

    fn is_or(&self) -> bool {
        let word = self.rest().split(|c: char| c.is_whitespace() || c == ')').next();
        word.is_some_and(|word| word.eq_ignore_ascii_case("or"))
    }

    fn take_or(&mut self) -> bool {
        let is = self.is_or();
        self.at += if is { 2 } else { 0 };
        is
    }

    fn unit(&mut self) -> Result<Option<Query>, QueryError> {
        let rest = self.rest();
        if rest.starts_with('-') {
            self.at += 1;
            let next = self.rest().chars().next();
            if next.is_none_or(|c| c.is_whitespace() || c == ')') {
                self.misses(self.at - 1, || "After “-” stands nothing.".to_owned());
                return Ok(None);
            }
            self.deeper()?;
            let not = self.unit()?;
            self.depth_back();
            return Ok(not.map(|not| Query::Not(Box::new(not))));
        }
        if rest.starts_with('(') {
            let start = self.at;
            self.at += 1;
            self.deeper()?;
            let inside = self.any()?;
            self.depth_back();
            if self.rest().starts_with(')') {
                self.at += 1;
            } else {
                self.misses(start, || "A parenthesis is not closed.".to_owned());
            }
            if inside.is_none() {
                self.misses(start, || "Between parentheses stands nothing.".to_owned());
            }
            return Ok(inside);
        }
        self.term()
    }

    fn deeper(&mut self) -> Result<(), QueryError> {
        self.depth += 1;
        let what = format!("More than {DEEPEST} parentheses are too many.");
        (self.depth <= DEEPEST).then_some(()).ok_or(QueryError { place: self.at..self.at, what })
    }

    const fn depth_back(&mut self) {
        self.depth -= 1;
    }

    fn term(&mut self) -> Result<Option<Query>, QueryError> {
        let start = self.at;
        if self.rest().starts_with('"') {
            let words = self.quoted();
            if words.is_empty() {
                self.misses(start, || "Between quotes stands nothing.".to_owned());
            }
            return Ok(text(None, words));
        }
        let head_length = self.rest().find(|c: char| c.is_whitespace() || ":<>\")".contains(c));
        let head = self.rest().get(..head_length.unwrap_or(self.rest().len())).unwrap_or_default();
        let mark = self.rest().get(head.len()..).and_then(|rest| rest.chars().next());
        match mark {
            // What is no word before its colon is no field: an address and a port, say.
            Some(':') if !head.is_empty() && head.chars().all(|c| c.is_ascii_alphabetic()) => {
                self.at += head.len() + 1;
                let value = self.value();
                self.needs(&value, head, ':', start);
                self.field(head, value, start)
            }
            Some(mark @ ('<' | '>')) if head.eq_ignore_ascii_case("seen") => {
                self.at += head.len() + 1;
                let compare = if mark == '<' { Compare::Less } else { Compare::More };
                let value = self.value();
                self.needs(&value, head, mark, start);
                self.seen(compare, &value, start)
            }
            Some(mark @ ('<' | '>')) if measure(head).is_some() => {
                self.at += head.len() + 1;
                let compare = if mark == '<' { Compare::Less } else { Compare::More };
                let value = self.value();
                self.needs(&value, head, mark, start);
                self.figure(measure(head).unwrap_or(Measure::Cpu), compare, &value, start)
            }
            _ => Ok(text(None, self.word())),
        }
    }

    /// What follows a field must be something.
    fn needs(&mut self, value: &str, head: &str, mark: char, start: usize) {
        if value.is_empty() {
            self.misses(start, || format!("After “{head}{mark}” stands nothing."));
        }
    }

    fn figure(
        &self,
        measure: Measure,
        compare: Compare,
        value: &str,
        start: usize,
    ) -> Result<Option<Query>, QueryError> {
        if value.is_empty() {
            return Ok(None);
        }
        let percent: Option<u8> = value.trim_end_matches('%').parse().ok();
        match percent.filter(|percent| *percent <= 100) {
            Some(percent) => Ok(Some(Query::Figure(measure, compare, percent))),
            None => {
                let word = measure.word();
                let what = format!("A figure is a share from 0 to 100: {word}>80.");
                Err(QueryError { place: start..self.at, what })
            }
        }
    }

    fn field(&self, head: &str, value: String, start: usize) -> Result<Option<Query>, QueryError> {
        if head.eq_ignore_ascii_case("status") {
            if value.is_empty() || statuses(&value).next().is_some() {
                return Ok((!value.is_empty()).then_some(Query::Status(value)));
            }
            let known: Vec<_> =
                statuses("").map(jumpdeck_protocol::inventory::Status::word).collect();
            // Those that are meant most come last there.
            let known: Vec<_> = known.into_iter().rev().collect();
            let what = format!("No status begins with “{value}”: {}.", known.join(", "));
            return Err(QueryError { place: start..self.at, what });
        }
        let known = Field::ALL.iter().find(|(word, _)| word.eq_ignore_ascii_case(head));
        match known {
            Some((_, field)) => Ok(text(Some(*field), value)),
            None => {
                let words: Vec<_> = Field::ALL.iter().map(|(word, _)| *word).collect();
                let what = format!(
                    "There is no field “{head}”: {}, status; seen<7d, cpu>80, disk>90. Quotes \
                     search for it as it stands.",
                    words.join(", ")
                );
                Err(QueryError { place: start..start + head.len(), what })
            }
        }
    }

    fn seen(
        &self,
        compare: Compare,
        value: &str,
        start: usize,
    ) -> Result<Option<Query>, QueryError> {
        if value.is_empty() {
            return Ok(None);
        }
        match seconds(value) {
            Some(seconds) => Ok(Some(Query::Seen(compare, seconds))),
            None => {
                let what = "A time is a number and m, h, d or w: seen<7d.".to_owned();
                Err(QueryError { place: start..self.at, what })
            }
        }
    }

    /// What follows a colon or a comparison.
    fn value(&mut self) -> String {
        if self.rest().starts_with('"') { self.quoted() } else { self.word() }
    }

    /// Up to the next blank, or to the parenthesis that closes an open one.
    fn word(&mut self) -> String {
        let ends = |c: char| c.is_whitespace() || (self.depth > 0 && c == ')');
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        let word = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at += length;
        word
    }

    /// Up to the closing quote, or to the end.
    fn quoted(&mut self) -> String {
        let mut text = String::new();
        let mut escaped = false;
        for (at, character) in self.rest().char_indices().skip(1) {
            match character {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.at += at + 1;
                    return text;
                }
                other => {
                    escaped = false;
                    text.push(other);
                }
            }
        }
        let start = self.at;
        self.at = self.text.len();
        self.misses(start, || "A quote is not closed.".to_owned());
        text
    }
}

fn measure(word: &str) -> Option<Measure> {
    let all = [Measure::Cpu, Measure::Disk];
    all.into_iter().find(|measure| measure.word().eq_ignore_ascii_case(word))
}

fn text(field: Option<Field>, text: String) -> Option<Query> {
    (!text.is_empty()).then_some(Query::Text(field, text))
}

/// Nothing of none, the one of one, all of several.
fn one_or(mut parts: Vec<Query>, several: impl Fn(Vec<Query>) -> Query) -> Option<Query> {
    match parts.len() {
        0 | 1 => parts.pop(),
        _ => Some(several(parts)),
    }
}

const UNITS: [(char, u64); 4] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60)];

fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let (_, factor) = UNITS.iter().find(|(known, _)| *known == unit.to_ascii_lowercase())?;
    text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*factor)
}

/// A time as it is typed: in the largest unit that it is a whole number of.
pub(super) fn span(seconds: u64) -> String {
    let whole = UNITS.iter().find(|(_, factor)| seconds > 0 && seconds.is_multiple_of(*factor));
    let (unit, factor) = whole.copied().unwrap_or(('m', 60));
    format!("{}{unit}", seconds / factor)
}
