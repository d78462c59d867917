//! `jumpdeck integrate`: a desktop opens scripts with jumpdeck.

use super::connect::Connect;
use super::output;
use anyhow::{Context, bail};
use clap::Args;
use directories::BaseDirs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// What tells desktops what a script is.
const MIME: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="application/x-brcs">
    <comment>Representative Console Script</comment>
    <glob pattern="*.brcs"/>
    <magic><match type="string" offset="0" value="BRCS1.0"/></magic>
  </mime-type>
</mime-info>
"#;

#[derive(Args, Debug)]
pub(super) struct Integrate {
    /// Take it back.
    #[arg(long)]
    remove: bool,
}

impl Integrate {
    pub(super) fn run(self, connect: &Connect) -> anyhow::Result<ExitCode> {
        let dirs = BaseDirs::new().context("there is no home directory")?;
        let data = dirs.data_dir();
        let desktop = data.join("applications").join("jumpdeck.desktop");
        let mime = data.join("mime").join("packages").join("jumpdeck.xml");
        if self.remove {
            for path in [&desktop, &mime] {
                match std::fs::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error).with_context(|| path.display().to_string());
                    }
                    _ => {}
                }
            }
            update(data);
            output::say("The desktop does not open scripts with jumpdeck any more.");
            return Ok(ExitCode::SUCCESS);
        }
        let program = std::env::current_exe().context("finding this program's own file")?;
        write(&desktop, &entry(&program, connect)?)?;
        write(&mime, MIME)?;
        update(data);
        output::say("The desktop opens scripts (*.brcs) with jumpdeck from now on:");
        output::print(|out| {
            writeln!(out, "{}", desktop.display())?;
            writeln!(out, "{}", mime.display())
        })
    }
}

/// The entry that says how a script is opened, as the Desktop Entry Specification has it.
fn entry(program: &Path, connect: &Connect) -> anyhow::Result<String> {
    let mut words = vec![program.to_str().context("this program's path is no UTF-8")?.to_owned()];
    if let Some(url) = connect.url() {
        words.extend(["--connect".to_owned(), url.to_owned()]);
    }
    if let Some(name) = connect.user() {
        words.extend(["--as".to_owned(), name.to_owned()]);
    }
    words.push("--run-script-file".to_owned());
    let words = words.iter().map(|word| quoted(word)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(format!(
        "[Desktop Entry]\nType=Application\nName=jumpdeck\nGenericName=Remote support console\n\
         Comment=Opens Representative Console Scripts\nExec={} %f\nTerminal=true\n\
         MimeType=application/x-brcs;\nCategories=Network;RemoteAccess;\nNoDisplay=true\n",
        words.join(" ")
    ))
}

/// A word of the Exec key: in quotes, with what means something there escaped.
fn quoted(word: &str) -> anyhow::Result<String> {
    if word.chars().any(char::is_control) {
        bail!("{word:?} cannot be written in a desktop entry");
    }
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        match letter {
            '"' | '`' | '$' => quoted.extend(['\\', '\\', letter]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// Writes a file, which has its name only once it is whole.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let dir: PathBuf = path.parent().context("it has a folder")?.to_path_buf();
    let failed = || path.display().to_string();
    std::fs::create_dir_all(&dir).with_context(failed)?;
    let part = tempfile::NamedTempFile::new_in(&dir).with_context(failed)?;
    std::fs::write(part.path(), text).with_context(failed)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(part.path(), mode).with_context(failed)?;
    part.persist(path).with_context(failed)?;
    Ok(())
}

/// Desktops look into what these make. Where there are none, no desktop needs them.
fn update(data: &Path) {
    let tools = [("update-mime-database", "mime"), ("update-desktop-database", "applications")];
    for (tool, folder) in tools {
        let _ = Command::new(tool)
            .arg(data.join(folder))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_in_the_entry_as_it_is() {
        let text = entry(Path::new("/opt/a b/100%/$x\"\\y"), &Connect::default()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("Exec=")).unwrap();
        assert_eq!(line, r#""/opt/a b/100%%/\\$x\\"\\\\y" "--run-script-file" %f"#);
        assert!(entry(Path::new("/opt/a\nb"), &Connect::default()).is_err());
    }
}
