//! The help of the command line: verbs in groups, and an example for each. Completions, manual pages and
//! `docs/verbs.md` come from the same.

use super::Cli;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

/// The verbs by what they are for.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Find and connect", &["ls", "show", "jump", "exec", "tunnel", "ssh-config", "wake"]),
    (
        "Sessions",
        &["sessions", "attach", "end", "log", "history", "play", "recordings", "session-key"],
    ),
    ("Your account", &["login", "logout", "passwd", "second-factor", "ssh-key"]),
    ("Rights", &["explain", "simulate", "admin", "user", "team", "api-account", "audit"]),
    ("Machines", &["installer", "removed", "take-back"]),
    ("This program", &["serve", "stop", "demo", "plain", "integrate", "completions", "man"]),
];

/// An example for each verb.
const EXAMPLES: &[(&str, &str)] = &[
    ("ls", "jumpdeck ls tag:web status:online"),
    ("show", "jumpdeck show web-01"),
    ("jump", "jumpdeck jump web-01"),
    ("exec", "jumpdeck exec --query tag:web -- uptime"),
    ("tunnel", "ssh -o ProxyCommand='jumpdeck tunnel web-01 22' root@web-01"),
    ("ssh-config", "jumpdeck ssh-config tag:web >> ~/.ssh/config"),
    ("wake", "jumpdeck wake --query tag:office"),
    ("sessions", "jumpdeck sessions --json"),
    ("attach", "jumpdeck attach 47"),
    ("end", "jumpdeck end 47"),
    ("log", "jumpdeck log 47"),
    ("history", "jumpdeck history last tuesday web"),
    ("play", "jumpdeck play 47"),
    ("recordings", "jumpdeck recordings ls"),
    ("session-key", "jumpdeck session-key"),
    ("login", "jumpdeck --connect https://support.example.com:8443 login"),
    ("logout", "jumpdeck --connect https://support.example.com:8443 logout"),
    ("passwd", "jumpdeck --connect https://support.example.com:8443 passwd"),
    ("second-factor", "jumpdeck second-factor set"),
    ("ssh-key", "jumpdeck ssh-key add < ~/.ssh/id_ed25519.pub"),
    ("explain", "jumpdeck explain web-01 --user bob"),
    ("simulate", "jumpdeck simulate web-01 --user bob"),
    ("admin", "jumpdeck admin export > config.toml"),
    ("user", "jumpdeck user add bob"),
    ("team", "jumpdeck team ls"),
    ("api-account", "jumpdeck api-account ls"),
    ("audit", "jumpdeck audit verify"),
    ("installer", "jumpdeck installer ls"),
    ("removed", "jumpdeck removed"),
    ("take-back", "jumpdeck take-back web-01"),
    ("serve", "jumpdeck serve --listen 0.0.0.0:8443"),
    ("stop", "jumpdeck stop"),
    ("demo", "jumpdeck demo"),
    ("plain", "jumpdeck plain"),
    ("integrate", "jumpdeck integrate"),
    (
        "completions",
        "jumpdeck completions bash > ~/.local/share/bash-completion/completions/jumpdeck",
    ),
    ("man", "jumpdeck man ~/.local/share/man/man1"),
];

/// The heading of what every verb takes.
pub(crate) const GLOBAL: &str = "Global options";

/// The command line, with its help.
pub fn command() -> Command {
    let command = Cli::command();
    let header = *command.get_styles().get_header();
    let verb = *command.get_styles().get_literal();
    let mut list = String::new();
    for (title, verbs) in GROUPS {
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{header}{title}:{header:#}");
        for name in verbs {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let blank = " ".repeat(15_usize.saturating_sub(name.len()));
            let _ = writeln!(list, "  {verb}{name}{verb:#}{blank}{about}");
        }
        list.push('\n');
    }
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{list}{header}Options:{header:#}\n{{options}}\n\n\
         `jumpdeck help VERB` has the options of a verb and an example."
    );
    let command = command.help_template(template).subcommand_value_name("VERB");
    EXAMPLES.iter().fold(command, |command, (verb, example)| {
        let example = format!("{header}Example:{header:#}\n  {example}");
        command.mut_subcommand(verb, |verb| verb.after_help(example))
    })
}

/// All verbs with their options, as a page of the documents.
pub fn reference() -> String {
    let mut page = "# Verbs\n\nThe verbs of the command line, as `jumpdeck help VERB` shows them, \
        without the global options, which `jumpdeck -h` lists.\n"
        .to_owned();
    let mut command = command().disable_help_subcommand(true);
    command.build();
    for (title, verbs) in GROUPS {
        let _ = write!(page, "\n## {title}\n");
        for name in verbs {
            if let Some(verb) = command.find_subcommand(name) {
                section(&mut page, verb, 3);
            }
        }
    }
    page
}

fn section(page: &mut String, verb: &Command, level: usize) {
    // They are the same everywhere.
    let own = |arg: Arg| match arg.get_help_heading() {
        Some(GLOBAL) => arg.hide(true),
        _ => arg,
    };
    let mut verb = verb.clone().mut_args(own);
    let name = verb.get_bin_name().unwrap_or_default().to_owned();
    let help = verb.render_help().to_string();
    let _ = write!(page, "\n{} `{name}`\n\n```\n{}\n```\n", "#".repeat(level), help.trim_end());
    for verb in verb.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        section(page, verb, level + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_verb_is_in_one_group_and_has_an_example() {
        let command = Cli::command();
        let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
        let verbs: BTreeSet<_> = shown.map(Command::get_name).collect();
        let grouped: Vec<_> = GROUPS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        assert_eq!(grouped.iter().copied().collect::<BTreeSet<_>>(), verbs);
        assert_eq!(grouped.len(), verbs.len(), "one group each");
        assert_eq!(EXAMPLES.iter().map(|(verb, _)| *verb).collect::<BTreeSet<_>>(), verbs);
    }

    #[test]
    fn every_example_is_a_command_line_that_can_be_read() {
        for (_, example) in EXAMPLES {
            let line = example
                .rsplit_once("ProxyCommand='")
                .map_or(*example, |(_, line)| line.split_once('\'').map_or(line, |(line, _)| line));
            let line = line.split(['<', '>']).next().unwrap();
            let words = shlex::split(line).unwrap();
            let read = command().try_get_matches_from(words);
            assert!(read.is_ok(), "{example}: {}", read.unwrap_err());
        }
    }
}
