//! `jumpdeck completions` and `jumpdeck man`: what shells and manuals want, from the same words
//! as the help.

use super::{help, output};
use anyhow::Context;
use clap::Args;
use clap_complete::Shell;
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

impl Manual {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let dir = self.dir.display();
        std::fs::create_dir_all(&self.dir).with_context(|| format!("making {dir}"))?;
        let command = help::command().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.dir)
            .with_context(|| format!("writing into {dir}"))?;
        output::print(|out| {
            writeln!(out, "The pages are in {dir}; `man {dir}/jumpdeck.1` shows the first.")
        })
    }
}
