//! Command filters: whether a command may be run (DOMAIN 6, `command_filter`).
//!
//! What is looked at is the command as a list of words, as the machine will run it: no shell comes
//! between, so nothing can be hidden in quotes or behind a semicolon.

use jumpdeck_protocol::argument::Argument;
use jumpdeck_protocol::session_policy::CommandFilter;

/// Whether a filter lets a command be run; if not, why.
///
/// # Errors
/// The pattern that keeps it out, or that none lets it in.
pub fn check_command(filter: &CommandFilter, words: &[Argument]) -> Result<(), String> {
    if let Some(pattern) = filter.deny.iter().find(|pattern| fits(pattern, words, denied_word)) {
        return Err(format!("the command filter denies \"{pattern}\""));
    }
    let mut allow = filter.allow.iter();
    if filter.allow.is_empty() || allow.any(|pattern| fits(pattern, words, allowed_word)) {
        return Ok(());
    }
    Err(format!("the command filter allows only {}", filter.allow.join(", ")))
}

/// Whether a command fits a pattern. A last word `*` stands for any number of words.
fn fits(pattern: &str, words: &[Argument], word: impl Fn(usize, &str, &[u8]) -> bool) -> bool {
    let pattern: Vec<_> = pattern.split_whitespace().collect();
    let (pattern, rest) = match pattern.split_last() {
        Some((&"*", before)) if !before.is_empty() => (before, true),
        Some((&"*", _)) => return true,
        _ => (pattern.as_slice(), false),
    };
    let enough = if rest { words.len() >= pattern.len() } else { words.len() == pattern.len() };
    let mut pairs = pattern.iter().zip(words).enumerate();
    enough && pairs.all(|(at, (pattern, one))| word(at, pattern, one.as_bytes()))
}

/// A program that is denied is denied wherever it is.
fn denied_word(at: usize, pattern: &str, word: &[u8]) -> bool {
    let pattern = pattern.as_bytes();
    word_fits(pattern, word) || (at == 0 && word_fits(bare(pattern), bare(word)))
}

/// A program's name, without its folder.
fn bare(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// A program that is allowed is the one the machine finds by that name, not one of the same name
/// elsewhere; and `*` does not lead up and out of a folder.
fn allowed_word(_at: usize, pattern: &str, word: &[u8]) -> bool {
    let climbs = word.split(|byte| *byte == b'/').any(|part| part == b"..");
    word_fits(pattern.as_bytes(), word) && (!climbs || pattern.as_bytes() == word)
}

/// Whether a word fits a pattern in which `*` stands for any bytes.
fn word_fits(pattern: &[u8], word: &[u8]) -> bool {
    let mut parts = pattern.split(|byte| *byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = word.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match after(rest, part) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What follows the first place of a part.
fn after<'w>(word: &'w [u8], part: &[u8]) -> Option<&'w [u8]> {
    if part.is_empty() {
        return Some(word);
    }
    let at = word.windows(part.len()).position(|window| window == part)?;
    word.get(at + part.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(allow: &[&str], deny: &[&str], command: &[&str]) -> bool {
        let own = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let filter = CommandFilter { allow: own(allow), deny: own(deny) };
        let command: Vec<_> = command.iter().map(|word| Argument::from(*word)).collect();
        check_command(&filter, &command).is_ok()
    }

    #[test]
    fn what_no_pattern_allows_is_not_run_and_what_one_denies_never_is() {
        assert!(runs(&[], &[], &["rm", "-rf", "/"]));
        assert!(runs(&["systemctl status *"], &[], &["systemctl", "status", "nginx"]));
        assert!(!runs(&["systemctl status *"], &[], &["/tmp/systemctl", "status"]));
        assert!(!runs(&["systemctl status *"], &[], &["systemctl", "stop", "nginx"]));
        assert!(!runs(&["systemctl status"], &[], &["systemctl", "status", "nginx"]));
        assert!(!runs(&["*"], &["rm *"], &["/bin/rm", "x"]));
        assert!(runs(&["*"], &["rm *"], &["ls"]));
        assert!(!runs(&[], &["/sbin/reboot *"], &["reboot"]));
        assert!(!runs(&[], &["/sbin/reboot *"], &["/usr/sbin/reboot", "-f"]));
        assert!(runs(&["cat /var/log/*.log"], &[], &["cat", "/var/log/a.log"]));
        assert!(!runs(&["cat /var/log/*.log"], &[], &["cat", "/etc/shadow"]));
        assert!(!runs(&["cat /var/log/*"], &[], &["cat", "/var/log/../../etc/shadow"]));
        assert!(!runs(&["ls"], &[], &["ls", ";", "rm"]));
        assert!(!runs(&["/bin/ls"], &[], &["/tmp/ls"]));
        let filter = CommandFilter { allow: vec!["cat *.log".into()], deny: vec![] };
        let command = [b"cat".to_vec(), b"\xe4.log".to_vec()].map(Argument::from);
        assert!(check_command(&filter, &command).is_ok(), "a name is bytes");
    }
}
