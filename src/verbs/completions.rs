//! `jumpdeck completions` and `jumpdeck man`: what shells and manuals want, from the same words
//! as the help.

use super::{help, output};
use anyhow::Context;
use clap::Args;
use clap_complete::Shell;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args, Debug)]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        output::print(|out| {
            let mut words = Vec::new();
            clap_complete::generate(self.shell, &mut help::command(), "jumpdeck", &mut words);
            out.write_all(&words)
        })
    }
}

#[derive(Args, Debug)]
pub(super) struct Manual {
    /// The directory to write the pages to, e.g. ~/.local/share/man/man1.
    dir: PathBuf,
}

/// The exit statuses, as a section of a page.
const STATUS: &str = r#".SH "EXIT STATUS"
.TP
\fB0\fR
It is done.
.TP
\fB1\fR
It is not done; the reason is on the standard error.
.TP
\fB2\fR
The command line is wrong.
"#;
/// The same of the verbs that pass on how a program on the machine ended.
const REMOTE_STATUS: &str = r#".SH "EXIT STATUS"
That of the program on the machine, 128 and the signal's number if a signal ended it, or 255 if jumpdeck itself
failed; the reason is on the standard error then.
"#;
/// The files that everything uses.
const FILES: &str = r".SH FILES
.TP
\fI~/.config/jumpdeck/config.toml\fR
Theme, keymap, prefix, mouse, prediction.
.TP
\fI~/.config/jumpdeck/keymap.toml\fR
Single keys.
.TP
\fI~/.local/share/jumpdeck\fR
The embedded appliance's database, keys and recordings.
";

/// The names of the pages of a command and of those in it.
fn pages(command: &clap::Command, name: &str) -> Vec<String> {
    let own = std::iter::once(name.to_owned());
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    own.chain(shown.flat_map(|verb| pages(verb, &format!("{name}-{}", verb.get_name())))).collect()
}

impl Manual {
    /// Adds what the help does not say.
    fn complete(&self, name: &str) -> std::io::Result<()> {
        let passes_on = ["jumpdeck-exec", "jumpdeck-jump", "jumpdeck-attach"].contains(&name);
        let status = if passes_on { REMOTE_STATUS } else { STATUS };
        let files = if name == "jumpdeck" { FILES } else { "" };
        let page = self.dir.join(format!("{name}.1"));
        let mut file = std::fs::File::options().append(true).open(page)?;
        file.write_all(format!("{status}{files}").as_bytes())
    }

    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let dir = self.dir.display();
        std::fs::create_dir_all(&self.dir).with_context(|| format!("making {dir}"))?;
        let command = help::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command.clone(), &self.dir)
            .with_context(|| format!("writing into {dir}"))?;
        for name in pages(&command, "jumpdeck") {
            self.complete(&name).with_context(|| format!("writing into {dir}"))?;
        }
        output::print(|out| {
            writeln!(out, "The pages are in {dir}; `man {dir}/jumpdeck.1` shows the first.")
        })
    }
}
