//! Secrets in command lines are masked before anything keeps them (DOMAIN 10).

use jumpdeck_protocol::argument::Argument;

/// What follows one of these is a secret.
pub(crate) const FLAGS: [&str; 9] = [
    "-p",
    "-k",
    "-cp",
    "--key",
    "--api-key",
    "--password",
    "--certpassword",
    "--install-arguments-sensitive",
    "--package-parameters-sensitive",
];
/// A variable whose name holds one of these holds a secret.
const NAMES: [&str; 5] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY"];
/// What is in a secret's place; it tells nothing of its length.
const MASK: &str = "********";

/// A command line without its secrets.
pub(crate) fn mask(line: &str) -> String {
    mask_at(line, 0)
}

/// How deep a command line is looked for in another; what is deeper is not shown at all.
const DEPTH: u32 = 8;

fn mask_at(line: &str, depth: u32) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut secret = false;
    for word in words(line) {
        if word.trim().is_empty() {
            masked.push_str(word);
            continue;
        }
        let plain: String = word.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
        let is_flag = FLAGS.contains(&plain.as_str());
        if secret {
            masked.push_str(MASK);
            // Two flags one after the other: whichever has the value, it is not shown.
            secret = is_flag;
            continue;
        }
        match plain.split_once('=') {
            Some((name, _)) if FLAGS.contains(&name) || is_secret_variable(name) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
            }
            _ => masked.push_str(&inside(word, depth)),
        }
        secret = is_flag;
    }
    masked
}

/// A word with its quotes, and what they hold masked: it may be a command line of its own.
fn inside(word: &str, depth: u32) -> String {
    let Some(open) = word.find(['\'', '"']) else {
        return word.to_owned();
    };
    let (before, rest) = word.split_at(open);
    let quote = rest.chars().next().unwrap_or('\'');
    let inner = rest.strip_prefix(quote).unwrap_or(rest);
    let (inner, after) = match inner.rfind(quote) {
        Some(close) => inner.split_at(close),
        None => (inner, ""),
    };
    if inner.contains(char::is_whitespace) && depth >= DEPTH {
        format!("{before}{quote}{MASK}{after}")
    } else if inner.contains(char::is_whitespace) {
        format!("{before}{quote}{}{after}", mask_at(inner, depth + 1))
    } else {
        word.to_owned()
    }
}

/// The arguments of a program as one line, without their secrets.
pub fn masked_line(arguments: &[Argument]) -> String {
    let simple = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    let quoted = |argument: &String| match argument {
        plain if !plain.is_empty() && plain.chars().all(simple) => plain.clone(),
        other => format!("'{}'", other.replace('\'', "'\\''")),
    };
    // An argument may be a command line of its own.
    let masked = |argument: &String| {
        let is_line = argument.contains(char::is_whitespace);
        if is_line { mask(argument) } else { argument.clone() }
    };
    let arguments: Vec<_> = arguments.iter().map(Argument::shown).collect();
    let arguments: Vec<_> = arguments.iter().map(masked).collect();
    mask(&arguments.iter().map(quoted).collect::<Vec<_>>().join(" "))
}

fn is_secret_variable(name: &str) -> bool {
    let name = name.trim_start_matches('-').to_ascii_uppercase().replace('-', "_");
    NAMES.iter().any(|secret| name.contains(secret))
}

/// The words of a line and the blanks between them, one after the other. Quotes hold a word
/// together; one that is not closed goes to the line's end.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut from, mut quote, mut escaped, mut blank) = (0, None, false, true);
    for (at, character) in line.char_indices() {
        let separates = quote.is_none() && !escaped && character.is_whitespace();
        if separates != blank && at > from {
            words.push(line.get(from..at).unwrap_or_default());
            from = at;
        }
        blank = separates;
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    words.push(line.get(from..).unwrap_or_default());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_after_its_flag_or_its_equals_sign_is_masked() {
        for (line, expected) in [
            ("mysql -p geheim db", "mysql -p ******** db"),
            ("x --password=geheim y", "x --password=******** y"),
            ("x --api-key 'two words' y", "x --api-key ******** y"),
            ("x --key=\"two words\" y", "x --key=******** y"),
            ("x '--password' geheim", "x '--password' ********"),
            ("x --password two\\ words y", "x --password ******** y"),
            ("x --password 'never closed", "x --password ********"),
            ("x -k --key geheim", "x -k ******** ********"),
            ("DB_PASSWORD=geheim ./run", "DB_PASSWORD=******** ./run"),
            ("x --client-secret=geheim", "--client-secret=********"),
            ("sh -c 'mysql --password geheim'", "sh -c 'mysql --password ********'"),
            ("sh -c \"x -p geheim; y\"", "sh -c \"x -p ******** y\""),
            ("ls -la  /tmp", "ls -la  /tmp"),
            ("echo 東京", "echo 東京"),
            ("", ""),
        ] {
            assert!(mask(line).ends_with(expected), "{line:?} became {:?}", mask(line));
        }
    }

    #[test]
    fn arguments_are_quoted_and_masked() {
        let arguments = ["curl", "--key", "my secret", "it's"].map(Argument::from);
        assert_eq!(masked_line(&arguments), "curl --key ******** 'it'\\''s'");
    }

    #[test]
    fn quotes_within_quotes_without_end_do_not_take_the_stack() {
        let deep = "\"\\ ".repeat(170_000);
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        small.spawn(move || assert!(mask(&deep).contains(MASK))).unwrap().join().unwrap();
    }
}
