//! The key and command reference is made from the command table; this keeps it true.

use crate::support::{Home, text};
use jumpdeck_console::core::command::Command;
use jumpdeck_console::core::keymap::{Context, Keymap};
use jumpdeck_terminal::key::chord;
use std::fmt::Write;
use std::path::Path;

#[test]
fn the_key_reference_is_what_the_keymap_says() {
    let keymap = Keymap::built_in();
    let mut text =
        "# Keys\n\nThe default keys, made from the command table (`tests/e2e/reference.rs`; \
                    write it again with `JUMPDECK_BLESS=1 cargo test --test e2e reference`). \
                    `keymap.toml` in the configuration directory overrides single ones.\n"
            .to_owned();
    for context in Context::ALL {
        let mut rows: Vec<_> = keymap.of(context).collect();
        rows.sort_by_key(|(keys, command)| (*command, keys.len()));
        write!(text, "\n## {}\n\n| key | command | |\n|---|---|---|\n", context.title()).unwrap();
        for (keys, command) in rows {
            let (keys, spec) = (chord(keys), command.spec());
            writeln!(text, "| `{keys}` | `{}` | {} |", spec.name, spec.doc).unwrap();
        }
    }
    text.push_str(
        "\nIn a session all keys go to the remote side, except the prefix `Ctrl-]` (`prefix` in \
         `config.toml`); the prefix twice sends it.\n",
    );
    compare("docs/keys.md", &text);
}

#[test]
fn the_command_reference_is_what_the_table_says() {
    let keymap = Keymap::built_in();
    let mut text =
        "# Commands\n\nEvery command of the console, as the palette (`:`) finds it. Made \
                    from the command table, like `docs/keys.md`.\n\n| command | what it does | \
                    where | keys |\n|---|---|---|---|\n"
            .to_owned();
    for command in Command::all() {
        let spec = command.spec();
        let keys: Vec<_> =
            keymap.keys_of(command).iter().map(|k| format!("`{}`", chord(k))).collect();
        let danger = if spec.dangerous { " Asks first." } else { "" };
        let (name, doc, place) = (spec.name, spec.doc, spec.context.title());
        writeln!(text, "| `{name}` | {doc}{danger} | {place} | {} |", keys.join(" ")).unwrap();
    }
    compare("docs/commands.md", &text);
}

#[test]
fn the_verb_reference_is_what_the_help_says() {
    compare("docs/verbs.md", &jumpdeck::verbs::help::reference());
}

#[test]
fn the_commands_of_the_readme_can_be_pasted() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (_, section) = readme.split_once("\n## From the shell\n").unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let home = Home::online();
    let output = home.shell(block).output().unwrap();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}{errors}");
    assert!(out.contains("load average"), "exec: {out}");
    assert!(out.contains("start sessions"), "explain: {out}");
}

fn compare(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("JUMPDECK_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == text, "{} is not what the command table says", path.display());
}
