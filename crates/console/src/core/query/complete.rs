//! What may come next in a query that is being typed.

use super::{Field, statuses};
use jumpdeck_protocol::inventory::Status;

/// Where the values of fields come from.
pub trait Values {
    /// The values of a field that are worth offering, in any order.
    fn of(&self, field: Field) -> Vec<String>;
}

/// What is to be added to a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// What replaces the end of what was typed, from this byte on.
    pub from: usize,
    /// The text there.
    pub text: String,
    /// What it could become, if that is not certain.
    pub choices: Vec<String>,
}

/// Completes the last term of what was typed; nothing if there is nothing to offer.
pub fn complete(typed: &str, values: &impl Values) -> Option<Completion> {
    let from = start_of_term(typed);
    let term = typed.get(from..)?;
    let (head, beginning) = match term.split_once(':') {
        Some((head, value)) => (Some(head), value.trim_start_matches('"')),
        None => (None, term),
    };
    let mut choices = choices(head, values)?;
    let lower = beginning.to_lowercase();
    choices.retain(|choice| choice.to_lowercase().starts_with(&lower));
    choices.sort_unstable();
    choices.dedup();
    let common = common_beginning(&choices)?;
    // What was typed stays as it was, unless it leads further.
    let value = if common.chars().count() > beginning.chars().count() { common } else { beginning };
    let is_certain = choices.len() == 1;
    let text = match head {
        None => value.to_owned(),
        Some(head) => format!("{head}:{}", in_quotes(value, is_certain)),
    };
    let choices = if is_certain { Vec::new() } else { choices };
    Some(Completion { from, text, choices })
}

/// Where the last term begins: after a blank that no quote holds, a parenthesis or a minus.
fn start_of_term(typed: &str) -> usize {
    let (mut start, mut quoted) = (0, false);
    for (at, character) in typed.char_indices() {
        quoted ^= character == '"';
        let ends = character.is_whitespace() || character == '(';
        let negates = character == '-' && at == start;
        if !quoted && (ends || negates) {
            start = at + character.len_utf8();
        }
    }
    start
}

fn choices(head: Option<&str>, values: &impl Values) -> Option<Vec<String>> {
    let Some(head) = head else {
        let fields = Field::ALL.iter().map(|(word, _)| format!("{word}:"));
        return Some(
            fields
                .chain(["status:", "seen<", "seen>", "cpu>", "disk>"].map(str::to_owned))
                .collect(),
        );
    };
    if head.eq_ignore_ascii_case("status") {
        return Some(statuses("").map(Status::word).map(str::to_owned).collect());
    }
    let field = Field::ALL.iter().find(|(word, _)| word.eq_ignore_ascii_case(head))?;
    Some(values.of(field.1))
}

/// A value with a blank needs quotes; the closing one once it is certain.
fn in_quotes(value: &str, is_certain: bool) -> String {
    match (value.contains(char::is_whitespace), is_certain) {
        (false, false) => value.to_owned(),
        (false, true) => format!("{value} "),
        (true, false) => format!("\"{value}"),
        (true, true) => format!("\"{value}\" "),
    }
}

/// What all of them begin with.
pub fn common_beginning(choices: &[String]) -> Option<&str> {
    let (first, rest) = choices.split_first()?;
    let is_shared = |length: usize| {
        let part = first.get(..length);
        part.is_some_and(|part| rest.iter().all(|other| other.starts_with(part)))
    };
    let length = (0..=first.len()).rev().find(|length| is_shared(*length))?;
    first.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct KnownValues;

    impl Values for KnownValues {
        fn of(&self, field: Field) -> Vec<String> {
            let values: &[&str] = match field {
                Field::Tag => &["office", "edge", "日本"],
                Field::Group => &["Web Servers", "Web Shops", "Lab"],
                _ => &[],
            };
            values.iter().map(|value| (*value).to_owned()).collect()
        }
    }

    fn completed(typed: &str) -> (String, Vec<String>) {
        let done = complete(typed, &KnownValues)
            .unwrap_or_else(|| Completion { from: typed.len(), ..Completion::default() });
        (format!("{}{}", &typed[..done.from], done.text), done.choices)
    }

    #[test]
    fn a_beginning_that_leads_to_one_thing_is_completed_and_others_are_offered() {
        assert_eq!(completed("web sta"), ("web status:".into(), vec![]));
        assert_eq!(completed("tag:o"), ("tag:office ".into(), vec![]));
        assert_eq!(completed("-tag:日"), ("-tag:日本 ".into(), vec![]));
        assert_eq!(completed("(group:l"), ("(group:Lab ".into(), vec![]));
        let both = vec!["Web Servers".to_owned(), "Web Shops".to_owned()];
        assert_eq!(completed("group:w"), ("group:\"Web S".into(), both.clone()));
        assert_eq!(completed("group:\"web s"), ("group:\"web s".into(), both));
        assert_eq!(completed("group:\"Web Se"), ("group:\"Web Servers\" ".into(), vec![]));
        assert_eq!(completed("status:on"), ("status:online ".into(), vec![]));
        assert_eq!(completed("see").1, ["seen<", "seen>"]);
    }

    #[test]
    fn what_leads_nowhere_stays_as_it_is() {
        for typed in ["tag:x", "nonsense:o", "name:web", "zzz"] {
            assert_eq!(completed(typed), (typed.to_owned(), vec![]), "{typed}");
        }
        assert!(completed("").1.len() > 10, "everything is offered for nothing");
    }
}
